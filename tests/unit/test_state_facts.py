"""From what was observed to why a service is as it is."""

import msgspec
import pytest

from fleet_source import (
    START,
    key,
    node,
    replica,
    sample,
    service,
    traffic,
)
from mtop_tui.config.promises import promises
from mtop_tui.config.settings import Settings
from mtop_tui.domain.diagnosis.facts import ReplicaFigures
from mtop_tui.domain.diagnosis.ranking import diagnose
from mtop_tui.observations import (
    Autoscaler,
    Condition,
    ContainerExit,
    GpuReading,
    KubeEvent,
    LogLine,
    LogLines,
    ObjectRef,
    Observation,
    Removed,
    Revision,
    RouteGroup,
    RouteMember,
    SourceHealth,
)
from mtop_tui.state.facts import service_facts
from mtop_tui.state.fleet import FleetStore
from mtop_tui.views.fleet import facts_of, why

CHAT = key("chat")


def fleet(*observations: Observation, slo: str = "") -> FleetStore:
    store = FleetStore(promises=promises(Settings(objectives=slo), None))
    store.apply([SourceHealth(at=START, source="test", state="live", last_contact=START)])
    store.apply([service("chat"), *observations])
    return store


def causes(store: FleetStore, name: str = "chat", now: float = START) -> list[str]:
    state = store.service(key(name))
    assert state is not None
    return [finding.id for finding in diagnose(service_facts(store, state, now))]


def why_of(store: FleetStore, now: float = START, width: int = 100) -> str:
    state = store.service(CHAT)
    assert state is not None
    return why(store, facts_of(store, state, now), width).chain.text


def test_a_service_that_serves_well_has_no_cause() -> None:
    one = replica(CHAT, since=START - 9000)
    store = fleet(node(), one, *traffic(one, 5, running=3, kv=0.3))
    assert causes(store) == []
    assert why_of(store) == "nothing wrong that mtop can see"


def test_a_pod_without_a_gpu_is_the_cause() -> None:
    waiting = replica(
        CHAT,
        phase="pending",
        reason="Unschedulable",
        message="0/6 nodes are available: 6 Insufficient nvidia.com/gpu.",
        node=None,
        since=START - 600,
    )
    store = fleet(service("chat", ready=False), waiting)
    assert causes(store)[0] == "no-gpu"
    assert "GPU" in why_of(store)


def test_the_end_of_a_container_is_told() -> None:
    crashed = msgspec.structs.replace(
        replica(CHAT, phase="failed", reason="CrashLoopBackOff", since=START - 60),
        restarts=4,
        last_exit=ContainerExit("main", "OOMKilled", 137, "", START - 60),
    )
    store = fleet(service("chat", ready=False), crashed)
    assert causes(store)[0] == "host-oom"


def test_log_lines_with_a_known_fault_are_kept() -> None:
    crashed = msgspec.structs.replace(
        replica(CHAT, phase="failed", reason="CrashLoopBackOff", since=START - 60), restarts=4
    )
    said = LogLines(
        at=START,
        ref=crashed.ref,
        container="main",
        lines=(
            LogLine(START - 61, "INFO 11-21 10:00:00 [loggers.py:1] nothing of interest"),
            LogLine(
                START - 60, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB"
            ),
        ),
    )
    store = fleet(service("chat", ready=False), crashed, said)
    assert causes(store)[0] == "gpu-oom"


def test_what_the_kernel_of_a_node_says_concerns_the_services_there() -> None:
    there = replica(CHAT, phase="failed", reason="Error", since=START - 30)
    elsewhere = replica(key("other"), node="node-9")
    said = LogLines(
        at=START,
        ref=ObjectRef("test", "", "Node", "node-0"),
        container="kernel",
        lines=(LogLine(START - 31, "NVRM: Xid (PCI:0000:38:00): 79, GPU has fallen off the bus."),),
    )
    store = fleet(service("chat", ready=False), node(), there, service("other"), elsewhere, said)
    assert causes(store)[0] == "xid"
    assert "xid" not in causes(store, "other")


def test_a_kv_cache_that_overflows_is_the_cause_of_slow_first_tokens() -> None:
    one = replica(CHAT, since=START - 9000)
    samples = traffic(one, 5, running=40, waiting=30, kv=0.99, ttft=4.0)
    preempting = [
        msgspec.structs.replace(s, cumulative=(*s.cumulative[:5], 3.0 * index, *s.cumulative[6:]))
        for index, s in enumerate(samples)
    ]
    assert samples[0].layout.counters[5] == "preemptions"
    store = fleet(node(), one, *preempting, slo="ttft<=1s@95%")
    assert "kv-saturation" in causes(store)
    assert "KV" in why_of(store)


def test_one_slow_replica_among_its_peers_stands_out() -> None:
    ones = [replica(CHAT, index, since=START - 9000) for index in range(5)]
    slow = ones[2]
    store = fleet(
        node(),
        *ones,
        *sorted(
            (
                s
                for one in ones
                for s in traffic(one, 5, itl=0.06 if one is slow else 0.02, running=2)
            ),
            key=lambda s: s.at,
        ),
    )
    state = store.service(CHAT)
    assert state is not None
    findings = diagnose(service_facts(store, state, START))
    (found,) = [finding for finding in findings if finding.id == "slow-replica"]
    assert found.subjects == (slow.ref.name,)


def test_a_gpu_fault_on_a_node_of_the_service_is_known() -> None:
    one = replica(CHAT, phase="failed", reason="Error", since=START - 30)
    fault = GpuReading(
        at=START - 20,
        ref=ObjectRef("test", "", "GPU", "GPU-1"),
        node="node-0",
        service=CHAT,
        xid=79,
        utilization=0.0,
    )
    store = fleet(service("chat", ready=False), node(), one, fault)
    assert causes(store)[0] == "xid"


def test_what_ails_a_gpu_of_another_service_on_the_node_is_not_its_own() -> None:
    one = replica(CHAT, since=START - 9000)
    hot = GpuReading(
        at=START - 20,
        ref=ObjectRef("test", "", "GPU", "GPU-1"),
        node="node-0",
        service=key("other"),
        throttled="HwThermal",
    )
    store = fleet(service("other"), node(), one, *traffic(one, 5), hot)
    assert causes(store) == []
    store.apply([msgspec.structs.replace(hot, service=CHAT)])
    assert causes(store) == ["gpu-throttle"]


def test_readings_of_a_node_that_is_gone_are_forgotten() -> None:
    there = node()
    fault = GpuReading(
        at=START, ref=ObjectRef("test", "", "GPU", "GPU-1"), node=there.ref.name, xid=79
    )
    store = fleet(there, fault)
    store.apply([Removed(at=START, ref=there.ref)])
    assert store.gpus == {}


def test_an_autoscaler_that_turns_back_and_forth_is_flapping() -> None:
    one = replica(CHAT, since=START - 9000)
    scaler = [
        Autoscaler(
            at=START - 1500 + 200 * step,
            ref=ObjectRef("test", "production", "HorizontalPodAutoscaler", "chat"),
            service=CHAT,
            role="main",
            minimum=1,
            maximum=8,
            desired=2 + 3 * (step % 2),
            current=2,
        )
        for step in range(7)
    ]
    store = fleet(node(), one, *scaler, *traffic(one, 5, running=2))
    assert "autoscaler-flapping" in causes(store)


def test_a_source_that_is_silent_is_said_before_anything_else() -> None:
    one = replica(CHAT, since=START - 9000)
    store = fleet(node(), one, *traffic(one, 5))
    store.apply([SourceHealth(at=START + 600, source="test", state="stale", last_contact=START)])
    assert causes(store, now=START + 600)[0] == "stale-source"


def test_an_objective_that_cannot_be_read_is_said() -> None:
    wrong = msgspec.structs.replace(service("chat"), annotations={"mtop.dev/slo": "fast please"})
    one = replica(CHAT, since=START - 9000)
    store = fleet(wrong, one, *traffic(one, 5))
    assert "mtop.dev/slo" in why_of(store)


def test_a_rolling_update_is_seen_by_revision() -> None:
    old = [replica(CHAT, index, since=START - 9000, revision="aaa") for index in range(3)]
    new = replica(CHAT, 3, since=START - 900, revision="bbb")
    revisions = [
        Revision(
            at=START,
            ref=ObjectRef("test", "production", "ReplicaSet", f"chat-kserve-{name}"),
            service=CHAT,
            role="main",
            number=number,
        )
        for number, name in ((1, "aaa"), (2, "bbb"))
    ]
    samples = [s for one in old for s in traffic(one, 5, running=2)]
    samples += [
        sample(new, START - 120 + t, requests=3 * t, failed=2 * t, tokens=300 * t, running=2)
        for t in range(0, 121, 5)
    ]
    store = fleet(node(), *old, new, *revisions, *sorted(samples, key=lambda s: s.at))
    state = store.service(CHAT)
    assert state is not None
    facts = service_facts(store, state, START)
    assert facts.rollout is not None
    assert facts.rollout.new_revision == "bbb"
    assert facts.rollout.new.error_ratio == pytest.approx(0.4)
    assert facts.rollout.old.error_ratio == 0
    assert causes(store)[0] == "bad-canary-errors"


def test_members_of_a_route_group_are_known_with_their_state() -> None:
    group = RouteGroup(
        at=START,
        ref=ObjectRef("test", "production", "RouteGroup", "chat"),
        members=(RouteMember("chat", 9), RouteMember("chat-canary", 1)),
    )
    broken = service("chat-canary", ready=False)
    store = fleet(broken, group)
    state = store.service(CHAT)
    assert state is not None
    route = service_facts(store, state, START).route
    assert route is not None
    assert [(member.service, member.ready) for member in route.members] == [
        ("chat", True),
        ("chat-canary", False),
    ]


def test_events_of_its_pods_are_among_the_facts() -> None:
    one = replica(CHAT, phase="starting", reason="ContainerCreating", since=START - 30)
    said = KubeEvent(
        at=START,
        ref=ObjectRef("test", "production", "Event", "e1"),
        involved=one.ref,
        severity="Warning",
        reason="FailedMount",
        message="MountVolume.SetUp failed",
    )
    store = fleet(one, said)
    state = store.service(CHAT)
    assert state is not None
    assert [event.reason for event in service_facts(store, state, START).events] == ["FailedMount"]
    assert service_facts(store, state, START).conditions == (Condition("Ready", "True"),)


def test_a_node_that_is_taken_back_is_the_cause_after_its_replicas_are_gone() -> None:
    gone = replica(CHAT, since=START - 9000)
    notice = KubeEvent(
        at=START - 60,
        ref=ObjectRef("test", "default", "Event", "e1"),
        involved=node().ref,
        severity="Warning",
        reason="SpotInterruption",
        message="Spot capacity of node node-0 is taken back in 120 s",
    )
    elsewhere = replica(CHAT, 1, phase="starting", reason="Loading", node="node-1", since=START)
    store = fleet(service("chat", ready=False), service("other"), node(), gone, notice)
    store.apply([Removed(at=START - 50, ref=gone.ref), elsewhere])
    assert causes(store)[0] == "node-lost"
    assert causes(store, "other") == []


def test_what_ends_does_not_tell_of_the_route_while_requests_wait() -> None:
    group = RouteGroup(
        at=START,
        ref=ObjectRef("test", "production", "RouteGroup", "chat"),
        members=(RouteMember("chat", 1), RouteMember("chat-canary", 1)),
    )

    def share(waiting: int) -> float | None:
        ones = [replica(CHAT), replica(key("chat-canary"), 1)]
        samples = [
            *traffic(ones[0], 1, running=5, waiting=waiting),
            *traffic(ones[1], 9, running=5),
        ]
        store = fleet(service("chat-canary"), group, *ones, *sorted(samples, key=lambda s: s.at))
        for name in ("chat", "chat-canary"):
            state = store.service(key(name))
            assert state is not None
            state.metrics()
        route = service_facts(store, store.service(CHAT), START).route  # type: ignore[arg-type]
        assert route is not None
        return route.observed_share

    assert share(0) == pytest.approx(0.1)
    assert share(40) is None


def _replica_figures(store: FleetStore, now: float) -> ReplicaFigures:
    state = store.service(CHAT)
    assert state is not None
    return service_facts(store, state, now).replicas[0].figures


def test_a_replica_that_runs_requests_without_a_token_stalls() -> None:
    one = msgspec.structs.replace(replica(CHAT, since=START - 9000), gpus=4)
    still = [
        sample(one, START + t, requests=600, tokens=60_000, running=3) for t in range(5, 46, 5)
    ]
    store = fleet(node(), one, *traffic(one, 5, running=3), *still[:1])
    assert _replica_figures(store, START + 5).stalled == 0
    store.apply(still[1:])
    assert _replica_figures(store, START + 45).stalled == 40
    assert causes(store, now=START + 45) == ["nccl-hang"]


@pytest.mark.parametrize(("tokens", "running"), [(60_001, 3), (60_000, 0)])
def test_a_token_or_idleness_ends_a_stall(tokens: float, running: float) -> None:
    one = replica(CHAT, since=START - 9000)
    store = fleet(node(), one, *traffic(one, 5, running=3))
    store.apply([sample(one, START + 5, requests=600, tokens=60_000, running=3)])
    store.apply([sample(one, START + 10, requests=600, tokens=tokens, running=running)])
    assert _replica_figures(store, START + 10).stalled is None


def test_a_queue_is_one_when_it_lasts() -> None:
    one = replica(CHAT, since=START - 9000)
    store = fleet(node(), one, *traffic(one, 5, running=3))
    for seconds, expected in ((5, []), (30, ["queue-growth"])):
        for t in range(5, seconds + 1, 5):
            at = START + t
            store.apply(
                [sample(one, at, requests=600 + t, tokens=60_000 + t, running=3, waiting=14)]
            )
        assert causes(store, now=START + seconds) == expected


@pytest.mark.parametrize(("seconds", "split"), [(300, True), (80, False)])
def test_a_share_is_off_when_it_is_so_for_longer_than_a_burst(seconds: int, split: bool) -> None:
    group = RouteGroup(
        at=START,
        ref=ObjectRef("test", "production", "RouteGroup", "chat"),
        members=(RouteMember("chat", 1), RouteMember("chat-canary", 1)),
    )
    ones = [replica(CHAT), replica(key("chat-canary"), 1)]
    store = fleet(service("chat-canary"), group, *ones)
    done = [0.0, 0.0]
    for at in range(-400, 1, 5):
        off = at > -seconds
        store.apply(
            [sample(one, START + at, requests=of) for one, of in zip(ones, done, strict=True)]
        )
        for state in store.services():
            state.metrics()
        done = [done[0] + (5 if off else 25), done[1] + (45 if off else 25)]
    assert ("route-split" in causes(store)) is split
