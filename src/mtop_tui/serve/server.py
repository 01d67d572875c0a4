"""The server: its socket, its certificate, and the simulation that runs beside it."""

from __future__ import annotations

import asyncio
import ssl

from aiohttp import web

from mtop_tui.clock import Clock
from mtop_tui.serve.api import Api
from mtop_tui.serve.certificate import Certificate, make_certificate, server_context

HOST = "127.0.0.1"


class ServerError(Exception):
    """The server cannot start; the message says why and what to do."""


class Server:
    """Serves an API on 127.0.0.1 over TLS.

    Args:
        api: what is served.
        port: to listen on; 0 takes a free one.
        wall: the machine's clock.

    Attributes:
        certificate: of this run.
    """

    def __init__(self, api: Api, *, port: int, wall: Clock) -> None:
        self._api, self._port = api, port
        self.certificate: Certificate = make_certificate(HOST, wall.now())
        self._context: ssl.SSLContext = server_context(self.certificate)
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None

    @property
    def address(self) -> str:
        """Where it is reached."""
        return f"https://{HOST}:{self._port}"

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            ServerError: the port cannot be had.
        """
        if self._runner is None:
            self._runner = web.AppRunner(
                self._api.application(),
                access_log=None,
                handler_cancellation=True,
                shutdown_timeout=0.1,
            )
            await self._runner.setup()
        self._site = web.TCPSite(self._runner, HOST, self._port, ssl_context=self._context)
        try:
            await self._site.start()
        except OSError as error:
            raise ServerError(
                f"{HOST}:{self._port} cannot be listened on: {error.strerror};"
                " give --port another one, or 0 for any that is free"
            ) from error
        if self._port == 0:
            server = self._site._server
            assert isinstance(server, asyncio.Server)
            self._port = int(server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening, and end what is under way."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
