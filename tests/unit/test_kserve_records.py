"""What mtop shows of a service and of a node."""

from __future__ import annotations

from typing import Any

import pytest

from mtop_tui.kserve.gpus import gpu_name
from mtop_tui.kserve.merge import combine
from mtop_tui.kserve.parse import parse_node, parse_service
from mtop_tui.kserve.records import autoscalers, node_record, route_groups, service_record
from mtop_tui.observations import Node, Pool, RouteMember, RouteShare, Service, decode, encode

Body = dict[str, Any]
AT = 1_700_000_000.0


def record(
    spec: Body,
    annotations: dict[str, str] | None = None,
    status: Body | None = None,
    **metadata: Any,
) -> Service:
    body: Body = {
        "apiVersion": "serving.kserve.io/v1alpha2",
        "metadata": {"name": "chat", "annotations": annotations, **metadata},
        "spec": {"model": {"uri": "hf://org/m"}, **spec},
        "status": status,
    }
    combined = combine(body, lambda namespace, name: {} if namespace == "kserve" else None)
    shown = service_record(parse_service(body), combined, cluster="sim", at=AT)
    assert decode(encode(shown)) == shown
    return shown


def pool(spec: Body, annotations: dict[str, str] | None = None) -> Pool:
    return record(spec, annotations).pools[0]


def pod(gpus: object = None, resource: str = "nvidia.com/gpu", **fields: Any) -> Body:
    limits = {"cpu": "8"} | ({resource: gpus} if gpus is not None else {})
    return {"containers": [{"name": "main", "resources": {"limits": limits}}], **fields}


def test_one_pool_or_a_decode_and_a_prefill_pool() -> None:
    assert [one.role for one in record({}).pools] == ["main"]
    split = record(
        {
            "replicas": 2,
            "template": pod(4),
            "prefill": {"replicas": 3, "template": pod("1")},
        }
    ).pools
    assert [(one.role, one.desired, one.gpus_per_replica) for one in split] == [
        ("decode", 2, 4),
        ("prefill", 3, 1),
    ]


@pytest.mark.parametrize(
    ("spec", "desired"),
    [
        ({}, 1),
        ({"replicas": 0}, 0),
        ({"replicas": 5}, 5),
        ({"scaling": {"minReplicas": 2, "maxReplicas": 6, "wva": {}}}, 2),
        ({"scaling": {"maxReplicas": 6, "keda": {}}}, 1),
    ],
)
def test_desired_replicas(spec: Body, desired: int) -> None:
    assert pool(spec).desired == desired


@pytest.mark.parametrize(
    ("parallelism", "nodes", "gpus"),
    [
        ({"data": 32, "dataLocal": 8}, 4, 32),
        ({"data": 8, "dataLocal": 8}, 1, 8),
        ({"pipeline": 3}, 3, 24),
    ],
)
def test_a_replica_over_several_nodes_counts_the_gpus_of_all(
    parallelism: Body, nodes: int, gpus: int
) -> None:
    spread = pool({"parallelism": parallelism, "template": pod(8), "worker": pod(8)})
    assert (spread.nodes_per_replica, spread.gpus_per_replica) == (nodes, gpus)


def test_a_leader_with_fewer_gpus_than_its_workers() -> None:
    spread = pool({"parallelism": {"pipeline": 3}, "template": pod(2), "worker": pod(8)})
    assert spread.gpus_per_replica == 2 + 8 + 8


@pytest.mark.parametrize(
    "resource", ["nvidia.com/gpu", "amd.com/gpu", "nvidia.com/mig-1g.5gb", "nvidia.com/mig-3g.40gb"]
)
@pytest.mark.parametrize("amount", [2, "2"])
def test_gpus_of_any_vendor_and_mig_slices_count(resource: str, amount: object) -> None:
    assert pool({"template": pod(amount, resource)}).gpus_per_replica == 2


def test_gpus_that_only_the_requests_state_count() -> None:
    container = {"name": "main", "resources": {"requests": {"nvidia.com/gpu": "4"}}}
    assert pool({"template": {"containers": [container]}}).gpus_per_replica == 4


def test_cpu_only_is_no_gpu_of_no_type() -> None:
    selector = {"nvidia.com/gpu.product": "NVIDIA-L4"}
    cpu = pool({"template": pod(nodeSelector=selector)})
    assert (cpu.gpus_per_replica, cpu.gpu_type) == (0, None)


@pytest.mark.parametrize(("count", "devices"), [(None, 1), ("2", 2)])
def test_devices_claimed_through_dra_count(count: str | None, devices: int) -> None:
    annotations = {"serving.kserve.io/exp-dra-device-class": "gpu.nvidia.com"}
    if count:
        annotations["serving.kserve.io/exp-dra-device-count"] = count
    assert pool({"template": pod()}, annotations).gpus_per_replica == devices


def test_the_gpu_type_comes_from_the_selector_or_from_an_affinity_to_one_product() -> None:
    def affine(*products: str) -> Body:
        expression = {"key": "nvidia.com/gpu.product", "operator": "In", "values": [*products]}
        terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
        required = {"requiredDuringSchedulingIgnoredDuringExecution": terms}
        return {"template": pod(1, affinity={"nodeAffinity": required})}

    chosen = pod(1, nodeSelector={"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB"})
    assert pool({"template": chosen}).gpu_type == "A100-40GB"
    assert pool(affine("NVIDIA-H100-80GB-HBM3")).gpu_type == "H100"
    assert pool(affine("NVIDIA-H100-80GB-HBM3", "NVIDIA-L4")).gpu_type is None
    assert pool({"template": pod(1)}).gpu_type is None


@pytest.mark.parametrize(
    ("product", "name"),
    [
        ("NVIDIA-H100-80GB-HBM3", "H100"),
        ("NVIDIA-H200", "H200"),
        ("NVIDIA-A100-SXM4-80GB", "A100-80GB"),
        ("NVIDIA-A100-80GB-PCIe", "A100-80GB"),
        ("A100-PCIE-40GB", "A100-40GB"),
        ("nvidia-tesla-a100", "A100-40GB"),
        ("NVIDIA-L4", "L4"),
        ("NVIDIA-L40S", "L40S"),
        ("NVIDIA-L40", "L40"),
        ("Tesla-T4", "T4"),
        ("NVIDIA-B200", "B200"),
        ("AMD_Instinct_MI300X_OAM", "MI300X"),
        ("NVIDIA-H100-80GB-HBM3-SHARED", "H100"),
        ("NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", "A100-40GB MIG-1g.5gb"),
        ("NVIDIA-Foo-Max", "Foo-Max"),
    ],
)
def test_gpu_products_have_short_names(product: str, name: str) -> None:
    assert gpu_name(product) == name


def test_memory_decides_which_a100_it_is_where_the_name_does_not() -> None:
    assert gpu_name("a100") == "A100"
    assert gpu_name("a100", 40_960) == "A100-40GB"
    assert gpu_name("a100", 81_920) == "A100-80GB"


def test_tensor_parallelism_from_the_spec_or_from_the_engines_arguments() -> None:
    assert pool({"parallelism": {"tensor": 4}}).tensor_parallel == 4
    env = [{"name": "VLLM_ADDITIONAL_ARGS", "value": "--x 1 --tensor-parallel-size=2"}]
    assert pool({"template": {"containers": [{"name": "main", "env": env}]}}).tensor_parallel == 2
    assert pool({}).tensor_parallel is None


def test_a_stopped_service_wants_no_replicas() -> None:
    stopped = record({"replicas": 3}, {"serving.kserve.io/stop": "true"})
    assert stopped.stopped
    assert stopped.pools[0].desired == 0


def test_members_of_a_route_share_it_by_their_weights() -> None:
    stable = record({"router": {"route": {"group": "chat", "weight": 9}}}, name="stable")
    canary = record({"router": {"route": {"group": "chat", "weight": 1}}}, name="canary")
    alone = record({"router": {"route": {}}}, name="alone")
    assert stable.route == RouteShare("chat", 9)
    assert alone.route is None
    (group,) = route_groups([stable, alone, canary], at=AT)
    assert group.members == (RouteMember("canary", 1), RouteMember("stable", 9))


def test_an_autoscaled_service_has_bounds() -> None:
    body = {
        "apiVersion": "serving.kserve.io/v1alpha2",
        "metadata": {"name": "chat", "namespace": "production"},
        "spec": {"scaling": {"minReplicas": 2, "maxReplicas": 4, "wva": {"hpa": {}}}},
    }
    combined = combine(body, lambda namespace, name: {})
    (scaler,) = autoscalers(parse_service(body), combined, cluster="sim", at=AT)
    assert (scaler.minimum, scaler.maximum, scaler.desired) == (2, 4, None)
    assert (scaler.ref.kind, scaler.ref.name) == ("HorizontalPodAutoscaler", "chat-kserve-hpa")


def test_the_status_of_a_real_object_is_carried_over() -> None:
    real = record(
        {},
        status={
            "observedGeneration": 2,
            "workloads": {"primary": {"readyReplicas": 1}},
            "conditions": [
                {
                    "type": "HTTPRoutesReady",
                    "status": "True",
                    "severity": "Info",
                    "lastTransitionTime": "2025-12-09T10:01:42Z",
                },
                {"type": "Ready", "status": "Maybe", "reason": "Stopped"},
            ],
        },
        creationTimestamp="2025-12-09T09:51:17Z",
        generation=3,
        uid="u1",
    )
    routes, ready = real.conditions
    assert (routes.severity, routes.changed_at) == ("Info", 1_765_274_502.0)
    assert (ready.status, ready.reason) == ("Unknown", "Stopped")
    assert real.pools[0].ready == 1
    assert (real.generation, real.observed_generation) == (3, 2)
    assert real.created_at == 1_765_273_877.0
    assert real.ref.uid == "u1"


def test_lora_adapters_and_mig_slices_are_noted() -> None:
    adapters = [{"name": "contracts", "uri": "hf://a/b"}, {"uri": "hf://c/d"}]
    noted = record(
        {
            "model": {"uri": "hf://org/m", "lora": {"adapters": adapters}},
            "template": pod(1, "nvidia.com/mig-1g.5gb"),
        }
    )
    assert noted.notes == ("LoRA: contracts, hf://c/d", "MIG slices: 1g.5gb")


def node(labels: dict[str, str] | None = None, **status: Any) -> Node:
    body = {"apiVersion": "v1", "metadata": {"name": "n1", "labels": labels}, "status": status}
    return node_record(parse_node(body), cluster="sim", at=AT)


def test_a_node_is_known_by_its_labels() -> None:
    known = node(
        {
            "node.kubernetes.io/instance-type": "p5.48xlarge",
            "topology.kubernetes.io/region": "us-east-1",
            "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3",
        },
        allocatable={"nvidia.com/gpu": "7"},
        capacity={"nvidia.com/gpu": "8"},
        conditions=[
            {"type": "MemoryPressure", "status": "False"},
            {"type": "Ready", "status": "True"},
        ],
    )
    assert (known.gpus, known.gpu_type, known.ready) == (7, "H100", True)
    assert (known.instance_type, known.region, known.capacity) == ("p5.48xlarge", "us-east-1", None)


@pytest.mark.parametrize(
    ("label", "value", "capacity"),
    [
        ("karpenter.sh/capacity-type", "spot", "spot"),
        ("karpenter.sh/capacity-type", "on-demand", "on-demand"),
        ("karpenter.sh/capacity-type", "reserved", None),
        ("eks.amazonaws.com/capacityType", "SPOT", "spot"),
        ("eks.amazonaws.com/capacityType", "ON_DEMAND", "on-demand"),
        ("cloud.google.com/gke-spot", "true", "spot"),
        ("kubernetes.azure.com/scalesetpriority", "spot", "spot"),
        ("kubernetes.azure.com/scalesetpriority", "regular", "on-demand"),
    ],
)
def test_capacity_types_of_every_cloud(label: str, value: str, capacity: str | None) -> None:
    assert node({label: value}).capacity == capacity


def test_a_node_without_a_ready_condition_is_not_ready() -> None:
    assert not node().ready
    assert not node(conditions=[{"type": "Ready", "status": "Unknown"}]).ready
