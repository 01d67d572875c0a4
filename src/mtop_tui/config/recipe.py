"""What a recipe may say: the models that check it, and from which its JSON Schema is made.

Imported only when a recipe is read: pydantic costs more start-up time than all of the command line.
`config.recipe_errors` turns its complaints into sentences; `providers.mock.recipes` reads files.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from mtop_tui.config.recipe_cluster import Environment, Fleet
from mtop_tui.config.recipe_scenario import Load, Step
from mtop_tui.config.recipe_values import Duration, Name, Part, Text
from mtop_tui.config.settings import DEFAULT_SEED, DEFAULT_SPEED, nearest
from mtop_tui.domain.diagnosis.ranking import CAUSES
from mtop_tui.engine.fleet import HISTORY
from mtop_tui.views.check_metrics import FLEET_METRICS, SERVICE_METRICS


class Expectation(Part):
    """One thing that must have happened; computed from what was observed, never assumed."""

    check: Text
    """What it says, in words."""
    service: Name | None = None
    metric: str | None = None
    aggregate: Literal["last", "first", "min", "max", "mean"] = "last"
    op: Literal["<", "<=", ">", ">=", "==", "!="] | None = None
    value: Annotated[float, Field(allow_inf_nan=False)] | None = None
    times_of: Name | None = None
    """The value is so many times the same figure of this service."""
    event: Text | None = None
    """Reason of a Kubernetes event about the service or what belongs to it."""
    diagnosis: str | None = None
    """The first cause the diagnosis gives for the service, at some time in the window."""
    since: Annotated[Duration, Field(alias="from")] = 0.0
    until: Annotated[Duration | None, Field(alias="to")] = None
    """End of the window; without it, the end of the recipe."""

    @model_validator(mode="after")
    def _one_kind(self) -> Expectation:
        said = [
            name for name in ("metric", "event", "diagnosis") if getattr(self, name) is not None
        ]
        if len(said) != 1:
            got = " and ".join(said) or "none"
            raise ValueError(f"expected one of metric, event, diagnosis; got {got}")
        if (said[0] == "metric") != (self.op is not None and self.value is not None):
            needs = "needs op and value" if said[0] == "metric" else "takes no op and value"
            raise ValueError(f"{said[0]} {needs}")
        if said[0] == "diagnosis" and self.service is None:
            raise ValueError("diagnosis needs a service")
        if self.times_of is not None and (said[0] != "metric" or self.service is None):
            raise ValueError("times_of compares the metric of a service; name both, or remove it")
        if said[0] != "metric" and "aggregate" in self.model_fields_set:
            raise ValueError(f"{said[0]} takes no aggregate; remove it")
        if self.until is not None and self.until <= self.since:
            raise ValueError("expected `to` after `from`")
        return self

    @field_validator("metric")
    @classmethod
    def _known_metric(cls, metric: str | None) -> str | None:
        if metric is not None and metric not in {*SERVICE_METRICS, *FLEET_METRICS}:
            known = [*SERVICE_METRICS, *FLEET_METRICS]
            hint = nearest(metric, known) or f"; there are {', '.join(known)}"
            raise ValueError(f"no metric {metric}{hint}")
        return metric

    @field_validator("diagnosis")
    @classmethod
    def _known_cause(cls, cause: str | None) -> str | None:
        if cause is not None and cause not in CAUSES:
            hint = nearest(cause, CAUSES) or "; docs/diagnosis.md lists them"
            raise ValueError(f"no cause {cause}{hint}")
        return cause


class Recipe(Part):
    """A story: where, what runs, what is asked of it, what happens, what must come of it."""

    summary: Annotated[str, Field(min_length=1, max_length=200)]
    """One line for `mtop recipes`."""
    target: Name | None = None
    """What ${target} stands for below, unless --target says another service."""
    environment: Environment = Environment()
    fleet: Fleet = Fleet()
    workload: dict[Name, Load] = {}
    scenario: list[Step] = []
    history: Duration = HISTORY
    """How much simulated past there is when it opens."""
    fluid: bool = False
    """Work with rates instead of single requests; figures are then marked analytic."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = DEFAULT_SEED
    speed: Annotated[float, Field(gt=0, le=1_000, allow_inf_nan=False)] = DEFAULT_SPEED
    """Simulated seconds per second on the screen."""
    duration: Annotated[Duration, Field(gt=0)] = 600.0
    expect: list[Expectation] = []
