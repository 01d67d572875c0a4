"""Errors as a Kubernetes API server words them: a Status with reason, message and details."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from mtop_tui.serve.resources import Resource


class Cause(NamedTuple):
    """What is wrong with one field."""

    reason: str
    message: str
    field: str


class StatusError(Exception):
    """A request that ends in a Status.

    Attributes:
        code: HTTP status.
        reason: machine-readable, in CamelCase.
        message: for people.
        details: of what object, or None.
        retry_after: seconds to wait, told in the header Retry-After too.
        metadata: of the Status; a continue token stands there.
        headers: further ones of the answer.
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        retry_after: int | None = None,
        metadata: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message
        self.details = None if details is None else dict(details)
        self.retry_after = retry_after
        self.metadata = dict(metadata or {})
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """The Status object."""
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.metadata,
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        details = self.details
        if self.retry_after is not None:
            details = {**(details or {}), "retryAfterSeconds": self.retry_after}
        if details is not None:
            body["details"] = details
        return body | {"code": self.code}


class PlainError(Exception):
    """A request that ends in plain text, as unknown paths do."""

    def __init__(self, code: int, text: str, *, content_type: str, retry_after: int | None) -> None:
        super().__init__(text)
        self.code, self.text, self.content_type = code, text, content_type
        self.retry_after = retry_after


def page_not_found() -> PlainError:
    """There is nothing at this path."""
    return PlainError(
        404,
        "404 page not found\n",
        content_type="text/plain; charset=utf-8",
        retry_after=None,
    )


def _details(resource: Resource, name: str = "", *, kind: str = "") -> dict[str, Any]:
    stated = {"name": name, "group": resource.group, "kind": kind or resource.plural}
    return {key: value for key, value in stated.items() if value}


def not_found(resource: Resource, name: str) -> StatusError:
    """There is no object of this name."""
    return StatusError(
        404,
        "NotFound",
        f'{resource.qualified} "{name}" not found',
        details=_details(resource, name),
    )


def already_exists(resource: Resource, name: str) -> StatusError:
    """An object of this name is there."""
    return StatusError(
        409,
        "AlreadyExists",
        f'{resource.qualified} "{name}" already exists',
        details=_details(resource, name),
    )


def conflict(resource: Resource, name: str, why: str) -> StatusError:
    """The object is not what the request takes it for."""
    return StatusError(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why}',
        details=_details(resource, name),
    )


def modified(resource: Resource, name: str) -> StatusError:
    """The object changed after it was read."""
    return conflict(
        resource,
        name,
        "the object has been modified; please apply your changes to the latest version and try"
        " again",
    )


def invalid(resource: Resource, name: str, causes: Iterable[Cause]) -> StatusError:
    """The object has fields that cannot be so."""
    found = list(causes)
    told = [f"{one.field}: {one.message}" for one in found]
    listed = told[0] if len(told) == 1 else f"[{', '.join(told)}]"
    return StatusError(
        422,
        "Invalid",
        f'{resource.qualified_kind} "{name}" is invalid: {listed}',
        details={
            **_details(resource, name, kind=resource.kind),
            "causes": [one._asdict() for one in found],
        },
    )


def bad_options(kind: str, field: str, problem: str, reason: str) -> StatusError:
    """A parameter of the request that cannot be so."""
    return StatusError(
        422,
        "Invalid",
        f'{kind}.meta.k8s.io "" is invalid: {field}: {problem}',
        details={
            "group": "meta.k8s.io",
            "kind": kind,
            "causes": [{"reason": reason, "message": problem, "field": field}],
        },
    )


def bad_request(message: str) -> StatusError:
    """The request makes no sense."""
    return StatusError(400, "BadRequest", message)


def unauthorized() -> StatusError:
    """The credentials are none."""
    return StatusError(401, "Unauthorized", "Unauthorized")


def expired(message: str, *, continue_token: str = "") -> StatusError:
    """What was asked for is no longer kept."""
    metadata = {"continue": continue_token} if continue_token else None
    return StatusError(410, "Expired", message, metadata=metadata)


def method_not_allowed() -> StatusError:
    """The resource is there, and cannot do that."""
    return StatusError(
        405,
        "MethodNotAllowed",
        "the server does not allow this method on the requested resource",
        details={},
    )


def unsupported_media_type(accepted: Iterable[str]) -> StatusError:
    """The body is in a format that cannot be read here."""
    return StatusError(
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: "
        + ", ".join(accepted),
    )


def not_acceptable(offered: Iterable[str]) -> StatusError:
    """The client wants a format that is not made here."""
    return StatusError(
        406,
        "NotAcceptable",
        f"only the following media types are accepted: {', '.join(offered)}",
    )


def unavailable(message: str, retry_after: int | None = None) -> StatusError:
    """Not now."""
    return StatusError(503, "ServiceUnavailable", message, retry_after=retry_after)


def too_many_requests(message: str, retry_after: int) -> StatusError:
    """Later."""
    return StatusError(429, "TooManyRequests", message, retry_after=retry_after)


def too_large_version(wanted: int, current: int) -> StatusError:
    """A resourceVersion from the future."""
    message = "Too large resource version"
    return StatusError(
        504,
        "Timeout",
        f"{message}: {wanted}, current: {current}",
        details={"causes": [{"reason": "ResourceVersionTooLarge", "message": message}]},
        retry_after=1,
    )


def success(resource: Resource, name: str, uid: str) -> dict[str, Any]:
    """What a deletion answers with."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {**_details(resource, name), "uid": uid},
    }
