"""The fleets by which the diagnosis is judged: alike in shape, unlike in hardware and load."""

from __future__ import annotations

from typing import NamedTuple

SERVICE = "judge/main"
CANARY = "judge/main-canary"
BYSTANDER = "judge/other"


class FleetKind(NamedTuple):
    """One of the fleets: four replicas of a service, a canary beside it, and a bystander.

    Attributes:
        name: of the fleet and its nodes.
        gpu: kind of its GPUs.
        gpus: GPUs of a replica.
        nodes: how many.
        model: what it serves.
        kind: of its requests.
        rps: requests per second of service and canary together.
        cached: share of prompt tokens that were seen before.
        ttft: objective of the p95 in seconds.
        tpot: objective of the mean in seconds.
    """

    name: str
    gpu: str
    gpus: int
    nodes: int
    model: str
    kind: str
    rps: float
    cached: float
    ttft: float
    tpot: float


FLEETS = (
    FleetKind("l4", "L4", 2, 5, "meta-llama/Llama-3.1-8B-Instruct", "chat", 5.5, 0.6, 0.8, 0.06),
    FleetKind(
        *("a100", "A100-80GB", 2, 3, "mistralai/Mistral-7B-Instruct-v0.3"),
        *("mixed", 25.0, 0.5, 0.3, 0.0125),
    ),
    FleetKind(
        *("h100", "H100", 4, 4, "meta-llama/Llama-3.1-70B-Instruct"),
        *("chat", 15.0, 0.6, 0.42, 0.033),
    ),
)
"""Objectives are a third above the worst minute of an ordinary hour. Loads are about 60 % of those
at which the objectives begin to be missed, so that they hold when two of the five replicas are
lost. `headroom.py` measures both."""

_RECIPE = """\
summary: a fleet to judge by
environment:
  nodes: [{{pool: {name}, gpu: {gpu}, gpus: {per_node}, count: {nodes}}}]
fleet:
  services:
    - name: judge/main
      model: {model}
      gpu: {gpu}
      gpus: {gpus}
      replicas: 4
      route: {{group: main, weight: 80}}
      slo: ttft<={ttft_ms:g}ms@95%, tpot<={tpot_ms:g}ms@95%, availability@99%
    - {{name: judge/main-canary, copy: judge/main, replicas: 1, age: 12h,
       route: {{group: main, weight: 20}}}}
    - {{name: judge/other, model: {model}, gpu: {gpu}, gpus: {gpus}, replicas: 1}}
workload:
  judge/main: {{rps: {rps}, kind: {kind}, cached: {cached}}}
  judge/other: {{rps: {other}, kind: {kind}, cached: {cached}}}
duration: 1h
"""


def recipe_text(fleet: FleetKind) -> str:
    """The fleet as a recipe without a scenario."""
    per_node = 4 if fleet.gpu == "L4" else 8
    return _RECIPE.format(
        **fleet._asdict(),
        ttft_ms=fleet.ttft * 1000,
        tpot_ms=fleet.tpot * 1000,
        per_node=per_node,
        other=fleet.rps / 8,
    )
