"""The server: its socket, its certificate, and the switches that are about the server itself."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Coroutine
from typing import Any

from aiohttp import web

from mtop_tui.clock import Clock
from mtop_tui.serve import faults
from mtop_tui.serve.api import Api
from mtop_tui.serve.certificate import Certificate, make_certificate, server_context
from mtop_tui.serve.control import Control
from mtop_tui.serve.faults import Fault

HOST = "127.0.0.1"


class ServerError(Exception):
    """The server cannot start; the message says why and what to do."""


class Server:
    """Serves an API on 127.0.0.1 over TLS.

    Args:
        api: what is served.
        port: to listen on; 0 takes a free one.
        wall: the machine's clock.
        rotated: called when users have other tokens.

    Attributes:
        certificate: of this run.
    """

    def __init__(
        self,
        api: Api,
        *,
        port: int,
        wall: Clock,
        rotated: Callable[[], None] = lambda: None,
    ) -> None:
        self._api, self._port, self._rotated = api, port, rotated
        self.certificate: Certificate = make_certificate(HOST, wall.now())
        self._context: ssl.SSLContext = server_context(self.certificate)
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        api.control = Control(api.switches, time.monotonic, on=self.switch_on, off=self.switch_off)

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
            self._port = int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Stop listening, and end what is under way."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    # Switches

    async def switch_on(self, fault: Fault) -> None:
        """Switch a fault on."""
        api = self._api
        self.switch_off(fault.name)
        match fault.name:
            case faults.RESTART:
                self._begin(fault.name, self._restart(fault))
                return
            case faults.ROTATE:
                self._begin(fault.name, self._rotate(fault))
            case faults.ABSENT:
                api.registry.leave_out([fault.text("group")])
            case faults.GONE:
                api.simulation.store.compact()
            case _:
                pass
        api.switches.on(fault, time.monotonic())
        api.disturbances.strike(fault)

    def switch_off(self, name: str) -> None:
        """Switch a fault off, if it is on."""
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()
            if name == faults.RESTART:
                self._api.verbs.phase = "ready"
        if name == faults.ABSENT:
            self._api.registry.leave_out(())
        self._api.switches.off(name)

    def _begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks[name] = asyncio.create_task(work)

    async def _restart(self, fault: Fault) -> None:
        """Go down, come back without knowing any path, then without watch caches."""
        api = self._api
        # Whoever asked for it gets an answer first.
        await asyncio.sleep(0.05)
        site, self._site = self._site, None
        if site is not None:
            await site.stop()
        api.disturbances.end_all()
        api.simulation.store.compact()
        await asyncio.sleep(fault.number("down"))
        api.verbs.phase = "starting"
        await self.start()
        await asyncio.sleep(fault.number("starting"))
        api.verbs.phase = "initializing"
        await asyncio.sleep(fault.number("initializing"))
        api.verbs.phase = "ready"

    async def _rotate(self, fault: Fault) -> None:
        while True:
            await asyncio.sleep(max(0.1, fault.number("every")))
            self._api.access.rotate()
            self._rotated()
