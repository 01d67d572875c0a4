"""Answers as an API server sends them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from mtop_tui.serve.status import PlainError, StatusError

_PRETTY_FOR = ("curl", "Wget", "Mozilla")


def headers() -> dict[str, str]:
    """What every answer says."""
    return {"Audit-Id": str(uuid.uuid4()), "Cache-Control": "no-cache, private"}


def json_answer(
    request: web.BaseRequest, body: bytes, code: int = 200, more: Mapping[str, str] | None = None
) -> web.Response:
    """JSON, indented for people who look at it with curl or a browser."""
    if _wants_pretty(request):
        body = msgspec.json.format(body, indent=2) + b"\n"
    return web.Response(
        body=body,
        status=code,
        content_type="application/json",
        headers={**headers(), **(more or {})},
    )


def object_answer(
    request: web.BaseRequest, body: Mapping[str, Any], code: int = 200
) -> web.Response:
    """A small object."""
    return json_answer(request, msgspec.json.encode(body), code)


def error_answer(request: web.BaseRequest, error: StatusError) -> web.Response:
    """A Status."""
    more = dict(error.headers)
    if error.retry_after is not None:
        more["Retry-After"] = str(error.retry_after)
    return json_answer(request, msgspec.json.encode(error.body()), error.code, more)


def plain_answer(error: PlainError) -> web.Response:
    """An error in plain text."""
    more = headers()
    if error.retry_after is not None:
        more["Retry-After"] = str(error.retry_after)
    if error.code == web.HTTPNotFound.status_code:
        more["X-Content-Type-Options"] = "nosniff"
    return web.Response(
        body=error.text.encode(),
        status=error.code,
        headers={**more, "Content-Type": error.content_type},
    )


def _wants_pretty(request: web.BaseRequest) -> bool:
    stated = request.query.get("pretty")
    if stated is not None:
        return stated in {"1", "true"}
    return request.headers.get("User-Agent", "").startswith(_PRETTY_FOR)
