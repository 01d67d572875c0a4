"""The fields mtop uses of the Gateway API and its inference extension."""

from __future__ import annotations

from mtop_tui.kserve.schema import Read, StatusCondition
from mtop_tui.providers.live.objects.schema import Meta


class ParentRef(Read, frozen=True, kw_only=True):
    """A gateway, or what else takes up a route."""

    name: str = ""
    kind: str | None = None
    namespace: str | None = None


class ParentStatus(Read, frozen=True, kw_only=True):
    """What a gateway says of a route or pool."""

    parent_ref: ParentRef = ParentRef()
    conditions: list[StatusCondition] | None = None


class BackendRef(Read, frozen=True, kw_only=True):
    """Where requests go: a pool or a Service. No weight means 1."""

    name: str
    kind: str | None = None
    namespace: str | None = None
    weight: int | None = None


class Mirror(Read, frozen=True, kw_only=True):
    """Who gets a copy of each request."""

    backend_ref: BackendRef


class Filter(Read, frozen=True, kw_only=True):
    """What is done to a request on its way."""

    type: str = ""
    request_mirror: Mirror | None = None


class Rule(Read, frozen=True, kw_only=True):
    """Where requests of some paths go."""

    backend_refs: list[BackendRef] | None = None
    filters: list[Filter] | None = None


class RouteSpec(Read, frozen=True, kw_only=True):
    """All rules of a route."""

    rules: list[Rule] | None = None


class ParentsStatus(Read, frozen=True, kw_only=True):
    """What all gateways say; `parent` is how InferencePools said it before v1."""

    parents: list[ParentStatus] | None = None
    parent: list[ParentStatus] | None = None


class HTTPRoute(Read, frozen=True, kw_only=True):
    """A route of the Gateway API."""

    metadata: Meta
    spec: RouteSpec = RouteSpec()
    status: ParentsStatus = ParentsStatus()


class InferencePool(Read, frozen=True, kw_only=True):
    """The endpoints that a picker chooses among."""

    metadata: Meta
    status: ParentsStatus = ParentsStatus()
