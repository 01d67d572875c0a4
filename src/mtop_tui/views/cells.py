"""The fields of a fleet row: what each says of a service, and how much it wants to be seen."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from mtop_tui.domain.cost.tokens import usd_per_million_tokens
from mtop_tui.domain.quantiles import Bounds
from mtop_tui.domain.readiness import Health, Status
from mtop_tui.observations import Pool, Service
from mtop_tui.state.metrics import SERIES, ServiceMetrics
from mtop_tui.state.service import ServiceState
from mtop_tui.state.sums import ServiceSummary
from mtop_tui.views import format as fmt
from mtop_tui.views.sparkline import ascii_chart, braille, usual_height
from mtop_tui.views.table import Cell, Tone

if TYPE_CHECKING:
    from mtop_tui.state.canary import CanaryVerdict

KV_NEARLY_FULL = 0.95
"""From here on preemptions are near: measured engines slow down several times above it."""

LITTLE_BUDGET = 0.25
"""Share of the error budget below which it is worth a look."""

TREND_CELLS = 5
TREND_SECONDS = 300
_TTFT_SERIES = SERIES.index("ttft_p95")


QUIET_UNKNOWN = Cell(fmt.UNKNOWN, "quiet")


class ServiceFacts(msgspec.Struct, frozen=True):
    """All that a row is made of, at one time."""

    state: ServiceState
    service: Service
    summary: ServiceSummary
    metrics: ServiceMetrics
    status: Status
    share: float | None
    canary: CanaryVerdict | None
    now: float
    stale: bool
    ascii: bool = False


def _metric(value: float, text: str, facts: ServiceFacts, tone: Tone = "normal") -> Cell:
    """A measured value: unknown without a number, quiet when it is no longer current."""
    if facts.stale or not fmt.known(value):
        return QUIET_UNKNOWN
    return Cell(text, tone)


def is_queueing(metrics: ServiceMetrics) -> bool:
    """Whether new requests wait for long.

    More wait than run, so that it takes a whole turn of the batch; or the KV cache is full, and so
    many wait that those who leave it do not make room for them all.
    """
    if metrics.kv_usage >= KV_NEARLY_FULL and metrics.queue > metrics.running / 10:
        return True
    return metrics.queue > max(metrics.running, 1.0)


def _is_pressed(facts: ServiceFacts) -> bool:
    return not facts.stale and is_queueing(facts.metrics)


def burns(state: ServiceState, summary: ServiceSummary) -> bool:
    """Whether it fails, or burns the budget of an objective."""
    return summary.health == Health.FAILING or state.is_burning


def mark(facts: ServiceFacts) -> Cell:
    """Where to look first."""
    marks: dict[Health, Cell] = {
        Health.FAILING: Cell("!", "bad"),
        Health.PROGRESSING: Cell("~", "warn"),
        Health.UNKNOWN: Cell("?", "quiet"),
    }
    if facts.status.health == Health.FINE and facts.stale:
        return Cell("?", "warn")
    if facts.status.health == Health.FINE and facts.state.is_burning:
        return Cell("!", "bad")
    if facts.status.health == Health.FINE and _is_pressed(facts):
        return Cell("~", "warn")
    return marks.get(facts.status.health, Cell(" "))


def name(facts: ServiceFacts) -> Cell:
    """The service's name."""
    quiet = facts.status.health == Health.STOPPED
    return Cell(facts.service.ref.name, "quiet" if quiet else "normal")


def state(facts: ServiceFacts) -> Cell:
    """What it does, or why it does not."""
    tones: dict[Health, Tone] = {
        Health.FAILING: "bad",
        Health.PROGRESSING: "warn",
        Health.STOPPED: "quiet",
        Health.UNKNOWN: "quiet",
    }
    if facts.stale and facts.status.health == Health.FINE:
        return Cell("no fresh metrics", "warn")
    if facts.status.health == Health.FINE and facts.state.is_burning:
        return Cell("SLO burning", "bad")
    if facts.status.health == Health.FINE and _is_pressed(facts):
        return Cell("queueing", "warn")
    return Cell(facts.status.text, tones.get(facts.status.health, "normal"))


def replicas_text(state: ServiceState, summary: ServiceSummary) -> str:
    """Replicas ready and desired: `3/4`; `0` when none is wanted."""
    if summary.desired_replicas is None:
        return f"{summary.ready_replicas}/{fmt.UNKNOWN}"
    if summary.desired_replicas == 0 or (state.service is not None and state.service.stopped):
        return str(summary.ready_replicas)
    return f"{summary.ready_replicas}/{summary.desired_replicas}"


def replicas(facts: ServiceFacts) -> Cell:
    """Replicas ready and desired."""
    summary = facts.summary
    text = replicas_text(facts.state, summary)
    if summary.desired_replicas is None or "/" not in text:
        return Cell(text, "quiet")
    missing = summary.ready_replicas < summary.desired_replicas
    return Cell(text, "warn" if missing else "normal")


def _gpu_type(state: ServiceState, pool: Pool) -> str | None:
    placed = {
        replica.gpu_type
        for replica in state.replicas.values()
        if replica.role == pool.role and replica.gpu_type is not None
    }
    return "+".join(sorted(placed)) or pool.gpu_type


def gpu_text(state: ServiceState) -> str:
    """GPU type and count per replica, by pool: `H100 x2`, `H100 x2+1`, `cpu`, `--`."""
    pools = () if state.service is None else state.service.pools
    if not pools or any(pool.gpus_per_replica is None for pool in pools):
        return fmt.UNKNOWN
    if all(pool.gpus_per_replica == 0 for pool in pools):
        return "cpu"
    types = [(_gpu_type(state, pool) or "GPU").removesuffix("GB") for pool in pools]
    counts = [pool.gpus_per_replica for pool in pools]
    if len(set(types)) == 1:
        return f"{types[0]} x{'+'.join(map(str, counts))}"
    return "+".join(f"{name} x{number}" for name, number in zip(types, counts, strict=True))


def gpus(facts: ServiceFacts) -> Cell:
    """GPU type and count."""
    text = gpu_text(facts.state)
    return Cell(text, "quiet" if text in (fmt.UNKNOWN, "cpu") else "normal")


def ttft(facts: ServiceFacts) -> Cell:
    """TTFT p95."""
    metrics = facts.metrics
    text = fmt.seconds(metrics.ttft_p95, at_least=bool(metrics.ttft_at_least))
    return _metric(metrics.ttft_p95, text, facts)


def trend(facts: ServiceFacts) -> Cell:
    """TTFT p95 of the last minutes as a chart."""
    history = facts.state.history
    if history is None or facts.stale:
        return Cell("")
    values = history.coarse.series(_TTFT_SERIES, facts.now, TREND_SECONDS // 15)
    pairs = [_larger(a, b) for a, b in zip(values[::2], values[1::2], strict=True)]
    if all(math.isnan(value) for value in pairs):
        return Cell("")
    top = usual_height(pairs)
    return Cell(ascii_chart(pairs, top) if facts.ascii else braille(pairs, top), "quiet")


def _larger(a: float, b: float) -> float:
    return b if math.isnan(a) or b > a else a


def kv(facts: ServiceFacts) -> Cell:
    """KV cache usage of the fullest replica."""
    usage = facts.metrics.kv_usage
    return _metric(
        usage, fmt.whole_percent(usage), facts, "warn" if usage >= KV_NEARLY_FULL else "normal"
    )


def queue(facts: ServiceFacts) -> Cell:
    """Requests waiting."""
    metrics = facts.metrics
    tone: Tone = "warn" if is_queueing(metrics) else "normal"
    return _metric(metrics.queue, fmt.whole(metrics.queue), facts, tone)


def errors(facts: ServiceFacts) -> Cell:
    """Share of requests that failed."""
    ratio = facts.metrics.error_ratio
    return _metric(ratio, fmt.percent(ratio), facts, "warn" if ratio >= 0.01 else "normal")


def cost(facts: ServiceFacts) -> Cell:
    """USD per hour."""
    if facts.summary.gpus == 0 and gpu_text(facts.state) == "cpu":
        return QUIET_UNKNOWN  # prices are of GPU nodes; a share of a CPU node is not free
    text = fmt.money(facts.summary.cost)
    return Cell(text, "quiet" if text in (fmt.UNKNOWN, "0") else "normal")


def token_price(summary: ServiceSummary, metrics: ServiceMetrics) -> Decimal | None:
    """USD per million tokens at the present pace; None while a part of the cost is unpriced."""
    if summary.cost.unpriced or not summary.cost.usd or math.isnan(metrics.token_rate):
        return None
    return usd_per_million_tokens(summary.cost.usd, metrics.token_rate)


def token_price_cell(facts: ServiceFacts) -> Cell:
    """USD per million tokens."""
    price = token_price(facts.summary, facts.metrics)
    if price is None or facts.stale:
        return QUIET_UNKNOWN
    return Cell(fmt.dollars(price))


def rollout(facts: ServiceFacts) -> Cell:
    """The revision on its way, or the service's share of its route group."""
    for role in ("main", "decode", "prefill"):
        replicas = [r for r in facts.state.replicas.values() if r.role == role and r.revision]
        numbers = {r.ref.name: r.number for r in facts.state.revisions.values() if r.role == role}
        if len({replica.revision for replica in replicas}) > 1:
            newest = max(
                (replica.revision for replica in replicas),
                key=lambda revision: numbers.get(revision, 0),
            )
            updated = sum(replica.revision == newest for replica in replicas)
            return Cell(f"new revision {updated}/{len(replicas)}", "warn")
    if facts.service.route is None or facts.share is None:
        return Cell("")
    share = f"{fmt.whole_percent(facts.share)} of {facts.service.route.group}"
    if facts.canary is None:
        return Cell(share)
    tone: Tone = "bad" if facts.canary.verdict == "WORSE" else "normal"
    return Cell(f"{fmt.whole_percent(facts.share)} {facts.canary.verdict.lower()}", tone)


def burn_rate(state: ServiceState) -> Bounds | None:
    """The highest burn rate of its objectives over an hour; None without objective or traffic."""
    rates = [
        rate
        for status in state.objectives()
        if (rate := status.burn.get(min(status.burn, key=_from_an_hour, default=0.0))) is not None
    ]
    return max(rates, key=lambda rate: rate.high, default=None)


def _from_an_hour(window: float) -> float:
    return abs(window - 3600.0)


def burn(facts: ServiceFacts) -> Cell:
    """Burn rate of the worst objective over an hour, or what it is at most; red while it pages."""
    rate = burn_rate(facts.state)
    if rate is None:
        return QUIET_UNKNOWN
    statuses = facts.state.objectives()
    tone: Tone = "normal"
    if any(status.pages for status in statuses):
        tone = "bad"
    elif any(status.tickets for status in statuses):
        tone = "warn"
    text = fmt.count(rate.high)
    return Cell(text if fmt.count(rate.low) == text else f"<{text}", tone)


def budget_left(state: ServiceState) -> Bounds | None:
    """Share of the error budget that is left of the objective that has least."""
    left = [
        status.budget.left_of_period for status in state.objectives() if status.budget is not None
    ]
    return min(left, key=lambda one: one.low, default=None)


def budget(facts: ServiceFacts) -> Cell:
    """Error budget left of the objective that has least, or how much at least.

    Below 0 it is overspent.
    """
    left = budget_left(facts.state)
    if left is None:
        return QUIET_UNKNOWN
    tone: Tone = "bad" if left.high <= 0 else "warn" if left.low < LITTLE_BUDGET else "normal"
    text = fmt.share_left(left.low)
    return Cell(text if fmt.share_left(left.high) == text else f">{text}", tone)


def request_rate(facts: ServiceFacts) -> Cell:
    """Requests ended per second."""
    return _metric(facts.metrics.request_rate, fmt.count(facts.metrics.request_rate), facts)


def generation_rate(facts: ServiceFacts) -> Cell:
    """Tokens generated per second."""
    rate = facts.metrics.generation_token_rate
    return _metric(rate, fmt.count(rate), facts)


def tpot(facts: ServiceFacts) -> Cell:
    """Mean time per output token."""
    return _metric(facts.metrics.tpot, fmt.seconds(facts.metrics.tpot), facts)


def namespace(facts: ServiceFacts) -> Cell:
    """The service's namespace."""
    return Cell(facts.service.ref.namespace, "quiet")
