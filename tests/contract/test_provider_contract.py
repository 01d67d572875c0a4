"""The provider contract, kept by every provider there is."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from contract import suite
from contract.speaking import Speaking
from mtop_tui.clock import ManualClock
from mtop_tui.observations import (
    LogLines,
    MetricSample,
    ObjectRef,
    Observation,
    RawObject,
    Service,
    SourceHealth,
    encode,
)
from mtop_tui.providers.base import FleetProvider, LogQuery, Offer
from mtop_tui.providers.mock.manifests import load
from mtop_tui.providers.mock.provider import MockProvider

ROOT = Path(__file__).parents[2]
START = 1_800_000_000.0


def simulated(seed: int = 7, clones: int | None = None, start: float = START) -> MockProvider:
    clock = ManualClock(start)

    async def sleep(seconds: float) -> None:
        clock.advance(seconds)

    return MockProvider(load(ROOT / "mocks"), seed=seed, clock=clock, clones=clones, sleep=sleep)


class Scripted:
    """The least a provider can be."""

    name = "scripted"
    offers: frozenset[Offer] = frozenset()

    async def observe(self) -> AsyncIterator[Sequence[Observation]]:
        yield [SourceHealth(at=1.0, source=self.name, state="live")]
        ref = ObjectRef("c", "ns", "LLMInferenceService", "one", "u")
        yield [Service(at=2.0, ref=ref, model="m\x1b[31m")]

    async def read_logs(self, query: LogQuery) -> AsyncIterator[LogLines]:
        for lines in ():
            yield lines

    async def read_object(self, ref: ObjectRef) -> RawObject | None:
        return None

    def pause(self, paused: bool) -> None:
        """Not offered."""

    async def close(self) -> None:
        """Nothing to release."""


Factory = Callable[[], FleetProvider]
PROVIDERS: dict[str, Factory] = {
    "simulated": simulated,
    "simulated, cloned": lambda: simulated(clones=65),
    "scripted": Scripted,
    "speaking": Speaking,
}
every_provider = pytest.mark.parametrize("make", PROVIDERS.values(), ids=PROVIDERS.keys())


@every_provider
@pytest.mark.parametrize("check", suite.BATCH_CHECKS, ids=lambda check: check.__name__)
async def test_observations(
    make: Factory, check: Callable[[Sequence[Sequence[Observation]]], None]
) -> None:
    check(await suite.observed(make(), 250))


@every_provider
@pytest.mark.parametrize("check", suite.PROVIDER_CHECKS, ids=lambda check: check.__name__)
async def test_behaviour(make: Factory, check: Callable[[FleetProvider], Awaitable[None]]) -> None:
    await check(make())


@every_provider
@pytest.mark.parametrize("check", suite.LOG_CHECKS, ids=lambda check: check.__name__)
async def test_logs(make: Factory, check: Callable[[FleetProvider], Awaitable[None]]) -> None:
    provider = make()
    if "logs" not in provider.offers:
        pytest.skip("offers no logs")
    await check(provider)
    await provider.close()


async def digest(seed: int) -> str:
    found = hashlib.sha256()
    for record in suite.records(await suite.observed(simulated(seed), 120)):
        found.update(encode(record))
    return found.hexdigest()


async def test_the_seed_decides_everything() -> None:
    assert await digest(7) == await digest(7)
    assert await digest(7) != await digest(8)


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
async def test_another_process_observes_the_same(hash_seed: str) -> None:
    program = (
        "import asyncio; from contract.test_provider_contract import digest;"
        "print(asyncio.run(digest(7)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == await digest(7)


async def test_pause_holds_time_and_resumes_without_a_jump() -> None:
    clock = ManualClock(START)

    async def sleep(seconds: float) -> None:
        clock.advance(seconds)

    provider = MockProvider(load(ROOT / "mocks"), seed=7, clock=clock, sleep=sleep)
    stream = provider.observe()
    last = START
    async for batch in stream:
        last = batch[-1].at
        if clock.now() >= START + 5:
            break
    provider.pause(True)
    clock.advance(3_600)
    provider.pause(True)
    provider.pause(False)
    provider.pause(False)
    async for batch in stream:
        assert last - 5 <= batch[0].at <= last + 5
        break
    await stream.aclose()


async def test_what_happens_while_paused_does_not_happen() -> None:
    slept = 0
    clock = ManualClock(START)
    provider: MockProvider

    async def sleep(seconds: float) -> None:
        nonlocal slept
        slept += 1
        clock.advance(seconds)
        if slept == 20:
            provider.pause(True)
            clock.advance(50)
        if slept == 200:
            await provider.close()

    provider = MockProvider(load(ROOT / "mocks"), seed=7, clock=clock, sleep=sleep)
    times = [START]
    async for batch in provider.observe():
        if clock.now() < START + 50:
            times.append(batch[-1].at)
            continue
        provider.step(0.0)  # it looks again, at the time at which it is held
        assert batch[-1].at <= max(times) + 1
        if isinstance(batch[0], SourceHealth):
            await provider.close()
    assert START < max(times) <= START + 20
    assert clock.now() <= START + 70


async def test_history_comes_before_live() -> None:
    found = suite.records(await suite.observed(simulated(), 60))
    healths = [one for one in found if isinstance(one, SourceHealth)]
    assert [one.state for one in healths[:2]] == ["connecting", "live"]
    before = found[: found.index(healths[1])]
    per_replica: dict[ObjectRef, int] = {}
    for record in before:
        if isinstance(record, MetricSample):
            per_replica[record.ref] = per_replica.get(record.ref, 0) + 1
    assert min(per_replica.values()) >= 2
    assert all(record.at <= START for record in before)


async def test_health_says_what_was_read() -> None:
    provider = MockProvider(load(ROOT / "mocks" / "nodes"), seed=1, clock=ManualClock(START))
    [batch] = await suite.observed(provider, 1)
    assert isinstance(batch[0], SourceHealth)
    assert batch[0].detail == "0 services"


async def test_objects_are_as_received_with_identity_and_status() -> None:
    provider = simulated(clones=65)
    found = suite.records(await suite.observed(provider, 30))
    services = {one.ref.name: one for one in found if isinstance(one, Service)}
    for name in ("llama-3-8b-instruct", "llama-3-8b-instruct-0002"):
        ref = services[name].ref
        raw = await provider.read_object(ref._replace(uid=""))
        assert raw is not None
        assert raw.ref == ref
        assert raw.body["metadata"]["name"] == name
        assert raw.body["metadata"]["uid"] == ref.uid
        kinds = [one["type"] for one in raw.body["status"]["conditions"]]
        assert "Ready" in kinds
        assert await provider.read_object(ref._replace(uid="another")) is None
    again = provider._manifests.services[0].body
    assert "status" not in again


async def test_clones_have_legal_names_and_room() -> None:
    provider = simulated(clones=200)
    found = suite.records(await suite.observed(provider, 40))
    services = {one.ref for one in found if isinstance(one, Service)}
    assert len(services) == 200
    assert all(len(ref.name) <= 63 for ref in services)


async def test_a_replica_logs_its_statistics_and_its_probes() -> None:
    provider = simulated()
    found = suite.records(await suite.observed(provider, 100))
    key = next(one.key for one in found if isinstance(one, Service) and one.ref.name == "qwen3-32b")
    lines = [line.text async for one in provider.read_logs(LogQuery(key)) for line in one.lines]
    assert any("Avg generation throughput" in text for text in lines)
    assert any("GET /health" in text for text in lines)
