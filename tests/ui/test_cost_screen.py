"""The Cost screen: by what the money is grouped, over which period, and how that is chosen."""

from __future__ import annotations

import msgspec
import pytest
from fleet_app import Fleet
from textual.pilot import Pilot

from fleet_source import START, key, node, replica, service, traffic
from mtop_tui.engine.forecasting import settled
from mtop_tui.observations import Observation, Removed
from mtop_tui.screens.cost import CostScreen

MIDDLE = (120, 40)


def labelled(name: str, **labels: str) -> Observation:
    return msgspec.structs.replace(service(name, gpus=2), labels=labels)


@pytest.fixture
def fleet() -> Fleet:
    """Two services that have been watched for ten minutes."""
    chat, batch = replica(key("chat"), gpus=2), replica(key("batch"), gpus=4)
    there = [
        node("node-0"),
        labelled("chat", team="search", tier="gold"),
        labelled("batch", team="data", **{"a.b/c": "[red]x"}),
        chat,
        batch,
    ]
    begun = [msgspec.structs.replace(one, at=START - 600) for one in there]
    fleet = Fleet(*begun)
    for samples in zip(traffic(chat, 10, seconds=600), traffic(batch, 1, seconds=600), strict=True):
        fleet.provider.emit(*samples)
    return fleet


async def test_any_label_is_chosen_from_a_list(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("dollar_sign", "B")
        await pilot.pause()
        assert "Group cost by" in fleet.text
        offered = [line.split()[0] for line in fleet.lines if "value" in line and "service" in line]
        assert offered == ["team", "a.b/c", "tier"]
        assert "2 values on 2 services" in fleet.text
        await pilot.press("end", "k", "enter")
        await fleet.settle(pilot)
        assert "by a.b/c   last 1h" in fleet.lines[0]
        assert "[red]x" in fleet.text
        assert "no a.b/c" in fleet.text
        await pilot.press("b")
        await fleet.settle(pilot)
        assert "by service" in fleet.lines[0]


async def test_a_list_that_is_left_changes_nothing(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("dollar_sign", "B", "j", "escape")
        await fleet.settle(pilot)
        assert "by service" in fleet.lines[0]


async def test_a_period_is_typed_and_what_was_observed_of_it_is_said(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("dollar_sign", "W", "ctrl+u", *"8d", "enter")
        await pilot.pause()
        assert "accounts are kept for 7 days" in fleet.text
        await pilot.press("ctrl+u", *"20h", "enter")
        await fleet.settle(pilot)
        assert "by service   last 20h   0.8% observed" in fleet.lines[0]
        await pilot.press("W", "ctrl+u", *"since 2027-01-15 07:50", "enter")
        await fleet.settle(pilot)
        assert "since 2027-01-15 07:50   " in fleet.lines[0]
        assert "100% observed" in fleet.lines[0]


@pytest.fixture
def serving() -> Fleet:
    """A model whose size is known, under load, beside one that nobody knows."""
    llama, secret = replica(key("llama"), gpus=1), replica(key("secret"), gpus=1)
    there = [
        node("node-0"),
        service("llama", model="meta-llama/Llama-3.1-8B-Instruct"),
        service("secret", model="acme/secret"),
        llama,
        secret,
    ]
    fleet = Fleet(*(msgspec.structs.replace(one, at=START - 600) for one in there))
    fleet.app.serving_model = settled
    loads = (
        traffic(one, 5, seconds=600, per_prompt=500, itl=0.0075, ttft=0.04)
        for one in (llama, secret)
    )
    for samples in zip(*loads, strict=True):
        fleet.provider.emit(*samples)
    return fleet


async def open_what_if(fleet: Fleet, pilot: Pilot[int], name: str) -> None:
    await fleet.settle(pilot)
    await pilot.press("dollar_sign")
    await fleet.settle(pilot)
    screen = fleet.app.screen
    assert isinstance(screen, CostScreen)
    screen.table.select((name, "production"))
    await pilot.press("i")
    await fleet.settle(pilot)


def row(fleet: Fleet, label: str) -> str:
    return " ".join(next(line for line in fleet.lines if line.startswith(f" {label}")).split())


async def test_keys_change_the_plan_and_the_table_says_what_comes_of_it(serving: Fleet) -> None:
    async with serving.app.run_test(size=MIDDLE) as pilot:
        await open_what_if(serving, pilot, "llama")
        assert "fleet > cost > production/llama > what if" in serving.lines[0]
        assert row(serving, "USD per hour") == "USD per hour $6.88 $6.88 $0.00"
        await pilot.press("plus")
        await pilot.pause()
        assert row(serving, "replicas") == "replicas 1 2 +1"
        assert row(serving, "USD per hour") == "USD per hour $6.88 $13.76 +$6.88"
        assert row(serving, "USD per month") == "USD per month $5,022.40 $10,044.80 +$5,022.40"
        assert " to " in row(serving, "TPOT")
        assert "-0." in row(serving, "TPOT")
        assert "typical error of TTFT 50%, of TPOT 25%" in serving.text
        await pilot.press("right_square_bracket")
        await pilot.pause()
        assert row(serving, "GPUs of each") == "GPUs of each H100 x1 H100 x2"
        await pilot.press("minus", "minus", "minus")
        await pilot.pause()
        assert row(serving, "replicas") == "replicas 1 1 0"
        await pilot.press("0")
        await pilot.pause()
        assert row(serving, "GPUs of each") == "GPUs of each H100 x1 H100 x1"
        await pilot.press("escape")
        await serving.settle(pilot)
        assert "by service" in serving.lines[0]


async def test_the_line_under_the_table_says_what_the_right_size_would_save() -> None:
    many = [replica(key("llama"), place, gpus=1) for place in range(4)]
    there = [node("node-0"), service("llama", model="meta-llama/Llama-3.1-8B-Instruct"), *many]
    fleet = Fleet(*(msgspec.structs.replace(one, at=START - 600) for one in there))
    fleet.app.serving_model = settled
    loads = (traffic(one, 1, seconds=600, per_prompt=500, itl=0.0075) for one in many)
    for samples in zip(*loads, strict=True):
        fleet.provider.emit(*samples)
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        await pilot.press("dollar_sign")
        await fleet.settle(pilot)
        screen = fleet.app.screen
        assert isinstance(screen, CostScreen)
        screen.table.select(("llama", "production"))
        await fleet.settle(pilot)
        assert "could save $20.64 per hour: 1 replica in place of 4 would do" in fleet.text


async def test_what_the_model_cannot_say_is_refused_in_words(serving: Fleet) -> None:
    async with serving.app.run_test(size=MIDDLE) as pilot:
        await open_what_if(serving, pilot, "secret")
        await pilot.press("plus")
        await pilot.pause()
        assert "no forecast: the size and shape of acme/secret are not known" in serving.text
        assert row(serving, "TPOT").endswith("--")
        assert row(serving, "USD per hour").endswith("+$6.88")


async def test_a_what_if_is_about_a_service(serving: Fleet) -> None:
    async with serving.app.run_test(size=MIDDLE, notifications=True) as pilot:
        await serving.settle(pilot)
        await pilot.press("dollar_sign", "b", "i")
        await serving.settle(pilot)
        assert "a what-if is about one service" in " ".join(serving.text.split())


async def test_a_service_that_vanishes_under_a_what_if_is_said_to_be_gone(serving: Fleet) -> None:
    async with serving.app.run_test(size=MIDDLE) as pilot:
        await open_what_if(serving, pilot, "llama")
        state = serving.store.service(key("llama"))
        assert state is not None
        assert state.service is not None
        await serving.emit(pilot, Removed(at=START, ref=state.service.ref))
        assert "no longer there" in serving.text
        await pilot.press("plus")
        await pilot.pause()
        assert "no longer there" in serving.text


@pytest.mark.parametrize("size", [(80, 24), (40, 10), (1, 1), (200, 60)])
async def test_it_is_drawn_at_any_size(serving: Fleet, size: tuple[int, int]) -> None:
    async with serving.app.run_test(size=MIDDLE) as pilot:
        await open_what_if(serving, pilot, "llama")
        await pilot.resize_terminal(*size)
        await serving.settle(pilot)
        assert serving.app.is_running
        if size[0] >= 80:
            assert row(serving, "TPOT").startswith("TPOT 7.5 ms")
