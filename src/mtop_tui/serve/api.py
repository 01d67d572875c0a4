"""The API: who asks, whether they may, and who answers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from aiohttp import web

from mtop_tui.clock import Clock
from mtop_tui.serve import discovery
from mtop_tui.serve.access import Access, User, check
from mtop_tui.serve.answers import error_answer, headers, json_answer, object_answer, plain_answer
from mtop_tui.serve.control import PATH as CONTROL_PATH
from mtop_tui.serve.control import Control
from mtop_tui.serve.disturbances import INITIALIZING, NOT_READY, Disturbances, Stream
from mtop_tui.serve.faults import Switches
from mtop_tui.serve.forms import converted
from mtop_tui.serve.listing import list_objects
from mtop_tui.serve.logs import LogRequest
from mtop_tui.serve.patch import patched
from mtop_tui.serve.prometheus import ENGINES, PICKERS, targets
from mtop_tui.serve.prometheus import PATH as TARGETS_PATH
from mtop_tui.serve.proxy import Proxies
from mtop_tui.serve.reads import Reads
from mtop_tui.serve.requests import RequestInfo, read_request
from mtop_tui.serve.resources import Registry, Resource
from mtop_tui.serve.reviews import review
from mtop_tui.serve.simulation import Simulation
from mtop_tui.serve.status import (
    PlainError,
    StatusError,
    bad_options,
    method_not_allowed,
    page_not_found,
    too_many_requests,
    unauthorized,
    unavailable,
    unsupported_media_type,
)
from mtop_tui.serve.validation import read_body
from mtop_tui.serve.writes import Writes, scale_of

_logger = logging.getLogger(__name__)
Phase = Literal["ready", "starting", "initializing"]
"""Where a server is after a restart: it knows no paths yet, or has no watch caches yet."""

_RETRY_STARTING = 5
_STILL = 60.0
_READABLE = frozenset({"application/json", "application/octet-stream", "text/plain"})
"""Media types of bodies; clients that state none send the last two."""
_HEALTH = frozenset({"/healthz", "/livez", "/readyz"})


class Api:
    """Answers requests about a simulated cluster.

    Args:
        simulation: the cluster.
        registry: the resources it has.
        access: its users.
        wall: the machine's clock.

    Attributes:
        phase: of its start.
        switches, disturbances: faults that are on, and what they do.
        control: answers those who set switches.
    """

    def __init__(
        self, simulation: Simulation, registry: Registry, access: Access, wall: Clock
    ) -> None:
        self.simulation, self.registry, self.access, self.wall = simulation, registry, access, wall
        self.phase: Phase = "ready"
        self.switches = Switches(simulation.seed)
        self.disturbances = Disturbances(self.switches, time.monotonic)
        self.control: Control | None = None
        self._reads = Reads(simulation.store, wall)
        self._writes = Writes(simulation, registry)
        self._proxies = Proxies(simulation, registry)

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=3 * 2**20)
        app.router.add_route("*", "/{path:.*}", self.handle)
        return app

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
        if self.phase == "starting":
            raise unavailable(NOT_READY, _RETRY_STARTING)
        user = self._user(request)
        check(user, info)
        self.disturbances.after(info, user)
        if not info.resource or not info.plural:
            return self._describe(request, info)
        resource = self.registry.find(info.group, info.version, info.plural)
        if resource is None:
            raise page_not_found()
        return await self._resource(request, resource, info, user)

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

    def _still_fills_its_cache(
        self, request: web.Request, resource: Resource, info: RequestInfo
    ) -> bool:
        """Whether a watch cache of a custom resource is needed that is not there yet."""
        if self.phase != "initializing" or not resource.custom:
            return False
        return info.verb == "watch" or (info.verb == "list" and "limit" not in request.query)

    async def _resource(
        self, request: web.Request, resource: Resource, info: RequestInfo, user: User
    ) -> web.StreamResponse:
        below = {one[0] for one in resource.subresources}
        if info.subresource and info.subresource not in below:
            raise page_not_found()
        if info.subresource:
            return await self._subresource(request, resource, info, user)
        if info.verb not in resource.verbs:
            raise method_not_allowed()
        if self._still_fills_its_cache(request, resource, info):
            raise too_many_requests(INITIALIZING, 1)
        match info.verb:
            case "get":
                padding = self.disturbances.padding(info, user.name)
                return self._reads.get(request, resource, info, padding)
            case "list":
                padding = self.disturbances.padding(info, user.name)
                return self._reads.list(request, resource, info, padding)
            case "watch":
                return await self._watch(request, resource, info, user)
            case _:
                return await self._write(request, resource, info, user)

    async def _subresource(
        self, request: web.Request, resource: Resource, info: RequestInfo, user: User
    ) -> web.StreamResponse:
        match info.subresource:
            case "proxy":
                if info.plural == "pods":
                    return self._proxies.pod(info)
                return self._proxies.service(info)
            case "log" if info.verb == "get":
                return await self._log(request, resource, info, user)
            case "status" if info.verb == "get":
                return self._reads.get(request, resource, info)
            case "scale" if info.verb == "get":
                return object_answer(request, scale_of(self._reads.find(resource, info)))
            case "scale" if info.verb in {"patch", "update"}:
                return await self._scale(request, resource, info)
            case "eviction" if info.verb == "create":
                entry = self._reads.find(resource, info)
                self._writes.delete(resource, entry, dry_run=_dry_run(request, "Delete"))
                done = {"kind": "Status", "apiVersion": "v1", "metadata": {}}
                return object_answer(request, {**done, "status": "Success", "code": 201}, 201)
            case _:
                raise method_not_allowed()

    async def _write(
        self, request: web.Request, resource: Resource, info: RequestInfo, user: User
    ) -> web.StreamResponse:
        manager = _manager(request)
        if info.verb == "create":
            body = await self._body(request, resource)
            if resource.verbs == ("create",):
                now = self._stamp()
                return object_answer(request, review(resource, body, user, manager, now), 201)
            if info.name:
                raise method_not_allowed()
            made = self._writes.create(
                resource,
                info.namespace,
                body,
                manager=manager,
                dry_run=_dry_run(request, "Create"),
            )
            return object_answer(request, made, 201)
        if info.verb == "deletecollection":
            listed = list_objects(
                self.simulation.store, resource, info.namespace, request.query
            ).entries
            dry_run = _dry_run(request, "Delete")
            gone = [self._writes.delete(resource, one, dry_run=dry_run) for one in listed]
            head = {"kind": f"{resource.kind}List", "apiVersion": resource.group_version}
            version = str(self.simulation.store.version)
            return object_answer(
                request, {**head, "metadata": {"resourceVersion": version}, "items": gone}
            )
        entry = self._reads.find(resource, info)
        if info.verb == "delete":
            done = self._writes.delete(resource, entry, dry_run=_dry_run(request, "Delete"))
            return object_answer(request, done)
        before = converted(entry, resource)
        if info.verb == "patch":
            dry_run = _dry_run(request, "Patch")
            after = patched(before, resource, request.content_type, await request.read())
        else:
            dry_run = _dry_run(request, "Update")
            after = await self._body(request, resource)
        return object_answer(request, self._writes.replace(resource, entry, after, dry_run=dry_run))

    async def _scale(
        self, request: web.Request, resource: Resource, info: RequestInfo
    ) -> web.Response:
        entry = self._reads.find(resource, info)
        data = await request.read()
        if info.verb == "patch":
            dry_run = _dry_run(request, "Patch")
            kind = msgspec.structs.replace(resource, custom=True)
            after = patched(scale_of(entry), kind, request.content_type, data)
        else:
            dry_run = _dry_run(request, "Update")
            kind = msgspec.structs.replace(
                resource, group="autoscaling", version="v1", kind="Scale"
            )
            after = read_body(data, kind)
        return object_answer(request, self._writes.scale(resource, entry, after, dry_run=dry_run))

    async def _log(
        self, request: web.Request, resource: Resource, info: RequestInfo, user: User
    ) -> web.StreamResponse:
        log = LogRequest(self.simulation, self._reads.find(resource, info), request.query)
        response = web.StreamResponse(headers={**headers(), "Content-Type": "text/plain"})
        await response.prepare(request)
        with self.disturbances.stream(Stream(request, response, info, user.name)) as stream:
            async for part in log.lines():
                if not await self.disturbances.write(stream, [part]):
                    break
        return response

    async def _body(self, request: web.Request, resource: Resource) -> dict[str, Any]:
        if request.content_type not in _READABLE:
            raise unsupported_media_type(("application/json",))
        return read_body(await request.read(), resource)

    def _stamp(self) -> str:
        return datetime.fromtimestamp(int(self.wall.now()), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def _watch(
        self, request: web.Request, resource: Resource, info: RequestInfo, user: User
    ) -> web.StreamResponse:
        padding = self.disturbances.padding(info, user.name)
        watch, told = self._reads.watch(request, resource, info, padding)
        ended = self.disturbances.too_old(info, user.name)
        response = web.StreamResponse(headers=told)
        await response.prepare(request)
        if ended:
            await response.write(b"".join(ended))
            return response
        with self.disturbances.stream(Stream(request, response, info, user.name)) as stream:
            async for lines in watch.events():
                if not await self.disturbances.write(stream, lines):
                    break
            # Who was left in silence is not told either that it is over.
            while stream.silent:
                await asyncio.sleep(_STILL)
        return response


def _dry_run(request: web.BaseRequest, verb: str) -> bool:
    """Whether a write shall only be tried.

    Raises:
        StatusError: it is said in a way that is not known.
    """
    stated = request.query.getall("dryRun", [])
    for one in stated:
        if one not in {"All", ""}:
            problem = f'Unsupported value: "{one}": supported values: "All"'
            raise bad_options(f"{verb}Options", "dryRun", problem, "FieldValueNotSupported")
    return "All" in stated


def _manager(request: web.BaseRequest) -> str:
    """Who changes fields: the name of the program that asks."""
    agent = request.headers.get("User-Agent", "")
    return request.query.get("fieldManager") or agent.partition("/")[0] or "unknown"
