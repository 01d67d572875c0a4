"""Stable against new, metric by metric: figures, effect with its interval, counts, verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

from mtop_tui.domain.cost.tokens import usd_per_million_tokens
from mtop_tui.domain.durations import short_duration
from mtop_tui.domain.rollouts.canary import MetricVerdict, Verdict
from mtop_tui.state.canary_history import Compared
from mtop_tui.state.sides import SideFigures
from mtop_tui.views import format as fmt
from mtop_tui.views.table import Cell, Tone
from mtop_tui.views.words import fitted

Line = tuple[Cell, ...]

TONES: dict[Verdict, Tone] = {
    Verdict.WORSE: "bad",
    Verdict.NOT_COMPARABLE: "warn",
    Verdict.NOT_ENOUGH_DATA: "quiet",
    Verdict.BETTER: "good",
    Verdict.PASS: "normal",
}
METRIC, FIGURE, EFFECT, COUNT, VERDICT = 8, 8, 19, 11, 15
"""Cells of the columns; what is left over says why."""

WITH_EFFECT = 1 + METRIC + 2 * FIGURE + 2 + EFFECT + 2 + VERDICT
WITH_COUNTS = WITH_EFFECT + COUNT
"""Cells from which on a column is there; a verdict always is."""

NARROWEST_WHY = 16
SMALL_CHANGE = 10.0
"""Relative change from which on it is said as so many times rather than per cent."""


class Row(NamedTuple):
    """One line of the comparison: what it reads of both sides, and which verdict it stands for.

    With `is_cost`, how much more the new version costs stands in place of an effect.
    """

    name: str
    read: Callable[[SideFigures], float]
    text: Callable[[float], str]
    metric: str = ""
    is_cost: bool = False


def _per_million(side: SideFigures) -> float:
    if not side.usd_per_hour > 0 or math.isnan(side.token_rate):
        return math.nan
    price = usd_per_million_tokens(Decimal(side.usd_per_hour), side.token_rate)
    return math.nan if price is None else float(price)


ROWS = (
    Row("errors", lambda side: side.error_ratio, fmt.percent, "errors"),
    Row("TTFT p95", lambda side: side.ttft_p95, fmt.seconds, "TTFT"),
    Row("TPOT", lambda side: side.tpot, fmt.seconds, "TPOT"),
    Row("$/1M tok", _per_million, fmt.usd, is_cost=True),
    Row("$/h", lambda side: side.usd_per_hour, fmt.usd, is_cost=True),
    Row("req/s", lambda side: side.request_rate, fmt.count),
)


def comparison_lines(
    compared: Compared | None,
    absent: str,
    edges: Mapping[str, float],
    width: int,
    height: int,
) -> list[Line]:
    """The table in `height` lines at most; `absent` is said where nothing was compared."""
    if height < 2:
        return []
    head = f" {'':<{METRIC}}{'STABLE':>{FIGURE}}{'NEW':>{FIGURE}}"
    counted = width >= WITH_COUNTS
    head += f"  {'EFFECT [95 %]':<{EFFECT}}" if width >= WITH_EFFECT else ""
    head += f"{'N':>{COUNT}}" if counted else ""
    lines: list[Line] = [(Cell(f"{head}  VERDICT"[:width], "quiet"),)]
    if compared is None:
        return [*lines, (Cell(f" {absent}", "quiet"),)]
    said = {one.metric: one for one in compared.metrics}
    return lines + [
        _row(row, compared, said.get(row.metric), edges, width) for row in ROWS[: height - 1]
    ]


def _row(
    row: Row,
    compared: Compared,
    said: MetricVerdict | None,
    edges: Mapping[str, float],
    width: int,
) -> Line:
    stable, new = (row.text(row.read(side)) for side in (compared.stable, compared.canary))
    cells = [
        Cell(f" {row.name:<{METRIC}}", "quiet"),
        Cell(f"{stable:>{FIGURE}}{new:>{FIGURE}}", "normal"),
    ]
    used = 1 + METRIC + 2 * FIGURE
    if not row.metric:
        return (*cells, Cell(f"  {_more(row, compared)}", "normal"))
    if width >= WITH_EFFECT:
        cells.append(Cell(f"  {_effect(said):<{EFFECT}}", "normal" if said else "quiet"))
        used += 2 + EFFECT
    if width >= WITH_COUNTS:
        cells.append(Cell(f"{_counts(said):>{COUNT}}", "normal" if said else "quiet"))
        used += COUNT
    verdict = fmt.UNKNOWN if said is None else said.verdict.value
    tone: Tone = "quiet" if said is None else TONES[said.verdict]
    room = width - used - 2 - VERDICT - 3
    if room < NARROWEST_WHY:
        return (*cells, Cell(f"  {verdict}", tone))
    why = fitted(_why(row, said, edges), room)
    return (*cells, Cell(f"  {verdict:<{VERDICT}}", tone), Cell(f"  {why}", "quiet"))


def _more(row: Row, compared: Compared) -> str:
    """How much more the new version costs."""
    stable, new = row.read(compared.stable), row.read(compared.canary)
    if not row.is_cost or not stable > 0 or math.isnan(new):
        return ""
    return _change(new / stable - 1)


def _effect(said: MetricVerdict | None) -> str:
    """How much more of the new version's requests are bad, with its 95 % interval."""
    if said is None:
        return fmt.UNKNOWN
    if said.effect is None:
        return " to ".join(_shares(said)) if said.canary.total else fmt.UNKNOWN
    ends = () if said.interval is None else said.interval
    times = any(SMALL_CHANGE <= part < math.inf for part in (said.effect, *ends))
    within = f" [{', '.join(_number(part, times=times) for part in ends)}]" if ends else ""
    return f"{_change(said.effect, times=times)}{within}"


def _change(part: float, *, times: bool = False) -> str:
    times = times or abs(part) >= SMALL_CHANGE
    return _number(part, times=times) + ("" if times else "%")


def _number(part: float, *, times: bool) -> str:
    """Per cent more or less, or so many times as much."""
    if math.isinf(part):
        return "inf"
    if times:
        return f"x{fmt.count(1 + part)}"
    percent = round(100 * part)
    return f"{percent:+}" if percent else "0"


def _counts(said: MetricVerdict | None) -> str:
    if said is None:
        return fmt.UNKNOWN
    return f"{fmt.whole(said.baseline.total)}/{fmt.whole(said.canary.total)}"


def _why(row: Row, said: MetricVerdict | None, edges: Mapping[str, float]) -> str:
    """What the verdict rests on, or what it still needs."""
    if said is None:
        return "not exposed, or too few requests to choose by"
    if said.reasons:
        return said.reasons[0]
    if said.verdict is Verdict.NOT_ENOUGH_DATA and said.more_requests is not None:
        when = "" if said.more_seconds is None else f" ({short_duration(said.more_seconds)})"
        return f"about {said.more_requests:,} more requests{when}"
    return _bad(row, said, edges)


def _bad(row: Row, said: MetricVerdict, edges: Mapping[str, float]) -> str:
    """Of which requests the effect is: bad ones of either side."""
    if not (said.baseline.total and said.canary.total):
        return "no window in which both served"
    shares = _shares(said)
    edge = edges.get(row.metric)
    what = "failed" if edge is None else f"over {fmt.seconds(edge)}"
    return f"{what}: {shares[0]} and {shares[1]}"


def _shares(said: MetricVerdict) -> list[str]:
    """The share of bad requests of either side."""
    sides = (said.baseline, said.canary)
    return [fmt.percent(one.bad / one.total) if one.total else fmt.UNKNOWN for one in sides]
