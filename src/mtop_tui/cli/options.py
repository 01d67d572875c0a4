"""The flags that set settings, shared by `mtop` and its commands.

`mtop -n production list` and `mtop list -n production` mean the same; where both are given, the one
nearer to the end wins. A command takes only the flags that matter to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from mtop_tui.cli.errors import Exit, Failure, complain
from mtop_tui.config.settings import (
    FIELDS,
    REFRESH,
    SEED,
    SERVICES,
    SPEED,
    Loaded,
    Origin,
    Rule,
    SettingsError,
    load,
    problem,
)

Command = TypeVar("Command", bound=Callable[..., Any])


def _number(field: str, kind: type[int] | type[float], rule: Rule) -> Callable[[str], int | float]:
    """Reads a number between a rule's bounds; says what was expected as every layer does."""

    def read(text: str) -> int | float:
        try:
            number = kind(text)
        except ValueError:
            number = math.nan
        if not (rule.least or 0) <= number <= (rule.most or math.inf):
            raise Failure(problem(field, Origin("flag", f"--{field}"), text), Exit.USAGE)
        return number

    return read


def _names(text: str) -> tuple[str, ...]:
    return tuple(part for item in text.split(",") if (part := item.strip()))


SEED_OPTION = click.option(
    "--seed", type=_number("seed", int, SEED), metavar="N", help="Seed of the simulation."
)

_SOURCE = (
    click.option("--mode", metavar="MODE", help="Where the fleet comes from: mock or live."),
    click.option(
        "--kubeconfig",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The kubeconfig of live mode, in place of $KUBECONFIG.",
    ),
    click.option(
        "--context",
        "contexts",
        type=_names,
        multiple=True,
        metavar="NAME",
        help="Context of the kubeconfig to watch in live mode; may be repeated.",
    ),
    click.option(
        "-n",
        "--namespace",
        "namespaces",
        type=_names,
        multiple=True,
        metavar="NAME",
        help="Only services of this namespace; may be repeated.",
    ),
    click.option(
        "-A",
        "--all-namespaces",
        is_flag=True,
        help="Services of all namespaces, whatever settings name.",
    ),
    click.option(
        "--endpoint",
        type=_names,
        multiple=True,
        metavar="URL[,URL]",
        help="Watch these metrics pages of model servers; no cluster is needed.",
    ),
    click.option(
        "--endpoint-token",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Bearer token for these endpoints.",
    ),
    click.option(
        "--endpoint-ca",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Authorities to trust for endpoints, beside the system's.",
    ),
    click.option(
        "--discover/--no-discover",
        default=None,
        help="Watch the model servers that listen on this machine.",
    ),
    click.option(
        "--prometheus",
        metavar="URL",
        help="Prometheus of live mode: an address, or NAMESPACE/SERVICE:PORT in the cluster;"
        " with several contexts CONTEXT=URL,CONTEXT=URL.",
    ),
    click.option("--metrics", metavar="WAY", help="Metrics in live mode: auto or none."),
    click.option(
        "--mocks",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Folder with the manifests of the simulated cluster.",
    ),
    click.option(
        "--services",
        type=_number("services", int, SERVICES),
        metavar="N",
        help="Show N services: the first ones, or copies of all.",
    ),
    SEED_OPTION,
    click.option(
        "--slo",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Objectives, as OpenSLO or Sloth documents.",
    ),
    click.option(
        "--prices",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Prices of nodes and GPUs.",
    ),
    click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error."),
)
_TABLE = (
    click.option("--columns", type=_names, metavar="A,B", help="Columns of the model table."),
    click.option("--sort", metavar="[-]COLUMN", help="Column to sort by; - before it reverses."),
    click.option("--group", metavar="BY", help="Group by namespace, gpu, model, route, label:KEY."),
    click.option("--view", metavar="NAME", help="Saved view to begin with."),
    click.option("--ascii/--no-ascii", default=None, help="Draw with ASCII characters only."),
)
_SCREEN = (
    click.option(
        "--refresh",
        type=_number("refresh", float, REFRESH),
        metavar="SECONDS",
        help="Time between screen updates, 0.25 to 60.",
    ),
    click.option("--theme", metavar="NAME", help="Colours of the screen."),
    click.option(
        "--notify",
        type=_names,
        metavar="A,B",
        help="How to tell of alerts: none, or some of toast, bell, osc9, osc777.",
    ),
    click.option(
        "--reduced-motion/--no-reduced-motion",
        default=None,
        help="Rows trade places every half minute at most.",
    ),
)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not (SPEED.least or 0) <= speed <= (SPEED.most or math.inf):
        raise click.UsageError(f"--speed expected {SPEED.expected}, got {text}")
    return speed


TARGET_OPTION = click.option(
    "--target", metavar="NAMESPACE/NAME", help="The service that a topology is about."
)
SPEED_OPTION = click.option(
    "--speed", type=_speed, metavar="N", help="Simulated seconds per second of a recipe."
)
STORY_FLAGS = ("recipe", "speed", "target")
_STORY = (
    click.option(
        "--recipe", metavar="NAME", help="Watch a story: one of `mtop recipes`, or a file."
    ),
    SPEED_OPTION,
    TARGET_OPTION,
)


def story_options(command: Command) -> Command:
    """Flags that open the screen on a story."""
    return _with(_STORY, command)


def source_options(command: Command) -> Command:
    """Flags that choose what is observed."""
    return _with(_SOURCE, command)


def table_options(command: Command) -> Command:
    """Flags that choose how the model table looks."""
    return _with(_TABLE, command)


def screen_options(command: Command) -> Command:
    """Flags that matter only to the full-screen app."""
    return _with(_SCREEN, command)


def _with(options: tuple[Callable[[Command], Command], ...], command: Command) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def settings_of(
    ctx: click.Context, column_ids: Callable[[], Collection[str]] | None = None
) -> Loaded:
    """The settings in force for this command line; warnings have been shown.

    Raises:
        Failure: some layer has a wrong value.
    """
    chain = [ctx]
    while chain[0].parent is not None:
        chain.insert(0, chain[0].parent)
    flags: dict[str, Any] = {}
    for level in chain:
        for name, value in level.params.items():
            given = level.get_parameter_source(name) is ParameterSource.COMMANDLINE
            if name in FIELDS and given:
                flags[name] = value
        if level.params.get("all_namespaces"):
            flags["namespaces"] = ()  # as kubectl has it, it wins over a namespace beside it
    for several in ("namespaces", "contexts", "endpoint"):
        if several in flags:
            flags[several] = tuple(name for names in flags[several] for name in names)
    try:
        loaded = load(flags, column_ids)
    except SettingsError as error:
        raise Failure(error.problems, Exit.USAGE) from error
    for warning in loaded.warnings:
        complain(warning)
    return loaded
