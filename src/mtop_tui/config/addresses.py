"""Addresses of metrics pages as users write them. What they hold in secrets is never shown."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

PAGE = "/metrics"
_SCHEMES = ("http", "https")


class AddressError(ValueError):
    """Text that is no address; the message quotes nothing that could be a secret."""


class Address(NamedTuple):
    """Where a page of metrics is.

    Attributes:
        url: without user and password, which are sent as basic authentication.
        shown: host and port, and the path if it is not the usual one; no query, no user.
    """

    url: str
    shown: str
    user: str = ""
    password: str = ""

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def __repr__(self) -> str:
        return f"Address({self.shown})"


def parse_address(text: str) -> Address:
    """An address such as `localhost:8000`, `http://10.0.0.7:30000` or `https://u:p@host/m`.

    Without a scheme it is http, without a path `/metrics`.

    Raises:
        AddressError: no host, another scheme, or a port that is none.
    """
    text = text.strip()
    if "://" not in text:
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise AddressError("the host or the port is none") from None
    if parts.scheme not in _SCHEMES:
        raise AddressError("expected http:// or https://")
    host = parts.hostname
    if not host or any(not one.isprintable() or one.isspace() for one in text):
        raise AddressError("no host is named")
    place = f"[{host}]" if ":" in host else host
    if port is not None:
        place = f"{place}:{port}"
    path = parts.path if parts.path not in {"", "/"} else PAGE
    return Address(
        url=urlunsplit(SplitResult(parts.scheme, place, path, parts.query, "")),
        shown=place if path == PAGE else f"{place}{path}",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )
