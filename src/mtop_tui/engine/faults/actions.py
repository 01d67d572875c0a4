"""What an action is: a fault that ends by itself or lasts, or an operation somebody carries out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from mtop_tui.engine.faults.effects import Effect
from mtop_tui.engine.faults.parameters import Parameter, ParameterError, Values


class Action(msgspec.Struct, frozen=True):
    """One row of a catalogue.

    Attributes:
        name: as Chaos Mesh or Litmus call it where they have it.
        changes: the cause that it changes, in words.
        start: begins it.
        end: takes it back; None where nothing is left to take back.
        parameters: with bounds, defaults and the range they may be drawn from.
        leads_to: causes of `docs/diagnosis.md` that name it rightly, best first.
        acts_on: what a target has to name; "services" can stand for the nodes they run on.
        mode: how many of those that fit, where a recipe does not say.
        unfit: what parameters that are right by themselves get wrong together; None when nothing.
        kin: what Chaos Mesh or Litmus call it; empty for mtop's own.
    """

    name: str
    changes: str
    start: Effect
    end: Effect | None = None
    parameters: tuple[Parameter, ...] = ()
    leads_to: tuple[str, ...] = ()
    acts_on: Literal["replicas", "services", "nodes"] = "replicas"
    mode: Literal["one", "all"] = "all"
    kin: str = ""
    unfit: Callable[[Values], ParameterError | None] | None = None


def table(*actions: Action) -> dict[str, Action]:
    """Actions by name, in the order in which they are listed."""
    return {one.name: one for one in actions}
