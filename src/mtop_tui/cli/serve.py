"""`mtop serve` and `mtop switch`: the simulated cluster as a Kubernetes API, and its faults."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mtop_tui.cli.errors import Exit, Failure, complain, emit
from mtop_tui.cli.options import SEED_OPTION, SPEED_OPTION, TARGET_OPTION, settings_of

if TYPE_CHECKING:
    from mtop_tui.serve.faults import Fault
    from mtop_tui.serve.running import Cluster

DEFAULT_PORT = 6443
DEFAULT_KUBECONFIG = Path("mtop.kubeconfig")

KUBECONFIG_OPTION = click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, dir_okay=False),
    default=DEFAULT_KUBECONFIG,
    show_default=True,
    help="The kubeconfig that is written on start.",
)


@click.command("serve")
@click.option("--recipe", metavar="NAME", help="A story: one of `mtop recipes`, or a file.")
@TARGET_OPTION
@SEED_OPTION
@SPEED_OPTION
@click.option(
    "--mocks",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder with the manifests of the simulated cluster.",
)
@click.option(
    "--services", type=click.IntRange(1), metavar="N", help="N services: the first, or copies."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Port on 127.0.0.1; 0 takes a free one.",
)
@KUBECONFIG_OPTION
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME[:KEY=VALUE,...]",
    help="Switch a fault on, see `mtop switch --list`; may be repeated.",
)
@click.option(
    "--prometheus-config",
    is_flag=True,
    help="Print a prometheus.yml for the server at --port and --kubeconfig, and serve nothing.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
@click.pass_context
def serve(ctx: click.Context, /, **_: Any) -> None:
    """Serve the simulated cluster as a Kubernetes API, for kubectl, k9s, Prometheus and the like.

    The API is that of Kubernetes 1.36 with KServe, over HTTPS on 127.0.0.1. A kubeconfig with a
    context for each user (admin, viewer, nsviewer, nobody, exec) is written on start and taken
    away at the end. Control-C ends it.
    """
    import asyncio
    import logging

    given = ctx.params
    if given["prometheus_config"]:
        from mtop_tui.serve.prometheus import prometheus_config

        emit(prometheus_config(f"https://127.0.0.1:{given['port']}", given["kubeconfig"]))
        return
    from mtop_tui.serve.kubeconfig import KubeconfigError
    from mtop_tui.serve.running import run
    from mtop_tui.serve.server import ServerError

    if not given["debug"]:
        # Clients hang up all the time; nobody wants to read about it.
        logging.disable(logging.CRITICAL)
    faults = [_fault(text) for text in given["faults"]]
    cluster = _cluster(ctx)
    try:
        asyncio.run(
            run(
                cluster,
                port=given["port"],
                kubeconfig=given["kubeconfig"],
                say=click.echo,
                faults=faults,
            )
        )
    except (KubeconfigError, ServerError) as error:
        raise Failure(str(error), Exit.FAILED) from error


@click.command("switch")
@click.argument("faults", nargs=-1, metavar="[NAME[:KEY=VALUE,...]]...")
@click.option("--off", "off", multiple=True, metavar="NAME", help="Switch a fault off.")
@click.option("--list", "listed", is_flag=True, help="Print all faults with their parameters.")
@KUBECONFIG_OPTION
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
def switch(
    faults: tuple[str, ...], off: tuple[str, ...], listed: bool, kubeconfig: Path, debug: bool
) -> None:
    """Switch faults of a running `mtop serve` on or off, and print those that are on.

    Every fault takes share=0.3 (of the requests), times=5, for=10 (seconds), verb=watch,
    resource=pods and user=mtop-viewer, which restrict it.
    """
    del debug
    if listed:
        emit(_catalogue())
        return
    from mtop_tui.serve.switching import SwitchingError, switched

    found = [_fault(text) for text in faults]
    try:
        on = switched(kubeconfig, on=found, off=off)
    except SwitchingError as error:
        raise Failure(str(error), Exit.FAILED) from error
    if not on:
        complain("no fault is on")
    emit("".join(f"{one}\n" for one in on))


def _catalogue() -> str:
    from mtop_tui.serve.faults import KINDS

    width = max(map(len, KINDS))
    lines = []
    for name, kind in KINDS.items():
        own = ", ".join(f"{key}={value}" for key, value in kind.own.items())
        lines.append(f"{name:<{width}}  {kind.says}{f' ({own})' if own else ''}\n")
    return "".join(lines)


def _fault(text: str) -> Fault:
    from mtop_tui.serve.faults import FaultError, read_fault

    try:
        return read_fault(text)
    except FaultError as error:
        raise Failure(str(error), Exit.USAGE) from error


def _cluster(ctx: click.Context) -> Cluster:
    """The simulation that the command line asks for."""
    from mtop_tui.cli.source import load_manifests
    from mtop_tui.cli.story import open_story, paced
    from mtop_tui.clock import PacedClock, WallClock
    from mtop_tui.providers.mock.provider import MockProvider
    from mtop_tui.serve.running import Cluster
    from mtop_tui.serve.timescale import Timescale

    given, loaded, wall = ctx.params, settings_of(ctx), WallClock()
    if given["recipe"] is not None:
        told = open_story(loaded, given["recipe"], target=given["target"], speed=given["speed"])
        speed = told.story.speed if given["speed"] is None else given["speed"]
        scale = Timescale(told.clock.now(), wall.now(), speed)
        return Cluster(told.provider, told.story.manifests, told.seed, scale, wall)
    if given["target"] is not None:
        raise click.UsageError("--target needs a story to set: add --recipe NAME")
    settings = loaded.settings
    manifests = load_manifests(settings.mocks)
    clock = PacedClock(wall.now(), given["speed"] or 1.0)
    provider = MockProvider(
        manifests,
        seed=settings.seed,
        clock=clock,
        clones=settings.services,
        sleep=paced(clock),
    )
    scale = Timescale(clock.now(), wall.now(), clock.speed)
    return Cluster(provider, manifests, settings.seed, scale, wall)
