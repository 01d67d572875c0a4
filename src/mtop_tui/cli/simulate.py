"""`mtop simulate` and `mtop recipes`: stories without a screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mtop_tui.cli.errors import Exit, Failure, emit
from mtop_tui.cli.options import SEED_OPTION, SPEED_OPTION, TARGET_OPTION, settings_of

if TYPE_CHECKING:
    from mtop_tui.cli.story import StoryFleet
    from mtop_tui.observations import Observation, ServiceKey
    from mtop_tui.views.checks import Checker

_MINUTE = 60.0


def _duration(text: str) -> float:
    """Seconds of a duration such as 10m."""
    from mtop_tui.config.recipe_values import LONGEST
    from mtop_tui.domain.durations import duration_seconds

    seconds = duration_seconds(text)
    if not seconds or seconds > LONGEST:
        raise click.UsageError(
            f"--for expected a duration such as 90s or 10m, up to 30d, got {text}"
        )
    return seconds


def _setting(text: str) -> tuple[str, object]:
    """A field and its value, which is written as in the recipe."""
    from mtop_tui.providers.mock.documents import documents

    field, sign, value = text.partition("=")
    found = documents(value) if value.strip() else []
    if not field or not sign or len(found) != 1 or found[0].flaw is not None:
        raise click.UsageError(
            f"--set expected FIELD=VALUE such as scenario[0].with.rate=0, got {text}"
        )
    return field.strip(), found[0].body


@click.command("simulate")
@click.argument("name", metavar="TOPOLOGY|RECIPE")
@TARGET_OPTION
@SEED_OPTION
@click.option(
    "--for", "lasts", type=_duration, metavar="DURATION", help="How long, in place of its own."
)
@SPEED_OPTION
@click.option("--assert", "asserts", is_flag=True, help="Exit with 1 when a check fails.")
@click.option(
    "--report", type=click.Path(path_type=Path, dir_okay=False), help="Write all of it as JSON."
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Change a field of the recipe, such as scenario[0].with.rate=0.",
)
@click.option("--fluid", is_flag=True, help="Work with rates instead of single requests.")
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
@click.pass_context
def simulate(
    ctx: click.Context, /, name: str, asserts: bool, report: Path | None, **_: Any
) -> None:
    """Run a story without a screen, and say what came of its checks.

    A topology (canary, rolling, bluegreen, shadow) or recipe is one that ships with mtop, see
    `mtop recipes`, or a path to a YAML file. The same seed gives the same run. Without --speed, it
    goes as fast as it can.
    """
    import asyncio

    from mtop_tui.cli.simulation_output import as_report, as_text
    from mtop_tui.cli.story import open_story
    from mtop_tui.config.emit import as_json
    from mtop_tui.views.checks import Checker

    given = ctx.params
    loaded = settings_of(ctx)
    fleet = open_story(
        loaded,
        name,
        target=given["target"],
        settings=[_setting(text) for text in given["settings"]],
        duration=given["lasts"],
        fluid=given["fluid"],
        hurry=True,
        speed=given["speed"],
    )
    story = fleet.story
    if asserts and given["fluid"] and not story.fluid:
        raise Failure(
            f"--assert wants single requests: {name} was not written for --fluid; leave one out",
            Exit.USAGE,
        )
    if asserts and not story.checks:
        raise Failure(f"{name}: nothing to assert: it has no checks under expect", Exit.USAGE)
    if report is not None:
        _write(report, "", "a")  # a place that cannot be written to is told before anything runs
    start = fleet.clock.now()
    checker = Checker(story.checks, fleet.store, start)
    asyncio.run(_play(fleet, checker, start))
    outcomes = checker.outcomes()
    if report is not None:
        _write(report, as_json(as_report(fleet, start, outcomes)))
    emit(as_text(fleet, start, outcomes, asserts=asserts))
    undone = fleet.provider.undone
    if asserts and (undone or not all(one.passed for one in outcomes)):
        ctx.exit(Exit.FAILED)


@click.command("recipes")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of recipes instead.")
@click.option("--faults", is_flag=True, help="Print what can go wrong in one, as Markdown.")
def recipes(schema: bool, faults: bool) -> None:
    """List the stories that ship with mtop."""
    from mtop_tui.providers.mock.recipes import outlines

    if faults:
        from mtop_tui.config.fault_page import fault_page

        emit(fault_page())
        return
    if schema:
        import json

        from mtop_tui.config.recipe_schema import recipe_schema

        emit(json.dumps(recipe_schema(), indent=1) + "\n")
        return
    found = list(outlines())
    width = max((len(one.name) for one in found), default=0)
    emit("".join(f"{one.name:<{width}}  {one.summary}\n" for one in found))


async def _play(fleet: StoryFleet, checker: Checker, start: float) -> None:
    """Let the story happen from beginning to end."""
    import asyncio

    from mtop_tui.observations import Annotation
    from mtop_tui.providers.base import feed

    end = start + fleet.story.duration
    done = asyncio.Event()
    minute = 0

    def apply(batch: Sequence[Observation]) -> None:
        nonlocal minute
        fleet.store.apply(batch)
        checker.see(batch)
        for record in batch:
            if isinstance(record, Annotation):
                fleet.marks.append(record)
                _progress(record.at - start, record.text)
        now = fleet.store.latest or start
        if (passed := int((now - start) // _MINUTE)) > minute:
            minute = passed
            _progress(minute * _MINUTE, _situation(fleet))
        if now >= end:
            done.set()

    feeding = asyncio.create_task(feed(fleet.provider, apply))
    waiting = asyncio.create_task(done.wait())
    asked = sorted({check.service for check in checker.checks if check.diagnosis and check.service})
    reading = [asyncio.create_task(_follow(fleet, key)) for key in asked]
    try:
        await asyncio.wait({feeding, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if feeding.done():
            feeding.result()
    finally:
        for task in (feeding, waiting, *reading):
            task.cancel()
        await asyncio.gather(feeding, waiting, *reading, return_exceptions=True)
        await fleet.provider.close()


async def _follow(fleet: StoryFleet, key: ServiceKey) -> None:
    """Read the logs of a service whose diagnosis is asked for."""
    from mtop_tui.providers.base import LogQuery, feed_logs

    if "logs" in fleet.provider.offers:
        async for lines in feed_logs(fleet.provider, LogQuery(key, follow=True)):
            fleet.store.apply([lines])


def _situation(fleet: StoryFleet) -> str:
    from mtop_tui.views.format import count

    totals = fleet.store.totals()
    objects = totals.objects
    return (
        f"{objects.services_ready}/{objects.services} services ready, "
        f"{objects.replicas_ready}/{objects.replicas_desired} replicas, "
        f"{count(totals.request_rate)} req/s"
    )


def _progress(seconds: float, text: str) -> None:
    from mtop_tui.text import safe

    minutes, rest = divmod(abs(round(seconds)), 60)
    sign = "-" if seconds < 0 else ""
    click.echo(f"{sign + str(minutes):>3}:{rest:02}  {safe(text)}", err=True)


def _write(path: Path, text: str, mode: str = "w") -> None:
    try:
        with path.open(mode, encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        why = f"cannot be written: {error.strerror}; give --report a file in a folder that exists"
        raise Failure(f"{path}: {why}", Exit.USAGE) from error
