"""`mtop list` and `mtop get`: the fleet without a screen."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from mtop_tui.cli.errors import Exit, Failure, complain, emit
from mtop_tui.cli.options import settings_of, source_options, table_options
from mtop_tui.config.settings import Loaded, Settings

if TYPE_CHECKING:
    from mtop_tui.cli.source import Fleet
    from mtop_tui.observations import RawObject, SourceHealth
    from mtop_tui.state.fleet import FleetStore
    from mtop_tui.state.service import ServiceState
    from mtop_tui.views.fleet import FleetQuery

_HOPELESS = frozenset({"error", "forbidden"})
_BROKEN = _HOPELESS | {"disconnected"}
_WHOLE = frozenset({"live", "ended"})
_NAMED = 3
_PATIENCE = 4.0
"""Seconds for which one waits for a cluster that cannot be reached: it may come back."""

_TWO_SCRAPES = 35.0
"""Seconds, by the fleet's clock, within which every replica has been scraped twice."""


@click.command("list")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "name"]),
    default="table",
    show_default=True,
    help="How to print.",
)
@source_options
@table_options
@click.pass_context
def list_(ctx: click.Context, /, output: str, **_: object) -> None:
    """List the services and how they fare.

    In JSON, numbers are raw, the unit is part of the key, and null is "not known".
    """
    from mtop_tui.views.asked_columns import KNOWN_IDS

    loaded = settings_of(ctx, lambda: KNOWN_IDS)
    settings = loaded.settings
    fleet = _observed(loaded, with_samples=output != "name")
    store, now = fleet.store, fleet.clock.now()
    from mtop_tui.config.first_query import first_query
    from mtop_tui.views.fleet import facts_of

    query = first_query(settings)
    states = _wanted(store, query, now)
    if not states:
        _explain_empty(store, settings)
    for state in states:
        if state.slo_problem:
            complain(f"{state.key.namespace}/{state.key.name}: {state.slo_problem}")
    if output == "name":
        emit("".join(f"{state.key.namespace}/{state.key.name}\n" for state in states))
        return
    if _asks_for_samples(loaded):
        _tell_unmeasured(states)
    facts = [facts_of(store, state, now, ascii_only=settings.ascii) for state in states]
    from mtop_tui.cli.fleet_output import as_table
    from mtop_tui.views.document import fleet_document

    if output == "json":
        from mtop_tui.config.emit import as_json

        emit(as_json(fleet_document(fleet.provider.name, now, facts)))
    else:
        emit(as_table(facts, query.columns, _terminal_width()))


@click.command("get")
@click.argument("name", metavar="[NAMESPACE/]NAME")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    show_default=True,
    help="How to print.",
)
@source_options
@click.pass_context
def get(ctx: click.Context, /, name: str, output: str, **_: object) -> None:
    """Print one service's LLMInferenceService as its source has it."""
    import asyncio

    from mtop_tui.cli.source import open_source
    from mtop_tui.config.emit import EmitError, as_json, as_yaml

    loaded = settings_of(ctx)
    raw = asyncio.run(_read(open_source(loaded, hurry=True), name, loaded.settings))
    try:
        text = as_json(raw.body) if output == "json" else as_yaml(raw.body)
    except EmitError as error:
        raise Failure(f"{name}: cannot be printed as {output}: {error}") from error
    emit(text)


def _observed(loaded: Loaded, *, with_samples: bool) -> Fleet:
    """The fleet after one look."""
    import asyncio

    from mtop_tui.cli.source import look, open_source

    fleet = open_source(loaded, hurry=True)
    with_samples = with_samples and _asks_for_samples(loaded)

    async def once() -> None:
        try:
            await look(fleet, seen(fleet.store, with_samples=with_samples))
        finally:
            await fleet.provider.close()

    asyncio.run(once())
    require_source(fleet)
    return fleet


def _asks_for_samples(loaded: Loaded) -> bool:
    from mtop_tui.cli.endpoints import asks_for_endpoints

    # Kubernetes says nothing of rates itself.
    kubernetes = loaded.settings.mode == "live" and not asks_for_endpoints(loaded)
    return not (kubernetes and loaded.settings.metrics == "none")


def _tell_unmeasured(states: list[ServiceState]) -> None:
    """Say which services serve and have no figures: their cells are empty for that reason."""
    named = [
        f"{state.key.namespace}/{state.key.name}"
        for state in states
        if _serves(state) and not _is_measured(state)
    ]
    if named:
        more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        complain(f"no figures of {', '.join(named[:_NAMED])}{more}")


async def _read(fleet: Fleet, name: str, settings: Settings) -> RawObject:
    from mtop_tui.cli.source import look

    provider = fleet.provider
    try:
        await look(fleet, seen(fleet.store, with_samples=False))
        require_source(fleet)
        state = find_service(fleet.store, name, settings.namespaces)
        raw = None if state.service is None else await provider.read_object(state.service.ref)
    finally:
        await provider.close()
    if raw is None and "objects" not in provider.offers:
        raise Failure(
            f"{name}: {provider.name} has no objects to print; `mtop list -o json` has its figures",
            Exit.USAGE,
        )
    if raw is None:
        raise Failure(f"{name}: {provider.name} has no such object any more", Exit.NOT_FOUND)
    return raw


def require_source(fleet: Fleet) -> None:
    """A source that could not be had has its say, and nothing is printed in its place.

    Of sources that each tell a part, one that shows something is enough.

    Raises:
        Failure: a source is broken, or none has shown anything in all that time.
    """
    sources = fleet.store.main_sources
    ailing = [
        health for health in sources if health.is_part and (health.state != "live" or health.errors)
    ]
    if ailing and fleet.store.services():
        for health in ailing:
            complain(_ailment(health))
        return
    broken = [health for health in sources if health.state in _BROKEN]
    if not broken and not fleet.store.services():
        broken = [health for health in sources if health.state not in _WHOLE]
    if broken:
        raise Failure(map(_ailment, broken))


def _ailment(health: SourceHealth) -> str:
    return f"{health.source}: {health.detail or f'still {health.state}'}"


def seen(store: FleetStore, *, with_samples: bool) -> Callable[[], bool]:
    """Tells, batch by batch, whether the fleet and (if wanted) its rates are known.

    The fleet is known when its source says that it is live; where several tell a part each, when
    all of them have spoken. Rates are known when each service
    with a ready replica has one, or has had the time to be scraped twice.
    """
    unmeasured: list[ServiceState] | None = None
    give_up = math.inf
    lost_at: float | None = None

    def is_enough() -> bool:
        nonlocal unmeasured, give_up, lost_at
        sources = store.main_sources
        if any(one.state in _HOPELESS and not one.is_part for one in sources):
            return True
        parts = [one.state for one in sources if one.is_part]
        if "connecting" in parts:
            return False
        whole = [one.state for one in sources if not one.is_part]
        if set(whole) == {"disconnected"}:
            lost_at = lost_at or store.latest
            return (store.latest or 0.0) - (lost_at or 0.0) >= _PATIENCE
        lost_at = None
        if "live" not in (whole or parts):
            return not whole and bool(parts)
        if not with_samples or (parts and "live" not in parts):
            return True
        if unmeasured is None:
            unmeasured = [state for state in store.services() if _serves(state)]
            give_up = (store.latest or 0.0) + _TWO_SCRAPES
        while unmeasured and _is_measured(unmeasured[-1]):
            unmeasured.pop()
        if not unmeasured or (store.latest or 0.0) >= give_up:
            return True
        return _cannot_be_measured(unmeasured, sum(one.errors for one in sources if one.is_part))

    return is_enough


def _is_measured(state: ServiceState) -> bool:
    """Whether its rates are known, or never will be: some engines count no requests."""
    is_known = not math.isnan(state.metrics().request_rate)
    return state.interval > 0 or (is_known and state.is_measured)


def _cannot_be_measured(states: list[ServiceState], failing: int) -> bool:
    """Whether so many replicas fail to tell that those which never were heard are among them."""
    if not failing:
        return False
    waiting = [state for state in states if not _is_measured(state)]
    if any(state.last_at is not None for state in waiting):
        return False
    return sum(map(_serving, waiting)) <= failing


def _serving(state: ServiceState) -> int:
    return sum(replica.phase == "ready" for replica in state.replicas.values())


def _serves(state: ServiceState) -> bool:
    from mtop_tui.kserve.schema import CLASSIC_KIND

    # Nobody knows what a classic service runs, so nobody asks what it measures.
    is_classic = state.service is not None and state.service.ref.kind == CLASSIC_KIND
    return not is_classic and _serving(state) > 0


def find_service(store: FleetStore, name: str, namespaces: tuple[str, ...]) -> ServiceState:
    """The service of a name, with or without its namespace, among these or all namespaces.

    Raises:
        Failure: there is none, or there are several; it says which are near.
    """
    namespace, slash, short = name.rpartition("/")
    if "/" in namespace or not short or (slash and not namespace):
        raise Failure(f"{name}: expected NAME or NAMESPACE/NAME", Exit.USAGE)
    states = [
        state for state in store.services() if not namespaces or state.key.namespace in namespaces
    ]
    found = [
        state
        for state in states
        if state.key.name == short and namespace in ("", state.key.namespace)
    ]
    if len(found) > 1:
        places = sorted({f"{state.key.namespace}/{short}" for state in found})
        clusters = sorted({state.key.cluster for state in found})
        which = ", ".join(places)
        if len(places) == 1:
            which = f"{which} in {', '.join(clusters)}; name one of them with --context"
        raise Failure(f"{name}: there are several; say which: {which}", Exit.USAGE)
    if not found:
        raise Failure(f"{name}: no such service{_suggestion(name, states)}", Exit.NOT_FOUND)
    return found[0]


def _suggestion(name: str, states: list[ServiceState]) -> str:
    from difflib import get_close_matches

    places = {f"{state.key.namespace}/{state.key.name}": state.key.name for state in states}
    short = name.rpartition("/")[2]
    # The right name in the wrong namespace is the likeliest mistake of all; then half a name.
    nearest = [place for place, known in places.items() if known == short]
    if not nearest:
        known = sorted(places if "/" in name else set(places.values()))
        nearest = [one for one in known if name in one] or get_close_matches(name, known, n=3)
    if nearest:
        return f"; did you mean {' or '.join(nearest[:3])}?"
    return "; `mtop list -o name` prints the names there are"


def _wanted(store: FleetStore, query: FleetQuery, now: float) -> list[ServiceState]:
    from mtop_tui.views.fleet import select

    states = select(store, query, now)
    if not query.group:
        return states
    from mtop_tui.views.groups import grouped

    return [state for group in grouped(store, states, query.group) for state in group.members]


def _explain_empty(store: FleetStore, settings: Settings) -> None:
    there = sorted({state.key.namespace for state in store.services()})
    wanted = ", ".join(settings.namespaces)
    if settings.namespaces and there:
        complain(f"no services in namespace {wanted}; there are services in {', '.join(there)}")
    elif settings.namespaces and settings.mode == "live":
        complain(f"no services in namespace {wanted}; --all-namespaces looks in all of them")
    else:
        complain("the source has shown no services yet")
        for health in store.sources.values():
            if health.detail:
                complain(_ailment(health))


def _terminal_width() -> int | None:
    """Columns of the terminal on stdout; None when it is a file or a pipe."""
    from shutil import get_terminal_size

    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    return get_terminal_size().columns if is_terminal else None
