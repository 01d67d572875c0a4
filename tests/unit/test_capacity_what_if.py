"""What another GPU, count, mix or cost setting would change, to the cent."""

import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtop_tui.domain.capacity.answers import FigureError, Needs, NotKnown
from mtop_tui.domain.capacity.gpu_mix import GpuType, Mix, cheapest_mix
from mtop_tui.domain.capacity.variant_cost import DeclaredCost, audit_variant_costs
from mtop_tui.domain.capacity.what_if import (
    CountChange,
    GpuChange,
    Hardware,
    change_count,
    change_gpu,
)

VECTORS = Path(__file__).parent / "vectors"
WHAT_IF = json.loads((VECTORS / "what_if_gpu.json").read_text())["cases"]
MIX = json.loads((VECTORS / "gpu_mix.json").read_text())["cases"]

A100 = Hardware("A100", Decimal("3.43"), 4.0)
H100 = Hardware("H100", Decimal("6.88"), 9.0)


def hardware(gpu: str, figures: dict[str, Any]) -> Hardware:
    price = Decimal(str(figures["usd_per_replica_h"]))
    return Hardware(gpu, price, figures["goodput_rps_per_replica"])


def changed(load: float, now: Hardware, replicas: int, then: Hardware) -> GpuChange:
    result = change_gpu(load, 0.2, now, replicas, then)
    assert isinstance(result, GpuChange)
    return result


@pytest.mark.parametrize("case", WHAT_IF, ids=lambda case: case["id"])
def test_a_saving_is_split_into_right_sizing_and_hardware(case: dict[str, Any]) -> None:
    now, then = hardware("now", case["now"]), hardware("then", case["then"])
    result = change_gpu(case["load_rps"], case["headroom"], now, case["now"]["replicas"], then)
    assert isinstance(result, GpuChange)
    assert result.replicas_right_sized == case["replicas_needed_now"]
    assert result.replicas_then == case["replicas_needed_then"]
    for name, expected in [
        ("usd_now", case["usd_h_now"]),
        ("usd_right_sized", case["usd_h_right_sized"]),
        ("usd_then", case["usd_h_then"]),
        ("saving", case["saving_usd_h"]),
        ("right_sizing", case["of_which_right_sizing"]),
    ]:
        assert float(getattr(result, name)) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_the_other_gpu_may_cost_more_though_money_is_saved() -> None:
    result = changed(40, A100, 16, H100)
    assert result.saving == Decimal("13.60")
    assert result.right_sizing == Decimal("13.72")
    assert result.hardware == Decimal("-0.12")


def test_one_large_gpu_is_dearer_at_little_load() -> None:
    result = changed(3, A100, 1, H100)
    assert result.saving == Decimal("-3.45")
    assert result.right_sizing == 0


def test_the_minimum_of_replicas_is_kept() -> None:
    result = change_gpu(0, 0.2, A100, 2, H100, minimum=1)
    assert isinstance(result, GpuChange)
    assert (result.replicas_right_sized, result.replicas_then) == (1, 1)


def test_what_was_not_measured_is_asked_for() -> None:
    unknown = Hardware("B200", None, None)
    result = change_gpu(40, 0.2, A100, 16, unknown)
    assert isinstance(result, Needs)
    assert len(result.numbers) == 2
    assert "goodput" in result.numbers[0]
    assert "requests/s" in result.numbers[0]
    assert "price" in result.numbers[1]
    assert all("B200" in number for number in result.numbers)


def test_only_the_missing_number_is_asked_for() -> None:
    unmeasured = A100._replace(goodput_per_replica=None)
    result = change_gpu(40, 0.2, unmeasured, 16, H100)
    assert result == change_count(40, 0.2, unmeasured, 16, 12)
    assert isinstance(result, Needs)
    assert result.numbers == ("goodput per replica on A100 in requests/s, measured",)


@pytest.mark.parametrize(
    "wrong",
    [
        A100._replace(usd_per_replica_hour=Decimal(0)),
        A100._replace(usd_per_replica_hour=Decimal(-1)),
        A100._replace(usd_per_replica_hour=Decimal("NaN")),
        A100._replace(goodput_per_replica=0.0),
        A100._replace(goodput_per_replica=math.nan),
    ],
)
def test_impossible_hardware_is_refused(wrong: Hardware) -> None:
    with pytest.raises(FigureError, match="A100"):
        change_gpu(40, 0.2, wrong, 16, H100)


def test_negative_replicas_are_refused() -> None:
    with pytest.raises(FigureError, match="replicas"):
        change_gpu(40, 0.2, A100, -1, H100)


def test_fewer_replicas_save_money_while_they_are_enough() -> None:
    result = change_count(40, 0.2, A100, 16, 12)
    assert result == CountChange(
        replicas_needed=12,
        usd_now=Decimal("54.88"),
        usd_then=Decimal("41.16"),
        headroom_then=pytest.approx(1 / 6),
        enough=True,
    )


def test_too_few_replicas_are_said_to_be_too_few() -> None:
    result = change_count(40, 0.2, A100, 16, 8)
    assert isinstance(result, CountChange)
    assert not result.enough
    assert result.headroom_then == pytest.approx(-0.25)


def test_no_replica_has_no_headroom() -> None:
    result = change_count(40, 0.2, A100, 16, 0)
    assert isinstance(result, CountChange)
    assert result.headroom_then is None
    assert not result.enough


money = st.decimals(Decimal("0.01"), Decimal(100), places=2)
goodput = st.floats(0.1, 50)


offer = st.tuples(money, goodput)


@given(st.floats(0, 500), st.integers(0, 50), offer, offer)
def test_the_parts_of_a_saving_add_up(
    load: float, replicas: int, now: tuple[Decimal, float], then: tuple[Decimal, float]
) -> None:
    result = changed(load, Hardware("now", *now), replicas, Hardware("then", *then))
    assert result.right_sizing + result.hardware == result.saving


def gpu_types(config: dict[str, Any]) -> list[GpuType]:
    return [
        GpuType(
            name,
            Decimal(str(info["cost"])),
            tuple(rate for row in info["tputs"] for rate in row),
        )
        for name, info in config["gpu_info"].items()
    ]


@pytest.mark.parametrize("case", MIX, ids=lambda case: case["id"])
def test_the_published_mix(case: dict[str, Any]) -> None:
    config = case["config"]
    rate = config["total_request_rate"]
    loads = [share * rate for row in config["workload_distribution"] for share in row]
    result = cheapest_mix(gpu_types(config), loads, config["slice_factor"])
    assert isinstance(result, Mix)
    assert result.counts == case["expected"]["counts"]
    assert result.usd_per_hour == Decimal(str(case["expected"]["usd_per_h"])).quantize(
        Decimal("0.01")
    )


SMALL = GpuType("small", Decimal("1.00"), (2.0, 0.0))
LARGE = GpuType("large", Decimal("4.00"), (20.0, 10.0))


def test_a_bucket_goes_only_where_it_meets_the_slo() -> None:
    assert cheapest_mix([SMALL, LARGE], [2, 5]) == Mix({"large": 1}, Decimal("4.00"))
    result = cheapest_mix([SMALL], [2, 5])
    assert isinstance(result, NotKnown)
    assert "bucket 2" in result.reason


def test_finer_slices_find_cheaper_mixes() -> None:
    coarse = cheapest_mix([SMALL, LARGE], [24.0, 0.0])
    fine = cheapest_mix([SMALL, LARGE], [24.0, 0.0], slices=6)
    assert coarse == Mix({"large": 2}, Decimal("8.00"))
    assert fine == Mix({"small": 2, "large": 1}, Decimal("6.00"))


def test_without_load_nothing_is_rented() -> None:
    assert cheapest_mix([SMALL, LARGE], [0.0, 0.0]) == Mix({}, Decimal(0))


def test_an_exact_fit_takes_no_gpu_more() -> None:
    third = GpuType("third", Decimal(1), (0.1,))
    assert cheapest_mix([third], [0.3]) == Mix({"third": 3}, Decimal(3))


def test_equal_prices_take_the_fewest_gpus() -> None:
    four = GpuType("four", Decimal(1), (1.0,))
    one = GpuType("one", Decimal(4), (4.0,))
    assert cheapest_mix([four, one], [4.0]) == Mix({"one": 1}, Decimal(4))


def test_too_large_a_search_is_not_begun() -> None:
    types = [GpuType(str(i), Decimal(1), (1.0,) * 8) for i in range(4)]
    result = cheapest_mix(types, [1.0] * 8, slices=4)
    assert isinstance(result, NotKnown)
    assert "too many" in result.reason


@pytest.mark.parametrize(
    ("types", "loads", "slices"),
    [
        ([SMALL], [1.0, 1.0], 0),
        ([SMALL], [1.0], 1),
        ([SMALL], [-1.0, 0.0], 1),
        ([SMALL], [math.nan, 0.0], 1),
        ([SMALL._replace(usd_per_hour=Decimal(0))], [1.0, 0.0], 1),
        ([SMALL._replace(goodput=(math.nan, 1.0))], [1.0, 0.0], 1),
        ([SMALL, SMALL], [1.0, 0.0], 1),
    ],
)
def test_an_impossible_mix_is_refused(
    types: list[GpuType], loads: list[float], slices: int
) -> None:
    with pytest.raises(FigureError):
        cheapest_mix(types, loads, slices)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(money, goodput, goodput), min_size=1, max_size=3),
    st.tuples(st.floats(0.1, 40), st.floats(0.1, 40)),
)
def test_a_mix_is_never_dearer_than_one_type_for_all(
    offers: list[tuple[Decimal, float, float]], loads: tuple[float, float]
) -> None:
    types = [GpuType(str(i), price, (a, b)) for i, (price, a, b) in enumerate(offers)]
    mix = cheapest_mix(types, loads)
    assert isinstance(mix, Mix)
    for gpu in types:
        alone = math.ceil((loads[0] / gpu.goodput[0] + loads[1] / gpu.goodput[1]) * (1 + 1e-9))
        assert mix.usd_per_hour <= gpu.usd_per_hour * alone


def test_two_gpus_at_default_costs_mislead_the_autoscaler() -> None:
    audit = audit_variant_costs(
        [
            DeclaredCost("a-h100", None, Decimal("6.88")),
            DeclaredCost("b-a100", "10.0", Decimal("3.43")),
        ]
    )
    assert audit.misleads
    assert [finding.is_default for finding in audit.findings] == [True, True]
    assert [finding.paste for finding in audit.findings] == ["6.88", "3.43"]
    assert "grows a-h100 at $6.88/h where $3.43/h would do" in audit.sentence
    assert "shrinks b-a100 at $3.43/h and keeps $6.88/h" in audit.sentence


def test_costs_in_another_unit_are_fine_while_the_order_is_right() -> None:
    audit = audit_variant_costs(
        [
            DeclaredCost("h100", "20", Decimal("6.88")),
            DeclaredCost("l4", "1", Decimal("0.81")),
            DeclaredCost("a100", "5", Decimal("3.43")),
        ]
    )
    assert audit.misleads is False


def test_default_costs_on_equal_prices_are_fine() -> None:
    price = Decimal("6.88")
    audit = audit_variant_costs([DeclaredCost("a", None, price), DeclaredCost("b", "10", price)])
    assert audit.misleads is False


def test_one_variant_cannot_be_confused() -> None:
    audit = audit_variant_costs([DeclaredCost("a", None, Decimal("6.88"))])
    assert audit.misleads is False
    assert audit.findings[0].paste == "6.88"


@pytest.mark.parametrize("declared", ["cheap", "-3", "0", "NaN", ""])
def test_a_cost_that_is_no_number_is_not_known(declared: str) -> None:
    audit = audit_variant_costs(
        [DeclaredCost("a", declared, Decimal(2)), DeclaredCost("b", "5", Decimal(3))]
    )
    assert audit.findings[0].in_effect is None
    assert audit.misleads is None
    assert audit.sentence.endswith(": a")


def test_a_variant_without_a_price_leaves_the_question_open() -> None:
    audit = audit_variant_costs([DeclaredCost("a", "5", None), DeclaredCost("b", "6", Decimal(3))])
    assert audit.misleads is None
    assert audit.findings[0].paste is None


def test_a_tiny_price_is_not_pasted_as_zero() -> None:
    audit = audit_variant_costs([DeclaredCost("a", None, Decimal("0.001"))])
    assert audit.findings[0].paste == "0.01"


@pytest.mark.parametrize("price", ["0", "-1", "NaN"])
def test_an_impossible_price_is_refused(price: str) -> None:
    with pytest.raises(FigureError, match="price"):
        audit_variant_costs([DeclaredCost("a", None, Decimal(price))])
