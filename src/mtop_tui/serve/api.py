"""The API: who asks, whether they may, and who answers."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from email.utils import formatdate

import msgspec
from aiohttp import web

from mtop_tui.clock import Clock
from mtop_tui.serve import discovery
from mtop_tui.serve.access import Access, User, check
from mtop_tui.serve.answers import error_answer, headers, json_answer, object_answer, plain_answer
from mtop_tui.serve.control import PATH as CONTROL_PATH
from mtop_tui.serve.control import Control
from mtop_tui.serve.disturbances import NOT_READY, Disturbances
from mtop_tui.serve.faults import Switches
from mtop_tui.serve.prometheus import ENGINES, PICKERS, targets
from mtop_tui.serve.prometheus import PATH as TARGETS_PATH
from mtop_tui.serve.requests import RequestInfo, read_request
from mtop_tui.serve.resources import Registry
from mtop_tui.serve.simulation import Simulation
from mtop_tui.serve.status import (
    PlainError,
    StatusError,
    method_not_allowed,
    page_not_found,
    unauthorized,
    unavailable,
)
from mtop_tui.serve.verbs import Verbs

_logger = logging.getLogger(__name__)
_RETRY_STARTING = 5
_HEALTH = frozenset({"/healthz", "/livez", "/readyz"})


class Api:
    """Answers requests about a simulated cluster.

    Args:
        simulation: the cluster.
        registry: the resources it has.
        access: its users.
        wall: the machine's clock.

    Attributes:
        verbs: does what is asked of resources.
        switches, disturbances: faults that are on, and what they do.
        control: answers those who set switches.
    """

    def __init__(
        self, simulation: Simulation, registry: Registry, access: Access, wall: Clock
    ) -> None:
        self.simulation, self.registry, self.access = simulation, registry, access
        self._wall = wall
        self.switches = Switches(simulation.seed)
        self.disturbances = Disturbances(self.switches, time.monotonic)
        self.verbs = Verbs(simulation, registry, self.disturbances, wall)
        self.control: Control | None = None

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=3 * 2**20)
        app.router.add_route("*", "/{path:.*}", self.handle)
        app.on_response_prepare.append(self._date)
        return app

    async def _date(self, _: web.Request, response: web.StreamResponse) -> None:
        """Date answers by the clock that objects are stamped by."""
        response.headers["Date"] = formatdate(self._wall.now(), usegmt=True)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer any request; whatever is wrong with it becomes a Status."""
        info = read_request(request.method, request.path, request.query)
        try:
            if request.path.startswith(CONTROL_PATH) and self.control is not None:
                check(self._user(request), info)
                return await self.control.answer(request)
            if request.path.startswith(TARGETS_PATH):
                check(self._user(request), info)
                return self._targets(request)
            answer = await self._answer(request, info)
            return await self.disturbances.deliver(request, info, answer)
        except StatusError as error:
            return error_answer(request, error)
        except PlainError as error:
            return plain_answer(error)
        except ConnectionError:
            # There is nobody left to answer; aiohttp wants an answer all the same.
            return web.Response()
        except web.HTTPException:
            raise
        except Exception as error:
            _logger.exception("%s %s", request.method, request.path)
            said = f"an error on the server has prevented the request from succeeding: {error}"
            return error_answer(request, StatusError(500, "InternalError", said))

    def _targets(self, request: web.Request) -> web.Response:
        """What Prometheus scrapes."""
        job = request.path.removeprefix(TARGETS_PATH).strip("/")
        if job not in {ENGINES, PICKERS}:
            raise page_not_found()
        found = targets(self.simulation.store, job, request.host)
        return json_answer(request, msgspec.json.encode(found))

    def _user(self, request: web.Request) -> User:
        user = self.access.user_of(request.headers.get("Authorization", ""))
        if user is None:
            raise unauthorized()
        return user

    async def _answer(self, request: web.Request, info: RequestInfo) -> web.StreamResponse:
        await self.disturbances.before(request, info)
        if self.verbs.phase == "starting":
            raise unavailable(NOT_READY, _RETRY_STARTING)
        user = self._user(request)
        check(user, info)
        self.disturbances.after(info, user)
        if not info.resource or not info.plural:
            return self._describe(request, info)
        resource = self.registry.find(info.group, info.version, info.plural)
        if resource is None:
            raise page_not_found()
        return await self.verbs.answer(request, resource, info, user)

    def _describe(self, request: web.Request, info: RequestInfo) -> web.Response:
        path = info.path.rstrip("/") or "/"
        if path in _HEALTH or path.startswith(("/livez/", "/readyz/", "/healthz/")):
            return web.Response(text="ok", headers=headers())
        parts = path.strip("/").split("/")
        found: Mapping[str, object] | None
        match parts:
            case ["version"]:
                found = discovery.VERSION
            case ["api"]:
                found = discovery.core_versions(request.host)
            case ["apis"]:
                found = discovery.groups(self.registry)
            case ["apis", group]:
                found = discovery.group(self.registry, group)
            case ["api", version]:
                found = discovery.resources(self.registry, "", version)
            case ["apis", group, version]:
                found = discovery.resources(self.registry, group, version)
            case _:
                found = None
        if found is None:
            raise page_not_found()
        if request.method not in {"GET", "HEAD"}:
            raise method_not_allowed()
        return object_answer(request, found)
