"""The scenario of a recipe: its steps as deeds on targets that are there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mtop_tui.engine.faults.actions import Action
from mtop_tui.engine.faults.catalogue import FAULTS
from mtop_tui.engine.faults.effects import change_load
from mtop_tui.engine.faults.operations import OPERATIONS
from mtop_tui.engine.faults.parameters import ParameterError, read_values
from mtop_tui.engine.faults.stage import Target
from mtop_tui.engine.faults.workflow import (
    Deed,
    Parallel,
    Serial,
    Step,
    Suspend,
    occurrences,
    unreached,
)
from mtop_tui.providers.mock.recipe_fleet import RecipeFleet

if TYPE_CHECKING:
    from mtop_tui.config import recipe_scenario as said
    from mtop_tui.config.recipe import Recipe

_RAMP = Action("ramp", "moves the rate of requests", change_load, acts_on="services")
_IN_A_GROUP = frozenset({"set-weight", "watch-canary", "abort"})


MOST_DEEDS = 100_000
"""Things that a story may consist of: all of them are laid out before it begins."""


class RecipeSteps:
    """Turns the steps of a recipe into those of a story; what is wrong is noted by the fleet."""

    def __init__(self, fleet: RecipeFleet, recipe: Recipe) -> None:
        self._fleet = fleet
        self._recipe = recipe
        self._duration = recipe.duration
        self._workload = recipe.workload

    def all(self) -> list[Step]:
        """Its scenario, and the ramps of its workload."""
        scenario = self._steps(self._recipe.scenario, "scenario")
        if not self._fleet.problems:
            self._check_times(scenario)
        return [*scenario, *self._ramps()]

    def _steps(self, steps: list[said.Step], field: str) -> list[Step]:
        built = [self._step(one, f"{field}[{index}]") for index, one in enumerate(steps)]
        return [one for one in built if one is not None]

    def _step(self, step: said.Step, field: str) -> Step | None:
        what: Deed | Suspend | Serial | Parallel | None
        if step.suspend is not None:
            what = Suspend(step.suspend)
        elif step.serial is not None:
            what = Serial(tuple(self._steps(step.serial, f"{field}.serial")))
        elif step.parallel is not None:
            what = Parallel(tuple(self._steps(step.parallel, f"{field}.parallel")))
        else:
            what = self._deed(step, field)
        if step.at >= self._duration:
            self._fleet.wrong(f"{field}.at", self._late)
        if what is None:
            return None
        return Step(what, step.name, step.at, step.every, step.times, step.deadline)

    def _check_times(self, steps: list[Step]) -> None:
        count = occurrences(steps, self._duration)
        if count > MOST_DEEDS:
            self._fleet.wrong(
                "scenario", f"comes to {count:,} steps; expected {MOST_DEEDS:,} at most"
            )
            return
        for place, at in unreached(steps, self._duration):
            over = f"would begin at {at:g} s, when what it is part of is over"
            self._fleet.wrong(_field_of(self._recipe.scenario, place), over)

    def _deed(self, step: said.Step, field: str) -> Deed | None:
        kind, name, table = (
            ("fault", step.fault, FAULTS) if step.fault is not None else ("do", step.do, OPERATIONS)
        )
        action = table.get(name or "")
        if action is None:
            from mtop_tui.config.settings import nearest  # noqa: PLC0415 - only to word an error

            hint = nearest(name or "", table) or f"; there are {', '.join(table)}"
            self._fleet.wrong(f"{field}.{kind}", f"no {kind} {name}{hint}")
            return None
        target = self._target(step.on, action, field)
        try:
            values = read_values(action.parameters, step.with_)
        except ParameterError as error:
            self._fleet.wrong(f"{field}.with.{error.name}", f"{action.name}: {error.message}")
            return None
        unfit = None if action.unfit is None else action.unfit(values)
        if unfit is not None:
            self._fleet.wrong(f"{field}.with.{unfit.name}", f"{action.name}: {unfit.message}")
        if action.name == "mirror" and values["to"]:
            shadow = self._fleet.known(str(values["to"]), f"{field}.with.to")
            if (
                target is not None
                and shadow is not None
                and self._fleet.key(shadow) in target.services
            ):
                self._fleet.wrong(f"{field}.with.to", f"{shadow} would mirror itself")
        return None if target is None else Deed(action, target, values, step.lasts)

    def _target(self, on: said.Selector | None, action: Action, field: str) -> Target | None:
        if on is None:
            self._fleet.wrong(f"{field}.on", f"is missing: {action.name} acts on {action.acts_on}")
            return None
        names = [
            self._fleet.known(name, f"{field}.on.services[{index}]")
            for index, name in enumerate(on.services)
        ]
        nodes = {one.parsed.metadata.name for one in self._fleet.nodes}
        for index, node in enumerate(on.nodes):
            if node not in nodes:
                self._fleet.wrong(f"{field}.on.nodes[{index}]", f"no node {node} is there")
        if not on.services and (action.acts_on == "services" or not (on.nodes or on.labels)):
            self._fleet.wrong(
                f"{field}.on", f"names no service; {action.name} acts on {action.acts_on}"
            )
            return None
        if misfit := self._fleet.misfit(on):
            self._fleet.wrong(f"{field}.on.{misfit}", "fits none of the services")
        if action.name in _IN_A_GROUP:
            for index, name in enumerate(names):
                if name is not None and name not in self._fleet.groups:
                    self._fleet.wrong(
                        f"{field}.on.services[{index}]", f"{name} is in no route group"
                    )
        mode = on.mode or action.mode
        return Target(
            services=tuple(self._fleet.key(name) for name in names if name is not None),
            nodes=tuple(on.nodes),
            labels=on.labels,
            role=on.role,
            revision=on.revision,
            mode=mode,
            value=on.value or 0.0,
        )

    @property
    def _late(self) -> str:
        return f"is after the end; the recipe lasts {self._duration:g} s"

    def _ramps(self) -> Iterator[Step]:
        for name, asks in self._workload.items():
            target = Target((self._fleet.key(name),))
            before = 1.0
            for index, ramp in enumerate(asks.ramps):
                field = f"workload.{name}.ramps[{index}]"
                if not before:
                    self._fleet.wrong(
                        f"{field}.times",
                        "cannot follow a ramp to 0; use fault traffic-stop instead",
                    )
                    break
                if ramp.at >= self._duration:
                    self._fleet.wrong(f"{field}.at", self._late)
                # Changes of the load multiply, so each ramp is stated against the one before.
                values = {"rate": ramp.times / before, "rise": ramp.over}
                before = ramp.times
                yield Step(Deed(_RAMP, target, values), at=ramp.at)


def _field_of(steps: list[said.Step], place: tuple[int, ...]) -> str:
    """A step by its place among the steps, and among those it is part of."""
    first, *rest = place
    field = f"scenario[{first}]"
    step = steps[first]
    for index in rest:
        name, parts = ("serial", step.serial) if step.serial else ("parallel", step.parallel)
        field += f".{name}[{index}]"
        step = (parts or [])[index]
    return field
