"""The Rollout screen in every state: whatever is missing, odd, gone, or too small to be shown."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleet_source import START, health, key, node, replica, service
from mtop_tui.commands import ROLLOUT
from mtop_tui.config.settings import Settings
from mtop_tui.observations import (
    Annotation,
    KubeEvent,
    ObjectRef,
    Observation,
    Removed,
    Revision,
    RouteGroup,
    RouteMember,
)
from mtop_tui.screens.fleet import FleetScreen
from mtop_tui.screens.rollout import RolloutScreen
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.rollout import rollout_state
from mtop_tui.views import rollout as views
from mtop_tui.views import rollout_lanes as lanes
from mtop_tui.views.board import Board
from mtop_tui.views.rollout_comparison import comparison_lines
from mtop_tui.views.rollout_marks import rollout_marks
from mtop_tui.views.rollout_trends import trend_lines
from mtop_tui.views.words import cells
from rollout_stories import SHIPPED, Shown, told

MIDDLE = (120, 40)
LONG = "a" * 253
NAMES = st.sampled_from(["chat", "chat-canary", LONG])
COUNTS = st.none() | st.integers(0, 3)
TIMES = st.integers(-4000, 0).map(lambda seconds: START + seconds)
WORDS = st.sampled_from(["", "it is down", "x" * 300, "你好 " * 40, "e\u0301" * 50])


@st.composite
def services(draw: st.DrawFn) -> Observation:
    one = service(draw(NAMES), at=draw(TIMES), stopped=draw(st.booleans()))
    return msgspec.structs.replace(
        one,
        created_at=draw(st.none() | TIMES),
        generation=draw(COUNTS),
        observed_generation=draw(COUNTS),
        mirrors_to=draw(st.just("") | NAMES),
        pools=draw(st.sampled_from([one.pools, ()])),
    )


@st.composite
def groups(draw: st.DrawFn) -> Observation:
    members = draw(st.lists(st.tuples(NAMES, st.integers(0, 9), st.booleans()), max_size=3))
    return RouteGroup(
        at=draw(TIMES),
        ref=ObjectRef("test", "production", "RouteGroup", "g"),
        members=tuple(RouteMember(*one) for one in members),
    )


@st.composite
def revisions(draw: st.DrawFn) -> Observation:
    number = draw(st.integers(1, 3))
    return Revision(
        at=draw(TIMES),
        ref=ObjectRef("test", "production", "ReplicaSet", f"rs-{number}", f"rs-{number}"),
        service=key(draw(NAMES)),
        role=draw(st.sampled_from(["main", "decode", "prefill"])),
        number=number,
        image=draw(WORDS),
        created_at=draw(st.none() | TIMES),
        desired=draw(COUNTS),
        ready=draw(COUNTS),
    )


@st.composite
def replicas(draw: st.DrawFn) -> Observation:
    return replica(
        key(draw(NAMES)),
        draw(st.integers(0, 3)),
        phase=draw(st.sampled_from(["pending", "starting", "ready", "failed", "terminating"])),
        node=draw(st.none() | st.just("node-0")),
        reason=draw(st.sampled_from(["", "CrashLoopBackOff", "ErrImagePull", "Loading"])),
        message=draw(WORDS),
        since=draw(st.none() | TIMES),
        deadline=draw(st.none() | TIMES),
        revision=draw(st.sampled_from(["", "1", "2"])),
    )


@st.composite
def sayings(draw: st.DrawFn) -> Observation:
    at, text = draw(TIMES), draw(WORDS)
    if draw(st.booleans()):
        return Annotation(at=at, text=text)
    return KubeEvent(
        at=at,
        ref=ObjectRef("test", "production", "Event", f"{at}", f"{at}"),
        involved=ObjectRef("test", "production", "LLMInferenceService", draw(NAMES)),
        severity="Warning",
        reason="Odd",
        message=text,
    )


RECORDS = st.lists(
    st.one_of(services(), groups(), revisions(), replicas(), sayings(), st.just(node())),
    max_size=25,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    RECORDS,
    st.sampled_from([1, 5, 20, 79, 80, 110, 200]),
    st.none() | TIMES,
    st.booleans(),
    st.sampled_from([1, 3, 5]),
)
def test_any_partial_state_is_drawn_within_its_width(records, width, cursor, plain, height) -> None:
    store = FleetStore()
    store.apply([service("chat", at=START - 4000)])
    store.apply(sorted(records, key=lambda one: one.at))
    board = Board(cursor=cursor, ascii=plain)
    for state in store.services():
        found = rollout_state(store, state, START)
        marks = rollout_marks(store, found.versions, found.track)
        known = lanes.lanes_of(
            store, found.versions, lanes.courses_of(store, found.versions), cursor
        )
        compared = found.track.at(cursor) if found.track and cursor else found.compared
        facts = [one.facts for one in known]
        past, owners = views.history_lines(marks, START, width)
        wrapped = [
            *views.headline(found, START, width, height),
            *views.at_cursor(cursor or START, marks, START, width, height),
        ]
        assert len(views.headline(found, START, width, height)) <= height
        if width >= 20:  # below, a word is broken into four cells at least
            assert all(sum(cells(cell.text) for cell in line) <= width for line in wrapped)
        if width >= 79:
            drawn = [
                *lanes.lane_lines(known, found.versions, board, START, width),
                *lanes.below(marks, board, START, width),
                *comparison_lines(compared, "nothing", {}, width, 7),
                *views.pointed(past, owners, views.reached(marks, cursor)),
                *views.risk_lines(found, width),
                *views.version_lines(store, found.versions.all, facts, START, width),
            ]
            if found.track is not None:
                drawn += trend_lines(found.track, board, START, width)
            for line in drawn:
                assert sum(cells(cell.text) for cell in line) <= width, line


# On the screen


async def shown_rolling(**more: object) -> Shown:
    return Shown(*await told("rolling", 300), SHIPPED, Settings(**more))  # type: ignore[arg-type]


async def test_a_service_that_vanishes_stays_in_view_and_is_said_to_be_gone() -> None:
    shown = await shown_rolling()
    async with shown.app.run_test(size=MIDDLE) as pilot:
        await shown.open(pilot)
        state = shown.store.service(shown.key)
        assert state is not None
        assert state.service is not None
        shown.provider.emit(Removed(at=shown.now, ref=state.service.ref))
        await shown.look(pilot)
        assert "removed" in shown.lines[0]
        assert "this service was removed" in shown.text
        for command in ROLLOUT:
            if command.action not in {"leave", "open", "logs"}:
                await pilot.press(command.keys.split(",")[0])
        assert "revision 2" in shown.text
        await pilot.press("escape", "escape")
        assert isinstance(shown.app.screen, FleetScreen)


async def test_a_resize_to_one_cell_and_back_leaves_the_screen_whole() -> None:
    shown = await shown_rolling()
    async with shown.app.run_test(size=MIDDLE) as pilot:
        await shown.open(pilot)
        await shown.look(pilot)
        before = shown.text
        for size in ((1, 1), (10, 3), (200, 2), (3, 60), (80, 24), MIDDLE):
            await pilot.resize_terminal(*size)
            await shown.look(pilot)
        assert shown.text == before


@pytest.mark.parametrize("size", [(80, 24), MIDDLE, (200, 60)])
async def test_names_of_253_characters_stay_inside(size: tuple[int, int]) -> None:
    store = FleetStore()
    store.apply(
        [
            health(),
            service(LONG),
            service("b" * 253),
            RouteGroup(
                at=START,
                ref=ObjectRef("test", "production", "RouteGroup", "g" * 253),
                members=(RouteMember(LONG, 9), RouteMember("b" * 253, 1)),
            ),
        ]
    )
    shown = Shown(store, START, LONG)
    async with shown.app.run_test(size=size) as pilot:
        await shown.open(pilot)
        for _ in range(3):
            assert all(len(line) <= size[0] for line in shown.lines)
            await pilot.press("tab")
        assert "10%" in shown.text
        assert "90%" in shown.text


async def test_every_key_of_every_panel_leaves_it_standing() -> None:
    shown = await shown_rolling()
    async with shown.app.run_test(size=(80, 24)) as pilot:
        await shown.open(pilot)
        for command in ROLLOUT:
            for pressed in command.keys.split(","):
                if command.action in {"open", "logs", "leave"}:
                    await pilot.press(pressed)
                    await pilot.press("escape")
                    if not isinstance(shown.app.screen, RolloutScreen):
                        await shown.open(pilot)
                else:
                    await pilot.press(pressed)
                assert isinstance(shown.app.screen, RolloutScreen), command.id


async def test_sources_that_are_not_live_are_said_first_and_stale_figures_are_not_shown() -> None:
    shown = await shown_rolling()
    async with shown.app.run_test(size=MIDDLE) as pilot:
        await shown.open(pilot)
        known = re.search(r"\d+ ms", shown.line("TTFT p95"))
        assert known is not None
        for source in list(shown.store.sources.values()):
            shown.store.apply([msgspec.structs.replace(source, state="disconnected")])
        shown.clock.advance(300)
        await shown.look(pilot)
        assert "source disconnected" in shown.lines[0]
        assert "no fresh metrics" in shown.lines[0]
        assert "TTFT p95      --      --" in shown.line("TTFT p95") or "--" in shown.line(
            "TTFT p95"
        )
        assert known.group() not in shown.line("TTFT p95")


async def test_a_service_of_which_nothing_is_known_yet_says_so() -> None:
    store = FleetStore()
    store.apply([health(forbidden=("replicasets",)), service("chat")])
    shown = Shown(store, START, "chat")
    async with shown.app.run_test(size=(80, 24)) as pilot:
        await shown.open(pilot)
        assert "no revision of it is known" in shown.text
        assert "may not read replicasets" in shown.text


async def test_ascii_mode_draws_ascii_only_and_colours_are_not_needed() -> None:
    shown = await shown_rolling(ascii=True)
    async with shown.app.run_test(size=MIDDLE) as pilot:
        await shown.open(pilot)
        await pilot.press("N")
        assert shown.text.isascii()
        assert "#" in shown.line("revision 1")
