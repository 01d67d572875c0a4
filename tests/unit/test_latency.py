"""TTFT, ITL and both TPOTs on single requests."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain.latency import (
    Decoding,
    mean_itl_per_token,
    mean_tpot_per_request,
    request_latency,
    time_to_first_token,
    tpot_excluding_first,
    tpot_including_first,
)

VECTORS = json.loads((Path(__file__).parent / "vectors/slo_latency_definitions.json").read_text())[
    "cases"
]
SINGLE = [case for case in VECTORS if "itl" in case]
WEIGHTED = [case for case in VECTORS if "mean_itl_per_token" in case]


@pytest.mark.parametrize("case", SINGLE, ids=lambda case: case["id"])
def test_latencies_of_a_request(case: dict[str, Any]) -> None:
    ttft, e2e = case["ttft"], case["e2e"]
    if "responses" in case:
        assert time_to_first_token(case["start"], case["responses"][0]) == ttft
        assert request_latency(case["start"], case["responses"][-1]) == e2e
    tokens = case["output_tokens"]
    excluding = tpot_excluding_first(e2e, ttft, tokens)
    if case["itl"] is None:
        assert excluding is None
    else:
        assert excluding == pytest.approx(case["itl"], rel=1e-9)
    if "tpot_incl_first" in case:
        assert excluding == pytest.approx(case["tpot_excl_first"], rel=1e-9)
        assert tpot_including_first(e2e, tokens) == pytest.approx(case["tpot_incl_first"], rel=1e-9)


@pytest.mark.parametrize("case", WEIGHTED, ids=lambda case: case["id"])
def test_requests_or_tokens_weigh_alike(case: dict[str, Any]) -> None:
    answers = [
        Decoding(request["output_tokens"], request["decode_ms"]) for request in case["requests"]
    ]
    assert mean_tpot_per_request(answers) == pytest.approx(case["mean_tpot_per_request"], rel=1e-9)
    assert mean_itl_per_token(answers) == pytest.approx(case["mean_itl_per_token"], rel=1e-9)


def test_the_two_conventions_differ_by_the_first_token() -> None:
    assert tpot_excluding_first(1000, 900, 2) == 100
    assert tpot_including_first(1000, 2) == 500


@pytest.mark.parametrize("start", [2.0, math.nan, -math.inf])
def test_a_clock_that_went_back_gives_no_latency(start: float) -> None:
    assert time_to_first_token(start, 1.0) is None
    assert request_latency(start, 1.0) is None


@pytest.mark.parametrize(
    ("e2e", "ttft", "tokens"),
    [(1.0, 2.0, 5), (2.0, -1.0, 5), (2.0, 1.0, 1), (2.0, 1.0, math.nan), (math.nan, 1.0, 5)],
)
def test_a_tpot_that_does_not_exist(e2e: float, ttft: float, tokens: float) -> None:
    assert tpot_excluding_first(e2e, ttft, tokens) is None


@pytest.mark.parametrize(("e2e", "tokens"), [(1.0, 0), (-1.0, 5), (math.nan, 5), (1.0, math.inf)])
def test_a_tpot_of_all_tokens_that_does_not_exist(e2e: float, tokens: float) -> None:
    assert tpot_including_first(e2e, tokens) is None


def test_means_of_nothing_are_unknown() -> None:
    unusable = [Decoding(1, 0), Decoding(5, -1), Decoding(math.nan, 1), Decoding(5, math.inf)]
    assert mean_tpot_per_request(unusable) is None
    assert mean_itl_per_token(unusable) is None
    assert mean_tpot_per_request([*unusable, Decoding(3, 10)]) == 5
    assert mean_itl_per_token([*unusable, Decoding(3, 10)]) == 5


answers = st.lists(st.builds(Decoding, st.integers(2, 1000), st.floats(0, 1e4)), min_size=1)


@given(answers)
def test_both_means_lie_between_the_fastest_and_the_slowest(parts: list[Decoding]) -> None:
    each = [part.decode_time / (part.output_tokens - 1) for part in parts]
    for mean in (mean_tpot_per_request(parts), mean_itl_per_token(parts)):
        assert mean is not None
        assert min(each) * (1 - 1e-9) <= mean <= max(each) * (1 + 1e-9)
