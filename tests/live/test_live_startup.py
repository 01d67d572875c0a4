"""Replicas that start say what they are at, by the logs of a served cluster."""

from __future__ import annotations

import asyncio
from pathlib import Path

from serving import Served, recipe, served
from watching import Watching, watching

from mtop_tui.observations import Replica
from mtop_tui.providers.live import startup


def starting(live: Watching) -> list[Replica]:
    """The records of replicas that start, as they came."""
    return [one for one in live.records if type(one) is Replica and one.phase == "starting"]


async def until_said(cluster: Served, live: Watching, reason: str) -> Replica:
    """Let simulated time pass until a replica says that it is at something."""
    async with asyncio.timeout(20):
        while True:
            found = [one for one in starting(live) if one.reason == reason]
            if found:
                return found[-1]
            await cluster.advance(1)
            for _ in range(3):  # time for readers: what happens between two looks is not seen
                await cluster.get("/version")


async def test_engines_that_start_say_what_they_are_at(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(startup, "EVERY", 0.001)
    story, kubeconfig = recipe("startup"), tmp_path / "config"
    async with served(
        story.manifests, story=story, kubeconfig=kubeconfig, namespace="product"
    ) as cluster:
        await cluster.advance(300)
        async with watching(kubeconfig, monkeypatch, clock=cluster.stepper.clock) as live:
            await live.live()
            loading = await until_said(cluster, live, "Loading")
            assert loading.deadline is not None
            compiling = await until_said(cluster, live, "Compiling")
            assert compiling.message == "kernels are being compiled"
            assert compiling.since > loading.since
            warming = await until_said(cluster, live, "Warming")
            assert warming.since < warming.deadline
            assert any("shards of the weights are read" in one.message for one in starting(live))
