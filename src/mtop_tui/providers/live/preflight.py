"""What one may do in a cluster, what is lost without it, and the role that allows all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from mtop_tui.clock import Clock
from mtop_tui.providers.live import discovery
from mtop_tui.providers.live.client import Access, ReadOnlyClient
from mtop_tui.providers.live.kinds import CLASSIC, RIGHTS, SERVICE, Kind
from mtop_tui.providers.live.kubeconfig import Connection
from mtop_tui.providers.live.problems import Problem

ROLE: Final = "mtop"
VERBS: Final = ("get", "list", "watch")

Answer = Literal["yes", "no", "not installed"]


class Right(msgspec.Struct, frozen=True):
    """What one may do with a kind, somewhere.

    Attributes:
        kind: of objects.
        namespace: empty: in all.
        answer: whether it can be read as mtop reads it.
        lacking: verbs that are not allowed.
    """

    kind: Kind
    namespace: str
    answer: Answer
    lacking: tuple[str, ...] = ()


class Extra(msgspec.Struct, frozen=True):
    """A right to something that belongs to objects and is none itself.

    Attributes:
        role: name of the ClusterRole that allows it.
        resource, subresource, verb: what it allows.
        shows: what mtop knows by it.
        caution: why it is not for everybody, and has a role of its own; empty if neither is so.
        instead: what to do without it.
    """

    role: str
    resource: str
    subresource: str
    verb: str
    shows: str
    caution: str = ""
    instead: str = ""

    @property
    def qualified(self) -> str:
        """As RBAC names it: "pods/proxy"."""
        return f"{self.resource}/{self.subresource}"


POD_LOG: Final = Extra(
    role=ROLE,
    resource="pods",
    subresource="log",
    verb="get",
    shows="logs, and what engines that start are at",
)
POD_PROXY: Final = Extra(
    role="mtop-pod-metrics",
    resource="pods",
    subresource="proxy",
    verb="get",
    shows="metrics read from the pods themselves, where no Prometheus is named",
    caution=(
        "who has it can send any GET to any port of any pod, through the API server and past"
        " network policies: also to pages that nobody outside the cluster is meant to see"
    ),
    instead="name a Prometheus with --prometheus, or see what Kubernetes says without metrics",
)
EXTRAS: Final = (POD_LOG, POD_PROXY)
OPTIONAL: Final = tuple(one for one in EXTRAS if one.role != ROLE)


class ExtraRight(msgspec.Struct, frozen=True):
    """Whether one has such a right, somewhere; `namespace` is empty for all."""

    extra: Extra
    namespace: str
    allowed: bool


class Preflight(msgspec.Struct, frozen=True):
    """The rights in one cluster, and its version."""

    connection: Connection
    version: str
    rights: tuple[Right, ...]
    extras: tuple[ExtraRight, ...] = ()

    @property
    def is_usable(self) -> bool:
        """Whether any service could be shown."""
        return any(
            one.kind.name in {SERVICE, CLASSIC} and one.answer == "yes" for one in self.rights
        )


class _Version(msgspec.Struct, frozen=True, rename="camel"):
    git_version: str = ""


async def preflight(
    connection: Connection, clock: Clock, namespaces: Sequence[str] = ()
) -> Preflight | Problem:
    """Ask a cluster what one may do there, in these namespaces or all."""
    client = ReadOnlyClient(connection, clock)
    try:
        return await _asked(client, namespaces)
    finally:
        await client.close()


async def _asked(client: ReadOnlyClient, namespaces: Sequence[str]) -> Preflight | Problem:
    version = await client.get("/version")
    if not isinstance(version, bytes):
        return version
    there = await discovery.served(client)
    if not isinstance(there, Mapping):
        return there
    rights: list[Right] = []
    for kind in RIGHTS:
        if kind not in there:
            rights.append(Right(kind, "", "not installed"))
            continue
        scopes = namespaces if kind.namespaced and namespaces else ("",)
        for namespace in scopes:
            right = await _right(client, kind, namespace)
            if isinstance(right, Right) and right.answer == "no" and not namespaces:
                # Who may not read all namespaces is shown that of the context.
                own = client.connection.namespace if kind.namespaced else ""
                within = await _right(client, kind, own) if own else right
                right = within if isinstance(within, Right) and within.answer == "yes" else right
            if not isinstance(right, Right):
                return right
            rights.append(right)
    extras: list[ExtraRight] = []
    for extra in EXTRAS:
        for namespace in namespaces or ("",):
            access = Access(extra.verb, "", extra.resource, extra.subresource, namespace)
            may = await client.may(access)
            if not isinstance(may, bool):
                return may
            extras.append(ExtraRight(extra, namespace, may))
    return Preflight(client.connection, _version(version), tuple(rights), tuple(extras))


async def _right(client: ReadOnlyClient, kind: Kind, namespace: str) -> Right | Problem:
    asked = [Access(verb, kind.group, kind.plural, "", namespace) for verb in VERBS]
    answers = await asyncio.gather(*map(client.may, asked))
    problem = next((one for one in answers if not isinstance(one, bool)), None)
    if problem is not None:
        return problem
    lacking = tuple(verb for verb, may in zip(VERBS, answers, strict=True) if not may)
    return Right(kind, namespace, "no" if {"list", "watch"} & set(lacking) else "yes", lacking)


def _version(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Version).git_version
    except msgspec.MsgspecError:
        return ""


def role() -> dict[str, Any]:
    """The least that allows all that mtop reads, as a ClusterRole.

    Discovery and `/version` are open to everybody who is logged in.
    """
    groups: dict[str, dict[str, None]] = {}
    for kind in RIGHTS:
        groups.setdefault(kind.group, {})[kind.plural] = None
    rules = [
        {"apiGroups": [group], "resources": list(plurals), "verbs": list(VERBS)}
        for group, plurals in groups.items()
    ]
    return _cluster_role(ROLE, [*rules, *(_rule(one) for one in EXTRAS if one.role == ROLE)])


def extra_role(extra: Extra) -> dict[str, Any]:
    """The ClusterRole of a right that is not for everybody."""
    return _cluster_role(extra.role, [_rule(extra)])


def _rule(extra: Extra) -> dict[str, Any]:
    return {"apiGroups": [""], "resources": [extra.qualified], "verbs": [extra.verb]}


def _cluster_role(name: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": rules,
    }
