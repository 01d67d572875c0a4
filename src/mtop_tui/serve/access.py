"""Users of the simulated cluster, and what each of them may do."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from mtop_tui.serve.requests import RequestInfo
from mtop_tui.serve.resources import KSERVE, Registry
from mtop_tui.serve.status import StatusError

ANONYMOUS: Final = "system:anonymous"
ADMIN, VIEWER, NAMESPACE_VIEWER, NOBODY = (
    "mtop-admin",
    "mtop-viewer",
    "mtop-nsviewer",
    "mtop-nobody",
)

_READ = ("get", "list", "watch")
_HEALTH = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_DISCOVERY = (
    *("/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez"),
    *("/openapi", "/openapi/*", "/readyz", "/version", "/version/"),
)


class Rule(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What may be done to which resources, as RBAC states it."""

    verbs: tuple[str, ...]
    api_groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()

    def allows(self, verb: str, group: str, resource: str) -> bool:
        """Whether this may be done; a subresource is stated as "pods/log"."""
        return (
            _covers(self.verbs, verb)
            and _covers(self.api_groups, group)
            and (_covers(self.resources, resource))
        )


class PathRule(msgspec.Struct, frozen=True, omit_defaults=True):
    """What may be done to which paths that are no resources."""

    verbs: tuple[str, ...]
    paths: tuple[str, ...] = msgspec.field(name="nonResourceURLs")

    def allows(self, verb: str, path: str) -> bool:
        """Whether this may be done."""
        return _covers(self.verbs, verb) and any(
            path == one or (one.endswith("*") and path.startswith(one[:-1])) for one in self.paths
        )


_BASIC = (
    Rule(
        ("create",),
        ("authorization.k8s.io",),
        ("selfsubjectaccessreviews", "selfsubjectrulesreviews"),
    ),
    Rule(("create",), ("authentication.k8s.io",), ("selfsubjectreviews",)),
)
_PUBLIC = PathRule(("get",), _HEALTH)
_PATHS = (
    _PUBLIC,
    PathRule(("get",), ("/.well-known", "/.well-known/*")),
    PathRule(("get",), _DISCOVERY),
)


class User(msgspec.Struct, frozen=True):
    """Who sends a request.

    Attributes:
        name, groups: as errors and reviews name them.
        role: the ClusterRole or Role its rules are from.
        rules: beyond those everybody has.
        namespace: the only one in which `rules` hold; empty: everywhere.
        paths: that it may read.
    """

    name: str
    groups: tuple[str, ...] = ("system:authenticated",)
    role: str = ""
    rules: tuple[Rule, ...] = ()
    namespace: str = ""
    paths: tuple[PathRule, ...] = _PATHS

    def may(self, verb: str, group: str, resource: str, namespace: str = "") -> bool:
        """Whether it may do this to a resource or, as "pods/log", a subresource."""
        if any(one.allows(verb, group, resource) for one in self._basic):
            return True
        here = not self.namespace or namespace == self.namespace
        return here and any(one.allows(verb, group, resource) for one in self.rules)

    def may_read(self, verb: str, path: str) -> bool:
        """Whether it may do this to a path that is no resource."""
        return any(one.allows(verb, path) for one in self.paths)

    def rules_in(self, namespace: str) -> tuple[Rule, ...]:
        """All rules that hold in a namespace."""
        here = not self.namespace or namespace == self.namespace
        return (*self._basic, *(self.rules if here else ()))

    @property
    def _basic(self) -> tuple[Rule, ...]:
        return () if self.name == ANONYMOUS else _BASIC


_EVERYTHING = Rule(("*",), ("*",), ("*",))
_ANONYMOUS_USER = User(ANONYMOUS, ("system:unauthenticated",), paths=(_PUBLIC,))


def users(namespace: str) -> dict[str, User]:
    """The users by name; `namespace` is the one that the namespace viewer may see."""
    # By name, for "*" would be proxies and other subresources too.
    listed = {one.plural for one in Registry().resources if "list" in one.verbs}
    seen = Rule(_READ, ("*",), tuple(sorted(listed)))
    mine = (
        Rule(_READ, (KSERVE,), ("llminferenceservices",)),
        Rule(_READ, ("",), ("pods",)),
    )
    return {
        ADMIN: User(
            ADMIN,
            ("system:masters", "system:authenticated"),
            role="cluster-admin",
            rules=(_EVERYTHING,),
            paths=(PathRule(("*",), ("*",)), *_PATHS),
        ),
        VIEWER: User(VIEWER, role="mtop-view", rules=(seen, Rule(("get",), ("",), ("pods/log",)))),
        NAMESPACE_VIEWER: User(NAMESPACE_VIEWER, role="mtop-view", rules=mine, namespace=namespace),
        NOBODY: User(NOBODY),
    }


class Access:
    """Who is who, by token.

    Args:
        known: the users.
        tokens: of users; those that are missing are drawn.

    Attributes:
        tokens: of the users, as they are now.
    """

    def __init__(self, known: Mapping[str, User], tokens: Mapping[str, str] | None = None) -> None:
        self._users = dict(known)
        self.tokens = {name: (tokens or {}).get(name) or _token() for name in known}

    def rotate(self) -> None:
        """Give every user another token; the ones before are none any more."""
        self.tokens = {name: _token() for name in self.tokens}

    def user_of(self, authorization: str) -> User | None:
        """Who sends this header: nobody in particular without one, None for a wrong token."""
        if not authorization:
            return _ANONYMOUS_USER
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        for name, known in self.tokens.items():
            if hmac.compare_digest(known.encode(), token.strip().encode()):
                return self._users[name]
        return None


def check(user: User, request: RequestInfo) -> None:
    """Let a request through, or not.

    Raises:
        StatusError: the user may not do this.
    """
    if not request.resource:
        if not user.may_read(request.verb, request.path):
            raise _forbidden_path(user, request)
        return
    if not request.plural:
        return
    resource = "/".join(filter(None, (request.plural, request.subresource)))
    if not user.may(request.verb, request.group, resource, request.namespace):
        raise forbidden(user, request)


def forbidden(user: User, request: RequestInfo) -> StatusError:
    """The user may not do this to this resource."""
    group = request.group
    qualified = f"{request.plural}.{group}" if group else request.plural
    named = f' "{request.name}"' if request.name else ""
    resource = "/".join(filter(None, (request.plural, request.subresource)))
    where = (
        f'in the namespace "{request.namespace}"' if request.namespace else "at the cluster scope"
    )
    text = (
        f'{qualified}{named} is forbidden: User "{user.name}" cannot {request.verb} resource '
        f'"{resource}" in API group "{group}" {where}'
    )
    details = {"name": request.name, "group": group, "kind": request.plural}
    return StatusError(
        403,
        "Forbidden",
        text,
        details={name: value for name, value in details.items() if value},
        headers={"X-Content-Type-Options": "nosniff"},
    )


def _forbidden_path(user: User, request: RequestInfo) -> StatusError:
    text = f'forbidden: User "{user.name}" cannot {request.verb} path "{request.path}"'
    return StatusError(
        403, "Forbidden", text, details={}, headers={"X-Content-Type-Options": "nosniff"}
    )


def _covers(stated: Iterable[str], one: str) -> bool:
    return any(each in {"*", one} for each in stated)


def _token() -> str:
    return f"mtop-{secrets.token_urlsafe(24)}"


def as_plain(rule: Rule | PathRule) -> dict[str, Any]:
    """A rule as JSON has it."""
    plain: dict[str, Any] = msgspec.to_builtins(rule)
    return plain
