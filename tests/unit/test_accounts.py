"""What was spent on what, over a period: parts that add up to the bill."""

import math
import time
from decimal import Decimal

import msgspec
import pytest

from fleet_source import START, key, node, replica, sample, service
from mtop_tui.config.prices import bundled_prices
from mtop_tui.observations import MetricSample, Observation, Removed
from mtop_tui.state.accounts import HOUR
from mtop_tui.state.fleet import FleetStore
from mtop_tui.views.cost import (
    GROUPINGS,
    NODE_IDLE,
    SERVICE,
    Grouping,
    LabelKey,
    costs,
    explain,
    label_keys,
    summary,
)
from mtop_tui.views.cost_columns import COLUMNS
from mtop_tui.views.cost_period import PERIODS, PeriodError, period_of

TEAM = Grouping("team", is_label=True)
CHAT, IDLE = key("chat"), key("batch", "staging")
ONE = replica(CHAT, gpus=2)
TWO = replica(IDLE, gpus=4)
BEGIN = START // 3600 * 3600
NODE_USD = 55.04
"""Of a p5.48xlarge with 8 H100, in the bundled list."""


def minutes(count: int, *, start: int = 0) -> list[MetricSample]:
    """One service that serves 10 requests a second, and one that serves nothing."""
    found = []
    for second in range(start * 60, (start + count) * 60 + 1, 10):
        at = BEGIN + second
        found.append(sample(ONE, at, requests=10 * second, tokens=1000 * second, running=4))
        found.append(sample(TWO, at, requests=0, running=0))
    return found


def store(*more: Observation, machine: str | None = "p5.48xlarge") -> FleetStore:
    fleet = FleetStore(bundled_prices())
    labelled = msgspec.structs.replace(service("chat", at=BEGIN), labels={"team": "search"})
    there = msgspec.structs.replace(node(instance_type=machine), at=BEGIN)
    fleet.apply([there, labelled, service("batch", "staging", at=BEGIN)])
    fleet.apply([msgspec.structs.replace(one, at=BEGIN) for one in (ONE, TWO)])
    for record in more:
        fleet.apply([record])
    return fleet


@pytest.fixture
def hour() -> FleetStore:
    return store(*minutes(62))


def test_rows_add_up_to_the_bill(hour: FleetStore) -> None:
    view = costs(hour, BEGIN + 3600, SERVICE, BEGIN)
    assert view.bill is not None
    assert float(view.bill.usd) == pytest.approx(NODE_USD, rel=0.04)
    assert sum(row.account.usd for row in view.rows.values()) == pytest.approx(float(view.bill.usd))
    assert sum(view.bill.parts) == view.bill.usd
    assert view.observed > 0.9


@pytest.mark.parametrize("by", GROUPINGS)
def test_however_they_are_grouped_nothing_is_lost(hour: FleetStore, by: Grouping) -> None:
    view = costs(hour, BEGIN + 3600, by, BEGIN)
    assert view.bill is not None
    assert sum(row.account.usd for row in view.rows.values()) == pytest.approx(float(view.bill.usd))


def test_a_service_without_a_label_is_a_group_of_its_own(hour: FleetStore) -> None:
    names = {row.name for row in costs(hour, BEGIN + 3600, TEAM, BEGIN).rows.values()}
    assert names == {"search", "no team", NODE_IDLE}


def test_what_holds_gpus_and_runs_nothing_is_idle(hour: FleetStore) -> None:
    rows = {row.name: row for row in costs(hour, BEGIN + 3600, SERVICE, BEGIN).rows.values()}
    assert rows["batch"].account.idle == pytest.approx(rows["batch"].account.usd)
    assert rows["chat"].account.idle == 0
    # Each is written down at its own turn within the minute.
    assert rows["batch"].account.usd == pytest.approx(2 * rows["chat"].account.usd, rel=0.03)
    assert rows[NODE_IDLE].account.usd == pytest.approx(rows["chat"].account.usd, rel=0.05)
    assert rows["chat"].now == pytest.approx(NODE_USD / 4)


def test_the_price_of_tokens_is_the_money_by_the_tokens(hour: FleetStore) -> None:
    rows = {row.name: row for row in costs(hour, BEGIN + 3600, SERVICE, BEGIN).rows.values()}
    chat = rows["chat"]
    assert chat.account.generated == pytest.approx(1000 * chat.account.seconds, rel=0.02)
    (price,) = [column for column in COLUMNS if column.id == "token_price"]
    assert price.sort(chat) == pytest.approx(1e6 * chat.account.usd / chat.account.generated)
    assert price.cell(rows["batch"]).text == "--"
    assert "blended" in explain(chat).chain.text
    assert "bundled list price" in explain(chat).detail.text
    assert "idle, not free" in explain(rows["batch"]).chain.text


def test_a_gap_is_not_observed_rather_than_free() -> None:
    fleet = store(*minutes(10), *minutes(10, start=40))
    view = costs(fleet, BEGIN + 3000, SERVICE, BEGIN - 600)
    assert view.observed == pytest.approx(20 / 60, abs=0.04)
    assert "observed" in summary(view, SERVICE, "last 1h")[2].text


def test_what_has_no_price_is_not_known_and_not_free() -> None:
    fleet = store(*minutes(10), machine=None)
    view = costs(fleet, BEGIN + 600, SERVICE, BEGIN - 3000)
    (spent,) = [column for column in COLUMNS if column.id == "spent"]
    rows = {row.name: row for row in view.rows.values()}
    assert spent.cell(rows["chat"]).text == "--"
    assert view.bill is not None
    assert view.bill.usd == Decimal(0)
    assert explain(rows["chat"]).chain.text == "no node has a price"


def test_before_the_first_minute_there_is_no_account() -> None:
    view = costs(store(), BEGIN, SERVICE, BEGIN - 3600)
    assert view.rows == {}
    assert view.bill is None


def test_accounts_of_what_is_gone_are_kept_for_a_week_and_no_longer() -> None:
    fleet = store(*minutes(3))
    fleet.apply([Removed(at=BEGIN + 180, ref=TWO.ref)])
    accounts, week = fleet.accounts, 168 * HOUR
    assert accounts is not None
    before = accounts.nbytes
    for later in (week - HOUR, week + HOUR):
        fleet.apply([sample(ONE, BEGIN + later + second, requests=0) for second in (0, 30, 60, 90)])
        gone = not any(
            key.service == IDLE for key in accounts.since(BEGIN + later - week, BEGIN + later)
        )
        assert gone is (later > week)
        assert (accounts.nbytes < before) is (later > week)


def test_any_label_that_services_carry_can_be_grouped_by(hour: FleetStore) -> None:
    labels = {"team": "search", "cost-centre": "4711", "empty": ""}
    hour.apply([msgspec.structs.replace(service("chat", at=BEGIN + 60), labels=labels)])
    hour.apply(minutes(2, start=62))
    assert label_keys(hour) == [LabelKey("cost-centre", 1, 1), LabelKey("team", 1, 1)]
    by = Grouping("cost-centre", is_label=True)
    rows = {row.name: row for row in costs(hour, BEGIN + 3840, by, BEGIN).rows.values()}
    assert rows.keys() == {"4711", "no cost-centre", NODE_IDLE}
    assert summary(costs(hour, BEGIN + 3840, by, BEGIN), by, "last 1h")[0].text == "by cost-centre"


def test_what_was_removed_stays_with_its_team(hour: FleetStore) -> None:
    hour.apply([Removed(at=BEGIN + 3720, ref=service("chat", at=BEGIN).ref)])
    rows = {row.name: row for row in costs(hour, BEGIN + 3720, TEAM, BEGIN).rows.values()}
    assert rows["search"].account.usd > 0


def test_a_period_takes_in_all_of_the_step_it_begins_in_and_no_more(hour: FleetStore) -> None:
    now = BEGIN + 3720
    for start, covered in ((now - 600, 720), (now - 3600, 3720), (now - 5 * HOUR, 3720)):
        view = costs(hour, now, SERVICE, start)
        assert view.bill is not None
        minute = NODE_USD / 60  # what is written at once
        assert float(view.bill.usd) == pytest.approx(NODE_USD * covered / HOUR, abs=1.1 * minute)
    assert costs(hour, now, SERVICE, now - 600).observed == 1.0
    share = costs(hour, now, SERVICE, now - 5 * HOUR).observed
    assert share == pytest.approx(3720 / (3720 + 4 * HOUR), abs=0.01)


@pytest.mark.parametrize(
    ("typed", "hours"),
    [("36h", 36), ("3d", 72), ("last 90m", 1.5), ("since 2027-01-15 06:00", 2), ("1w", 168)],
)
def test_a_period_can_be_typed(typed: str, hours: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    period = period_of(typed, START)
    assert (START - period.start(START)) / HOUR == hours
    assert period.start(START + 60) == period.start(START) + (0 if "since" in typed else 60)
    assert period.words.removeprefix("last ") in typed or period.words == typed


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("", "got nothing"),
        ("yesterday", "expected a period such as 36h"),
        ("8d", "kept for 7 days"),
        ("2027-01-01", "kept for 7 days: since 2027-01-08"),
        ("4m", "5 minutes or more"),
        ("2027-02-01", "up to now"),
        ("9999-99-99", "expected a period"),
        ("0001-01-01", "expected a period"),
    ],
)
def test_what_is_no_period_is_said(typed: str, complaint: str) -> None:
    with pytest.raises(PeriodError, match=complaint):
        period_of(typed, START)


def test_periods_to_step_through_grow() -> None:
    lengths = [period.start(START) for period in PERIODS]
    assert lengths == sorted(lengths, reverse=True)


def test_every_cell_of_every_row_is_text(hour: FleetStore) -> None:
    for row in costs(hour, BEGIN + 3600, Grouping("revision"), BEGIN).rows.values():
        for column in COLUMNS:
            assert isinstance(column.cell(row).text, str)
            value = column.sort(row)
            assert value is None or isinstance(value, str) or not math.isnan(value)
