"""Checks pass because of what was observed, and fail when it was not."""

from __future__ import annotations

import math

import pytest

from mtop_tui.domain.cost.prices import PriceBook
from mtop_tui.observations import (
    HistogramLayout,
    KubeEvent,
    MetricSample,
    ObjectRef,
    Replica,
    RouteGroup,
    RouteMember,
    RouteShare,
    SampleLayout,
    Service,
    ServiceKey,
)
from mtop_tui.state.fleet import FleetStore
from mtop_tui.views.checks import Check, Checker

KEY = ServiceKey("c", "shop", "chat")
REF = ObjectRef("c", "shop", "LLMInferenceService", "chat", "u1")
POD = ObjectRef("c", "shop", "Pod", "chat-1", "p1")
LAYOUT = SampleLayout(
    "vllm",
    ("finished_requests", "failed_requests"),
    ("running", "waiting", "kv_usage"),
    (HistogramLayout("ttft", (1.0, 2.0)),),
)


def service(at: float = 0.0, key: ServiceKey = KEY, group: str | None = None) -> Service:
    ref = REF._replace(name=key.name, uid=key.name)
    return Service(at=at, ref=ref, model="m", route=RouteShare(group, 1) if group else None)


def replica(at: float = 0.0) -> Replica:
    return Replica(at=at, ref=POD, service=KEY, role="main", phase="ready")


def sample(at: float, done: float, failed: float = 0.0, waiting: float = 0.0) -> MetricSample:
    counted = (done, failed, done, done, done, done)
    return MetricSample(
        at=at, ref=POD, service=KEY, layout=LAYOUT, cumulative=counted, gauges=(1.0, waiting, 0.2)
    )


def outcomes(checks, batches, start: float = 0.0):
    store = FleetStore(PriceBook())
    checker = Checker(checks, store, start)
    for batch in batches:
        store.apply(batch)
        checker.see(batch)
    return checker.outcomes()


def queue(op: str = ">", value: float = 5.0, **window) -> Check:
    return Check("queue", **{"start": 0.0, "end": math.inf, **window}, service=KEY, metric="queue",
                 op=op, value=value)  # fmt: skip


def waits(*levels: float):
    yield [service(), replica()]
    for step, level in enumerate(levels):
        yield [sample(10.0 + step * 10.0, step * 10.0, waiting=level)]


@pytest.mark.parametrize(
    ("aggregate", "value"),
    [("max", 9.0), ("min", 1.0), ("first", 1.0), ("last", 2.0), ("mean", 4.0)],
)
def test_aggregates_are_over_what_was_seen(aggregate, value):
    check = queue("==", value, aggregate=aggregate)
    (one,) = outcomes([check], waits(1.0, 9.0, 2.0))
    assert one.passed
    assert one.observed == value


def test_only_the_window_counts():
    checks = [queue(aggregate="max", start=35.0), queue(aggregate="max", start=5.0, end=35.0)]
    later, early = outcomes(checks, waits(1.0, 9.0, 2.0, 2.0))
    assert (later.passed, early.passed) == (False, True)
    assert later.said == "2"


def test_what_is_not_known_never_passes():
    check = Check("c", 0.0, math.inf, service=KEY, metric="ttft_p95", op="<", value=9.0)
    (one,) = outcomes([check], [[service()]])
    assert (one.passed, one.observed, one.said) == (False, None, "not known")


def test_a_window_that_did_not_come_fails_and_says_so():
    (one,) = outcomes([queue(start=600.0)], waits(9.0))
    assert (one.passed, one.said) == (False, "its time, 10:00 on, did not come")


def test_a_service_that_is_gone_is_not_known():
    check = queue("<", 100.0)
    check = Check(**{f: getattr(check, f) for f in check.__struct_fields__} | {
        "service": KEY._replace(name="other")})  # fmt: skip
    (one,) = outcomes([check], waits(1.0))
    assert not one.passed


def test_an_event_counts_when_it_is_about_the_service_or_its_pods():
    def said(at: float, about: ObjectRef) -> KubeEvent:
        ref = ObjectRef("c", "shop", "Event", f"e{at}")
        return KubeEvent(at=at, ref=ref, involved=about, severity="Warning",
                         reason="FailedScheduling", message="")  # fmt: skip

    other = POD._replace(name="other-1")
    check = Check("e", 0.0, 100.0, service=KEY, event="FailedScheduling")
    late = Check("e", 0.0, 10.0, service=KEY, event="FailedScheduling")
    batches = [[service(), replica()], [said(20.0, other)], [said(30.0, POD)]]
    one, too_late = outcomes([check, late], batches)
    assert (one.passed, one.observed, one.said) == (True, 30.0, "at 0:30")
    assert (too_late.passed, too_late.said) == (False, "did not happen")
    (missing,) = outcomes([check], batches[:2])
    assert not missing.passed


def test_weights_are_read_from_the_route_group():
    other = KEY._replace(name="canary")
    group = RouteGroup(
        at=0.0,
        ref=ObjectRef("c", "shop", "RouteGroup", "g"),
        members=(RouteMember("chat", 3), RouteMember("canary", 1)),
    )
    check = Check("w", 0.0, math.inf, service=other, metric="weight_share", op="==", value=0.25)
    (one,) = outcomes([check], [[service(group="g"), service(key=other, group="g"), group]])
    assert one.passed


def test_a_figure_is_compared_with_another_services():
    other = KEY._replace(name="other")
    check = Check("t", 0.0, math.inf, service=KEY, metric="queue", op=">", value=2.0,
                  times_of=other)  # fmt: skip
    (one,) = outcomes([check], waits(9.0, 9.0))
    assert (one.passed, one.said) == (False, "9, with nothing to compare")


def test_errors_of_the_last_minute_are_a_ratio():
    check = Check("e", 0.0, math.inf, service=KEY, metric="error_ratio", op=">", value=0.19,
                  aggregate="max")  # fmt: skip
    batches = [[service(), replica()]]
    batches += [[sample(step * 5.0, step * 80.0, failed=step * 20.0)] for step in range(20)]
    (one,) = outcomes([check], batches)
    assert one.passed
    assert one.observed == pytest.approx(0.2, abs=0.01)


def test_the_diagnosis_is_asked_for_its_first_cause():
    checks = [
        Check("d", 0.0, math.inf, service=KEY, diagnosis="queue-growth"),
        Check("d", 0.0, math.inf, service=KEY, diagnosis="node-lost"),
    ]
    right, wrong = outcomes(checks, waits(*range(0, 400, 40)))
    assert right.passed
    assert not wrong.passed
    assert wrong.said.startswith("said ")
    assert "queue-growth" in wrong.said
