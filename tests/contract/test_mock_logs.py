"""Reading and following the simulated cluster's logs, through the gate that makes them safe."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from contract.speaking import START, Speaking
from contract.suite import logs_of
from mtop_tui.engine.outputs.container import MAIN, ContainerFacts
from mtop_tui.engine.outputs.hostile import HOSTILE
from mtop_tui.observations import LogLine, LogLines
from mtop_tui.providers.base import LogQuery, feed_logs
from mtop_tui.providers.boundary import Boundary
from mtop_tui.text import MAX_LENGTH


def lines_of(records: list[LogLines]) -> list[LogLine]:
    return [line for record in records for line in record.lines]


async def test_hostile_text_is_harmless_behind_the_gate_and_what_is_cut_is_counted() -> None:
    one = Speaking()
    found = await logs_of(one, LogQuery(one.service.key, container=MAIN))
    texts = [line.text for line in lines_of(found)]
    assert any("␛sets the title" in text for text in texts)
    assert any("all is well␍ERROR" in text for text in texts)
    assert not any(raw in text for text in texts for raw in ("\x1b", "\x9b", "\u202e", "\r"))
    assert sum(len(text) == MAX_LENGTH for text in texts) == 1
    assert sum(record.cut for record in found) == 1
    before = [record async for record in one.read_logs(LogQuery(one.service.key, container=MAIN))]
    assert set(HOSTILE) <= {line.text for line in lines_of(before)}


def test_what_was_cut_before_the_gate_stays_counted() -> None:
    one = Speaking()
    line = LogLine(1.0, "x" * (MAX_LENGTH + 1))
    record = LogLines(at=1.0, ref=one.pods[0], container=MAIN, lines=(line, line), cut=3, dropped=9)
    boundary = Boundary("under test")
    [admitted] = boundary.admit([record])
    assert isinstance(admitted, LogLines)
    assert (admitted.cut, admitted.dropped) == (5, 9)
    assert boundary.admit([admitted]) == [admitted]


async def test_a_record_with_an_unsafe_name_does_not_come_through() -> None:
    class Liar(Speaking):
        async def read_logs(self, query):
            async for record in super().read_logs(query):
                ref = record.ref._replace(name=record.ref.name + "\x1b[31m")
                yield msgspec.structs.replace(record, ref=ref)

    one = Liar()
    assert await logs_of(one, LogQuery(one.service.key)) == []


async def test_all_containers_and_the_kernel_are_in_one_stream() -> None:
    one = Speaking()
    found = await logs_of(one, LogQuery(one.service.key))
    assert {(record.ref.name, record.container) for record in found} == {
        ("one-0", "storage-initializer"), ("one-0", "main"),
        ("one-1", "storage-initializer"), ("one-1", "main"), ("gpu-1", "kernel"),
    }  # fmt: skip
    assert any("NVRM: Xid" in line.text for line in lines_of(found))
    assert len(found) > 100, "lines of two replicas take turns"


async def test_previous_is_the_container_that_failed() -> None:
    one = Speaking()
    found = await logs_of(one, LogQuery(one.service.key, previous=True, follow=True))
    assert {record.ref.name for record in found} == {"one-1"}
    assert any("CUDA out of memory" in line.text for line in lines_of(found))


async def test_following_tells_every_line_once_and_in_order() -> None:
    one = Speaking()
    stream = feed_logs(one, LogQuery(one.service.key, tail=2, follow=True))
    found = []
    async for record in stream:
        found.append(record)
        if record.lines[-1].at > START + 640:
            break
    await stream.aclose()
    times = [line.at for line in lines_of(found)]
    assert times == sorted(times)
    new = [line for line in lines_of(found) if START + 600 < line.at <= START + 640]
    query = LogQuery(one.service.key, since=START + 600.001)
    whole = [line for line in lines_of(await logs_of(one, query)) if line.at <= START + 640]
    assert sorted(new, key=lambda line: (line.at, line.text)) == sorted(
        whole, key=lambda line: (line.at, line.text)
    )


async def test_following_sees_pods_that_come_later_and_ends_with_the_provider() -> None:
    one = Speaking()
    stream = feed_logs(one, LogQuery(one.service.key, tail=0, follow=True, pod="late"))
    task = asyncio.create_task(anext(stream))
    for _ in range(10):
        await asyncio.sleep(0)
    pod = one.pods[0]._replace(name="late", uid="late")
    ring = one.book.open(one.service.key, pod, MAIN, ContainerFacts())
    ring.write(one.clock.now() + 1, "here")
    record = await task
    assert (record.ref, [line.text for line in record.lines]) == (pod, ["here"])
    await one.close()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_what_a_full_ring_lost_is_told_once() -> None:
    one = Speaking()
    ring = one.book.open(one.service.key, one.pods[0], MAIN, ContainerFacts())
    for number in range(3_000):
        ring.write(START + 100 + number / 10, f"line {number}")
    found = await logs_of(one, LogQuery(one.service.key, pod="one-0", container=MAIN))
    assert sum(record.dropped > 0 for record in found) == 1
    assert found[0].dropped >= 1_000
    recent = LogQuery(one.service.key, pod="one-0", container=MAIN, tail=50)
    assert not any(record.dropped for record in await logs_of(one, recent))


async def test_records_stay_small() -> None:
    one = Speaking()
    found = await logs_of(one, LogQuery(one.service.key))
    assert max(len(record.lines) for record in found) <= 100
