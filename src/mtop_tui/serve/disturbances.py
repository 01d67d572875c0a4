"""Carries faults out: on requests before they are answered, on answers, and on open streams."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Iterator, Sequence

from aiohttp import web

from mtop_tui.serve import faults
from mtop_tui.serve.access import User, forbidden
from mtop_tui.serve.faults import Fault, Switches
from mtop_tui.serve.requests import RequestInfo
from mtop_tui.serve.status import (
    PlainError,
    StatusError,
    too_many_requests,
    unauthorized,
    unavailable,
)
from mtop_tui.serve.watch import error_line, too_old

NOT_READY = (
    "the request has been made before all known HTTP paths have been installed, please try again"
)
INITIALIZING = "storage is (re)initializing"
_FLOW_CONTROL = "Too many requests, please try again later.\n"
_BAD_GATEWAY = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    "<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n"
    "</body>\r\n</html>\r\n"
)
_SLICES = 10
"""Writes a second of an answer that comes slowly."""


class Stream:
    """A stream that is open: a watch or a log.

    Args:
        request: that it answers.
        response: that it is written to.
        info: what it is about.
        user: who reads it.
    """

    def __init__(
        self, request: web.Request, response: web.StreamResponse, info: RequestInfo, user: str
    ) -> None:
        self.request, self.response, self.info, self.user = request, response, info, user
        self.silent = False


class Disturbances:
    """Faults in action.

    Args:
        switches: which are on.
        now: seconds of the clock that faults go by.
    """

    def __init__(self, switches: Switches, now: Callable[[], float]) -> None:
        self.switches, self._now = switches, now
        self._streams: dict[Stream, None] = {}

    # Requests and answers

    async def before(self, request: web.Request, info: RequestInfo) -> None:
        """What happens to a request before anybody looks at it.

        Raises:
            StatusError, PlainError: it ends so.
            ConnectionResetError: its connection is gone.
        """
        if self._hits(faults.RESET, info):
            reset(request)
            raise ConnectionResetError
        if self._hits(faults.SILENCE, info):
            await asyncio.Event().wait()
        if self._hits(faults.BAD_GATEWAY, info):
            raise PlainError(502, _BAD_GATEWAY, content_type="text/html", retry_after=None)
        if fault := self._hits(faults.TOO_MANY_TEXT, info):
            raise PlainError(
                429,
                _FLOW_CONTROL,
                content_type="text/plain; charset=utf-8",
                retry_after=int(fault.number("retry_after")),
            )
        if fault := self._hits(faults.UNAVAILABLE, info):
            raise unavailable(NOT_READY, int(fault.number("retry_after")))
        if self._hits(faults.UNAUTHORIZED, info):
            raise unauthorized()

    def after(self, info: RequestInfo, user: User) -> None:
        """What happens to a request of somebody who may ask.

        Raises:
            StatusError: it ends so.
        """
        if not info.resource or not info.plural:
            return
        if self._hits(faults.FORBIDDEN, info, user.name):
            raise forbidden(user, info)
        if fault := self._hits(faults.TOO_MANY, info, user.name):
            raise too_many_requests(INITIALIZING, int(fault.number("retry_after")))

    async def deliver(
        self, request: web.Request, info: RequestInfo, answer: web.StreamResponse
    ) -> web.StreamResponse:
        """Send an answer as a whole, or as far as it gets."""
        if not isinstance(answer, web.Response) or not isinstance(answer.body, bytes):
            return answer
        slow = self._hits(faults.SLOW, info)
        cut = None if slow else self._hits(faults.CUT, info)
        if slow is None and cut is None:
            return answer
        body = answer.body
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        response.content_length = len(body)
        await response.prepare(request)
        if cut is not None:
            await response.write(body[: len(body) // 2])
            hang_up(request)
            raise ConnectionResetError
        assert slow is not None
        await self._slowly(response, body, slow)
        return response

    # Streams

    @contextlib.contextmanager
    def stream(self, stream: Stream) -> Iterator[Stream]:
        """An open stream, for as long as it is."""
        self._streams[stream] = None
        try:
            yield stream
        finally:
            self._streams.pop(stream, None)

    def too_old(self, info: RequestInfo, user: str) -> list[bytes]:
        """The beginning of a watch that is the end of it, if it is too old.

        Raises:
            StatusError: it is told so as HTTP status.
        """
        fault = self._hits(faults.GONE, info, user)
        if fault is None:
            return []
        error: StatusError = too_old(1, 2)
        if fault.text("form") == "http":
            raise error
        return [error_line(error)]

    async def write(self, stream: Stream, lines: Sequence[bytes]) -> bool:
        """Write lines to a stream; whether it goes on."""
        if stream.silent:
            return True
        info, user, response = stream.info, stream.user, stream.response
        if self._hits(faults.CUT, info, user):
            await response.write(lines[0][: len(lines[0]) // 2])
            return False
        if info.verb == "watch" and self._hits(faults.DUPLICATE, info, user):
            lines = [line for one in lines for line in (one, one)]
        data = b"".join(lines)
        if slow := self._hits(faults.SLOW, info, user):
            await self._slowly(response, data, slow)
        else:
            await response.write(data)
        return True

    def strike(self, fault: Fault) -> None:
        """Hit streams that are open when a fault is switched on."""
        if fault.name not in {faults.RESET, faults.SILENCE}:
            return
        for stream in list(self._streams):
            if not self._hits(fault.name, stream.info, stream.user):
                continue
            if fault.name == faults.RESET:
                reset(stream.request)
            else:
                stream.silent = True

    def end_all(self) -> None:
        """Hang up on everybody, as a server that goes down does."""
        for stream in list(self._streams):
            hang_up(stream.request)

    def padding(self, info: RequestInfo, user: str) -> int:
        """Bytes that objects are larger by."""
        fault = self._hits(faults.BIG, info, user)
        return 0 if fault is None else int(fault.number("mb") * 2**20)

    def _hits(self, name: str, info: RequestInfo, user: str = "") -> Fault | None:
        return self.switches.hits(name, info, user, self._now())

    @staticmethod
    async def _slowly(response: web.StreamResponse, data: bytes, fault: Fault) -> None:
        size = max(1, int(fault.number("bytes_per_s") / _SLICES))
        for start in range(0, len(data), size):
            await response.write(data[start : start + size])
            await asyncio.sleep(1 / _SLICES)


def reset(request: web.BaseRequest) -> None:
    """End a connection with RST instead of FIN."""
    transport = request.transport
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    if sock is not None:
        # Asyncio lends its socket for options only; lingering for no time is what makes an RST.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def hang_up(request: web.BaseRequest) -> None:
    """End a connection without a word."""
    if request.transport is not None:
        request.transport.abort()
