"""What a recipe may say: the models that check it, and from which its JSON Schema is made.

Imported only when a recipe is read: pydantic costs more start-up time than all of the command line.
`config.recipe_errors` turns its complaints into sentences; `providers.mock.recipes` reads files.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from mtop_tui.config.recipe_schema import DURATION_SCHEMA, with_parameters
from mtop_tui.config.settings import nearest
from mtop_tui.domain.durations import duration_seconds
from mtop_tui.engine.fleet import HISTORY
from mtop_tui.views.check_metrics import FLEET_METRICS, SERVICE_METRICS

LONGEST = 30 * 86_400.0
"""Seconds that a recipe may last."""


def _seconds(value: object) -> object:
    found: float | None = None
    if isinstance(value, str):
        found = duration_seconds(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found = float(value)
    if found is None or not 0 <= found <= LONGEST:
        raise ValueError("expected a duration such as 90s, 10m or 1h30m, 0s to 30d")
    return found


Duration = Annotated[float, BeforeValidator(_seconds), WithJsonSchema(DURATION_SCHEMA)]
"""Seconds; written as 90s, 10m or 1h30m."""

Name = Annotated[str, Field(pattern=r"^(?:[a-z0-9][a-z0-9.-]*/)?[a-z][a-z0-9-]*$")]
"""A service as NAMESPACE/NAME, or NAME in the namespace "default"."""

Rate = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Tokens = Annotated[float, Field(ge=1, le=1e6, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=100_000)]
Weight = Annotated[int, Field(ge=0, le=1_000_000)]


class Part(BaseModel):
    """Base of all parts: no unknown keys, no conversions that hide a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class NodePool(Part):
    """Nodes of one kind."""

    pool: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")]
    """The nodes are called POOL-1, POOL-2 and so on."""
    count: Annotated[int, Field(ge=1, le=20_000)] = 1
    gpu: str = ""
    """Short name such as H100 or L4, or a product label; empty: nodes without GPUs."""
    gpus: Annotated[int, Field(ge=0, le=64)] = 8
    """GPUs, or MIG slices, of one node."""
    mig: str = ""
    """MIG profile that each GPU is cut into, such as 1g.10gb."""
    instance: str = ""
    """Instance type, which finds the price; empty takes the usual one for the GPU."""
    region: str = "us-east-1"
    capacity: Literal["on-demand", "spot"] = "on-demand"


class Environment(Part):
    """Where services run: the nodes shipped with mtop, or pools of one's own."""

    mocks: str = ""
    """Folder with manifests, relative to the recipe; empty: those shipped with mtop."""
    nodes: list[NodePool] = []
    """Instead of the nodes of the folder."""


class Route(Part):
    """A share of a route group; weights are proportional."""

    group: str
    weight: Weight = 0


class Scaling(Part):
    """Bounds of an autoscaler, and what drives it."""

    least: Annotated[int, Field(alias="min", ge=1, le=10_000)] = 1
    most: Annotated[int, Field(alias="max", ge=1, le=10_000)]
    by: Literal["hpa", "keda"] = "hpa"


class ServiceSpec(Part):
    """A service in a few words; `patch` or `manifest` say what they do not."""

    name: Name
    model: str = ""
    """Such as meta-llama/Llama-3.1-8B-Instruct."""
    gpu: str = ""
    gpus: Annotated[int, Field(ge=0, le=64)] = 1
    """GPUs of one replica, over which the model is spread."""
    mig: str = ""
    """Ask for slices of this MIG profile instead of whole GPUs."""
    replicas: Annotated[int, Field(ge=0, le=10_000)] | None = None
    scaling: Scaling | None = None
    prefill: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Replicas of a prefill pool of its own."""
    image: str = ""
    route: Route | None = None
    age: Duration | None = None
    """Since when it is there when the recipe begins; 0s has it start then."""
    labels: dict[str, str] = {}
    slo: str = ""
    """Objectives, such as ttft<=2s@95%; see docs/slo.md."""
    copy_of: Annotated[Name | None, Field(alias="copy")] = None
    """Take the manifest of this service, with what is said here changed."""
    patch: dict[str, Any] = {}
    """Merged over the manifest (RFC 7386)."""
    manifest: dict[str, Any] | None = None
    """A whole LLMInferenceService in place of all this."""

    @model_validator(mode="after")
    def _one_source(self) -> ServiceSpec:
        if self.manifest is None and self.copy_of is None and not self.model:
            raise ValueError("needs a model, a service to copy, or a manifest")
        if self.scaling is not None and self.replicas is not None:
            raise ValueError("scaling cannot stand beside replicas; keep one of the two")
        return self


class Fleet(Part):
    """Which services there are."""

    mocks: list[str] = []
    """Patterns of services to take from the environment's folder, such as production/*."""
    clones: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Copy all services, and nodes in proportion, until there are so many."""
    services: list[ServiceSpec] = []
    overrides: dict[Name, dict[str, Any]] = {}
    """Merged over manifests (RFC 7386), by service."""


class Ramp(Part):
    """The rate moves to `times` what it would be, over a while, and stays there."""

    at: Duration
    times: Annotated[float, Field(ge=0, le=1_000, allow_inf_nan=False)]
    over: Duration = 0.0


class TraceFile(Part):
    """Requests as they were recorded: a CSV file with a line per request."""

    file: str
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
    cv: Annotated[float, Field(gt=0, le=30)] | None = None
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
    value: Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)] | None = None
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
        return self


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
    every: Annotated[Duration, Field(gt=0)] | None = None
    times: Annotated[int, Field(ge=1, le=10_000)] | None = None
    fault: str | None = None
    do: str | None = None
    on: Annotated[
        Selector | None,
        BeforeValidator(_selected, json_schema_input_type=Selector | Name | list[Name] | None),
    ] = None
    with_: Annotated[dict[str, Any], Field(alias="with")] = {}
    lasts: Annotated[Duration | None, Field(alias="for", gt=0)] = None
    serial: list[Step] | None = None
    parallel: list[Step] | None = None
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


class Expectation(Part):
    """One thing that must have happened; computed from what was observed, never assumed."""

    check: str
    """What it says, in words."""
    service: Name | None = None
    metric: str | None = None
    aggregate: Literal["last", "first", "min", "max", "mean"] = "last"
    op: Literal["<", "<=", ">", ">=", "==", "!="] | None = None
    value: Annotated[float, Field(allow_inf_nan=False)] | None = None
    times_of: Name | None = None
    """The value is so many times the same figure of this service."""
    event: str | None = None
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
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 7
    speed: Annotated[float, Field(gt=0, le=1_000, allow_inf_nan=False)] = 1.0
    """Simulated seconds per second on the screen."""
    duration: Annotated[Duration, Field(gt=0)] = 600.0
    expect: list[Expectation] = []
