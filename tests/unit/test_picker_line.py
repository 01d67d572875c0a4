"""What screens say of endpoint pickers, and of how reading them fares."""

from __future__ import annotations

import pytest

from fleet_source import START, health, key, replica, service
from mtop_tui.domain import vocabulary as names
from mtop_tui.observations import MetricSample, ObjectRef, SampleLayout, SourceHealth
from mtop_tui.state.fleet import FleetStore
from mtop_tui.views import trouble
from mtop_tui.views.header import header
from mtop_tui.views.service import summary_lines
from mtop_tui.views.sources import sources
from mtop_tui.views.table import Cell

CHAT = key("chat")
FIGURES = {
    names.RUNNING: 12.0,
    names.WAITING: 0.0,
    names.AVERAGE_KV_USAGE: 0.41,
    names.AVERAGE_WAITING: 0.3,
    names.READY_ENDPOINTS: 2.0,
}


def picker(**more: float) -> MetricSample:
    figures = {**FIGURES, **more}
    return MetricSample(
        at=START,
        ref=ObjectRef("test", CHAT.namespace, "EndpointPicker", "chat"),
        service=CHAT,
        layout=SampleLayout("endpoint-picker", (), tuple(figures), ()),
        cumulative=(),
        gauges=tuple(figures.values()),
        form="windowed",
        window=60.0,
        subject="picker",
    )


def line(sample: MetricSample, now: float = START) -> list[Cell]:
    store = FleetStore()
    store.apply([service("chat"), replica(CHAT, 0), replica(CHAT, 1), sample])
    state = store.service(CHAT)
    assert state is not None
    (found,) = [
        one
        for one in summary_lines(state, now, 100, ascii_only=False)
        if one[0].text == " picker  "
    ]
    return list(found)


def test_what_waits_there_and_how_it_sees_its_pool() -> None:
    text = "".join(cell.text for cell in line(picker()))
    assert text == " picker  sees 2/2 ready   queue 0   running 12   pool mean: queue 0.3, KV 41%"


@pytest.mark.parametrize(
    ("figures", "warned"),
    [
        ({names.READY_ENDPOINTS: 1.0}, "sees 1/2 ready"),
        ({names.WAITING: 7.0}, "   queue 7"),
        ({names.POOL_SATURATION: 1.2}, ", saturation 120%"),
    ],
)
def test_what_holds_requests_up_stands_out(figures: dict[str, float], warned: str) -> None:
    assert [cell.text for cell in line(picker(**figures)) if cell.tone == "warn"] == [warned]
    assert not [cell for cell in line(picker()) if cell.tone == "warn"]


def test_a_picker_that_says_no_more_is_not_believed() -> None:
    assert line(picker(), START + 120.0)[1] == Cell("not heard of for 2m", "warn")


def test_only_the_sources_screen_tells_how_an_extra_fares() -> None:
    store = FleetStore()
    whole = health()
    extra = SourceHealth(
        at=START,
        source="endpoint pickers of c",
        state="forbidden",
        detail="they want a login of their own",
        last_contact=START - 600.0,
        is_part=True,
        is_extra=True,
    )
    store.apply([service("chat"), whole, extra])
    said = header(store, START, paused=False)
    assert "pickers" not in said.source.text + said.detail.text
    assert trouble.marks(store, START) == []
    assert trouble.why_nothing(store, START) == ""
    assert extra in [one.health for one in sources(store, START).values()]
