"""Alerts of a fleet: what moves them, what does not, and what users take note of."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet_source import START, health, key, replica, sample, service
from mtop_tui.config.promises import promises
from mtop_tui.config.settings import Settings
from mtop_tui.domain.alerts import RULES, Phase
from mtop_tui.observations import (
    Condition,
    GpuReading,
    ObjectRef,
    Observation,
    Removed,
    Revision,
    Service,
)
from mtop_tui.state.alert_readings import service_readings, source_readings
from mtop_tui.state.alerts import BEGUN_KEPT, ENDED_KEPT, SERVICES_PER_STEP, Alert, AlertKey, Alerts
from mtop_tui.state.fleet import FleetStore

CHAT = key("chat")
NOT_READY = AlertKey("not-ready", CHAT)
XID = AlertKey("xid", CHAT)


def watched(*records: Observation) -> FleetStore:
    store = FleetStore()
    store.alerts = Alerts()
    store.apply(records)
    return store


def alerts_of(store: FleetStore) -> Alerts:
    assert store.alerts is not None
    return store.alerts


def found(store: FleetStore, what: AlertKey) -> Alert:
    alert = alerts_of(store).get(what)
    assert alert is not None
    return alert


def phase(store: FleetStore, what: AlertKey) -> Phase:
    alert = alerts_of(store).get(what)
    return "inactive" if alert is None else alert.phase


def ready(status: str, at: float, since: float | None = None) -> Service:
    conditions = (Condition("Ready", status, changed_at=since),)  # type: ignore[arg-type]
    return msgspec.structs.replace(service("chat", at=at), conditions=conditions)


def gpu(xid: int | None, at: float, name: str = "GPU-1") -> GpuReading:
    ref = ObjectRef("test", "", "Gpu", name)
    return GpuReading(at=at, ref=ref, node="node-0", service=CHAT, xid=xid)


def test_a_service_that_is_not_ready_fires_after_five_minutes_and_resolves() -> None:
    store = watched(ready("False", START))
    for minute in range(1, 6):
        assert phase(store, NOT_READY) == "pending"
        store.apply([health(START + 60 * minute)])
    assert phase(store, NOT_READY) == "firing"
    assert found(store, NOT_READY).fired_at == START + 300
    store.apply([ready("True", START + 400)])
    assert phase(store, NOT_READY) == "resolved"
    (ended,) = alerts_of(store).ended(NOT_READY)
    assert (ended.fired_at, ended.ended_at) == (START + 300, START + 400)


def test_what_an_object_says_of_the_time_before_counts() -> None:
    store = watched(ready("False", START, since=START - 7200))
    alert = found(store, NOT_READY)
    assert alert.phase == "firing"
    assert alert.since == START - 7200 + 300
    assert alerts_of(store).take_begun() == []
    pending = watched(ready("False", START, since=START - 200))
    assert found(pending, NOT_READY).since == START - 200
    pending.apply([health(START + 100)])
    assert phase(pending, NOT_READY) == "firing"


def test_a_service_stopped_on_purpose_has_no_alert() -> None:
    stopped = service("chat", ready=False, stopped=True)
    store = watched(stopped)
    store.apply([health(START + 900)])
    assert alerts_of(store).all() == []


def test_a_full_cache_fires_and_silence_keeps_it_firing() -> None:
    one = replica(CHAT)
    layout_kv = {"running": 5.0, "waiting": 0.0, "kv": 0.99}
    store = watched(service("chat"), one)
    for second in range(0, 181, 5):
        counted = sample(one, START + second, requests=second, tokens=second, **layout_kv)
        at = counted.layout.counters.index("preemptions")
        cumulative = list(counted.cumulative)
        cumulative[at] = second * 2.0
        store.apply([msgspec.structs.replace(counted, cumulative=tuple(cumulative))])
    full = AlertKey("kv-saturated", CHAT)
    alert = found(store, full)
    assert alert.phase == "firing"
    assert alert.readings["preemption_rate"] == pytest.approx(2.0)
    for minute in range(10):
        store.apply([health(START + 240 + 60 * minute)])
    silent = found(store, full)
    assert (silent.phase, silent.since) == ("firing", alert.since)
    assert not silent.state.exceeded
    assert silent.readings["kv_usage"] == pytest.approx(0.99)


def test_a_queue_is_measured_by_what_can_be_served_within_the_objective() -> None:
    one = replica(CHAT)
    store = watched(service("chat"), one)
    waits = AlertKey("queue-above-capacity", CHAT)
    for second in range(0, 301, 5):
        store.apply([sample(one, START + second, requests=4 * second, waiting=50)])
    assert found(store, waits).readings["queue_to_capacity"] == pytest.approx(50 / (4 * 10))
    assert phase(store, waits) == "firing"


def test_an_error_of_the_gpu_fires_at_once_until_it_is_reset() -> None:
    store = watched(service("chat"), gpu(0, START))
    assert phase(store, XID) == "inactive"
    store.apply([gpu(79, START + 30)])
    assert phase(store, XID) == "firing"
    assert [one.key for one in alerts_of(store).take_begun()] == [XID]
    store.apply([gpu(None, START + 60)])
    assert phase(store, XID) == "firing"
    store.apply([gpu(0, START + 90)])
    assert phase(store, XID) == "resolved"
    assert alerts_of(store).take_begun() == []


def test_a_gpu_that_falls_silent_with_its_error_is_not_well() -> None:
    store = watched(service("chat"), gpu(79, START), gpu(0, START, "GPU-2"))
    for minute in range(1, 6):
        store.apply([gpu(0, START + 60 * minute, "GPU-2")])
    assert phase(store, XID) == "firing"
    store.apply([gpu(0, START + 400), gpu(0, START + 400, "GPU-2")])
    assert phase(store, XID) == "resolved"


def promised_chat() -> FleetStore:
    """A store in which one service promises that 99 % of its requests end well."""
    annotated = msgspec.structs.replace(
        service("chat"), annotations={"mtop.dev/slo": "availability@99%/7d"}
    )
    store = FleetStore(promises=promises(Settings(), None))
    store.alerts = Alerts()
    store.apply([annotated, replica(CHAT)])
    return store


def serve(store: FleetStore, seconds: range, failing: float, before: float = 0.0) -> float:
    """100 requests a second of which a share fails; returns how many have failed by then."""
    for second in seconds:
        failed = before + 100 * failing * (second - seconds.start)
        counted = sample(
            replica(CHAT), START + second, requests=100 * second - failed, failed=failed
        )
        store.apply([counted])
    return failed


def test_a_ticket_is_silent_while_the_same_budget_pages() -> None:
    store = promised_chat()
    serve(store, range(0, 1201, 10), failing=0.5)
    assert [alert.key.rule for alert in alerts_of(store).all()] == ["slo-page"]
    assert phase(store, AlertKey("slo-ticket", CHAT)) == "firing"
    assert alerts_of(store).waiting() == (1, 0)


def test_who_took_note_of_a_ticket_has_not_taken_note_of_the_page_it_becomes() -> None:
    store = promised_chat()
    failed = serve(store, range(0, 601, 10), failing=0.02)
    assert alerts_of(store).waiting() == (0, 1)
    assert alerts_of(store).acknowledge(AlertKey("slo-ticket", CHAT), START + 600)
    assert alerts_of(store).waiting() == (0, 0)
    serve(store, range(600, 1201, 10), failing=0.5, before=failed)
    assert alerts_of(store).waiting() == (1, 0)


def test_a_source_that_says_nothing_fires_and_one_that_ended_does_not() -> None:
    alerts = Alerts()
    stale = AlertKey("source-stale", None, "scripted")
    for second in range(0, 181, 10):
        alerts.step_sources([health()], START, START + second)
    alert = alerts.get(stale)
    assert alert is not None
    assert alert.phase == "firing"
    assert alert.since == START + 120
    ended = Alerts()
    for second in range(0, 181, 10):
        ended.step_sources([health(state="ended")], START, START + second)
    assert ended.all() == []


def test_an_alert_ends_with_its_service_and_another_of_the_name_has_its_own() -> None:
    gone = ready("False", START, since=START - 7200)
    store = watched(gone)
    assert alerts_of(store).acknowledge(NOT_READY, START)
    again = msgspec.structs.replace(gone, at=START + 10, ref=gone.ref._replace(uid="uid-2"))
    store.apply([again])
    assert found(store, NOT_READY).acknowledged_at is None
    store.apply([Removed(at=START + 20, ref=again.ref)])
    assert alerts_of(store).all() == []
    assert len(alerts_of(store).ended(NOT_READY)) == 2


def test_of_many_services_a_part_is_stepped_at_a_time_and_each_in_the_end() -> None:
    many = 2 * SERVICES_PER_STEP + 50
    store = watched(*(service(f"chat-{number:04}", ready=False) for number in range(many)))
    counts = [len(alerts_of(store).all())]
    for turn in range(1, 4):
        store.apply([health(START + 2 * turn)])
        counts.append(len(alerts_of(store).all()))
    assert counts == [SERVICES_PER_STEP, 2 * SERVICES_PER_STEP, many, many]


def test_what_is_kept_is_bounded() -> None:
    store = watched(service("chat"))
    for number in range(ENDED_KEPT + 20):
        at = START + 4 * number
        store.apply([gpu(79, at + 2)])
        store.apply([gpu(0, at + 4)])
    kept = alerts_of(store).ended(XID)
    assert len(kept) == ENDED_KEPT
    assert kept[-1].ended_at == START + 4 * (ENDED_KEPT + 20)
    assert len(alerts_of(store).all()) == 1
    assert len(alerts_of(store)._begun) <= BEGUN_KEPT


def test_every_shipped_rule_reads_something_that_is_read() -> None:
    store = watched(service("chat"))
    state = store.service(CHAT)
    assert state is not None
    known = {
        *service_readings(state, START, {}),
        *source_readings(health(), START, START),
    }
    assert {limit.reading for rule in RULES for limit in rule.limits} <= known


def revision(number: int) -> Revision:
    ref = ObjectRef("test", "production", "Revision", f"chat-r{number}")
    return Revision(at=START, ref=ref, service=CHAT, role="main", number=number)


@pytest.mark.parametrize(
    ("phase_of_new", "late", "stuck"),
    [
        ("pending", False, "firing"),
        ("failed", False, "firing"),
        ("starting", False, "inactive"),
        ("starting", True, "firing"),
        ("ready", False, "inactive"),
    ],
)
def test_a_rollout_is_stuck_when_its_new_replica_is_and_not_while_it_loads(
    phase_of_new: str, late: bool, stuck: str
) -> None:
    deadline = START + (10 if late else 900)
    store = watched(
        service("chat"),
        revision(1),
        revision(2),
        replica(CHAT, 0, revision="r1"),
        replica(CHAT, 1, revision="r2", phase=phase_of_new, deadline=deadline),
    )
    for second in range(10, 121, 10):
        store.apply([health(START + second)])
    assert phase(store, AlertKey("rollout-stuck", CHAT)) == stuck


def test_a_stuck_rollout_is_silent_while_nobody_is_served_at_all() -> None:
    down = service("chat", ready=False, reason="ProgressDeadlineExceeded")
    store = watched(down)
    stages = [(10, set()), (70, {"rollout-stuck"}), (290, {"rollout-stuck"}), (300, {"not-ready"})]
    for second, expected in stages:
        store.apply([health(START + second)])
        told = {one.key.rule for one in alerts_of(store).all() if one.phase == "firing"}
        assert told == expected


def test_a_change_that_no_controller_has_seen_is_a_stuck_rollout() -> None:
    seen = msgspec.structs.replace(service("chat"), generation=3, observed_generation=3)
    store = watched(msgspec.structs.replace(seen, observed_generation=2))
    for second in range(10, 71, 10):
        store.apply([health(START + second)])
    stuck = AlertKey("rollout-stuck", CHAT)
    assert phase(store, stuck) == "firing"
    store.apply([msgspec.structs.replace(seen, at=START + 80)])
    assert phase(store, stuck) == "resolved"


looks = st.lists(
    st.tuples(st.floats(2, 400), st.sampled_from(["True", "False", "Unknown"]), st.booleans()),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(looks)
def test_the_unknown_changes_nothing_and_a_note_holds_until_something_changes(
    steps: list[tuple[float, str, bool]],
) -> None:
    store, at = watched(), START
    for gap, status, takes_note in steps:
        at += gap
        before = alerts_of(store).get(NOT_READY)
        store.apply([ready(status, at)])
        after = alerts_of(store).get(NOT_READY)
        if status == "Unknown":
            known = None if before is None else (before.phase, before.since, before.fired_at)
            assert known == (None if after is None else (after.phase, after.since, after.fired_at))
        if before is not None and after is not None:
            same = before.phase == after.phase
            assert after.acknowledged_at == (before.acknowledged_at if same else None)
            assert same == (before.since == after.since)
        if takes_note and alerts_of(store).acknowledge(NOT_READY, at):
            assert not found(store, NOT_READY).wants_attention
        pages, tickets = alerts_of(store).waiting()
        firing = phase(store, NOT_READY) == "firing"
        noted = firing and found(store, NOT_READY).acknowledged_at is not None
        assert (pages, tickets) == (int(firing and not noted), 0)


def test_what_is_over_cannot_be_acknowledged_and_a_note_can_be_taken_back() -> None:
    store = watched(service("chat"), gpu(79, START))
    alerts = alerts_of(store)
    assert alerts.waiting() == (0, 1)
    assert alerts.acknowledge(XID, START)
    assert alerts.waiting() == (0, 0)
    alerts.take_back(XID)
    assert alerts.waiting() == (0, 1)
    store.apply([gpu(0, START + 10)])
    assert not alerts.acknowledge(XID, START)
    assert not alerts.acknowledge(NOT_READY, START)
