"""Pages of pods through the API server's proxy: when each is asked, how, and what is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mtop_tui.clock import ManualClock, WallClock
from mtop_tui.config.addresses import ServicePlace
from mtop_tui.observations import MetricSample, ObjectRef, ServiceKey, SourceHealth
from mtop_tui.providers.live.client import ReadOnlyClient
from mtop_tui.providers.live.kubeconfig import Cluster, Connection, User
from mtop_tui.providers.live.metrics.cluster import ClusterMetrics, MetricsChoice
from mtop_tui.providers.live.metrics.scrape import (
    FORBIDDEN_FOR,
    OWN_LOGIN,
    Scraper,
    Target,
    path_of,
)
from mtop_tui.providers.live.objects.pickers import PickerPods
from mtop_tui.providers.scraping.fetching import FetchError
from mtop_tui.providers.scraping.pace import PROXIED

START = 1_800_000_000.0
PAGE = (Path(__file__).parents[1] / "unit" / "metrics_pages" / "vllm.prom").read_bytes()
BAD_GATEWAY = FetchError("error", "HTTP 502", "HTTP 502: cannot answer")
FORBIDDEN = FetchError("forbidden", "HTTP 403", "HTTP 403: does not let this user read")


def pod(name: str, service: str = "chat", namespace: str = "shop") -> Target:
    ref = ObjectRef("c", namespace, "Pod", name, f"uid-{name}")
    return Target(ref, ServiceKey("c", namespace, service))


class Time:
    """Sleeps that end in their order when a test lets time pass."""

    def __init__(self) -> None:
        self.clock = ManualClock(START)
        self._waiting: list[tuple[float, asyncio.Event]] = []

    async def sleep(self, seconds: float) -> None:
        event = asyncio.Event()
        self._waiting.append((self.clock.now() + seconds, event))
        await event.wait()

    async def run(self, seconds: float) -> None:
        end = self.clock.now() + seconds
        await settle()
        while due := [one for one in self._waiting if one[0] <= end]:
            first = min(due, key=lambda one: one[0])
            self._waiting.remove(first)
            self.clock.advance(max(0.0, first[0] - self.clock.now()))
            first[1].set()
            await settle()
        self.clock.advance(end - self.clock.now())


async def settle() -> None:
    for _ in range(12):
        await asyncio.sleep(0)


class Answering:
    """What pods answer by their path; how many requests were under way at once."""

    def __init__(self, time: Time, answer: Callable[[str], bytes]) -> None:
        self.time, self.answer = time, answer
        self.asked: list[tuple[float, str]] = []
        self.open = self.most_open = 0

    async def fetch(self, path: str) -> bytes:
        self.asked.append((self.time.clock.now() - START, path))
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await asyncio.sleep(0)
            return self.answer(path)
        finally:
            self.open -= 1


class Watching:
    """A scraper, what it was told to look at, and what it emits."""

    def __init__(self, answer: Callable[[str], bytes], **more: Any) -> None:
        self.time = Time()
        self.cluster = Answering(self.time, answer)
        self.scraper = Scraper(
            self.cluster.fetch, "pods", clock=self.time.clock, sleep=self.time.sleep, **more
        )
        self.seen: list[Any] = []

    async def __aenter__(self) -> Watching:
        self.task = asyncio.create_task(self._take())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _take(self) -> None:
        async for batch in self.scraper.observe():
            self.seen += batch

    @property
    def samples(self) -> Sequence[MetricSample]:
        return [one for one in self.seen if isinstance(one, MetricSample)]

    @property
    def health(self) -> SourceHealth:
        return next(one for one in reversed(self.seen) if isinstance(one, SourceHealth))


async def test_pods_are_asked_in_turn_and_all_within_an_interval():
    targets = [pod(f"chat-{number}") for number in range(200)]
    async with Watching(lambda _: PAGE) as watching:
        watching.scraper.look_at(targets)
        await watching.time.run(60.0)
        asked = watching.cluster.asked
    per_pod = {path: [at for at, one in asked if one == path] for _, path in asked}
    assert len(per_pod) == 200
    assert PROXIED.interval(200) == 15.0
    gaps = [b - a for times in per_pod.values() for a, b in pairwise(times[1:])]
    assert {round(gap, 6) for gap in gaps} == {15.0}
    steady = [at for at, _ in asked if 30.0 <= at < 45.0]
    assert 195 <= len(steady) <= 205
    busiest = max(sum(second <= at < second + 1 for at in steady) for second in range(30, 45))
    assert busiest <= 15  # 200 in 15 s are 13.3 a second
    assert watching.cluster.most_open <= PROXIED.at_once


async def test_no_more_requests_are_under_way_than_are_allowed():
    pace = PROXIED._replace(at_once=3)
    async with Watching(lambda _: PAGE, pace=pace) as watching:
        watching.scraper.look_at([pod(f"chat-{number}") for number in range(40)])
        await watching.time.run(20.0)
        assert watching.cluster.most_open <= 3
        assert len(watching.samples) >= 80


@pytest.mark.parametrize("speaks", ["https", "http"])
async def test_the_scheme_is_found_out_once_for_a_service(speaks):
    def answer(path: str) -> bytes:
        if ("/https:" in path) != (speaks == "https"):
            raise BAD_GATEWAY
        return PAGE

    async with Watching(answer) as watching:
        watching.scraper.look_at([pod("chat-0"), pod("chat-1"), pod("chat-2")])
        await watching.time.run(30.0)
        asked = ["https:" in path for _, path in watching.cluster.asked]
        wrong = [one for one in asked if one != (speaks == "https")]
        assert len(wrong) == (0 if speaks == "https" else 1)
        assert {one.ref.name for one in watching.samples} == {"chat-0", "chat-1", "chat-2"}
        assert watching.health.state == "live"


async def test_a_namespace_in_which_pods_may_not_be_read_is_left_alone_for_a_while():
    def answer(path: str) -> bytes:
        if "/namespaces/secret/" in path:
            raise FORBIDDEN
        return PAGE

    async with Watching(answer) as watching:
        watching.scraper.look_at([pod("a"), pod("b", namespace="secret")])
        await watching.time.run(FORBIDDEN_FOR - 20)
        refused = [path for _, path in watching.cluster.asked if "secret" in path]
        assert len(refused) == 1
        assert watching.health.forbidden == ("pods/proxy in secret",)
        assert watching.health.state == "live"
        assert watching.health.detail.startswith("1 of 2 pods without metrics: HTTP 403")
        await watching.time.run(60)
        assert len([path for _, path in watching.cluster.asked if "secret" in path]) == 2


async def test_pods_that_go_are_asked_no_more_and_new_ones_are():
    async with Watching(lambda _: PAGE) as watching:
        watching.scraper.look_at([pod("old"), pod("stays")])
        await watching.time.run(10.0)
        watching.scraper.look_at([pod("stays"), pod("new")])
        watching.cluster.asked.clear()
        await watching.time.run(20.0)
        asked = {path.split("pods/https:")[1].split(":")[0] for _, path in watching.cluster.asked}
        assert asked == {"stays", "new"}


async def test_a_bad_page_is_told_and_asked_for_more_rarely():
    async with Watching(lambda _: b"<html>") as watching:
        watching.scraper.look_at([pod("chat-0")])
        await watching.time.run(60.0)
        assert not watching.samples
        assert watching.health.state == "error"
        assert "a web page" in watching.health.detail
        times = [at for at, _ in watching.cluster.asked]
        assert [b - a for a, b in pairwise(times)] == [5.0, 10.0, 15.0, 15.0, 15.0]


async def test_a_pod_with_a_login_of_its_own_is_left_alone_and_no_other():
    def answer(path: str) -> bytes:
        if "guarded" in path:
            raise FetchError("forbidden", OWN_LOGIN, "they want a login of their own")
        return PAGE

    async with Watching(answer, what="endpoint pickers") as watching:
        watching.scraper.look_at([pod("guarded"), pod("open")])
        await watching.time.run(FORBIDDEN_FOR - 20)
        assert sum("guarded" in path for _, path in watching.cluster.asked) == 1
        assert sum("open" in path for _, path in watching.cluster.asked) > 10
        health = watching.health
        assert (health.state, health.errors, health.forbidden) == ("live", 0, ())
        assert health.detail == (
            "1 of 2 endpoint pickers without metrics: they want a login of their own"
        )
        watching.scraper.look_at([pod("guarded")])
        await watching.time.run(60)
        assert sum("guarded" in path for _, path in watching.cluster.asked) == 2
        assert watching.health.state == "forbidden"


@pytest.mark.parametrize(
    ("choice", "source", "path", "helps"),
    [
        (
            MetricsChoice(),
            "endpoint pickers of c",
            "/api/v1/namespaces/shop/pods/epp-0:9090/proxy/metrics",
            "a Prometheus that scrapes it has its figures",
        ),
        (
            MetricsChoice(service=ServicePlace("obs", "https:thanos-querier", "9091")),
            "prometheus obs/thanos-querier",
            "/api/v1/namespaces/obs/services/https:thanos-querier:9091/proxy/api/v1/label/__name__/values",
            "name it by its own address, with prometheus_token",
        ),
    ],
)
async def test_what_is_behind_the_api_server_refuses_for_itself(choice, source, path, helps):
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=401, text="Unauthorized\n")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app) as server:
        connection = Connection("c", Cluster(server=str(server.make_url("")).rstrip("/")), User())
        client, news = ReadOnlyClient(connection, WallClock()), asyncio.Event()
        pickers = PickerPods()
        pickers.put(pod("epp-0").ref, pod("epp-0").service)
        metrics = ClusterMetrics(
            choice, client, "c", clock=WallClock(), news=news, pickers=pickers, pasts=set()
        )
        metrics.note([])
        reading = asyncio.create_task(metrics.run())
        told: dict[str, SourceHealth] = {}
        while source not in told or told[source].state == "connecting":
            told |= {one.source: one for one in metrics.take() if isinstance(one, SourceHealth)}
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), 0.5)
            news.clear()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await client.close()
    assert told[source].state == "forbidden"
    assert f"a login of its own (401), which the API server's proxy does not pass on; {helps}" in (
        told[source].detail
    )
    # Our login is good: it is not had anew for what it does not reach.
    assert asked.count(path) == 1


def test_paths_hold_nothing_but_names():
    target = pod("a/../b", namespace="x?y")
    assert path_of(target, "https") == (
        "/api/v1/namespaces/x%3Fy/pods/https:a%2F..%2Fb:8000/proxy/metrics"
    )
