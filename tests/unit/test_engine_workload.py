"""The requests that simulated services get, against what was published of production services."""

from __future__ import annotations

import hashlib
import math
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtop_tui.engine.demand import UNSTATED, Demand
from mtop_tui.engine.serving.requests import Request
from mtop_tui.engine.workload import rhythm
from mtop_tui.engine.workload.changes import LoadChange, ramp, spike, step
from mtop_tui.engine.workload.gaps import gaps_of
from mtop_tui.engine.workload.kinds import (
    BATCH,
    CHAT,
    CODE,
    KINDS,
    LONG_CONTEXT,
    MIXED,
    REASONING,
    Kind,
    kind_of,
)
from mtop_tui.engine.workload.streams import group_workload, service_workload
from mtop_tui.engine.workload.tenants import tenants_of
from mtop_tui.engine.workload.workload import Workload, workload_of
from mtop_tui.observations import ObjectRef, Service, ServiceKey

START = 1_800_000_000.0
HOUR, DAY = 3_600.0, 86_400.0


def made(
    kind: Kind = CHAT, rate: float = 10.0, *, name: str = "chat", seed: int = 1, **hints: float
) -> Workload:
    demand = Demand(requests_per_second=rate, **hints)  # type: ignore[arg-type]
    return workload_of(seed, ServiceKey("mock", "ns", name), demand, 1.0, kind)


def level(rate: float = 10.0, kind: Kind = CHAT, **hints: float) -> Workload:
    """A workload whose mean rate stays the same."""
    return made(kind, rate, diurnal=0.0, **hints)


def quantile(values: Sequence[float], q: float) -> float:
    return sorted(values)[int(q * len(values))]


def dispersion(found: Sequence[Request], window: float) -> float:
    """Variance over mean of the counts per window."""
    counts = Counter(int((one.at - found[0].at) / window) for one in found)
    series = [counts[index] for index in range(int((found[-1].at - found[0].at) / window))]
    return statistics.pvariance(series) / statistics.fmean(series)


def burstiness(found: Sequence[Request]) -> float:
    gaps = [after.at - before.at for before, after in pairwise(found)]
    return statistics.pstdev(gaps) / statistics.fmean(gaps)


# What does not depend on how one looks


@settings(max_examples=25, deadline=None)
@given(
    cuts=st.lists(st.floats(0.0, 300.0), max_size=20),
    kind=st.sampled_from(list(KINDS.values())),
    seed=st.integers(0, 99),
)
def test_slices_make_no_difference(cuts: list[float], kind: Kind, seed: int) -> None:
    times = [START, *(START + one for one in sorted(cuts)), START + 300.0]
    whole = made(kind, seed=seed).requests(times[0], times[-1])
    sliced = made(kind, seed=seed)
    assert [one for cut in pairwise(times) for one in sliced.requests(*cut)] == whole
    assert all(before.at <= after.at for before, after in pairwise(whole))
    assert all(START <= one.at < times[-1] for one in whole)


def test_slices_make_no_difference_while_the_load_changes() -> None:
    def drawn(seconds: float) -> list[Request]:
        load = made(MIXED)
        load.change(ramp(START + 7.5, 60.0, 3.0))
        load.change(spike(START + 40.2, 11.0, 0.0))
        load.change(LoadChange(START + 100.0, START + 200.0, rate=2.0, fall=33.3, prompt=2.0))
        found = []
        for index in range(round(300.0 / seconds)):
            found += load.requests(START + index * seconds, START + (index + 1) * seconds)
        return found

    assert drawn(300.0) == drawn(5.0) == drawn(0.5)


def fingerprint() -> str:
    digest = hashlib.sha256()
    for kind in KINDS.values():
        digest.update(repr(made(kind, seed=7).requests(START, START + 120.0)).encode())
    return digest.hexdigest()


def test_another_process_draws_the_very_same() -> None:
    code = "import sys; sys.path.insert(0, sys.argv[1]); import test_engine_workload as t"
    command = [sys.executable, "-c", f"{code}; print(t.fingerprint())", __file__.rpartition("/")[0]]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == fingerprint()


def test_other_seeds_and_names_draw_others() -> None:
    first = made().requests(START, START + 60.0)
    assert made(seed=2).requests(START, START + 60.0) != first
    assert made(name="other").requests(START, START + 60.0) != first


def test_the_rate_decides_when_a_request_comes_and_not_what_it_is() -> None:
    slow, fast = (level(rate).requests(START, START + 300.0) for rate in (5.0, 50.0))
    same = [(one.prompt, one.output, one.tenant) for one in fast[: len(slow)]]
    assert [(one.prompt, one.output, one.tenant) for one in slow] == same


# When requests come


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_as_many_come_as_stated(kind: Kind) -> None:
    found = level(20.0, kind).requests(START, START + HOUR)
    assert len(found) == pytest.approx(20.0 * HOUR, rel=0.1)


@pytest.mark.parametrize(
    ("kind", "hints", "least", "most"),
    [
        (CHAT, {}, 1.05, 1.15),
        (MIXED, {}, 2.85, 3.15),
        (CODE, {}, 7.6, 13.6),
        (BATCH, {}, 3.8, 8.4),
        (CHAT, {"cv": 1.0}, 0.97, 1.03),
        (CHAT, {"cv": 0.5}, 0.48, 0.52),
        (CHAT, {"cv": 5.0}, 4.7, 5.3),
    ],
)
def test_gaps_are_as_bursty_as_the_kind_or_as_stated(
    kind: Kind, hints: dict[str, float], least: float, most: float
) -> None:
    found = level(20.0, kind, **hints).requests(START, START + HOUR)
    assert least <= burstiness(found) <= most


@pytest.mark.parametrize("cv", [0.2, 0.9, 1.1, 3.0, 3.1, 6.0, 13.0, 30.0])
def test_gaps_have_mean_1_and_the_coefficient_of_variation_asked_for(cv: float) -> None:
    gaps = gaps_of(cv)
    bursts, silence = gaps.shape * gaps.scale, gaps.silence_shape * gaps.silence_scale
    mean = (1 - gaps.silences) * bursts + gaps.silences * silence
    second = (1 - gaps.silences) * bursts**2 * (1 + 1 / gaps.shape)
    second += gaps.silences * silence**2 * (1 + 1 / gaps.silence_shape)
    assert mean == pytest.approx(1.0, rel=1e-6)
    assert math.sqrt(second - mean**2) / mean == pytest.approx(cv, rel=1e-6)


def test_counts_of_code_completions_vary_as_azures_do() -> None:
    """Published: variance over mean of 13, 71 and 164 in 1, 10 and 60 seconds; CV 13.2."""
    found = level(2.57, CODE, cv=13.2).requests(START, START + 24 * HOUR)
    assert burstiness(found) == pytest.approx(13.2, rel=0.1)
    assert dispersion(found, 1.0) == pytest.approx(13.0, rel=0.15)
    assert dispersion(found, 10.0) == pytest.approx(71.0, rel=0.15)
    assert dispersion(found, 60.0) == pytest.approx(164.0, rel=0.25)


def test_counts_of_conversations_vary_as_azures_do() -> None:
    """Published: variance over mean of 1.4, 4.0 and 16 in 1, 10 and 60 seconds."""
    wide = [made(CHAT, 5.53, seed=seed).requests(START, START + HOUR) for seed in range(12)]
    for window, published in ((1.0, 1.4), (10.0, 4.0), (60.0, 16.0)):
        found = statistics.fmean(dispersion(one, window) for one in wide)
        assert published / 2 <= found <= published * 2


def test_a_stream_does_not_begin_with_a_burst() -> None:
    """Whoever begins to look meets the long gaps more often: as many come first as later."""
    loads = [made(CODE, 10.0, seed=seed, diurnal=0.0) for seed in range(1_200)]
    first = [len(load.requests(START, START + 5.0)) for load in loads]
    assert statistics.fmean(first) == pytest.approx(50.0, rel=0.2)


def test_the_day_has_the_published_swing() -> None:
    """ServeGen: daily peak over trough of 10 minutes 3.9 to 4.4, peak over mean 1.9 to 3.3."""
    ratios, peaks = [], []
    midnight = START // DAY * DAY
    for seed in range(12):
        load = made(CHAT, 1.0, seed=seed)
        rates = [load.rate(midnight + 300.0 + 600.0 * index) for index in range(14 * 144)]
        days = [rates[index * 144 : (index + 1) * 144] for index in range(14)]
        ratios.append(statistics.median(max(day) / min(day) for day in days))
        peaks.append(max(rates) / statistics.fmean(rates))
        assert statistics.fmean(rates) == pytest.approx(1.0, rel=0.05)
    assert 3.7 <= statistics.fmean(ratios) <= 4.6
    assert 1.9 <= statistics.fmean(peaks) <= 3.3


def test_nights_are_quiet_and_evenings_busy() -> None:
    assert rhythm.daily(5.5 * HOUR) < 0.7
    assert rhythm.daily(20.5 * HOUR) > 1.4
    assert rhythm.daily(DAY - 1e-6) == pytest.approx(rhythm.daily(0.0), rel=1e-6)


@given(key=st.integers(0, 2**64 - 1), at=st.floats(-1e10, 1e11))
def test_unrest_is_bounded_and_smooth(key: int, at: float) -> None:
    here = rhythm.unrest(key, at)
    assert abs(here) <= 4.3
    assert abs(rhythm.unrest(key, at + 1.0) - here) < 0.02


def test_a_level_service_keeps_its_rate() -> None:
    load = level(4.0)
    assert {load.rate(START + HOUR * index) for index in range(24)} == {4.0}


def test_requests_follow_the_rate_told() -> None:
    load = made(CHAT, 10.0)
    expected = math.fsum(load.rate(START + second) for second in range(int(3 * HOUR)))
    assert len(load.requests(START, START + 3 * HOUR)) == pytest.approx(expected, rel=0.03)


def test_a_service_nobody_calls_gets_nothing_until_it_is_called() -> None:
    load = level(0.0)
    assert load.requests(START, START + DAY) == []
    load.set_mean(10.0)
    assert len(load.requests(START + DAY, START + DAY + 100.0)) == pytest.approx(1_000, rel=0.2)


def test_what_states_no_rate_gets_the_usual_one() -> None:
    key = ServiceKey("mock", "ns", "a")
    assert workload_of(1, key, UNSTATED, 3.0, CHAT).mean == 3.0
    assert workload_of(1, key, Demand(requests_per_second=0.0), 3.0, CHAT).mean == 0.0


# Changes of the load


def counted(load: Workload, start: float, end: float) -> float:
    """Requests per second in a time after START."""
    return len(load.requests(START + start, START + end)) / (end - start)


def test_a_step_holds() -> None:
    load = level(50.0)
    load.change(step(START + 100.0, 3.0))
    assert counted(load, 0.0, 100.0) == pytest.approx(50.0, rel=0.1)
    assert counted(load, 100.0, 200.0) == pytest.approx(150.0, rel=0.1)
    assert load.rate(START + DAY) == 150.0


def test_a_spike_passes() -> None:
    load = level(50.0)
    load.change(spike(START + 100.0, 30.0, 5.0))
    assert counted(load, 0.0, 100.0) == pytest.approx(50.0, rel=0.1)
    assert counted(load, 100.0, 130.0) == pytest.approx(250.0, rel=0.1)
    assert counted(load, 130.0, 230.0) == pytest.approx(50.0, rel=0.1)


def test_a_ramp_climbs_in_a_straight_line() -> None:
    load = level(50.0)
    load.change(ramp(START, 200.0, 5.0))
    assert load.rate(START + 100.0) == pytest.approx(150.0)
    assert counted(load, 0.0, 100.0) == pytest.approx(100.0, rel=0.1)
    assert counted(load, 100.0, 200.0) == pytest.approx(200.0, rel=0.1)
    assert counted(load, 200.0, 300.0) == pytest.approx(250.0, rel=0.1)


def test_changes_multiply_and_end_when_cleared() -> None:
    load = level(10.0)
    load.change(step(START, 2.0))
    load.change(step(START, 3.0))
    assert load.rate(START) == 60.0
    load.clear()
    assert load.rate(START) == 10.0


def test_longer_prompts_and_answers_and_fewer_prefixes_for_a_while() -> None:
    load = level(100.0)
    plain = load.mean_lengths(START)
    load.change(LoadChange(START + 50.0, START + 100.0, prompt=2.0, output=0.5, cached=0.0))
    before, during, after = (
        load.requests(START + begin, START + begin + 50.0) for begin in (0.0, 50.0, 100.0)
    )
    assert load.mean_lengths(START + 120.0) == plain
    assert load.mean_lengths(START + 60.0) == (2 * plain[0], 0.5 * plain[1], 0.0)
    means = [statistics.fmean(one.prompt for one in found) for found in (before, during, after)]
    assert means[1] == pytest.approx(2 * plain[0], rel=0.1)
    assert [means[0], means[2]] == pytest.approx([plain[0]] * 2, rel=0.1)
    assert statistics.fmean(one.output for one in during) == pytest.approx(plain[1] / 2, rel=0.1)
    assert {one.cached for one in during} == {0}


def test_a_change_of_the_past_holds_from_now_on_only() -> None:
    load = level(50.0)
    assert counted(load, 0.0, 100.0) == pytest.approx(50.0, rel=0.15)
    load.change(step(START, 4.0))
    assert counted(load, 100.0, 200.0) == pytest.approx(200.0, rel=0.1)


def test_a_pause_stops_and_goes_on() -> None:
    load = level(50.0)
    load.requests(START, START + 10.0)
    load.pause()
    assert load.rate(START + 10.0) == 0.0
    assert load.requests(START + 10.0, START + 500.0) == []
    load.pause(False)
    assert counted(load, 500.0, 600.0) == pytest.approx(50.0, rel=0.15)


def test_a_gap_between_two_looks_costs_no_flood() -> None:
    load = level(50.0)
    load.requests(START, START + 10.0)
    found = load.requests(START + DAY, START + DAY + 100.0)
    assert len(found) == pytest.approx(5_000, rel=0.1)
    assert found[0].at >= START + DAY


# What requests are like

PUBLISHED = {
    # p50, p95, p99 and mean of prompts, then of answers
    CHAT: ((1_020, 4_083, 4_142, 1_155), (129, 451, 601, 211)),
    CODE: ((1_469, 7_303, 7_436, 2_048), (13, 90, 251, 28)),
    LONG_CONTEXT: ((6_909, 39_550, 85_400, 12_035), (350, 698, 1_118, 343)),
}


@pytest.mark.parametrize("kind", PUBLISHED, ids=lambda kind: kind.name)
def test_lengths_have_the_published_percentiles(kind: Kind) -> None:
    (*prompts, prompt_mean), (*outputs, output_mean) = PUBLISHED[kind]
    load = level(50.0, kind, prompt_tokens=prompt_mean, output_tokens=output_mean)
    found = load.requests(START, START + 1_500.0)
    for lengths, published in (
        ([one.prompt for one in found], prompts),
        ([one.output for one in found], outputs),
    ):
        got = [quantile(lengths, q) for q in (0.5, 0.95, 0.99)]
        assert got == pytest.approx(published, rel=0.1, abs=1.0)
    assert statistics.fmean(one.prompt for one in found) == pytest.approx(prompt_mean, rel=0.03)
    assert statistics.fmean(one.output for one in found) == pytest.approx(
        output_mean, rel=0.03, abs=0.6
    )


@pytest.mark.parametrize(
    ("kind", "prompt", "output"),
    [(MIXED, 909, 157), (REASONING, 1_336, 1_652), (BATCH, 347, 55)],
    ids=lambda one: getattr(one, "name", ""),
)
def test_lengths_of_servegen_have_the_published_means(
    kind: Kind, prompt: float, output: float
) -> None:
    loads = [workload_of(1, ServiceKey("c", "n", str(i)), UNSTATED, 1, kind) for i in range(400)]
    means = [load.mean_lengths(START) for load in loads]
    assert statistics.median(one[0] for one in means) == pytest.approx(prompt, rel=0.1)
    assert statistics.median(one[1] for one in means) == pytest.approx(output, rel=0.1)


def test_azures_caps_are_where_many_prompts_end() -> None:
    for kind, cap in ((CHAT, 4_085), (CODE, 7_436)):
        mean = PUBLISHED[kind][0][-1]
        found = level(50.0, kind, prompt_tokens=mean).requests(START, START + 600.0)
        most = max(one.prompt for one in found)
        at_cap = sum(one.prompt > 0.98 * most for one in found) / len(found)
        assert most == pytest.approx(cap, rel=0.03)
        assert at_cap > 0.045


def test_stated_means_are_met() -> None:
    load = level(100.0, REASONING, prompt_tokens=3_000.0, output_tokens=40.0, cached=0.6)
    assert load.mean_lengths(START) == pytest.approx((3_000.0, 40.0, 0.6))
    found = load.requests(START, START + 600.0)
    assert statistics.fmean(one.prompt for one in found) == pytest.approx(3_000.0, rel=0.02)
    assert statistics.fmean(one.output for one in found) == pytest.approx(40.0, rel=0.03)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.37, 0.6, 0.8, 0.95])
def test_as_much_of_prompts_was_there_before_as_stated(share: float) -> None:
    found = level(50.0, LONG_CONTEXT, cached=share).requests(START, START + 300.0)
    tokens = sum(one.cached for one in found) / sum(one.prompt for one in found)
    assert tokens == pytest.approx(share, abs=0.03)
    assert all(0 <= one.cached < one.prompt and one.cached % 16 == 0 for one in found)


def test_shares_of_conversations_spread_as_mooncakes_do() -> None:
    """Published trace: 10, 40, 50, 75 and 90 % of requests share less than these parts."""
    found = level(50.0, LONG_CONTEXT).requests(START, START + 600.0)
    shares = [one.cached / one.prompt for one in found]
    got = [quantile(shares, q) for q in (0.1, 0.4, 0.5, 0.75, 0.9)]
    assert got == pytest.approx([0.03, 0.15, 0.36, 0.71, 0.95], abs=0.13)


def test_few_tenants_send_most() -> None:
    """ServeGen: the first tenant sends 14 to 52 %, the first ten 63 to 93 %."""
    for seed in range(200):
        shares = tenants_of(Random(seed), 60, 2.0, 0.3).shares
        assert 0.14 <= shares[0] <= 0.52
        assert 0.62 <= sum(shares[:10]) <= 0.93


def test_each_tenant_has_a_name_and_a_prefix_of_its_own() -> None:
    found = level(100.0, tenants=5).requests(START, START + 120.0)
    assert {(one.group, one.tenant) for one in found} == {
        (index, f"tenant-{index:02d}") for index in range(1, 6)
    }


@settings(max_examples=60)
@given(
    count=st.integers(1, 1_000),
    turns=st.floats(1.0, 20.0),
    cached=st.floats(0.0, 1.0),
    seed=st.integers(0, 9),
)
def test_any_tenants_are_shares(count: int, turns: float, cached: float, seed: int) -> None:
    found = tenants_of(Random(seed), count, turns, cached)
    assert len(found.shares) == count
    assert math.fsum(found.shares) == pytest.approx(1.0)
    assert {one.group for one in found.draws} <= set(range(1, count + 1))
    assert all(-1e-9 <= one.prefix < 1.0 for one in found.draws)


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("llama-3-8b-instruct", "meta-llama/Llama-3.1-8B-Instruct"), CHAT),
        (("starcoder2-15b", "bigcode/starcoder2-15b"), CODE),
        (("gpt2-autocomplete", "openai-community/gpt2"), CODE),
        (("my-model", "Qwen/Qwen2.5-Coder-7B-Instruct"), CODE),
        (("deepseek-r1", "deepseek-ai/DeepSeek-R1"), REASONING),
        (("nightly-batch", "meta-llama/Llama-3.1-8B-Instruct"), BATCH),
        (("rag-70b", None), LONG_CONTEXT),
        (("gemma", "google/gemma-2-2b-it"), CHAT),
        (("phi-4", "microsoft/phi-4"), MIXED),
        (("encoded", None), MIXED),
        (("rage-against", "Qwen/Qwen3-R100"), MIXED),
    ],
)
def test_names_tell_the_kind(names: tuple[str | None, ...], kind: Kind) -> None:
    assert kind_of(*names) is kind


def test_a_stated_kind_goes_before_names() -> None:
    load = workload_of(1, ServiceKey("c", "n", "a"), Demand(kind=CODE, cv=2.0), 1.0, CHAT)
    assert load.mean_lengths(START)[1] < 60


# Streams of services and groups


def service(name: str, model: str = "meta-llama/Llama-3.1-8B-Instruct") -> Service:
    return Service(at=START, ref=ObjectRef("mock", "ns", "LLMInferenceService", name), model=model)


GROUP = ObjectRef("mock", "ns", "RouteGroup", "chat")


def test_a_groups_stream_is_what_its_members_ask_for_together() -> None:
    stable = Demand(requests_per_second=9.0, prompt_tokens=1_000.0, cv=2.0)
    canary = Demand(requests_per_second=1.0, prompt_tokens=500.0, cv=5.0, diurnal=0.0)
    members = [(service("canary"), canary), (service("stable"), stable)]
    load = group_workload(1, GROUP, members)
    assert load.mean == 10.0
    assert load.mean_lengths(START)[0] == pytest.approx(950.0)
    assert load.rate(START) == load.rate(START + HOUR) == 10.0
    found = load.requests(START, START + 4 * HOUR)
    assert burstiness(found) == pytest.approx(2.0, rel=0.05)
    again = group_workload(1, GROUP, members[::-1])
    assert again.requests(START, START + 4 * HOUR) == found


def test_a_group_that_states_no_rate_gets_the_usual_one() -> None:
    members = [(service("a"), UNSTATED), (service("b"), UNSTATED)]
    assert group_workload(1, GROUP, members, 4.0).mean == 4.0


def test_a_services_kind_comes_from_its_name_then_from_its_model() -> None:
    coder = service_workload(1, service("assist", "bigcode/starcoder2-15b"), UNSTATED, 1.0)
    named = service_workload(1, service("batch-jobs", "bigcode/starcoder2-15b"), UNSTATED, 1.0)
    assert coder.mean_lengths(START)[0] > 3 * named.mean_lengths(START)[0]


def test_the_peak_tells_what_to_be_ready_for() -> None:
    assert level(cv=1.0).peak == 1.0
    assert 1.5 < made(CHAT).peak < 2.5
    assert level(kind=CODE).peak == pytest.approx(5.0)
