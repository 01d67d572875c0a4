"""A Service screen that stays open keeps nothing of what has passed."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path

from fleet_app import Fleet
from opening import open_screen

from fleet_source import START, health
from mtop_tui.observations import Observation
from service_source import calm, event, pods, sample, times

MIDDLE = (120, 40)
STEP, WARM, HOUR = 5, 900, 3600
MOST_GROWTH = 1.02


def moment(passed: int) -> Sequence[Observation]:
    """What four replicas and the cluster say at a time."""
    at = START + passed
    slow = 0.1 + 0.01 * (passed % 60)
    told: list[Observation] = [
        sample(one, at, 3600.0 + 12 * passed, times(slow, 0.012, 0.01), (6.0, 0.0, 0.41))
        for one in pods(4)
    ]
    if passed % 60 == 0:
        told += [health(at=at), event("Pulled", f"number {passed}", at)]
    return told


def resident() -> int:
    """Pages of memory in use."""
    return int(Path("/proc/self/statm").read_text().split()[1])


async def test_after_an_hour_it_holds_no_more_than_after_a_quarter_of_one() -> None:
    fleet = Fleet(*calm())
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await open_screen(fleet, pilot, "service")
        held: list[tuple[int, int]] = []
        for passed in range(STEP, HOUR + 1, STEP):
            fleet.clock.advance(STEP)
            fleet.provider.emit(*moment(passed))
            await pilot.pause()
            fleet.app.screen.look()  # type: ignore[attr-defined]
            if passed in {WARM, HOUR}:
                await pilot.pause()
                gc.collect()
                held.append((len(gc.get_objects()), resident()))
        (objects, pages), (objects_later, pages_later) = held
        assert objects_later <= MOST_GROWTH * objects
        assert pages_later <= MOST_GROWTH * pages
        assert "number 3600" in fleet.text or "events 50" in fleet.text
