"""A rollout as values for other programs: keys name their unit, None is not known."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mtop_tui.domain.rollouts.canary import MetricVerdict
from mtop_tui.state.canary_history import Compared
from mtop_tui.state.rollout import RolloutState
from mtop_tui.state.sides import SideFigures
from mtop_tui.state.versions import Version, VersionFacts
from mtop_tui.views.export import Exported
from mtop_tui.views.rollout_comparison import ROWS, Row
from mtop_tui.views.timeline import Mark

_UNITS = {
    "errors": "ratio",
    "TTFT p95": "seconds",
    "TPOT": "seconds",
    "$/1M tok": "usd_per_million_tokens",
    "$/h": "usd_per_hour",
    "req/s": "requests_per_second",
}


def rollout_export(
    rollout: RolloutState, compared: Compared | None, marks: Sequence[Mark], at: float
) -> Exported:
    """What the Rollout screen shows at a time.

    Its rows are those of the comparison; the whole holds versions and what happened too.
    """
    records = [] if compared is None else [_compared(row, compared) for row in ROWS]
    known = zip(rollout.versions.all, rollout.facts, strict=True)
    stable, canary = rollout.versions.stable, rollout.versions.canary
    document = {
        "at_unix_seconds": at,
        "manner": rollout.versions.manner.value,
        "over": rollout.versions.over,
        "stable": None if stable is None else stable.name,
        "new": None if canary is None else canary.name,
        "verdict": None if compared is None else compared.verdict.value,
        "next_step": rollout.next_step,
        "began_at_unix_seconds": rollout.began,
        "ended_at_unix_seconds": rollout.ended,
        "versions": [_version(one, facts) for one, facts in known],
        "comparison": records,
        "events": [
            {"at_unix_seconds": one.at, "kind": one.kind, "text": one.text}
            for one in marks
            if one.at <= at
        ],
    }
    return Exported(document, records)


def _compared(row: Row, compared: Compared) -> dict[str, object]:
    said = next((one for one in compared.metrics if one.metric == row.metric), None)
    return {
        "metric": row.name,
        "unit": _UNITS[row.name],
        "stable": _figure(row, compared.stable),
        "new": _figure(row, compared.canary),
        **_verdict(said),
    }


def _verdict(said: MetricVerdict | None) -> dict[str, object]:
    interval = None if said is None else said.interval
    return {
        "effect_ratio": None if said is None else _finite(said.effect),
        "effect_low_ratio": None if interval is None else _finite(interval.low),
        "effect_high_ratio": None if interval is None else _finite(interval.high),
        "stable_requests": None if said is None else _finite(said.baseline.total),
        "new_requests": None if said is None else _finite(said.canary.total),
        "verdict": None if said is None else said.verdict.value,
        "why": None if said is None else "; ".join(said.reasons) or None,
        "more_requests_needed": None if said is None else said.more_requests,
    }


def _figure(row: Row, side: SideFigures) -> float | None:
    return _finite(row.read(side))


def _version(version: Version, facts: VersionFacts | None) -> dict[str, object]:
    cost = None if facts is None else facts.cost
    return {
        "name": version.name,
        "namespace": version.key.namespace,
        "service": version.key.name,
        "image": None if facts is None else facts.image or None,
        "traffic_share_ratio": None if facts is None else facts.share,
        "replicas_desired": None if facts is None else facts.desired,
        "replicas_ready": None if facts is None else facts.ready,
        "stopped": None if facts is None else facts.stopped,
        "cost_usd_per_hour": None if cost is None else float(cost.usd),
        "cost_is_lower_bound": None if cost is None else bool(cost.unpriced),
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
