"""Reviews of rights: clients ask what they may do before they try."""

from __future__ import annotations

from typing import Any

from mtop_tui.serve.access import ADMIN, User, as_plain
from mtop_tui.serve.objects.meta import managed
from mtop_tui.serve.resources import Resource
from mtop_tui.serve.status import Cause, invalid


def review(
    resource: Resource, body: dict[str, Any], user: User, manager: str, now: str
) -> dict[str, Any]:
    """The answer to a review.

    Raises:
        StatusError: it asks for nothing, or for two things at once.
    """
    head = {"kind": resource.kind, "apiVersion": resource.group_version}
    spec = body.get("spec")
    spec = spec if isinstance(spec, dict) else {}
    if resource.kind == "SelfSubjectReview":
        info = {"username": user.name, "groups": list(user.groups)}
        return {**head, "metadata": {"creationTimestamp": now}, "status": {"userInfo": info}}
    if resource.kind == "SelfSubjectRulesReview":
        return {**head, "metadata": {}, "spec": {}, "status": _rules(spec, user)}
    status = _allowed(resource, spec, user)
    fields = managed(manager, resource.group_version, now, {"spec": spec})
    return {**head, "metadata": {"managedFields": [fields]}, "spec": spec, "status": status}


def _allowed(resource: Resource, spec: dict[str, Any], user: User) -> dict[str, Any]:
    asked, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if bool(asked) == bool(path) or not isinstance(asked or path, dict):
        why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        cause = Cause("FieldValueInvalid", f"Invalid value: null: {why}", "spec.resourceAttributes")
        raise invalid(resource, "", [cause])
    if path:
        allowed = user.may_read(str(path.get("verb", "")), str(path.get("path", "")))
    else:
        assert asked is not None
        parts = (str(asked.get("resource") or ""), str(asked.get("subresource") or ""))
        allowed = user.may(
            str(asked.get("verb") or ""),
            str(asked.get("group") or ""),
            "/".join(filter(None, parts)),
            str(asked.get("namespace") or ""),
        )
    status: dict[str, Any] = {"allowed": allowed}
    # Who is in system:masters is let through without a look at roles.
    if allowed and user.role and user.name != ADMIN:
        binding = "RoleBinding" if user.namespace else "ClusterRoleBinding"
        status["reason"] = (
            f'RBAC: allowed by {binding} "{user.role}" of ClusterRole "{user.role}" '
            f'to User "{user.name}"'
        )
    return status


def _rules(spec: dict[str, Any], user: User) -> dict[str, Any]:
    namespace = str(spec.get("namespace") or "")
    return {
        "resourceRules": [as_plain(one) for one in user.rules_in(namespace)],
        "nonResourceRules": [as_plain(one) for one in user.paths],
        "incomplete": False,
    }
