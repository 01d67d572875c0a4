"""What Prometheus is asked for: of every engine's metrics that rows need, one grouped query each.

Series are named by what scraped them. Two ways are known to say whose they are: the label
`llm_isvc_name`, which the PodMonitors of KServe's guides copy from the pod, and the pod alone. The
Open Data Hub fork puts `kserve_` before all names.
"""

from __future__ import annotations

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

_COUNTERS = (*neutral.COUNTERS, neutral.REQUESTS)
_HISTOGRAMS = (neutral.TTFT, neutral.ITL, neutral.TPOT, neutral.E2E)
_GAUGES = (neutral.RUNNING, neutral.WAITING, neutral.KV_USAGE)


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


class Question(NamedTuple):
    """One query, and the name that its results had before they were grouped."""

    name: str
    scheme: Scheme
    how: How
    labels: tuple[str, ...]

    def promql(self, window: float, only: Mapping[str, str] | None = None) -> str:
        """The expression; with `only` of series with these labels."""
        more = "".join(f",{label}={_quoted(value)}" for label, value in (only or {}).items())
        series = f'{{__name__="{self.name}",{self.scheme.selector}{more}}}'
        grouped = ",".join((*self.scheme.by, *self.labels))
        if self.how == "increase":
            return f"sum by ({grouped}) (increase({series}[{window:.0f}s]))"
        return f"{self.how} by ({grouped}) ({series})"


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
            found.append(Question(name, scheme, wanted.how, tuple(sorted(wanted.labels))))
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
        if engine is ENDPOINT_PICKER:  # its series name no service by its pod
            continue
        for one in _of_engine(engine):
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


def _of_family(family: Family, ranks: frozenset[str]) -> Iterator[Wanted]:
    labels = ranks | {label for label, _ in family.only}
    yield Wanted(f"{family.name}_bucket", "increase", labels | {"le"})
    yield Wanted(f"{family.name}_sum", "increase", labels)
    yield Wanted(f"{family.name}_count", "increase", labels)


def _labels(match: Match) -> frozenset[str]:
    return frozenset(label for label, _ in (*match.only, *match.never))


def _quoted(value: str) -> str:
    escaped = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'


WANTED: Final[Mapping[str, Wanted]] = _wanted()
"""By the usual spelling of its name."""
