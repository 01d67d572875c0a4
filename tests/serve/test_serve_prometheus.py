"""A real Prometheus scrapes the simulated fleet, and comes to mtop's own figures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_engine import ENGINES, prometheus, samples, scraped
from serving import Served, recipe, served
from tools import tool

from mtop_tui.serve.prometheus import prometheus_config
from mtop_tui.state.fleet import FleetStore

WINDOW, SCRAPE = 60.0, 5.0
TTFT = "vllm:time_to_first_token_seconds_bucket"


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Served]:
    """The cluster of a recipe whose canary gets traffic."""
    tool("prometheus")
    story = recipe("canary-failure")
    path = tmp_path / "kubeconfig"
    async with served(story.manifests, story=story, kubeconfig=path, namespace="shop") as fleet:
        yield fleet


async def test_its_quantiles_are_those_of_mtop(shop: Served, tmp_path: Path):
    store = FleetStore()
    known = shop.simulation.projection.services.values()
    store.apply([one.service for one in known])
    store.apply([record for record, _, _ in shop.simulation.projection.replicas.values()])
    config = prometheus_config(shop.server.address, tmp_path / "kubeconfig", interval=1)
    await shop.advance(118)  # the canary gets its tenth of the traffic two seconds later
    async with prometheus(config, tmp_path) as engine:
        store.apply(samples(shop))
        first = await scraped(engine, shop)
        for _ in range(int(WINDOW / SCRAPE)):
            await shop.advance(SCRAPE)
            store.apply(samples(shop))
        second = await scraped(engine, shop)
        labels = "sum by (le, llm_isvc_name)"
        added = f"{labels} ({TTFT} @ {second:.3f}) - {labels} ({TTFT} @ {first:.3f})"
        found = await engine.query(f"histogram_quantile(0.95, {added})")
        theirs = {labels["llm_isvc_name"]: value for labels, value in found}
        ups = await engine.query('up{job="vllm"}')
        pickers = await engine.query("llm_d_epp_ready_endpoints")
    ours = {state.key.name: state.metrics().ttft_p95 for state in store.services()}
    assert set(ours) == {"assistant", "assistant-canary"}
    assert all(value > 0 for value in ours.values()), (ours, theirs)
    assert theirs == pytest.approx(ours, rel=1e-9), (theirs, ours)
    assert [value for _, value in ups] == [1.0] * ENGINES
    assert {labels["llm_isvc_name"]: value for labels, value in pickers} == {
        "assistant": 3.0,
        "assistant-canary": 1.0,
    }


async def test_promtool_has_nothing_to_say_about_the_pages(shop: Served, tmp_path: Path):
    await shop.advance(30)
    checked: list[Any] = []
    for path in ("pods/https:{}:8000", "pods/{}:8000"):
        name = (await shop.names("/api/v1/namespaces/shop/pods?labelSelector=llm-d.ai/role"))[0]
        target = f"/api/v1/namespaces/shop/{path.format(name)}/proxy/metrics"
        async with shop.request("GET", target) as answer:
            page = await answer.read()
        process = await asyncio.create_subprocess_exec(
            str(tool("promtool")),
            *("check", "metrics"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate(page)
        # The names are vLLM's own: colons in them are its habit.
        lines = [
            line for line in said.decode().splitlines() if "should not contain ':'" not in line
        ]
        checked.append((process.returncode in {0, 3}, lines))
    assert checked == [(True, []), (True, [])]
