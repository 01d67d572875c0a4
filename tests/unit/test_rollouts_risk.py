"""What may go wrong with a rollout: each item on its own facts, the gravest first."""

from dataclasses import fields, replace
from typing import Any

import pytest

from mtop_tui.domain.rollouts.risk import Plan, Severity, risks

FINE = Plan(
    replicas=4,
    surge=1,
    unavailable=1,
    gpus_per_replica=2,
    gpu_type="H100",
    free_gpus=2,
    image_cached=True,
    model_cached=True,
    load_median=240,
    load_p90=600,
    capacity=4.0,
    load=12.0,
    budget_left=0.5,
    expected_loss=0.5,
    changes=("image",),
    new_buckets=False,
    quota_left=2,
    probe_limit=600,
    autoscaler_minimum=4,
    autoscaler_maximum=4,
    old_is_stopped=False,
)


def test_nothing_known_and_nothing_wrong_is_an_empty_list() -> None:
    assert risks(Plan()) == []
    assert risks(FINE) == []


@pytest.mark.parametrize(
    ("change", "severity", "sentence", "evidence"),
    [
        (
            {"free_gpus": 1, "unavailable": 0, "load": 1.0},
            Severity.BLOCKS,
            "It will hang: no GPU is free for the first new pod.",
            "needs 2 H100 for maxSurge 1, 1 free",
        ),
        ({"free_gpus": 1}, Severity.CAUTION, "Not all surge pods find GPUs", "needs 2 H100"),
        (
            {"surge": 2, "unavailable": 0, "quota_left": 4, "gpu_type": ""},
            Severity.CAUTION,
            "Not all surge pods find GPUs",
            "needs 4 for maxSurge 2, 2 free",
        ),
        (
            {"image_cached": False, "model_cached": False},
            Severity.CAUTION,
            "The image and the model must be fetched.",
            "last pods: median 4m, p90 10m",
        ),
        (
            {"model_cached": False, "load_median": None, "load_p90": None},
            Severity.CAUTION,
            "The model must be fetched.",
            "no load times of earlier pods known",
        ),
        ({"load": 12.1}, Severity.CAUTION, "No replica to spare", "3 x 4 req/s against 12.1 req/s"),
        (
            {"expected_loss": 0.6},
            Severity.CAUTION,
            "The error budget does not cover",
            "50% of the budget left, 60% expected to be lost",
        ),
        (
            {"changes": ("image", "model", "TP size")},
            Severity.NOTE,
            "3 things change at once",
            "image, model, TP size",
        ),
        ({"new_buckets": True}, Severity.NOTE, "Its latency buckets differ", "bucket edges"),
        (
            {"quota_left": 1},
            Severity.BLOCKS,
            "The quota refuses",
            "needs 2 GPUs, the quota leaves 1",
        ),
        (
            {"preemptible_by": "priority batch below prod"},
            Severity.CAUTION,
            "New pods may be preempted.",
            "priority batch",
        ),
        (
            {"probe_limit": 239},
            Severity.BLOCKS,
            "The probe kills pods that are still loading.",
            "median 4m, probe 3m59",
        ),
        ({"probe_limit": 300}, Severity.CAUTION, "The probe kills", "p90 10m, probe 5m"),
        (
            {"autoscaler_minimum": 5},
            Severity.NOTE,
            "The autoscaler will add",
            "4 replicas, minimum 5",
        ),
        (
            {"autoscaler_maximum": 3},
            Severity.CAUTION,
            "The autoscaler will take",
            "4 replicas, maximum 3",
        ),
        (
            {"both_per_hour": 6.88, "both_for": 5400},
            Severity.NOTE,
            "Both versions are paid for",
            "$6.88/h more for 1h30: $10.32",
        ),
        ({"both_per_hour": 6.88}, Severity.NOTE, "Both versions", "$6.88/h more, no end set"),
        ({"old_is_stopped": True}, Severity.CAUTION, "Going back needs a restart", "about 10m"),
        (
            {"old_is_stopped": True, "load_p90": None},
            Severity.CAUTION,
            "Going back needs a restart",
            "about 4m",
        ),
        (
            {"old_is_stopped": True, "load_p90": None, "load_median": None},
            Severity.CAUTION,
            "Going back needs a restart",
            "load time not known",
        ),
    ],
)
def test_each_item_has_its_sentence_and_its_evidence(
    change: dict[str, Any], severity: Severity, sentence: str, evidence: str
) -> None:
    (found,) = risks(replace(FINE, **change))
    assert found.severity is severity
    assert found.sentence.startswith(sentence)
    assert found.evidence.startswith(evidence)


@pytest.mark.parametrize("name", [field.name for field in fields(Plan)])
def test_what_is_not_known_is_no_risk(name: str) -> None:
    (unknown,) = (field.default for field in fields(Plan) if field.name == name)
    assert risks(replace(FINE, **{name: unknown})) == []


def test_items_add_up_and_the_gravest_is_first() -> None:
    found = risks(replace(FINE, both_per_hour=3.0, changes=("a", "b"), quota_left=0, free_gpus=0))
    severities = [risk.severity for risk in found]
    assert severities == sorted(severities, reverse=True)
    assert len(found) == 4
