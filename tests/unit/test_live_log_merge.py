"""Logs of several containers in order of time, none waiting long for another."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.clock import ManualClock
from mtop_tui.observations import LogLines, ObjectRef
from mtop_tui.providers.live.logs.lines import NANO, Stamped
from mtop_tui.providers.live.logs.merge import LONGEST_RECORD, ROOM, Merge, Pace, Strand

QUICK = Pace(hold=0.02, patience=0.1)
NEVER = Pace(hold=3600.0, patience=3600.0)


def line(second: float, text: str = "") -> Stamped:
    text = text or f"at {second}"
    return Stamped(round(second * NANO), text.encode(), text)


def strands(merge: Merge, *names: str) -> list[Strand]:
    return [merge.strand(ObjectRef("test", "team", "Pod", name, name), "main") for name in names]


async def rest(merge: Merge) -> list[LogLines]:
    found = []
    while records := await merge.take():
        found += records
    return found


def told(records: list[LogLines]) -> list[tuple[str, float]]:
    return [(record.ref.name, one.at) for record in records for one in record.lines]


@given(st.lists(st.lists(st.integers(0, 50)), min_size=1, max_size=4))
def test_logs_that_end_come_in_order_of_time(logs: list[list[int]]):
    async def merged() -> list[LogLines]:
        merge = Merge(ManualClock(0.0), NEVER)
        found = strands(merge, *(f"pod-{number}" for number in range(len(logs))))
        for strand, times in zip(found, logs, strict=True):
            await strand.put([line(one) for one in sorted(times)])
            strand.end()
        merge.close()
        return await rest(merge)

    records = asyncio.run(merged())
    every = sorted((float(one), number) for number, times in enumerate(logs) for one in times)
    assert told(records) == [(f"pod-{number}", one) for one, number in every]
    assert all(record.at >= record.lines[-1].at for record in records)
    assert all(len(record.lines) <= LONGEST_RECORD for record in records)


async def test_one_that_is_silent_holds_up_the_others_for_a_moment_only():
    merge = Merge(ManualClock(0.0), QUICK)
    quick, silent = strands(merge, "quick", "silent")
    await quick.put([line(1), line(2)])
    assert told(await merge.take()) == [("quick", 1.0), ("quick", 2.0)]
    assert 0.1 <= merge.now() < 0.2
    silent.end()
    await quick.put([line(3)])
    assert told(await merge.take()) == [("quick", 3.0)]
    assert merge.now() < 0.2


async def test_a_line_that_is_older_comes_first_if_it_comes_within_the_hold():
    merge = Merge(ManualClock(0.0), Pace(hold=0.2, patience=5.0))
    first, second = strands(merge, "first", "second")
    first.idle()
    second.idle()
    await first.put([line(2)])
    taking = asyncio.create_task(merge.take())
    await asyncio.sleep(0)
    await second.put([line(1)])
    assert told(await taking) == [("second", 1.0)]
    assert told(await merge.take()) == [("first", 2.0)]


async def test_one_that_catches_up_line_by_line_does_not_stall_the_present():
    merge = Merge(ManualClock(0.0), Pace(hold=0.05, patience=0.2))
    present, past = strands(merge, "present", "past")
    await present.put([line(1000)])

    async def trickle() -> None:
        for second in itertools.count():
            await past.put([line(second)])
            await asyncio.sleep(0.01)

    trickling = asyncio.create_task(trickle())
    seen: list[tuple[str, float]] = []
    while ("present", 1000.0) not in seen:
        seen += told(await merge.take())
    trickling.cancel()
    assert merge.now() < 0.4
    assert len(seen) > 3


async def test_time_passes_for_who_waits_and_not_for_who_prints():
    merge = Merge(ManualClock(0.0), QUICK)
    one, other = strands(merge, "one", "other")
    await one.put([line(2)])
    await asyncio.sleep(3 * QUICK.patience)  # somebody stopped the program it is printed to
    await other.put([line(1)])
    one.end()
    other.end()
    merge.close()
    assert told(await rest(merge)) == [("other", 1.0), ("one", 2.0)]


async def test_who_reads_waits_while_there_is_no_room():
    merge = Merge(ManualClock(0.0), NEVER)
    (strand,) = strands(merge, "one")
    text = "x" * (ROOM // 4)
    putting = asyncio.create_task(strand.put([line(second, text) for second in range(5)]))
    await asyncio.sleep(0)
    assert not putting.done()
    assert len(told(await merge.take())) == 5
    await putting


async def test_what_is_said_of_a_log_comes_at_once():
    merge = Merge(ManualClock(7.0), NEVER)
    held, other = strands(merge, "held", "other")
    await held.put([line(1)])
    other.say("it waits to start", failed=True)
    (record,) = await merge.take()
    assert (record.ref.name, record.lines, record.said, record.failed, record.at) == (
        "other",
        (),
        "it waits to start",
        True,
        7.0,
    )


@pytest.mark.parametrize("ends", [True, False])
async def test_it_is_over_once_it_is_closed_and_all_have_ended(ends: bool):
    merge = Merge(ManualClock(0.0), QUICK)
    (strand,) = strands(merge, "one")
    taking = asyncio.create_task(merge.take())
    merge.close()
    await asyncio.sleep(0)
    assert not taking.done()
    if ends:
        strand.end()
        assert await taking == []
    else:
        await strand.put([line(1)])
        assert told(await taking) == [("one", 1.0)]
