"""A recipe made ready to run: its manifests, what happens when, and what is expected of it.

Everything a recipe refers to is looked up here, before anything begins: services, nodes, faults
and their parameters. What is not there is told with file, line and field.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from mtop_tui.engine.faults.workflow import Planned, timeline
from mtop_tui.observations import ServiceKey
from mtop_tui.providers.mock.manifests import Manifests
from mtop_tui.providers.mock.recipe_fleet import RecipeFleet, Replay
from mtop_tui.providers.mock.recipe_steps import RecipeSteps
from mtop_tui.providers.mock.recipes import RecipeFile, UnusableRecipeError
from mtop_tui.views.check_metrics import FLEET_METRICS, SERVICE_METRICS
from mtop_tui.views.checks import Check

_OF_A_GROUP = frozenset({"weight_share", "request_share"})


class Story(msgspec.Struct, frozen=True):
    """What a recipe comes to.

    Attributes:
        name: of the recipe.
        manifests: of its cluster.
        planned: what happens, in seconds after its beginning.
        checks: what must come of it.
        replays: traces in place of workloads, by service.
        seed, speed, duration, history, fluid: as the recipe says.
        clones: copies of services to make, or None.
    """

    name: str
    manifests: Manifests
    planned: tuple[Planned, ...]
    checks: tuple[Check, ...]
    replays: dict[ServiceKey, Replay]
    seed: int
    speed: float
    duration: float
    history: float
    fluid: bool
    clones: int | None


def story_of(file: RecipeFile, cluster: str, *, duration: float | None = None) -> Story:
    """The story of a recipe on a simulated cluster of that name.

    Args:
        file: the recipe.
        cluster: its name, part of the identity of everything in it.
        duration: seconds, in place of those the recipe says.

    Raises:
        UnusableRecipeError: it refers to something that is not there.
    """
    recipe = file.recipe
    fleet = RecipeFleet(file, cluster)
    if not fleet.services:
        raise UnusableRecipeError(fleet.problems)
    steps = RecipeSteps(fleet, recipe).all()
    checks = tuple(_checks(file, fleet))
    if fleet.problems:
        raise UnusableRecipeError(fleet.problems)
    length = recipe.duration if duration is None else duration
    return Story(
        name=file.name,
        manifests=fleet.manifests,
        planned=tuple(timeline(steps, length)),
        checks=checks,
        replays=fleet.replays,
        seed=recipe.seed,
        speed=recipe.speed,
        duration=length,
        history=recipe.history,
        fluid=recipe.fluid,
        clones=recipe.fleet.clones,
    )


def _checks(file: RecipeFile, fleet: RecipeFleet) -> Iterator[Check]:
    for index, one in enumerate(file.recipe.expect):
        field = f"expect[{index}]"
        for name, where in ((one.service, "service"), (one.times_of, "times_of")):
            if name is None:
                continue
            there = fleet.known(name, f"{field}.{where}")
            if there is not None and one.metric in _OF_A_GROUP and there not in fleet.groups:
                fleet.wrong(f"{field}.{where}", f"{there} is in no route group")
        if one.metric is not None:
            table: Mapping[str, Any] = FLEET_METRICS if one.service is None else SERVICE_METRICS
            if one.metric not in table:
                whose = "the fleet's; leave service out" if one.service else "a service's"
                fleet.wrong(f"{field}.metric", f"{one.metric} is {whose}")
        lasts = f"the recipe lasts {file.recipe.duration:g} s"
        if one.since >= file.recipe.duration:
            fleet.wrong(f"{field}.from", f"is after the end; {lasts}")
        elif one.until is not None and one.until > file.recipe.duration:
            fleet.wrong(f"{field}.to", f"is after the end; {lasts}")
        yield Check(
            name=one.check,
            start=one.since,
            end=math.inf if one.until is None else one.until,
            service=None if one.service is None else fleet.key(one.service),
            metric=one.metric or "",
            aggregate=one.aggregate,
            op=one.op or "<",
            value=one.value or 0.0,
            times_of=None if one.times_of is None else fleet.key(one.times_of),
            event=one.event or "",
            diagnosis=one.diagnosis or "",
        )
