"""What a Prometheus, or whatever speaks its HTTP API, knows of the engines of a cluster now.

Of the whole fleet each metric is asked for once: grouped by pod while these are few, else by
service, and then single replicas have no figures.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from mtop_tui.clock import Clock
from mtop_tui.domain.exposition import Sample
from mtop_tui.observations import MetricSample, ObjectRef, Role, ServiceKey
from mtop_tui.providers.live.metrics.pods import KnownPods
from mtop_tui.providers.live.metrics.prometheus_api import Ask, Labels, PrometheusApi, Series
from mtop_tui.providers.live.metrics.promql import (
    POD,
    SCHEMES,
    Question,
    names_selector,
    questions,
    scrape_interval,
)
from mtop_tui.providers.scraping.reading import PageError, Pages, Reading

WINDOW: Final = 60.0
"""Seconds over which increases are taken, if Prometheus scrapes every 15 s or faster."""

MOST_PODS: Final = 100
"""Pods up to which each has figures of its own."""

LONGEST_WINDOW: Final = 300.0
SCRAPES_IN_WINDOW: Final = 4
NAMES_FOR: Final = 600.0
"""Seconds after which it is looked again which metrics there are."""

ROLES: Final[Mapping[str, Role]] = {"prefill": "prefill", "decode": "decode"}
"""Of what a label says; any other is the only pool of its service."""

_LOOK_BACK = 300.0
_SERIES_AT_ONCE, _SUBJECTS_AT_ONCE = 500, 10


class Subject(NamedTuple):
    """Whose numbers they are: of a service's pool, or of one pod."""

    ref: ObjectRef
    service: ServiceKey
    role: Role | None


class Prometheus:
    """Samples of a fleet.

    Args:
        ask: sends a request.
        cluster: whose services are meant.
        clock: dates samples: the clock of the server may go wrong.
        pods: knows whose they are, for series that name no service, and where there are so few
            that each has figures of its own.

    Attributes:
        questions: one for each metric that there is and that rows need, once they were looked for.
        window: seconds over which increases are taken.
    """

    def __init__(
        self, ask: Ask, *, cluster: str, clock: Clock, pods: KnownPods | None = None
    ) -> None:
        self._api = PrometheusApi(ask)
        self._cluster = cluster
        self._clock = clock
        self._pods = KnownPods() if pods is None else pods
        self._each_pod: bool | None = None
        self._pages = Pages()
        self._known_at = -math.inf
        self.questions: Sequence[Question] = ()
        self.window = WINDOW

    async def samples(self, time: float | None = None) -> list[MetricSample]:
        """The increases of the last window and the levels, of each service or of each of its pods.

        `time` is that of the server at which all is asked for, Unix seconds; its now, if None.

        Raises:
            FetchError: it does not answer, or not as Prometheus does.
        """
        at = self._clock.now()
        if at - self._known_at >= NAMES_FOR or not self.questions:
            await self._learn()
            self._known_at = at
        # All at one moment: the buckets of a histogram, and its sum, belong together.
        moment = await self._api.now() if time is None else time
        if self._each_pod is None:  # from then on, for else a pod would count twice
            self._each_pod = 0 < len(self._pods) <= MOST_PODS
        each_pod, window = self._each_pod, self.window
        grouped: dict[Subject, list[Sample]] = defaultdict(list)

        async def ask(question: Question) -> None:
            found = await self._api.at(question.promql(window, each_pod=each_pod), moment)
            await self._group(question, found, grouped)

        await asyncio.gather(*map(ask, self.questions))
        samples = []
        for number, subject in enumerate(sorted(grouped, key=_ref), 1):
            if number % _SUBJECTS_AT_ONCE == 0:
                await asyncio.sleep(0)  # others have their turn
            sample = self._sample(subject, grouped[subject], at, window)
            if sample is not None:
                samples.append(sample)
        return samples

    async def _group(
        self, question: Question, found: Sequence[Series], grouped: dict[Subject, list[Sample]]
    ) -> None:
        """Put what a question found to those whose it is."""
        whose: dict[tuple[str, ...], Subject | None] = {}
        labels = (*question.scheme.by, POD)
        for number, series in enumerate(found, 1):
            if number % _SERIES_AT_ONCE == 0:
                await asyncio.sleep(0)  # others have their turn
            metric, value = series.metric, series.number
            named = tuple([metric.get(label, "") for label in labels])
            if named in whose:
                subject = whose[named]
            else:
                subject = whose[named] = self._subject(question, metric)
            if subject is not None and not math.isnan(value):
                grouped[subject].append(Sample(question.name, question.kept(metric), value))

    def _sample(
        self, subject: Subject, values: Sequence[Sample], at: float, window: float
    ) -> MetricSample | None:
        reading = self._read(values)
        if reading is None:
            return None
        return MetricSample(
            at=at,
            ref=subject.ref,
            service=subject.service,
            role=subject.role,
            layout=reading.layout,
            cumulative=reading.cumulative,
            gauges=reading.gauges,
            form="windowed",
            window=window,
            subject="picker" if reading.is_picker else "replica",
        )

    async def _learn(self) -> None:
        """Which of the metrics that rows need there are, and how often they are scraped."""
        found: list[Question] = []
        for scheme in SCHEMES:
            found += questions(scheme, await self._api.names(names_selector(scheme)))
        self.questions = tuple(found)
        gauge = next((one for one in found if one.how != "increase" and not one.is_picker), None)
        if gauge is not None:
            interval = await self._api.number(scrape_interval(gauge, _LOOK_BACK))
            if interval > 0:  # else it is too young to tell
                self.window = min(max(WINDOW, SCRAPES_IN_WINDOW * interval), LONGEST_WINDOW)

    def _subject(self, question: Question, metric: Labels) -> Subject | None:
        scheme = question.scheme
        namespace, name, *role = (metric.get(label, "") for label in scheme.by)
        if not namespace or not name:
            return None
        if scheme.is_by_pod:
            owned = self._pods.owner(namespace, name)
            return None if owned is None else Subject(*owned, None)
        service = ServiceKey(self._cluster, namespace, name)
        if question.is_picker:
            return Subject(ObjectRef(*service[:2], "EndpointPicker", name), service, None)
        if self._each_pod and self._pods.are_known(service):
            owned = self._pods.owner(namespace, metric.get(POD, ""))
            return None if owned is None else Subject(*owned, None)
        pool = ROLES.get(role[0])
        whole = name if pool is None else f"{name}-{pool}"
        return Subject(ObjectRef(*service[:2], "Pool", whole), service, pool)

    def _read(self, samples: Sequence[Sample]) -> Reading | None:
        try:
            # In one order for all, so that what is worked out for one service serves the others.
            return self._pages.translate(sorted(samples))
        except PageError:  # of an engine whose telling series are not there yet
            return None


def _ref(subject: Subject) -> ObjectRef:
    return subject.ref
