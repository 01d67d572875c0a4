"""Which kinds an API server has: one who may read little is told 403 of what is absent, too."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Set

import msgspec

from mtop_tui.providers.live.client import ReadOnlyClient
from mtop_tui.providers.live.kinds import KINDS, Kind
from mtop_tui.providers.live.problems import NOT_FOUND, NOT_KUBERNETES, Problem, Refusal


class _GroupVersion(msgspec.Struct, frozen=True):
    version: str


class _Group(msgspec.Struct, frozen=True):
    name: str
    versions: list[_GroupVersion] = []


class _Groups(msgspec.Struct, frozen=True):
    groups: list[_Group]


class _Resource(msgspec.Struct, frozen=True):
    name: str


class _Resources(msgspec.Struct, frozen=True):
    resources: list[_Resource] = []


_SHARED = frozenset({"serving.kserve.io", "argoproj.io", "resource.k8s.io"})
"""Groups that may be there without the kind that matters."""


async def served(client: ReadOnlyClient) -> Mapping[Kind, str] | Problem:
    """The kinds that are there, each with the best version of it."""
    answer = await client.get("/apis")
    if isinstance(answer, Refusal) and answer.status == NOT_FOUND:
        what = "no Kubernetes API is there; check the path of `server` in the kubeconfig"
        return msgspec.structs.replace(answer, message=what)
    if not isinstance(answer, bytes):
        return answer
    try:
        groups = msgspec.json.decode(answer, type=_Groups).groups
    except msgspec.MsgspecError as error:
        return Refusal(200, f"no list of API groups: {error}", NOT_KUBERNETES)
    versions = {one.name: {each.version for each in one.versions} for one in groups}
    plurals = await _plurals(client, versions)
    if not isinstance(plurals, Mapping):
        return plurals
    found: dict[str, dict[Kind, str]] = {}
    for kind in KINDS:
        if not kind.group:
            there = list(kind.versions)
        else:
            there = [one for one in kind.versions if one in versions.get(kind.group, ())]
        if kind.group in _SHARED:
            there = [one for one in there if kind.plural in plurals[kind.group, one]]
        if there and (not kind.only_with or kind.only_with in found):
            found.setdefault(kind.name, {})[kind] = there[0]
    return {kind: version for kinds in found.values() for kind, version in kinds.items()}


async def _plurals(
    client: ReadOnlyClient, versions: Mapping[str, Set[str]]
) -> Mapping[tuple[str, str], Set[str]] | Problem:
    """What each version of a shared group has, as paths have it."""
    wanted = dict.fromkeys(
        (kind.group, version)
        for kind in KINDS
        if kind.group in _SHARED
        for version in kind.versions
        if version in versions.get(kind.group, ())
    )
    answers = await asyncio.gather(*(client.get(f"/apis/{one[0]}/{one[1]}") for one in wanted))
    found: dict[tuple[str, str], Set[str]] = {}
    for one, answer in zip(wanted, answers, strict=True):
        if not isinstance(answer, bytes):
            return answer
        try:
            listed = msgspec.json.decode(answer, type=_Resources).resources
        except msgspec.MsgspecError as error:
            return Refusal(200, f"no list of resources: {error}", NOT_KUBERNETES)
        found[one] = {each.name for each in listed}
    return found
