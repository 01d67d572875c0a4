"""The fleet as a plain table and as a JSON document."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal

from mtop_tui.domain.cost.money import Dollars
from mtop_tui.views.cells import ServiceFacts, token_price
from mtop_tui.views.columns import BY_ID, COLUMNS, FleetColumn

_GAP = "  "
_NEED_A_SCREEN = ("mark", "trend")


def as_table(facts: Sequence[ServiceFacts], wanted: Sequence[str], width: int | None) -> str:
    """Aligned columns with a heading; no value is ever cut.

    Args:
        facts: one line each, in order.
        wanted: ids of the columns; empty takes those that fit, without the ones that only a
            screen can show.
        width: cells a line may have; None is unlimited.
    """
    columns = [BY_ID[identity] for identity in wanted] or [
        column for column in COLUMNS if column.id not in _NEED_A_SCREEN
    ]
    texts = {column.id: _texts(column, facts) for column in columns}
    widths = {identity: max(map(len, column)) for identity, column in texts.items()}
    if width is not None and not wanted:
        columns = _fitting(columns, widths, width)
    return "".join(
        _GAP.join(
            texts[column.id][line].rjust(widths[column.id])
            if column.right
            else texts[column.id][line].ljust(widths[column.id])
            for column in columns
        ).rstrip()
        + "\n"
        for line in range(len(facts) + 1)
    )


def _texts(column: FleetColumn, facts: Sequence[ServiceFacts]) -> list[str]:
    return [column.title or column.id.upper(), *(column.cell(one).text.strip() for one in facts)]


def _fitting(
    columns: Sequence[FleetColumn], widths: Mapping[str, int], width: int
) -> list[FleetColumn]:
    """Columns that fit into the width; those of the highest priority number go first."""
    fitting = list(columns)
    while len(fitting) > 1:
        if sum(widths[one.id] for one in fitting) + len(_GAP) * (len(fitting) - 1) <= width:
            break
        fitting.remove(max(reversed(fitting), key=lambda column: column.priority))
    return fitting


def as_document(source: str, now: float, facts: Sequence[ServiceFacts]) -> dict[str, object]:
    """The fleet as one value: keys name their unit, and None is what is not known."""
    return {
        "source": source,
        "observed_at_unix_seconds": now,
        "services": [_service(one) for one in facts],
    }


def _service(facts: ServiceFacts) -> dict[str, object]:
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
        **_measured(facts),
        "cost_usd_per_hour": _usd(summary.cost),
        "cost_is_lower_bound": bool(summary.cost.unpriced),
        "cost_usd_per_million_tokens": _token_price(facts),
        "slo_budget_left_ratio": None,
        "slo_burn_rate": None,
    }


def _measured(facts: ServiceFacts) -> Mapping[str, object]:
    metrics = facts.metrics
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
    known = {
        name: None if facts.stale or not math.isfinite(value) else value
        for name, value in figures.items()
    }
    return {
        **known,
        "ttft_p95_is_lower_bound": None
        if known["ttft_p95_seconds"] is None
        else bool(metrics.ttft_at_least),
        "metrics_stale": facts.stale,
        "metrics_at_unix_seconds": facts.state.last_at,
    }


def _usd(cost: Dollars) -> float | None:
    return None if cost.unpriced and not cost.usd else _number(cost.usd)


def _token_price(facts: ServiceFacts) -> float | None:
    price = token_price(facts.summary, facts.metrics)
    return None if price is None or facts.stale else _number(price)


def _number(amount: Decimal) -> float:
    return round(float(amount), 6)
