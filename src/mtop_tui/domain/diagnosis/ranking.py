"""From single findings to an answer: which cause explains which symptom, and what comes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from mtop_tui.domain.diagnosis.causes import RULES
from mtop_tui.domain.diagnosis.facts import ServiceFacts
from mtop_tui.domain.diagnosis.findings import Depth, Finding

WHY_WIDTH = 78
_ARROW = " ← "

_DOWN = ("not-ready", "in-progress", "starting", "autoscaler-unmet", "group-degraded", "no-traffic")
_OVERLOAD = ("queue-growth", "high-ttft", "autoscaler-pinned")
_BUSY = (*_OVERLOAD, "kv-saturation", "high-tpot", "front-end-bound", "route-split", "more-load")
"""What those show that are left with the work of replicas that are not there."""

_ENDS = ("crash-loop", "engine-died", "killed", "revision-failed", "rollout-stuck", "probe-near")
_LOST = (*_DOWN, *_OVERLOAD, *_ENDS, "high-errors", "stale-samples", "slow-replica")

EXPLAINS: dict[str, tuple[str, ...]] = {
    "config-not-found": _DOWN,
    "config-merge": _DOWN,
    "config-invalid": _DOWN,
    "config-unchecked": _DOWN,
    "node-lost": (*_LOST, "nccl-hang"),
    "xid": (*_LOST, "gpu-fault", "nccl-hang", "gpu-throttle", "no-device"),
    "gpu-throttle": ("slow-replica", "high-tpot", *_OVERLOAD),
    "rollout-no-gpu": ("no-gpu", "rollout-stuck", "autoscaler-unmet", "not-observed"),
    "bad-canary-errors": ("high-errors", "slow-replica"),
    "bad-canary-slow": ("slow-replica", "kv-saturation", "high-tpot", *_OVERLOAD),
    "quota": (*_DOWN, *_OVERLOAD, "rollout-stuck"),
    "volume-pending": (*_DOWN, *_OVERLOAD, "rollout-stuck", "placement-rules"),
    "no-gpu": (*_DOWN, *_OVERLOAD, "rollout-stuck"),
    "no-memory-or-cpu": (*_DOWN, *_OVERLOAD, "rollout-stuck"),
    "placement-rules": (*_DOWN, *_OVERLOAD, "rollout-stuck"),
    "image-pull": _LOST,
    "image-slow": (*_DOWN, *_OVERLOAD, "rollout-stuck"),
    "weights-refused": _LOST,
    "weights-slow": (*_DOWN, *_OVERLOAD, "rollout-stuck"),
    "probe-kills-loader": _LOST,
    "probe-near": ("starting", "not-ready", "in-progress", "autoscaler-unmet"),
    "gpu-oom": _LOST,
    "host-oom": _LOST,
    "kv-too-small": _LOST,
    "cuda-driver": _LOST,
    "no-device": _LOST,
    "gpu-fault": _LOST,
    "bad-argument": _LOST,
    "unsupported-model": _LOST,
    "port-in-use": _LOST,
    "nccl-hang": (*_LOST, "gpu-fault", "kv-saturation", "high-tpot", "route-split"),
    "killed": (*_DOWN, "crash-loop", "high-errors", "slow-replica", *_OVERLOAD),
    "engine-died": (*_DOWN, "crash-loop", "high-errors", "slow-replica", *_OVERLOAD),
    "crash-loop": (*_DOWN, "rollout-stuck", "high-errors", *_OVERLOAD),
    "revision-failed": _DOWN,
    "starting": (
        "not-ready",
        "in-progress",
        "autoscaler-unmet",
        "no-traffic",
        "group-degraded",
        *_BUSY,
    ),
    "waiting-for-gateway": ("not-ready", "in-progress", "no-traffic"),
    "gateway-not-ready": ("not-ready", "in-progress", "no-traffic"),
    "route-not-ready": ("not-ready", "in-progress", "no-traffic"),
    "pool-not-ready": ("not-ready", "in-progress", "no-traffic"),
    "scheduler-down": ("not-ready", "in-progress", "no-traffic", "prefix-collapse", *_OVERLOAD),
    "reconcile-error": _DOWN,
    "scaling-crd": ("not-ready", "autoscaler-unmet"),
    "scaling-metric": ("not-ready", "autoscaler-unmet"),
    "scaling-broken": ("not-ready", "autoscaler-unmet"),
    "rollout-stuck": ("not-ready", "not-observed", "autoscaler-unmet"),
    "rollout-aborted": ("not-ready", "rollout-stuck"),
    "group-degraded": ("not-ready", "route-split", "no-traffic"),
    "autoscaler-flapping": (*_DOWN, *_OVERLOAD),
    "scale-to-zero-thrash": (*_DOWN, *_OVERLOAD),
    "autoscaler-pinned": ("more-load", "kv-saturation", "queue-growth", "high-ttft", "high-tpot"),
    "more-load": ("kv-saturation", "queue-growth", "high-ttft", "high-tpot"),
    "prefix-collapse": ("kv-saturation", "high-tpot", *_OVERLOAD),
    "slow-replica": ("high-tpot", *_OVERLOAD),
    "pd-imbalance": ("kv-saturation", "high-tpot", *_OVERLOAD),
    "kv-transfer": ("high-ttft", "high-tpot", "high-errors"),
    "front-end-bound": _OVERLOAD,
    "kv-saturation": ("prefix-collapse", "high-tpot", *_OVERLOAD),
    "queue-growth": ("high-ttft",),
    "high-ttft": ("queue-growth",),
    "high-tpot": ("kv-saturation", *_OVERLOAD),
}
"""Which symptoms each cause explains, by id. `stopped` makes all that is not deeper irrelevant."""

CAUSES: Final = frozenset(
    {
        *EXPLAINS,
        *(symptom for symptoms in EXPLAINS.values() for symptom in symptoms),
        *("peer-memory", "rollout-paused", "stale-source", "stopped"),
    }
)
"""The ids of all causes that there are."""


def diagnose(facts: ServiceFacts) -> tuple[Finding, ...]:
    """The causes of what is wrong with a service, deepest first; empty when nothing is known to be.

    What a deeper cause explains is folded under it, unless both are about replicas and have none in
    common. States that are no fault (severity "info") come after all faults. KV cache usage alone
    is no fault; no traffic is none either, and is said as "info". Of equal depth, the order of
    `causes.RULES` decides.
    """
    found = [finding for rule in RULES if (finding := rule(facts)) is not None]
    ranked = sorted(found, key=lambda finding: -finding.depth)
    roots: dict[str, str] = {}
    for index, finding in enumerate(ranked):
        deeper = (one for one in ranked[:index] if one.id == "stopped" or _explains(one, finding))
        cause = next(deeper, None)
        roots[finding.id] = finding.id if cause is None else roots[cause.id]
    causes = [
        replace(
            finding,
            symptoms=tuple(
                one for one in ranked if one is not finding and roots[one.id] == finding.id
            ),
        )
        for finding in ranked
        if roots[finding.id] == finding.id
    ]
    return tuple(sorted(causes, key=lambda finding: finding.severity == "info"))


def why_line(findings: Sequence[Finding], width: int = WHY_WIDTH) -> str:
    """The first finding as a chain, from what users feel to its cause; empty when there is none.

    A chain that is too long loses its middle links, the deepest first, then what users feel. A
    cause that is too long by itself is cut with a mark. Width counts characters.
    """
    if not findings or width < 1:
        return ""
    links = [finding.short for finding in _longest_chain(findings[0], findings[0].symptoms)]
    while len(links) > 1 and len(_joined(links)) > width:
        del links[1]
    line = _joined(links)
    return line if len(line) <= width else line[: width - 1] + "…"


def _joined(links: Sequence[str]) -> str:
    return _ARROW.join(reversed(links))


def _longest_chain(cause: Finding, symptoms: Sequence[Finding]) -> list[Finding]:
    chains = [
        _longest_chain(symptom, symptoms[index + 1 :])
        for index, symptom in enumerate(symptoms)
        if _explains(cause, symptom)
    ]
    return [cause, *max(chains, key=len, default=[])]


def _explains(cause: Finding, symptom: Finding) -> bool:
    if symptom.id not in EXPLAINS.get(cause.id, ()):
        return False
    if cause.depth == symptom.depth == Depth.SYMPTOM and cause.severity != "info":
        return False  # what users feel is not explained by something else that they feel
    return not (
        cause.subjects and symptom.subjects and set(cause.subjects).isdisjoint(symptom.subjects)
    )
