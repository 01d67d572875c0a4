"""What the answers of an API server mean, and what it means when there is none."""

from __future__ import annotations

import os
import socket
import ssl
from contextlib import suppress
from typing import Final

import aiohttp
import msgspec

from mtop_tui.providers.live.problems import NOT_KUBERNETES, Refusal, Unreachable

JSON: Final = "application/json"
HTML: Final = "text/html"

_OK = 200
_SAID = 200
_LARGEST_REFUSAL = 1 << 16


class _Details(msgspec.Struct, frozen=True, rename="camel"):
    retry_after_seconds: float | None = None


class _ListMeta(msgspec.Struct, frozen=True):
    next_page: str = msgspec.field(default="", name="continue")


class Status(msgspec.Struct, frozen=True):
    """How an API server says what went wrong."""

    kind: str = ""
    message: str = ""
    reason: str = ""
    code: int = 0
    details: _Details | None = None
    metadata: _ListMeta | None = None

    def refusal(self, status: int = 0, retry_after: float | None = None) -> Refusal:
        """The same as a value."""
        stated = self.details.retry_after_seconds if self.details else None
        return Refusal(
            self.code or status,
            self.message,
            self.reason,
            retry_after if retry_after is not None else stated,
            self.metadata.next_page if self.metadata else "",
            is_status=True,
        )


async def refused(response: aiohttp.ClientResponse, accept: str) -> Refusal | None:
    """Why an answer is not what was asked for; None when it is."""
    status = response.status
    is_json = response.content_type == JSON
    if _OK <= status < 300:
        if accept != JSON or is_json:
            return None
        return Refusal(status, _named(response.content_type), NOT_KUBERNETES)
    wait = _seconds(response.headers.get("Retry-After"))
    text = await response.content.read(_LARGEST_REFUSAL)
    if is_json:
        with suppress(msgspec.MsgspecError):
            said = msgspec.json.decode(text, type=Status)
            if said.kind == "Status":
                return msgspec.structs.replace(said.refusal(status, wait), status=status)
    if response.content_type == HTML or 300 <= status < 400:
        return Refusal(status, _named(response.content_type), NOT_KUBERNETES, wait)
    words = text.decode(errors="replace").strip()[:_SAID]
    return Refusal(status, words or response.reason or "", retry_after=wait)


def _named(content_type: str) -> str:
    return "an HTML page" if content_type == HTML else f"of type {content_type}"


def _seconds(stated: str | None) -> float | None:
    try:
        return max(0.0, float(stated)) if stated else None
    except ValueError:
        return None


def unreachable(error: BaseException, server: str) -> Unreachable:
    """What a broken or impossible connection means to its user."""
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return Unreachable(
            "network",
            f"the proxy http://{error.host}:{error.port} cannot be reached: {_words(error)}; check"
            " `proxy-url` in the kubeconfig, or HTTPS_PROXY",
        )
    if isinstance(error, aiohttp.ClientHttpProxyError):
        asked = error.request_info.real_url
        return Unreachable(
            "network",
            f"the proxy http://{asked.host}:{asked.port} refuses to connect to {server}:"
            f" {error.status} {error.message}; check `proxy-url` in the kubeconfig, or HTTPS_PROXY",
        )
    if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
        said = getattr(error, "certificate_error", error)
        why = getattr(said, "verify_message", "") or str(said)
        return Unreachable(
            "tls",
            f"the certificate of {server} is not trusted: {why}; check certificate-authority and"
            " tls-server-name in the kubeconfig",
        )
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return Unreachable(
            "tls", f"no TLS with {server}: {error}; check `server` in the kubeconfig"
        )
    if isinstance(error, aiohttp.ClientConnectorDNSError | socket.gaierror):
        return Unreachable(
            "name", f"the name in {server} is not known here; is the network or the VPN up?"
        )
    if isinstance(error, TimeoutError):
        return Unreachable("silence", f"{server} does not answer; is the network or the VPN up?")
    if isinstance(error, aiohttp.ClientConnectorError):
        return Unreachable(
            "network",
            f"{server} cannot be reached: {_words(error)}; is the network or the VPN up?",
        )
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return Unreachable(
            "network",
            f"{server} hung up without an answer: it restarts, or it wants another client"
            " certificate than it is shown (client-certificate in the kubeconfig)",
        )
    if isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError | OSError):
        return Unreachable("network", f"the connection to {server} broke")
    return Unreachable("protocol", f"{server} does not speak HTTP as expected: {error}")


def _words(error: aiohttp.ClientConnectorError) -> str:
    return os.strerror(error.errno) if error.errno else str(error.os_error)
