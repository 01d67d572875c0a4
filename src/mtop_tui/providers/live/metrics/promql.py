"""What Prometheus is asked for: of every metric that mtop shows of engines and of endpoint pickers
one grouped query.

Series are named by what scraped them. Two ways are known to say whose they are: the label
`llm_isvc_name`, which the PodMonitors of KServe's guides copy from the pod, and the pod alone. The
Open Data Hub fork puts `kserve_` before all names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal, NamedTuple

from mtop_tui.domain import vocabulary as neutral
from mtop_tui.domain.engines import ENGINES, Engine, Series
from mtop_tui.domain.engines.endpoint_picker import ENDPOINT_PICKER
from mtop_tui.domain.engines.page import indexed
from mtop_tui.domain.engines.tables import Family, InLabel, Less, Match, Mean, Ratio

How = Literal["increase", "sum", "max"]
"""Counters by what they gained; loads added up; usages as that of the fullest."""

SERVICE: Final = "llm_isvc_name"
ROLE: Final = "llm_isvc_role"
POD: Final = "pod"
WORKLOAD: Final = "workload"
"""What a pod's name is replaced by: that of its Deployment or LeaderWorkerSet."""

_OF_A_POD = "(?:(?:-[a-z0-9]+){2}|-[0-9]+(?:-[0-9]+)?)"
"""What a pod's name adds to that of its Deployment, or of its LeaderWorkerSet."""

_COUNTERS = (*neutral.COUNTERS, neutral.REQUESTS)
_HISTOGRAMS = (neutral.TTFT, neutral.ITL, neutral.TPOT, neutral.E2E)
_GAUGES = (neutral.RUNNING, neutral.WAITING, neutral.KV_USAGE)
_OF_PICKERS = (*neutral.COUNTERS, *neutral.EXTRA_COUNTERS, neutral.REQUESTS)
_LEVELS_OF_PICKERS = (*neutral.GAUGES, *neutral.EXTRA_GAUGES)


class Scheme(NamedTuple):
    """How series say whose they are.

    `selector` holds for those that say so, `by` are the labels that do: the namespace, then the
    service and its role, or the pod.
    """

    selector: str
    by: tuple[str, ...]

    @property
    def is_by_pod(self) -> bool:
        """Whether pods are named and services are not."""
        return SERVICE not in self.by


SCHEMES: Final = (
    Scheme(f'{SERVICE}!=""', ("namespace", SERVICE, ROLE)),
    Scheme(f'{SERVICE}="",exported_pod!=""', ("exported_namespace", "exported_pod")),
    Scheme(f'{SERVICE}="",exported_pod="",pod!=""', ("namespace", "pod")),
)


class Wanted(NamedTuple):
    """A series name that rows need, and which of its labels say something."""

    name: str
    how: How
    labels: frozenset[str]
    is_picker: bool = False


class Whose(NamedTuple):
    """Some services: their names, and those of their workloads, by namespace."""

    namespaces: tuple[str, ...]
    services: tuple[str, ...]
    workloads: tuple[str, ...]


class Question(NamedTuple):
    """One query, and the name that its results had before they were grouped."""

    name: str
    scheme: Scheme
    how: How
    labels: tuple[str, ...]
    is_picker: bool = False

    def promql(self, window: float, *, each_pod: bool = False) -> str:
        """The expression, of the whole fleet; with `each_pod` each pod by itself."""
        by = self.scheme.by
        if each_pod and not self.is_picker and not self.scheme.is_by_pod:
            by = (*by, POD)
        return self._grouped(self._values(window), by)

    def promql_of(self, window: float, whose: Whose) -> str:
        """The expression, of some services: grouped by their names, or by those of workloads.

        Pods of the past are known by nothing but the names that their workloads gave them.
        """
        namespace, name, *role = self.scheme.by
        spaces = _any_of(whose.namespaces)
        if not self.scheme.is_by_pod:
            only = {namespace: spaces, name: _any_of(whose.services)}
            return self._grouped(self._values(window, only), self.scheme.by)
        pods = f"{_any_of(whose.workloads)}{_OF_A_POD}"
        values = self._values(window, {namespace: spaces, name: pods})
        labelled = f'label_replace({values}, "{WORKLOAD}", "$1", "{name}", {_quoted(pods)})'
        return self._grouped(labelled, (namespace, WORKLOAD, *role))

    def kept(self, metric: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """The labels of a result that say more than whose it is."""
        return tuple((label, metric[label]) for label in self.labels if label in metric)

    def _values(self, window: float, only: Mapping[str, str] | None = None) -> str:
        """What is grouped; with `only` of series whose labels fit these expressions."""
        more = "".join(f",{label}=~{_quoted(value)}" for label, value in (only or {}).items())
        series = f'{{__name__="{self.name}",{self.scheme.selector}{more}}}'
        return f"increase({series}[{window:.0f}s])" if self.how == "increase" else series

    def _grouped(self, values: str, by: Iterable[str]) -> str:
        grouped = ",".join((*by, *self.labels))
        how = "sum" if self.how == "increase" else self.how
        return f"{how} by ({grouped}) ({values})"


def names_selector(scheme: Scheme) -> str:
    """A selector of the series among which names are looked for."""
    if not scheme.is_by_pod:
        return f"{{{scheme.selector}}}"
    # All that runs in the cluster has a pod: only what begins as an engine's names do.
    begins = "|".join(sorted({space for engine in ENGINES for space in engine.namespaces if space}))
    return f'{{{scheme.selector},__name__=~"(kserve_)?({begins}|sglang_|llamacpp_).*"}}'


def questions(scheme: Scheme, names: Iterable[str]) -> list[Question]:
    """One question for each of the names there are that rows need."""
    found = []
    for name in sorted(names):
        usual = next(iter(indexed([Series(name)])))
        wanted = WANTED.get(usual)
        if wanted is not None:
            labels = tuple(sorted(wanted.labels))
            found.append(Question(name, scheme, wanted.how, labels, wanted.is_picker))
    return found


def scrape_interval(gauge: Question, back: float) -> str:
    """An expression of how many seconds apart a gauge was scraped, over so many seconds.

    It has no result, or 0, where there were too few scrapes to tell.
    """
    series = f'{{__name__="{gauge.name}",{gauge.scheme.selector}}}'
    times = f"timestamp({series})[{back:.0f}s:15s]"
    span = f"(max_over_time({times}) - min_over_time({times}))"
    return f"max({span} / ((count_over_time({series}[{back:.0f}s]) > 1) - 1))"


def _wanted() -> dict[str, Wanted]:
    known: dict[str, Wanted] = {}
    for engine in ENGINES:
        for one in _of_pickers() if engine is ENDPOINT_PICKER else _of_engine(engine):
            before = known.get(one.name)
            labels = one.labels | (before.labels if before else frozenset())
            known[one.name] = one._replace(labels=labels)
    return known


def _of_engine(engine: Engine) -> Iterator[Wanted]:
    ranks = frozenset(engine.copies)

    def of(match: Match, how: How) -> Iterator[Wanted]:
        for name in match.names:
            yield Wanted(name, how, ranks | _labels(match))

    for name in _COUNTERS:
        for match in engine.counters.get(name, ()):
            yield from of(match, "increase")
    for name in _HISTOGRAMS:
        for form in engine.histograms.get(name, ()):
            if isinstance(form, Mean):
                yield from of(form.sum, "increase")
                yield from of(form.count, "increase")
            else:
                yield from _of_family(form, ranks)
    for name in _GAUGES:
        for gauge in engine.gauges.get(name, ()):
            if isinstance(gauge, Match):
                yield from of(gauge, "max" if gauge.combine == "max" else "sum")
            elif isinstance(gauge, Less | Ratio):
                yield from of(gauge.part, "sum")
                yield from of(gauge.whole, "sum")
            else:
                assert isinstance(gauge, InLabel)  # nothing that a row needs


def _of_pickers() -> Iterator[Wanted]:
    """Counters and levels: what requests feel is read from the engines."""
    for name in _OF_PICKERS:
        for match in ENDPOINT_PICKER.counters.get(name, ()):
            for one in match.names:
                yield Wanted(one, "increase", _labels(match), is_picker=True)
    for name in _LEVELS_OF_PICKERS:
        for gauge in ENDPOINT_PICKER.gauges.get(name, ()):
            assert isinstance(gauge, Match)
            # Pickers that stand by for one another see the same endpoints.
            is_same = gauge.combine == "max" or name == neutral.READY_ENDPOINTS
            for one in gauge.names:
                yield Wanted(one, "max" if is_same else "sum", _labels(gauge), is_picker=True)


def _of_family(family: Family, ranks: frozenset[str]) -> Iterator[Wanted]:
    labels = ranks | {label for label, _ in family.only}
    yield Wanted(f"{family.name}_bucket", "increase", labels | {"le"})
    yield Wanted(f"{family.name}_sum", "increase", labels)
    yield Wanted(f"{family.name}_count", "increase", labels)


def _labels(match: Match) -> frozenset[str]:
    return frozenset(label for label, _ in (*match.only, *match.never))


def _any_of(names: Iterable[str]) -> str:
    return f"({'|'.join(map(re.escape, names))})"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'


WANTED: Final[Mapping[str, Wanted]] = _wanted()
"""By the usual spelling of its name."""
