"""What tokens cost, by OpenCost's own figures."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain.cost.allocation import allocated
from mtop_tui.domain.cost.money import Basis, Money, PriceOrigin, Window
from mtop_tui.domain.cost.tokens import (
    InputTokens,
    Method,
    TokenPrices,
    TokenUse,
    token_prices,
    usd_per_million_tokens,
    usd_per_thousand_requests,
)

VECTORS = json.loads((Path(__file__).parent / "vectors/token_cost.json").read_text())["cases"]
CASES = {case["id"]: case for case in VECTORS}

counts = st.integers(0, 10**9)
times = st.floats(0, 1e6)


def money(value: float) -> Decimal:
    return Decimal(str(value))


def spent(usd: Decimal | float) -> Money:
    origin = PriceOrigin("list", date(2026, 7, 20))
    return Money(Decimal(str(usd)), Basis.ALLOCATION, Window(0, 3600), frozenset({origin}))


def use_of(case: dict[str, Any]) -> TokenUse:
    return TokenUse(
        prompt=case["prompt"],
        generation=case["generation"],
        cached=case.get("cached"),
        prefill_seconds=case.get("prefill_s"),
        decode_seconds=case.get("decode_s"),
    )


@pytest.mark.parametrize(
    "case", [case for case in VECTORS if "generation" in case], ids=lambda case: case["id"]
)
def test_opencost_token_prices(case: dict[str, Any]) -> None:
    got = token_prices(
        spent(case["total_usd"]),
        use_of(case),
        input_tokens=InputTokens(case.get("denominator", "all")),
    )
    for name in ("blended", "input", "output"):
        if f"{name}_per_m" in case:
            expected = case[f"{name}_per_m"]
            price = getattr(got, name)
            assert (price is None) == (expected is None)
            assert expected is None or float(price) == pytest.approx(expected, rel=1e-9)
    if "method" in case:
        assert got.method == case["method"]
    if "published" in case:
        printed = [float(round(price, 3)) for price in (got.blended, got.input, got.output)]
        assert printed == case["published"]


def test_the_price_of_an_allocation_at_a_pace() -> None:
    case = CASES["rate-2of4gpu"]
    held = allocated(
        case["gpus_requested"], case["gpus_on_node"], money(case["node_gpu_usd_per_h"])
    )
    assert held.usd == money(case["usd_per_h"])
    price = usd_per_million_tokens(held.usd, case["prompt_tps"] + case["generation_tps"])
    assert price is not None
    assert float(price) == pytest.approx(case["blended_per_m"], rel=1e-9)
    assert float(round(price, 2)) == case["published"]


def test_the_price_at_a_pace() -> None:
    case = CASES["nvidia-formula"]
    price = usd_per_million_tokens(money(case["usd_per_h"]), case["tokens_per_s"])
    assert price is not None
    assert float(price) == pytest.approx(case["blended_per_m"], rel=1e-9)


def test_less_than_a_token_a_second_still_has_a_price() -> None:
    assert usd_per_million_tokens(Decimal("3.6"), 0.5) == 2000


@pytest.mark.parametrize("pace", [0.0, -1.0, float("nan")])
def test_no_tokens_have_no_price(pace: float) -> None:
    assert usd_per_million_tokens(Decimal("3.6"), pace) is None


def test_windows_accumulate() -> None:
    case = CASES["accumulate-windows"]
    together = TokenUse()
    for _, prompt, generation in case["parts"]:
        together += TokenUse(prompt, generation)
    assert sum(part[0] for part in case["parts"]) == case["total_usd"]
    assert together.prompt == case["prompt"]
    price = token_prices(spent(case["total_usd"]), together).blended
    assert price is not None
    assert float(price) == pytest.approx(220 / 3.3)


def test_all_prompt_tokens_are_the_denominator_and_the_saving_stands_beside() -> None:
    case = CASES["qwen-effective"]
    got = token_prices(spent(case["total_usd"]), use_of(case))
    assert got.input is not None
    assert float(got.input) == pytest.approx(1.6 / 12)
    assert got.cache_saving == pytest.approx(0.8 / 12)


def test_the_cache_saving_needs_prompts_and_a_count() -> None:
    assert TokenUse(10, 0).cache_saving is None
    assert TokenUse(0, 10, cached=0).cache_saving is None
    assert TokenUse(10, 0, cached=0).cache_saving == 0
    assert TokenUse(10, 0, cached=12).cache_saving == 1


def test_effective_input_that_was_all_cached_has_no_price() -> None:
    cached = TokenUse(10, 10, cached=12)
    assert token_prices(spent(1), cached, input_tokens=InputTokens.EFFECTIVE).input is None
    unknown = TokenUse(10, 10)
    effective = token_prices(spent(1), unknown, input_tokens=InputTokens.EFFECTIVE)
    assert effective == token_prices(spent(1), unknown)


def test_the_method_says_that_prefixes_are_not_cached() -> None:
    timed = TokenUse(10, 10, prefill_seconds=1, decode_seconds=3)
    assert token_prices(spent(4), timed, prefix_caching=False) == TokenPrices(
        spent(4),
        Decimal(200_000),
        Decimal(100_000),
        Decimal(300_000),
        Method.PREFIX_CACHING_OFF,
        None,
    )
    for caching in (True, None):
        split = token_prices(spent(4), timed, prefix_caching=caching)
        assert split.method is Method.COMPUTE_TIME
    untimed = token_prices(spent(4), TokenUse(10, 10), prefix_caching=False)
    assert untimed.method is Method.MULTIPLIER


def test_another_weight_of_output() -> None:
    got = token_prices(spent(4), TokenUse(1_000_000, 1_000_000), output_weight=Decimal(3))
    assert (got.input, got.output) == (Decimal(1), Decimal(3))


def test_only_one_kind_of_token() -> None:
    generated = token_prices(spent(4), TokenUse(0, 1_000_000))
    assert (generated.blended, generated.input, generated.output) == (4, None, 4)
    read = token_prices(spent(4), TokenUse(1_000_000, 0, None, 1.0, 1.0))
    assert (read.blended, read.input, read.output) == (4, 2, None)
    nothing = token_prices(spent(4), TokenUse(0, 0, None, 1.0, 1.0))
    assert (nothing.blended, nothing.input, nothing.output) == (None, None, None)


def test_requests() -> None:
    assert usd_per_thousand_requests(spent(3), 6000) == Decimal("0.5")
    assert usd_per_thousand_requests(spent(3), 0) is None
    assert usd_per_thousand_requests(spent(3), None) is None


def test_prices_of_tokens_carry_what_they_are_made_of() -> None:
    part = replace(spent(4), priced=frozenset({"n1"}), unpriced=frozenset({"n2"}))
    got = token_prices(part, TokenUse(1_000_000, 1_000_000))
    assert (got.cost, got.blended) == (part, 2)
    assert got.cost.at_least
    assert usd_per_thousand_requests(part, 1000) == 4


def test_tokens_of_nodes_without_a_price_have_none_rather_than_being_free() -> None:
    unpriced = Money(Decimal(0), Basis.ALLOCATION, unpriced=frozenset({"n1"}))
    got = token_prices(unpriced, TokenUse(1_000_000, 1_000_000))
    assert (got.blended, got.input, got.output) == (None, None, None)
    assert usd_per_thousand_requests(unpriced, 1000) is None


def test_what_one_part_does_not_know_the_sum_does_not_know() -> None:
    known = TokenUse(1, 2, 3, 4, 5, 6)
    assert known + known == TokenUse(2, 4, 6, 8, 10, 12)
    assert known + TokenUse(1, 1) == TokenUse(2, 3)


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_numbers_that_cannot_be(value: float) -> None:
    for name in ("prompt", "generation", "cached", "prefill_seconds", "decode_seconds", "requests"):
        with pytest.raises(ValueError, match=f"{name} is 0 or more, not {value}"):
            TokenUse(**{name: value})
    with pytest.raises(ValueError, match="number of requests is 0 or more"):
        usd_per_thousand_requests(spent(1), value)
    with pytest.raises(ValueError, match=r"^an output weight is 0 or more"):
        token_prices(spent(1), TokenUse(1, 1), output_weight=money(value))


def test_output_weighs_something() -> None:
    with pytest.raises(ValueError, match=r"^an output weight is above 0$"):
        token_prices(spent(1), TokenUse(1, 1), output_weight=Decimal(0))


@given(st.decimals(0, 10**6, places=4), counts, counts, st.none() | times, st.none() | times)
def test_input_and_output_cost_what_was_spent(
    usd: Decimal, prompt: int, generation: int, prefill: float | None, decode: float | None
) -> None:
    use = TokenUse(prompt, generation, None, prefill, decode)
    got = token_prices(spent(usd), use)
    if prompt and generation:
        assert got.input is not None
        assert got.output is not None
        together = got.input * prompt + got.output * generation
        assert float(together / 1_000_000) == pytest.approx(float(usd), rel=1e-9)
