"""What is said of a lost source is no sign of its life; nor does one replica speak for all."""

from msgspec.structs import replace

from fleet_source import START, key, replica, sample, service, traffic
from mtop_tui.domain.durations import short_duration
from mtop_tui.observations import SourceHealth
from mtop_tui.state.alert_readings import source_readings
from mtop_tui.state.facts import service_facts
from mtop_tui.state.fleet import FleetStore
from mtop_tui.views.header import header
from mtop_tui.views.sources import COLUMNS, sources
from mtop_tui.views.trouble import marks

CHAT = key("chat")


def test_a_source_that_is_cut_off_was_last_heard_of_when_it_was_in_contact() -> None:
    store, now = FleetStore(), START + 90
    store.apply([service("chat"), *traffic(replica(CHAT), 5)])
    lost = SourceHealth(at=now, source="live: a", state="disconnected", last_contact=START + 10)
    alive = SourceHealth(at=START, source="live: b", state="live", last_contact=START, is_part=True)
    store.apply([lost, alive])

    cells = {one.id: one.cell for one in COLUMNS}
    rows = {facts.name: facts for facts in sources(store, now).values()}
    said = {
        name: [cells[column](facts).text for column in ("contact", "lag")]
        for name, facts in rows.items()
    }
    assert said["live: a"] == [f"{short_duration(80)} ago", short_duration(80)]
    assert said["live: b"] == ["0s ago", "0s"]
    assert source_readings(lost, store.latest, now) == {"source_age": 80}
    state = store.service(CHAT)
    assert state is not None
    assert service_facts(store, state, now).source.age == 80


def test_rates_are_whole_when_each_replica_has_been_sampled_twice() -> None:
    first, second = replica(CHAT, "one"), replica(CHAT, "two")
    store = FleetStore()
    store.apply([service("chat"), first, second])
    state = store.service(CHAT)
    assert state is not None
    whole = []
    for step in range(6):
        one = (first, second)[step % 2]
        store.apply([sample(one, START + step, requests=10 * step)])
        whole.append(state.is_measured)
    assert whole == [False, False, False, True, True, True]


def ill(name: str) -> SourceHealth:
    return SourceHealth(
        at=START, source=name, state="forbidden", detail="forbidden: ask", is_part=True
    )


def test_several_sources_in_trouble_are_counted_and_their_state_is_said_once() -> None:
    store = FleetStore()
    store.apply([service("chat")])
    for name in ("a", "b"):
        store.apply([ill(name)])
    assert [mark.text for mark in marks(store, START)] == ["2 sources forbidden"]
    store.apply([replace(ill("b"), state="live", detail="")])
    assert [mark.text for mark in marks(store, START)] == ["source forbidden"]
    line = header(store, START, paused=False).source.text
    assert line == "1/2 sources live  a  forbidden: ask"


def test_of_a_fleet_that_was_never_seen_nothing_is_0() -> None:
    store = FleetStore()
    store.apply([ill("live: a")])
    assert all("--" in cell.text.split() for cell in header(store, START, paused=False).totals)
    store.apply([replace(ill("live: a"), state="live")])
    assert header(store, START, paused=False).totals[0].text == "ready 0/0"
