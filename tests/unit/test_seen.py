"""What is over less time than its name says tells since when it was seen."""

from __future__ import annotations

from datetime import datetime

import msgspec
import pytest

from fleet_source import START, key, replica, sample, service
from mtop_tui.config.promises import promises
from mtop_tui.config.settings import Settings
from mtop_tui.domain.alerts import RULES
from mtop_tui.state.alerts import Alerts
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.service import ServiceState
from mtop_tui.views.alert_words import alert_words
from mtop_tui.views.board import Board
from mtop_tui.views.charts import charts
from mtop_tui.views.fleet import facts_of, why
from mtop_tui.views.slo import ObjectiveFacts, explain
from mtop_tui.views.timeline import SPANS

CHAT = key("chat")
ONE = replica(CHAT, 0)
SINCE = datetime.fromtimestamp(START).astimezone().strftime("%H:%M")


def watched(minutes: int, ttft: float = 0.2) -> FleetStore:
    """A service that mtop has watched for so many minutes."""
    store = FleetStore(promises=promises(Settings(), None))
    store.alerts = Alerts(RULES)
    promised = {"mtop.dev/slo": "ttft<=1s@99%"}
    store.apply([msgspec.structs.replace(service("chat"), annotations=promised), ONE])
    for seconds in range(0, 60 * minutes + 1, 10):
        counted = {"requests": 10 * seconds, "tokens": 100 * seconds, "ttft": ttft}
        store.apply([sample(ONE, START + seconds, **counted)])
    return store


def chat(store: FleetStore) -> ServiceState:
    state = store.service(CHAT)
    assert state is not None
    return state


def said(store: FleetStore, minutes: int) -> tuple[str, str]:
    state = chat(store)
    (status,) = state.objectives()
    found = explain(ObjectiveFacts(state, status, START + 60.0 * minutes))
    return found.chain.text, found.detail.text


@pytest.mark.parametrize(
    ("minutes", "partly"),
    [(4, "; so is burn 1h, 6h, 3d"), (70, "; so is burn 6h, 3d")],
)
def test_objectives_say_since_when_they_are_counted(minutes: int, partly: str) -> None:
    chain, detail = said(watched(minutes), minutes)
    assert f"seen since {SINCE}{partly}" in detail
    spent = f"seen since {SINCE} spent" if minutes < 60 else "last hour spent"
    assert spent in chain


def test_what_was_seen_of_an_hour_has_not_spent_a_whole_one() -> None:
    chain, _ = said(watched(6, ttft=2.0), 6)
    # All requests of six of 43,200 minutes were bad where one in a hundred may be.
    assert "spent 1.4 %" in chain


def test_a_healthy_service_says_of_what_its_budget_is() -> None:
    store = watched(4)
    found = why(store, facts_of(store, chat(store), START + 240.0), 120)
    assert found.detail.text == f"error budget seen since {SINCE}"


def test_an_alert_over_six_hours_of_which_minutes_were_seen_says_so() -> None:
    store = watched(8, ttft=2.0)
    assert store.alerts is not None
    words = [
        alert_words(store, alert, START + 480.0)
        for alert in store.alerts.all()
        if alert.rule.name == "slo-page"
    ]
    assert len(words) == 1
    assert f"seen since {SINCE}" in words[0]


def test_charts_that_begin_before_anything_was_seen_say_since_when() -> None:
    store = watched(4)

    def below(span: int) -> str:
        board = Board(span=SPANS[span])
        lines = charts(store, chat(store), START + 240.0, board, width=100, height=12)
        return "".join(cell.text for cell in lines[-1])

    assert "seen since" not in below(0)
    assert f"seen since {SINCE}" in below(2)
