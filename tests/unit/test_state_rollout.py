"""Rollouts as the store knows them: versions now and before, comparisons, what is kept."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest

from fleet_source import START, key, node, replica, sample, service
from mtop_tui.domain.rollouts.stuck import Cause, State
from mtop_tui.observations import (
    CanarySteps,
    Condition,
    ObjectRef,
    Pool,
    Removed,
    Replica,
    Revision,
    RouteGroup,
    RouteMember,
)
from mtop_tui.state.canary_history import STEP
from mtop_tui.state.comparisons import AT_ONCE
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.rollout import RolloutState, rollout_state
from mtop_tui.state.routes import WEIGHT_CHANGES_KEPT
from mtop_tui.state.service import REVISION_CHANGES_KEPT
from mtop_tui.state.versions import Manner, facts_of_version, versions_of
from mtop_tui.views.rollout import headline

OLD, NEW = key("chat"), key("chat-canary")
GROUP = ObjectRef("test", "production", "RouteGroup", "chat")


def group(*weights: int, at: float = START, stopped: tuple[int, ...] = ()) -> RouteGroup:
    names = ("chat", "chat-canary", "chat-third")
    return RouteGroup(
        at=at,
        ref=GROUP,
        members=tuple(
            RouteMember(names[place], weight, place in stopped)
            for place, weight in enumerate(weights)
        ),
    )


def aged(name: str, seconds: float):
    return msgspec.structs.replace(service(name), created_at=START - seconds)


def revision(number: int, desired: int | None, ready: int | None, at: float = START) -> Revision:
    name = f"chat-kserve-{number}"
    return Revision(
        at=at,
        ref=ObjectRef("test", "production", "ReplicaSet", name, name),
        service=OLD,
        role="main",
        number=number,
        image=f"vllm:{number}",
        created_at=at,
        desired=desired,
        ready=ready,
    )


def of(store: FleetStore, name: str = "chat", now: float = START) -> RolloutState:
    state = store.service(key(name))
    assert state is not None
    return rollout_state(store, state, now)


def paired() -> FleetStore:
    store = FleetStore()
    store.apply([aged("chat", 9000), aged("chat-canary", 100), group(100, 0, at=START - 60)])
    return store


def test_two_members_are_side_by_side_until_traffic_says_more() -> None:
    store = paired()
    assert of(store).versions.manner is Manner.BESIDE
    store.apply([group(90, 10)])
    assert of(store).versions.manner is Manner.CANARY
    store = paired()
    store.apply([group(0, 100)])
    assert of(store).versions.manner is Manner.BLUE_GREEN


def test_the_oldest_is_stable_and_the_one_asked_about_is_the_new_one() -> None:
    store = paired()
    store.apply([aged("chat-third", 10), group(80, 10, 10)])
    assert [one.name for one in of(store).versions.all] == ["chat", "chat-canary", "chat-third"]
    assert of(store).versions.canary.name == "chat-third"  # type: ignore[union-attr]
    assert of(store, "chat-canary").versions.canary.name == "chat-canary"  # type: ignore[union-attr]


def test_a_stopped_elder_was_the_stable_one_of_a_rollout_that_is_over() -> None:
    store = paired()
    store.apply([group(0, 100, at=START - 30), group(0, 100, stopped=(0,))])
    found = of(store)
    assert found.versions.over
    assert found.versions.stable.name == "chat"  # type: ignore[union-attr]
    assert found.versions.canary.name == "chat-canary"  # type: ignore[union-attr]
    assert found.next_step == "Nothing: one version serves."


def test_shares_are_known_at_a_time_and_not_before_anybody_looked() -> None:
    store = paired()
    store.apply([group(90, 10, at=START - 30), group(50, 50)])
    new = of(store).versions.canary
    assert new is not None
    shares = []
    for at in (START - 90, START - 45, START - 30, START - 1, None):
        found = facts_of_version(store, new, GROUP, at)
        shares.append(None if found is None else found.share)
    assert shares == [None, 0.0, 0.1, 0.1, 0.5]


def test_weights_and_revisions_are_kept_in_bounds() -> None:
    store = paired()
    store.apply([group(100, turn % 90, at=START + turn) for turn in range(500)])
    log = store.groups.log(GROUP)
    assert log is not None
    assert len(log) == WEIGHT_CHANGES_KEPT
    store.apply([revision(1, 3, turn % 3, START + turn) for turn in range(900)])
    state = store.service(OLD)
    assert state is not None
    assert len(state.revision_log) == REVISION_CHANGES_KEPT


def test_a_revision_that_says_nothing_new_is_not_a_change() -> None:
    store = paired()
    store.apply([revision(1, 3, 3, START + turn) for turn in range(9)])
    state = store.service(OLD)
    assert state is not None
    assert len(state.revision_log) == 9  # created_at differs
    same = revision(1, 3, 3)
    store.apply([same, *(msgspec.structs.replace(same, at=START + 100 + n) for n in range(9))])
    assert len(state.revision_log) == 10


def test_a_rolling_update_goes_from_the_revision_before_to_the_newest() -> None:
    store = FleetStore()
    store.apply([service("chat", desired=3), revision(1, 3, 3, START - 300)])
    assert of(store).versions.manner is Manner.NONE
    store.apply([revision(2, 1, 0, START - 200), revision(2, 1, 1, START - 100)])
    found = of(store)
    assert found.versions.manner is Manner.ROLLING
    assert (found.versions.stable.name, found.versions.canary.name) == (  # type: ignore[union-attr]
        "revision 1",
        "revision 2",
    )
    assert found.pace is not None
    assert found.pace.per_replica == 100
    store.apply([revision(1, 0, 0), revision(2, 3, 3)])
    assert of(store).versions.over
    assert of(store).ended == START


def test_all_of_the_new_beside_all_of_the_old_are_blue_and_green() -> None:
    store = FleetStore()
    store.apply([service("chat", desired=3), revision(1, 3, 3, START - 300)])
    store.apply([revision(2, 3, 0, START - 200), revision(2, 3, 3, START - 100)])
    found = of(store)
    assert found.versions.manner is Manner.BLUE_GREEN
    assert "all requests move at once" in found.next_step
    store.apply([revision(1, 0, 0)])
    found = of(store)
    assert found.versions.over
    assert found.versions.manner is Manner.BLUE_GREEN
    assert (found.began, found.ended) == (START - 200, START)


def test_half_of_each_on_the_way_is_still_a_rolling_update() -> None:
    store = FleetStore()
    store.apply([service("chat", desired=3), revision(1, 3, 3, START - 300)])
    store.apply([revision(2, 1, 1, START - 200), revision(1, 2, 2, START - 150)])
    store.apply([revision(2, 2, 2, START - 100)])
    assert of(store).versions.manner is Manner.ROLLING


def pending(index: int) -> Replica:
    said = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."
    return replica(
        OLD, index, phase="pending", node=None, message=said, since=START - 300, revision="2"
    )


def test_a_new_pod_without_a_gpu_is_what_holds_it() -> None:
    store = FleetStore()
    store.apply([node(), service("chat", desired=1), revision(1, 1, 1), replica(OLD, 0)])
    store.apply([revision(2, 1, 0), pending(1)])
    found = of(store)
    assert found.progress.state is State.STUCK
    assert found.progress.cause is Cause.NO_GPU
    assert "waits for ever" in found.progress.sentence
    assert "Free GPUs" in found.next_step


@pytest.mark.parametrize(
    ("condition", "state"),
    [
        (Condition("Progressing", "Unknown", "DeploymentPaused"), State.HELD),
        (Condition("Progressing", "False", "ProgressDeadlineExceeded", "timed out"), State.STUCK),
        (Condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota: gpus"), State.STUCK),
    ],
)
def test_what_its_controller_says_holds_it(condition: Condition, state: State) -> None:
    asked = service("chat", desired=3)
    pool = msgspec.structs.replace(asked.pools[0], conditions=(condition,))
    store = FleetStore()
    store.apply([msgspec.structs.replace(asked, pools=(pool,)), revision(1, 3, 3)])
    store.apply([revision(2, 1, 0)])
    assert of(store).progress.state is state


def test_copies_make_a_shadow_and_their_end_is_remembered() -> None:
    store = FleetStore()
    copied = msgspec.structs.replace(service("chat"), mirrors_to="chat-shadow")
    store.apply([service("chat"), service("chat-shadow"), copied])
    for name in ("chat", "chat-shadow"):
        found = of(store, name).versions
        assert found.manner is Manner.SHADOW
        assert not found.over
        assert found.canary.name == "chat-shadow"  # type: ignore[union-attr]
    store.apply([service("chat", at=START + 60)])
    assert of(store).versions.over


def served(store: FleetStore, minutes: float) -> None:
    """Both members serve for so long, the new one failing 2 % of its requests."""
    store.apply([replica(OLD, 0, since=START - 9000), replica(NEW, 0, since=START - 9000)])
    for second in range(0, int(60 * minutes), 5):
        at = START + second
        one, two = (replica(name, 0) for name in (OLD, NEW))
        done = 5 * second
        store.apply([sample(one, at, requests=done, tokens=100 * done)])
        failed = done // 50
        store.apply([sample(two, at, requests=done - failed, failed=failed, tokens=100 * done)])


def test_what_was_said_is_kept_window_by_window() -> None:
    store = paired()
    store.apply([group(50, 50)])
    served(store, 10)
    track = store.comparison(NEW)
    assert track is not None
    now = track.now(START + 595)
    assert now.verdict == "WORSE"
    assert [one.verdict for one in track.changes if one.metric == "errors"] == ["WORSE"]
    before = track.at(START + STEP)
    assert before is not None
    assert {one.verdict for one in before.metrics} <= {"NOT ENOUGH DATA", "NOT COMPARABLE"}
    assert track.at(START - 600) is None
    late = track.at(START + 590)
    assert late is not None
    (errors,) = [one for one in late.metrics if one.metric == "errors"]
    assert errors.verdict == "WORSE"
    assert errors.canary.bad / errors.canary.total == pytest.approx(0.02, abs=0.01)
    assert late.canary.error_ratio == pytest.approx(0.02, abs=0.01)


def test_a_comparison_that_is_over_stays_until_its_service_goes() -> None:
    store = paired()
    store.apply([group(50, 50)])
    served(store, 2)
    store.apply([group(50, 50, at=START + 130, stopped=(0,))])
    store.apply([sample(replica(NEW, 0), START + 140, requests=900)])
    assert store.canary(NEW) is None
    track = store.comparison(NEW)
    assert track is not None
    assert track.ended is not None
    store.apply([Removed(at=START + 150, ref=service("chat-canary").ref)])
    assert store.comparison(NEW) is None


def test_without_fresh_samples_only_the_cost_is_known() -> None:
    store = paired()
    store.apply([node(instance_type=None), group(50, 50)])
    served(store, 2)
    track = store.comparison(NEW)
    assert track is not None
    found = track.now(START + 900).canary
    assert found.error_ratio != found.error_ratio
    assert found.request_rate != found.request_rate
    assert found.usd_per_hour != found.usd_per_hour  # no price list, and unknown is not 0


def test_many_pairs_are_looked_at_a_few_at_a_time() -> None:
    store = FleetStore()
    pairs = 3 * AT_ONCE
    for index in range(pairs):
        names = (f"a{index}", f"b{index}")
        store.apply([*(aged(name, 100 - place) for place, name in enumerate(names))])
        ref = ObjectRef("test", "production", "RouteGroup", f"g{index}")
        members = tuple(RouteMember(name, 1) for name in names)
        store.apply([RouteGroup(at=START, ref=ref, members=members)])
    store.apply([service("tick", at=START + 2)])

    def begun() -> int:
        tracks = [store.comparison(key(f"b{index}")) for index in range(pairs)]
        return sum(track is not None and track.began is not None for track in tracks)

    seen = []
    for turn in range(4):
        store.apply([service("tick", at=START + 4 + turn)])
        seen.append(begun())
    assert seen == sorted(seen)
    assert max(b - a for a, b in pairwise(seen)) <= AT_ONCE
    assert seen[-1] == pairs


def test_versions_of_a_service_that_says_nothing_are_none() -> None:
    store = FleetStore()
    store.apply([service("chat")])
    state = store.service(OLD)
    assert state is not None
    found = versions_of(store, state)
    assert found.manner is Manner.NONE
    assert found.all == ()


@pytest.mark.parametrize(
    ("state", "moves", "said"),
    [
        ("progressing", State.MOVING, "40% of the traffic, step 3 of 4"),
        ("paused", State.HELD, "40% of the traffic, step 3 of 4"),
        ("aborted", State.HELD, "40% of the traffic, step 3 of 4"),
    ],
)
def test_a_controller_that_takes_steps_says_who_gets_what(state, moves, said) -> None:
    steps = CanarySteps(
        stable="1", canary="2", share=0.4, step=2, steps=4, state=state, said="by hand"
    )
    stepped = msgspec.structs.replace(
        aged("chat", 9000), pools=(Pool(role="main", desired=5, ready=5, canary=steps),)
    )
    store = FleetStore()
    store.apply([stepped, revision(1, 4, 4), revision(2, 1, 1)])
    found = of(store)
    assert found.versions.manner is Manner.CANARY
    assert [one.share for one in found.facts] == [0.6, 0.4]
    assert found.progress.state is moves
    text = "".join(cell.text for line in headline(found, START, 100, 4) for cell in line)
    assert said in " ".join(text.split())
