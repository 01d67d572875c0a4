"""Which kinds an API server has: one who may read little is told 403 of what is absent, too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from mtop_tui.providers.live.client import ReadOnlyClient
from mtop_tui.providers.live.kinds import KINDS, Kind
from mtop_tui.providers.live.problems import NOT_KUBERNETES, Problem, Refusal


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


_SHARED = frozenset({"serving.kserve.io"})
"""Groups that may be there without the kind that matters."""


async def served(client: ReadOnlyClient) -> Mapping[Kind, str] | Problem:
    """The kinds that are there, each with the best version of it."""
    answer = await client.get("/apis")
    if not isinstance(answer, bytes):
        return answer
    try:
        groups = msgspec.json.decode(answer, type=_Groups).groups
    except msgspec.MsgspecError as error:
        return Refusal(200, f"no list of API groups: {error}", NOT_KUBERNETES)
    versions = {one.name: {each.version for each in one.versions} for one in groups}
    found: dict[Kind, str] = {}
    for kind in KINDS:
        there = [one for one in kind.versions if one in versions.get(kind.group, ())]
        if not kind.group:
            found[kind] = kind.versions[0]
        elif there and kind.group in _SHARED:
            version = await _with_resource(client, kind, there)
            if not isinstance(version, str):
                return version
            if version:
                found[kind] = version
        elif there:
            found[kind] = there[0]
    return found


async def _with_resource(
    client: ReadOnlyClient, kind: Kind, versions: Iterable[str]
) -> str | Problem:
    """The first of the versions that has a kind; empty when none has."""
    for version in versions:
        answer = await client.get(f"/apis/{kind.group}/{version}")
        if not isinstance(answer, bytes):
            return answer
        try:
            resources = msgspec.json.decode(answer, type=_Resources).resources
        except msgspec.MsgspecError as error:
            return Refusal(200, f"no list of resources: {error}", NOT_KUBERNETES)
        if any(one.name == kind.plural for one in resources):
            return version
    return ""
