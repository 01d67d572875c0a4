"""One case: a fleet, a fault drawn from a seed, and what the diagnosis made of what was emitted."""

from __future__ import annotations

import asyncio
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench.diagnosis.fleets import CANARY, SERVICE, FleetKind, recipe_text
from mtop_tui.cli.story import BEGIN
from mtop_tui.clock import ManualClock
from mtop_tui.config.prices import price_book
from mtop_tui.config.promises import promises
from mtop_tui.config.settings import Settings
from mtop_tui.domain.diagnosis.findings import Finding
from mtop_tui.domain.diagnosis.ranking import diagnose
from mtop_tui.engine.faults.actions import Action
from mtop_tui.engine.faults.parameters import drawn_values
from mtop_tui.engine.randomness import stream
from mtop_tui.observations import Annotation, Observation, ServiceKey
from mtop_tui.providers.base import LogQuery, feed, feed_logs
from mtop_tui.providers.mock.provider import CLUSTER, MockProvider
from mtop_tui.providers.mock.recipes import read_recipe
from mtop_tui.providers.mock.story import Story, story_of
from mtop_tui.state.facts import service_facts
from mtop_tui.state.fleet import FleetStore

HEALTHY = 900.0
"""Seconds before the fault: what baselines need."""
ILL = 420.0
"""Seconds of the fault, after which a case ends."""
LONGER = {"nccl-hang": 780.0}
"""What takes longer to be felt: the watchdog of a collective waits ten minutes."""
LOOK = 5.0
TTFT_OBJECTIVE, ERRORS_ALLOWED = 1.0, 0.01


class Look(NamedTuple):
    """What was said of one service at one time, in seconds after the fault.

    `cause` is the first finding, states that are no fault among them; `blamed` whether it is one.
    """

    at: float
    service: str
    cause: str
    blamed: bool
    subjects: tuple[str, ...]
    violated: bool


class Case(NamedTuple):
    """A fault on a fleet, and all that was said from its beginning on."""

    fault: str
    fleet: str
    seed: int
    target: str
    looks: tuple[Look, ...]


def case_of(action: Action, fleet: FleetKind, seed: int) -> Case:
    """Run one case."""
    random = stream(seed, fleet.name, action.name)
    target = CANARY if action.name == "canary-regression" else SERVICE
    ill = LONGER.get(action.name, ILL)
    step = {
        "at": HEALTHY,
        "fault": action.name,
        "on": target,
        "with": drawn_values(action.parameters, random),
        "for": ill,
    }
    story = _story(fleet, HEALTHY + ill, [step])
    looks = asyncio.run(_watch(story, seed, HEALTHY, fleet.tpot))
    return Case(action.name, fleet.name, seed, target, tuple(looks))


def healthy_looks(fleet: FleetKind, seed: int, duration: float) -> list[Look]:
    """What is said of a fleet to which nothing happens, once its baselines stand."""
    story = _story(fleet, HEALTHY + duration, [])
    return asyncio.run(_watch(story, seed, HEALTHY, fleet.tpot))


def _story(fleet: FleetKind, duration: float, scenario: list[object]) -> Story:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{fleet.name}.yaml"
        path.write_text(recipe_text(fleet, duration))
        return story_of(read_recipe(path, settings=[("scenario", scenario)]), CLUSTER)


async def _watch(story: Story, seed: int, since: float, tpot: float) -> list[Look]:
    """Feed a store with all but the annotations, and ask every few seconds what is wrong."""
    clock = ManualClock(BEGIN)

    async def sleep(seconds: float) -> None:
        clock.advance(seconds)
        await asyncio.sleep(0)

    provider = MockProvider(story.manifests, seed=seed, clock=clock, sleep=sleep, story=story)
    settings = Settings()
    store = FleetStore(price_book(None), promises(settings, None))
    looks: list[Look] = []
    begin, done = BEGIN + since, asyncio.Event()
    upcoming = begin
    read_to: dict[ServiceKey, float] = {}

    def apply(batch: Sequence[Observation]) -> None:
        store.apply([one for one in batch if not isinstance(one, Annotation)])

    async def look() -> None:
        nonlocal upcoming
        while not done.is_set():
            await asyncio.sleep(0)
            now = store.latest or 0.0
            if now < upcoming:
                continue
            upcoming = now + LOOK
            for state in store.services():
                query = LogQuery(state.key, since=read_to.get(state.key, begin))
                async for lines in feed_logs(provider, query):
                    store.apply([lines])
                read_to[state.key] = now
                looks.append(_look(store, state.key, now, now - begin, tpot))
            if now >= BEGIN + story.duration:
                done.set()

    feeding = asyncio.create_task(feed(provider, apply))
    looking = asyncio.create_task(look())
    await asyncio.wait({feeding, looking}, return_when=asyncio.FIRST_COMPLETED)
    await provider.close()
    feeding.cancel()
    looking.cancel()
    results = await asyncio.gather(feeding, looking, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
    return looks


def _look(store: FleetStore, key: ServiceKey, now: float, at: float, tpot: float) -> Look:
    state = store.service(key)
    if state is None:
        return Look(at, _name(key), "", False, (), False)
    found: list[Finding] = [
        one for one in diagnose(service_facts(store, state, now)) if one.id != "no-traffic"
    ]
    cause, subjects = (found[0].id, found[0].subjects) if found else ("", ())
    blamed = bool(found) and found[0].severity != "info"
    metrics, summary = state.metrics(), store.summary(state)
    violated = (
        summary.ready_replicas < (summary.desired_replicas or 0)
        or _exceeds(metrics.ttft_p95, TTFT_OBJECTIVE)
        or _exceeds(metrics.tpot, tpot)
        or _exceeds(metrics.error_ratio, ERRORS_ALLOWED)
    )
    return Look(at, _name(key), cause, blamed, subjects, violated)


def _exceeds(value: float, limit: float) -> bool:
    return not math.isnan(value) and value > limit


def _name(key: ServiceKey) -> str:
    return f"{key.namespace}/{key.name}"
