"""What every provider must keep, whatever its source."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from mtop_tui.observations import (
    MetricSample,
    ObjectRef,
    Observation,
    Replica,
    Service,
    ServiceKey,
    SourceHealth,
    decode,
    encode,
)
from mtop_tui.providers.base import FleetProvider
from mtop_tui.providers.boundary import Boundary

LARGEST_BATCH = 100


async def observed(provider: FleetProvider, batches: int) -> list[Sequence[Observation]]:
    """The first batches; the provider's stream is closed afterwards."""
    stream = provider.observe()
    found = []
    async for batch in stream:
        found.append(batch)
        if len(found) >= batches:
            break
    if isinstance(stream, AsyncIterator) and hasattr(stream, "aclose"):
        await stream.aclose()
    return found


def records(batches: Sequence[Sequence[Observation]]) -> list[Observation]:
    return [record for batch in batches for record in batch]


def starts_with_its_health(batches: Sequence[Sequence[Observation]]) -> None:
    assert isinstance(batches[0][0], SourceHealth)


def comes_in_small_batches(batches: Sequence[Sequence[Observation]]) -> None:
    assert all(0 < len(batch) <= LARGEST_BATCH for batch in batches)


def time_never_goes_back(batches: Sequence[Sequence[Observation]]) -> None:
    last: dict[tuple[type, object], float] = {}
    for record in records(batches):
        identity = (type(record), getattr(record, "ref", None) or getattr(record, "source", ""))
        assert record.at >= last.get(identity, record.at), identity
        last[identity] = record.at


def objects_can_be_joined(batches: Sequence[Sequence[Observation]]) -> None:
    services: set[ServiceKey] = set()
    replicas: set[ObjectRef] = set()
    for record in records(batches):
        ref = getattr(record, "ref", None)
        if ref is not None:
            assert ref.uid
        if isinstance(record, Service):
            services.add(record.key)
        else:
            service = getattr(record, "service", None)
            assert service is None or service in services
        if isinstance(record, Replica):
            replicas.add(record.ref)
        if isinstance(record, MetricSample) and record.ref.kind == "Pod":
            assert record.ref in replicas


def samples_are_well_formed(batches: Sequence[Sequence[Observation]]) -> None:
    last: dict[ObjectRef, tuple[float, ...]] = {}
    for sample in records(batches):
        if not isinstance(sample, MetricSample):
            continue
        layout = sample.layout
        width = len(layout.counters) + sum(one.width for one in layout.histograms)
        assert len(sample.cumulative) == width
        assert len(sample.gauges) == len(layout.gauges)
        assert all(value >= 0 for value in (*sample.cumulative, *sample.gauges))
        place = len(layout.counters)
        for histogram in layout.histograms:
            buckets = sample.cumulative[place + 1 : place + histogram.width]
            assert list(buckets) == sorted(buckets)
            place += histogram.width
        if sample.form == "cumulative":
            before = last.get(sample.ref, sample.cumulative)
            pairs = zip(sample.cumulative, before, strict=True)
            assert all(now >= then for now, then in pairs)
            last[sample.ref] = sample.cumulative


def records_survive_writing(batches: Sequence[Sequence[Observation]]) -> None:
    assert all(decode(encode(record)) == record for record in records(batches))


def text_is_safe_after_the_boundary(batches: Sequence[Sequence[Observation]]) -> None:
    boundary = Boundary("under test")
    for batch in batches:
        once = boundary.admit(batch)
        assert boundary.admit(once) == once
    assert boundary.dropped == 0


BATCH_CHECKS = (
    starts_with_its_health,
    comes_in_small_batches,
    time_never_goes_back,
    objects_can_be_joined,
    samples_are_well_formed,
    records_survive_writing,
    text_is_safe_after_the_boundary,
)


async def knows_nothing_of_strangers(provider: FleetProvider) -> None:
    stranger = ObjectRef("nowhere", "none", "LLMInferenceService", "nobody")
    assert await provider.read_object(stranger) is None


async def closes_twice(provider: FleetProvider) -> None:
    await observed(provider, 1)
    await provider.close()
    await provider.close()


async def leaves_no_task_when_cancelled(provider: FleetProvider) -> None:
    before = asyncio.all_tasks()

    async def follow() -> None:
        async for _ in provider.observe():
            pass

    task = asyncio.create_task(follow())
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert asyncio.all_tasks() == before
    await provider.close()


PROVIDER_CHECKS = (knows_nothing_of_strangers, closes_twice, leaves_no_task_when_cancelled)
