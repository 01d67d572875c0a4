"""A canary beside its stable member, from their samples to a verdict."""

import random

import msgspec
import pytest

from fleet_source import START, key, replica, sample, service
from mtop_tui.domain.diagnosis.ranking import diagnose
from mtop_tui.observations import MetricSample, ObjectRef, Replica, RouteGroup, RouteMember
from mtop_tui.state.canary import CanaryVerdict
from mtop_tui.state.facts import service_facts
from mtop_tui.state.fleet import FleetStore

STABLE, CANARY = key("chat-stable"), key("chat-canary")
MINUTES = 20
BEGIN = START - MINUTES * 60
ONE = replica(STABLE, at=BEGIN, since=START - 9000)
NEW = replica(CANARY, at=BEGIN, since=START - 9000)


def group(weight: int = 1, *, stopped: bool = False) -> RouteGroup:
    return RouteGroup(
        at=BEGIN,
        ref=ObjectRef("test", "production", "RouteGroup", "chat"),
        members=(
            RouteMember("chat-stable", 1),
            RouteMember("chat-canary", weight, stopped=stopped),
        ),
    )


def samples(
    of: Replica,
    *,
    rate: float = 5,
    failing: float = 0.01,
    ttft: float = 0.2,
    seed: int = 1,
    last_prompts: int = 100,
) -> list[MetricSample]:
    """Requests that fail by chance, for some minutes, read every 5 s.

    Prompts have 100 tokens; those of the last two minutes may have others.
    """
    chance = random.Random(f"{seed} {of.ref.name}")
    done = failed = prompts = 0
    found = []
    for second in range(0, MINUTES * 60, 5):
        found.append(
            sample(
                of,
                BEGIN + second,
                requests=done,
                failed=failed,
                tokens=100 * (done + failed),
                prompts=prompts,
                ttft=ttft,
            )
        )
        prompts += round(5 * rate) * (last_prompts if second >= (MINUTES - 2) * 60 else 100)
        for _ in range(round(5 * rate)):
            bad = chance.random() < failing
            done, failed = done + (not bad), failed + bad
    return found


def compared(*more: list[MetricSample], canary: Replica = NEW, weight: int = 1) -> FleetStore:
    store = FleetStore()
    stable = msgspec.structs.replace(service("chat-stable", at=BEGIN), created_at=START - 90_000)
    young = msgspec.structs.replace(service("chat-canary", at=BEGIN), created_at=START - 9_000)
    store.apply([young, stable, group(weight), ONE, canary])
    for record in sorted((one for part in more for one in part), key=lambda one: one.at):
        store.apply([record])
    return store


def verdict(*more: list[MetricSample], canary: Replica = NEW, weight: int = 1) -> CanaryVerdict:
    found = compared(*more, canary=canary, weight=weight).canary(CANARY)
    assert found is not None
    return found


def of(found: CanaryVerdict, metric: str) -> str:
    return {one.metric: one.verdict.value for one in found.metrics}[metric]


def test_the_oldest_member_is_the_stable_one() -> None:
    assert verdict(samples(ONE), samples(NEW)).stable == "chat-stable"


def test_a_canary_that_fails_more_often_is_worse() -> None:
    found = verdict(samples(ONE), samples(NEW, failing=0.08))
    assert of(found, "errors") == "WORSE"
    assert found.verdict == "WORSE"


def test_what_is_worse_stays_so_while_sides_are_not_comparable() -> None:
    store = compared(samples(ONE), samples(NEW, failing=0.08, last_prompts=300))
    found, comparison = store.canary(CANARY), store.comparison(CANARY)
    assert found is not None
    assert comparison is not None
    assert of(found, "errors") == "NOT COMPARABLE"
    assert comparison.standing("errors") == "WORSE"
    assert comparison.standing("cost") is None
    state = store.service(CANARY)
    assert state is not None
    causes = [one.id for one in diagnose(service_facts(store, state, START))]
    assert causes[0] == "bad-canary-errors"


def test_what_was_never_worse_is_not_comparable_while_it_cannot_be_compared() -> None:
    comparison = compared(samples(ONE), samples(NEW, last_prompts=300)).comparison(CANARY)
    assert comparison is not None
    assert comparison.standing("errors") == "NOT COMPARABLE"


@pytest.mark.parametrize("seed", range(5))
def test_a_canary_like_its_stable_is_never_worse(seed: int) -> None:
    assert of(verdict(samples(ONE, seed=seed), samples(NEW, seed=seed)), "errors") != "WORSE"


def test_few_requests_are_not_enough_and_it_is_said_how_many_more() -> None:
    found = verdict(samples(ONE, rate=1), samples(NEW, rate=1))
    (errors,) = [one for one in found.metrics if one.metric == "errors"]
    assert errors.verdict == "NOT ENOUGH DATA"
    assert errors.canary.total > 0


def test_a_young_canary_is_not_compared_by_its_latency() -> None:
    young = replica(CANARY, at=BEGIN, since=START - 60)
    quick_and_slow = samples(ONE, ttft=0.2)
    mixed = [msgspec.structs.replace(one, cumulative=tuple(_spread(one))) for one in quick_and_slow]
    found = verdict(mixed, samples(young), canary=young)
    assert of(found, "TTFT") == "NOT COMPARABLE"
    (latency,) = [one for one in found.metrics if one.metric == "TTFT"]
    assert "warm" in latency.reasons[0]


def _spread(one: MetricSample) -> list[float]:
    """The same requests, a fifth of them beyond the next bucket edge."""
    values = list(one.cumulative)
    first = len(one.layout.counters) + 1
    total = values[first + len(one.layout.histograms[0].bounds)]
    values[first + 1] = total * 0.8
    return values


def test_a_member_that_is_stopped_is_not_compared() -> None:
    store = FleetStore()
    store.apply(
        [
            service("chat-stable", at=BEGIN),
            service("chat-canary", at=BEGIN),
            group(stopped=True),
            ONE,
            NEW,
        ]
    )
    for record in sorted([*samples(ONE), *samples(NEW)], key=lambda one: one.at):
        store.apply([record])
    assert store.canary(CANARY) is None


def test_a_service_outside_a_group_has_no_verdict() -> None:
    store = FleetStore()
    store.apply([service("chat-stable", at=BEGIN), ONE, *samples(ONE)])
    assert store.canary(STABLE) is None
