"""The provider contract, against whatever cluster KUBECONFIG names; without it, a served one."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from serving import recipe, served
from watching import watching

from contract import suite
from mtop_tui.clock import WallClock
from mtop_tui.providers.live.provider import LiveProvider

NAMED = os.environ.get("KUBECONFIG")


@pytest.fixture
async def named(tmp_path: Path) -> AsyncIterator[str]:
    """The kubeconfig of the cluster to try."""
    if NAMED:
        yield NAMED
        return
    story = recipe("canary-failure")
    kubeconfig = tmp_path / "kubeconfig"
    async with served(story.manifests, story=story, kubeconfig=kubeconfig):
        yield str(kubeconfig)


async def test_what_is_observed_keeps_the_contract(named: str, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", named)
    provider = LiveProvider((), clock=WallClock())
    batches = []
    stream = provider.observe()
    async for batch in stream:
        batches.append(batch)
        if any(getattr(one, "state", "") == "live" for one in batch):
            break
    await stream.aclose()
    await provider.close()
    for check in suite.BATCH_CHECKS:
        check(batches)


@pytest.mark.parametrize("check", suite.PROVIDER_CHECKS, ids=lambda check: check.__name__)
async def test_a_provider_keeps_the_contract(named: str, monkeypatch, check):
    monkeypatch.setenv("KUBECONFIG", named)
    await check(LiveProvider((), clock=WallClock()))


async def test_what_is_known_is_what_a_fresh_look_finds(named: str, monkeypatch):
    async with (
        watching(Path(named), monkeypatch) as live,
        watching(Path(named), monkeypatch) as other,
    ):
        await live.live()
        await other.live()
        fresh = other.readers()
        for name, reader in live.readers().items():
            if name != "events":
                await live.until(lambda r=reader, n=name: r.known.keys() == fresh[n].known.keys())


async def test_services_can_be_read_one_by_one(named: str, monkeypatch):
    async with watching(Path(named), monkeypatch) as live:
        await live.live()
        for state in live.store.services()[:3]:
            raw = await live.provider.read_object(state.service.ref)
            assert raw is not None
            assert raw.body["kind"] == "LLMInferenceService"
