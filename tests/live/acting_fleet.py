"""A small cluster on which everything can be done, and what passes its time meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from recorded_fleet import node
from serving import Served

from mtop_tui.actions.contract import Actions, Prepared
from mtop_tui.actions.intents import Intent, Verb
from mtop_tui.actions.progress import Progress
from mtop_tui.observations import ServiceKey

SPACE = "shop"
PATH = f"/apis/serving.kserve.io/v1alpha2/namespaces/{SPACE}/llminferenceservices"


def service(name: str, **spec: Any) -> dict[str, Any]:
    """A service of one GPU for each replica, whose model is small."""
    gpu = {"nvidia.com/gpu": "1"}
    container = {"name": "main", "resources": {"limits": gpu, "requests": gpu}}
    return {
        "apiVersion": "serving.kserve.io/v1alpha2",
        "kind": "LLMInferenceService",
        "metadata": {
            "name": name,
            "namespace": SPACE,
            "annotations": {"sim.mtop.dev/requests-per-second": "0.1"},
        },
        "spec": {
            "model": {
                "uri": "hf://Qwen/Qwen2.5-0.5B-Instruct",
                "name": "Qwen/Qwen2.5-0.5B-Instruct",
            },
            "template": {"containers": [container]},
            **spec,
        },
    }


def member(name: str, weight: int) -> dict[str, Any]:
    """One of route group chat."""
    route = {"group": "chat", "weight": weight}
    return service(name, replicas=1, router={"route": route, "gateway": {}, "scheduler": {}})


def objects() -> list[dict[str, Any]]:
    """The whole cluster."""
    scaling = {"minReplicas": 1, "maxReplicas": 4, "wva": {"hpa": {}}}
    idle = service("idle", replicas=1)
    idle["metadata"]["annotations"]["serving.kserve.io/stop"] = "true"
    return [
        service("plain", replicas=2),
        idle,
        member("stable", 90),
        member("canary", 10),
        service("scaled", scaling=scaling),
        *(node(number) for number in range(2)),
    ]


def intent(verb: Verb, name: str = "plain", **more: Any) -> Intent:
    """Of a service of the only cluster, as its administrator."""
    return Intent(verb, ServiceKey("admin", SPACE, name), **more)


@asynccontextmanager
async def time_passes(cluster: Served, step: float = 15.0) -> AsyncIterator[None]:
    """Simulated time goes on, as fast as it can."""
    over = False

    async def go_on() -> None:
        while not over:
            await cluster.advance(step)
            await asyncio.sleep(0.01)

    passing = asyncio.create_task(go_on())
    try:
        yield
    finally:
        over = True
        await passing


async def prepared(actions: Actions, wanted: Intent) -> Prepared:
    """It is planned, and not refused."""
    found = await actions.prepare(wanted)
    assert isinstance(found, Prepared), found
    return found


async def carried(actions: Actions, plan: Prepared, cluster: Served) -> list[Progress]:
    """What is said while it is done and watched to its end."""
    async with asyncio.timeout(20), time_passes(cluster):
        return [one async for one in actions.carry_out(plan)]
