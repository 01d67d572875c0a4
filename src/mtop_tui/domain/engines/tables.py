"""The terms in which it is declared what an engine calls the things mtop measures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, NamedTuple, Protocol

Labels = tuple[tuple[str, str], ...]
Conditions = tuple[tuple[str, tuple[str, ...]], ...]
"""Labels, each with glob patterns of which its value fits one; a label not there is empty."""


class Labelled(Protocol):
    """A line of a metrics page: `Series`, or a sample with its value."""

    @property
    def name(self) -> str:
        """The name as it stands on the page."""

    @property
    def labels(self) -> Labels:
        """The labels in their order."""


class Series(NamedTuple):
    """One line of a metrics page without its value: a name and its labels."""

    name: str
    labels: Labels = ()


def label_of(series: Labelled, name: str) -> str:
    """The value of a label; empty if it is not there, as in Prometheus."""
    return next((value for key, value in series.labels if key == name), "")


class Match(NamedTuple):
    """Series by name and labels; several become one value.

    `combine` says how label sets (data-parallel ranks, served names, models) are combined: loads
    add up, a usage is that of the fullest. `scale` makes the neutral unit.

    A label set of a `sparse` counter is on the page from its first event on: where others of that
    name are there and none fits, it has counted 0. Of any other counter that is not known.
    """

    names: tuple[str, ...]
    only: Conditions = ()
    never: Conditions = ()
    combine: Literal["sum", "max"] = "sum"
    scale: float = 1.0
    sparse: bool = False

    def fits(self, series: Labelled) -> bool:
        """Whether the labels of a series that has one of the names are as they must be."""
        return all(_is_one_of(series, *one) for one in self.only) and not any(
            _is_one_of(series, *one) for one in self.never
        )


def _is_one_of(series: Labelled, label: str, patterns: tuple[str, ...]) -> bool:
    value = label_of(series, label)
    return any(fnmatchcase(value, pattern) for pattern in patterns)


def total(
    *names: str,
    never: Conditions = (),
    scale: float = 1.0,
    sparse: bool = False,
    **only: str | tuple[str, ...],
) -> Match:
    """The sum of all series of these names whose labels fit."""
    return Match(names, _conditions(only), never, "sum", scale, sparse)


def fullest(*names: str, scale: float = 1.0, **only: str | tuple[str, ...]) -> Match:
    """The highest of all series of these names whose labels fit."""
    return Match(names, _conditions(only), (), "max", scale)


def _conditions(only: Mapping[str, str | tuple[str, ...]]) -> Conditions:
    return tuple((key, (one,) if isinstance(one, str) else one) for key, one in only.items())


class Less(NamedTuple):
    """A gauge that counts something else too: the whole less that part, at least 0."""

    whole: Match
    part: Match


class Ratio(NamedTuple):
    """Part / whole of the same model or rank, the highest of these; NaN while the whole is 0."""

    part: Match
    whole: Match


class InLabel(NamedTuple):
    """A number that stands in a label of an info series.

    With `latest` it is taken from the series of the highest value, for the value is the time at
    which those labels held; otherwise the series of several ranks are combined as in `Match`.
    """

    name: str
    label: str
    read: Callable[[str], float]
    combine: Literal["sum", "max", "latest"] = "max"


def number(text: str) -> float:
    """The number a label holds; NaN if it holds none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def flag(text: str) -> float:
    """1 for true, 0 for false, NaN for anything else."""
    return {"true": 1.0, "false": 0.0}.get(text.lower(), math.nan)


def listed(text: str) -> float:
    """How many entries a list with commas has."""
    return float(sum(1 for entry in text.split(",") if entry.strip()))


class Family(NamedTuple):
    """A classic histogram; `only` limits it to label sets, `scale` converts its unit."""

    name: str
    only: Conditions = ()
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Mean:
    """A sum and a count without buckets.

    In the result this is a histogram without finite bounds, hence two values: it has a mean, and
    no quantile.
    """

    sum: Match
    count: Match


Gauge = Match | Less | Ratio | InLabel
Histogram = Family | Mean


class Engine(NamedTuple):
    """What one engine calls the neutral counters, gauges and histograms.

    Attributes:
        name: as shown, and as in the layout of samples.
        marks: series of which any tells that a page is of this engine.
        namespaces: what its own names begin with.
        counters, gauges, histograms: alternatives per neutral name in order of preference. The
            first that is on the page is read, so that what an engine exposes under an old and a
            new name is not counted twice.
        optional: neutral names it exposes only when a feature is in use, or in some versions.
        copies: labels of ranks that repeat the same figures; the lowest rank is read.
    """

    name: str
    marks: tuple[Match, ...]
    namespaces: tuple[str, ...]
    counters: Mapping[str, tuple[Match, ...]]
    gauges: Mapping[str, tuple[Gauge, ...]]
    histograms: Mapping[str, tuple[Histogram, ...]]
    optional: frozenset[str] = frozenset()
    copies: tuple[str, ...] = ()
