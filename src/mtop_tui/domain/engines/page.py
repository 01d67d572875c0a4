"""A page's series by name: one spelling of each name, one rank of those that repeat it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from mtop_tui.domain.engines.tables import Engine, Family, InLabel, Labelled, Match, Mean, label_of

Indices = Mapping[str, Sequence[int]]

ODH_PREFIX = "kserve_"
"""The Open Data Hub fork of KServe puts this before every engine's names."""

SPELLINGS = (("sglang_", "sglang:"), ("llamacpp_", "llamacpp:"))
"""Namespaces that are also written with an underscore."""

NOT_OF_ENGINES = ("python_", "process_", "http_")


def indexed(series: Sequence[Labelled]) -> dict[str, list[int]]:
    """Where each name is, by its usual spelling.

    A name that a page has in two spellings is read in one of them, the usual one first.
    """
    spelled: dict[str, dict[str, list[int]]] = {}
    for index, one in enumerate(series):
        usual = _usual(one.name)
        spelled.setdefault(usual, {}).setdefault(one.name, []).append(index)
    return {
        usual: found[usual] if usual in found else next(iter(found.values()))
        for usual, found in spelled.items()
    }


def _usual(name: str) -> str:
    name = name.removeprefix(ODH_PREFIX)
    for other, usual in SPELLINGS:
        if name.startswith(other):
            return usual + name[len(other) :]
    return name


class Page:
    """The series of a page and where each name is among them, without repetitions by ranks."""

    def __init__(self, series: Sequence[Labelled], engine: Engine) -> None:
        self.series = series
        self.by_name: Indices = indexed(series)
        if engine.copies:
            self.by_name = {
                name: self._lowest_ranks(found, engine.copies)
                for name, found in self.by_name.items()
            }

    def _lowest_ranks(self, indices: Sequence[int], copies: tuple[str, ...]) -> Sequence[int]:
        if len(indices) == 1:
            return indices
        lowest: dict[frozenset[tuple[str, str]], tuple[list[tuple[int, str]], int]] = {}
        for index in indices:
            one = self.series[index]
            ranks = [label_of(one, label) for label in copies]
            order = [(len(rank), rank) for rank in ranks]  # numeric, since ranks have no leading 0
            key = without(one, copies)
            if key not in lowest or order < lowest[key][0]:
                lowest[key] = order, index
        return [index for _, index in lowest.values()]

    def fitting(self, match: Match) -> list[int]:
        """Where the series are that fit."""
        return [
            index
            for name in match.names
            for index in self.by_name.get(name, ())
            if match.fits(self.series[index])
        ]


def without(series: Labelled, labels: Iterable[str]) -> frozenset[tuple[str, str]]:
    """A label set but for some labels, to be compared."""
    return frozenset(pair for pair in series.labels if pair[0] not in labels)


def parts_of(page: Page, family: Family) -> Iterator[tuple[str, int]]:
    """The suffix and the place of each series of a histogram."""
    for suffix in ("_sum", "_bucket", "_count"):
        match = Match((family.name + suffix,), family.only)
        for index in page.fitting(match):
            yield suffix, index


def unmapped_of(page: Page, engine: Engine) -> tuple[str, ...]:
    """Families of the engine's namespace of which nothing is read, and counters not read whole."""
    counted = {name for forms in engine.counters.values() for form in forms for name in form.names}
    readable = set(_readable(page, engine))
    is_read: dict[str, bool] = {}
    for name, indices in page.by_name.items():
        own = name.startswith(engine.namespaces) and not name.startswith(NOT_OF_ENGINES)
        if not own or name.endswith("_created"):
            continue
        # Of a counter every label set matters: an outcome not known here would not be counted.
        need = all if name in counted else any
        family = _family_of(name, page.by_name)
        is_read[family] = is_read.get(family, False) or need(at in readable for at in indices)
    return tuple(family for family, read in is_read.items() if not read)


def _readable(page: Page, engine: Engine) -> Iterator[int]:
    """Where everything is that the engine's tables know, also what an alternative stands for."""
    for forms in (*engine.counters.values(), *engine.gauges.values(), *engine.histograms.values()):
        for form in forms:
            if isinstance(form, Match):
                yield from page.fitting(form)
            elif isinstance(form, Family):
                yield from (index for _, index in parts_of(page, form))
            elif isinstance(form, InLabel):
                yield from page.by_name.get(form.name, ())
            elif isinstance(form, Mean):
                yield from (*page.fitting(form.sum), *page.fitting(form.count))
            else:
                yield from (*page.fitting(form.part), *page.fitting(form.whole))


def _family_of(name: str, names: Indices) -> str:
    for suffix in ("_bucket", "_sum", "_count"):
        stem = name.removesuffix(suffix)
        if stem != name and f"{stem}_sum" in names and f"{stem}_count" in names:
            return stem
    return name
