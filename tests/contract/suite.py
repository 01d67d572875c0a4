"""What every provider must keep, whatever its source."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence

from mtop_tui.observations import (
    LogLines,
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
from mtop_tui.providers.base import FleetProvider, LogQuery, feed_logs
from mtop_tui.providers.boundary import Boundary
from mtop_tui.text import MAX_LENGTH, safe

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


SERVICES_READ = 4
"""Of a provider with logs, so many services are read."""


async def logs_of(provider: FleetProvider, query: LogQuery) -> list[LogLines]:
    """All records of a query that does not follow, as they come out of the gate."""
    return [record async for record in feed_logs(provider, query)]


async def _speakers(provider: FleetProvider) -> list[ServiceKey]:
    """Services of which something can be read; the fleet is observed first."""
    found = records(await observed(provider, 60))
    keys = [one.key for one in found if isinstance(one, Service)]
    speaking = [key for key in keys if await logs_of(provider, LogQuery(key, tail=1))]
    assert speaking, "no service has a log line"
    return speaking[:SERVICES_READ]


def _times(found: Sequence[LogLines]) -> list[float]:
    return [line.at for record in found for line in record.lines]


async def lines_are_merged_in_time_order(provider: FleetProvider) -> None:
    for key in await _speakers(provider):
        found = await logs_of(provider, LogQuery(key))
        assert _times(found) == sorted(_times(found))
        assert all(record.at >= record.lines[-1].at for record in found if record.lines)


async def lines_are_of_the_replicas_and_their_nodes(provider: FleetProvider) -> None:
    keys = await _speakers(provider)
    for key in keys:
        for record in await logs_of(provider, LogQuery(key)):
            assert record.container
            assert record.ref.kind in {"Pod", "Node"}
            assert record.ref.kind == "Node" or record.ref.namespace == key.namespace


async def a_tail_counts_lines_of_each_container(provider: FleetProvider) -> None:
    for key in await _speakers(provider):
        per_container: Counter[tuple[ObjectRef, str]] = Counter()
        for record in await logs_of(provider, LogQuery(key, tail=3)):
            per_container[record.ref, record.container] += len(record.lines)
        assert per_container
        assert max(per_container.values()) <= 3


async def since_leaves_out_what_is_older(provider: FleetProvider) -> None:
    for key in await _speakers(provider):
        times = _times(await logs_of(provider, LogQuery(key)))
        middle = times[len(times) // 2]
        later = _times(await logs_of(provider, LogQuery(key, since=middle)))
        assert later == [at for at in times if at >= middle]


async def one_pod_or_container_can_be_chosen(provider: FleetProvider) -> None:
    for key in await _speakers(provider):
        found = await logs_of(provider, LogQuery(key, tail=1))
        container = found[-1].container
        pods = [record.ref.name for record in found if record.ref.kind == "Pod"]
        only = await logs_of(provider, LogQuery(key, tail=1, container=container))
        assert {record.container for record in only} == {container}
        mine = await logs_of(provider, LogQuery(key, tail=1, pod=pods[0]))
        assert {record.ref.name for record in mine if record.ref.kind == "Pod"} == {pods[0]}


async def what_was_previous_is_older(provider: FleetProvider) -> None:
    for key in await _speakers(provider):
        ended: dict[tuple[ObjectRef, str], float] = {}
        for record in await logs_of(provider, LogQuery(key, previous=True)):
            ended[record.ref, record.container] = record.lines[-1].at
        for record in await logs_of(provider, LogQuery(key)):
            before = ended.get((record.ref, record.container))
            assert before is None or before <= record.lines[0].at


async def no_line_leaves_the_gate_unsafe(provider: FleetProvider) -> None:
    for key in await _speakers(provider):
        for record in await logs_of(provider, LogQuery(key)):
            assert all(len(line.text) <= MAX_LENGTH for line in record.lines)
            assert all(line.text == safe(line.text) for line in record.lines)
            assert record.cut >= sum(line.text.endswith("…") for line in record.lines)
            assert decode(encode(record)) == record


async def strangers_have_no_logs(provider: FleetProvider) -> None:
    await _speakers(provider)
    stranger = ServiceKey("nowhere", "none", "nobody")
    assert await logs_of(provider, LogQuery(stranger)) == []


async def following_goes_on_until_it_is_cancelled(provider: FleetProvider) -> None:
    key = (await _speakers(provider))[0]
    present = await logs_of(provider, LogQuery(key))
    before = asyncio.all_tasks()

    async def follow() -> None:
        async for _ in feed_logs(provider, LogQuery(key, follow=True)):
            pass

    task = asyncio.create_task(follow())
    for _ in range(200):
        await asyncio.sleep(0)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert asyncio.all_tasks() == before
    assert await logs_of(provider, LogQuery(key, since=present[0].at))


LOG_CHECKS = (
    lines_are_merged_in_time_order,
    lines_are_of_the_replicas_and_their_nodes,
    a_tail_counts_lines_of_each_container,
    since_leaves_out_what_is_older,
    one_pod_or_container_can_be_chosen,
    what_was_previous_is_older,
    no_line_leaves_the_gate_unsafe,
    strangers_have_no_logs,
    following_goes_on_until_it_is_cancelled,
)
"""For providers that offer logs."""
