"""How a service of the simulation becomes workloads, and what a replica needs on its nodes."""

from __future__ import annotations

import msgspec

from mtop_tui.engine import naming
from mtop_tui.engine.cluster import Ask, Cluster, Seat
from mtop_tui.engine.demand import Demand
from mtop_tui.engine.hardware import CPU, UNKNOWN_GPU, Gpu, gpu_named
from mtop_tui.engine.lifecycle import Start
from mtop_tui.engine.models import Model, model_named
from mtop_tui.engine.pods import SimulatedReplica
from mtop_tui.engine.service_run import PoolRun, RevisionRun, ServiceRun
from mtop_tui.engine.serving.profiles import ServingProfile, serving_profile
from mtop_tui.engine.status import combined
from mtop_tui.observations import ObjectRef, Pool, Service

DEFAULT_IMAGE = "ghcr.io/llm-d/llm-d-cuda:v0.6.0"
"""Named in events where a manifest and its presets leave the image open."""

_VOLUMES = ("pvc://", "oci://")
_IMAGE_BYTES = (8e9, 20e9)


class SimulatedService(msgspec.Struct, frozen=True):
    """A service as its manifest describes it, and what the simulation asks of it."""

    service: Service
    demand: Demand


def pools_of(run: ServiceRun, seed: int) -> list[PoolRun]:
    """The workloads of a service with their first revisions; none where presets did not merge."""
    if not combined(run.service.conditions):
        return []
    return [_pool(run, spec, seed) for spec in run.service.pools]


def _pool(run: ServiceRun, spec: Pool, seed: int) -> PoolRun:
    service = run.service
    # Kubernetes' default, where nothing says how many.
    wanted = 1 if spec.desired is None else spec.desired
    grouped = spec.nodes_per_replica > 1
    ending = "-kserve-mn" if grouped else "-kserve"
    name = naming.child_name(
        service.ref.name, f"{ending}-prefill" if spec.role == "prefill" else ending
    )
    kind = "LeaderWorkerSet" if grouped else "Deployment"
    ref = naming.identified(seed, service.ref._replace(kind=kind, name=name, uid=""))
    model = model_named(service.model_uri, service.model)
    desired = 0 if run.stopped else wanted
    pool = PoolRun(run.key, spec, ref, model, created_at=run.created_at, desired=desired)
    pool.revisions.append(new_revision(pool, seed, run.created_at, image=spec.image or ""))
    return pool


def new_revision(pool: PoolRun, seed: int, at: float, *, image: str) -> RevisionRun:
    """The next revision of a pool."""
    number = pool.revisions[-1].number + 1 if pool.revisions else 1
    parts = (str(seed), pool.service.namespace, pool.workload)
    digest = naming.suffix(10, *parts, *(() if number == 1 else (str(number),)))
    kind = "ControllerRevision" if pool.grouped else "ReplicaSet"
    name = naming.child_name(pool.workload, f"-{digest}")
    ref = naming.identified(seed, pool.ref._replace(kind=kind, name=name, uid=""))
    return RevisionRun(ref, number, image=image, created_at=at)


def pod_name(pool: PoolRun, revision: RevisionRun, seed: int) -> str:
    """The name of the next replica of a revision; groups take the first number that is free."""
    if pool.grouped:
        taken = {one.ref.name for one in pool.replicas}
        index = 0
        while f"{pool.workload}-{index}" in taken:
            index += 1
        return f"{pool.workload}-{index}"
    parts = (str(seed), pool.service.namespace, str(revision.created))
    return naming.generated_name(revision.ref.name, *parts)


def ask_of(pool: Pool) -> Ask:
    """What a replica of a pool needs of the cluster.

    A pod that asks for no GPU although vLLM needs one gets one: its preset would ask for it.
    """
    gpus = 1 if pool.gpus_per_replica is None else pool.gpus_per_replica
    return Ask(-(-gpus // pool.nodes_per_replica), pool.nodes_per_replica, pool.gpu_type)


def place(cluster: Cluster, ask: Ask, model: Model) -> tuple[Seat, ...] | None:
    """Take a place; whoever names no GPU type has one in mind that the model fits into."""
    if ask.gpus and ask.gpu_type is None:
        for gpu_type in cluster.gpu_types:
            gpu = gpu_named(gpu_type)
            if gpu and serving_profile(model, gpu, ask.gpus * ask.nodes, ask.nodes).kv_tokens > 0:
                seats = cluster.place(msgspec.structs.replace(ask, gpu_type=gpu_type))
                if seats:
                    return seats
    return cluster.place(ask)


def equip(replica: SimulatedReplica, pool: PoolRun, cluster: Cluster, *, volume: bool) -> None:
    """Work out how a replica with a place serves there, and what it has to do to start."""
    model, ask = pool.model, replica.ask
    node = cluster.hosts[replica.seats[0].node].node
    replica.gpu_type = node.gpu_type
    gpu = _gpu(ask, node.gpu_type)
    profile = serving_profile(model, gpu, replica.gpus, ask.nodes, replica.role)
    revision = replica.revision
    weights = model.weights if revision.weights is None else revision.weights
    replica.profile = profile
    replica.start = Start(
        image=0.0,
        weights=weights,
        layers=model.layers,
        downloads=not volume,
        nodes=ask.nodes,
        load_fault=revision.start_fails
        or _memory_fault(model, gpu, replica.gpus, profile)
        or _length_fault(model, replica.gpus, profile, pool.spec.max_model_len or 0),
    )


def has_volume(service: Service) -> bool:
    """Whether weights come from a volume or an image rather than over the network."""
    return service.model_uri.startswith(_VOLUMES)


def image_bytes(image: str) -> float:
    """Size of an image: between 8 and 20 GB, the same for the same name."""
    low, high = _IMAGE_BYTES
    share = int(naming.hex_digest(image)[:8], 16) / 0xFFFFFFFF
    return round(low + (high - low) * share)


def pull_fault(image: str) -> str:
    """What the container runtime says of an image that is not there."""
    return (
        "rpc error: code = NotFound desc = failed to pull and unpack image "
        f'"{image}": failed to resolve reference "{image}": {image}: not found'
    )


def _gpu(ask: Ask, gpu_type: str | None) -> Gpu:
    if not ask.gpus:
        return CPU
    return gpu_named(gpu_type) or gpu_named(ask.gpu_type) or UNKNOWN_GPU


def _memory_fault(model: Model, gpu: Gpu, gpus: int, profile: ServingProfile) -> str:
    """What vLLM says when the weights, or nothing beside them, fit into the GPUs."""
    if not profile.weights_fit:
        piece = min(2.0, model.weights / max(gpus, 1) / 2**30 / model.layers)
        return (
            f"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate {piece:.2f} GiB. "
            f"GPU 0 has a total capacity of {gpu.memory_gib:.2f} GiB of which "
            f"{piece * 0.6:.2f} GiB is free."
        )
    if profile.kv_tokens <= 0:
        return "ValueError: No available memory for the cache blocks."
    return ""


def _length_fault(model: Model, gpus: int, profile: ServingProfile, longest: int) -> str:
    """What vLLM says when its KV cache does not hold one request of the length it is told."""
    if profile.kv_tokens >= longest:
        return ""
    gib = model.kv_bytes_per_token / max(1, gpus) / 2**30
    return (
        f"ValueError: To serve at least one request with the models's max seq len ({longest}), "
        f"({longest * gib:.2f} GiB KV cache is needed, which is larger than the available KV cache "
        f"memory ({profile.kv_tokens * gib:.2f} GiB)."
    )


def ref_of(pool: PoolRun, name: str, seed: int, generation: int = 0) -> ObjectRef:
    """The identity of a pod of a pool; a group that is made anew has its name but not its UID."""
    ref = ObjectRef(pool.ref.cluster, pool.ref.namespace, "Pod", name)
    return naming.identified(seed, ref, generation)
