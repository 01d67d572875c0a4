"""The levers of a simulated fleet: what scenarios, faults and users do to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from mtop_tui.engine import deployment
from mtop_tui.engine.control.autoscaling import Rule
from mtop_tui.engine.control.selection import chosen
from mtop_tui.engine.levers import LeverError, ScalingMetric, Selector, Strategy
from mtop_tui.engine.lifecycle import Limits
from mtop_tui.engine.pods import SimulatedReplica
from mtop_tui.engine.service_run import PoolRun, RevisionRun, ServiceRun
from mtop_tui.engine.serving.replica import ReplicaServer
from mtop_tui.engine.serving.requests import UNCHANGED, Factors
from mtop_tui.observations import ObjectRef, Role, ServiceKey

if TYPE_CHECKING:
    from mtop_tui.engine.fleet import SimulatedFleet
    from mtop_tui.engine.router import Flow
    from mtop_tui.engine.workload.changes import LoadChange

_FULL_WEIGHT = 100


class FleetLevers:
    """`Levers` of one fleet; see there for what each does."""

    def __init__(self, fleet: SimulatedFleet) -> None:
        self._fleet = fleet
        self._world = fleet.world
        self._workloads = fleet.workloads
        self._kubelet = fleet.kubelet
        self._nodes = fleet.nodes
        self._router = fleet.router
        self._draws = 0

    @property
    def now(self) -> float:
        """The fleet's present time, Unix seconds."""
        return self._world.now

    def at(self, when: float, action: Callable[[], object]) -> None:
        """Call `action` when the fleet's time has come to `when`."""
        self._world.at(when, action)

    # Services and their workloads

    def add_service(self, one: deployment.SimulatedService) -> tuple[str, ...]:
        """Create a service; its replicas start from nothing."""
        self._fleet.describe_first()
        if one.service.key in self._world.services:
            raise LeverError(f"{_name(one.service.key)} is there already")
        self._fleet.appear(one, self.now)
        return (_name(one.service.key),)

    def remove_service(self, key: ServiceKey) -> tuple[str, ...]:
        """Delete a service and all that belongs to it."""
        self._run(key)
        self._fleet.disappear(key)
        return (_name(key),)

    def scale(self, key: ServiceKey, role: Role | None, replicas: int) -> tuple[str, ...]:
        """Set the replicas of a pool."""
        if replicas < 0:
            raise LeverError(f"{replicas} replicas: expected 0 or more")
        run, pool = self._pool(key, role)
        run.change()
        self._workloads.scale(pool, replicas)
        self._workloads.changed(pool)
        return (_name(key),)

    def stop(self, key: ServiceKey, stopped: bool = True) -> tuple[str, ...]:
        """Stop a service on purpose, or start it again."""
        run = self._run(key)
        run.change(stopped=stopped)
        for pool in run.pools:
            wanted = 1 if pool.spec.desired is None else pool.spec.desired
            self._workloads.scale(pool, 0 if stopped else wanted)
            self._workloads.changed(pool)
        self._router.reweigh(key)
        return (_name(key),)

    def restart(self, key: ServiceKey, role: Role | None = None) -> tuple[str, ...]:
        """Roll all replicas of a pool anew."""
        self.roll_out(key, role)
        return (_name(key),)

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
        """Give a pool an autoscaler, or its autoscaler other bounds and another rule."""
        if not 0 <= minimum <= maximum or (minimum == 0 and not scaled_object):
            raise LeverError(f"{minimum} to {maximum} replicas: expected 1 (KEDA: 0) or more")
        run, pool = self._pool(key, role)
        rule = Rule(metric, target)
        if pool.scaler is not None:
            pool.scaler.bound(minimum, maximum, rule)
        else:
            self._fleet.add_scaler(run, pool, minimum, maximum, rule, scaled_object=scaled_object)
        return (_name(key),)

    # Load

    def set_workload_change(self, key: ServiceKey, change: LoadChange) -> tuple[str, ...]:
        """Change the rate of requests at a service, or at the group it is in."""
        self._run(key)
        self._router.change(key, change)
        return (_name(key),)

    def set_weights(
        self, namespace: str, group: str, weights: Mapping[str, int]
    ) -> tuple[str, ...]:
        """Set weights of members of a route group."""
        flow = self._group(namespace, group)
        members = {run.key.name for run, _ in flow.members}
        for name, weight in weights.items():
            if name not in members:
                raise LeverError(f"{name} is not in route group {namespace}/{group}")
            if weight < 0:
                raise LeverError(f"weight {weight} of {name}: expected 0 or more")
        self._router.set_weights(flow, dict(weights))
        for run, _ in flow.members:
            if run.key.name in weights:
                self._report(run)
        return tuple(f"{namespace}/{name}" for name in weights)

    def mirror(self, key: ServiceKey, shadow: ServiceKey | None) -> tuple[str, ...]:
        """Send a copy of every request of `key` to `shadow`."""
        self._run(key)
        flow = self._router.flow(key)
        if flow is None:
            raise LeverError(f"{_name(key)} gets no requests")
        if shadow is None:
            flow.mirrors.pop(key, None)
            return (_name(key),)
        self._run(shadow)
        flow.mirrors[key] = shadow
        return (_name(key), _name(shadow))

    def prefix_flush(self, key: ServiceKey) -> tuple[str, ...]:
        """Empty the prefix caches of all its replicas."""
        found = [one for pool in self._run(key).pools for one in pool.serving]
        for replica in found:
            if isinstance(replica.server, ReplicaServer):
                replica.server.advance(max(self.now, replica.server.at))
                replica.server.flush_prefixes()
        return _names(found)

    # Rollouts

    def roll_out(
        self,
        key: ServiceKey,
        role: Role | None = None,
        *,
        image: str | None = None,
        factors: Factors | None = None,
        strategy: Strategy = "rolling",
        weights_gb: float | None = None,
        start_fails: str = "",
    ) -> int:
        """Start a new revision of a pool, and return its number."""
        run, pool = self._pool(key, role)
        before = pool.newest
        revision = deployment.new_revision(
            pool, self._world.seed, self.now, image=before.image if image is None else image
        )
        revision.factors = UNCHANGED if factors is None else factors
        revision.weights = before.weights if weights_gb is None else weights_gb * 1e9
        revision.start_fails = start_fails
        run.change()
        self._workloads.roll_out(pool, revision, strategy)
        return revision.number

    def pause_rollout(self, key: ServiceKey) -> tuple[str, ...]:
        """Hold a rollout where it is."""
        for pool in self._rolling(key):
            pool.paused = True
        return (_name(key),)

    def resume_rollout(self, key: ServiceKey) -> tuple[str, ...]:
        """Let a held rollout go on."""
        for pool in self._rolling(key):
            pool.paused = False
            self._workloads.changed(pool)
        return (_name(key),)

    def promote(self, key: ServiceKey) -> tuple[str, ...]:
        """Give a service all traffic of its group, or finish a held rollout of its own."""
        flow = self._flow_of_group(key)
        if flow is None:
            return self.resume_rollout(key)
        weights = {run.key.name: 0 for run, _ in flow.members} | {key.name: _FULL_WEIGHT}
        return self.set_weights(key.namespace, flow.key.name, weights)

    def abort(self, key: ServiceKey) -> tuple[str, ...]:
        """Take all traffic of its group from a service, or undo a rollout under way."""
        flow = self._flow_of_group(key)
        if flow is None:
            return self.undo(key)
        return self.set_weights(key.namespace, flow.key.name, {key.name: 0})

    def undo(self, key: ServiceKey) -> tuple[str, ...]:
        """Go back to the revision before."""
        run = self._run(key)
        pools = [pool for pool in run.pools if len(pool.revisions) > 1]
        if not pools:
            raise LeverError(f"{_name(key)} has no earlier revision")
        for pool in pools:
            earlier: RevisionRun = pool.revisions.pop(-2)
            # Kubernetes takes the old ReplicaSet up again, as the newest revision.
            earlier.number = pool.newest.number + 1
            run.change()
            self._workloads.roll_out(pool, earlier, "rolling")
        return (_name(key),)

    def watch_canary(
        self, namespace: str, group: str, canary: str, *, interval: float = 15.0
    ) -> tuple[str, ...]:
        """Judge a member of a group by its metrics every `interval` seconds, from now on."""
        flow = self._group(namespace, group)
        runs = {run.key.name: (run, weight) for run, weight in flow.members}
        if canary not in runs:
            raise LeverError(f"{canary} is not in route group {namespace}/{group}")
        others = [(weight, name) for name, (_, weight) in runs.items() if name != canary]
        if not others:
            raise LeverError(f"route group {namespace}/{group} has nobody beside {canary}")
        # Statistics cost the start of the app some milliseconds that few sessions need.
        from mtop_tui.engine.control.analysis import CanaryAnalysis  # noqa: PLC0415

        stable = runs[max(others)[1]][0]
        analysis = CanaryAnalysis(
            self._world,
            stable,
            runs[canary][0],
            self._group_ref(flow),
            lambda: self.set_weights(namespace, group, {canary: 0}),
        )
        analysis.begin(interval)
        return (f"{namespace}/{canary}",)

    # Pods

    def kill_pods(self, selector: Selector) -> tuple[str, ...]:
        """Delete pods; their owners replace them."""
        found = [one for one in self._chosen(selector) if not one.ending]
        for replica in found:
            self._kubelet.end(replica)
        return _names(found)

    def crash_pods(
        self, selector: Selector, reason: str = "Error", code: int = 1, message: str = ""
    ) -> tuple[str, ...]:
        """End the engines of pods; the kubelet restarts them."""
        found = self._chosen(selector, running=True)
        for replica in found:
            self._kubelet.crash(replica, reason, code, message)
        return _names(found)

    def set_factors(
        self, name: str, selector: Selector, factors: Factors | None
    ) -> tuple[str, ...]:
        """Change what replicas can do, or take back what was changed under this name."""
        if factors is None:
            found = [one for one in self._fleet.replicas() if name in one.factors]
        else:
            found = self._chosen(selector)
        for replica in found:
            self._up_to_now(replica)
            was_hung = replica.hung
            replica.change(name, factors)
            self._kubelet.changed_factors(replica, was_hung)
        return _names(found)

    def throttle(self, selector: Selector, reason: str, factors: Factors | None) -> tuple[str, ...]:
        """Hold down the clocks of the GPUs of replicas, or let go."""
        name = f"throttle {reason}"
        if factors is None:
            found = [one for one in self._fleet.replicas() if name in one.factors]
        else:
            found = self._chosen(selector)
        for replica in found:
            self._up_to_now(replica)
            replica.change(name, factors)
            if factors is None:
                replica.throttled.pop(name, None)
            else:
                replica.throttled[name] = reason
        return _names(found)

    def set_pull(
        self, selector: Selector, bytes_per_s: float | None = None, *, fails: bool = False
    ) -> tuple[str, ...]:
        """Bound the rate at which images come, or let pulls fail."""

        def limited(pool: PoolRun) -> Limits:
            image = pool.newest.image or deployment.DEFAULT_IMAGE
            fault = deployment.pull_fault(image) if fails else ""
            return msgspec.structs.replace(pool.limits, pull=bytes_per_s, pull_fault=fault)

        return self._limit(selector, limited)

    def set_weights_rate(
        self, selector: Selector, bytes_per_s: float | None = None, *, hangs: bool = False
    ) -> tuple[str, ...]:
        """Bound the rate at which weights are downloaded and read, or let the download hang."""
        rate = 0.0 if hangs else bytes_per_s
        return self._limit(
            selector, lambda pool: msgspec.structs.replace(pool.limits, weights=rate)
        )

    def log(self, selector: Selector, lines: Iterable[str]) -> tuple[str, ...]:
        """Write lines into the logs of replicas' main containers."""
        found = self._chosen(selector)
        told = list(lines)
        for replica in found:
            self._fleet.chronicle.write(replica, told)
        return _names(found)

    # Nodes

    def cordon(self, node: str, unschedulable: bool = True) -> tuple[str, ...]:
        """Let no new pods onto a node, or let them again."""
        self._nodes.cordon(self._node(node), unschedulable)
        return (node,)

    def fail_node(self, node: str) -> tuple[str, ...]:
        """A node is lost without a word."""
        self._nodes.fail(self._node(node))
        return (node,)

    def recover_node(self, node: str) -> tuple[str, ...]:
        """A node comes back, with sound GPUs."""
        self._nodes.recover(self._node(node))
        return (node,)

    def reclaim_node(self, node: str, notice: float = 120.0) -> tuple[str, ...]:
        """The cloud takes a spot node back."""
        self._nodes.reclaim(self._node(node), notice)
        return (node,)

    def raise_xid(self, node: str, gpu_index: int, code: int) -> tuple[str, ...]:
        """A GPU reports an XID error."""
        host = self._world.cluster.hosts[self._node(node)]
        if not 0 <= gpu_index < host.built_in // host.shares:
            raise LeverError(f"{node} has no GPU {gpu_index}")
        return (node, *_names(self._nodes.raise_xid(node, gpu_index, code)))

    def set_quota(self, namespace: str, gpus: int | None) -> tuple[str, ...]:
        """Bound the GPUs that a namespace may request."""
        self._world.quotas.limit(namespace, gpus)
        for run in self._world.services.values():
            for pool in run.pools:
                if run.key.namespace == namespace and pool.refused:
                    self._workloads.changed(pool)
        return (namespace,)

    # What is meant

    def _run(self, key: ServiceKey) -> ServiceRun:
        self._fleet.describe_first()
        run = self._world.services.get(key)
        if run is None:
            raise LeverError(f"there is no service {_name(key)}")
        return run

    def _pool(self, key: ServiceKey, role: Role | None) -> tuple[ServiceRun, PoolRun]:
        run = self._run(key)
        if not run.pools:
            raise LeverError(f"{_name(key)} has no workload")
        found = [one for one in run.pools if role in {None, one.role}]
        if not found:
            raise LeverError(f"{_name(key)} has no {role} pool")
        return run, found[0]

    def _rolling(self, key: ServiceKey) -> list[PoolRun]:
        found = [pool for pool in self._run(key).pools if not pool.settled]
        if not found:
            raise LeverError(f"{_name(key)} has no rollout under way")
        return found

    def _group(self, namespace: str, group: str) -> Flow:
        self._fleet.describe_first()
        flow = self._router.group(namespace, group)
        if flow is None:
            raise LeverError(f"there is no route group {namespace}/{group}")
        return flow

    def _flow_of_group(self, key: ServiceKey) -> Flow | None:
        self._run(key)
        flow = self._router.flow(key)
        return flow if flow is not None and flow.group is not None else None

    @staticmethod
    def _group_ref(flow: Flow) -> ObjectRef:
        assert flow.group is not None
        return flow.group.ref

    def _node(self, name: str) -> str:
        self._fleet.describe_first()
        if name not in self._world.cluster.hosts:
            raise LeverError(f"there is no node {name}")
        return name

    def _chosen(self, selector: Selector, *, running: bool = False) -> list[SimulatedReplica]:
        self._fleet.describe_first()
        self._draws += 1
        random = self._world.random("selector", str(self._draws))
        found = [
            one
            for one in self._fleet.replicas()
            if not running or (one.life.stage.phase in {"starting", "ready"} and one.seats)
        ]
        return chosen(selector, found, self._world, random)

    def _limit(self, selector: Selector, limited: Callable[[PoolRun], Limits]) -> tuple[str, ...]:
        found = self._chosen(selector)
        pools = dict.fromkeys(self._world.pool_of(one) for one in found)
        for pool in pools:
            pool.limits = limited(pool)
            for replica in pool.live:
                self._kubelet.limit(replica)
        return _names(found)

    def _up_to_now(self, replica: SimulatedReplica) -> None:
        if isinstance(replica.server, ReplicaServer) and replica.server.at < self.now:
            replica.server.advance(self.now)

    def _report(self, run: ServiceRun) -> None:
        service = run.report(self.now)
        if service is not None:
            self._world.emit(service)


def _name(key: ServiceKey) -> str:
    return f"{key.namespace}/{key.name}"


def _names(replicas: Iterable[SimulatedReplica]) -> tuple[str, ...]:
    return tuple(one.ref.name for one in replicas)
