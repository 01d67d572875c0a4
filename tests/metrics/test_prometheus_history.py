"""What Prometheus recorded before mtop came: when it is asked for, and that it counts once."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_source import service
from mtop_tui.clock import ManualClock
from mtop_tui.config.promises import promises
from mtop_tui.config.settings import Settings
from mtop_tui.domain.alerts import RULES
from mtop_tui.observations import Observation, Past, Pool, ServiceKey
from mtop_tui.providers.live.metrics import following, opencost
from mtop_tui.providers.live.metrics.following import follow
from mtop_tui.providers.live.metrics.history import (
    MOST_SERVICES,
    TOGETHER,
    TRIES,
    History,
    stretches,
)
from mtop_tui.providers.live.metrics.prometheus import Prometheus
from mtop_tui.providers.scraping.fetching import FetchError
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.objectives import ObjectiveStatus

START = 1_800_000_000.0
HOUR, DAY = 3600.0, 86_400.0
AHEAD = 7.25
"""Seconds by which the server's clock is ahead."""

TTFT = "vllm:time_to_first_token_seconds"
NAMES = [
    *(f"{TTFT}_bucket", f"{TTFT}_sum", f"{TTFT}_count"),
    *("vllm:kv_cache_usage_perc", "vllm:generation_tokens_total"),
]
PER_SECOND = {f'{TTFT}_bucket"0.5': 9.0, f'{TTFT}_bucket"+Inf': 10.0}
"""Of ten requests a second nine have their first token within half a second."""


class Recorded:
    """A Prometheus that recorded a steady load from a time on, of some services or pods."""

    def __init__(self, series: list[dict[str, str]], *, since: float, by_pod: bool = False) -> None:
        self.series, self.since, self.by_pod = series, since, by_pod
        self.asked: list[str] = []
        self.failing: Callable[[str], bool] = lambda _path: False

    async def ask(self, path: str) -> bytes:
        parts = urlsplit(path)
        query = {name: value for name, (value,) in parse_qs(parts.query).items()}
        if parts.path.endswith("/values"):
            (selector,) = (query["match[]"],)
            fits = (',pod!=""' if self.by_pod else '{llm_isvc_name!=""}') in selector
            return json.dumps({"status": "success", "data": NAMES if fits else []}).encode()
        if query["query"] == "vector(time())":
            return self._answer([{"metric": {}, "value": [0, f"{START + AHEAD}"]}])
        if not parts.path.endswith("query_range"):
            return self._answer([self._now(query["query"], one) for one in self.series])
        self.asked.append(query["query"])
        if self.failing(query["query"]):
            raise FetchError("error", "HTTP 422", "HTTP 422: too many samples")
        start, end, step = (float(query[name]) for name in ("start", "end", "step"))
        times = [start + step * number for number in range(int((end - start) / step) + 1)]
        return self._answer(
            [
                {
                    "metric": labels,
                    "values": [[at, str(value)] for at in times if at >= self.since + AHEAD],
                }
                for one in self.series
                for labels, value in self._told(query["query"], one)
                if end >= self.since + AHEAD
            ]
        )

    def _now(self, question: str, one: dict[str, str]) -> dict[str, Any]:
        labels, value = self._told(question, one)[-1]
        return {"metric": labels, "value": [START, str(value)]}

    def _told(self, question: str, one: dict[str, str]) -> list[tuple[dict[str, str], float]]:
        window = float(found[1]) if (found := re.search(r"\[(\d+)s\]", question)) else 0.0
        if "kv_cache" in question:
            return [(one, 0.5)]
        if "_bucket" in question:
            return [
                ({**one, "le": le}, PER_SECOND[f'{TTFT}_bucket"{le}'] * window)
                for le in ("0.5", "+Inf")
            ]
        return [(one, (3.0 if "_sum" in question else 10.0) * window)]

    @staticmethod
    def _answer(result: list[dict[str, Any]]) -> bytes:
        return json.dumps({"status": "success", "data": {"result": result}}).encode()


async def at_once(_seconds: float) -> None:
    """Waits for nothing."""


def key(name: str) -> ServiceKey:
    return ServiceKey("test", "shop", name)


def labels(name: str) -> dict[str, str]:
    return {"namespace": "shop", "llm_isvc_name": name}


async def told(
    recorded: Recorded, *names: str, pools: Callable[[ServiceKey], tuple[Pool, ...]] = lambda _: ()
) -> tuple[list[Observation], History]:
    """The samples of some services and all that is told of their past."""
    clock = ManualClock(START)
    prometheus = Prometheus(recorded.ask, cluster="test", clock=clock)
    samples = await prometheus.samples()
    history = History(
        recorded.ask, prometheus, cluster="test", clock=clock, pools_of=pools, sleep=at_once
    )
    history.note(map(key, names), START)
    found: list[Observation] = [*samples]

    async def read() -> None:
        async for batch in history.tell():
            found.extend(batch)

    reading = asyncio.create_task(read())
    before = -1
    while len(recorded.asked) != before or history._wanted:
        before = len(recorded.asked)
        for _ in range(200):
            await asyncio.sleep(0)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    return found, history


def store_of(records: list[Observation]) -> FleetStore:
    store = FleetStore(promises=promises(Settings(), None))
    chat = service("chat", "shop", at=START - 90 * DAY)
    promised = {"mtop.dev/slo": "ttft<=500ms@99%"}
    store.apply([msgspec.structs.replace(chat, annotations=promised), *records])
    return store


def objective(store: FleetStore) -> ObjectiveStatus:
    state = store.service(key("chat"))
    assert state is not None
    (status,) = state.objectives()
    return status


@given(st.floats(1.7e9, 1.9e9), st.sampled_from([60.0, 120.0, 300.0]))
def test_what_counts_follows_upon_one_another_within_full_hours_and_the_last_thirty_days(
    until: float, window: float
) -> None:
    counted = sorted(one for one in stretches(until, window) if one.counts)
    assert all(before.end == after.start - after.step for before, after in pairwise(counted))
    assert until - counted[-1].end < counted[-1].step
    first = counted[0].start - counted[0].step
    assert 29 * DAY <= until - first <= 30 * DAY
    for one in counted:
        assert one.start % one.step == 0
        assert HOUR % one.step == 0
        assert round((one.end - one.start) / one.step) < 720


async def test_budgets_are_those_of_all_that_was_recorded():
    pasts, history = await told(Recorded([labels("chat")], since=START - 10 * DAY), "chat")
    status = objective(store_of(pasts))
    assert history.problem == ""
    assert status.budget is not None
    assert status.budget.observed == pytest.approx(10 * DAY, abs=2 * HOUR)
    assert status.events.total == pytest.approx(10 * status.budget.observed, rel=1e-5)
    assert status.burn[6 * HOUR] == pytest.approx((10.0, 10.0), rel=1e-5)
    assert status.since == pytest.approx(START - 10 * DAY, abs=2 * HOUR)
    assert not any(one.simulated for one in pasts if isinstance(one, Past))


async def test_charts_go_back_six_hours():
    pasts, _ = await told(Recorded([labels("chat")], since=START - DAY), "chat")
    state = store_of(pasts).service(key("chat"))
    assert state is not None
    assert state.history is not None
    assert state.history.begin == pytest.approx(START - 6 * HOUR, abs=300)
    tokens = state.history.long.series(2, START - HOUR, 60)
    assert tokens == pytest.approx([10.0] * 60)
    assert state.history.fine.series(2, START, 280) == pytest.approx([10.0] * 280)


async def test_a_question_that_fails_is_asked_again_and_nothing_counts_twice():
    recorded = Recorded([labels("chat")], since=START - 10 * DAY)
    whole, _ = await told(recorded, "chat")
    failed: list[str] = []

    def fails(question: str) -> bool:
        if "[3600s]" in question and len(failed) < TRIES - 1:
            failed.append(question)
            return True
        return False

    recorded.failing = fails
    again, history = await told(recorded, "chat")
    assert failed
    assert history.problem == ""
    assert objective(store_of(again)).events == objective(store_of(whole)).events


async def test_what_cannot_be_had_is_said_and_is_not_asked_for_without_end():
    recorded = Recorded([labels("chat")], since=START - DAY)
    recorded.failing = lambda question: "[3600s]" in question
    pasts, history = await told(recorded, "chat")
    assert "too many samples" in history.problem
    assert sum("[3600s]" in one and "_sum" in one for one in recorded.asked) == TRIES
    status = objective(store_of(pasts))
    assert status.budget is not None
    assert status.budget.observed <= 6 * HOUR


async def test_few_services_are_asked_for_together_and_all_of_one_metric_at_once():
    names = [f"chat-{number}" for number in range(6)]
    recorded = Recorded([labels(name) for name in names], since=START - 600)
    pasts, _ = await told(recorded, *names)
    assert {one.service.name for one in pasts if isinstance(one, Past)} == set(names)
    assert r'llm_isvc_name=~"(chat\\-0|chat\\-1|chat\\-2|chat\\-3)"' in recorded.asked[0]
    # Nothing was recorded of the days before: those are asked for once and no more.
    assert len(recorded.asked) == len(NAMES) * 2 * 4


async def test_pods_that_are_gone_count_for_the_workload_that_made_them():
    recorded = Recorded(
        [{"namespace": "shop", "workload": "chat-kserve"}], since=START - DAY, by_pod=True
    )
    pools = (Pool(role="main", workload="chat-kserve"),)
    pasts, _ = await told(recorded, "chat", pools=lambda _: pools)
    assert {one.service for one in pasts if isinstance(one, Past)} == {key("chat")}
    pattern = re.search(r'"pod", "([^"]*)"\)', recorded.asked[0])
    assert pattern is not None
    pods = re.compile(pattern[1].replace("\\\\", "\\"))
    assert pods.fullmatch("chat-kserve-7d9f8c6b5-x2x4z")
    assert not pods.fullmatch("chat-kserve-prefill-7d9f8c6b5-x2x4z")
    assert not pods.fullmatch("chat-kserve")


async def test_samples_do_not_wait_for_the_past():
    recorded = Recorded([labels("chat")], since=START)

    async def ask(path: str) -> bytes:
        if "query_range" in path:
            await asyncio.Event().wait()
        return await recorded.ask(path)

    clock = ManualClock(START)
    prometheus = Prometheus(ask, cluster="test", clock=clock)
    history = History(ask, prometheus, cluster="test", clock=clock)

    async def tell() -> None:
        async for _ in history.tell():
            raise AssertionError("nothing was answered")

    telling = asyncio.create_task(tell())
    rounds = 0
    async for batch in follow(prometheus, "it", clock=clock, history=history, sleep=at_once):
        rounds += len(batch) == 2
        if rounds == 3:
            break
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)


def test_no_reader_is_silent_for_so_long_that_an_alert_tells_of_it():
    (stale,) = (rule for rule in RULES if rule.name == "source-stale")
    assert max(opencost.EVERY, following.LONGEST) < stale.limits[0].fires_at


async def test_services_with_an_objective_come_first():
    count = MOST_SERVICES + 10
    names = [f"chat-{number:02}" for number in range(count)]
    recorded = Recorded([labels(name) for name in names], since=START - 60)
    prometheus = Prometheus(recorded.ask, cluster="test", clock=ManualClock(START))
    await prometheus.samples()
    history = History(
        recorded.ask,
        prometheus,
        cluster="test",
        clock=ManualClock(START),
        comes_first=lambda one: one == key(names[-1]),
        sleep=at_once,
    )
    history.note(map(key, names), START)
    told: list[str] = []
    async for batch in history.tell():
        told += [one.service.name for one in batch if isinstance(one, Past)]
        if len(told) >= TOGETHER:
            break
    assert names[-1] in told
    assert key(names[-2]) not in history._wanted
    assert len(history._wanted) == MOST_SERVICES - TOGETHER
