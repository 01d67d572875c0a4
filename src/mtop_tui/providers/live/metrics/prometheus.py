"""What a Prometheus, or whatever speaks its HTTP API, knows of the engines of a cluster.

Of the whole fleet each metric is asked for once, grouped by service; history only of one service.
Where it is reached and who asks is not known here: `ask` carries a path with its parameters.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar
from urllib.parse import urlencode

import msgspec

from mtop_tui.clock import Clock
from mtop_tui.domain.exposition import Sample
from mtop_tui.observations import (
    MetricSample,
    ObjectRef,
    Past,
    PastStep,
    PoolStep,
    Role,
    SampleLayout,
    ServiceKey,
)
from mtop_tui.providers.live.metrics.promql import (
    ROLE,
    SCHEMES,
    Question,
    Scheme,
    names_selector,
    questions,
    scrape_interval,
)
from mtop_tui.providers.scraping.fetching import FetchError
from mtop_tui.providers.scraping.reading import PageError, Pages, Reading

Ask = Callable[[str], Awaitable[bytes]]
"""Sends a GET for a path with its parameters; raises `FetchError`."""

Owner = Callable[[str, str], "tuple[ObjectRef, ServiceKey] | None"]
"""The replica and the service of a pod, by its namespace and name, where they are known."""

WINDOW: Final = 60.0
"""Seconds over which increases are taken, if Prometheus scrapes every 15 s or faster."""

LONGEST_WINDOW: Final = 300.0
SCRAPES_IN_WINDOW: Final = 4
NAMES_FOR: Final = 600.0
"""Seconds after which it is looked again which metrics there are."""

_AT_ONCE = 4
_MOMENTS_AT_ONCE = 10
_LOOK_BACK = 300.0
_ROLES: Mapping[str, Role] = {"prefill": "prefill", "decode": "decode"}

Labels = Mapping[str, str]
_Place = tuple[Question, tuple[tuple[str, str], ...]]
"""Where a value belongs among those of a service."""
_Told = dict[_Place, dict[float, float]]
"""The values of a pool, by place and time."""
_Kind = TypeVar("_Kind")


class _Series(msgspec.Struct, frozen=True):
    metric: dict[str, str]
    value: tuple[float, str] | None = None
    values: tuple[tuple[float, str], ...] = ()


class _Data(msgspec.Struct, frozen=True):
    result: tuple[_Series, ...] = ()


class _Answer(msgspec.Struct, frozen=True):
    status: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    error: str = ""


class Subject(NamedTuple):
    """Whose numbers they are: of a service's pool, or of one pod."""

    ref: ObjectRef
    service: ServiceKey
    role: Role | None


class Prometheus:
    """Samples of a fleet, and the history of one service.

    Args:
        ask: sends a request.
        cluster: whose services are meant.
        clock: dates samples: the clock of the server may go wrong.
        owner: knows pods, for series that name no service.
    """

    def __init__(
        self, ask: Ask, *, cluster: str, clock: Clock, owner: Owner = lambda _ns, _pod: None
    ) -> None:
        self._ask = ask
        self._cluster = cluster
        self._clock = clock
        self._owner = owner
        self._pages = Pages()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._questions: Sequence[Question] = ()
        self._known_at = -math.inf
        self.window = WINDOW

    async def samples(self, time: float | None = None) -> list[MetricSample]:
        """The increases of the last window and the levels, of each service.

        `time` is that of the server at which all is asked for, Unix seconds; its now, if None.

        Raises:
            FetchError: it does not answer, or not as Prometheus does.
        """
        at = self._clock.now()
        if at - self._known_at >= NAMES_FOR or not self._questions:
            await self._learn()
            self._known_at = at
        # All at one moment: the buckets of a histogram, and its sum, belong together.
        # The server's clock may not be ours.
        moment = f"{await self._ask_for_number('vector(time())') if time is None else time:.3f}"
        answers = await self._all(
            [
                (one, "query", {"query": one.promql(self.window), "time": moment})
                for one in self._questions
            ]
        )
        grouped: dict[Subject, list[Sample]] = defaultdict(list)
        for question, found in answers:
            for series in found:
                subject = self._subject(question.scheme, series.metric)
                value = math.nan if series.value is None else _number(series.value[1])
                if subject is not None and not math.isnan(value):
                    place = question, _kept(question, series.metric)
                    grouped[subject].append(_sample(place, value))
        return [
            MetricSample(
                at=at,
                ref=subject.ref,
                service=subject.service,
                role=subject.role,
                layout=reading.layout,
                cumulative=reading.cumulative,
                gauges=reading.gauges,
                form="windowed",
                window=self.window,
            )
            for subject, samples in grouped.items()
            if (reading := self._read(samples)) is not None
        ]

    async def past(
        self,
        key: ServiceKey,
        *,
        step: float,
        steps: int,
        end: float | None = None,
        window: float | None = None,
    ) -> Past | None:
        """What a service did before, as far as it was recorded; None where its series name pods.

        Args:
            key: the service.
            step: seconds between two moments.
            steps: how many moments.
            end: the last moment by the server's clock, Unix seconds; its now, if None.
            window: seconds over which increases are taken; as for samples, if None.

        Raises:
            FetchError: it does not answer, or not as Prometheus does.
        """
        window = window or self.window
        if not self._questions:
            await self._learn()
        if end is None:
            end = await self._ask_for_number("vector(time())")
            ahead = end - self._clock.now()  # moments are told by our clock
        else:
            ahead = 0.0
        named = [one for one in self._questions if not one.scheme.is_by_pod]
        only = {"namespace": key.namespace, "llm_isvc_name": key.name}
        span = {"start": f"{end - step * (steps - 1):.3f}", "end": f"{end:.3f}", "step": f"{step}"}
        answers = await self._all(
            [(q, "query_range", {"query": q.promql(window, only), **span}) for q in named]
        )
        return await self._past(key, answers, window, ahead)

    # Inside

    async def _past(
        self,
        key: ServiceKey,
        answers: Sequence[tuple[Question, Sequence[_Series]]],
        window: float,
        ahead: float,
    ) -> Past | None:
        """All steps in one layout: that of all series that were there at any time.

        A label set that comes later counted nothing before; where no counter is told at all, the
        step is left out, for then nobody looked.
        """
        counted: dict[str, _Told] = defaultdict(dict)
        for question, found in answers:
            for one in found:
                told = {at: _number(text) for at, text in one.values}
                counted[one.metric.get(ROLE, "")][question, _kept(question, one.metric)] = told
        moments: list[PastStep] = []
        layout: SampleLayout | None = None
        for number, at in enumerate(_times(counted.values())):
            if number % _MOMENTS_AT_ONCE == 0:
                await asyncio.sleep(0)  # others have their turn
            pools = []
            for role, values in counted.items():
                reading = self._read(_at_moment(at, values, counted.values()))
                if reading is not None:
                    layout = reading.layout
                    pools.append(_pool_step(_ROLES.get(role, "main"), reading))
            if pools:
                moments.append(PastStep(at=at - ahead, seconds=window, pools=tuple(pools)))
        if layout is None:
            return None
        now = self._clock.now()
        return Past(at=now, service=key, layout=layout, moments=tuple(moments), simulated=False)

    async def _learn(self) -> None:
        """Which of the metrics that rows need there are, and how often they are scraped."""
        found: list[Question] = []
        for scheme in SCHEMES:
            parameters = {"match[]": names_selector(scheme)}
            data = await self._get("label/__name__/values", parameters)
            names = _decoded(data, list[str])
            found += questions(scheme, names)
        self._questions = tuple(found)
        gauge = next((one for one in found if one.how != "increase"), None)
        if gauge is not None:
            interval = await self._ask_for_number(scrape_interval(gauge, _LOOK_BACK))
            if interval > 0:  # else it is too young to tell
                self.window = min(max(WINDOW, SCRAPES_IN_WINDOW * interval), LONGEST_WINDOW)

    async def _ask_for_number(self, query: str) -> float:
        """What a query of one result comes to; NaN if there is none."""
        told = _decoded(await self._get("query", {"query": query}), _Data).result
        return _number(told[0].value[1]) if told and told[0].value else math.nan

    async def _all(
        self, asked: Sequence[tuple[Question, str, Labels]]
    ) -> list[tuple[Question, Sequence[_Series]]]:
        async def one(path: str, parameters: Labels) -> Sequence[_Series]:
            async with self._slots:
                return _decoded(await self._get(path, parameters), _Data).result

        answers = await asyncio.gather(*(one(path, more) for _, path, more in asked))
        return [(question, found) for (question, *_), found in zip(asked, answers, strict=True)]

    async def _get(self, path: str, parameters: Labels) -> msgspec.Raw:
        body = await self._ask(f"/api/v1/{path}?{urlencode(parameters)}")
        answer = _decoded(body, _Answer)
        if answer.status != "success":
            raise FetchError(
                "error", "query refused", f"does not take the query: {answer.error[:200]}"
            )
        return answer.data

    def _subject(self, scheme: Scheme, metric: Labels) -> Subject | None:
        namespace, name, *role = (metric.get(label, "") for label in scheme.by)
        if not namespace or not name:
            return None
        if scheme.is_by_pod:
            owned = self._owner(namespace, name)
            return None if owned is None else Subject(*owned, None)
        pool = _ROLES.get(role[0])
        whole = name if pool is None else f"{name}-{pool}"
        ref = ObjectRef(self._cluster, namespace, "Pool", whole)
        return Subject(ref, ServiceKey(self._cluster, namespace, name), pool)

    def _read(self, samples: Sequence[Sample]) -> Reading | None:
        try:
            return self._pages.translate(samples)
        except PageError:  # of an engine whose telling series are not there yet
            return None


def _kept(question: Question, metric: Labels) -> tuple[tuple[str, str], ...]:
    return tuple((label, metric[label]) for label in question.labels if label in metric)


def _sample(place: _Place, value: float) -> Sample:
    question, labels = place
    return Sample(question.name, labels, value)


def _times(told: Iterable[_Told]) -> list[float]:
    """When some counter was told; at other times nobody looked."""
    counters = (
        values
        for one in told
        for (question, _), values in one.items()
        if question.how == "increase"
    )
    return sorted({at for values in counters for at in values})


def _at_moment(at: float, told: _Told, all_told: Iterable[_Told]) -> list[Sample]:
    """What a pool's page would say at a time: the same series at each, for all pools.

    A label set that comes later has counted nothing before; a level that is not told is not known.
    """
    places = sorted({place for one in all_told for place in one})
    return [
        _sample(
            place,
            told.get(place, {}).get(at, 0.0 if place[0].how == "increase" else math.nan),
        )
        for place in places
    ]


def _pool_step(role: Role, reading: Reading) -> PoolStep:
    known = not any(map(math.isnan, reading.gauges))
    return PoolStep(role=role, added=reading.cumulative, gauges=reading.gauges if known else ())


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _decoded(body: bytes | msgspec.Raw, kind: type[_Kind]) -> _Kind:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise FetchError(
            "error",
            "no Prometheus",
            "does not answer as Prometheus does; check the address, without /api/v1",
        ) from error
