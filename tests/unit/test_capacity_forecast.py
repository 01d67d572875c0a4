"""What a change would come to: from what is measured, by what a model says, or not at all."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain.capacity.answers import NotKnown
from mtop_tui.domain.capacity.forecast import (
    Band,
    Forecast,
    Lengths,
    Placement,
    Settled,
    forecast,
    goodput,
)
from mtop_tui.engine.forecasting import settled

LLAMA = Placement(("hf://meta-llama/Llama-3.1-8B-Instruct",), "H100", 1)
CHAT = Lengths(500, 200)


def modelled(ttft: float, tpot: float, utilisation: float = 0.5, error: float = 0.25) -> Settled:
    return Settled(ttft, tpot, utilisation, 0.5, error, "by hand")


def test_a_forecast_is_what_is_measured_times_what_the_model_says_of_the_change() -> None:
    found = forecast(modelled(0.1, 0.010), modelled(0.3, 0.015), ttft=0.2, tpot=0.012)
    assert isinstance(found, Forecast)
    assert found.tpot == pytest.approx(Band(0.018, 0.0135, 0.0225))
    assert found.ttft == pytest.approx(Band(0.6, 0.3, 0.9))


def test_the_larger_error_of_both_counts() -> None:
    found = forecast(modelled(0.1, 0.01, error=0.04), modelled(0.1, 0.01), ttft=0.1, tpot=0.01)
    assert isinstance(found, Forecast)
    assert found.tpot.high == pytest.approx(0.0125)


@pytest.mark.parametrize(
    ("now", "then", "tpot", "reason"),
    [
        (modelled(0.1, 0.01), modelled(0.1, 0.01), None, "nothing to hold the model to"),
        (modelled(0.1, 0.01), modelled(0.1, 0.01), 0.021, "10 ms per token now where 21 ms"),
        (modelled(0.1, 0.01), modelled(0.1, 0.01), 0.004, "it does not hold"),
        (modelled(0.1, 0.01), modelled(0.1, 0.01, 1.5), 0.01, "the queue would grow"),
    ],
)
def test_where_the_model_does_not_hold_nothing_is_forecast(
    now: Settled, then: Settled, tpot: float | None, reason: str
) -> None:
    found = forecast(now, then, 0.1, tpot)
    assert isinstance(found, NotKnown)
    assert reason in found.reason


@pytest.mark.parametrize(
    ("now", "ttft", "reason"),
    [
        (modelled(0.1, 0.01), None, "no TTFT is measured"),
        (modelled(0.1, 0.01, 1.2), 0.1, "the queue grows now"),
        (modelled(0.1, 0.01), 3.0, "0.1 s now where 3 s are measured"),
    ],
)
def test_tokens_may_be_forecast_where_first_tokens_are_not(
    now: Settled, ttft: float | None, reason: str
) -> None:
    found = forecast(now, modelled(0.1, 0.02), ttft, 0.01)
    assert isinstance(found, Forecast)
    assert found.tpot.value == pytest.approx(0.02)
    assert isinstance(found.ttft, NotKnown)
    assert reason in found.ttft.reason


@given(st.floats(0.01, 100), st.floats(0.001, 1))
def test_goodput_is_the_rate_up_to_which_it_is_good_enough(capacity: float, limit: float) -> None:
    def model(_: Placement, __: Lengths, rate: float) -> Settled:
        return modelled(0.1, rate / capacity, rate / capacity)

    found = goodput(model, LLAMA, CHAT, lambda one: one.tpot <= limit)
    assert found == pytest.approx(min(capacity, capacity * limit), rel=1e-6)


def test_what_never_is_good_enough_serves_nothing() -> None:
    assert goodput(settled, LLAMA, CHAT, lambda one: one.tpot < 1e-6) == 0


@pytest.mark.parametrize(
    ("placement", "reason"),
    [
        (Placement(("acme/secret",), "H100", 1), "size and shape of acme/secret are not known"),
        (Placement(("acme/secret-7b",), "H100", 1), "not known"),
        (Placement(("", "llama-3.1-8b"), "Z9000", 1), "nothing is known of a GPU called Z9000"),
        (Placement(("llama-3.1-70b",), "L4", 2), "does not fit: 141 GB of weights, 2 x L4"),
        (Placement(("llama-3.1-8b",), "H100", 3), "32 attention heads do not divide by 3 GPUs"),
    ],
)
def test_what_the_model_cannot_say_is_refused_in_words(placement: Placement, reason: str) -> None:
    found = settled(placement, CHAT, 1.0)
    assert isinstance(found, NotKnown)
    assert reason in found.reason
    assert goodput(settled, placement, CHAT, lambda _: True) == found


def test_prompts_that_do_not_fit_into_the_cache_are_refused() -> None:
    found = settled(Placement(("llama-3.1-8b",), "L4", 1), Lengths(1e6, 100), 0.1)
    assert isinstance(found, NotKnown)
    assert "no room for the KV cache" in found.reason


def test_a_measured_combination_has_a_narrower_error_and_says_where_it_is_from() -> None:
    calibrated = settled(Placement(("Qwen2.5-7B",), "H100", 1), CHAT, 1.0)
    plain = settled(Placement(("Qwen2.5-7B",), "L40S", 1), CHAT, 1.0)
    assert isinstance(calibrated, Settled)
    assert isinstance(plain, Settled)
    assert calibrated.tpot_error == pytest.approx(0.12)
    assert "vLLM 0.15.1" in calibrated.source
    assert plain.tpot_error == pytest.approx(0.25)
    assert "uncalibrated" in plain.source


def test_more_load_is_slower_and_a_faster_gpu_is_faster() -> None:
    slow, fast = (settled(LLAMA._replace(gpu=gpu), CHAT, 1.0) for gpu in ("L4", "H100"))
    light, heavy = (settled(LLAMA, CHAT, rate) for rate in (1.0, 20.0))
    for better, worse in ((fast, slow), (light, heavy)):
        assert isinstance(better, Settled)
        assert isinstance(worse, Settled)
        assert better.tpot < worse.tpot
        assert better.ttft < worse.ttft
        assert better.utilisation < worse.utilisation
        assert math.isfinite(worse.ttft)
