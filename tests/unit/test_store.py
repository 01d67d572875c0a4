"""What the store knows after records came in."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from fleet_source import START, health, key, node, replica, sample, service, traffic
from mtop_tui.config.prices import bundled_prices
from mtop_tui.domain.readiness import Health
from mtop_tui.observations import (
    ObjectRef,
    Removed,
    RouteGroup,
    RouteMember,
    RouteShare,
    Service,
)
from mtop_tui.state.fleet import FLEET_STEP, SUMMARIES_AT_ONCE, FleetStore

CHAT = key("chat")


def test_a_service_is_there_once_its_object_is_seen() -> None:
    store = FleetStore()
    store.apply([replica(CHAT), sample(replica(CHAT), START)])
    assert store.services() == []
    store.apply([service("chat")])
    assert [state.key for state in store.services()] == [CHAT]


def test_a_removed_service_is_gone_with_all_it_had() -> None:
    store = FleetStore()
    store.apply([service("chat"), replica(CHAT), *traffic(replica(CHAT), 5)])
    store.apply([Removed(at=START, ref=service("chat").ref)])
    assert store.service(CHAT) is None
    store.apply([service("chat", uid="another")])
    state = store.service(CHAT)
    assert state is not None
    assert state.history is None
    assert not state.replicas


def test_the_same_name_with_another_uid_is_another_service() -> None:
    store = FleetStore()
    store.apply([service("chat"), replica(CHAT), *traffic(replica(CHAT), 5)])
    store.apply([service("chat", uid="reborn")])
    state = store.service(CHAT)
    assert state is not None
    assert state.history is None


def test_a_removed_replica_no_longer_counts() -> None:
    store = FleetStore()
    store.apply([node(), service("chat", desired=2), replica(CHAT, 0), replica(CHAT, 1)])
    store.apply([Removed(at=START, ref=replica(CHAT, 1).ref)])
    assert store.totals().objects.replicas_ready == 1
    assert store.totals().objects.gpus_used == 1


def test_totals_and_money() -> None:
    store = FleetStore(bundled_prices())
    one, two = replica(CHAT, 0, gpus=2), replica(key("code"), 0, gpus=4)
    store.apply([node(), node("node-1"), service("chat"), service("code", ready=False), one, two])
    later = START + FLEET_STEP
    samples = [*traffic(one, 10, until=later), *traffic(two, 5, until=later)]
    store.apply(sorted(samples, key=lambda s: s.at))
    totals = store.totals()
    assert (totals.objects.services_ready, totals.objects.services) == (1, 2)
    assert (totals.objects.gpus_used, totals.objects.gpus) == (6, 16)
    assert totals.objects.bill.usd == 2 * Decimal("55.04")
    assert totals.objects.cost.usd == Decimal("55.04") * 6 / 8
    assert totals.idle_ratio == pytest.approx(10 / 16)
    assert totals.request_rate == pytest.approx(15, rel=0.01)


def test_a_node_without_a_price_makes_totals_a_lower_bound() -> None:
    store = FleetStore(bundled_prices())
    odd = node("node-1", instance_type="home-made")
    store.apply([node(), odd, service("chat"), replica(CHAT, 0, node="node-1")])
    state = store.service(CHAT)
    assert state is not None
    assert store.summary(state).cost.unpriced == 1
    assert store.totals().objects.bill.unpriced == 1
    assert store.totals().idle_ratio is None


def test_a_replica_that_is_not_scheduled_costs_nothing_yet() -> None:
    store = FleetStore(bundled_prices())
    store.apply([node(), service("chat"), replica(CHAT, 0, node=None, phase="pending")])
    state = store.service(CHAT)
    assert state is not None
    assert store.summary(state).cost.usd == 0
    assert store.summary(state).gpus == 0


def test_a_replica_costs_what_its_node_costs_now() -> None:
    store = FleetStore(bundled_prices())
    store.apply([node(), service("chat"), replica(CHAT)])
    assert store.totals().objects.cost.usd == Decimal("55.04") / 8
    store.apply([node(instance_type="no-such-type")])
    assert store.totals().objects.cost.unpriced == 1
    assert store.totals().objects.bill.unpriced == 1
    assert store.free_gpus() == (("H100", 7),)


def test_a_part_of_a_gpu_is_taken_from_a_node_that_is_called_by_the_whole() -> None:
    store = FleetStore()
    part = replace(replica(key("chat")), gpus=2, gpu_type="H100 MIG-1g.10gb")
    store.apply([node(), service("chat"), part])
    assert store.free_gpus() == (("H100", 6),)


def test_a_large_fleet_is_added_up_part_by_part() -> None:
    store = FleetStore(bundled_prices())
    owners = [key(f"s-{number}") for number in range(2 * SUMMARIES_AT_ONCE + 1)]
    for owner in owners:
        store.apply([service(owner.name), replica(owner)])
    assert len(list(store.catch_up())) == 2
    assert list(store.catch_up()) == []
    store.apply([replica(owners[0], phase="failed")])
    list(store.catch_up())
    assert store.totals().objects.replicas_ready == len(owners) - 1


def test_weights_of_a_group_are_proportional_and_stopped_members_get_nothing() -> None:
    store = FleetStore()
    stable = service("chat", route=RouteShare("chat", 9))
    canary = service("chat-next", route=RouteShare("chat", 1))
    group = RouteGroup(
        at=START,
        ref=ObjectRef("test", "production", "RouteGroup", "chat", "group"),
        members=(RouteMember("chat", 9), RouteMember("chat-next", 1)),
    )
    store.apply([stable, canary, group])
    assert store.groups.share(canary) == pytest.approx(0.1)
    store.apply([replace(group, members=(RouteMember("chat", 9, stopped=True), group.members[1]))])
    assert store.groups.share(canary) == 1
    assert store.groups.share(stable) == 0
    assert store.groups.share(service("alone")) is None


def test_a_stale_service_is_told_from_a_quiet_one() -> None:
    store = FleetStore()
    store.apply([service("chat"), replica(CHAT), *traffic(replica(CHAT), 0)])
    state = store.service(CHAT)
    assert state is not None
    assert not state.is_stale(START + 5)
    assert state.is_stale(START + 60)


def test_health_of_a_source_is_its_latest() -> None:
    store = FleetStore()
    store.apply([health(state="connecting"), health(START + 1, state="live")])
    assert store.sources["scripted"].state == "live"


@pytest.mark.parametrize(
    ("record", "expected", "words"),
    [
        (service("chat"), Health.FINE, "ready"),
        (service("chat", stopped=True, ready=False, reason="Stopped"), Health.STOPPED, "stopped"),
        (
            service("chat", ready=False, reason="ConfigNotFound"),
            Health.FAILING,
            "config not found",
        ),
        (replace(service("chat"), conditions=()), Health.UNKNOWN, "no status yet"),
    ],
)
def test_the_state_of_a_service_in_words(record: Service, expected: Health, words: str) -> None:
    store = FleetStore()
    store.apply([record])
    state = store.service(CHAT)
    assert state is not None
    assert store.status(state, START) == (expected, words)


@pytest.mark.parametrize(
    ("phase", "reason", "words", "expected"),
    [
        ("starting", "Loading", "loading 3m12/10m", Health.PROGRESSING),
        ("pending", "Unschedulable", "no GPU", Health.FAILING),
        ("failed", "CrashLoopBackOff", "crash loop", Health.FAILING),
        ("failed", "SomethingNew", "SomethingNew", Health.FAILING),
    ],
)
def test_a_replica_in_trouble_is_quoted(
    phase: str, reason: str, words: str, expected: Health
) -> None:
    store = FleetStore()
    troubled = replica(CHAT, 1, phase=phase, reason=reason, since=START - 192, deadline=START + 408)
    store.apply([service("chat", ready=False, reason="Unavailable"), replica(CHAT), troubled])
    state = store.service(CHAT)
    assert state is not None
    assert store.status(state, START) == (expected, words)


def test_memory_of_a_service_is_fixed() -> None:
    store = FleetStore()
    one = replica(CHAT)
    store.apply([service("chat"), one])
    sizes = []
    for minutes in (10, 70, 130):
        store.apply(traffic(one, 3, until=START + minutes * 60, seconds=minutes * 60, step=5))
        state = store.service(CHAT)
        assert state is not None
        sizes.append(state.nbytes)
    assert sizes[0] == sizes[1] == sizes[2]
