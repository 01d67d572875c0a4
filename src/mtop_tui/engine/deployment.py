"""How a service of the simulation becomes replicas: their names, places, sizes and faults."""

from __future__ import annotations

from random import Random

import msgspec

from mtop_tui.engine import naming
from mtop_tui.engine.arrivals import stream
from mtop_tui.engine.cluster import Ask, Cluster
from mtop_tui.engine.demand import Demand
from mtop_tui.engine.hardware import CPU, UNKNOWN_GPU, Gpu, gpu_named
from mtop_tui.engine.lifecycle import Start, stages, waiting_for_gpus
from mtop_tui.engine.models import Model, model_named
from mtop_tui.engine.pods import SimulatedReplica
from mtop_tui.engine.replica import Profile, profile
from mtop_tui.engine.service_time import Load, service_time
from mtop_tui.engine.status import combined
from mtop_tui.observations import Node, ObjectRef, Pool, Revision, Service

DEFAULT_IMAGE = "ghcr.io/llm-d/llm-d-cuda:v0.6.0"
"""Named in events where a manifest and its presets leave the image open."""

_VOLUMES = ("pvc://", "oci://")


class SimulatedService(msgspec.Struct, frozen=True):
    """A service as its manifest describes it, and what the simulation asks of it."""

    service: Service
    demand: Demand


class SimulatedPool(msgspec.Struct, eq=False):
    """One workload of a service: its revision and its replicas."""

    pool: Pool
    revision: Revision
    replicas: list[SimulatedReplica] = msgspec.field(default_factory=list)
    ready: int = 0
    changed_at: float = 0.0


class Deployer:
    """Turns services into replicas on a cluster, in the order in which it is asked to.

    `settled_at` is when the simulation begins: earlier crash cycles are only counted.
    """

    def __init__(self, cluster: Cluster, *, seed: int, settled_at: float) -> None:
        self._cluster = cluster
        self._seed = seed
        self._settled_at = settled_at
        self._images: set[tuple[str, str]] = set()

    def deploy(self, one: SimulatedService, load: Load, created_at: float) -> list[SimulatedPool]:
        """The pools of a service; none where its presets could not be combined."""
        if not combined(one.service.conditions):
            return []
        return [self._pool(one, pool, load, created_at) for pool in one.service.pools]

    def _pool(
        self, one: SimulatedService, pool: Pool, load: Load, created_at: float
    ) -> SimulatedPool:
        service = one.service
        # Kubernetes' default, where nothing says how many.
        count = 0 if service.stopped else 1 if pool.desired is None else pool.desired
        grouped = pool.nodes_per_replica > 1
        ending = "-kserve-mn" if grouped else "-kserve"
        workload = naming.child_name(
            service.ref.name, f"{ending}-prefill" if pool.role == "prefill" else ending
        )
        revision_hash = naming.suffix(10, str(self._seed), service.ref.namespace, workload)
        kind = "ControllerRevision" if grouped else "ReplicaSet"
        name = naming.child_name(workload, f"-{revision_hash}")
        simulated = SimulatedPool(
            pool,
            Revision(
                at=created_at,
                ref=self._ref(service, kind, name),
                service=service.key,
                role=pool.role,
                number=1,
                image=pool.image or "",
                created_at=created_at,
                desired=count,
                ready=0,
            ),
            changed_at=created_at,
        )
        model = model_named(service.model_uri, service.model)
        for index in range(count):
            pod = (
                f"{workload}-{index}"
                if grouped
                else naming.generated_name(name, str(self._seed), service.ref.namespace, str(index))
            )
            simulated.replicas.append(
                self._replica(one, simulated, model, self._ref(service, "Pod", pod), load)
            )
        return simulated

    def _replica(
        self,
        one: SimulatedService,
        simulated: SimulatedPool,
        model: Model,
        ref: ObjectRef,
        load: Load,
    ) -> SimulatedReplica:
        pool, created_at = simulated.pool, simulated.changed_at
        # A pod that asks for no GPU although vLLM needs one gets one: its preset would ask for it.
        gpus = 1 if pool.gpus_per_replica is None else pool.gpus_per_replica
        ask = Ask(-(-gpus // pool.nodes_per_replica), pool.nodes_per_replica, pool.gpu_type)
        nodes = self._place(ask, model)
        image = pool.image or DEFAULT_IMAGE
        random = stream(self._seed, ref.namespace, ref.name)
        shape: Profile | None = None
        if nodes is None:
            life = waiting_for_gpus(created_at, self._cluster.refusal(ask))
        else:
            gpu = _gpu(pool, gpus, nodes[0])
            shape = profile(service_time(model, gpu, gpus, pool.nodes_per_replica), load, pool.role)
            start = Start(
                pull=self._pull_seconds(image, nodes, random),
                pull_fault=_pull_fault(image) if one.demand.image_pull_fails else "",
                weights=model.weights,
                downloads=not one.service.model_uri.startswith(_VOLUMES),
                nodes=pool.nodes_per_replica,
                layers=model.layers,
                load_fault=_memory_fault(model, gpu, gpus, shape),
            )
            life = stages(created_at, start, since=self._settled_at)
        return SimulatedReplica(
            ref,
            one.service.key,
            pool.role,
            revision=simulated.revision.ref.name.rpartition("-")[2],
            image=image,
            nodes=tuple(node.ref.name for node in nodes or ()),
            gpus=gpus if nodes else pool.gpus_per_replica,
            gpu_type=nodes[0].gpu_type if nodes and gpus else None,
            profile=shape,
            stages=life,
            random=random,
        )

    def _place(self, ask: Ask, model: Model) -> tuple[Node, ...] | None:
        # Whoever names no GPU type has one in mind that the model fits into.
        if ask.gpus and ask.gpu_type is None:
            for gpu_type in self._cluster.gpu_types:
                gpu = gpu_named(gpu_type)
                if gpu and service_time(model, gpu, ask.gpus * ask.nodes, ask.nodes).kv_tokens > 0:
                    nodes = self._cluster.place(msgspec.structs.replace(ask, gpu_type=gpu_type))
                    if nodes:
                        return nodes
        return self._cluster.place(ask)

    def _ref(self, service: Service, kind: str, name: str) -> ObjectRef:
        ref = ObjectRef(service.ref.cluster, service.ref.namespace, kind, name)
        return naming.identified(self._seed, ref)

    def _pull_seconds(self, image: str, nodes: tuple[Node, ...], random: Random) -> float:
        seconds = 0.0
        for node in nodes:
            if (node.ref.name, image) not in self._images:
                self._images.add((node.ref.name, image))
                seconds = max(seconds, random.uniform(45.0, 110.0))
        return seconds


def _gpu(pool: Pool, gpus: int, node: Node) -> Gpu:
    if not gpus:
        return CPU
    return gpu_named(node.gpu_type) or gpu_named(pool.gpu_type) or UNKNOWN_GPU


def _pull_fault(image: str) -> str:
    return (
        "rpc error: code = NotFound desc = failed to pull and unpack image "
        f'"{image}": failed to resolve reference "{image}": {image}: not found'
    )


def _memory_fault(model: Model, gpu: Gpu, gpus: int, shape: Profile) -> str:
    """What vLLM says when the weights, or nothing beside them, fit into the GPUs."""
    if not shape.service.weights_fit:
        piece = min(2.0, model.weights / max(gpus, 1) / 2**30 / model.layers)
        return (
            f"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate {piece:.2f} GiB. "
            f"GPU 0 has a total capacity of {gpu.memory_gib:.2f} GiB of which "
            f"{piece * 0.6:.2f} GiB is free."
        )
    if not shape.batch:
        return "ValueError: No available memory for the cache blocks."
    return ""
