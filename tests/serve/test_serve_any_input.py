"""Hundreds of drawn requests, sensible and not: every one is answered, none breaks the server."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from serving import Served

PARTS = (
    *("api", "apis", "v1", "apps", "serving.kserve.io", "v1alpha2", "namespaces", "team-01"),
    *("pods", "llminferenceservices", "llm-00001", "deployments", "llm-00001-kserve", "scale"),
    *("status", "log", "proxy", "metrics", "services", "events", "nodes", "node-01", "eviction"),
    *("autoscaling", "v2", "horizontalpodautoscalers", "mtop", "faults", "targets", "https:a:8000"),
)
ENDINGS = ("", "", "/status", "/scale", "/log", "/proxy/metrics", "/eviction")
QUERIES = (
    *("limit=1", "limit=-4", "continue=x", "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ"),
    *("resourceVersion=0", "resourceVersion=5", "watch=1&timeoutSeconds=1", "labelSelector=(("),
    *("labelSelector=a in (b", "fieldSelector=metadata.name=x", "fieldSelector==", "tailLines=3"),
    *("previous=true", "dryRun=All", "container=main", "pretty=true", "includeObject=Object"),
    *("timestamps=1", "limitBytes=3", "resourceVersionMatch=Exact", "sendInitialEvents=true"),
)
PATCHES: tuple[Any, ...] = (
    *({}, [], None, 3, {"spec": None}, {"metadata": 3}, {"metadata": None}, {"kind": 3}),
    {"spec": {"replicas": None, "router": None, "template": None, "model": None, "prefill": {}}},
    {"metadata": {"labels": None, "annotations": None}},
    {"spec": {"replicas": 2}},
    {"spec": {"template": {"containers": [3]}}},
    {"spec": {"router": {"route": {"weight": "x", "group": 3}}}},
    {"spec": {"scaling": {"minReplicas": 5, "maxReplicas": 2, "keda": {}}, "replicas": None}},
    {"metadata": {"annotations": {"serving.kserve.io/stop": "true"}}},
    [{"op": "add", "path": "/spec/a/b", "value": 1}],
    [{"op": "remove", "path": "/spec"}],
    [{"op": "remove", "path": "/metadata"}],
)
BODIES = (None, b"", b"{", b"\xff", *(json.dumps(patch).encode() for patch in PATCHES))
KINDS = (
    *("application/json", "application/merge-patch+json", "application/json-patch+json"),
    *("application/strategic-merge-patch+json", "text/plain", ""),
)
ACCEPTED = (
    *("", "application/json", "x", "*/*", "application/json;as=Table;v=v1;g=meta.k8s.io"),
    "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
)
METHODS = ("GET", "GET", "PATCH", "PATCH", "PUT", "POST", "DELETE", "HEAD", "OPTIONS")
COLLECTIONS = (
    *("/api/v1/pods", "/api/v1/nodes", "/api/v1/services", "/apis/apps/v1/deployments"),
    *("/apis/apps/v1/replicasets", "/apis/serving.kserve.io/v1alpha2/llminferenceservices"),
)


async def objects(fleet: Served) -> list[str]:
    """Paths of all objects of some collections."""
    found = []
    for collection in COLLECTIONS:
        root, _, plural = collection.rpartition("/")
        for item in (await fleet.get(collection))["items"]:
            metadata = item["metadata"]
            namespace = metadata.get("namespace")
            where = f"{root}/namespaces/{namespace}" if namespace else root
            found.append(f"{where}/{plural}/{metadata['name']}")
    return found


@pytest.mark.parametrize("seed", range(3))
async def test_any_request_is_answered(fleet: Served, seed: int):
    random = Random(seed)
    there = await objects(fleet)
    for number in range(250):
        method = random.choice(METHODS)
        if random.random() < 0.6:
            path = random.choice(there) + random.choice(ENDINGS)
        else:
            path = "/" + "/".join(random.choices(PARTS, k=random.randint(1, 7)))
        query = "&".join(random.sample(QUERIES, random.randint(0, 2)))
        body = random.choice(BODIES) if method in {"PATCH", "PUT", "POST"} else None
        headers = {"Content-Type": random.choice(KINDS), "Accept": random.choice(ACCEPTED)}
        asked = f"{path}?{query}"
        async with fleet.request(method, asked, data=body, headers=headers) as answer:
            text = await answer.text()
            assert "InternalError" not in text, (method, asked, body, headers)
        if number % 50 == 0:
            await fleet.advance(5)
    assert await fleet.get("/version")
