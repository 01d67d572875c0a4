"""What is said of a lost source is no sign of its life; nor does one replica speak for all."""

from fleet_source import START, key, replica, sample, service, traffic
from mtop_tui.domain.durations import short_duration
from mtop_tui.observations import SourceHealth
from mtop_tui.state.alert_readings import source_readings
from mtop_tui.state.facts import service_facts
from mtop_tui.state.fleet import FleetStore
from mtop_tui.views.sources import COLUMNS, sources

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
