"""Services and replicas as values for other programs: keys name their unit, None is not known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal

from mtop_tui.domain.cost.money import Dollars
from mtop_tui.domain.diagnosis.findings import Finding
from mtop_tui.domain.quantiles import Bounds
from mtop_tui.state.metrics import ServiceMetrics
from mtop_tui.views.cells import ServiceFacts, budget_left, burn_rate, token_price
from mtop_tui.views.replicas import ReplicaFacts, state_cell


def fleet_document(source: str, now: float, facts: Sequence[ServiceFacts]) -> dict[str, object]:
    """The fleet as one value: keys name their unit, and None is what is not known."""
    return {
        "source": source,
        "observed_at_unix_seconds": now,
        "services": [service_document(one) for one in facts],
    }


def service_document(facts: ServiceFacts) -> dict[str, object]:
    """One service."""
    service, summary = facts.service, facts.summary
    return {
        "cluster": service.ref.cluster,
        "namespace": service.ref.namespace,
        "name": service.ref.name,
        "model": service.model,
        "health": facts.status.health.name.lower(),
        "state": facts.status.text,
        "ready": summary.ready,
        "stopped": service.stopped,
        "replicas_ready": summary.ready_replicas,
        "replicas_desired": summary.desired_replicas,
        "gpus_held": summary.gpus,
        "pools": [
            {
                "role": pool.role,
                "replicas_desired": pool.desired,
                "gpu_type": pool.gpu_type,
                "gpus_per_replica": pool.gpus_per_replica,
                "nodes_per_replica": pool.nodes_per_replica,
            }
            for pool in service.pools
        ],
        "route_group": None if service.route is None else service.route.group,
        "route_share_ratio": facts.share,
        **_measured(facts.metrics, known=not facts.stale),
        "metrics_stale": facts.stale,
        "metrics_at_unix_seconds": facts.state.last_at,
        "cost_usd_per_hour": _usd(summary.cost),
        "cost_is_lower_bound": bool(summary.cost.unpriced),
        "cost_usd_per_million_tokens": _token_price(facts),
        "slo_budget_left_ratio": _least(budget_left(facts.state)),
        "slo_burn_rate": _most(burn_rate(facts.state)),
    }


def replica_document(facts: ReplicaFacts) -> dict[str, object]:
    """One replica of a service."""
    replica = facts.replica
    return {
        "namespace": replica.ref.namespace,
        "service": replica.service.name,
        "pod": replica.ref.name,
        "role": replica.role,
        "phase": replica.phase,
        "state": state_cell(facts).text,
        "age_seconds": None if replica.created_at is None else facts.now - replica.created_at,
        "revision": replica.revision or None,
        "nodes": " ".join(replica.nodes) or None,
        "gpu_type": replica.gpu_type,
        "gpus": replica.gpus,
        "restarts": replica.restarts,
        "unlike_its_peers": facts.odd,
        **_measured(facts.metrics, known=True),
    }


def finding_document(finding: Finding) -> dict[str, object]:
    """One cause, with what it rests on and what it explains."""
    return {
        "id": finding.id,
        "sentence": finding.sentence,
        "severity": finding.severity,
        "confidence": finding.confidence,
        "evidence": [one._asdict() for one in finding.evidence],
        "next_step": finding.next_step,
        "subjects": list(finding.subjects),
        "symptoms": [finding_document(symptom) for symptom in finding.symptoms],
    }


def _measured(metrics: ServiceMetrics, *, known: bool) -> dict[str, object]:
    figures = {
        "requests_per_second": metrics.request_rate,
        "prompt_tokens_per_second": metrics.prompt_token_rate,
        "generated_tokens_per_second": metrics.generation_token_rate,
        "ttft_p95_seconds": metrics.ttft_p95,
        "tpot_mean_seconds": metrics.tpot,
        "error_ratio": metrics.error_ratio,
        "preemptions_per_second": metrics.preemption_rate,
        "prefix_hit_ratio": metrics.prefix_hit_ratio,
        "requests_running": metrics.running,
        "requests_queued": metrics.queue,
        "kv_cache_used_ratio": metrics.kv_usage,
    }
    values: dict[str, object] = {
        name: value if known and math.isfinite(value) else None for name, value in figures.items()
    }
    values["ttft_p95_is_lower_bound"] = (
        None if values["ttft_p95_seconds"] is None else bool(metrics.ttft_at_least)
    )
    return values


def _least(bounds: Bounds | None) -> float | None:
    return None if bounds is None else bounds.low


def _most(bounds: Bounds | None) -> float | None:
    return None if bounds is None else bounds.high


def _usd(cost: Dollars) -> float | None:
    return None if cost.unpriced and not cost.usd else _number(cost.usd)


def _token_price(facts: ServiceFacts) -> float | None:
    price = token_price(facts.summary, facts.metrics)
    return None if price is None or facts.stale else _number(price)


def _number(amount: Decimal) -> float:
    return round(float(amount), 6)
