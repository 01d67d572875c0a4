"""What one can take away from a screen: fields, rows, kubectl commands, files."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path

import pytest
from fleet_app import Fleet
from textual.pilot import Pilot

from fleet_source import START, key, replica, sample
from mtop_tui.widgets.prompt_bar import PromptBar

MIDDLE = (120, 40)


async def test_the_name_is_copied_until_another_column_is_marked(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE, notifications=True) as pilot:
        await fleet.settle(pilot)
        fleet.screen.sort_by("requests")
        await pilot.press("g", "y")
        assert fleet.app.clipboard == "gpt-oss-120b"
        await pilot.press("right", "y")
        assert fleet.app.clipboard == "production"
        await fleet.settle(pilot)
        await fleet.settle(pilot)
        assert "copied NAMESPACE: production" in fleet.text
        await pilot.press(*["right"] * 30, "left", "y")
        before_last = fleet.screen.table.columns[-2][0]
        assert fleet.screen.table.marked is before_last


async def test_a_row_is_copied_with_tabs_between_what_is_in_view(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE, notifications=True) as pilot:
        await fleet.settle(pilot)
        fleet.screen.sort_by("requests")
        await pilot.press("g", "Y")
        fields = fleet.app.clipboard.split("\t")
        assert fields[:2] == ["gpt-oss-120b", "production"]
        titles = [column.title for column, _ in fleet.screen.table.columns if column.title]
        assert len(fields) == len(titles)
        assert fields[titles.index("QUEUE")] == "214"


async def test_a_field_that_is_cut_on_the_screen_is_copied_whole(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=(40, 20)) as pilot:
        await fleet.settle(pilot)
        fleet.screen.sort_by("requests")
        await fleet.settle(pilot)
        await pilot.press("g", "right", "right", "y")
        assert len(fleet.app.clipboard) > 0
        assert "…" not in fleet.app.clipboard


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ((), "kubectl get llmisvc -A"),
        (("enter",), "kubectl -n production get llmisvc"),
        (("l",), "logs -f -l"),
        (("enter", "y"), "kubectl -n production get llmisvc"),
        (("e",), "kubectl get events -A"),
        (("o",), "SLO:.metadata.annotations"),
        (("dollar_sign",), "kubectl get nodes"),
        (("v",), "kubectl cluster-info"),
    ],
)
async def test_every_screen_has_its_kubectl(
    fleet: Fleet, keys: tuple[str, ...], expected: str
) -> None:
    async with fleet.app.run_test(size=(200, 40), notifications=True) as pilot:
        await fleet.settle(pilot)
        fleet.screen.sort_by("requests")
        await pilot.press("g", *keys)
        await fleet.settle(pilot)
        before = fleet.app.screen
        await pilot.press("K")
        await fleet.settle(pilot)
        assert "fleet > kubectl" in fleet.lines[0]
        assert expected in fleet.text
        await pilot.press("G", "y")
        assert fleet.app.clipboard.startswith("kubectl ")
        await pilot.press("K")
        await fleet.settle(pilot)
        await fleet.settle(pilot)
        assert "kubectl has nothing like this screen" in fleet.text
        await pilot.press("escape")
        await fleet.settle(pilot)
        assert fleet.app.screen is before


async def test_enter_opens_the_service_that_a_row_is_about(fleet: Fleet) -> None:
    one = replica(key("granite-3-8b"), gpus=2)
    for t in range(0, 601, 10):
        fleet.provider.emit(sample(one, START + t, requests=61 * t, tokens=6100 * t))
    async with fleet.app.run_test(size=MIDDLE, notifications=True) as pilot:
        await fleet.settle(pilot)
        fleet.clock.advance(600)
        await pilot.press("dollar_sign")
        await fleet.settle(pilot)
        await pilot.press("slash", *"granite", "enter")
        await fleet.settle(pilot)
        await pilot.press("enter")
        await fleet.settle(pilot)
        assert "fleet > production/granite-3-8b" in fleet.lines[0]
        await pilot.press("escape")
        await fleet.settle(pilot)
        assert "fleet > cost" in fleet.lines[0]
        await pilot.press("b", "escape", "slash", *"production", "enter")
        await fleet.settle(pilot)
        await pilot.press("enter")
        await fleet.settle(pilot)
        assert "this row is about no service" in fleet.text


async def typed(fleet: Fleet, pilot: Pilot[int], text: str) -> None:
    """Export to a file of this name."""
    await pilot.press("x")
    await fleet.settle(pilot)
    fleet.app.screen.query_one(PromptBar).value = text
    await pilot.press("enter")
    await fleet.settle(pilot)


async def test_the_fleet_leaves_as_csv_json_and_picture(fleet: Fleet, tmp_path: Path) -> None:
    async with fleet.app.run_test(size=MIDDLE, notifications=True) as pilot:
        await fleet.settle(pilot)
        await pilot.press("slash", *"granite", "enter")
        await fleet.settle(pilot)
        for kind in ("csv", "json", "svg"):
            await typed(fleet, pilot, f"{tmp_path}/fleet.{kind}")
            assert fleet.screen.is_current
        (row,) = csv.DictReader(StringIO((tmp_path / "fleet.csv").read_text()))
        assert row["name"] == "granite-3-8b"
        assert float(row["kv_cache_used_ratio"]) == 0.41
        document = json.loads((tmp_path / "fleet.json").read_text())
        assert [one["name"] for one in document["services"]] == ["granite-3-8b"]
        assert "granite-3-8b" in (tmp_path / "fleet.svg").read_text()


async def test_a_file_that_is_there_is_kept_and_the_name_can_be_mended(
    fleet: Fleet, tmp_path: Path
) -> None:
    there = tmp_path / "there.csv"
    there.write_text("mine")
    async with fleet.app.run_test(size=MIDDLE, notifications=True) as pilot:
        await fleet.settle(pilot)
        await typed(fleet, pilot, str(there))
        assert "it is there already; nothing was written" in fleet.text
        assert there.read_text() == "mine"
        prompt = fleet.app.screen.query_one(PromptBar)
        for wrong, said in (
            (f"{tmp_path}/fleet.txt", "expected a name that ends in .csv, .json, .svg"),
            (f"{tmp_path}/no/such/folder.csv", "No such file or directory"),
        ):
            prompt.value = wrong
            await pilot.press("enter")
            await fleet.settle(pilot)
            assert said in fleet.text
        await pilot.press("escape")
        await fleet.settle(pilot)
        assert fleet.screen.is_current
        assert sorted(tmp_path.iterdir()) == [there]


async def test_a_service_leaves_with_its_causes_and_replicas(fleet: Fleet, tmp_path: Path) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        fleet.screen.sort_by("requests")
        await pilot.press("g", "enter")
        await fleet.settle(pilot)
        await typed(fleet, pilot, f"{tmp_path}/one.json")
        document = json.loads((tmp_path / "one.json").read_text())
        assert document["service"]["name"] == "gpt-oss-120b"
        assert document["causes"][0]["evidence"][0].keys() == {"what", "value", "source"}
        assert len(document["replicas"]) == 1
        await pilot.press("y")
        await fleet.settle(pilot)
        await typed(fleet, pilot, f"{tmp_path}/yaml.csv")
        assert "this screen has no rows" in fleet.text


async def test_a_table_leaves_with_all_its_columns(fleet: Fleet, tmp_path: Path) -> None:
    async with fleet.app.run_test(size=(60, 20)) as pilot:
        await fleet.settle(pilot)
        await pilot.press("v")
        await fleet.settle(pilot)
        await typed(fleet, pilot, f"{tmp_path}/sources.csv")
        (row,) = csv.DictReader(StringIO((tmp_path / "sources.csv").read_text()))
        assert row["name"] == "scripted"
        assert row["state"] == "live"
        assert "dropped" in row
