"""`/mtop/faults`: look at the switches, and set them while the server runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from mtop_tui.serve.answers import object_answer
from mtop_tui.serve.faults import KINDS, Fault, FaultError, Switches, fault_of
from mtop_tui.serve.status import bad_request, method_not_allowed, page_not_found

PATH = "/mtop/faults"


class Control:
    """The switches over HTTP, for the administrator.

    GET `/mtop/faults` lists them; PUT `/mtop/faults/NAME` with parameters as JSON switches one on,
    DELETE switches it off.

    Args:
        switches: which faults are on.
        now: seconds of the clock they go by.
        on: switches a fault on.
        off: switches a fault off.
    """

    def __init__(
        self,
        switches: Switches,
        now: Callable[[], float],
        *,
        on: Callable[[Fault], Awaitable[None]],
        off: Callable[[str], None],
    ) -> None:
        self._switches, self._now, self._on, self._off = switches, now, on, off

    async def answer(self, request: web.Request) -> web.Response:
        """Look or switch.

        Raises:
            StatusError: there is no such fault, or it cannot be so.
        """
        name = request.path.removeprefix(PATH).strip("/")
        match request.method:
            case "GET" if not name:
                pass
            case "PUT" if name:
                await self._on(await self._fault(request, name))
            case "DELETE" if name in KINDS:
                self._off(name)
            case "DELETE":
                raise page_not_found()
            case _:
                raise method_not_allowed()
        return object_answer(request, self._state())

    async def _fault(self, request: web.Request, name: str) -> Fault:
        data = await request.read()
        try:
            stated: dict[str, Any] = msgspec.json.decode(data or b"{}", type=dict[str, Any])
            return fault_of(name, stated)
        except (FaultError, msgspec.MsgspecError) as error:
            raise bad_request(str(error)) from error

    def _state(self) -> dict[str, Any]:
        on = self._switches.all(self._now())
        return {
            "on": [{"name": one.name, **one.values} for one in on],
            "known": {name: kind.says for name, kind in KINDS.items()},
        }
