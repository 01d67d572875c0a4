"""What a user reads on the Rollout screen, of each kind of rollout, healthy and failing."""

from __future__ import annotations

import csv
import json
import re

import pytest

from mtop_tui.screens.fleet import FleetScreen
from mtop_tui.screens.rollout import RolloutScreen
from mtop_tui.screens.service import ServiceScreen
from mtop_tui.widgets.prompt_bar import PromptBar
from rollout_stories import SHIPPED, Shown, told

NARROW, MIDDLE = (80, 24), (120, 40)
SIZES = pytest.mark.parametrize("size", [NARROW, MIDDLE], ids=["80x24", "120x40"])
GREEN, CANARY, SHADOW = f"{SHIPPED}-green", f"{SHIPPED}-canary", f"{SHIPPED}-shadow"


@SIZES
async def test_a_canary_that_fails_is_worse_and_it_is_said_what_to_do(size):
    shown = Shown(*await told("canary-failure", 300), "assistant")
    async with shown.app.run_test(size=size) as pilot:
        await shown.open(pilot)
        assert "worse" in shown.lines[0]
        assert "WORSE" in shown.line("errors")
        assert re.search(r" 0% to [1-9]\d%  +\d+/\d+  WORSE", shown.line("errors"))
        assert "assistant-canary is worse by errors" in shown.line("next")
        assert "% assistant 90% to 100%, assistant-canary 10% to" in shown.text
        assert "v errors: WORSE" in shown.text


async def test_a_rollout_leaves_as_rows_of_its_comparison_and_as_a_document(tmp_path):
    shown = Shown(*await told("canary-failure", 300), "assistant")
    async with shown.app.run_test(size=MIDDLE) as pilot:
        await shown.open(pilot)
        for kind in ("csv", "json"):
            await pilot.press("x")
            shown.app.screen.query_one(PromptBar).value = f"{tmp_path}/canary.{kind}"
            await pilot.press("enter")
            await shown.look(pilot)
    rows = {one["metric"]: one for one in csv.DictReader((tmp_path / "canary.csv").open())}
    assert rows["errors"]["verdict"] == "WORSE"
    assert rows["errors"]["unit"] == "ratio"
    assert float(rows["errors"]["stable"]) == 0
    assert rows["errors"]["new"] == ""  # it gets no more traffic, and so has no share of failures
    assert int(rows["errors"]["new_requests"]) > 10
    document = json.loads((tmp_path / "canary.json").read_text())
    assert (document["stable"], document["new"]) == ("assistant", "assistant-canary")
    assert document["verdict"] == "WORSE"
    assert [one["name"] for one in document["versions"]] == ["assistant", "assistant-canary"]
    assert {"fault", "verdict", "weight"} <= {one["kind"] for one in document["events"]}
    assert len(document["comparison"]) == len(rows) == 6


@SIZES
async def test_a_healthy_canary_shows_both_shares_and_what_a_verdict_still_needs(size):
    shown = Shown(*await told("canary", 640), CANARY)
    async with shown.app.run_test(size=size) as pilot:
        await shown.open(pilot)
        lanes = [line for line in shown.lines if line.startswith(" llama")][:2]
        assert all(" 50% " in line and "3/3" in line and "$7.87/h" in line for line in lanes)
        assert "50% of the traffic, 3 of 3 ready" in shown.line("now")
        assert "requests enough for a verdict in about" in shown.line("next")
        for metric in ("errors", "TTFT p95", "TPOT"):
            assert "NOT ENOUGH DATA" in shown.line(metric)
        assert re.search(r"\$\d\.\d\d +\$\d\.\d\d", shown.line("$/1M tok"))


@SIZES
async def test_a_rolling_update_shows_its_revisions_its_pace_and_its_end(size):
    shown = Shown(*await told("rolling", 300), SHIPPED)
    async with shown.app.run_test(size=size) as pilot:
        await shown.open(pilot)
        assert "1 of 3 replaced" in shown.line("now")
        assert "about 3m23 left at 2m07 each" in shown.line("now")
        assert "2/2" in shown.line("revision 1")
        assert "1/2" in shown.line("revision 2")
        assert "NOT ENOUGH DATA" in shown.line("errors")
        assert "+ revision 2: 1 of 1 ready, before 0" in shown.text


@SIZES
async def test_a_rolling_update_that_is_over_stays_as_the_last_one(size):
    shown = Shown(*await told("rolling", 600), SHIPPED)
    async with shown.app.run_test(size=size) as pilot:
        await shown.open(pilot)
        assert "took 5m18" in shown.line("last")
        assert "3/3" in shown.line("revision 2")
        assert re.search(r"0% to 0%  +\d+/\d+  NOT ENOUGH DATA", shown.line("errors"))


@SIZES
async def test_green_beside_blue_before_and_after_the_switch(size):
    shown = Shown(*await told("bluegreen", 100), GREEN)
    async with shown.app.run_test(size=size) as pilot:
        await shown.open(pilot)
        assert "0% of the traffic, 0 of 3 ready" in shown.line("now")
        assert "loads for 18s of 10m allowed" in shown.words
        assert "Wait" in shown.line("next")
    shown = Shown(*await told("bluegreen", 500), SHIPPED)
    async with shown.app.run_test(size=size) as pilot:
        await shown.open(pilot)
        assert "100% of the traffic" in shown.line("now")
        assert f"Stop {SHIPPED} once it has nothing left to do" in shown.line("next")
    shown = Shown(*await told("bluegreen", 700), SHIPPED)
    async with shown.app.run_test(size=size) as pilot:
        await shown.open(pilot)
        assert "took 10m" in shown.line("last")
        assert "stop" in shown.line(SHIPPED + " ")


@SIZES
async def test_a_shadow_is_compared_and_nobody_is_told_to_give_it_traffic(size):
    shown = Shown(*await told("shadow", 460), SHADOW)
    async with shown.app.run_test(size=size) as pilot:
        await shown.open(pilot)
        assert "Stop the copies once enough is seen" in shown.line("next")
        assert f"% copies go to {SHADOW}" in shown.text
        assert re.search(r"1\d\d\d/1\d\d\d  NOT ENOUGH DATA", shown.line("errors"))
    shown = Shown(*await told("shadow", 640), SHADOW)
    async with shown.app.run_test(size=size) as pilot:
        await shown.open(pilot)
        assert "took 6m" in shown.line("last")
        assert "% no more copies" in shown.text


@SIZES
async def test_a_service_without_a_rollout_is_calm(size):
    shown = Shown(*await told("rolling", 100), SHIPPED)
    async with shown.app.run_test(size=size) as pilot:
        await shown.open(pilot)
        assert "revision 1 serves, 3 of 3 ready; nothing is rolled out" in shown.text
        assert "no rollout was seen since" in shown.line("last")
        assert "nothing to compare: one version serves" in shown.text


@SIZES
async def test_an_engine_that_cannot_start_is_a_crash_loop(size):
    revision = {"image": "ghcr.io/llm-d/llm-d-cuda:v0.6.1", "start_fails": "CUDA error: no kernel"}
    step = {"at": "2m", "do": "roll-out", "on": f"production/{SHIPPED}", "with": revision}
    shown = Shown(*await told("rolling", 900, [("scenario", [step])]), SHIPPED)
    async with shown.app.run_test(size=size) as pilot:
        await shown.open(pilot)
        assert "stuck" in shown.line("state")
        assert "never got ready" in shown.words
        assert "Read the logs" in shown.line("next")


# Playback


async def back_to(shown, pilot, said):
    """Step back to when something happened."""
    for _ in range(20):
        await pilot.press("N")
        if said in shown.line("last"):
            return
    raise AssertionError(f"never: {said}")


async def test_playback_steps_through_what_happened_and_all_shows_what_held_then():
    shown = Shown(*await told("canary-failure", 300), "assistant-canary")
    async with shown.app.run_test(size=MIDDLE) as pilot:
        await shown.open(pilot)
        now = shown.text
        await back_to(shown, pilot, "assistant 90% to 100%")
        assert "  0% " in shown.line("assistant-canary")
        await back_to(shown, pilot, "assistant 100% to 90%")
        assert " 10% " in shown.line("assistant-canary")
        assert "NOT ENOUGH DATA" in shown.line("errors")
        assert "not kept" in shown.line("state")
        assert "as of 09:02:00" in shown.lines[0]
        assert "worse" not in shown.lines[0]
        assert any(line.startswith(">09:02:00") for line in shown.lines)
        await pilot.press("N", "N")
        assert "0%" in shown.line("assistant-canary")
        for _ in range(20):
            await pilot.press("n")
        assert shown.text == now


async def test_what_is_older_than_what_is_kept_is_said_to_be_not_kept():
    shown = Shown(*await told("canary-failure", 200), "assistant-canary")
    async with shown.app.run_test(size=MIDDLE) as pilot:
        await shown.open(pilot)
        for _ in range(20):
            await pilot.press("N")
        assert "not kept" in shown.line("assistant-canary")
        assert "-- not kept, or not compared then" in shown.text
        assert "[6h]" in shown.text


async def test_the_cursor_reads_the_lanes_and_escape_leads_to_the_present_then_back():
    shown = Shown(*await told("canary-failure", 300), "assistant-canary")
    async with shown.app.run_test(size=MIDDLE) as pilot:
        await shown.open(pilot)
        now = shown.text
        await pilot.press("left", "left")
        assert shown.line("at").startswith("at") or " at " in shown.lines[1]
        await pilot.press("escape")
        assert shown.text == now
        await pilot.press("escape")
        assert isinstance(shown.app.screen, FleetScreen)


async def test_the_mouse_reads_a_lane_and_goes_to_what_happened():
    shown = Shown(*await told("canary-failure", 300), "assistant-canary")
    async with shown.app.run_test(size=MIDDLE) as pilot:
        screen = await shown.open(pilot)
        await pilot.click("#lanes", offset=(70, 0))
        assert screen._board.cursor is not None
        await pilot.press("escape")
        line = next(i for i, text in enumerate(shown.lines) if " 09:02:00 % " in text)
        await pilot.click("#history", offset=(30, line - screen.history.region.y))
        assert "at     09:02:00" in shown.text
        await pilot.click("#upper", offset=(86, 0))
        assert "model    " in shown.text


# The way there and on


async def test_r_opens_it_from_fleet_and_from_the_service_and_escape_returns():
    shown = Shown(*await told("canary-failure", 149), "assistant-canary")
    async with shown.app.run_test(size=MIDDLE) as pilot:
        await pilot.pause()
        shown.app.screen.look()
        await pilot.pause()
        selected = shown.app.screen.table.selected
        await pilot.press("r")
        assert isinstance(shown.app.screen, RolloutScreen)
        assert f"> {selected.namespace}/{selected.name} > rollout" in shown.lines[0]
        await pilot.press("escape")
        assert shown.app.screen.table.selected == selected
        await pilot.press("enter", "r")
        assert isinstance(shown.app.screen, RolloutScreen)
        await pilot.press("enter")
        assert isinstance(shown.app.screen, ServiceScreen)
        assert "assistant-canary" in shown.lines[0]
        await pilot.press("escape", "escape")
        assert isinstance(shown.app.screen, ServiceScreen)


async def test_tab_shows_risks_and_versions():
    shown = Shown(*await told("rolling", 300), SHIPPED)
    async with shown.app.run_test(size=NARROW) as pilot:
        await shown.open(pilot)
        await pilot.press("tab")
        assert "Both versions are paid for while they run." in shown.text
        assert "$5.25/h more for 3m23" in shown.text
        await pilot.press("tab")
        assert "ghcr.io/llm-d/llm-d-cuda:v0.6.1" in shown.text
        await pilot.press("shift+tab", "shift+tab")
        assert "[history" in shown.text
