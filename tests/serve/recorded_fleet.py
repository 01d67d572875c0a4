"""The fleet that the recorded exchanges are about: six services in six namespaces."""

from __future__ import annotations

from typing import Any

SERVICES = 6


RESOURCES = {
    "limits": {"cpu": "16", "memory": "200Gi", "nvidia.com/gpu": "4"},
    "requests": {"cpu": "8", "memory": "100Gi", "nvidia.com/gpu": "4"},
}


def service(number: int) -> dict[str, Any]:
    """One of the six, as it was when it was recorded."""
    container = {
        "env": [{"name": f"VLLM_OPT_{index}", "value": f"value-{index}"} for index in range(8)],
        "image": "vllm/vllm-openai:v0.11.0",
        "name": "main",
        "resources": RESOURCES,
    }
    hints = {"sim.mtop.dev/requests-per-second": "0.1"}
    if number == 0:
        # It was not ready when it was recorded.
        hints["sim.mtop.dev/fault"] = "image-pull"
    return {
        "apiVersion": "serving.kserve.io/v1alpha2",
        "kind": "LLMInferenceService",
        "metadata": {
            "annotations": {"note": "x" * 150, **hints},
            "labels": {"team": f"team-{number:02}", "tier": "gold" if number % 3 else "silver"},
            "name": f"llm-{number:05}",
            "namespace": f"team-{number:02}",
        },
        "spec": {
            "model": {
                "name": f"meta-llama/Llama-3.{number}-70B-Instruct",
                "uri": f"hf://meta-llama/Llama-3.{number}-70B-Instruct",
            },
            "parallelism": {"tensor": 4},
            "prefill": {
                "parallelism": {"tensor": 2},
                "replicas": 2 if number == 1 else 1,
            },
            "replicas": 2 if number == 3 else number % 3 + 1,
            "router": {"gateway": {}, "route": {}, "scheduler": {}},
            "template": {"containers": [container]},
        },
    }


def node(number: int) -> dict[str, Any]:
    """A node with eight GPUs."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": f"node-{number:02}",
            "labels": {
                "node.kubernetes.io/instance-type": "p5.48xlarge",
                "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3",
            },
        },
        "status": {
            "allocatable": {"cpu": "190", "memory": "1990Gi", "pods": "110", "nvidia.com/gpu": "8"},
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
        },
    }


def preset(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """A config of the cluster."""
    return {
        "apiVersion": "serving.kserve.io/v1alpha2",
        "kind": "LLMInferenceServiceConfig",
        "metadata": {"name": f"kserve-config-llm-{name}", "namespace": "kserve"},
        "spec": spec,
    }


def pod() -> dict[str, Any]:
    """What the presets say of a pod: the pods of the recordings were all alike."""
    probe = {
        "httpGet": {"path": "/health", "port": 8000, "scheme": "HTTPS"},
        "timeoutSeconds": 10,
        "failureThreshold": 3,
    }
    mount = {"name": "dshm", "mountPath": "/dev/shm", "readOnly": True}
    container = {
        "name": "main",
        "command": ["/bin/sh", "-c"],
        "args": ["vllm serve /mnt/models --port 8000"],
        "env": [
            {"name": "VLLM_OPT_0", "value": "value-0"},
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        ],
        "ports": [{"name": "http", "containerPort": 8000}],
        "resources": RESOURCES,
        "volumeMounts": [mount],
        **dict.fromkeys(("livenessProbe", "readinessProbe", "startupProbe"), probe),
    }
    volumes = [
        {"name": "dshm", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
        {"name": "tls", "secret": {"secretName": "kserve-tls", "defaultMode": 420}},
    ]
    first = {"name": "first", "args": ["."], "resources": RESOURCES, "volumeMounts": [mount]}
    return {"containers": [container], "initContainers": [first], "volumes": volumes}


def presets() -> list[dict[str, Any]]:
    """What the controller merges below each of the six."""
    return [
        preset("decode-template", {"template": pod()}),
        preset("prefill-template", {"prefill": {"template": pod()}}),
        preset("scheduler", {"router": {"scheduler": {"template": pod()}}}),
        preset("router-route", {"router": {"route": {"http": {}}}}),
    ]


def objects() -> list[dict[str, Any]]:
    """The whole cluster."""
    services = [service(number) for number in range(SERVICES)]
    return [*presets(), *services, *(node(number) for number in range(12))]
