"""What a user reads on the Service screen, and what the keys do."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from fleet_app import Fleet, typical_fleet
from textual.pilot import Pilot

from fleet_source import START, health, key, replica
from fleet_source import service as plain_service
from mtop_tui.commands import SERVICE
from mtop_tui.config.settings import Settings
from mtop_tui.observations import ObjectRef, Observation, RawObject, Removed
from mtop_tui.screens.fleet import FleetScreen
from mtop_tui.screens.service import ServiceScreen
from mtop_tui.widgets.text_lines import TextLines
from service_source import KEY, NAME, burning, calm, event, pods, sample, service, times

NARROW, MIDDLE, WIDE = (80, 24), (120, 40), (200, 60)


class Opened(Fleet):
    """A fleet whose first service is opened."""

    async def open(self, pilot: Pilot[int]) -> ServiceScreen:
        await self.settle(pilot)
        await pilot.press("enter")
        await pilot.pause()
        screen = self.app.screen
        assert isinstance(screen, ServiceScreen)
        return screen

    async def look(self, pilot: Pilot[int]) -> None:
        await pilot.pause()
        screen = self.app.screen
        if isinstance(screen, ServiceScreen):
            screen.look()
        await pilot.pause()

    def row(self, start: str) -> str:
        return next(line for line in self.lines if line[2:].lstrip().startswith(start))


async def test_enter_opens_the_selected_service_and_escape_returns_to_its_row() -> None:
    fleet = Opened(*typical_fleet())
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("j", "j", "j")
        chosen = fleet.screen.table.selected
        await fleet.open(pilot)
        assert chosen is not None
        assert fleet.lines[0].startswith(f" mtop  fleet > {chosen.namespace}/{chosen.name}")
        await pilot.press("escape")
        assert isinstance(fleet.app.screen, FleetScreen)
        assert fleet.screen.table.selected == chosen


async def test_enter_in_an_empty_fleet_opens_nothing() -> None:
    fleet = Opened(health())
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.settle(pilot)
        await pilot.press("enter")
        assert isinstance(fleet.app.screen, FleetScreen)


async def test_a_burning_service_says_why_in_the_first_lines() -> None:
    fleet = Opened(*burning())
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.open(pilot)
        assert f"production/{NAME}" in fleet.lines[0]
        assert "4/4" in fleet.lines[0]
        assert fleet.lines[1].startswith(" why  ")
        assert "no GPU" in fleet.lines[1]
        assert any(line.startswith(" next ") for line in fleet.lines[1:6])


async def test_charts_have_titles_with_units_and_one_axis() -> None:
    fleet = Opened(*burning())
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.open(pilot)
        text = fleet.text
        for title in ("req/s", "TTFT p95", "queue", "KV cache", "TPOT", "errors", "prefix hits"):
            assert title in text
        assert "2.43 s" in text or "2.42 s" in text
        axis = next(line for line in fleet.lines if line.count("!") == 5)
        assert axis.count("^") == 5
        assert axis.count("*") == 5
        assert "* note  ^ revision  ! warning  . event" in text
        assert "[5m]" in text


async def test_the_cursor_reads_all_charts_at_one_time() -> None:
    fleet = Opened(*burning())
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        screen = await fleet.open(pilot)
        now = next(line for line in fleet.lines if "TTFT p95" in line)
        for _ in range(12):
            await pilot.press("left")
        then = next(line for line in fleet.lines if "TTFT p95" in line)
        assert then != now
        assert "242 ms" in then or "490 ms" in then or "48" in then
        assert " ago   " in fleet.text
        assert screen._board.cursor is not None
        for _ in range(13):
            await pilot.press("right")
        assert screen._board.cursor is None
        assert next(line for line in fleet.lines if "TTFT p95" in line) == now


async def test_marks_are_stepped_through_and_told_in_words() -> None:
    fleet = Opened(*burning())
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.open(pilot)
        await pilot.press("N")
        assert "! FailedScheduling: 0/2 nodes are available" in fleet.text
        await pilot.press("N")
        assert "* traffic x3" in fleet.text
        await pilot.press("N")
        assert "^ revision 8 of main created" in fleet.text
        await pilot.press("n")
        assert "* traffic x3" in fleet.text


async def test_zoom_changes_the_span_and_says_what_is_kept() -> None:
    fleet = Opened(*burning())
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.open(pilot)
        for pressed, span in (("1", "[1m]"), ("4", "[1h]"), ("plus", "[15m]"), ("minus", "[1h]")):
            await pilot.press(pressed)
            assert span in fleet.text
        assert "07:01 to 08:00" in fleet.text
        await pilot.press("5")
        assert "[6h]" in fleet.text
        assert re.search(r" 0[12]:\d\d to 08:00", fleet.text)


async def test_where_a_request_spends_its_time() -> None:
    fleet = Opened(*burning())
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.open(pilot)
        line = next(line for line in fleet.lines if line.startswith(" a request's"))
        assert "queue " in line
        assert "prefill 50 ms" in line
        assert line.index("queue") < line.index("prefill") < line.index("decode")


async def test_the_autoscaler_says_what_it_wants_and_why_not() -> None:
    fleet = Opened(*burning())
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.open(pilot)
        line = next(line for line in fleet.lines if line.startswith(" scaling"))
        assert "wants 5, has 4, bounds 2 to 5" in line
        assert "ScalingLimited TooManyReplicas" in line


async def test_replicas_that_fail_and_the_odd_one_out_come_first() -> None:
    fleet = Opened(*burning())
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.open(pilot)
        await fleet.look(pilot)
        start = next(i for i, line in enumerate(fleet.lines) if "REPLICA" in line) + 1
        rows = fleet.lines[start : start + 5]
        assert "no GPU" in rows[0]
        assert rows[0].startswith(">!")
        assert "odd one out" in rows[1]
        assert "-2 " in rows[1]
        assert rows[1].startswith(" *")
        assert all("ready" in row for row in rows[2:])
        assert "90%" in rows[1]


async def test_tab_cycles_the_panels_and_each_scrolls() -> None:
    fleet = Opened(*burning())
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.open(pilot)
        assert "[replicas 5]" in fleet.text
        await pilot.press("tab")
        assert "[conditions 3 failing]" in fleet.text
        assert "! MainWorkloadReady" in fleet.text
        await pilot.press("G")
        assert "HTTPRoutesReady" in fleet.text
        await pilot.press("tab")
        assert "FailedScheduling" in fleet.text
        await pilot.press("tab")
        assert "hf://openai/gpt-oss-120b" in fleet.text
        await pilot.press("tab")
        assert "REPLICA" in fleet.text
        await pilot.press("shift+tab")
        assert "[spec]" in fleet.text


async def test_a_large_screen_shows_all_panels_at_once() -> None:
    fleet = Opened(*burning())
    async with fleet.app.run_test(size=WIDE) as pilot:
        await fleet.open(pilot)
        for words in ("REPLICA", "MainWorkloadReady", "FailedScheduling", "model uri"):
            assert words in fleet.text


async def test_all_causes_stand_on_a_page_with_their_evidence() -> None:
    fleet = Opened(*burning())
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.open(pilot)
        await pilot.press("w")
        await pilot.pause()
        assert "> why" in fleet.lines[0]
        assert "  1.  " in fleet.text
        assert " seen " in fleet.text
        await pilot.press("w")
        assert isinstance(fleet.app.screen, ServiceScreen)


async def test_yaml_is_read_from_the_source_and_escaped() -> None:
    fleet = Opened(*calm())
    fleet.provider.offers = frozenset({"pause", "objects"})
    asked: list[ObjectRef] = []

    async def read_object(ref: ObjectRef) -> RawObject:
        asked.append(ref)
        return RawObject(at=START, ref=ref, body={"kind": "X", "spec": {"a": "\x1b[31mred"}})

    fleet.provider.read_object = read_object  # type: ignore[method-assign]
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.open(pilot)
        await pilot.press("y")
        await pilot.pause()
        await pilot.pause()
        assert [ref.name for ref in asked] == [NAME]
        assert "kind: X" in fleet.text
        assert "\\e[31mred" in fleet.text
        await pilot.press("escape")
        assert isinstance(fleet.app.screen, ServiceScreen)


@pytest.mark.parametrize(
    ("offers", "failure", "said"),
    [
        ((), None, "this source does not give objects"),
        (("objects",), None, "no such object any more"),
        (("objects",), OSError("it is\x1b[2J down"), "could not be read: it is␛ down"),
    ],
)
async def test_yaml_says_why_there_is_none(
    offers: Sequence[str], failure: Exception | None, said: str
) -> None:
    fleet = Opened(*calm())
    fleet.provider.offers = frozenset(offers)  # type: ignore[arg-type]

    async def read_object(ref: ObjectRef) -> RawObject | None:
        if failure is not None:
            raise failure
        return None

    fleet.provider.read_object = read_object  # type: ignore[method-assign]
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.open(pilot)
        await pilot.press("y")
        await pilot.pause()
        await pilot.pause()
        assert said in fleet.text


async def test_a_service_that_vanishes_stays_in_view_and_is_said_to_be_gone() -> None:
    fleet = Opened(*calm())
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.open(pilot)
        fleet.provider.emit(Removed(at=START + 1, ref=service().ref))
        await fleet.look(pilot)
        assert "removed" in fleet.lines[0]
        assert "this service was removed" in fleet.text
        for pressed in ("left", "N", "tab", "tab", "tab", "tab", "1", "w"):
            await pilot.press(pressed)
        assert "no longer there" in fleet.text
        await pilot.press("escape", "y")
        await pilot.pause()
        await pilot.press("escape", "escape")
        assert isinstance(fleet.app.screen, FleetScreen)


async def test_a_service_that_comes_back_is_shown_anew() -> None:
    fleet = Opened(*calm())
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.open(pilot)
        fleet.provider.emit(
            Removed(at=START + 1, ref=service().ref), plain_service(NAME, uid="another")
        )
        await fleet.look(pilot)
        assert "removed" not in fleet.lines[0]
        assert "no samples yet" in fleet.text
        assert "[replicas 0]" in fleet.text


async def test_a_service_without_samples_says_so() -> None:
    fleet = Opened(health(), plain_service("idle", ready=False))
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.open(pilot)
        assert "no samples yet" in fleet.text


async def test_sources_that_are_not_live_are_said_first() -> None:
    fleet = Opened(*calm(), health(START, "disconnected"))
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.open(pilot)
        assert "source disconnected" in fleet.lines[0]


async def test_events_that_may_not_be_read_are_not_called_absent() -> None:
    fleet = Opened(*calm(), health(START, forbidden=("events",)))
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.open(pilot)
        await pilot.press("tab", "tab")
        assert "may not read events" in fleet.text


async def test_stale_figures_are_not_shown_as_current() -> None:
    fleet = Opened(*calm())
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.open(pilot)
        fleet.clock.advance(200)
        await fleet.look(pilot)
        assert "no fresh metrics" in fleet.lines[0]
        row = next(line for line in fleet.lines if "-0 " in line and "ready" in line)
        assert "--" in row


async def test_prefill_and_decode_stand_side_by_side() -> None:
    owned = pods(4, roles=("prefill", "decode"))
    records: list[Observation] = [health(), service(roles=("prefill", "decode")), *owned]
    for one in owned:
        for step in range(40):
            at = START - 200 + 5 * step
            levels = (3.0, 1.0, 0.2)
            records.append(sample(one, at, 20.0 * step, times(0.2, 0.02, 0.01), levels))
    fleet = Opened(*records)
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.open(pilot)
        line = next(line for line in fleet.lines if line.startswith(" prefill 2/2"))
        assert "TTFT p95" in line
        assert "decode 2/2  TPOT 20 ms" in line
        assert "POOL" in fleet.text
        assert "prefill queue" in fleet.text


async def test_500_replicas_scroll() -> None:
    owned = [replica(KEY, index) for index in range(500)]
    records: list[Observation] = [health(), service(), *owned]
    fleet = Opened(*records)
    async with fleet.app.run_test(size=NARROW) as pilot:
        await fleet.open(pilot)
        assert "[replicas 500]" in fleet.text
        await pilot.press("G")
        assert any(line.startswith(">") and "-99" in line for line in fleet.lines)


@pytest.mark.parametrize("size", [NARROW, MIDDLE, WIDE])
async def test_names_and_texts_of_any_length_stay_inside(size: tuple[int, int]) -> None:
    name = "a" * 253
    one = replica(key(name), phase="failed", reason="x" * 253, message="y " * 500)
    broken = plain_service(name, ready=False, reason="z" * 200, message="ж" * 900)
    said = event("R" * 200, "你好" * 200, START - 5, warns=True)
    fleet = Opened(health(), broken, one, said)
    async with fleet.app.run_test(size=size) as pilot:
        await fleet.open(pilot)
        for _ in range(4):
            await pilot.press("tab")
            assert all(len(line) <= size[0] for line in fleet.lines)
        await pilot.press("w")
        assert fleet.lines[0].endswith("08:00:00")


async def test_a_resize_to_one_cell_and_back_leaves_the_screen_whole() -> None:
    fleet = Opened(*burning())
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.open(pilot)
        await fleet.look(pilot)
        before = fleet.text
        for size in ((1, 1), (10, 3), (200, 2), (3, 60), MIDDLE):
            await pilot.resize_terminal(*size)
            await fleet.look(pilot)
        assert fleet.text == before


async def test_ascii_mode_draws_ascii_only() -> None:
    fleet = Opened(*burning(), settings=Settings(ascii=True))
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.open(pilot)
        await pilot.press("left")
        strips = fleet.app.screen._compositor.render_strips()
        charts = fleet.app.screen.query_one("#measured", TextLines)
        assert all("".join(cell.text for cell in line).isascii() for line in charts._lines)
        assert any("#" in strip.text for strip in strips)


async def test_a_look_without_news_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    render_line = TextLines.render_line

    def counted(self: TextLines, y: int) -> object:
        drawn.append(y)
        return render_line(self, y)

    fleet = Opened(*burning())
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.open(pilot)
        await fleet.look(pilot)
        monkeypatch.setattr(TextLines, "render_line", counted)
        for _ in range(3):
            await fleet.look(pilot)
        assert not drawn


async def test_every_command_of_the_screen_can_be_pressed() -> None:
    for command in SERVICE:
        fleet = Opened(*burning())
        async with fleet.app.run_test(size=MIDDLE) as pilot:
            await fleet.open(pilot)
            await pilot.press(command.keys.split(",")[0])
            await pilot.pause()
            assert fleet.lines


async def test_opening_again_and_again_leaves_nothing_behind() -> None:
    fleet = Opened(*calm())
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        for _ in range(5):
            await fleet.open(pilot)
            await pilot.press("w", "escape", "escape")
        await pilot.pause()
        assert len(fleet.app.screen_stack) == 1
        assert {worker.name for worker in fleet.app.workers} == {"feed"}
