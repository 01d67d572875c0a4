"""`mtop logs`: what the replicas of a service write, without a screen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from mtop_tui.cli.errors import Exit, Failure, complain, emit
from mtop_tui.cli.options import settings_of, source_options

if TYPE_CHECKING:
    from mtop_tui.cli.log_output import LogOutput
    from mtop_tui.cli.source import Fleet
    from mtop_tui.config.settings import Loaded
    from mtop_tui.observations import LogLines
    from mtop_tui.providers.base import LogQuery
    from mtop_tui.state.service import ServiceState

FOLLOWED_TAIL = 100
"""Lines of each container that come first when a log is followed and nothing else is asked for."""


@click.command("logs")
@click.argument("name", metavar="[NAMESPACE/]NAME")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
@click.option(
    "--since", metavar="TIME", help="Lines from then on: 15m, 12:04, 2026-08-02T12:00:00Z."
)
@click.option(
    "--tail",
    type=click.IntRange(min=0),
    metavar="N",
    help=f"The last N lines of each container; all of them without, with -f {FOLLOWED_TAIL}.",
)
@click.option(
    "-p", "--previous", is_flag=True, help="What containers wrote before their last restart."
)
@click.option("--pod", metavar="NAME", help="Only of this pod.")
@click.option("-c", "--container", metavar="NAME", help="Only of containers of this name.")
@click.option("--timestamps", is_flag=True, help="Begin each line with its time.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to print; json is one object per line.",
)
@source_options
@click.pass_context
def logs(ctx: click.Context, /, name: str, **given: Any) -> None:
    """Print the logs of a service's replicas, merged in time order.

    On a terminal each line begins with the end of its pod's name, elsewhere with all of it and the
    container. What cannot be read is said on stderr; the exit code is 1 then.
    """
    import asyncio

    if given["follow"] and given["previous"]:
        raise click.UsageError("containers before a restart write no more: -f or -p, not both")
    loaded = settings_of(ctx)
    # Nobody asks for figures here.
    loaded = loaded._replace(settings=replace(loaded.settings, metrics="none"))
    if not asyncio.run(_print(loaded, name, given)):
        ctx.exit(Exit.FAILED)


async def _print(loaded: Loaded, name: str, given: dict[str, Any]) -> bool:
    """Print what is asked for; whether all of it could be read."""
    from mtop_tui.cli.fleet import find_service, require_source, seen
    from mtop_tui.cli.log_output import output
    from mtop_tui.cli.source import observed, open_source

    fleet = open_source(loaded, hurry=not given["follow"])
    provider = fleet.provider
    try:
        async with observed(fleet, seen(fleet.store, with_samples=False)):
            require_source(fleet)
            state = find_service(fleet.store, name, loaded.settings.namespaces)
            if "logs" not in provider.offers:
                raise Failure(f"{name}: {provider.name} has no logs; a cluster has", Exit.USAGE)
            query = _query(state, given, fleet.clock.now())
            if not query.follow:
                provider.pause(True)  # all is read as it is at one moment
            out = output(given["output"], state.key, timestamps=given["timestamps"])
            return await _read(fleet, query, out)
    finally:
        await provider.close()


def _query(state: ServiceState, given: dict[str, Any], now: float) -> LogQuery:
    from mtop_tui.providers.base import LogQuery

    pod, follow, tail = given["pod"], given["follow"], given["tail"]
    replicas = sorted(ref.name for ref in state.replicas)
    # Workers of a replica that spans nodes are called as their leader, with a number behind.
    if pod is not None and not any(pod.startswith(one) for one in replicas):
        there = ", ".join(replicas) or "none"
        raise Failure(f"{state.key.name}: no pod {pod}; there is: {there}", Exit.NOT_FOUND)
    since = None if given["since"] is None else _moment(given["since"], now)
    if follow and tail is None and since is None:
        tail = FOLLOWED_TAIL
    return LogQuery(
        state.key,
        since=since,
        tail=tail,
        previous=given["previous"],
        follow=follow,
        pod=pod,
        container=given["container"],
    )


def _moment(text: str, now: float) -> float:
    from datetime import datetime

    from mtop_tui.views.log_filter import FilterError, parse_range

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is not None and moment.tzinfo is not None:
        return moment.timestamp()
    try:
        times = parse_range(text, now)
    except FilterError as error:
        raise click.UsageError(f"--since: {error.reason}") from error
    if times.since is None or times.until is not None:
        raise click.UsageError(f"--since expected one time such as 15m or 12:04, got {text}")
    return times.since


async def _read(fleet: Fleet, query: LogQuery, out: LogOutput) -> bool:
    from contextlib import aclosing

    from mtop_tui.providers.base import feed_logs

    printed = False
    failing: dict[tuple[str, str], str] = {}
    async with aclosing(feed_logs(fleet.provider, query)) as records:
        async for record in records:
            if record.dropped:
                complain(f"{_where(record)}: {record.dropped:,} lines before these are lost")
            if record.lines:
                printed = True
                emit(out.text(record))
                continue
            origin = record.ref.name, record.container
            was_failing = failing.pop(origin, None)
            # What fails for all containers at once is said once.
            if record.said and record.said not in failing.values():
                complain(f"{_where(record)}: {record.said}")
            if record.said and record.failed:
                failing[origin] = record.said
            elif was_failing and not failing and query.follow:
                complain(f"{query.service.namespace}/{query.service.name}: read again")
            if record.failed and not record.container and query.follow and not printed:
                return False
    if not printed and not failing:
        _explain_nothing(fleet, query)
    return not failing


def _where(record: LogLines) -> str:
    place = f"{record.ref.namespace}/{record.ref.name}" if record.ref.namespace else record.ref.name
    return f"{place}/{record.container}" if record.container else place


def _explain_nothing(fleet: Fleet, query: LogQuery) -> None:
    place = f"{query.service.namespace}/{query.service.name}"
    state = fleet.store.service(query.service)
    if state is None or not state.replicas:
        why = "there is no replica that could write a line"
    elif query.previous:
        why = "no container has been restarted, so there is no log of a previous one"
    elif query.since is not None or query.container is not None:
        why = "no line is as asked for; leave out --since or --container"
    else:
        why = "the containers have written nothing"
    complain(f"{place}: {why}")
