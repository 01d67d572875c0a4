"""Being told of alerts: off unless asked for, once per alert, several together, safely."""

from __future__ import annotations

import pytest
from fleet_app import Fleet, typical_fleet
from textual.pilot import Pilot
from troubles import xid

from fleet_source import START, health
from mtop_tui.alarm import LONGEST, QUIET_LOOKS
from mtop_tui.config.settings import Settings
from mtop_tui.observations import GpuReading

MIDDLE = (120, 40)


class Heard:
    """What the terminal was sent beside pictures."""

    def __init__(self, fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bells = 0
        self.sequences: list[str] = []
        monkeypatch.setattr(fleet.app, "bell", self._ring)
        monkeypatch.setattr(fleet.app, "tell_terminal", self.sequences.append)

    def _ring(self) -> None:
        self.bells += 1


async def happen(fleet: Fleet, pilot: Pilot[int], *readings: GpuReading) -> None:
    """Let something happen, and the alarm look at it."""
    fleet.clock.advance(10)
    await fleet.emit(pilot, *readings, health(fleet.clock.now()))
    fleet.app.alarm.look()
    await fleet.settle(pilot)


async def test_an_alert_that_begins_to_fire_is_told_in_every_way_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = Settings(notify=("toast", "bell", "osc9", "osc777"))
    fleet = Fleet(*typical_fleet(), settings=settings)
    heard = Heard(fleet, monkeypatch)
    async with fleet.app.run_test(size=MIDDLE, notifications=True) as pilot:
        await fleet.settle(pilot)
        await happen(fleet, pilot, xid("granite-3-8b", 79, START + 10))
        words = "ticket: granite-3-8b: GPU error XID 79 on node-1"
        assert words in fleet.text
        assert heard.bells == 1
        assert heard.sequences == [
            f"\x1b]9;{words}\x1b\\",
            f"\x1b]777;notify;mtop;{words}\x1b\\",
        ]
        await happen(fleet, pilot)
        assert heard.bells == 1


async def test_by_default_nothing_is_told_and_a_key_turns_it_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fleet = Fleet(*typical_fleet())
    heard = Heard(fleet, monkeypatch)
    async with fleet.app.run_test(size=MIDDLE, notifications=True) as pilot:
        await fleet.settle(pilot)
        await happen(fleet, pilot, xid("granite-3-8b", 79, START + 10))
        assert "1 alert " in fleet.lines[0]
        assert "GPU error" not in fleet.text
        await pilot.press("exclamation_mark")
        await fleet.settle(pilot)
        assert "told by toast and bell" in fleet.text
        await happen(fleet, pilot, xid("qwen2-5-7b", 48, START + 20))
        assert (heard.bells, heard.sequences) == (1, [])
        assert "ticket: qwen2-5-7b: GPU error XID 48" in fleet.text
        await pilot.press("exclamation_mark")
        await happen(fleet, pilot, xid("gpt-oss-120b", 31, START + 30))
        assert heard.bells == 1


async def test_what_begins_soon_after_is_told_together_and_only_if_it_still_fires(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fleet = Fleet(*typical_fleet(), settings=Settings(notify=("osc9",)))
    heard = Heard(fleet, monkeypatch)
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await happen(fleet, pilot, xid("granite-3-8b", 79, START + 10))
        for turn, name in enumerate(("qwen2-5-7b", "gpt-oss-120b", "mixtral-8x7b"), 2):
            await happen(fleet, pilot, xid(name, 48, START + 10 * turn))
        await happen(fleet, pilot, xid("gpt-oss-120b", 0, START + 50))
        assert len(heard.sequences) == 1
        for _ in range(QUIET_LOOKS):
            fleet.app.alarm.look()
        _, told = heard.sequences
        assert told == "\x1b]9;2 alerts fire, 0 page: qwen2-5-7b xid, mixtral-8x7b xid\x1b\\"


async def test_what_others_wrote_cannot_leave_the_sequence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fleet = Fleet(*typical_fleet(), settings=Settings(notify=("osc777",)))
    heard = Heard(fleet, monkeypatch)
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        hostile = xid("granite-3-8b", 79, START + 10)
        monkeypatch.setattr(
            "mtop_tui.alarm.alert_words", lambda *_: "a\x1b\\\x07\x1b]0;pwned\x07\n" + "x" * 999
        )
        await happen(fleet, pilot, hostile)
        (told,) = heard.sequences
        body = told.removeprefix("\x1b]777;notify;mtop;").removesuffix("\x1b\\")
        assert body.isprintable()
        assert len(body) <= LONGEST
