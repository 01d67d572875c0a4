"""One GET of a page: bounded in time and size, and each way to fail in a sentence of its own."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import ssl
import zlib
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

import aiohttp

from mtop_tui.config.addresses import Address
from mtop_tui.observations import SourceState
from mtop_tui.providers.scraping.reading import MOST_BYTES

CONNECTING, WHOLE = 2.0, 5.0
"""Seconds for a connection, and for a whole answer."""

_MOST_REDIRECTS = 3
_SAID = 120
_LISTED_BYTES = 256 * 1024
_HEADERS = {"Accept": "text/plain;version=0.0.4", "Accept-Encoding": "gzip"}
_REFUSAL = {
    400: "does not take the request; if the server uses TLS, write https://",
    401: "wants to know who asks; write http://USER:PASSWORD@HOST, or give --endpoint-token",
    403: "does not let this user read its metrics; ask for access",
    404: "has no such page; SGLang needs --enable-metrics, another path goes into the address",
    501: "has its metrics off; start llama.cpp's server with --metrics",
    503: "is not ready to answer, as while a model loads; it is asked again",
}


class FetchError(Exception):
    """A page that did not come.

    Attributes:
        state: how the source is to be called.
        reason: two or three words for a table.
        sentence: what happened and what to do; without anything secret.
    """

    def __init__(self, state: SourceState, reason: str, sentence: str) -> None:
        self.state, self.reason, self.sentence = state, reason, sentence
        super().__init__(sentence)


class _Redirect(NamedTuple):
    url: str


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """Whom to trust: the system's authorities, and those of a file.

    Raises:
        OSError: the file is none, or holds no certificate.
    """
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


def new_session(tls: ssl.SSLContext | None = None) -> aiohttp.ClientSession:
    """What requests go through; whoever asks for it closes it."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=64, limit_per_host=4, ssl=tls or True),
        timeout=aiohttp.ClientTimeout(total=WHOLE, connect=CONNECTING),
        headers=_HEADERS,
        auto_decompress=False,  # unpacked here, where it is counted
    )


async def fetch(
    session: aiohttp.ClientSession,
    address: Address,
    *,
    url: str = "",
    most_bytes: int = MOST_BYTES,
) -> bytes:
    """The body at an address, or at another `url` of its origin.

    Redirects are followed on the same host and port, and from http to https: what is sent along is
    for that server.

    Raises:
        FetchError: saying why there is none.
    """
    url = url or address.url
    try:
        for _ in range(_MOST_REDIRECTS + 1):
            found = await _get(session, address, url, most_bytes)
            if isinstance(found, bytes):
                return found
            url = found.url
    except FetchError:
        raise
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        raise explained(error) from error
    raise FetchError("error", "redirects", "redirects in circles; check the path")


async def ask_for_model(session: aiohttp.ClientSession, address: Address) -> str:
    """The first model a server lists under `/v1/models`; empty if it lists none."""
    try:
        body = await fetch(
            session, address, url=f"{address.origin}/v1/models", most_bytes=_LISTED_BYTES
        )
        listed = json.loads(body)["data"]
        return next(str(one["id"]) for one in listed)
    except (FetchError, ValueError, LookupError, TypeError, StopIteration, RecursionError):
        return ""


async def _get(
    session: aiohttp.ClientSession, address: Address, url: str, most_bytes: int
) -> bytes | _Redirect:
    headers = await _identity(address)
    async with session.get(url, headers=headers, allow_redirects=False) as answer:
        if answer.status in {301, 302, 303, 307, 308}:
            return _Redirect(_followed(url, answer.headers.get("Location", "")))
        if answer.status != 200:
            raise _refused(answer.status)
        return await bounded_body(answer, most_bytes)


async def _identity(address: Address) -> dict[str, str]:
    if address.token_file is not None:
        token = await asyncio.to_thread(token_in, address.token_file)
        return {"Authorization": f"Bearer {token}"}
    if not address.user:
        return {}
    pair = base64.b64encode(f"{address.user}:{address.password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def token_in(file: Path) -> str:
    """The token in a file, which may be written anew at any time.

    Raises:
        FetchError: it cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "text"
        raise FetchError(
            "forbidden", "no token", f"its token file cannot be read ({why}); check the path"
        ) from error


def _followed(url: str, location: str) -> str:
    target = urljoin(url, location)
    here, there = urlsplit(url), urlsplit(target)
    # On another port may be somebody else, but for the one on which the same server speaks TLS.
    is_same = (there.scheme, there.netloc) == (here.scheme, here.netloc)
    is_tls = there.hostname == here.hostname and (here.scheme, there.scheme) == ("http", "https")
    if not is_same and not is_tls:
        raise FetchError(
            "error",
            "redirects away",
            f"redirects to {there.scheme}://{_place(there)}, which is not followed; "
            "name that address if it is the right one",
        )
    return target


def _place(parts: SplitResult) -> str:
    """Host and port, without user and password."""
    return parts.netloc.rpartition("@")[2]


def _refused(status: int) -> FetchError:
    state: SourceState = "forbidden" if status in {401, 403} else "error"
    said = _REFUSAL.get(status, "cannot answer; see its log" if status >= 500 else "check the path")
    return FetchError(state, f"HTTP {status}", f"HTTP {status}: {said}")


async def bounded_body(answer: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    """The whole body, unpacked; never holds much more than is allowed.

    The session must not unpack by itself.

    Raises:
        FetchError: it is too large, or was cut.
    """
    is_packed = answer.headers.get("Content-Encoding", "").lower() == "gzip"
    unpack = zlib.decompressobj(wbits=31) if is_packed else None
    body = bytearray()
    async for part in answer.content.iter_any():
        try:
            body += part if unpack is None else unpack.decompress(part, most_bytes + 1 - len(body))
        except zlib.error:
            raise FetchError(
                "error", "bad gzip", "sends what it calls gzip and is none; look for a proxy"
            ) from None
        if len(body) > most_bytes:
            raise FetchError(
                "error",
                "page too large",
                f"sends more than {most_bytes // 1024:,} KiB, which was not taken; check the path",
            )
    if unpack is not None and not unpack.eof:
        raise cut_off()
    return bytes(body)


def cut_off() -> FetchError:
    """An answer that has no end."""
    return FetchError(
        "error",
        "page cut off",
        "the answer ended before it was complete and was not taken; it is asked again",
    )


def explained(error: Exception) -> FetchError:
    """In words what the network did. Nothing of the address is quoted."""
    if isinstance(error, TimeoutError):
        return FetchError(
            "disconnected",
            "no answer",
            f"no answer within {WHOLE:.0f} s; is the server busy, or a firewall between?",
        )
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        why = getattr(error.certificate_error, "verify_message", "") or "it does not verify"
        return FetchError(
            "error",
            "TLS",
            f"its certificate is not trusted: {why[:_SAID]}; give its CA: --endpoint-ca, or the"
            " setting prometheus_ca",
        )
    if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        return FetchError(
            "error", "TLS", "no TLS connection came about; if it speaks plain HTTP, write http://"
        )
    if isinstance(error, (aiohttp.ClientConnectorDNSError, socket.gaierror)):
        return FetchError("disconnected", "unknown host", "no such host is known; check its name")
    if isinstance(error, aiohttp.ClientConnectorError):
        if isinstance(error.os_error, ConnectionRefusedError):
            return FetchError(
                "disconnected",
                "refused",
                "nothing listens there; start the server or check the port",
            )
        return FetchError("disconnected", "unreachable", "the host cannot be reached; check it")
    if isinstance(error, aiohttp.ClientPayloadError):
        return cut_off()
    if isinstance(error, (aiohttp.ServerDisconnectedError, ConnectionResetError)):
        return FetchError(
            "disconnected",
            "hung up",
            "hung up without an answer; if the server uses TLS, write https://",
        )
    return FetchError(
        "error", "no HTTP", "what answers there speaks no HTTP; check the port, or try https://"
    )
