"""Addresses of metrics pages as users write them. What they hold in secrets is never shown."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

PAGE = "/metrics"
_SCHEMES = ("http", "https")
_IN_NAMES = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-.")


class AddressError(ValueError):
    """Text that is no address; the message quotes nothing that could be a secret."""


class Address(NamedTuple):
    """Where a page of metrics is.

    Attributes:
        url: without user and password, which are sent as basic authentication.
        shown: host and port, and the path if it is not the usual one; no query, no user.
        token_file: with a bearer token for it.
    """

    url: str
    shown: str
    user: str = ""
    password: str = ""
    token_file: Path | None = None

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def __repr__(self) -> str:
        return f"Address({self.shown})"


class ServicePlace(NamedTuple):
    """A service inside a cluster, reached by the API server's proxy."""

    namespace: str
    service: str
    port: str

    @property
    def shown(self) -> str:
        """How it is called on the screens."""
        return f"{self.namespace}/{self.service.removeprefix('https:')}"


def prometheus_places(text: str) -> dict[str, str]:
    """Where the Prometheus of each context is: `[CONTEXT=]PLACE`, several with commas between.

    What stands there without a context is under the empty name, for all that are not named.

    Raises:
        AddressError: a place is none, or a context has two.
    """
    places: dict[str, str] = {}
    for item in text.split(","):
        before, sign, after = item.strip().partition("=")
        # What looks like a name may be the beginning of an address that holds such a sign.
        context, place = (before, after) if sign and "://" not in before else ("", item)
        prometheus_place(place)
        if context in places:
            raise AddressError(f"two addresses {f'for {context}' if context else 'for all'}")
        places[context] = place.strip()
    return places


def prometheus_place(text: str) -> Address | ServicePlace:
    """Where Prometheus is: an address, or `NAMESPACE/[https:]SERVICE[:PORT]` in the cluster.

    Raises:
        AddressError: it is neither.
    """
    text = text.strip()
    return parse_address(text) if "://" in text or "/" not in text else service_place(text, "9090")


def opencost_place(text: str) -> ServicePlace:
    """Where OpenCost is: `NAMESPACE/[https:]SERVICE[:PORT]` in the cluster.

    Raises:
        AddressError: it is none.
    """
    return service_place(text.strip(), "9003")


def service_place(text: str, usual_port: str) -> ServicePlace:
    """A service as `NAMESPACE/[https:]SERVICE[:PORT]`.

    Raises:
        AddressError: it is none.
    """
    namespace, _, rest = text.partition("/")
    scheme = "https:" if rest.startswith("https:") else ""
    service, _, port = rest.removeprefix("https:").partition(":")
    if not all(_is_name(part) for part in (namespace, service, port or usual_port)):
        raise AddressError(
            "expected NAMESPACE/SERVICE:PORT, or an address with http:// or https://"
        )
    return ServicePlace(namespace, scheme + service, port or usual_port)


def _is_name(part: str) -> bool:
    return bool(part) and set(part) <= _IN_NAMES and part[0] not in "-." and part[-1] not in "-."


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
