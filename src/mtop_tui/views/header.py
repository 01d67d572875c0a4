"""The two lines above the fleet: where the data comes from, and what the fleet comes to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from mtop_tui.domain.cost.money import Dollars
from mtop_tui.observations import SourceHealth
from mtop_tui.state.contact import tells
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.sums import FleetTotals, ObjectTotals
from mtop_tui.text import safe
from mtop_tui.views import format as fmt
from mtop_tui.views.fleet import FleetQuery
from mtop_tui.views.sparkline import ascii_chart, braille, usual_height
from mtop_tui.views.table import Cell, Tone

STALE_SECONDS = 20.0
"""Longer than the slowest scrape: a source that says nothing at all for this long is stale."""

EVERYTHING = FleetQuery()

CHART_CELLS = 6
_CHART_SAMPLES = CHART_CELLS * 2
_STEPS_PER_POINT = 10


class Header(msgspec.Struct, frozen=True):
    """What the two lines say. Of the totals, the last give way first when space is short."""

    source: Cell
    detail: Cell
    """What a live source has left out; the first to give way."""
    scope: Cell
    """What narrows the table, and to how many services; empty when nothing does."""
    clock: Cell
    totals: tuple[Cell, ...]
    alerts: Cell = Cell("")
    """Alerts that nobody has taken note of; empty when there are none."""


def header(
    store: FleetStore,
    now: float,
    *,
    paused: bool,
    ascii_only: bool = False,
    query: FleetQuery = EVERYTHING,
    shown: int = 0,
) -> Header:
    """What stands above the table at a time (Unix seconds, shown in local time).

    `shown` is the number of services for which the table's `query` asks.
    """
    totals = store.totals()
    return Header(
        source=_sources(store, now, paused),
        detail=Cell("" if paused else _detail(store.main_sources), "quiet"),
        scope=Cell(_scope(query, shown, len(store.services())), "warn"),
        clock=Cell(datetime.fromtimestamp(now).astimezone().strftime("%H:%M:%S")),
        totals=tuple(_totals(store, totals, now, ascii_only)),
        alerts=alert_count(store),
    )


def alert_count(store: FleetStore) -> Cell:
    """How many alerts fire that nobody has taken note of; empty when there are none."""
    pages, tickets = (0, 0) if store.alerts is None else store.alerts.waiting()
    if not pages + tickets:
        return Cell("")
    return Cell(fmt.counted(pages + tickets, "alert"), "bad" if pages else "warn")


def _sources(store: FleetStore, now: float, paused: bool) -> Cell:
    """The one source; of several, how many are live, and what ails the first that is not."""
    silence = now - (store.latest or 0.0)
    known = store.main_sources
    if not known:
        return Cell("connecting", "quiet")
    if len(known) == 1 or paused:
        return _source(known[0], silence, paused)
    ailing = [one for one in known if one.state != "live"]
    whole = [one for one in known if not one.is_part]
    if len(whole) == 1:  # what the others tell is part of it
        main = _source(whole[0], silence, paused)
        if not ailing or whole[0] in ailing:
            return main
        part = _source(ailing[0], silence, paused)
        return Cell(f"{main.text}  {part.text}", part.tone)
    if not ailing and silence <= STALE_SECONDS:
        return Cell(f"{len(known)} sources  live", "quiet")
    if not ailing:
        return Cell(f"{len(known)} sources  stale for {silence:.0f} s", "warn")
    first = _source(ailing[0], silence, paused)
    return Cell(f"{len(known) - len(ailing)}/{len(known)} sources live  {first.text}", first.tone)


def _source(health: SourceHealth, silence: float, paused: bool) -> Cell:
    words, tone = _source_words(health, silence, paused)
    return Cell(f"{health.source}  {words}", tone)


def _source_words(health: SourceHealth, silence: float, paused: bool) -> tuple[str, Tone]:
    if paused:
        return "paused", "warn"
    if health.state == "live" and silence > STALE_SECONDS:
        return f"stale for {silence:.0f} s", "warn"
    if health.state == "live":
        return ("live", "quiet") if not health.errors else (_with_errors(health), "warn")
    detail = health.detail.removeprefix(f"{health.state}: ")
    words = f"{health.state}: {detail}" if detail else health.state
    return words, "warn" if health.state in ("connecting", "stale", "ended") else "bad"


def _detail(sources: Iterable[SourceHealth]) -> str:
    return ", ".join(one.detail for one in sources if one.state == "live" and one.detail)


def _scope(query: FleetQuery, shown: int, there: int) -> str:
    """Such as `ns production  /llama  4 of 30`."""
    if not query.filter and not query.namespaces and not query.group:
        return ""
    group = f"by {query.group}" if query.group else ""
    namespaces = f"ns {','.join(query.namespaces)}" if query.namespaces else ""
    words = f"/{query.filter}" if query.filter else ""
    count = f"{shown} of {there}" if namespaces or words else ""
    return safe("  ".join(filter(None, (group, namespaces, words, count))))


def _with_errors(health: SourceHealth) -> str:
    noun = "error" if health.errors == 1 else "errors"
    return f"live, {health.errors} {noun}"


def _totals(store: FleetStore, totals: FleetTotals, now: float, ascii_only: bool) -> Sequence[Cell]:
    objects = totals.objects
    if not (objects.services or store.nodes or any(map(tells, store.main_sources))):
        unknown = ("ready ?", "? burning", "$/h ?", "? req/s", "GPUs ?", "? tok/s", "replicas ?")
        return [Cell(what.replace("?", fmt.UNKNOWN), "quiet") for what in unknown]
    requests, tokens = (_chart(store, series, now, ascii_only) for series in (0, 1))
    all_ready = objects.services_ready == objects.services
    return [
        Cell(
            f"ready {objects.services_ready}/{objects.services}", "normal" if all_ready else "warn"
        ),
        _burning(totals.burning),
        Cell(f"{_per_hour(objects.bill)}{_idle(totals)}"),
        Cell(f"{fmt.count(totals.request_rate)} req/s {requests}"),
        Cell(f"GPUs {_gpus(objects)}"),
        Cell(f"{fmt.count(totals.token_rate)} tok/s {tokens}"),
        Cell(f"replicas {objects.replicas_ready}/{objects.replicas_desired}"),
    ]


def _burning(services: int | None) -> Cell:
    if services is None:
        return Cell(f"{fmt.UNKNOWN} burning", "quiet")
    return Cell(f"{services} burning", "bad" if services else "normal")


def _gpus(objects: ObjectTotals) -> str:
    if not objects.gpus and objects.bill.unpriced:
        return fmt.UNKNOWN  # no node is known, yet services run somewhere
    return f"{objects.gpus_used}/{objects.gpus}"


def _per_hour(bill: Dollars) -> str:
    text = fmt.money(bill)
    if text == fmt.UNKNOWN:
        return f"$/h {text}"
    return f"{text.replace('>=', '>=$') if bill.unpriced else f'${text}'}/h"


def _idle(totals: FleetTotals) -> str:
    ratio = totals.idle_ratio
    return "" if ratio is None else f", {fmt.percent(ratio)} idle"


def _chart(store: FleetStore, series: int, now: float, ascii_only: bool) -> str:
    """The last minutes, each point the largest of its ten steps, so that no peak is hidden.

    The points stand at fixed times: a chart changes when one is complete, not at every look.
    """
    step = store.history.step * _STEPS_PER_POINT
    end = (now // step + 1) * step - store.history.step
    values = store.history.series(series, end, _CHART_SAMPLES * _STEPS_PER_POINT)
    points = []
    for start in range(0, len(values), _STEPS_PER_POINT):
        known = [v for v in values[start : start + _STEPS_PER_POINT] if not math.isnan(v)]
        points.append(max(known, default=math.nan))
    top = usual_height(points)
    return ascii_chart(points, top) if ascii_only else braille(points, top)
