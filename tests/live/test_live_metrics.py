"""What the pods of a cluster measure, by way of its API server."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer
from serving import WALL, Served, recipe, served
from watching import Watching

from mtop_tui.observations import SourceHealth
from mtop_tui.providers.base import feed
from mtop_tui.providers.live.metrics.cluster import MetricsChoice
from mtop_tui.providers.live.metrics.prometheus_client import Access
from mtop_tui.providers.live.provider import LiveProvider
from mtop_tui.providers.scraping.pace import HURRIED
from mtop_tui.serve.faults import read_fault

OF_PODS = MetricsChoice(pace=HURRIED)


@asynccontextmanager
async def measured(
    kubeconfig: Path, monkeypatch, *contexts: str, choice: MetricsChoice = OF_PODS
) -> AsyncIterator[Watching]:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    provider = LiveProvider(contexts, clock=WALL, seed=1, metrics=lambda _context: choice)
    found = Watching(provider)
    reading = asyncio.create_task(feed(provider, found.apply))
    try:
        yield found
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await provider.close()


def part(watched: Watching) -> SourceHealth | None:
    """How the reading of metrics fares."""
    return next((one for one in watched.store.sources.values() if one.is_part), None)


def told(watched: Watching) -> SourceHealth:
    found = part(watched)
    assert found is not None
    return found


async def moving(cluster: Served) -> None:
    """Time passes in the cluster as it does outside."""
    while True:
        await cluster.advance(1)
        await asyncio.sleep(1)


async def test_rows_have_the_figures_of_the_pods(tmp_path: Path, monkeypatch):
    story = recipe("canary-failure")
    kubeconfig = tmp_path / "config"
    async with served(
        story.manifests, story=story, kubeconfig=kubeconfig, namespace="shop"
    ) as cluster:
        await cluster.advance(118)
        passing = asyncio.create_task(moving(cluster))
        async with measured(kubeconfig, monkeypatch) as watched:

            def has_figures() -> bool:
                rates = [one.metrics().request_rate for one in watched.store.services()]
                return bool(rates) and not any(map(math.isnan, rates))

            await watched.until(has_figures, "figures")
            for state in watched.store.services():
                assert state.metrics().request_rate > 0
                assert 0 <= state.metrics().kv_usage <= 1
                assert set(state.members()) <= set(state.replicas)
            health = part(watched)
            assert health is not None
            assert (health.state, health.errors) == ("live", 0)

            # A login that has expired for a moment is no right that is lacking for five minutes.
            await cluster.server.switch_on(read_fault("unauthorized"))
            await watched.until(lambda: told(watched).state == "error", "an expired login")
            assert "log in again" in told(watched).detail
            assert not told(watched).forbidden
            cluster.server.switch_off("unauthorized")
            await watched.until(lambda: told(watched).state == "live", "figures again")
        passing.cancel()
        await asyncio.gather(passing, return_exceptions=True)


async def test_nodes_cost_what_opencost_says(tmp_path: Path, monkeypatch):
    nodes: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        query, result = request.query.get("query", ""), []
        if "node_total_hourly_cost" in query:
            result = [{"metric": {"node": nodes[0]}, "value": [0, "12.5"]}]
        elif "vector(time())" in query:
            result = [{"metric": {}, "value": [0, f"{WALL.now()}"]}]
        names = request.path.endswith("/values")
        data = [] if names else {"resultType": "vector", "result": result}
        return web.json_response({"status": "success", "data": data})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    story, kubeconfig = recipe("canary-failure"), tmp_path / "config"
    async with (
        TestServer(app) as server,
        served(story.manifests, story=story, kubeconfig=kubeconfig, namespace="shop") as cluster,
    ):
        nodes += await cluster.names("/api/v1/nodes")
        choice = MetricsChoice(prometheus=Access(url=str(server.make_url("/"))))
        async with measured(kubeconfig, monkeypatch, choice=choice) as watched:

            def is_priced() -> bool:
                found = watched.store.nodes.values()
                return [
                    one.ref.name for one in found if one.opencost_usd_per_hour == 12.5
                ] == nodes[:1]

            await watched.until(is_priced, "a price")
            of_opencost = next(one for one in watched.store.sources if one.startswith("OpenCost"))
            assert watched.store.sources[of_opencost].detail == "1 node with a price"
            assert watched.store.latest is not None


async def test_who_may_not_read_pods_sees_what_kubernetes_says(tmp_path: Path, monkeypatch):
    story = recipe("canary-failure")
    kubeconfig = tmp_path / "config"
    async with served(
        story.manifests, story=story, kubeconfig=kubeconfig, namespace="shop"
    ) as cluster:
        await cluster.advance(118)
        async with measured(kubeconfig, monkeypatch, "viewer") as watched:
            await watched.until(
                lambda: (told := part(watched)) is not None and told.state == "forbidden",
                "forbidden",
            )
            health = part(watched)
            assert health is not None
            assert health.forbidden == ("pods/proxy in shop",)
            assert "forbidden" in health.detail
            assert watched.store.sources["live: viewer"].state == "live"
            assert len(watched.store.services()) == 2
            assert all(math.isnan(one.metrics().kv_usage) for one in watched.store.services())
