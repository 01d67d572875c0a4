"""`mtop serve`: the simulated cluster as a Kubernetes API."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mtop_tui.cli.errors import Exit, Failure
from mtop_tui.cli.options import SEED_OPTION, SPEED_OPTION, TARGET_OPTION, settings_of

if TYPE_CHECKING:
    from mtop_tui.serve.running import Cluster

DEFAULT_PORT = 6443


@click.command("serve")
@click.option("--recipe", metavar="NAME", help="A story: one of `mtop recipes`, or a file.")
@TARGET_OPTION
@SEED_OPTION
@SPEED_OPTION
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Port on 127.0.0.1; 0 takes a free one.",
)
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("mtop.kubeconfig"),
    show_default=True,
    help="File to write the kubeconfig to.",
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

    from mtop_tui.serve.kubeconfig import KubeconfigError
    from mtop_tui.serve.running import run
    from mtop_tui.serve.server import ServerError

    given = ctx.params
    cluster = _cluster(ctx)
    try:
        asyncio.run(
            run(cluster, port=given["port"], kubeconfig=given["kubeconfig"], say=click.echo)
        )
    except (KubeconfigError, ServerError) as error:
        raise Failure(str(error), Exit.FAILED) from error


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
