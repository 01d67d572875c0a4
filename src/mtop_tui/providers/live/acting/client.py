"""The one client that can change a cluster; it is made for actions, and they only if asked for."""

from __future__ import annotations

from typing import Any, Final

import aiohttp
import msgspec

from mtop_tui.actions.plans import Change
from mtop_tui.providers.live.answers import JSON
from mtop_tui.providers.live.client import ANSWER_LIMIT, CONNECT_LIMIT, Method, ReadOnlyClient
from mtop_tui.providers.live.problems import NOT_KUBERNETES, Problem, Refusal

MANAGER: Final = "mtop"
"""Under which name the server writes down who changed which fields."""

_MERGE_PATCH: Final = "application/merge-patch+json"


class WritingClient(ReadOnlyClient):
    """Reads as others do, and sends the changes of a plan: patches and deletions, no other way."""

    async def send(self, change: Change, *, dry_run: bool) -> dict[str, Any] | Problem:
        """The object as a change leaves it, or would leave it."""
        query = {"dryRun": "All"} if dry_run else {}
        method: Method = "DELETE"
        if change.method == "patch":
            method, query = "PATCH", query | {"fieldManager": MANAGER}
        answer = await self._answered(
            method,
            change.path,
            query,
            timeout=aiohttp.ClientTimeout(total=ANSWER_LIMIT, sock_connect=CONNECT_LIMIT),
            body=msgspec.json.encode(change.body(dry_run=dry_run)),
            content_type=_MERGE_PATCH if method == "PATCH" else JSON,
        )
        return decoded(answer)

    def _may_send(self, method: Method, path: str) -> bool:
        """Also what changes objects, but creates none."""
        return method in {"PATCH", "DELETE"} or super()._may_send(method, path)


def decoded(answer: bytes | Problem) -> dict[str, Any] | Problem:
    """The object in an answer."""
    if not isinstance(answer, bytes):
        return answer
    try:
        return msgspec.json.decode(answer, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        return Refusal(200, f"no object: {error}", NOT_KUBERNETES)
