"""Order of causes, what is folded under what, and the chain on one line."""

import dataclasses
import math
import re

import pytest
from diagnosis_cases.reader import replica_of_case, scaler_of_case
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain.diagnosis.causes import peers, scaling
from mtop_tui.domain.diagnosis.facts import (
    LogHit,
    ReplicaFigures,
    RolloutFacts,
    ServiceFacts,
    ServiceFigures,
    total,
)
from mtop_tui.domain.diagnosis.findings import Depth, Finding
from mtop_tui.domain.diagnosis.ranking import diagnose, why_line
from mtop_tui.domain.diagnosis.wording import kubectl, percent, quoted, rate, seconds
from mtop_tui.observations import Condition

EMPTY = ServiceFacts(name="svc", namespace="default", now=1000.0)


def with_(**facts: object) -> ServiceFacts:
    return dataclasses.replace(EMPTY, **facts)  # type: ignore[arg-type]


def looping(name: str) -> dict[str, object]:
    return {"name": name, "phase": "failed", "reason": "CrashLoopBackOff", "restarts": 4}


def test_a_fault_of_another_replica_explains_nothing() -> None:
    hit = LogHit(signature="cuda-oom", text="CUDA out of memory", origin="svc-0")
    failed = replica_of_case({"name": "svc-0", "phase": "failed"})
    facts = with_(replicas=[failed, replica_of_case(looping("svc-1"))], logs=[hit])
    assert [one.id for one in diagnose(facts)] == ["gpu-oom", "crash-loop"]
    facts = with_(replicas=[replica_of_case(looping("svc-0"))], logs=[hit])
    assert [one.id for one in diagnose(facts)] == ["gpu-oom"]


def test_two_causes_are_ranked_by_depth() -> None:
    pulls = {"name": "svc-1", "phase": "failed", "reason": "ErrImagePull"}
    facts = with_(replicas=[replica_of_case(looping("svc-0")), replica_of_case(pulls)])
    findings = diagnose(facts)
    assert [one.id for one in findings] == ["image-pull", "crash-loop"]
    assert findings[0].depth > findings[1].depth


def test_what_is_no_fault_comes_after_faults() -> None:
    coming = {"name": "svc-1", "phase": "starting", "reason": "Loading"}
    facts = with_(
        replicas=[replica_of_case(coming)],
        figures=ServiceFigures(error_ratio=0.5),
    )
    assert [(one.id, one.severity) for one in diagnose(facts)] == [
        ("high-errors", "critical"),
        ("starting", "info"),
    ]


def test_stale_data_is_said_even_of_a_stopped_service() -> None:
    facts = with_(stopped=True, source=dataclasses.replace(EMPTY.source, age=500.0))
    assert [one.id for one in diagnose(facts)] == ["stale-source", "stopped"]


def test_a_line_of_a_replica_that_is_ready_since_does_not_count() -> None:
    hit = LogHit(signature="cuda-oom", text="CUDA out of memory", origin="svc-0", at=900.0)
    before = replica_of_case({"name": "svc-0", "phase": "ready", "age": 50}, now=1000.0)
    after = replica_of_case({"name": "svc-0", "phase": "ready", "age": 200}, now=1000.0)
    assert diagnose(with_(logs=[hit], replicas=[before])) == ()
    assert [one.id for one in diagnose(with_(logs=[hit], replicas=[after]))] == ["gpu-oom"]
    assert diagnose(with_(logs=[hit], replicas=[], now=10_000.0)) == ()


def finding(id_: str, short: str, depth: Depth, *symptoms: Finding) -> Finding:
    return Finding(
        id=id_,
        sentence=short,
        short=short,
        evidence=(),
        next_step="",
        severity="warning",
        confidence="certain",
        depth=depth,
        symptoms=symptoms,
    )


TTFT = finding("high-ttft", "TTFT p95 4.2 s", Depth.SYMPTOM)
TPOT = finding("high-tpot", "TPOT 90 ms", Depth.SYMPTOM)
QUEUE = finding("queue-growth", "queue 37", Depth.QUEUE)
CACHE = "KV cache 97 % with 3.1 preemptions/s"


def test_the_chain_takes_the_longest_way_from_the_cause_to_what_users_feel() -> None:
    cause = finding("kv-saturation", CACHE, Depth.CACHE, QUEUE, TPOT, TTFT)
    assert why_line([cause]) == f"TTFT p95 4.2 s ← queue 37 ← {CACHE}"


def test_a_long_chain_loses_its_middle_first_and_then_what_users_feel() -> None:
    cause = finding("kv-saturation", CACHE, Depth.CACHE, QUEUE, TTFT)
    assert why_line([cause], 60) == f"TTFT p95 4.2 s ← {CACHE}"
    assert why_line([cause], 40) == CACHE
    assert why_line([cause], 10) == "KV cache …"
    assert why_line([cause], 0) == ""


@given(st.text(min_size=1, max_size=120), st.integers(1, 90))
def test_the_chain_never_passes_its_width(short: str, width: int) -> None:
    cause = finding("kv-saturation", short, Depth.CACHE, QUEUE, TTFT)
    assert len(why_line([cause], width)) <= width


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_figures_that_are_no_numbers_are_not_known(bad: float) -> None:
    assert ServiceFigures(kv_usage=bad).kv_usage is None
    assert ReplicaFigures(tpot=bad).tpot is None
    facts = with_(figures=ServiceFigures(kv_usage=bad, preemption_rate=3.0, error_ratio=bad))
    assert diagnose(facts) == ()


def test_the_sum_of_nothing_known_is_not_known() -> None:
    assert total([None, None]) is None
    assert total([None, 1.5, 2.0]) == 3.5


numbers = st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, 1.0])
service_figures = st.builds(
    ServiceFigures, **{field.name: numbers for field in dataclasses.fields(ServiceFigures)}
)
replica_figures = st.builds(
    ReplicaFigures, **{field.name: numbers for field in dataclasses.fields(ReplicaFigures)}
)
words = st.sampled_from(["", "Unschedulable", "CrashLoopBackOff", "Downloading", "Loading"])
replicas = st.builds(
    lambda phase, reason, role, figures: dataclasses.replace(
        replica_of_case({"name": "svc-0", "phase": phase, "reason": reason, "role": role}),
        figures=figures,
    ),
    st.sampled_from(["pending", "starting", "ready", "failed", "terminating"]),
    words,
    st.sampled_from(["main", "prefill", "decode"]),
    replica_figures,
)
conditions = st.builds(
    Condition,
    st.sampled_from(["Ready", "MainWorkloadReady", "GroupDegraded", "Stopped", "New"]),
    st.sampled_from(["True", "False", "Unknown"]),
    st.sampled_from(["", "Stopped", "ConfigNotFound", "ProgressDeadlineExceeded"]) | st.text(),
    st.text(),
)


@given(service_figures, st.lists(replicas, max_size=6), st.lists(conditions, max_size=4))
def test_whatever_the_facts_are_each_cause_is_said_once_and_on_one_line(
    figures: ServiceFigures, replicas: list, conditions: list
) -> None:
    facts = with_(figures=figures, replicas=replicas, conditions=conditions, rollout=RolloutFacts())
    findings = diagnose(facts)
    every = [one.id for found in findings for one in (found, *found.symptoms)]
    assert len(every) == len(set(every))
    for found in findings:
        assert "\n" not in found.sentence
        assert re.search(r"\b(nan|inf|None)\b", found.sentence) is None
    assert diagnose(facts) == findings


@pytest.mark.parametrize(
    ("value", "usual", "slow"),
    [(0.030, 0.030, False), (0.037, 0.030, False), (0.038, 0.030, True), (0.0, 0.0, False)],
)
def test_a_slow_replica_is_25_percent_slower_than_like_peers(
    value: float, usual: float, slow: bool
) -> None:
    each = [{"name": f"svc-{n}", "tpot": usual} for n in range(3)]
    facts = with_(replicas=[replica_of_case(c) for c in [*each, {"name": "svc-x", "tpot": value}]])
    assert (peers.slow_replica(facts) is not None) == slow


def test_replicas_of_another_revision_or_role_are_no_peers() -> None:
    each = [{"name": f"svc-{n}", "tpot": 0.03, "revision": "a"} for n in range(3)]
    other = {"name": "svc-x", "tpot": 0.09, "revision": "b"}
    assert peers.slow_replica(with_(replicas=[replica_of_case(c) for c in [*each, other]])) is None


def test_a_fast_replica_is_not_slow() -> None:
    each = [{"name": f"svc-{n}", "tpot": 0.03} for n in range(3)]
    fast = {"name": "svc-x", "tpot": 0.01}
    assert peers.slow_replica(with_(replicas=[replica_of_case(c) for c in [*each, fast]])) is None


@pytest.mark.parametrize(
    ("changes", "flaps"),
    [
        ([(900, 1, 2), (600, 2, 4), (300, 4, 6), (60, 6, 8)], False),
        ([(900, 1, 4), (600, 4, 2), (300, 2, 4), (60, 4, 2)], True),
        ([(900, 1, 4), (600, 4, 2), (300, 2, 4)], False),
        ([], False),
    ],
)
def test_an_autoscaler_flaps_only_in_turns(
    changes: list[tuple[float, int, int]], flaps: bool
) -> None:
    facts = with_(autoscalers=[scaler_of_case({"changes": changes}, now=1000.0)])
    assert (scaling.flapping(facts) is not None) == flaps


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (percent(0.97), "97 %"),
        (percent(0.004), "0.4 %"),
        (percent(0.0), "0 %"),
        (seconds(0.18), "180 ms"),
        (seconds(4.2), "4.2 s"),
        (seconds(125.0), "2m05"),
        (rate(3.14), "3.1/s"),
        (rate(0.06), "0.06/s"),
        (quoted("two\nlines " + "x" * 10, 12), "two lines x…"),
        (
            kubectl(EMPTY, "describe pod", "a; rm -rf /"),
            "kubectl -n default describe pod 'a; rm -rf /'",
        ),
    ],
)
def test_words(said: str, expected: str) -> None:
    assert said == expected
