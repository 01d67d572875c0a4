"""What is asked of the services of a recipe, and what happens to them."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, field_validator, model_validator

from mtop_tui.config.recipe_schema import with_parameters
from mtop_tui.config.recipe_values import Duration, Name, Part, Rate, Share, Text, Tokens
from mtop_tui.engine.naming import is_suffix


class Ramp(Part):
    """The rate moves to `times` what it would be, over a while, and stays there."""

    at: Duration
    times: Annotated[float, Field(ge=0, le=1_000, allow_inf_nan=False)]
    over: Duration = 0.0


class TraceFile(Part):
    """Requests as they were recorded: a CSV file with a line per request."""

    file: Text
    """Relative to the recipe."""
    start: Duration = 0.0
    """Where in the trace to begin."""
    speed: Annotated[float, Field(gt=0, le=1_000, allow_inf_nan=False)] = 1.0
    repeat: bool = True


class Load(Part):
    """What a service is asked to do; what is left out is the manifest's or the engine's choice."""

    rps: Rate | None = None
    """Mean requests per second."""
    prompt: Tokens | None = None
    output: Tokens | None = None
    cached: Share | None = None
    """Share of prompt tokens that a warm prefix cache has."""
    kind: Literal["chat", "code", "mixed", "long-context", "reasoning", "batch"] | None = None
    """What it is used for: decides lengths, bursts and the daily curve; see docs/workload.md."""
    cv: Annotated[float, Field(ge=0.1, le=30, allow_inf_nan=False)] | None = None
    """Burstiness: standard deviation of the time between two requests over its mean."""
    diurnal: Share | None = None
    """How much the rate follows the hours of the day; 0 is a level rate."""
    tenants: Annotated[int, Field(ge=1, le=1_000)] | None = None
    ramps: list[Ramp] = []
    trace: TraceFile | None = None

    @field_validator("ramps")
    @classmethod
    def _in_order(cls, ramps: list[Ramp]) -> list[Ramp]:
        if any(later.at < one.at for one, later in pairwise(ramps)):
            raise ValueError("expected ramps in the order of their times; sort them")
        return ramps


class Selector(Part):
    """On what: services, nodes, and which of their replicas."""

    services: list[Name] = []
    nodes: list[str] = []
    labels: dict[str, str] = {}
    role: Literal["main", "decode", "prefill"] | None = None
    revision: str = ""
    mode: Literal["one", "all", "fixed", "fixed-percent", "random-max-percent"] | None = None
    """How many of what fits; without it, what is usual for the fault."""
    value: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)] | None = None
    """How many, for mode fixed; percent, for the two percent modes."""

    @model_validator(mode="after")
    def _value_fits(self) -> Selector:
        counted = self.mode not in {None, "one", "all"}
        if counted and self.value is None:
            raise ValueError(f"mode {self.mode} needs a value")
        if not counted and self.value is not None:
            raise ValueError(f"mode {self.mode or 'of the fault'} takes no value; remove it")
        if "percent" in (self.mode or "") and self.value is not None and self.value > 100:
            raise ValueError("expected a value of at most 100 percent")
        if self.mode == "fixed" and self.value is not None and not self.value.is_integer():
            raise ValueError(f"mode fixed needs a whole number, got {self.value:g}")
        return self

    @field_validator("revision")
    @classmethod
    def _can_be_one(cls, revision: str) -> str:
        named = not revision or revision in {"newest", "oldest"}
        if not (named or re.fullmatch(r"[1-9]\d{0,8}", revision) or is_suffix(revision)):
            raise ValueError(f"expected newest, oldest, a number or a hash, got {revision}")
        return revision


def _selected(value: object) -> object:
    if isinstance(value, str):
        return {"services": [value]}
    return {"services": value} if isinstance(value, list) else value


class Step(Part):
    """One thing that happens: a fault, an operation, a wait, or several steps."""

    model_config = ConfigDict(json_schema_extra=with_parameters)

    name: str = ""
    at: Duration = 0.0
    """When, after the beginning of the recipe or of the step it is part of."""
    every: Annotated[Duration, Field(ge=1)] | None = None
    times: Annotated[int, Field(ge=1, le=10_000)] | None = None
    fault: str | None = None
    do: str | None = None
    on: Annotated[
        Selector | None,
        BeforeValidator(_selected, json_schema_input_type=Selector | Name | list[Name] | None),
    ] = None
    with_: Annotated[dict[str, Any], Field(alias="with")] = {}
    lasts: Annotated[Duration | None, Field(alias="for", gt=0)] = None
    serial: Annotated[list[Step], Field(min_length=1)] | None = None
    parallel: Annotated[list[Step], Field(min_length=1)] | None = None
    suspend: Duration | None = None
    deadline: Annotated[Duration | None, Field(gt=0)] = None

    @model_validator(mode="after")
    def _one_thing(self) -> Step:
        kinds = {
            "fault": self.fault,
            "do": self.do,
            "serial": self.serial,
            "parallel": self.parallel,
            "suspend": self.suspend,
        }
        said = [name for name, value in kinds.items() if value is not None]
        if len(said) != 1:
            got = " and ".join(said) or "none"
            raise ValueError(f"expected one of {', '.join(kinds)}; got {got}")
        if self.times is not None and self.every is None:
            raise ValueError("times needs every: how long from one to the next")
        if self.deadline is not None and said[0] not in {"serial", "parallel"}:
            raise ValueError("only serial and parallel have a deadline; use for")
        if said[0] not in {"fault", "do"}:
            for name, value in (("on", self.on), ("with", self.with_), ("for", self.lasts)):
                if value:
                    raise ValueError(f"{said[0]} takes no {name}; remove it")
        if self.do is not None and self.lasts is not None:
            raise ValueError("an operation does not end by itself; remove for, or use a fault")
        return self
