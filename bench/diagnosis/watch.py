"""A fleet that is watched: what the diagnosis says of what was emitted, look by look."""

from __future__ import annotations

import asyncio
import math
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from bench.diagnosis.fleets import BYSTANDER, FleetKind, recipe_text
from mtop_tui.cli.story import BEGIN
from mtop_tui.clock import ManualClock
from mtop_tui.config.prices import price_book
from mtop_tui.config.promises import promises
from mtop_tui.config.settings import Settings
from mtop_tui.domain.diagnosis.ranking import diagnose
from mtop_tui.observations import Annotation, Observation, ServiceKey
from mtop_tui.providers.base import LogQuery, feed, feed_logs
from mtop_tui.providers.mock.provider import CLUSTER, MockProvider
from mtop_tui.providers.mock.recipes import read_recipe
from mtop_tui.providers.mock.story import Story, story_of
from mtop_tui.state.facts import service_facts
from mtop_tui.state.fleet import FleetStore

HEALTHY = 900.0
"""Seconds before anybody looks: what baselines need."""
LOOK = 5.0
ERRORS_ALLOWED = 0.01


class Look(NamedTuple):
    """What was said of one service at one time, in seconds after `HEALTHY`.

    `cause` is the first finding, states that are no fault among them; `blamed` whether it is one.
    `failed` tells that a container has ended or an image cannot be pulled.
    `ttft` is the p95 and `tpot` the mean of the last minute, in seconds.
    """

    at: float
    service: str
    cause: str
    blamed: bool
    subjects: tuple[str, ...]
    violated: bool
    failed: bool
    ttft: float
    tpot: float


class Watch:
    """A fleet to which nothing happens so far, and a store that it feeds.

    The store gets all but the annotations. Time moves only in `advance`, so a process can be forked
    between two calls, and what happens next differs from there on.
    """

    def __init__(self, fleet: FleetKind, seed: int) -> None:
        self._fleet = fleet
        self._clock = ManualClock(BEGIN)
        story = _story(fleet, [])
        self._provider = MockProvider(
            story.manifests, seed=seed, clock=self._clock, sleep=self._sleep, story=story
        )
        self._store = FleetStore(price_book(None), promises(Settings(), None))
        self._looks: list[Look] = []
        self._upcoming = BEGIN + HEALTHY
        self._read_to: dict[ServiceKey, float] = {}
        self._feeding = feed(self._provider, self._apply, self._look)

    def begin(self, step: dict[str, object]) -> None:
        """Let a step of a story happen, as a recipe would state it."""
        self._provider.add(_story(self._fleet, [step]).planned)

    def advance(self, seconds: float) -> list[Look]:
        """Let it run up to so long after `HEALTHY`, and tell what was said meanwhile."""
        self._looks = []
        while (self._store.latest or 0.0) < BEGIN + HEALTHY + seconds:
            self._feeding.send(None)
        return self._looks

    def close(self) -> None:
        """Let the source end, so that nothing is left half done."""
        for waiting in (self._provider.close(), self._feeding):
            with suppress(StopIteration):
                while True:
                    waiting.send(None)

    async def _sleep(self, seconds: float) -> None:
        self._clock.advance(seconds)
        await asyncio.sleep(0)

    def _apply(self, batch: Sequence[Observation]) -> None:
        self._store.apply([one for one in batch if not isinstance(one, Annotation)])

    async def _look(self) -> None:
        now = self._store.latest or 0.0
        if now < self._upcoming:
            return
        self._upcoming = now + LOOK
        for state in self._store.services():
            query = LogQuery(state.key, since=self._read_to.get(state.key, BEGIN + HEALTHY))
            async for lines in feed_logs(self._provider, query):
                self._store.apply([lines])
            self._read_to[state.key] = now
            self._looks.append(self._seen(state.key, now))

    def _seen(self, key: ServiceKey, now: float) -> Look:
        at, name = now - BEGIN - HEALTHY, f"{key.namespace}/{key.name}"
        state = self._store.service(key)
        if state is None:
            return Look(at, name, "", False, (), False, False, math.nan, math.nan)
        found = [
            one
            for one in diagnose(service_facts(self._store, state, now))
            if one.id != "no-traffic"
        ]
        cause, subjects = (found[0].id, found[0].subjects) if found else ("", ())
        blamed = bool(found) and found[0].severity != "info"
        metrics, summary = state.metrics(), self._store.summary(state)
        violated = summary.ready_replicas < (summary.desired_replicas or 0) or (
            name != BYSTANDER  # which promises nothing
            and (
                _exceeds(metrics.ttft_p95, self._fleet.ttft)
                or _exceeds(metrics.tpot, self._fleet.tpot)
                or _exceeds(metrics.error_ratio, ERRORS_ALLOWED)
            )
        )
        failed = any(one.phase == "failed" or one.restarts for one in state.replicas.values())
        return Look(
            at, name, cause, blamed, subjects, violated, failed, metrics.ttft_p95, metrics.tpot
        )


def _story(fleet: FleetKind, scenario: list[object]) -> Story:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{fleet.name}.yaml"
        path.write_text(recipe_text(fleet))
        return story_of(read_recipe(path, settings=[("scenario", scenario)]), CLUSTER)


def _exceeds(value: float, limit: float) -> bool:
    return not math.isnan(value) and value > limit
