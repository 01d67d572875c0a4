"""The kinds of values that a recipe is made of, and the base of its parts."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from mtop_tui.config.recipe_schema import DURATION_SCHEMA
from mtop_tui.config.settings import nearest
from mtop_tui.domain.durations import duration_seconds
from mtop_tui.domain.slo.grammar import GrammarError, parse_objectives
from mtop_tui.domain.slo.objectives import Origin
from mtop_tui.engine.hardware import GPUS, gpu_named

LONGEST = 30 * 86_400.0
"""Seconds that a recipe may last."""


def _seconds(value: object) -> object:
    found: float | None = None
    if isinstance(value, str):
        found = duration_seconds(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found = float(value) if abs(value) <= LONGEST else None
    if found is None or not 0 <= found <= LONGEST:
        raise ValueError("expected a duration such as 90s, 10m or 1h30m, 0s to 30d")
    return found


Duration = Annotated[float, BeforeValidator(_seconds), WithJsonSchema(DURATION_SCHEMA)]
"""Seconds; written as 90s, 10m or 1h30m."""

Name = Annotated[str, Field(pattern=r"^(?:[a-z0-9][a-z0-9.-]*/)?[a-z][a-z0-9-]*$")]
"""A service as NAMESPACE/NAME, or NAME in the namespace "default"."""

Text = Annotated[str, Field(min_length=1, max_length=253)]
"""A word or a line that may not be left empty."""

Rate = Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)]
Tokens = Annotated[float, Field(ge=1, le=1e6, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=100_000)]
Weight = Annotated[int, Field(ge=0, le=1_000_000)]


def _gpu(name: str) -> str:
    if name and gpu_named(name) is None:
        known = [gpu.name for gpu in GPUS]
        hint = nearest(name, known) or f"; there are {', '.join(known)}"
        raise ValueError(f"no GPU {name} is known{hint}")
    return name


def _profile(name: str) -> str:
    if name and not _MIG.fullmatch(name):
        raise ValueError(f"expected a MIG profile such as 1g.10gb, got {name}")
    return name


def _objectives(text: str) -> str:
    try:
        parse_objectives(text, Origin("annotation"))
    except GrammarError as error:
        raise ValueError(f"cannot be read: {error}; see docs/slo.md") from None
    return text


_MIG = re.compile(r"[1-7]g\.[1-9]\d{0,2}gb")

GpuName = Annotated[str, Field(max_length=100), AfterValidator(_gpu)]
"""Short name such as H100 or L4, or a product label; empty for none."""

MigProfile = Annotated[str, AfterValidator(_profile)]
"""Such as 1g.10gb; empty for whole GPUs."""

Objectives = Annotated[str, AfterValidator(_objectives)]
"""Such as ttft<=2s@95%."""


class Part(BaseModel):
    """Base of all parts: no unknown keys, no conversions that hide a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
