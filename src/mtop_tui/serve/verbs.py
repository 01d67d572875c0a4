"""What is done to resources: each verb, and each subresource."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from aiohttp import web

from mtop_tui.clock import Clock
from mtop_tui.serve.access import User
from mtop_tui.serve.answers import headers, object_answer
from mtop_tui.serve.disturbances import INITIALIZING, Disturbances, Stream
from mtop_tui.serve.forms import converted
from mtop_tui.serve.listing import list_objects
from mtop_tui.serve.logs import LogRequest
from mtop_tui.serve.patch import patched
from mtop_tui.serve.proxy import Proxies
from mtop_tui.serve.reads import Reads
from mtop_tui.serve.requests import RequestInfo
from mtop_tui.serve.resources import Registry, Resource
from mtop_tui.serve.reviews import review
from mtop_tui.serve.simulation import Simulation
from mtop_tui.serve.status import (
    bad_options,
    bad_request,
    method_not_allowed,
    page_not_found,
    too_many_requests,
    unsupported_media_type,
)
from mtop_tui.serve.validation import read_body
from mtop_tui.serve.writes import Writes, scale_of

Phase = Literal["ready", "starting", "initializing"]
"""Where a server is after a restart: it knows no paths yet, or has no watch caches yet."""

_STILL = 60.0
_READABLE = frozenset({"application/json", "application/octet-stream", "text/plain"})
"""Media types of bodies; clients that state none send the last two."""


class Verbs:
    """Answers requests about resources, from those who may ask.

    Args:
        simulation: the cluster.
        registry: the resources it has.
        disturbances: what happens to answers and streams.
        wall: the machine's clock.

    Attributes:
        phase: of the server's start.
    """

    def __init__(
        self,
        simulation: Simulation,
        registry: Registry,
        disturbances: Disturbances,
        wall: Clock,
    ) -> None:
        self.phase: Phase = "ready"
        self._simulation, self._disturbances, self._wall = simulation, disturbances, wall
        self._reads = Reads(simulation.store, wall)
        self._writes = Writes(simulation, registry)
        self._proxies = Proxies(simulation, registry)

    def _still_fills_its_cache(
        self, request: web.Request, resource: Resource, info: RequestInfo
    ) -> bool:
        """Whether a watch cache of a custom resource is needed that is not there yet."""
        if self.phase != "initializing" or not resource.custom:
            return False
        return info.verb == "watch" or (info.verb == "list" and "limit" not in request.query)

    async def answer(
        self, request: web.Request, resource: Resource, info: RequestInfo, user: User
    ) -> web.StreamResponse:
        """Do what a request asks for.

        Raises:
            StatusError, PlainError: it cannot be done.
        """
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
                padding = self._disturbances.padding(info, user.name)
                return self._reads.get(request, resource, info, padding)
            case "list":
                padding = self._disturbances.padding(info, user.name)
                return await self._reads.list(request, resource, info, padding)
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
                self._simulation.store, resource, info.namespace, request.query
            ).entries
            dry_run = _dry_run(request, "Delete")
            gone = [self._writes.delete(resource, one, dry_run=dry_run) for one in listed]
            head = {"kind": f"{resource.kind}List", "apiVersion": resource.group_version}
            version = str(self._simulation.store.version)
            return object_answer(
                request, {**head, "metadata": {"resourceVersion": version}, "items": gone}
            )
        entry = self._reads.find(resource, info)
        if info.verb == "delete":
            options = await _delete_options(request)
            dry_run = _dry_run(request, "Delete") or "All" in (options.dry_run or ())
            uid = options.preconditions.uid if options.preconditions else None
            done = self._writes.delete(resource, entry, dry_run=dry_run, uid=uid or "")
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
        log = LogRequest(self._simulation, self._reads.find(resource, info), request.query)
        response = web.StreamResponse(headers={**headers(), "Content-Type": "text/plain"})
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        with self._disturbances.stream(Stream(request, response, info, user.name)) as stream:
            async for part in log.lines():
                if not await self._disturbances.write(stream, [part]):
                    break
        return response

    async def _body(self, request: web.Request, resource: Resource) -> dict[str, Any]:
        if request.content_type not in _READABLE:
            raise unsupported_media_type(("application/json",))
        return read_body(await request.read(), resource)

    def _stamp(self) -> str:
        return datetime.fromtimestamp(int(self._wall.now()), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def _watch(
        self, request: web.Request, resource: Resource, info: RequestInfo, user: User
    ) -> web.StreamResponse:
        padding = self._disturbances.padding(info, user.name)
        watch, told = self._reads.watch(request, resource, info, padding)
        ended = self._disturbances.too_old(info, user.name)
        response = web.StreamResponse(headers=told)
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        if ended:
            await response.write(b"".join(ended))
            return response
        with self._disturbances.stream(Stream(request, response, info, user.name)) as stream:
            async for lines in watch.events():
                if not await self._disturbances.write(stream, lines):
                    break
            # Who was left in silence is not told either that it is over.
            while stream.silent:
                await asyncio.sleep(_STILL)
        return response


class _Preconditions(msgspec.Struct, frozen=True):
    uid: str | None = None


class _DeleteOptions(msgspec.Struct, frozen=True, rename="camel"):
    dry_run: list[str] | None = None
    preconditions: _Preconditions | None = None


async def _delete_options(request: web.BaseRequest) -> _DeleteOptions:
    """How an object shall be deleted, where the body of a request says so.

    Raises:
        StatusError: it says something else.
    """
    data = await request.read()
    try:
        return msgspec.json.decode(data, type=_DeleteOptions) if data else _DeleteOptions()
    except msgspec.MsgspecError as error:
        raise bad_request(f"the object provided is no DeleteOptions: {error}") from error


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
