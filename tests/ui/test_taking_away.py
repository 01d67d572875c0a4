"""What one can take away from a screen: fields and rows in the clipboard, kubectl commands."""

from __future__ import annotations

import pytest

from conftest import Fleet
from fleet_source import START, key, replica, sample

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
