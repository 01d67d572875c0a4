"""Which actions one may take in a cluster, and the role that allows all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec

from mtop_tui.clock import Clock
from mtop_tui.providers.live import discovery
from mtop_tui.providers.live.acting.scenes import ARGO
from mtop_tui.providers.live.client import Access, ReadOnlyClient
from mtop_tui.providers.live.kinds import BY_NAME, SERVICE
from mtop_tui.providers.live.kubeconfig import Connection
from mtop_tui.providers.live.problems import NOT_FOUND, Problem, Refusal

ROLE: Final = "mtop-actions"

Answer = Literal["yes", "no", "not installed"]

_SERVICES, _ROLLOUTS = "llminferenceservices", "rollouts"
_KSERVE, _ARGO = "serving.kserve.io", "argoproj.io"


class Need(NamedTuple):
    """A right, and the actions that need it."""

    access: Access
    does: str

    @property
    def qualified(self) -> str:
        """Such as "patch rollouts.argoproj.io/status"."""
        access = self.access
        group = f".{access.group}" if access.group else ""
        below = f"/{access.subresource}" if access.subresource else ""
        return f"{access.verb} {access.resource}{group}{below}"


NEEDS: Final = (
    Need(
        Access("patch", _KSERVE, _SERVICES),
        "scale, restart, weights, stop, start, promote and abort in a route group",
    ),
    Need(Access("delete", "", "pods"), "delete a pod"),
    Need(
        Access("get", _ARGO, _ROLLOUTS), "Argo Rollouts: to see that nobody changed one meanwhile"
    ),
    Need(Access("list", _ARGO, _ROLLOUTS), "Argo Rollouts: to find them"),
    Need(Access("patch", _ARGO, _ROLLOUTS), "Argo Rollouts: pause, resume, undo"),
    Need(Access("patch", _ARGO, _ROLLOUTS, "status"), "Argo Rollouts: resume, promote, abort"),
)


class ActionRight(msgspec.Struct, frozen=True):
    """Whether one may do what some actions need; `namespace` is empty for all of them."""

    need: Need
    namespace: str
    answer: Answer


async def action_rights(
    connection: Connection, clock: Clock, namespaces: Sequence[str] = ()
) -> tuple[ActionRight, ...] | Problem:
    """Ask a cluster which actions one may take there, in these namespaces or all."""
    client = ReadOnlyClient(connection, clock)
    try:
        there = await discovery.served(client)
        if not isinstance(there, Mapping):
            return there
        argo = await client.get(ARGO)
        absent = {_ARGO} if isinstance(argo, Refusal) and argo.status == NOT_FOUND else set()
        if BY_NAME[SERVICE] not in there:
            absent.add(_KSERVE)
        scopes = namespaces or ("",)
        asked = [_right(client, need, one, absent) for need in NEEDS for one in scopes]
        found = await asyncio.gather(*asked)
    finally:
        await client.close()
    problem = next((one for one in found if not isinstance(one, ActionRight)), None)
    return problem or tuple(one for one in found if isinstance(one, ActionRight))


async def _right(
    client: ReadOnlyClient, need: Need, namespace: str, absent: set[str]
) -> ActionRight | Problem:
    if need.access.group in absent:
        return ActionRight(need, namespace, "not installed")
    allowed = await client.may(need.access._replace(namespace=namespace))
    own = client.connection.namespace
    if allowed is False and not namespace:
        # Who may not do it everywhere may do it in the namespace of the context.
        within = await client.may(need.access._replace(namespace=own))
        if within is True:
            return ActionRight(need, own, "yes")
    if not isinstance(allowed, bool):
        return allowed
    return ActionRight(need, namespace, "yes" if allowed else "no")


def action_role() -> dict[str, Any]:
    """The least that allows all actions, beside what mtop reads, as a ClusterRole."""
    rules: dict[tuple[str, str], list[str]] = {}
    for access, _ in NEEDS:
        below = f"/{access.subresource}" if access.subresource else ""
        rules.setdefault((access.group, f"{access.resource}{below}"), []).append(access.verb)
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": ROLE},
        "rules": [
            {"apiGroups": [group], "resources": [resource], "verbs": verbs}
            for (group, resource), verbs in rules.items()
        ],
    }
