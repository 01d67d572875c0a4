"""From settings to a fleet that can be observed, and one look at it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from mtop_tui.cli.errors import Exit, Failure, complain
from mtop_tui.config.settings import Loaded

if TYPE_CHECKING:
    from pathlib import Path

    from mtop_tui.actions.contract import Actions
    from mtop_tui.clock import Clock
    from mtop_tui.config.settings import Settings
    from mtop_tui.config.slo_file import SloFile
    from mtop_tui.domain.cost.prices import PriceBook
    from mtop_tui.observations import Observation
    from mtop_tui.providers.base import FleetProvider
    from mtop_tui.providers.live.metrics.cluster import MetricsChoice
    from mtop_tui.providers.mock.manifests import Manifests
    from mtop_tui.state.fleet import FleetStore

LONGEST_LOOK = 10.0
"""Seconds of wall time after which a command prints what it has seen so far."""

PROBLEMS_SHOWN = 50

Say = Callable[[str], None]
"""Is told one line of what could not be used; it goes on without that."""


class Fleet(NamedTuple):
    """A source, the store that takes what it emits, and the clock both go by."""

    provider: FleetProvider
    store: FleetStore
    clock: Clock


def open_source(loaded: Loaded, *, hurry: bool = False) -> Fleet:
    """What the settings ask for: the simulated cluster, Kubernetes, or model servers.

    Raises:
        Failure: nothing could be loaded.
    """
    from mtop_tui.cli.endpoints import asks_for_endpoints, open_endpoints

    if asks_for_endpoints(loaded):
        return open_endpoints(loaded, hurry=hurry)
    if loaded.settings.mode != "live":
        return open_fleet(loaded, hurry=hurry)
    from mtop_tui.clock import WallClock
    from mtop_tui.providers.live.provider import LiveProvider

    settings, clock = loaded.settings, WallClock()
    provider = LiveProvider(
        settings.contexts,
        clock=clock,
        kubeconfig=settings.kubeconfig,
        namespaces=settings.namespaces,
        seed=settings.seed,
        metrics=metrics_choice(settings, hurry=hurry),
    )
    return Fleet(provider, store_for(settings), clock)


def actions_of(loaded: Loaded) -> Callable[[], Actions] | None:
    """Makes what changes something at the source; None where the settings ask for one that cannot.

    What it takes to connect is imported when it is made.
    """
    from mtop_tui.cli.endpoints import asks_for_endpoints

    if loaded.settings.mode != "live" or asks_for_endpoints(loaded):
        return None

    def make() -> Actions:
        from mtop_tui.clock import WallClock
        from mtop_tui.providers.live.acting.actions import LiveActions

        return LiveActions(WallClock(), kubeconfig=loaded.settings.kubeconfig)

    return make


def metrics_choice(
    settings: Settings, *, hurry: bool = False
) -> Callable[[str], MetricsChoice | None]:
    """Where the metrics of a cluster come from, by its context; asked for when it is read."""

    def choose(context: str) -> MetricsChoice | None:
        from mtop_tui.config.addresses import (
            ServicePlace,
            opencost_place,
            prometheus_place,
            prometheus_places,
        )
        from mtop_tui.providers.live.metrics.cluster import MetricsChoice
        from mtop_tui.providers.live.metrics.prometheus_client import Access
        from mtop_tui.providers.scraping.pace import HURRIED, PROXIED

        if settings.metrics == "none":
            return None
        pace = HURRIED if hurry else PROXIED
        places = prometheus_places(settings.prometheus) if settings.prometheus else {}
        stated = places.get(context, places.get(""))
        opencost = opencost_place(settings.opencost) if settings.opencost else None
        if stated is None:
            return MetricsChoice(pace=pace, opencost=opencost)
        place = prometheus_place(stated)
        if isinstance(place, ServicePlace):
            return MetricsChoice(service=place, opencost=opencost)
        access = Access(
            url=stated,
            token_file=settings.prometheus_token,
            ca_file=settings.prometheus_ca,
            certificate_file=settings.prometheus_cert,
            key_file=settings.prometheus_key,
            tenant=settings.prometheus_tenant,
        )
        return MetricsChoice(prometheus=access, opencost=opencost)

    return choose


def open_fleet(
    loaded: Loaded, *, hurry: bool = False, seed: int | None = None, say: Say = complain
) -> Fleet:
    """The simulated cluster that the settings ask for.

    With `hurry`, simulated time does not wait for the wall clock: a command that prints once need
    not sit through the scrapes it takes to know a rate.

    Args:
        loaded: the settings.
        hurry: see above.
        seed: in place of the one that is set.
        say: is told what could not be read, line by line.

    Raises:
        Failure: nothing could be loaded.
    """
    from mtop_tui.clock import ManualClock, WallClock
    from mtop_tui.kserve.schema import DEFAULT_NAMESPACE
    from mtop_tui.providers.mock.provider import MockProvider

    settings = loaded.settings
    manifests = load_manifests(settings.mocks, say)
    wall = WallClock()
    hurried = ManualClock(wall.now())

    async def pass_time(seconds: float) -> None:
        hurried.advance(seconds)
        await asyncio.sleep(0)

    clock: Clock = hurried if hurry else wall
    provider = MockProvider(
        manifests,
        seed=settings.seed if seed is None else seed,
        clock=clock,
        clones=settings.services,
        sleep=pass_time if hurry else asyncio.sleep,
    )
    there = [
        (metadata.namespace or DEFAULT_NAMESPACE, metadata.name)
        for metadata in (service.parsed.metadata for service in manifests.services)
    ]
    return Fleet(provider, store_for(settings, there, say, manifests), clock)


def load_manifests(stated: Path | None, say: Say = complain) -> Manifests:
    """The manifests in a folder, the shipped ones if none is stated; `say` is told of problems.

    Raises:
        Failure: no service is in it.
    """
    from mtop_tui import resources
    from mtop_tui.providers.mock.manifests import load

    shipped = resources.path("mocks")
    folder = stated or shipped
    manifests = load(folder, shipped)
    for problem in manifests.problems[:PROBLEMS_SHOWN]:
        say(str(problem))
    if (more := len(manifests.problems) - PROBLEMS_SHOWN) > 0:
        say(f"and {more} more problems in {folder}")
    if not manifests.services:
        raise Failure(
            f"{folder}: no LLMInferenceService could be loaded; --mocks wants a folder with "
            "manifests of kind LLMInferenceService (serving.kserve.io)",
            Exit.FAILED,
        )
    return manifests


def store_for(
    settings: Settings,
    there: Sequence[tuple[str, str]] = (),
    say: Say = complain,
    manifests: Manifests | None = None,
) -> FleetStore:
    """An empty store with the prices and objectives of the settings.

    Objectives for a service that is not among those there (namespace and name; none: not known) are
    complained about, for that is likely a slip of the pen; so are prices for none of the nodes in
    the manifests.

    Raises:
        Failure: a file of theirs cannot be used.
    """
    from mtop_tui.config.promises import promises
    from mtop_tui.state.fleet import FleetStore

    file = _objectives(settings, say)
    for one in () if file is None else file.objectives:
        if there and not any(one.is_for(namespace, name) for namespace, name in there):
            say(f"{one.origin.text}: no service {one.service} is there for {one.name}")
    return FleetStore(_prices(settings, manifests, say), promises(settings, file))


def _prices(settings: Settings, manifests: Manifests | None, say: Say) -> PriceBook:
    from mtop_tui.config.prices import bundled_prices, with_file

    if settings.prices is None:
        return bundled_prices()
    from mtop_tui.config.price_file import PriceFileError, read

    try:
        file = read(settings.prices)
    except PriceFileError as error:
        raise Failure(error.problems, Exit.USAGE) from error
    book = with_file(file)
    if manifests is not None:
        from mtop_tui.kserve.records import node_record
        from mtop_tui.providers.mock.provider import CLUSTER

        nodes = [node_record(one.parsed, cluster=CLUSTER, at=0.0) for one in manifests.nodes]
        for index in book.unused(nodes):
            say(f"{file.places[index]}: prices[{index + 1}]: is for none of the nodes")
    return book


def _objectives(settings: Settings, say: Say) -> SloFile | None:
    if settings.slo is None:
        return None
    from mtop_tui.config.slo_file import SloFileError, read_slo_file

    try:
        file = read_slo_file(settings.slo)
    except SloFileError as error:
        raise Failure(error.problems, Exit.USAGE) from error
    for warning in file.warnings:
        say(warning)
    return file


async def look(fleet: Fleet, is_enough: Callable[[], bool]) -> None:
    """Apply what the source emits until it is enough, the source ends, or time is up.

    `is_enough` is asked after each batch has been applied.
    """
    async with observed(fleet, is_enough):
        pass


@asynccontextmanager
async def observed(fleet: Fleet, is_enough: Callable[[], bool]) -> AsyncIterator[None]:
    """As `look`, and go on applying what it emits for as long as the block lasts."""
    from mtop_tui.providers.base import feed

    enough = asyncio.Event()

    def apply(batch: Sequence[Observation]) -> None:
        fleet.store.apply(batch)
        if is_enough():
            enough.set()

    feeding = asyncio.create_task(feed(fleet.provider, apply))
    waiting = asyncio.create_task(enough.wait())
    try:
        await asyncio.wait(
            {feeding, waiting}, timeout=LONGEST_LOOK, return_when=asyncio.FIRST_COMPLETED
        )
        if feeding.done():
            feeding.result()
        yield
    finally:
        feeding.cancel()
        waiting.cancel()
        await asyncio.gather(feeding, waiting, return_exceptions=True)
