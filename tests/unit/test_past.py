"""What was before anybody looked: made by formulas, counted by the store like anything else."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from contract import suite
from fleet_source import START, key, replica, sample, service
from mtop_tui.cli.main import main
from mtop_tui.clock import ManualClock
from mtop_tui.config.promises import promises
from mtop_tui.config.settings import Settings
from mtop_tui.domain import vocabulary as names
from mtop_tui.domain.slo.objectives import Budgeting, Kind, Method
from mtop_tui.observations import (
    HistogramLayout,
    Observation,
    Past,
    PastStep,
    PoolStep,
    SampleLayout,
    decode,
    encode,
)
from mtop_tui.providers.mock.provider import CLUSTER, MockProvider
from mtop_tui.providers.mock.recipes import find_recipe, read_recipe
from mtop_tui.providers.mock.story import story_of
from mtop_tui.state.facts import service_facts
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.history import ServiceHistory
from mtop_tui.state.metrics import SERIES, ServiceMetrics
from mtop_tui.state.objectives import ObjectiveStatus, ObjectiveTrack, PoolMinute, Promise
from mtop_tui.state.rings import SeriesRing, SumRing
from mtop_tui.state.service import ServiceState
from mtop_tui.state.totals import index_of
from mtop_tui.views.slo import explain, objectives

HOUR, DAY = 3600.0, 86_400.0
CHAT = key("chat")
ONE = replica(CHAT, 0)
LAYOUT = SampleLayout(
    "vllm",
    (names.FINISHED_REQUESTS, names.ABORTED_REQUESTS, names.FAILED_REQUESTS),
    (names.RUNNING, names.WAITING, names.KV_USAGE),
    (HistogramLayout(names.TTFT, (0.5, 1.0)),),
)


def step(end: float, good: float, bad: float, seconds: float = HOUR) -> PastStep:
    """So many requests answered within half a second, and later than a second."""
    added = (good + bad, 0.0, 0.0, good * 0.3 + bad * 2, good, good, good + bad)
    return PastStep(end, seconds, (PoolStep("main", added, (3.0, 1.0, 0.5)),))


def told(hours: Sequence[PastStep] = (), moments: Sequence[PastStep] = ()) -> Past:
    return Past(at=START, service=CHAT, layout=LAYOUT, hours=tuple(hours), moments=tuple(moments))


def store_with(*records: Observation, promise: str = "ttft<=1s@99%") -> FleetStore:
    store = FleetStore(promises=promises(Settings(), None))
    chat = msgspec.structs.replace(
        service("chat", at=START - 90 * DAY), annotations={"mtop.dev/slo": promise}
    )
    store.apply([chat, ONE, *records])
    return store


def promised_to(promise: str) -> tuple[Promise, ...]:
    chat = msgspec.structs.replace(service("chat"), annotations={"mtop.dev/slo": promise})
    return promises(Settings(), None)(chat).promises


def chat_of(store: FleetStore) -> ServiceState:
    state = store.service(CHAT)
    assert state is not None
    return state


def only(state: ServiceState) -> ObjectiveStatus:
    (status,) = state.objectives()
    return status


def live(minutes: int) -> list[Observation]:
    return [
        sample(ONE, START + t, requests=10 * t, tokens=100 * t, ttft=0.2)
        for t in range(0, 60 * minutes + 1, 10)
    ]


def test_the_budget_of_thirty_days_is_that_of_its_hours() -> None:
    hours = [step(START - HOUR * n, 990, 10 if n % 2 else 0) for n in range(718, -1, -1)]
    chunks = [told(hours[n : n + 100]) for n in range(0, len(hours), 100)]
    state = chat_of(store_with(*live(2), *chunks))
    status = only(state)
    bad = sum(10 for n in range(719) if n % 2)
    assert status.budget is not None
    assert status.budget.observed == pytest.approx(719 * HOUR, rel=0.001)
    assert status.events.total - status.events.good_low == pytest.approx(bad, rel=1e-4)
    assert status.events.total == pytest.approx(719 * 990 + bad, rel=0.01)
    assert status.burn[72 * HOUR] is not None
    assert state.simulated_past


def test_burn_rates_of_minutes_are_those_of_the_hours_they_are_of() -> None:
    hours = [step(START - HOUR * n, 980, 20) for n in range(6, -1, -1)]
    status = only(chat_of(store_with(told(hours), *live(1))))
    assert status.burn[6 * HOUR] == pytest.approx((2.0, 2.0), rel=0.05)


def test_slices_of_time_are_counted_as_such() -> None:
    budgeting = Budgeting(Method.TIMESLICES, 300.0, 0.95)
    (promise,) = promised_to("ttft<=1s@99%")
    objective = replace(promise.objective, budgeting=budgeting)
    track = ObjectiveTrack(promise._replace(objective=objective))
    index = index_of(LAYOUT)
    for hour, bad in enumerate((0.0, 10.0, 1.0)):
        minute = step(0.0, 100.0 - bad, bad).pools[0].added
        track.fill_hour(hour * HOUR, HOUR, [PoolMinute(False, index, minute)], 3 * HOUR)
    events = track.status(3 * HOUR - 1).events
    assert events == pytest.approx((24.0, 24.0, 36.0))


def test_moments_fill_the_sparkline_and_nothing_newer_is_overwritten() -> None:
    state = chat_of(store_with(*live(2)))
    assert state.history is not None
    rate = SERIES.index("request_rate")
    before = state.history.coarse.series(rate, START + 120, 8)
    moments = [step(START + 120 - 15 * n, 120, 0, 60.0) for n in range(200, -1, -1)]
    state.fill_past(told(moments=moments))
    coarse = state.history.coarse
    known = [old for old in before if not math.isnan(old)]
    assert known
    assert coarse.series(rate, START + 120, 8)[-len(known) :] == known
    assert coarse.series(rate, START - 60, 100) == [2.0] * 100
    assert coarse.series(SERIES.index("kv_usage"), START - 60, 3) == [0.5] * 3
    assert coarse.series(SERIES.index("ttft_p95"), START - 60, 1)[0] == pytest.approx(0.475)


def test_no_diagnosis_takes_a_simulated_past_for_a_baseline() -> None:
    moments = [step(START - 15 * n, 120, 0, 60.0) for n in range(239, 0, -1)]
    store = store_with(*live(2), told(moments=moments))
    assert service_facts(store, chat_of(store), START + 120).figures.ttft_baseline is None
    store = store_with(*live(15), told(moments=moments))
    baseline = service_facts(store, chat_of(store), START + 900).figures.ttft_baseline
    measured = chat_of(store).metrics().ttft_p95
    assert baseline == pytest.approx(measured, rel=0.01)


def test_samples_go_on_after_a_past_that_came_first() -> None:
    store = store_with(told([step(START, 990, 10)], [step(START - 15, 120, 0, 60.0)]), *live(3))
    state = chat_of(store)
    assert state.history is not None
    assert state.history.since >= START
    assert only(state).events.total > 1000


def test_steps_that_do_not_fit_or_are_not_past_are_left_out() -> None:
    short = PastStep(START, HOUR, (PoolStep("main", (1.0,), ()),))
    endless = step(START, 1, 0, math.inf)
    wrong = [short, endless, step(START + DAY, 1, 0), step(math.nan, 1, 0), step(-math.inf, 1, 0)]
    state = chat_of(store_with(told(wrong, wrong), *live(2)))
    assert only(state).events.total > 100


def test_a_past_of_a_service_that_is_not_there_is_not_kept() -> None:
    store = FleetStore()
    store.apply([told([step(START, 1, 0)])])
    assert store.services() == []


def test_it_is_said_that_the_past_is_simulated() -> None:
    store = store_with(told([step(START, 990, 10)]), *live(2))
    (facts,) = objectives(store, START + 120).values()
    assert "simulated past" in explain(facts).detail.text
    plain = store_with(*live(2))
    (facts,) = objectives(plain, START + 120).values()
    assert "simulated past" not in explain(facts).detail.text


class TestRings:
    def test_only_unknown_slots_are_filled(self) -> None:
        ring = SeriesRing(1, 10, 1.0, 0)
        ring.write(105, [5.0])
        for at in range(90, 107):
            ring.fill(at, [1.0])
        assert ring.series(0, 106, 10) == [1.0] * 8 + [5.0, 1.0]

    def test_late_sums_are_added_where_they_are_still_held(self) -> None:
        ring = SumRing(1, 5, 1.0)
        ring.add(100, [1.0])
        for at in range(90, 101):
            ring.add_late(at, [2.0])
        assert ring.over(5, 100) == (11.0,)
        ring.add(101, [1.0])
        assert ring.over(5, 101) == (10.0,)

    def test_a_history_that_was_filled_first_takes_what_follows(self) -> None:
        history = ServiceHistory()
        history.fill(START - 15, ServiceMetrics(queue=7.0))
        for second in range(40):
            history.record(START + second, ServiceMetrics(queue=1.0))
        values = history.coarse.series(SERIES.index("queue"), START + 15, 3)
        assert values == [7.0, 1.0, 1.0]


# What the simulation tells


async def observed(recipe: str, history: float | None, seconds: float = 30) -> list[list]:
    clock = ManualClock(START)

    async def sleep(pause: float) -> None:
        clock.advance(pause)

    story = story_of(read_recipe(find_recipe(recipe)), CLUSTER)
    if history is not None:
        story = msgspec.structs.replace(story, history=history)
    provider = MockProvider(story.manifests, seed=7, clock=clock, sleep=sleep, story=story)
    batches = []
    async for batch in provider.observe():
        batches.append(list(batch))
        if clock.now() > START + seconds:
            break
    await provider.close()
    return batches


def told_in(batches: Sequence[Sequence[Observation]]) -> list[Past]:
    return [one for batch in batches for one in batch if isinstance(one, Past)]


async def test_a_recipe_without_history_tells_no_past() -> None:
    assert not told_in(await observed("enterprise", None))


async def test_a_history_of_an_hour_fills_it_and_is_a_day_without_faults() -> None:
    batches = await observed("enterprise", DAY)
    for check in suite.BATCH_CHECKS:
        check(batches)
    found = told_in(batches)
    assert all(decode(encode(one)) == one for one in found)
    store = FleetStore(promises=promises(Settings(objectives="availability@99.9%"), None))
    for batch in batches:
        store.apply(batch)
    keys = {one.service for one in found}
    assert len(keys) >= 10
    for chosen in keys:
        state = store.service(chosen)
        assert state is not None
        assert state.service is not None
        assert state.history is not None
        age = START - (state.service.created_at or 0.0)
        for status in state.objectives():
            assert status.budget is not None
            assert status.budget.observed == pytest.approx(min(DAY, age), abs=300)
            if status.objective.indicator.kind is Kind.AVAILABILITY:
                assert status.events.good_low == status.events.total
        rates = state.history.coarse.series(SERIES.index("request_rate"), START, 240)
        assert sum(map(math.isnan, rates)) <= 5 or age < HOUR


async def test_the_past_of_a_service_does_not_end_after_its_samples_begin() -> None:
    batches = await observed("canary-failure", HOUR)
    last = max(one.at for past in told_in(batches) for one in (*past.moments, *past.hours))
    first = min(
        one.at for batch in batches for one in batch if type(one).__name__ == "MetricSample"
    )
    assert last <= first
    hours = [one for past in told_in(batches) for one in past.hours]
    assert sum(one.seconds for one in hours) == pytest.approx(HOUR)
    assert all(a.at == b.at - b.seconds for a, b in pairwise(hours))


async def digest() -> str:
    found = hashlib.sha256()
    for past in told_in(await observed("research-lab", DAY, 5)):
        found.update(encode(past))
    return found.hexdigest()


async def test_another_process_tells_the_same_past() -> None:
    program = "import asyncio; from test_past import digest; print(asyncio.run(digest()))"
    tests = os.pathsep.join(map(str, Path(__file__).parents[:2]))
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONHASHSEED": "4711", "PYTHONPATH": tests},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == await digest()


def test_a_story_with_a_past_comes_out_as_it_says(monkeypatch, capfd) -> None:
    arguments = ["mtop", "simulate", "canary-failure", "--assert", "--set", "history=30d"]
    monkeypatch.setattr(sys, "argv", arguments)
    code, said = main(), capfd.readouterr()
    assert code == 0, said.out
    assert " -1:15  simulated past until here" in said.err
