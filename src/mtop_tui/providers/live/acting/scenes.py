"""Reads a service and what stands around it, for an action to be planned or watched."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any, Final

from mtop_tui.actions.bodies import name_of, runs_engines
from mtop_tui.actions.intents import PARTS, Intent, Part, Scene
from mtop_tui.providers.live.acting.client import WritingClient, decoded
from mtop_tui.providers.live.kinds import (
    BY_NAME,
    DEPLOYMENT,
    HPA,
    LEADER_WORKER_SET,
    PART_OF,
    POD,
    REPLICA_SET,
    SCALED_OBJECT,
    SERVICE,
    Kind,
)
from mtop_tui.providers.live.problems import NOT_FOUND, Problem, Refusal

ARGO: Final = "/apis/argoproj.io/v1alpha1"

_PAGE: Final = "500"
_AROUND: Final[Mapping[Part, tuple[str, ...]]] = {
    "workloads": (DEPLOYMENT, LEADER_WORKER_SET),
    "pods": (POD,),
    "autoscalers": (HPA, SCALED_OBJECT),
}

_Bodies = tuple[dict[str, Any], ...]


async def read_scene(
    client: WritingClient,
    there: Mapping[Kind, str],
    intent: Intent,
    members: Collection[str] | None = None,
) -> Scene | Problem:
    """What is there now, as far as an intent asks for it.

    Args:
        client: to whom.
        there: the kinds that are installed, each with its version.
        intent: of which service.
        members: names of the only other services that matter; None: all of its namespace.
    """
    kind, namespace = BY_NAME[SERVICE], intent.service.namespace
    if kind not in there:
        return Refusal(NOT_FOUND, f"{kind.qualified} is not installed")
    root = kind.path(there[kind], namespace)
    service = decoded(await client.get(f"{root}/{intent.service.name}"))
    if not isinstance(service, dict):
        return service
    parts, unread = PARTS[intent.verb], list[str]()
    selector = {"labelSelector": f"{PART_OF},app.kubernetes.io/name={intent.service.name}"}

    async def around(part: Part) -> _Bodies:
        kinds = [BY_NAME[name] for name in _AROUND[part] if part in parts]
        # An autoscaler that somebody made by hand has none of KServe's labels.
        chosen = {} if part == "autoscalers" else selector
        lists = [
            _listed(client, one.path(there[one], namespace), one.name, chosen)
            for one in kinds
            if one in there
        ]
        return _of(await asyncio.gather(*lists), unread)

    workloads, pods, autoscalers = [await around(one) for one in _AROUND]
    return Scene(
        service,
        members=_of([await _members(client, root, intent, members)], unread)
        if "members" in parts
        else (),
        workloads=tuple(filter(runs_engines, workloads)),
        pods=tuple(filter(runs_engines, pods)),
        autoscalers=autoscalers,
        rollouts=_of([await _rollouts(client, namespace)], unread) if "rollouts" in parts else (),
        revisions=_of([await _revisions(client, namespace)], unread)
        if "revisions" in parts
        else (),
        unread=tuple(unread),
    )


async def _members(
    client: WritingClient, root: str, intent: Intent, names: Collection[str] | None
) -> _Bodies | Problem:
    mine = intent.service.name
    if names is None:
        found = await _listed(client, root, SERVICE, {})
        return (
            tuple(one for one in found if name_of(one) != mine)
            if isinstance(found, tuple)
            else found
        )
    answers = [decoded(await client.get(f"{root}/{name}")) for name in names if name != mine]
    return tuple(one for one in answers if isinstance(one, dict))


async def _rollouts(client: WritingClient, namespace: str) -> _Bodies | Problem:
    # Everybody may ask whether there are such; without rights, what is absent looks forbidden.
    known = await client.get(ARGO)
    if isinstance(known, Refusal) and known.status == NOT_FOUND:
        return ()
    return await _listed(client, f"{ARGO}/namespaces/{namespace}/rollouts", "Rollout", {})


async def _revisions(client: WritingClient, namespace: str) -> _Bodies | Problem:
    path = BY_NAME[REPLICA_SET].path("v1", namespace)
    return await _listed(client, path, REPLICA_SET, {"labelSelector": "rollouts-pod-template-hash"})


async def _listed(
    client: WritingClient, path: str, kind: str, query: Mapping[str, str]
) -> _Bodies | Problem:
    """All objects of a list, page by page."""
    found: list[dict[str, Any]] = []
    token = ""
    while True:
        asked = {**query, "limit": _PAGE} | ({"continue": token} if token else {})
        page = decoded(await client.get(path, asked))
        if not isinstance(page, dict):
            return page
        # Items of the kinds that are built in do not say what they are.
        what = {"apiVersion": page.get("apiVersion"), "kind": kind}
        found += [{**what, **one} for one in page.get("items") or ()]
        token = str((page.get("metadata") or {}).get("continue") or "")
        if not token:
            return tuple(found)


def _of(answers: Collection[_Bodies | Problem], unread: list[str]) -> _Bodies:
    """What was read; what was not is noted."""
    unread += [one.sentence for one in answers if not isinstance(one, tuple)]
    return tuple(body for one in answers if isinstance(one, tuple) for body in one)
