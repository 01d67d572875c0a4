"""Objects of a large cluster as bytes: one of each kind as `mtop serve` has it, copied.

Sizes are those of real objects: half of a pod is what nobody reads (`managedFields`).
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from mtop_tui import resources
from mtop_tui.clock import ManualClock
from mtop_tui.engine.levers import Selector
from mtop_tui.providers.mock.manifests import load
from mtop_tui.providers.mock.provider import MockProvider
from mtop_tui.serve.resources import Registry, Resource
from mtop_tui.serve.simulation import Simulation
from mtop_tui.serve.timescale import Timescale

SERVICES, PODS_EACH, NAMESPACES = 1_000, 10, 20
SIZES = {"llminferenceservices": 4_500, "pods": 10_800, "deployments": 6_000, "replicasets": 5_000}
"""Bytes at least."""

_SERVICE, _NAMESPACE, _NODE = "llm-00000", "team-00", "node-00000"
_UID = re.compile(rb'"uid":"[0-9a-f]{8}-')
_VERSION = re.compile(rb'"resourceVersion":"\d+"')
_RESTARTS = re.compile(rb'"containerStatuses":.*?("restartCount":\d+)', re.DOTALL)

Names = Callable[[int], dict[str, str]]
"""What stands in a copy in place of which words, by its number."""


class Item(NamedTuple):
    """One object, cut where its version stands, and where something is counted, if it is.

    Attributes:
        uid: of it.
        parts: two, or three.
    """

    uid: str
    parts: tuple[bytes, ...]

    def encoded(self, version: int, count: int) -> bytes:
        """Its JSON."""
        first, *rest = self.parts
        text = first + b'"resourceVersion":"%d"' % version + rest[0]
        return text if len(rest) == 1 else text + b'"restartCount":%d' % count + rest[1]


class Load(NamedTuple):
    """All objects of one kind."""

    resource: Resource
    items: list[Item]


def cluster() -> dict[str, Load]:
    """A thousand services, ten pods each, and 8,000 other objects, by plural."""
    found = asyncio.run(_templates())
    nodes = SERVICES * PODS_EACH // 8

    def name(plural: str) -> str:
        stated: str = json.loads(found[plural][1])["metadata"]["name"]
        return stated

    pod_suffix = name("pods")[-5:]
    stem, _, suffix = name("events").rpartition(".")

    def one_each(number: int) -> dict[str, str]:
        return {_SERVICE: f"llm-{number:05}", _NAMESPACE: f"team-{number % NAMESPACES:02}"}

    def pod(number: int) -> dict[str, str]:
        names = {_NODE: f"node-{number // 8:05}", pod_suffix: f"p{number:04x}"}
        return one_each(number // PODS_EACH) | names

    def event(number: int) -> dict[str, str]:
        return {f"{stem}.{suffix}": f"{stem}.{number:016x}"} | one_each(number % SERVICES)

    def node(number: int) -> dict[str, str]:
        return {_NODE: f"node-{number:05}"}

    wanted: dict[str, tuple[int, Names]] = {
        "llminferenceservices": (SERVICES, one_each),
        "pods": (SERVICES * PODS_EACH, pod),
        "deployments": (SERVICES, one_each),
        "replicasets": (SERVICES, one_each),
        "horizontalpodautoscalers": (SERVICES, one_each),
        "nodes": (nodes, node),
        "events": (5_000 - nodes, event),
    }
    return {
        plural: _copies(*found[plural], SIZES.get(plural, 0), count, names)
        for plural, (count, names) in wanted.items()
    }


async def _templates() -> dict[str, tuple[Resource, bytes]]:
    """One object of each kind as the simulated cluster has it when its one service is ready."""
    start = time.time() - 600.0
    clock = ManualClock(start)

    async def passing(seconds: float) -> None:
        clock.advance(seconds)
        await asyncio.sleep(0)

    with tempfile.TemporaryDirectory() as folder:
        text = "\n---\n".join(map(json.dumps, _manifests()))
        (Path(folder) / "all.yaml").write_text(text)
        manifests = load(Path(folder), resources.path("mocks"))
    provider = MockProvider(manifests, seed=1, clock=clock, sleep=passing)
    simulation = Simulation(provider, manifests, seed=1, scale=Timescale(start, start))
    running = asyncio.create_task(simulation.run())
    await simulation.ready.wait()
    simulation.levers.crash_pods(Selector(), "OOMKilled", 137)  # so that there are Events, too
    while simulation.now < start + 300.0:
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    found = {}
    for resource in Registry().resources:
        for entry in simulation.store.collection(resource.collection).ordered():
            engine = entry.labels.get("kserve.io/component", "workload") == "workload"
            if engine and resource.plural not in found:
                found[resource.plural] = resource, entry.encoded(resource)
    return found


def _manifests() -> list[dict[str, object]]:
    gpus = {"nvidia.com/gpu": "1"}
    container = {"name": "main", "resources": {"limits": gpus, "requests": gpus}}
    return [
        {
            "apiVersion": "serving.kserve.io/v1alpha2",
            "kind": "LLMInferenceService",
            "metadata": {"name": _SERVICE, "namespace": _NAMESPACE},
            "spec": {
                "model": {"uri": "hf://Qwen/Qwen2.5-7B-Instruct", "name": "qwen"},
                "scaling": {"minReplicas": 1, "maxReplicas": 1, "wva": {"hpa": {}}},
                "router": {"gateway": {}, "route": {}, "scheduler": {}},
                "template": {"containers": [container]},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": _NODE,
                "labels": {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"},
            },
            "status": {
                "allocatable": {"cpu": "190", "pods": "110", "nvidia.com/gpu": "8"},
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        },
    ]


def _filled(template: bytes, size: int) -> bytes:
    """The object with more `managedFields`, as those that many have written to."""
    missing = size - len(template)
    if missing <= 0:
        return template
    fields = {f'k:{{"type":"Mtop{number:04}"}}': {".": {}, "f:status": {}} for number in range(400)}
    text = json.dumps(fields, separators=(",", ":"))
    kept = text[: text.rindex(',"k:', 0, missing)] if len(text) > missing else text[:-1]
    entry = b'{"manager":"kubelet","operation":"Update","fieldsType":"FieldsV1","fieldsV1":'
    begin = b'"managedFields":['
    return template.replace(begin, begin + entry + kept.encode() + b"}},", 1)


def _copies(resource: Resource, template: bytes, size: int, count: int, names: Names) -> Load:
    """Copies under other names, with uids of their own."""
    template = _filled(template, size)
    own: str = json.loads(template)["metadata"]["uid"]
    items = []
    for number in range(count):
        text = template
        for old, new in names(number).items():
            text = text.replace(old.encode(), new.encode())
        text = _UID.sub(b'"uid":"%08x-' % number, text)
        items.append(Item(f"{number:08x}{own[8:]}", _cut(text)))
    return Load(resource, items)


def _cut(text: bytes) -> tuple[bytes, ...]:
    version, restarts = _VERSION.search(text), _RESTARTS.search(text)
    assert version is not None
    head, rest = text[: version.start()], text[version.end() :]
    if restarts is None:
        return head, rest
    begin, end = restarts.span(1)
    return head, text[version.end() : begin], text[end:]
