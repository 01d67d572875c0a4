"""What mtop reads of a real Prometheus that scrapes the simulated fleet."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_engine import prometheus, samples, scraped
from serving import WALL, Served, recipe, served
from tools import tool

from mtop_tui.domain import vocabulary as names
from mtop_tui.observations import MetricSample, Past, ServiceKey
from mtop_tui.providers.live.metrics.history import History, Stretch
from mtop_tui.providers.live.metrics.prometheus import Prometheus
from mtop_tui.providers.live.metrics.prometheus_client import Access, PrometheusClient
from mtop_tui.serve.prometheus import prometheus_config
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.metrics import ServiceMetrics, past_figures
from mtop_tui.state.totals import index_of

CLUSTER = "test"
TTFT = "vllm:time_to_first_token_seconds_bucket"


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Served]:
    """The cluster of a recipe whose canary gets traffic."""
    tool("prometheus")
    story = recipe("canary-failure")
    path = tmp_path / "kubeconfig"
    async with served(story.manifests, story=story, kubeconfig=path, namespace="shop") as fleet:
        yield fleet


def figures(found: list[MetricSample]) -> dict[str, ServiceMetrics]:
    """What the rows of the services say."""
    store = FleetStore()
    store.apply(found)
    return {one.service.name: store._state(one.service).metrics() for one in found}


async def test_its_samples_come_to_what_it_answers_itself(shop: Served, tmp_path: Path):
    config = prometheus_config(shop.server.address, tmp_path / "kubeconfig", interval=1)
    await shop.advance(118)  # the canary gets its tenth of the traffic two seconds later
    async with prometheus(config, tmp_path) as engine:
        samples(shop)
        await scraped(engine, shop)
        at = 0.0
        for _ in range(4):
            await shop.advance(5)
            samples(shop)
            at = await scraped(engine, shop)

        async def theirs(expression: str) -> dict[str, float]:
            found = await engine.query(expression)
            return {labels["llm_isvc_name"]: value for labels, value in found}

        client = PrometheusClient(Access(url=engine.address))
        source = Prometheus(client.ask, cluster=CLUSTER, clock=WALL)
        try:
            found = await source.samples(at)
            picked = [one for one in found if one.subject == "picker"]
            found = [one for one in found if one.subject == "replica"]
            history = History(client.ask, source, cluster=CLUSTER, clock=WALL)
            (past,) = await history.past(
                [ServiceKey(CLUSTER, "shop", "assistant")],
                Stretch(at - 6.0, at, step=2.0, window=60.0, counts=False),
            )
            history.note([one.service for one in found], WALL.now())
            pasts: list[Past] = []
            async for batch in history.tell():
                pasts += [one for one in batch if isinstance(one, Past)]
                if len(pasts) == 2:
                    break
        finally:
            await client.close()
        assert {one.service.name for one in pasts} == {"assistant", "assistant-canary"}
        assert all(abs(one.moments[-1].at - WALL.now()) < 30 for one in pasts)
        ours = figures(found)
        assert {(one.form, one.window) for one in found} == {("windowed", 60.0)}
        assert set(ours) == {"assistant", "assistant-canary"}
        gained = f"increase({TTFT}[60s] @ {at:.3f})"
        p95 = await theirs(f"histogram_quantile(0.95, sum by (le, llm_isvc_name) ({gained}))")
        assert {name: one.ttft_p95 for name, one in ours.items()} == pytest.approx(p95, rel=1e-9)
        assert all(value > 0 for value in p95.values())
        tokens = await theirs(
            f"sum by (llm_isvc_name) (rate(vllm:generation_tokens_total[60s] @ {at:.3f}))"
        )
        assert {name: one.generation_token_rate for name, one in ours.items()} == pytest.approx(
            tokens, rel=1e-9
        )
        levels = await theirs(f"sum by (llm_isvc_name) (vllm:num_requests_running @ {at:.3f})")
        assert {name: one.running for name, one in ours.items()} == levels
        assert past.moments[-1].at == pytest.approx(at, abs=0.01)
        told = past_figures(index_of(past.layout), past.moments[-1])
        # It is asked for a moment later than the samples were, by the time that asking takes.
        assert told.ttft_p95 == pytest.approx(ours["assistant"].ttft_p95, rel=1e-2)
        assert not math.isnan(told.request_rate)
        assert not past.simulated
        pickers = {one.service.name: one for one in picked}
        assert set(pickers) == {"assistant", "assistant-canary"}
        levels = dict(
            zip(pickers["assistant"].layout.gauges, pickers["assistant"].gauges, strict=True)
        )
        assert levels[names.READY_ENDPOINTS] == 3.0
