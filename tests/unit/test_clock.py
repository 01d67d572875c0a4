"""Clocks: simulated time runs at its own pace and never jumps when that changes."""

from __future__ import annotations

import pytest

from mtop_tui.clock import ManualClock, PacedClock


def test_a_paced_clock_runs_so_many_times_as_fast():
    wall = ManualClock(500.0)
    clock = PacedClock(1000.0, 10.0, wall)
    wall.advance(3.0)
    assert clock.now() == 1030.0


def test_another_pace_keeps_what_has_passed():
    wall = ManualClock(500.0)
    clock = PacedClock(1000.0, 10.0, wall)
    wall.advance(3.0)
    clock.speed = 0.5
    assert clock.now() == 1030.0
    wall.advance(4.0)
    assert clock.now() == 1032.0


def test_a_clock_cannot_stand_still_or_go_back():
    clock = PacedClock(0.0)
    with pytest.raises(ValueError, match="above 0"):
        clock.speed = 0.0
