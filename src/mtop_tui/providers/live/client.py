"""Reads from an API server. What it has no method for, it cannot send.

It sends GET, HEAD, and one kind of POST: the question what one may do, which changes nothing. The
client that can change something is another one, in `acting`, which is made for actions only.
Answers come as raw bytes; what goes wrong comes as a value, not as an exception.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import aiohttp
import msgspec

from mtop_tui.clock import Clock
from mtop_tui.providers.live.answers import HTML, JSON, refused, unreachable
from mtop_tui.providers.live.credentials import Credentials, Login
from mtop_tui.providers.live.kubeconfig import Connection
from mtop_tui.providers.live.problems import (
    NO_CREDENTIALS,
    NOT_KUBERNETES,
    UNAUTHORIZED,
    ConfigError,
    CredentialError,
    Problem,
    Refusal,
    Unreachable,
)
from mtop_tui.providers.live.tls import tls_context

CONNECT_LIMIT: Final = 5.0
ANSWER_LIMIT: Final = 30.0
"""Seconds within which an answer has to be there as a whole."""

REVIEWS: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

_OK = 200
_HALF_A_SECOND: Final = 0.5
"""A server states whole seconds, which is so much less than its clock has, on average."""

_KEEP_ALIVE = (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))


Method = Literal["GET", "HEAD", "POST", "PATCH", "DELETE"]


class Access(NamedTuple):
    """Something that one may or may not do."""

    verb: str
    group: str
    resource: str
    subresource: str = ""
    namespace: str = ""


class _ReviewStatus(msgspec.Struct, frozen=True):
    allowed: bool = False


class _Review(msgspec.Struct, frozen=True):
    status: _ReviewStatus


class Stream:
    """An answer that goes on."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.problem: Unreachable | None = None

    async def parts(self) -> AsyncIterator[bytes]:
        """Bytes as they come; ends with the stream, and `problem` says if it broke."""
        try:
            async for part in self._response.content.iter_any():
                yield part
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self.problem = unreachable(error, str(self._response.url.origin()))

    def close(self) -> None:
        """End it; who reads it sees its end."""
        self._response.close()


class ReadOnlyClient:
    """One connection to an API server, over any number of sockets.

    Args:
        connection: to whom, and as whom.
        clock: tells when credentials end.
        connections: sockets at most; streams take one each.
    """

    def __init__(self, connection: Connection, clock: Clock, *, connections: int = 0) -> None:
        self.connection = connection
        self.credentials = Credentials(connection, clock)
        self.requests = 0
        self.server_time: float | None = None
        """Of its last answer, by its own clock, Unix seconds."""
        self.ahead: float | None = None
        """Seconds by which the server's clock was ahead of ours at its last answer."""
        self._clock = clock
        self._limit = connections
        self._session: aiohttp.ClientSession | None = None
        self._tls: tuple[tuple[str, str] | None, ssl.SSLContext] | None = None
        self._proxy = connection.cluster.proxy_url or _proxy_of(connection.cluster.server)

    async def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        limit: float = ANSWER_LIMIT,
        accept: str = JSON,
    ) -> bytes | Problem:
        """What stands at a path. With `accept` other than JSON, as it is."""
        timeout = aiohttp.ClientTimeout(total=limit, sock_connect=CONNECT_LIMIT)
        return await self._answered("GET", path, query, timeout=timeout, accept=accept)

    async def head(self, path: str, *, limit: float = ANSWER_LIMIT) -> bytes | Problem:
        """Whether there is something at a path."""
        timeout = aiohttp.ClientTimeout(total=limit, sock_connect=CONNECT_LIMIT)
        return await self._answered("HEAD", path, None, timeout=timeout, accept="*/*")

    async def may(self, access: Access, *, limit: float = ANSWER_LIMIT) -> bool | Problem:
        """Whether one may do something, by SelfSubjectAccessReview."""
        stated = {
            "verb": access.verb,
            "group": access.group,
            "resource": access.resource,
            "subresource": access.subresource,
            "namespace": access.namespace,
        }
        attributes = {name: value for name, value in stated.items() if value}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        timeout = aiohttp.ClientTimeout(total=limit, sock_connect=CONNECT_LIMIT)
        answer = await self._answered(
            "POST", REVIEWS, None, timeout=timeout, body=msgspec.json.encode(body)
        )
        if not isinstance(answer, bytes):
            return answer
        try:
            return msgspec.json.decode(answer, type=_Review).status.allowed
        except msgspec.MsgspecError as error:
            return Refusal(_OK, f"no access review: {error}", NOT_KUBERNETES)

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        query: Mapping[str, str],
        *,
        silence: float,
        accept: str = JSON,
    ) -> AsyncIterator[Stream | Problem]:
        """What comes from a path, until it ends or nothing came for so many seconds."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_LIMIT, sock_read=silence)
        response = await self._sent("GET", path, query, timeout=timeout, accept=accept)
        if not isinstance(response, aiohttp.ClientResponse):
            yield response
            return
        try:
            yield await self._begun(response, accept)
        finally:
            # What is left of it is not worth waiting for.
            response.close()

    async def _begun(self, response: aiohttp.ClientResponse, accept: str) -> Stream | Problem:
        try:
            return await refused(response, accept) or Stream(response)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return unreachable(error, self.connection.cluster.server)

    async def close(self) -> None:
        """Release all sockets; safe to call twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _may_send(self, method: Method, path: str) -> bool:
        """Whether a request changes nothing, whoever asks for it."""
        return method in {"GET", "HEAD"} or (method == "POST" and path == REVIEWS)

    async def _answered(
        self,
        method: Method,
        path: str,
        query: Mapping[str, str] | None,
        *,
        timeout: aiohttp.ClientTimeout,
        accept: str = JSON,
        body: bytes | None = None,
        content_type: str = JSON,
    ) -> bytes | Problem:
        response = await self._sent(
            method,
            path,
            query,
            timeout=timeout,
            accept=accept,
            body=body,
            content_type=content_type,
        )
        if not isinstance(response, aiohttp.ClientResponse):
            return response
        try:
            problem = await refused(response, accept if method != "HEAD" else "*/*")
            return await response.read() if problem is None else problem
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return unreachable(error, self.connection.cluster.server)
        finally:
            response.release()

    async def _sent(
        self,
        method: Method,
        path: str,
        query: Mapping[str, str] | None,
        *,
        timeout: aiohttp.ClientTimeout,
        accept: str,
        body: bytes | None = None,
        content_type: str = JSON,
    ) -> aiohttp.ClientResponse | Problem:
        """The head of an answer. A login that is not accepted is had anew once, for all."""
        if not self._may_send(method, path):
            raise ValueError(f"this client only reads: {method} {path}")
        headers = [("Accept", accept), ("User-Agent", "mtop")]
        if body is not None:
            headers.append(("Content-Type", content_type))
        try:
            login = await self.credentials.login()
            response = await self._send(method, path, query, login, timeout, headers, body)
            if response.status == UNAUTHORIZED and not _is_behind(path, response):
                response.release()
                login = await self.credentials.renew(login)
                response = await self._send(method, path, query, login, timeout, headers, body)
        except (ConfigError, CredentialError) as error:
            return Refusal(UNAUTHORIZED, str(error), NO_CREDENTIALS)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return unreachable(error, self.connection.cluster.server)
        self._note_time(response)
        return response

    def _note_time(self, response: aiohttp.ClientResponse) -> None:
        """Take what time it is there; whoever sends HTML is not the API server."""
        if response.content_type == HTML:
            return
        with suppress(KeyError, TypeError, ValueError):
            self.server_time = parsedate_to_datetime(response.headers["Date"]).timestamp()
            self.ahead = self.server_time + _HALF_A_SECOND - self._clock.now()

    async def _send(  # noqa: PLR0917 - private, from one place
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        login: Login,
        timeout: aiohttp.ClientTimeout,
        headers: Sequence[tuple[str, str]],
        body: bytes | None,
    ) -> aiohttp.ClientResponse:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=self._limit, socket_factory=_socket)
            self._session = aiohttp.ClientSession(
                connector=connector, auto_decompress=True, read_bufsize=1 << 18
            )
        if self._tls is None or self._tls[0] != login.certificate:
            made = await asyncio.to_thread(tls_context, self.connection, login.certificate)
            self._tls = login.certificate, made
        self.requests += 1
        return await self._session.request(
            method,
            f"{self.connection.cluster.server}{path}",
            params=query,
            data=body,
            headers=[*login.headers, *headers],
            timeout=timeout,
            ssl=self._tls[1],
            server_hostname=self.connection.cluster.tls_server_name,
            proxy=self._proxy,
            # The login is for this server and nobody else.
            allow_redirects=False,
        )


def _is_behind(path: str, response: aiohttp.ClientResponse) -> bool:
    """Whether an answer is that of what a proxy leads to, which is not asked with our login."""
    return "/proxy/" in path and response.content_type != JSON


def _proxy_of(server: str) -> str | None:
    """The proxy that the environment names for a server, as kubectl heeds it."""
    parts = urlsplit(server)
    proxies = getproxies_environment()
    found = proxies.get(parts.scheme) or proxies.get("all")
    if not found or proxy_bypass(parts.hostname or ""):
        return None
    return found


def _socket(info: Any) -> socket.socket:
    """A socket whose other end is asked now and then whether it is still there."""
    family, kind, protocol = info[:3]
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE:
        if hasattr(socket, name):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return made
