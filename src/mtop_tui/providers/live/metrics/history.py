"""What a Prometheus recorded of services before they were watched: their charts and their budgets.

It is asked for when a service has its first sample, of a few services at a time, the last hour
first; half of the time nothing is asked. What was asked for is told once, and never twice: what
counts towards an objective must not count again.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from typing import Final, NamedTuple

from mtop_tui.clock import Clock
from mtop_tui.domain.exposition import Sample
from mtop_tui.observations import Observation, Past, PastStep, Pool, PoolStep, Role, ServiceKey
from mtop_tui.providers.live.metrics.prometheus import ROLES, Prometheus
from mtop_tui.providers.live.metrics.prometheus_api import (
    Ask,
    Labels,
    Moments,
    PrometheusApi,
    number_of,
)
from mtop_tui.providers.live.metrics.promql import ROLE, WORKLOAD, Question, Whose
from mtop_tui.providers.scraping.fetching import FetchError
from mtop_tui.providers.scraping.reading import Compiled, PageError, Pages

MOST_SERVICES: Final = 50
"""Services whose past is asked for: each is some hundred thousand samples for the server."""

TOGETHER: Final = 4
"""Services in one question: an answer is read within a few milliseconds."""

TRIES: Final = 3
AGAIN_AFTER: Final = 60.0

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
CHART_STEP, CHART_STEPS = 15.0, 240
LONG_STEP, LONG_SPAN = 240.0, 6 * HOUR
NEAR_STEP: Final = 300.0
SOON, LONGEST = 3 * DAY, 30 * DAY
"""What the slowest alert looks at, and what the budget of an objective is of."""

_AT_ONCE = 2
_STEPS_AT_ONCE = 10
_STEPS_TOLD = 40

_Place = tuple[Question, tuple[tuple[str, str], ...]]
"""Where a value belongs among those of a pool."""
_Told = Mapping[_Place, Mapping[float, float]]
"""The values of a pool, by place and time."""

PoolsOf = Callable[[ServiceKey], Iterable[Pool]]
"""The pools of a service, as far as they are known."""


class Stretch(NamedTuple):
    """A part of the past, by our clock: every `step` seconds what the `window` before it added.

    `counts` tells steps that follow upon one another and count towards objectives from moments,
    each of which is one point of a chart.
    """

    start: float
    end: float
    step: float
    window: float
    counts: bool

    @property
    def seconds(self) -> float:
        """What one of its steps is about."""
        return self.step if self.counts else self.window


def stretches(until: float, window: float) -> tuple[Stretch, ...]:
    """What is asked for of the time until then, the nearest first.

    Args:
        until: Unix seconds; from then on samples tell.
        window: seconds over which an increase can be taken, for the server scrapes so often.
    """
    near = until // HOUR * HOUR - 5 * HOUR
    soon, latest = near + 6 * HOUR - SOON, until // NEAR_STEP * NEAR_STEP
    return (
        Stretch(until - (CHART_STEPS - 1) * CHART_STEP, until, CHART_STEP, window, False),
        Stretch(near + NEAR_STEP, latest, NEAR_STEP, max(NEAR_STEP, window), True),
        Stretch(until - LONG_SPAN, until - HOUR, LONG_STEP, max(LONG_STEP, window), False),
        Stretch(soon + HOUR, near, HOUR, HOUR, True),
        Stretch(near + 7 * HOUR - LONGEST, soon, HOUR, HOUR, True),
    )


class History:
    """Asks for the past of services that were heard of.

    Args:
        ask: sends a request.
        prometheus: knows what there is to ask for.
        cluster: whose services are meant.
        clock: whose time the past is told in.
        pools_of: knows the workloads of a service, whose names those of its pods begin with.
        comes_first: whether the past of a service matters more than that of others.
        heard: services that were asked for before, which are not asked for again.
        sleep: waits; a test passes one that does not.

    Attributes:
        problem: why the past of some services is not known; empty if it is.
    """

    def __init__(
        self,
        ask: Ask,
        prometheus: Prometheus,
        *,
        cluster: str,
        clock: Clock,
        pools_of: PoolsOf = lambda _key: (),
        comes_first: Callable[[ServiceKey], bool] = lambda _key: False,
        heard: set[ServiceKey] | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._api = PrometheusApi(ask, at_once=_AT_ONCE)
        self._prometheus = prometheus
        self._cluster, self._clock, self._pools_of = cluster, clock, pools_of
        self._comes_first, self._sleep = comes_first, sleep
        self._pages = Pages()
        self._heard: set[ServiceKey] = set() if heard is None else heard
        self._wanted: dict[ServiceKey, float] = {}
        self._news = asyncio.Event()
        self.problem = ""

    def note(self, keys: Iterable[ServiceKey], at: float) -> None:
        """Learn that there are samples of services at a time; the first time counts."""
        for key in sorted(set(keys), key=lambda one: (not self._comes_first(one), one)):
            if key not in self._heard and len(self._heard) < MOST_SERVICES:
                self._heard.add(key)
                self._wanted[key] = at
                self._news.set()

    async def tell(self) -> AsyncGenerator[Sequence[Observation], None]:
        """The past of each service that is heard of, in parts; until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._wanted:
                until = next(iter(self._wanted.values()))
                keys = [key for key, at in self._wanted.items() if at == until][:TOGETHER]
                for key in keys:
                    del self._wanted[key]
                async for past in self._of(keys, until):
                    yield past

    async def _of(
        self, keys: list[ServiceKey], until: float
    ) -> AsyncGenerator[Sequence[Observation], None]:
        """The past of some services; what cannot be had after some tries is left out."""
        for stretch in stretches(until, self._prometheus.window):
            began = self._clock.now()
            found = await self._asked(keys, stretch)
            if found is None:
                return
            for past in found:
                for part in _parts(past):
                    yield [part]
            if not found and stretch.counts and stretch.end < until - HOUR:
                return  # nothing was kept of then, nor of before
            await self._sleep(self._clock.now() - began)

    async def _asked(self, keys: list[ServiceKey], stretch: Stretch) -> list[Past] | None:
        for one in range(TRIES):
            try:
                found = await self.past(keys, stretch)
            except FetchError as error:
                self.problem = error.sentence
                if one < TRIES - 1:
                    await self._sleep(AGAIN_AFTER)
            else:
                self.problem = ""
                return found
        return None

    async def past(self, keys: Iterable[ServiceKey], stretch: Stretch) -> list[Past]:
        """What services did in a stretch of time, as far as it was recorded.

        Raises:
            FetchError: the server does not answer, or not as Prometheus does.
        """
        keys = list(keys)
        whose, owners = self._whose(keys)
        asked = [
            one
            for one in self._prometheus.questions
            if not one.is_picker and (whose.workloads or not one.scheme.is_by_pod)
        ]
        ahead = await self._api.now() - self._clock.now()  # the server's clock may not be ours
        moments = Moments(stretch.start + ahead, stretch.end + ahead, stretch.step)
        answers = await asyncio.gather(
            *(self._api.over(one.promql_of(stretch.window, whose), moments) for one in asked)
        )
        told: dict[ServiceKey, dict[Role, dict[_Place, dict[float, float]]]]
        told = {key: defaultdict(dict) for key in keys}
        for question, found in zip(asked, answers, strict=True):
            for series in found:
                pool = _pool_of(question, series.metric, owners, self._cluster)
                if pool is not None and pool[0] in told:
                    key, role = pool
                    values = {at: number_of(text) for at, text in series.values}
                    told[key][role][question, question.kept(series.metric)] = values
            await asyncio.sleep(0)  # others have their turn
        pasts = [
            await self._past(key, pools, stretch, moments.start) for key, pools in told.items()
        ]
        return [one for one in pasts if one is not None]

    def _whose(
        self, keys: list[ServiceKey]
    ) -> tuple[Whose, Mapping[tuple[str, str], tuple[ServiceKey, Role]]]:
        """What services are known by, and whose a workload is."""
        owners = {
            (key.namespace, pool.workload): (key, pool.role)
            for key in keys
            for pool in self._pools_of(key)
            if pool.workload
        }
        whose = Whose(
            tuple(dict.fromkeys(key.namespace for key in keys)),
            tuple(dict.fromkeys(key.name for key in keys)),
            tuple(dict.fromkeys(name for _, name in owners)),
        )
        return whose, owners

    async def _past(
        self, key: ServiceKey, pools: Mapping[Role, _Told], stretch: Stretch, start: float
    ) -> Past | None:
        """All steps in one layout: that of all series that were there at any time.

        A label set that comes later has counted nothing before; where no counter is told at all,
        the step is left out, for then nobody looked. `start` is the stretch's by its clock.
        """
        places = sorted({place for told in pools.values() for place in told})
        if not places:
            return None
        try:
            page = self._pages.compiled([_sample(place) for place in places])
        except PageError:  # of no engine: nothing was recorded that says more
            return None
        steps: list[PastStep] = []
        for number, at in enumerate(_times(pools.values())):
            if number % _STEPS_AT_ONCE == 0:
                await asyncio.sleep(0)  # others have their turn
            added = _added(at, pools, places, page, stretch)
            if added is not None:
                ours = stretch.start + round((at - start) / stretch.step) * stretch.step
                steps.append(PastStep(at=ours, seconds=stretch.seconds, pools=added))
        if not steps:
            return None
        made = tuple(steps)
        return Past(
            at=self._clock.now(),
            service=key,
            layout=page.layout,
            moments=() if stretch.counts else made,
            hours=made if stretch.counts else (),
            simulated=False,
        )


def _added(
    at: float,
    pools: Mapping[Role, _Told],
    places: list[_Place],
    page: Compiled,
    stretch: Stretch,
) -> tuple[PoolStep, ...] | None:
    """What pools did up to a time of the server; None where that is no number."""
    # Windows may overlap: a step is taken at the pace of its window.
    share = stretch.seconds / stretch.window
    added = []
    for role, told in pools.items():
        try:
            reading = page.reading([_value(place, told, at) for place in places])
        except PageError:
            return None
        gauges = () if any(map(math.isnan, reading.gauges)) else reading.gauges
        counted = tuple(share * number for number in reading.cumulative)
        added.append(PoolStep(role=role, added=counted, gauges=gauges))
    return tuple(added)


def _value(place: _Place, told: _Told, at: float) -> float:
    """What was told of a place; else a counter has gained nothing, and a level is not known."""
    missing = 0.0 if place[0].how == "increase" else math.nan
    values = told.get(place)
    return missing if values is None else values.get(at, missing)


def _times(pools: Iterable[_Told]) -> list[float]:
    """When some counter was told; at other times nobody looked."""
    counters = (
        values
        for told in pools
        for (question, _), values in told.items()
        if question.how == "increase"
    )
    return sorted({at for values in counters for at in values})


def _pool_of(
    question: Question,
    metric: Labels,
    owners: Mapping[tuple[str, str], tuple[ServiceKey, Role]],
    cluster: str,
) -> tuple[ServiceKey, Role] | None:
    """The service and the pool that a result is of."""
    namespace, name, *_ = question.scheme.by
    if question.scheme.is_by_pod:
        return owners.get((metric.get(namespace, ""), metric.get(WORKLOAD, "")))
    key = ServiceKey(cluster, metric.get(namespace, ""), metric.get(name, ""))
    return key, ROLES.get(metric.get(ROLE, ""), "main")


def _sample(place: _Place) -> Sample:
    question, labels = place
    return Sample(question.name, labels, math.nan)


def _parts(past: Past) -> Iterator[Past]:
    """What takes a few milliseconds to apply."""
    for start in range(0, max(len(past.moments), len(past.hours)), _STEPS_TOLD):
        part = slice(start, start + _STEPS_TOLD)
        yield Past(
            at=past.at,
            service=past.service,
            layout=past.layout,
            moments=past.moments[part],
            hours=past.hours[part],
            simulated=past.simulated,
        )
