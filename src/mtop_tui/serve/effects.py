"""What a change of an object means for the simulation: the levers that it pulls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mtop_tui.engine.demand import demand_of
from mtop_tui.engine.deployment import SimulatedService
from mtop_tui.engine.levers import LeverError, Levers, Selector
from mtop_tui.kserve.merge import STOP_ANNOTATION
from mtop_tui.kserve.parse import parse_service
from mtop_tui.kserve.records import service_record
from mtop_tui.observations import ObjectRef, Role, ServiceKey
from mtop_tui.serve.entries import Body, Entry
from mtop_tui.serve.simulation import Simulation

_RESTARTED = "kubectl.kubernetes.io/restartedAt"


class Effects:
    """Carries changes of objects into the simulation.

    A field that the simulation knows nothing of is stored and shown, and nothing follows from it.
    """

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    @property
    def _levers(self) -> Levers:
        return self._simulation.levers

    # Services

    def create(self, ref: ObjectRef, body: Body) -> None:
        """A service appears, and its replicas start from nothing."""
        simulation = self._simulation
        parsed = parse_service(body)
        combined = simulation.combined(body)
        record = service_record(parsed, combined, cluster=simulation.cluster, at=simulation.now)
        demand, _ = demand_of(parsed.metadata.annotations or {})
        service = msgspec.structs.replace(record, ref=ref, created_at=simulation.now)
        simulation.levers.add_service(SimulatedService(service, demand))

    def change_service(self, key: ServiceKey, before: Body, after: Body) -> None:
        """A service has another spec, or was stopped or started."""
        levers = self._levers
        old, new = before.get("spec") or {}, after.get("spec") or {}
        stopped = _stopped(after)
        for pool in self._simulation.fleet.world.services[key].pools:
            was, now = _half(old, pool.role), _half(new, pool.role)
            self._change_pool(key, pool.role, was, now, stopped=stopped)
        route_was, route_now = _route(old), _route(new)
        group = route_now.get("group")
        if group and group == route_was.get("group"):
            weight = route_now.get("weight") or 0
            if weight != (route_was.get("weight") or 0):
                levers.set_weights(key.namespace, group, {key.name: weight})
        if stopped != _stopped(before):
            levers.stop(key, stopped)
            if not stopped:
                self._fill(key, new)

    def _fill(self, key: ServiceKey, spec: Mapping[str, Any]) -> None:
        """A service was started: what its spec said meanwhile, or from the beginning, holds now."""
        for pool in self._simulation.fleet.world.services[key].pools:
            half = _half(spec, pool.role)
            if not half.get("scaling") and (half.get("replicas") is not None or not pool.desired):
                self._levers.scale(key, pool.role, _replicas(half))

    def _change_pool(
        self,
        key: ServiceKey,
        role: Role,
        was: Mapping[str, Any],
        now: Mapping[str, Any],
        *,
        stopped: bool,
    ) -> None:
        scaling = now.get("scaling") or {}
        if scaling and scaling != was.get("scaling"):
            keda = "keda" in scaling or "keda" in (scaling.get("wva") or {})
            least, most = scaling.get("minReplicas", 1), scaling.get("maxReplicas", 1)
            self._levers.set_scaling(key, role, least, max(least, most), scaled_object=keda)
        elif not scaling and not stopped and _replicas(now) != _replicas(was):
            self._levers.scale(key, role, _replicas(now))
        image = _image(now.get("template"))
        if image and image != _image(was.get("template")):
            self._levers.roll_out(key, role, image=image)
        elif _copied(now) != _copied(was):
            self._levers.restart(key, role)

    def delete_service(self, key: ServiceKey) -> None:
        """A service goes, with everything that belongs to it."""
        self._levers.remove_service(key)

    # Workloads, pods, autoscalers, nodes

    def scale(self, entry: Entry, replicas: int) -> None:
        """A workload has other replicas."""
        key, role = self.pool_of(entry)
        self._levers.scale(key, role, replicas)

    def change_workload(self, entry: Entry, before: Body, after: Body) -> None:
        """A Deployment or a LeaderWorkerSet has another spec."""
        old, new = before.get("spec") or {}, after.get("spec") or {}
        if old == new:
            return
        key, role = self.pool_of(entry)
        levers = self._levers
        if _replicas(new) != _replicas(old):
            levers.scale(key, role, _replicas(new))
        templates = [_pod_template(one) for one in (old, new)]
        images = [_image(one.get("spec")) for one in templates]
        if images[1] and images[0] != images[1]:
            levers.roll_out(key, role, image=images[1])
        elif _restarted(templates[0]) != _restarted(templates[1]):
            levers.restart(key, role)
        paused = bool(new.get("paused"))
        if paused != bool(old.get("paused")):
            (levers.pause_rollout if paused else levers.resume_rollout)(key)

    def change_autoscaler(self, entry: Entry, after: Body) -> None:
        """An autoscaler has other bounds."""
        projection = self._simulation.projection
        aim = entry.body["spec"]["scaleTargetRef"]["name"]
        name = entry.identity.get("app.kubernetes.io/name", "")
        key = ServiceKey(self._simulation.cluster, entry.namespace, name)
        known = projection.services[key]
        spec = after.get("spec") or {}
        for pool in known.service.pools:
            ref = known.facts.workload(pool.role, grouped=pool.nodes_per_replica > 1)
            if ref.name == aim:
                least = spec.get("minReplicas", 1)
                self._levers.set_scaling(key, pool.role, least, spec.get("maxReplicas", least))
                # It says so itself only when it next looks.
                scaler = self._simulation.fleet.world.services[key].pool(pool.role).scaler
                if scaler is not None:
                    projection.apply([scaler.record])

    def change_node(self, entry: Entry, before: Body, after: Body) -> None:
        """A node was cordoned, or is open again."""
        shut = bool((after.get("spec") or {}).get("unschedulable"))
        if shut != bool((before.get("spec") or {}).get("unschedulable")):
            self._levers.cordon(entry.name, shut)
            self._simulation.projection.surroundings.show_node(entry.name)

    def delete_pod(self, entry: Entry) -> None:
        """A pod is told to end; its owner replaces it.

        Raises:
            LeverError: nothing in the simulation stands for it.
        """
        index = entry.identity.get("leaderworkerset.sigs.k8s.io/worker-index", "0")
        name = entry.name if index == "0" else entry.name.rpartition("-")[0]
        self._levers.kill_pods(Selector(namespaces=(entry.namespace,), pods=(name,)))

    def pool_of(self, entry: Entry) -> tuple[ServiceKey, Role]:
        """The pool whose workload an object is.

        Raises:
            LeverError: it is no pool's: an endpoint picker's, for instance.
        """
        name = entry.identity.get("app.kubernetes.io/name", "")
        key = ServiceKey(self._simulation.cluster, entry.namespace, name)
        known = self._simulation.projection.services.get(key)
        for pool in known.service.pools if known else ():
            assert known is not None
            if known.facts.workload(pool.role, grouped=pool.nodes_per_replica > 1).uid == entry.uid:
                return key, pool.role
        raise LeverError(f"{entry.name} is no workload of the simulation")


def _half(spec: Mapping[str, Any], role: Role) -> Mapping[str, Any]:
    """What a spec says of one of its pools."""
    return spec.get("prefill") or {} if role == "prefill" else spec


def _replicas(pool: Mapping[str, Any]) -> int:
    stated = pool.get("replicas")
    return 1 if stated is None else int(stated)


def _copied(pool: Mapping[str, Any]) -> tuple[Any, Any]:
    """What KServe copies to the pods of a pool: with another one, they are made anew."""
    return pool.get("annotations") or {}, pool.get("labels") or {}


def _route(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    router = spec.get("router")
    route = router.get("route") if isinstance(router, dict) else None
    return route if isinstance(route, dict) else {}


def _stopped(body: Mapping[str, Any]) -> bool:
    annotations = (body.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(STOP_ANNOTATION, "")).lower() == "true"


def _image(pod: Any) -> str:
    containers = pod.get("containers") if isinstance(pod, dict) else None
    for one in containers or ():
        if isinstance(one, dict) and one.get("name") == "main":
            return str(one.get("image") or "")
    return ""


def _pod_template(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    group = spec.get("leaderWorkerTemplate") or {}
    found = spec.get("template") or group.get("leaderTemplate") or group.get("workerTemplate")
    return found or {}


def _restarted(template: Mapping[str, Any]) -> str:
    annotations = (template.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(_RESTARTED, ""))
