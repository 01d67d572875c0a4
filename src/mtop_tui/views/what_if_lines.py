"""The lines of a what-if: now, then and the difference, and what can be said beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from textwrap import wrap
from typing import Final

from mtop_tui.domain.capacity.answers import NotKnown
from mtop_tui.domain.capacity.forecast import Band, Settled
from mtop_tui.text import safe
from mtop_tui.views import format as fmt
from mtop_tui.views.table import Cell, Tone
from mtop_tui.views.what_if import HEADROOM, Change, Plan, RightSize, Situation

HOURS_PER_MONTH: Final = 730
_LABEL, _NOW, _THEN, _DIFFERENCE = 17, 15, 27, 13
_SIDE = "  "

Line = tuple[Cell, ...]


def lines(at: Situation, change: Change, sized: RightSize | NotKnown, width: int) -> Sequence[Line]:
    """All there is to say of a plan, in lines of a width."""
    return [
        _row("", Cell("NOW", "quiet"), Cell("THEN", "quiet"), Cell("DIFFERENCE", "quiet")),
        *_what_is_held(at, change.plan),
        *_what_it_costs(at, change),
        *_how_it_fares(at, change),
        (Cell(""),),
        *_remarks(at, change, width),
        *_right_size(at, change.plan, sized, width),
    ]


def saving(at: Situation, sized: RightSize) -> str:
    """What the right size would save, in one line; empty if nothing."""
    if sized.saving <= 0:
        return ""
    count = fmt.counted(sized.replicas, "replica")
    return (
        f"could save ${sized.saving:,.2f} per hour: {count} in place of {at.plan.replicas} "
        "would do (i)"
    )


def _what_is_held(at: Situation, plan: Plan) -> list[Line]:
    now = at.plan
    more = plan.replicas - now.replicas
    gpus = plan.replicas * plan.gpus - now.replicas * now.gpus
    return [
        _row("replicas", Cell(f"{now.replicas}"), Cell(f"{plan.replicas}"), _signed(more)),
        _row("GPUs of each", Cell(f"{now.gpu} x{now.gpus}"), Cell(f"{plan.gpu} x{plan.gpus}")),
        _row(
            "GPUs in all",
            Cell(f"{now.gpus * now.replicas}"),
            Cell(f"{plan.gpus * plan.replicas}"),
            _signed(gpus),
        ),
    ]


def _what_it_costs(at: Situation, change: Change) -> list[Line]:
    def row(label: str, hours: int) -> Line:
        now, then = (None if usd is None else usd * hours for usd in (at.usd, change.usd))
        more = None if now is None or then is None else then - now
        return _row(label, _dollars(now), _dollars(then), _saved(more))

    return [row("USD per hour", 1), row("USD per month", HOURS_PER_MONTH)]


def _dollars(usd: Decimal | None) -> Cell:
    return Cell(fmt.UNKNOWN, "quiet") if usd is None else Cell(f"${usd:,.2f}")


def _saved(more: Decimal | None) -> Cell:
    if more is None:
        return Cell(fmt.UNKNOWN, "quiet")
    tone: Tone = "quiet" if not more else "warn" if more > 0 else "good"
    return Cell(f"{'-' if more < 0 else '+' if more else ''}${abs(more):,.2f}", tone)


def _how_it_fares(at: Situation, change: Change) -> list[Line]:
    expected, is_same = change.forecast, change.plan == at.plan
    ttft = tpot = None
    if not isinstance(expected, NotKnown) and not is_same:
        ttft = None if isinstance(expected.ttft, NotKnown) else expected.ttft
        tpot = expected.tpot
    now, then = change.now, change.then
    return [
        _latency("TTFT p95", at.ttft, ttft, at.limits[0]),
        _latency("TPOT", at.tpot, tpot, at.limits[1]),
        _row(
            "load of capacity",
            _load(now),
            _load(then) if not is_same else Cell(""),
        ),
    ]


def _latency(label: str, now: float | None, then: Band | None, limit: float) -> Line:
    if then is None:
        return _row(label, Cell(fmt.seconds(now)), Cell(fmt.UNKNOWN, "quiet"))
    words = f"{fmt.seconds(then.value)} ({_span(then)})"
    tone: Tone = "normal"
    if then.value > limit:
        tone = "bad"
    elif then.high > limit:
        tone = "warn"
    more = None if now is None else then.value - now
    sign = "" if more is None else "-" if more < 0 else "+"
    difference = Cell(f"{sign}{fmt.seconds(None if more is None else abs(more))}", "quiet")
    return _row(label, Cell(fmt.seconds(now)), Cell(words, tone), difference)


def _span(band: Band) -> str:
    return f"{fmt.seconds(band.low)} to {fmt.seconds(band.high)}"


def _load(settled: Settled | NotKnown) -> Cell:
    if isinstance(settled, NotKnown):
        return Cell(fmt.UNKNOWN, "quiet")
    used = settled.utilisation
    return Cell(f"about {fmt.whole_percent(used)}", "bad" if used >= 1 else "normal")


def _remarks(at: Situation, change: Change, width: int) -> list[Line]:
    said: list[Cell] = []
    expected, plan = change.forecast, change.plan
    if isinstance(expected, NotKnown):
        said.append(Cell(f"no forecast: {expected.reason}", "warn"))
    elif isinstance(expected.ttft, NotKnown):
        said.append(Cell(f"no TTFT: {expected.ttft.reason}", "warn"))
    if change.usd is None:
        said.append(Cell(f"no price: none of the nodes with {plan.gpu} has one", "warn"))
    more = plan.replicas * plan.gpus
    more -= at.plan.replicas * at.plan.gpus if plan.gpu == at.plan.gpu else 0
    if (free := at.free.get(plan.gpu, 0)) < more:
        said.append(Cell(f"needs {more} more {plan.gpu}; {free} are free here", "warn"))
    if at.waiting > at.ready:
        words = f"{fmt.whole(at.waiting)} requests wait now: the load is more than what is served"
        said.append(Cell(words, "warn"))
    if not isinstance(change.then, NotKnown) and not isinstance(expected, NotKnown):
        ttft, tpot = (f"{error:.0%}" for error in (change.then.ttft_error, change.then.tpot_error))
        said.append(
            Cell(
                f"forecast: measured now, times what the model says of the change; typical error "
                f"of TTFT {ttft}, of TPOT {tpot} ({change.then.source})",
                "quiet",
            )
        )
    if math.isfinite(at.rate) and at.lengths is not None:
        said.append(
            Cell(
                f"load: {fmt.count(at.rate)} req/s of {at.lengths.prompt:.0f} tokens in and "
                f"{at.lengths.output:.0f} out, {fmt.percent(at.lengths.cached)} cached",
                "quiet",
            )
        )
    return [line for cell in said for line in _wrapped("", cell, width)]


def _right_size(at: Situation, plan: Plan, sized: RightSize | NotKnown, width: int) -> list[Line]:
    if isinstance(sized, NotKnown):
        return _wrapped("right size", Cell(sized.reason, "quiet"), width)
    spare = f"the peak of the last hour ({fmt.count(at.peak)} req/s) and {HEADROOM:.0%} more"
    where = (
        f"{fmt.counted(sized.replicas, 'replica')} of {plan.gpu} x{plan.gpus} for {spare}"
        f"{_kept(at)}, reckoned {sized.error:.0%} below the model"
    )
    month = abs(sized.saving) * HOURS_PER_MONTH
    money = f"${abs(sized.saving):,.2f} per hour, ${month:,.0f} per month"
    if not sized.saving:
        return _wrapped("right size", Cell(f"as it is: {where}"), width)
    if sized.saving < 0:
        return _wrapped("right size", Cell(f"{where}: costs {money} more", "warn"), width)
    by = ""
    if plan.gpu != at.plan.gpu and sized.hardware:
        sign = "-" if sized.hardware < 0 else ""
        by = f", {sign}${abs(sized.hardware):,.2f} of it per hour by the other GPU"
    return _wrapped("right size", Cell(f"{where}: saves {money}{by}", "good"), width)


def _kept(at: Situation) -> str:
    """Which objectives are kept."""
    names = [
        f"{name} within {fmt.seconds(limit)}"
        for name, limit in zip(("TTFT", "TPOT"), at.limits, strict=True)
        if math.isfinite(limit)
    ]
    return f" with {' and '.join(names)}" if names else ""


def _signed(number: int) -> Cell:
    return Cell(f"{number:+}" if number else "0", "quiet" if not number else "normal")


def _row(label: str, now: Cell, then: Cell, difference: Cell = Cell("")) -> Line:  # noqa: B008
    return (
        Cell(f" {label:<{_LABEL}}", "quiet"),
        Cell(f"{safe(now.text):>{_NOW}}{_SIDE}", now.tone),
        Cell(f"{safe(then.text):>{_THEN}}{_SIDE}", then.tone),
        Cell(f"{difference.text:>{_DIFFERENCE}}", difference.tone),
    )


def _wrapped(label: str, said: Cell, width: int) -> list[Line]:
    """Words below one another, right of a label."""
    indent = 12 if label else 1
    parts = wrap(safe(said.text), max(20, width - indent - 1)) or [""]
    heads = [f" {label:<{indent - 1}}", *[" " * indent] * (len(parts) - 1)]
    return [
        (Cell(head, "quiet"), Cell(part, said.tone))
        for head, part in zip(heads, parts, strict=True)
    ]
