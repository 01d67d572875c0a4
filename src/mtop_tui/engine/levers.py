"""What can be changed in a running simulation: the only way in for faults, scenarios and users.

A lever changes a cause (a rate, a capacity, a process, a place); what follows from it is up to the
simulation. All levers act at the fleet's present time and say what they touched, as names: services
as "namespace/name", pods and nodes by their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from mtop_tui.observations import Role, ServiceKey

if TYPE_CHECKING:
    from mtop_tui.engine.deployment import SimulatedService
    from mtop_tui.engine.serving.requests import Factors
    from mtop_tui.engine.workload.changes import LoadChange

Mode = Literal["one", "all", "fixed", "fixed-percent", "random-max-percent"]
"""How many of the replicas that fit are meant, as Chaos Mesh says it."""

Strategy = Literal["rolling", "recreate", "bluegreen"]

Size = int | str
"""So many replicas, or a share of them such as "25%"."""

ScalingMetric = Literal["saturation", "running", "waiting", "kv_usage"]
"""What replicas are wanted by: llm-d's variant autoscaler, or a mean per replica against a target.
"""


class LeverError(ValueError):
    """What was asked for is not there; the message names it."""


class Selector(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which replicas are meant. Whatever is left empty restricts nothing.

    Attributes:
        namespaces, names: of their services.
        labels: that their services must have, all of them.
        role: of their pool.
        revision: its hash, its number, "newest" or "oldest".
        nodes: they must run on one of.
        pods: their own names.
        mode: how many of those that fit: "one" drawn one, "fixed" as many as `value`,
            "fixed-percent" that share of them rounded up, "random-max-percent" a drawn share up to
            that. Draws come from the fleet's seed.
        value: for the last three modes.
    """

    namespaces: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    role: Role | None = None
    revision: str = ""
    nodes: tuple[str, ...] = ()
    pods: tuple[str, ...] = ()
    mode: Mode = "all"
    value: float = 0.0


class Plan(msgspec.Struct, frozen=True):
    """How a revision takes the place of the one before.

    Attributes:
        strategy: "rolling" a few replicas at a time; "recreate" ends all old ones before it starts
            new ones; "bluegreen" starts all new ones beside the old, and moves all requests at once
            when they serve. The old ones end 30 s later.
        surge: replicas a rolling update may have too many; None: as the workload says, or 25 %.
        unavailable: those it may lack.
        hold: whether a blue-green rollout waits for somebody to promote it before requests move.
        auto_undo: whether a rollout that is overdue is undone.
    """

    strategy: Strategy = "rolling"
    surge: Size | None = None
    unavailable: Size | None = None
    hold: bool = False
    auto_undo: bool = False


USUAL = Plan()
"""A rolling update."""


class Levers(Protocol):
    """Everything a scenario or a fault may do to a fleet.

    A lever raises LeverError for a service, pool, node or group that is not there, and for a
    selector that fits no replica.
    """

    # Time

    @property
    def now(self) -> float:
        """The fleet's present time, Unix seconds."""
        ...

    def at(self, when: float, action: Callable[[], object]) -> None:
        """Call `action` when the fleet's time has come to `when`, or next if that is past.

        What is done so does not depend on how often somebody looks.
        """
        ...

    # Services and their workloads

    def add_service(self, one: SimulatedService) -> tuple[str, ...]:
        """Create a service; its replicas start from nothing."""
        ...

    def remove_service(self, key: ServiceKey) -> tuple[str, ...]:
        """Delete a service and all that belongs to it."""
        ...

    def scale(self, key: ServiceKey, role: Role | None, replicas: int) -> tuple[str, ...]:
        """Set the replicas of a pool (None: of its only or main one), as `kubectl scale` does.

        An autoscaler of the pool will take over again at its next look.
        """
        ...

    def stop(self, key: ServiceKey, stopped: bool = True) -> tuple[str, ...]:
        """Stop a service on purpose, or start it again."""
        ...

    def restart(self, key: ServiceKey, role: Role | None = None) -> tuple[str, ...]:
        """Roll all replicas of a pool anew, as `kubectl rollout restart` does."""
        ...

    def set_scaling(
        self,
        key: ServiceKey,
        role: Role | None,
        minimum: int,
        maximum: int,
        *,
        metric: ScalingMetric = "saturation",
        target: float = 1.0,
        scaled_object: bool = False,
    ) -> tuple[str, ...]:
        """Give a pool an autoscaler, or its autoscaler other bounds and another rule.

        Args:
            key, role: of the pool; None is its only or main one.
            minimum, maximum: replicas; a minimum of 0 needs KEDA.
            metric: what decides, see `ScalingMetric`.
            target: of its mean per replica; not used for "saturation".
            scaled_object: whether a new autoscaler is KEDA's.
        """
        ...

    # Load

    def set_workload_change(self, key: ServiceKey, change: LoadChange) -> tuple[str, ...]:
        """Change the rate of requests at a service, or at the group it is in."""
        ...

    def set_weights(
        self, namespace: str, group: str, weights: Mapping[str, int]
    ) -> tuple[str, ...]:
        """Set weights of members of a route group; those not named keep theirs."""
        ...

    def mirror(self, key: ServiceKey, shadow: ServiceKey | None) -> tuple[str, ...]:
        """Send a copy of every request of `key` to `shadow`, whose answers nobody reads."""
        ...

    def prefix_flush(self, key: ServiceKey) -> tuple[str, ...]:
        """Empty the prefix caches of all its replicas."""
        ...

    # Rollouts

    def roll_out(
        self,
        key: ServiceKey,
        role: Role | None = None,
        *,
        image: str | None = None,
        factors: Factors | None = None,
        plan: Plan = USUAL,
        weights_gb: float | None = None,
        start_fails: str = "",
    ) -> int:
        """Start a new revision of a pool, and return its number.

        Args:
            image: None keeps the image.
            factors: how its replicas differ from the old ones.
            plan: how it takes the place of the one before.
            weights_gb: size of its weights in GB, None for that of the model.
            start_fails: what its engine says when it ends while it loads; empty: it does not.
        """
        ...

    def pause_rollout(self, key: ServiceKey) -> tuple[str, ...]:
        """Hold a rollout where it is."""
        ...

    def resume_rollout(self, key: ServiceKey) -> tuple[str, ...]:
        """Let a held rollout go on."""
        ...

    def promote(self, key: ServiceKey) -> tuple[str, ...]:
        """Give a service all traffic of its group, or finish a held rollout of its own."""
        ...

    def abort(self, key: ServiceKey) -> tuple[str, ...]:
        """Take all traffic of its group from a service, or undo a rollout under way."""
        ...

    def undo(self, key: ServiceKey) -> tuple[str, ...]:
        """Go back to the revision before, as `kubectl rollout undo` does."""
        ...

    def watch_canary(
        self, namespace: str, group: str, canary: str, *, interval: float = 15.0
    ) -> tuple[str, ...]:
        """Judge a member of a group by its metrics every `interval` seconds, from now on.

        When the verdict is WORSE its weight becomes 0, and an Event says why.
        """
        ...

    # Pods

    def kill_pods(self, selector: Selector) -> tuple[str, ...]:
        """Delete pods; their owners replace them."""
        ...

    def crash_pods(
        self, selector: Selector, reason: str = "Error", code: int = 1, message: str = ""
    ) -> tuple[str, ...]:
        """End the engines of pods ("OOMKilled" with code 137); the kubelet restarts them."""
        ...

    def set_factors(
        self, name: str, selector: Selector, factors: Factors | None
    ) -> tuple[str, ...]:
        """Change what replicas can do, or take back (None) what was changed under this name.

        Replicas that replace chosen ones are like new. Changes of several names combine.
        """
        ...

    def throttle(self, selector: Selector, reason: str, factors: Factors | None) -> tuple[str, ...]:
        """Hold down the clocks of the GPUs of replicas, or let go (None).

        `reason` is one of DCGM's: "SwThermal", "HwThermal", "HwSlowdown", "SwPowerCap".
        """
        ...

    def set_pull(
        self, selector: Selector, bytes_per_s: float | None = None, *, fails: bool = False
    ) -> tuple[str, ...]:
        """Bound the rate at which images come (None: as usual), or let pulls fail.

        Holds for all replicas of the chosen ones' pools, those to come too.
        """
        ...

    def set_weights_rate(
        self, selector: Selector, bytes_per_s: float | None = None, *, hangs: bool = False
    ) -> tuple[str, ...]:
        """Bound the rate at which weights are downloaded and read, or let the download hang.

        Holds for all replicas of the chosen ones' pools, those to come too.
        """
        ...

    def log(self, selector: Selector, lines: Iterable[str]) -> tuple[str, ...]:
        """Write lines into the logs of replicas' main containers."""
        ...

    # Nodes

    def cordon(self, node: str, unschedulable: bool = True) -> tuple[str, ...]:
        """Let no new pods onto a node, or let them again."""
        ...

    def fail_node(self, node: str) -> tuple[str, ...]:
        """A node is lost without a word: NotReady after 40 s, its pods evicted 300 s later."""
        ...

    def recover_node(self, node: str) -> tuple[str, ...]:
        """A node comes back, with sound GPUs."""
        ...

    def reclaim_node(self, node: str, notice: float = 120.0) -> tuple[str, ...]:
        """The cloud takes a spot node back after `notice` seconds; a new one boots in its place."""
        ...

    def raise_xid(self, node: str, gpu_index: int, code: int) -> tuple[str, ...]:
        """A GPU reports an XID error; codes that end the program or lose the GPU do so."""
        ...

    def set_quota(self, namespace: str, gpus: int | None) -> tuple[str, ...]:
        """Bound the GPUs that a namespace may request; None: as many as there are."""
        ...
