"""What an intent comes to: the requests that would be sent, or why there are none."""

from __future__ import annotations

import json
import shlex
from typing import Any, Final, Literal
from urllib.parse import quote

import msgspec

from mtop_tui.actions.intents import Body, Intent

_PLURALS: Final = {
    "LLMInferenceService": "llminferenceservices",
    "Pod": "pods",
    "Rollout": "rollouts",
}
"""Of the kinds that are changed, as paths have them."""


class Change(msgspec.Struct, frozen=True):
    """One request about one object.

    Attributes:
        before: the object as it was when this was planned.
        method: a merge patch, or its deletion.
        patch: what to merge into it.
        subresource: of it that is patched; empty: itself.
    """

    before: dict[str, Any]
    method: Literal["patch", "delete"] = "patch"
    patch: dict[str, Any] = {}
    subresource: str = ""

    @property
    def kind(self) -> str:
        """Of the object."""
        return str(self.before.get("kind", ""))

    @property
    def api_version(self) -> str:
        """Group and version in which it was read."""
        return str(self.before.get("apiVersion", ""))

    @property
    def plural(self) -> str:
        """As paths have it."""
        return _PLURALS[self.kind]

    @property
    def namespace(self) -> str:
        """Where it is."""
        return str(self.before["metadata"].get("namespace", ""))

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.before["metadata"]["name"])

    @property
    def path(self) -> str:
        """Where it stands in the API."""
        root = (
            f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        )
        below = f"/{self.subresource}" if self.subresource else ""
        # No server has such names; one that had would not be asked for another object.
        namespace, name = (quote(one, safe="") for one in (self.namespace, self.name))
        return f"{root}/namespaces/{namespace}/{self.plural}/{name}{below}"

    def body(self, *, dry_run: bool) -> dict[str, Any]:
        """What is sent: it holds for this very state of the object, and for no other one."""
        metadata = self.before["metadata"]
        if self.method == "patch":
            held = {"resourceVersion": metadata.get("resourceVersion"), "uid": metadata.get("uid")}
            return {**self.patch, "metadata": {**self.patch.get("metadata", {}), **held}}
        # A pod's version changes all the time; what matters is that it is this pod.
        options = {"apiVersion": "v1", "kind": "DeleteOptions"}
        return {
            **options,
            "preconditions": {"uid": metadata.get("uid")},
            **({"dryRun": ["All"]} if dry_run else {}),
        }

    def kubectl(self, context: str) -> str:
        """The same as a command for a shell."""
        scope = f"kubectl --context {shlex.quote(context)} -n {shlex.quote(self.namespace)}"
        what = "llmisvc" if self.kind == "LLMInferenceService" else self.kind.lower()
        if self.method == "delete":
            return f"{scope} delete {what} {shlex.quote(self.name)}"
        below = f" --subresource={self.subresource}" if self.subresource else ""
        patch = shlex.quote(json.dumps(self.patch, separators=(",", ":")))
        return f"{scope} patch {what} {shlex.quote(self.name)}{below} --type=merge -p {patch}"


class Plan(msgspec.Struct, frozen=True):
    """What is to be done for an intent.

    Attributes:
        title: what it does, in words.
        changes: in the order in which they are sent.
        loses: what ends or is cut off by it; empty where nothing is. Then the name has to be typed.
        notes: what else one should know.
        limit: seconds for which its result is watched at most.
        was: uids of the pods that were there.
        at: when it was planned, Unix seconds.
    """

    intent: Intent
    title: str
    changes: tuple[Change, ...]
    loses: str = ""
    notes: tuple[str, ...] = ()
    limit: float = 0.0
    was: frozenset[str] = frozenset()
    at: float = 0.0

    @property
    def confirmed_by(self) -> str:
        """The name that has to be typed before it is done."""
        pod = self.intent.pod
        return self.intent.service.name if pod is None else pod.name

    def comes_to_the_same(self, other: Plan) -> bool:
        """Whether another plan would do and end the same."""
        mine, its = (
            (one.title, one.loses, [(change.name, change.patch) for change in one.changes])
            for one in (self, other)
        )
        return mine == its


class Refused(msgspec.Struct, frozen=True):
    """Why an intent is not carried out, and what to do instead."""

    reason: str
    instead: str = ""

    @property
    def sentence(self) -> str:
        """Both."""
        return f"{self.reason}; {self.instead}" if self.instead else self.reason


def is_same(planned: Body, now: Body) -> bool:
    """Whether of an object only what the server and controllers write has changed."""

    def essence(body: Body) -> tuple[object, ...]:
        metadata = body.get("metadata") or {}
        marks = metadata.get("annotations"), metadata.get("labels")
        return metadata.get("uid"), body.get("spec"), marks, metadata.get("deletionTimestamp")

    return essence(planned) == essence(now)
