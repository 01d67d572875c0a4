"""What a user reads on the Logs screen, and what the keys do."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fleet_app import Fleet, typical_fleet
from rich.cells import cell_len
from textual.pilot import Pilot

from fleet_source import START, key, replica, service
from mtop_tui.config.settings import Settings
from mtop_tui.observations import LogLine, LogLines, ObjectRef, Removed
from mtop_tui.providers.base import LogQuery
from mtop_tui.screens.fleet import FleetScreen
from mtop_tui.screens.logs import LogsScreen

NARROW, MIDDLE, WIDE = (80, 24), (120, 40), (200, 60)
SERVICE = key("granite-3-8b")


def told(pod: str, *lines: tuple[float, str], **more: int | str) -> LogLines:
    """Lines of a replica, at seconds before now."""
    ref = ObjectRef("test", "production", "Pod", f"granite-3-8b-{pod}", pod)
    made = tuple(LogLine(START - ago, text) for ago, text in lines)
    return LogLines(at=START, ref=ref, container="main", lines=made, **more)


class Logged(Fleet):
    """A typical fleet whose source has logs: what was told before, then what a test tells."""

    def __init__(self, *records: LogLines, settings: Settings | None = None) -> None:
        super().__init__(*typical_fleet(), settings=settings)
        self.provider.offers = frozenset({"pause", "logs"})
        self.records = list(records)
        self.queries: list[LogQuery] = []
        self.open = 0
        self.failure: Exception | None = None
        self._more: asyncio.Queue[LogLines] = asyncio.Queue()
        self.provider.read_logs = self._read_logs  # type: ignore[method-assign]

    async def _read_logs(self, query: LogQuery) -> AsyncIterator[LogLines]:
        self.queries.append(query)
        self.open += 1
        try:
            if self.failure is not None:
                raise self.failure
            for record in self.records:
                yield record
            while query.follow:
                yield await self._more.get()
        finally:
            self.open -= 1

    @property
    def logs(self) -> LogsScreen:
        screen = self.app.screen
        assert isinstance(screen, LogsScreen)
        return screen

    @property
    def shown(self) -> list[str]:
        """The lines of the log in view, without the bar at the edge."""
        rows = self.lines[2 : 2 + self.logs.view.size.height]
        return [row.rstrip(" ┃#") for row in rows if row.strip(" ┃#")]

    async def look(self, pilot: Pilot[int]) -> None:
        for _ in range(3):
            await pilot.pause()
        self.logs.look()
        await pilot.pause()

    async def begin(self, pilot: Pilot[int]) -> None:
        """From the Fleet screen to the logs of a service."""
        await self.settle(pilot)
        self.screen.table.select(SERVICE)
        await pilot.press("l")
        await self.look(pilot)

    async def press(self, pilot: Pilot[int], *keys: str) -> None:
        await pilot.press(*keys)
        await self.look(pilot)

    async def tell(self, pilot: Pilot[int], *records: LogLines) -> None:
        for record in records:
            self._more.put_nowait(record)
        await self.look(pilot)


def many(count: int, *, every: int = 10) -> list[LogLines]:
    """A line a second; each tenth is an error."""
    return [
        told(
            "abc"[n % 3] * 3,
            (
                count - n,
                f"{'ERROR' if n % every == every - 1 else 'INFO'} 08-02 09:19:29 number {n}.",
            ),
        )
        for n in range(count)
    ]


async def test_lines_of_all_replicas_in_time_order() -> None:
    fleet = Logged(
        told("aaa", (30, "first"), (10, "third")), told("bbb", (20, "second"), (5, "fourth"))
    )
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.begin(pilot)
        assert "fleet > production/granite-3-8b > logs" in fleet.lines[0]
        assert "1 replica" in fleet.lines[0]
        assert fleet.lines[0].endswith("08:00:00")
        assert fleet.shown == [
            "  07:59:30 aaa   first",
            "  07:59:40 bbb   second",
            "  07:59:50 aaa   third",
            " >07:59:55 bbb   fourth",
        ]
        assert "following" in fleet.lines[1]
        assert "4 lines     0 dropped    0 cut" in fleet.lines[1]
        assert "2027-01-15 07:59:55 UTC  granite-3-8b-bbb/main  line 4" in fleet.text
        assert fleet.queries == [LogQuery(SERVICE, tail=2000, follow=True)]


async def test_leaving_ends_the_reading_and_the_fleet_is_as_it_was() -> None:
    fleet = Logged(*many(5))
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.begin(pilot)
        assert fleet.open == 1
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(fleet.app.screen, FleetScreen)
        assert fleet.screen.table.selected == SERVICE
        assert fleet.open == 0


async def test_new_lines_are_followed_and_held_lines_stay() -> None:
    fleet = Logged(*many(100))
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.begin(pilot)
        assert fleet.shown[-1].endswith("number 99.")
        await fleet.tell(pilot, told("aaa", (0.5, "INFO the newest")))
        assert fleet.shown[-1].endswith("the newest")
        await fleet.press(pilot, "space")
        before = fleet.shown
        await fleet.tell(pilot, told("aaa", *((0.4, f"INFO more {n}") for n in range(500))))
        assert fleet.shown == before
        assert "held   500 below" in fleet.lines[1]
        await fleet.press(pilot, "f")
        assert "following" in fleet.lines[1]
        assert fleet.shown[-1].endswith("more 499")


async def test_held_lines_stay_when_a_replica_comes_late() -> None:
    fleet = Logged(*many(60))
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.begin(pilot)
        await fleet.press(pilot, "k", "k")
        here = next(line for line in fleet.shown if line.startswith(" >"))
        place = fleet.shown.index(here)
        await fleet.tell(pilot, told("bbb", (50, "INFO late"), (49.5, "INFO later")))
        assert fleet.shown[place] == here
        await fleet.press(pilot, "g")
        assert any("late" in line for line in fleet.shown)


async def test_moving_the_cursor_holds_and_the_end_follows() -> None:
    fleet = Logged(*many(100))
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.begin(pilot)
        await fleet.press(pilot, "k")
        assert "held     1 below" in fleet.lines[1]
        await fleet.press(pilot, "pageup")
        assert "held    20 below" in fleet.lines[1]
        await fleet.press(pilot, "g")
        assert fleet.shown[0].endswith("number 0.")
        assert fleet.shown[0].startswith(" >")
        await fleet.press(pilot, "pagedown", "j")
        assert "number 20." in next(line for line in fleet.shown if line.startswith(" >"))
        await fleet.press(pilot, "G")
        assert "following" in fleet.lines[1]


async def test_what_is_said_of_a_line_follows_the_cursor_at_once() -> None:
    fleet = Logged(*many(100))
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.begin(pilot)
        await pilot.press("g")
        await pilot.pause()
        assert "line 1" in fleet.text
        assert "held    99 below" in fleet.lines[1]


async def test_a_pattern_narrows_as_it_is_typed_and_its_inverse_too() -> None:
    fleet = Logged(*many(40))
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.begin(pilot)
        await fleet.press(pilot, "slash", *"number .9")
        assert len(fleet.shown) == 3
        await fleet.press(pilot, "enter")
        assert "3 of    40" in fleet.lines[1]
        assert "/number .9" in fleet.lines[1]
        await fleet.press(pilot, "slash", "home", "exclamation_mark", "enter")
        assert "37 of    40" in fleet.lines[1]
        await fleet.press(pilot, "k", "k")
        here = next(line for line in fleet.shown if line.startswith(" >"))
        await fleet.press(pilot, "escape")
        assert "40 lines" in fleet.lines[1]
        assert here in fleet.shown
        await pilot.press("escape")
        assert isinstance(fleet.app.screen, FleetScreen)


async def test_a_pattern_that_is_none_is_named_with_its_column_and_can_be_mended() -> None:
    fleet = Logged(*many(40))
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.begin(pilot)
        await fleet.press(pilot, "slash", *"number (", "enter")
        assert "column 8: missing ), unterminated subpattern" in fleet.text
        await fleet.press(pilot, *"9|8)", "enter")
        assert "/number (9|8)" in fleet.lines[1]
        await fleet.press(pilot, "slash", *"[", "escape")
        assert "/number (9|8)" in fleet.lines[1]


async def test_a_pattern_that_takes_too_long_is_given_up() -> None:
    fleet = Logged(told("aaa", (1, "a" * 4000)))
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.begin(pilot)
        await fleet.press(pilot, "slash", *"(a+)+$b", "enter")
        assert "takes too long" in fleet.text
        assert len(fleet.shown) == 1


async def test_levels() -> None:
    fleet = Logged(*many(40), told("aaa", (1, "WARN slow"), (0.5, "no level")))
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.begin(pilot)
        await fleet.press(pilot, "L")
        assert "42 of    42" in fleet.lines[1]
        await fleet.press(pilot, "L")
        assert "W+" in fleet.lines[1]
        assert "5 of    42" in fleet.lines[1]
        await fleet.press(pilot, "L")
        assert [line[14:19] for line in fleet.shown] == [" E nu"] * 4
        await fleet.press(pilot, "L")
        assert "42 lines" in fleet.lines[1]


async def test_from_error_to_error() -> None:
    fleet = Logged(*many(100))
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.begin(pilot)

        def here() -> str:
            return next(line for line in fleet.shown if line.startswith(" >"))

        await fleet.press(pilot, "N")
        assert "number 89." in here()
        await fleet.press(pilot, "N", "N", "N")
        assert "number 59." in here()
        await fleet.press(pilot, "n")
        assert "number 69." in here()
        await fleet.press(pilot, "G", "n")
        assert "no error after this line" in fleet.text


async def test_marks() -> None:
    fleet = Logged(*many(100))
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.begin(pilot)
        await fleet.press(pilot, "apostrophe")
        assert "no line is marked" in fleet.text
        await fleet.press(pilot, "N", "m", "g", "j", "m")
        assert any(line.startswith("*>") for line in fleet.shown)
        await fleet.press(pilot, "apostrophe")
        assert any(line.startswith("*>") and "number 89." in line for line in fleet.shown)
        await fleet.press(pilot, "apostrophe")
        assert any(line.startswith("*>") and "number 1." in line for line in fleet.shown)


async def test_copying_a_line_and_a_selection(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = Logged(*many(40))
    copied: list[str] = []
    monkeypatch.setattr(fleet.app, "copy_to_clipboard", copied.append)
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.begin(pilot)
        await fleet.press(pilot, "k", "y")
        assert copied == [
            "2027-01-15T07:59:58.000+00:00 granite-3-8b-ccc/main INFO 08-02 09:19:29 number 38."
        ]
        assert "copied 1 line" in fleet.text
        await fleet.press(pilot, "V", "k", "k")
        assert "selecting 3" in fleet.lines[1]
        assert sum(line.startswith(" |") for line in fleet.shown) == 2
        await fleet.press(pilot, "y")
        assert len(copied[1].splitlines()) == 3
        assert "held" in fleet.lines[1]


async def test_too_much_for_the_clipboard_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = Logged(told("aaa", *((1, "x" * 4000) for _ in range(40))))
    copied: list[str] = []
    monkeypatch.setattr(fleet.app, "copy_to_clipboard", copied.append)
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.begin(pilot)
        await fleet.press(pilot, "V", "g", "y")
        assert copied == []
        assert "too much for a clipboard; s saves" in fleet.text


async def test_saving_writes_what_is_wanted_and_overwrites_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fleet = Logged(*many(40))
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.begin(pilot)
        await fleet.press(pilot, "L", "L", "L", "s", *"x.log", "enter")
        assert f"saved 4 lines to {tmp_path}"[:60] in fleet.text
        lines = (tmp_path / "x.log").read_text().splitlines()
        assert len(lines) == 4
        assert lines[0].endswith("granite-3-8b-aaa/main ERROR 08-02 09:19:29 number 9.")
        await fleet.press(pilot, "s", *"x.csv", "enter", "s", *"x.jsonl", "enter")
        with (tmp_path / "x.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert rows == [json.loads(one) for one in (tmp_path / "x.jsonl").read_text().splitlines()]
        assert [one["level"] for one in rows] == ["error"] * 4
        assert (rows[0]["pod"], rows[0]["container"]) == ("granite-3-8b-aaa", "main")
        assert rows[0]["text"] == "ERROR 08-02 09:19:29 number 9."
        await fleet.press(pilot, "s", *"x.log", "enter")
        assert "x.log: it is there already; nothing was written" in fleet.text
        await fleet.press(pilot, "escape", "s", *"no/such.log", "enter")
        assert "No such file or directory" in fleet.text
        await fleet.press(pilot, "escape")
        assert len((tmp_path / "x.log").read_text().splitlines()) == 4


async def test_a_time_range_reads_again() -> None:
    fleet = Logged(*many(40))
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.begin(pilot)
        await fleet.press(pilot, "t", *"soon", "enter")
        assert "column 1: 'soon' is neither a duration" in fleet.text
        await fleet.press(pilot, *["backspace"] * 4, *"30s..10s", "enter")
        assert fleet.queries[-1] == LogQuery(SERVICE, since=START - 30)
        assert "30s..10s" in fleet.lines[1]
        assert "20 of    40" in fleet.lines[1]
        assert "at its end" in fleet.lines[1]
        assert fleet.open == 0


async def test_previous_containers() -> None:
    fleet = Logged(*many(3))
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.begin(pilot)
        await fleet.press(pilot, "P")
        assert fleet.queries[-1] == LogQuery(SERVICE, tail=2000, previous=True)
        assert "before a restart" in fleet.lines[1]
        fleet.records = []
        await fleet.press(pilot, "r")
        assert "No container has been restarted" in fleet.text
        await fleet.press(pilot, "P")
        assert fleet.queries[-1].follow
        assert "following" in fleet.lines[1]


async def test_wrapping_and_moving_sideways() -> None:
    long = " ".join(f"w{n:03}" for n in range(60))
    fleet = Logged(told("aaa", (2, long), (1, "short")))
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.begin(pilot)
        assert fleet.shown[0].endswith("…")
        assert "w000" in fleet.shown[0]
        await fleet.press(pilot, "right", "right")
        assert "w000" not in fleet.shown[0]
        assert "w008" in fleet.shown[0]
        assert "from column 41" in fleet.text
        await fleet.press(pilot, "h", "h", "h")
        assert "w000" in fleet.shown[0]
        await fleet.press(pilot, "w")
        text = "".join(line[17:] for line in fleet.shown[:-1]).replace(" ", "")
        assert text == long.replace(" ", "")
        await fleet.press(pilot, "k")
        assert fleet.shown[0].startswith(" >")


async def test_a_wrapped_line_higher_than_the_screen_can_be_passed() -> None:
    fleet = Logged(told("aaa", (3, "first"), (2, "x" * 4000), (1, "last")))
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.begin(pilot)
        await fleet.press(pilot, "w", "k")
        assert fleet.shown[0].startswith(" >")
        await fleet.press(pilot, "k")
        assert fleet.shown[0].endswith("first")
        await fleet.press(pilot, "j", "j")
        assert fleet.shown[-1].startswith(" >")
        assert fleet.shown[-1].endswith("last")


HOSTILE = [
    "a" * 100_000,
    "\x1b]0;pwned\x07\x1b[2J\x9b31m",
    "[bold]not markup[/bold] [/] [@click=app.quit]x[/]",
    "日本語のログ" * 40,
    "e\u0301\u0301\u0301" * 50,
    "שלום עולם " * 20,
    "\u202eabc\u200b\ud800\x00\r\n\t",
    "👩‍👩‍👧‍👦🇩🇪👍🏽" * 30,
    '{"msg":"\\u001b[2J\\u009b \\ud83d"}',
    b"\xff\xfe broken".decode(errors="surrogateescape"),
    "",
]


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("size", [NARROW, (33, 9), (9, 5), (1, 1)])
async def test_no_text_corrupts_the_screen(size: tuple[int, int], ascii_only: bool) -> None:
    records = [told("aaa", *((1, text) for text in HOSTILE * 3))]
    fleet = Logged(*records, settings=Settings(ascii=ascii_only))
    async with fleet.app.run_test(size=size) as pilot:
        await fleet.begin(pilot)
        for keys in ("", "right", "w", "k", "pageup", "g", "R"):
            await fleet.press(pilot, *filter(None, [keys]))
            strips = fleet.app.screen._compositor.render_strips()
            for strip in strips:
                assert strip.cell_length == size[0]
                assert cell_len(strip.text) == size[0]
                assert not set(strip.text) & set("\x1b\x9b\x07\r\n\t\u202e\u200b")
        await fleet.press(pilot, "f")
        if size == NARROW:
            assert "3 cut" in fleet.lines[1]


async def test_sizes_from_nothing_and_back() -> None:
    fleet = Logged(*many(100))
    async with fleet.app.run_test(size=WIDE) as pilot:
        await fleet.begin(pilot)
        await fleet.press(pilot, "k", "w")
        for size in ((1, 1), (20, 3), NARROW, (1, 1), MIDDLE):
            await pilot.resize_terminal(*size)
            await fleet.look(pilot)
        here = next(line for line in fleet.shown if line.startswith(" >"))
        assert "number 98." in here
        assert "07:59:58.000" in here


async def test_a_source_without_logs_says_so() -> None:
    fleet = Logged()
    fleet.provider.offers = frozenset({"pause"})
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.begin(pilot)
        assert "This source has no logs." in fleet.text
        assert fleet.queries == []


async def test_what_is_said_while_there_is_no_line() -> None:
    fleet = Logged()
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.begin(pilot)
        assert "No line yet." in fleet.text
        await fleet.press(pilot, "k", "j", "n", "N", "m", "y", "V", "w", "pageup", "G", "right")
        assert "No line yet." in fleet.text
        await fleet.tell(pilot, told("aaa", (1, "INFO here")))
        assert fleet.shown == [" >07:59:59 aaa I here"]
        await fleet.press(pilot, "slash", *"nothing", "enter")
        assert "The filter hides all there is, one line." in fleet.text


async def test_what_the_source_says_of_logs_stands_until_it_says_otherwise() -> None:
    fleet = Logged(told("aaa", said="it waits to start (ContainerCreating)"))
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.begin(pilot)
        waits = "granite-3-8b-aaa/main: it waits to start (ContainerCreating)"
        assert waits in fleet.text
        await fleet.tell(pilot, told("bbb", (1, "INFO here")))
        assert fleet.shown[0].endswith(" bbb I here")
        _, _, said = waits.partition(": ")
        assert f"  aaa: {said}" in fleet.lines[1]
        await fleet.tell(pilot, told("bbb", said="its log was rotated"))
        assert "  aaa (1 of 2): it waits to start" in fleet.lines[1]
        await fleet.tell(pilot, told("bbb", said=said))
        assert "  2 logs: it waits to start" in fleet.lines[1]
        await fleet.tell(pilot, told("aaa"), told("bbb"))
        assert fleet.lines[1].split()[-2:] == ["0", "cut"]


async def test_a_service_without_replicas_has_nobody_to_write() -> None:
    fleet = Logged()
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.settle(pilot)
        fleet.screen.table.select(key("phi-4", "development"))
        await pilot.press("l")
        await fleet.look(pilot)
        assert "0 replicas" in fleet.lines[0]
        assert "the service has no replica that could write one" in fleet.text


async def test_a_source_that_fails_says_why_and_can_be_asked_again() -> None:
    fleet = Logged(*many(3))
    fleet.failure = OSError("\x1b[2Jconnection reset")
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.begin(pilot)
        assert "The source could not read the logs: ␛connection reset" in fleet.text
        assert "reading failed" in fleet.lines[1]
        fleet.failure = None
        await fleet.press(pilot, "r")
        assert len(fleet.shown) == 3
        assert "following" in fleet.lines[1]


async def test_a_service_that_vanishes_leaves_its_lines() -> None:
    fleet = Logged(*many(5))
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.begin(pilot)
        ref = service("granite-3-8b").ref
        fleet.provider.emit(Removed(at=START, ref=ref))
        await fleet.look(pilot)
        assert "gone" in fleet.lines[0]
        assert len(fleet.shown) == 5


async def test_what_was_lost_and_restarted_is_said() -> None:
    import msgspec

    fleet = Logged(told("aaa", (1, "x"), dropped=12, cut=3))
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.begin(pilot)
        assert "12 dropped    3 cut" in fleet.lines[1]
        restarted = msgspec.structs.replace(replica(SERVICE, gpus=2), restarts=4)
        fleet.provider.emit(restarted)
        await fleet.look(pilot)
        assert "4 restarts: P" in fleet.lines[0]


async def test_the_mouse_scrolls_and_picks_a_line() -> None:
    from mtop_tui.widgets.log_view import LogView

    fleet = Logged(*many(100))
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.begin(pilot)
        await pilot.click(LogView, offset=(30, 4))
        await fleet.look(pilot)
        assert fleet.shown[4].startswith(" >")
        await pilot.click(LogView, offset=(79, 0))
        await fleet.look(pilot)
        assert "number 0." in fleet.shown[0]
        await pilot._post_mouse_events(
            [__import__("textual.events", fromlist=["x"]).MouseScrollDown], LogView, (30, 4)
        )
        await fleet.look(pilot)
        assert "number 3." in fleet.shown[0]


async def test_the_palette_runs_the_commands_of_this_screen() -> None:
    fleet = Logged(*many(30))
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.begin(pilot)
        await pilot.press("colon", *"follow or")
        async with asyncio.timeout(10):
            while "Follow or hold" not in fleet.text:
                await asyncio.sleep(0)
        await pilot.press("down", "enter")
        await fleet.look(pilot)
        assert "held     0 below" in fleet.lines[1]


async def test_help_lists_the_keys() -> None:
    fleet = Logged(*many(3))
    async with fleet.app.run_test(size=(120, 60)) as pilot:
        await fleet.begin(pilot)
        await pilot.press("question_mark")
        await pilot.pause()
        for words in ("Follow or hold", "Previous container", "Time range", "As written"):
            assert words in fleet.text
        await pilot.press("escape")
        await fleet.look(pilot)
        assert len(fleet.shown) == 3
