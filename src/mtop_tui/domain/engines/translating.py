"""Compiles an engine's tables and the series of a page into pickers of values."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter

from mtop_tui.domain import vocabulary as neutral
from mtop_tui.domain.engines.page import Page, parts_of, unmapped_of, without
from mtop_tui.domain.engines.tables import (
    Engine,
    Family,
    Gauge,
    Histogram,
    InLabel,
    Labelled,
    Less,
    Match,
    Mean,
    Ratio,
    label_of,
)

Picker = Callable[[Sequence[float]], tuple[float, ...]]
Computed = Callable[[Sequence[float]], float]
Cell = int | Computed
"""One output value: the position of an input value, or what makes it from several."""

Cells = tuple[Cell, ...]


class Translation:
    """Turns the values of one series list, in its order, into neutral flat tuples.

    Attributes:
        engine: name of the engine.
        counters: neutral counters, in the order of `cumulative`.
        gauges: neutral gauges, in the order of `gauge_values`.
        histograms: neutral name and finite upper bounds of each histogram; without bounds there is
            a sum and a count, hence a mean and no quantile.
        coarsened: histograms whose label sets had other edges; they have the common ones.
        unmapped: families of the engine's own namespace that are not read, and counters of which
            some label set is not.
        missing: neutral names that the engine should expose and that are not on the page.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        counters: Mapping[str, Cell],
        gauges: Mapping[str, Cell],
        histograms: Mapping[str, tuple[tuple[float, ...], Cells]],
        coarsened: tuple[str, ...],
        unmapped: tuple[str, ...],
    ) -> None:
        self.engine = engine.name
        self.counters = tuple(counters)
        self.gauges = tuple(gauges)
        self.histograms = tuple((name, bounds) for name, (bounds, _) in histograms.items())
        self.coarsened = coarsened
        self.unmapped = unmapped
        found = {*counters, *gauges, *histograms, *engine.optional}
        known = (*engine.counters, *engine.gauges, *engine.histograms)
        self.missing = tuple(name for name in known if name not in found)
        self._cumulative = _compile(
            [*counters.values(), *(cell for _, cells in histograms.values() for cell in cells)]
        )
        self._gauges = _compile([*gauges.values()])

    def cumulative(self, values: Sequence[float]) -> tuple[float, ...]:
        """The counters, then each histogram's sum, finite buckets and +Inf bucket."""
        return self._cumulative(values)

    def gauge_values(self, values: Sequence[float]) -> tuple[float, ...]:
        """The gauges; NaN where the page says NaN."""
        return self._gauges(values)


def translation(engine: Engine, series: Sequence[Labelled]) -> Translation:
    """Compile how the values of `series` become neutral ones, in the order of the vocabulary.

    Histograms of several label sets are merged on the bucket edges they share. A label set without
    its sum or its count, as where a page was cut, is left out, since no mean of it would be right.
    """
    page = Page(series, engine)
    counters: dict[str, Cell] = {}
    for name in (*neutral.COUNTERS, *neutral.EXTRA_COUNTERS):
        found = _first(page, engine.counters.get(name, ()))
        if found is not None:
            counters[name] = _combined(*found)
    gauges: dict[str, Cell] = {}
    for name in (*neutral.GAUGES, *neutral.EXTRA_GAUGES):
        cells = (_gauge(page, one) for one in engine.gauges.get(name, ()))
        cell = next((cell for cell in cells if cell is not None), None)
        if cell is not None:
            gauges[name] = cell
    histograms: dict[str, tuple[tuple[float, ...], Cells]] = {}
    coarsened = []
    for name in (*neutral.HISTOGRAMS, *neutral.EXTRA_HISTOGRAMS):
        forms = (_histogram(page, one) for one in engine.histograms.get(name, ()))
        form = next((form for form in forms if form is not None), None)
        if form is not None:
            bounds, made, is_coarsened = form
            histograms[name] = bounds, made
            coarsened += [name] * is_coarsened
    return Translation(
        engine,
        counters=counters,
        gauges=gauges,
        histograms=histograms,
        coarsened=tuple(coarsened),
        unmapped=unmapped_of(page, engine),
    )


def _first(page: Page, matches: Iterable[Match]) -> tuple[Match, list[int]] | None:
    """The first of some matches that is on the page, and where; nowhere if it counts 0."""
    for match in matches:
        found = page.fitting(match)
        if found or (match.sparse and any(name in page.by_name for name in match.names)):
            return match, found
    return None


def _combined(match: Match, indices: Sequence[int]) -> Cell:
    if match.combine == "max" and len(indices) > 1:
        return _highest(indices, match.scale)
    return _sum(indices, match.scale)


def _sum(indices: Sequence[int], scale: float) -> Cell:
    if len(indices) == 1:
        only = indices[0]
        return only if scale == 1.0 else lambda values: values[only] * scale
    if not indices:
        return lambda _values: 0.0
    pick = itemgetter(*indices)
    return lambda values: sum(pick(values)) * scale


def _highest(indices: Sequence[int], scale: float) -> Cell:
    pick = itemgetter(*indices)

    def highest(values: Sequence[float]) -> float:
        # max() keeps a NaN that comes first, and drops one that comes later.
        known = [value for value in pick(values) if not math.isnan(value)]
        return max(known) * scale if known else math.nan

    return highest


def _gauge(page: Page, gauge: Gauge) -> Cell | None:
    if isinstance(gauge, Match):
        indices = page.fitting(gauge)
        return _combined(gauge, indices) if indices else None
    if isinstance(gauge, Less):
        return _less(page, gauge)
    if isinstance(gauge, Ratio):
        return _ratio(page, gauge)
    return _in_label(page, gauge)


def _less(page: Page, gauge: Less) -> Cell | None:
    whole, part = page.fitting(gauge.whole), page.fitting(gauge.part)
    if not whole or not part:
        return None

    def less(values: Sequence[float]) -> float:
        left = sum(values[index] for index in whole) - sum(values[index] for index in part)
        return left if math.isnan(left) else max(0.0, left)

    return less


def _ratio(page: Page, gauge: Ratio) -> Cell | None:
    varying = [label for label, _ in (*gauge.part.only, *gauge.whole.only)]
    wholes = {without(page.series[at], varying): at for at in page.fitting(gauge.whole)}
    keyed = ((without(page.series[at], varying), at) for at in page.fitting(gauge.part))
    pairs = [(at, wholes[key]) for key, at in keyed if key in wholes]
    if not pairs:
        return None

    def ratio(values: Sequence[float]) -> float:
        known = [values[part] / values[whole] for part, whole in pairs if values[whole] > 0]
        known = [one for one in known if not math.isnan(one)]
        return max(known) if known else math.nan

    return ratio


def _in_label(page: Page, gauge: InLabel) -> Cell | None:
    read = [
        (index, gauge.read(label_of(page.series[index], gauge.label)))
        for index in page.by_name.get(gauge.name, ())
    ]
    read = [(index, held) for index, held in read if not math.isnan(held)]
    if not read:
        return None
    if gauge.combine == "latest":
        return lambda values: max(read, key=lambda one: values[one[0]])[1]
    numbers = [held for _, held in read]
    constant = sum(numbers) if gauge.combine == "sum" else max(numbers)
    return lambda _values: constant


class _LabelSet:
    """Where one label set of a histogram has its values."""

    def __init__(self) -> None:
        self.sum: int | None = None
        self.count: int | None = None
        self.buckets: dict[float, int] = {}


def _histogram(page: Page, form: Histogram) -> tuple[tuple[float, ...], Cells, bool] | None:
    """Finite bounds, the cells of sum, buckets and count, and whether bounds were given up."""
    if isinstance(form, Mean):
        counts = {frozenset(page.series[at].labels): at for at in page.fitting(form.count)}
        keyed = ((frozenset(page.series[at].labels), at) for at in page.fitting(form.sum))
        pairs = [(at, counts[key]) for key, at in keyed if key in counts]
        if not pairs:
            return None
        sums = _sum([at for at, _ in pairs], form.sum.scale)
        return (), (sums, _sum([at for _, at in pairs], form.count.scale)), False
    whole = [
        (one.sum, one.count, one.buckets)
        for one in _label_sets(page, form)
        if one.sum is not None and one.count is not None
    ]
    if not whole:
        return None
    edges = {edge for _, _, buckets in whole for edge in buckets}
    common = sorted(edge for edge in edges if all(edge in buckets for _, _, buckets in whole))
    cells = (
        _sum([one for one, _, _ in whole], form.scale),
        *(_sum([buckets[edge] for _, _, buckets in whole], 1.0) for edge in common),
        _sum([one for _, one, _ in whole], 1.0),
    )
    return tuple(edge * form.scale for edge in common), cells, len(common) < len(edges)


def _label_sets(page: Page, family: Family) -> Iterable[_LabelSet]:
    sets: dict[frozenset[tuple[str, str]], _LabelSet] = {}
    for suffix, index in parts_of(page, family):
        one = page.series[index]
        mine = sets.setdefault(without(one, ("le",)), _LabelSet())
        if suffix == "_sum":
            mine.sum = index
        elif suffix == "_count":
            mine.count = index
        elif math.isfinite(edge := _edge(one)):
            mine.buckets[edge] = index
    return sets.values()


def _edge(series: Labelled) -> float:
    try:
        return float(label_of(series, "le"))
    except ValueError:
        return math.nan


def _compile(cells: Sequence[Cell]) -> Picker:
    # One itemgetter, which runs in C, picks everything: computed values are appended behind the raw
    # ones, where positions counted from the end find them.
    if not cells:
        return lambda _values: ()
    computed = [cell for cell in cells if not isinstance(cell, int)]
    behind = iter(range(-len(computed), 0))
    positions = [cell if isinstance(cell, int) else next(behind) for cell in cells]
    pick: Picker = itemgetter(*positions) if len(positions) > 1 else _single(positions[0])
    if not computed:
        return pick
    return lambda values: pick([*values, *[make(values) for make in computed]])


def _single(position: int) -> Picker:
    """What picks one value, in a tuple as several would be."""
    return lambda values: (values[position],)
