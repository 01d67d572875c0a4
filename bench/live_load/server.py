"""The load server: an API server of objects that are encoded before anybody asks.

`python -m bench.live_load.server FOLDER PORT` listens with TLS on 127.0.0.1, writes
`FOLDER/kubeconfig` and then one line. It runs in a process of its own, so that its CPU is apart.
Beside what Kubernetes has, `/load` says what there is and what was asked, and makes trouble. What
was kept before it ended is there when it comes back, but what led there is not, as with etcd.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import socket
import struct
import sys
import time
from bisect import bisect_right
from pathlib import Path
from typing import Any

from aiohttp import web

from bench.live_load.known import digest
from bench.live_load.objects import Load, cluster
from mtop_tui.serve.access import ADMIN
from mtop_tui.serve.certificate import Certificate, make_certificate, server_context
from mtop_tui.serve.kubeconfig import write_kubeconfig
from mtop_tui.serve.resources import Resource

FIRST_VERSION = 1_000_000

CHUNK = 50
"""Events that are sent with one write."""

_RESET = struct.pack("ii", 1, 0)


class Kept:
    """The objects of one kind with their versions, and what changed, for watches."""

    def __init__(self, load: Load, kept: tuple[list[int], list[int]] | None, version: int) -> None:
        self.resource, self.items = load.resource, load.items
        numbers = range(len(load.items))
        self.versions, self.counts = kept or (list(numbers), [0 for _ in numbers])
        self.began = self.version = version
        self.log: list[tuple[int, int, int]] = []
        self.watchers: set[asyncio.Queue[bytes]] = set()
        self.asked: list[tuple[float, str]] = []

    def encoded(self, number: int) -> bytes:
        """One object as it is."""
        return self.items[number].encoded(self.versions[number], self.counts[number])

    def change(self, number: int, version: int) -> None:
        """One object is another by now."""
        self.version = self.versions[number] = version
        self.counts[number] += 1
        self.log.append((version, number, self.counts[number]))

    def lines(self, since: int) -> bytes:
        """Events after a version."""
        begin = bisect_right(self.log, since, key=lambda one: one[0])
        return b"".join(
            b'{"type":"MODIFIED","object":' + self.items[number].encoded(version, count) + b"}\n"
            for version, number, count in self.log[begin:]
        )

    def digest(self) -> str:
        """What a fresh list comes to: each uid with its version."""
        return digest({one.uid: str(self.versions[n]) for n, one in enumerate(self.items)})


class LoadServer:
    """Answers as an API server does, from bytes."""

    def __init__(self, loads: dict[str, Load], folder: Path) -> None:
        self._file = folder / "kept.json"
        kept = json.loads(self._file.read_text()) if self._file.exists() else {}
        self.version = kept.pop("version", FIRST_VERSION) + 1
        self.kinds = {
            plural: Kept(load, kept.get(plural), self.version) for plural, load in loads.items()
        }
        self.refused_until, self.retry_after = 0.0, 0
        self.streams: set[asyncio.Transport] = set()

    def application(self) -> web.Application:
        """All routes."""
        application = web.Application()
        add = application.router.add_route
        add("GET", "/apis", self.groups)
        add("GET", "/version", self.alive)
        add("GET", "/apis/serving.kserve.io/{version}", self.resources)
        add("GET", "/load/state", self.state)
        add("POST", "/load/churn", self.churn)
        add("POST", "/load/keep", self.keep)
        add("POST", "/load/reset", self.reset)
        add("POST", "/load/refuse", self.refuse)
        for kept in self.kinds.values():
            add("GET", _path(kept.resource), self.collection)
        return application

    async def groups(self, _: web.Request) -> web.Response:
        """The API groups."""
        named: dict[str, list[str]] = {}
        for kept in self.kinds.values():
            if kept.resource.group:
                named.setdefault(kept.resource.group, []).append(kept.resource.version)
        groups = [
            {"name": name, "versions": [{"version": one} for one in versions]}
            for name, versions in named.items()
        ]
        return web.json_response({"kind": "APIGroupList", "groups": groups})

    async def alive(self, _: web.Request) -> web.Response:
        """The heartbeat."""
        return web.json_response({"major": "1", "minor": "36"})

    async def resources(self, request: web.Request) -> web.Response:
        """What KServe's group has."""
        found = [
            {"name": plural}
            for plural, kept in self.kinds.items()
            if kept.resource.version == request.match_info["version"]
        ]
        return web.json_response({"kind": "APIResourceList", "resources": found})

    async def collection(self, request: web.Request) -> web.StreamResponse:
        """A page of a list, or a watch."""
        kept = self.kinds[request.path.rpartition("/")[2]]
        watches = request.query.get("watch") == "true"
        kept.asked.append((time.time(), "watch" if watches else "list"))
        if time.time() < self.refused_until:
            headers = {"Retry-After": str(self.retry_after)}
            text = "Too many requests, please try again later.\n"
            return web.Response(status=429, text=text, headers=headers)
        if watches:
            return await self._watch(kept, request)
        begin, limit = int(request.query.get("continue", 0)), int(request.query["limit"])
        end = begin + limit
        page = [kept.encoded(number) for number in range(begin, min(end, len(kept.items)))]
        metadata = {"resourceVersion": str(kept.version)}
        if end < len(kept.items):
            metadata["continue"] = str(end)
        head = json.dumps({"kind": f"{kept.resource.kind}List", "metadata": metadata})
        body = head[:-1].encode() + b',"items":[' + b",".join(page) + b"]}"
        return web.Response(body=body, content_type="application/json")

    async def _watch(self, kept: Kept, request: web.Request) -> web.StreamResponse:
        since = int(request.query["resourceVersion"])
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        if since < kept.began:
            status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
            await response.write(json.dumps({"type": "ERROR", "object": status}).encode() + b"\n")
            return response
        queue: asyncio.Queue[bytes] = asyncio.Queue(8)
        missed = kept.lines(since)
        kept.watchers.add(queue)
        assert request.transport is not None
        transport = request.transport
        self.streams.add(transport)
        try:
            if missed:
                await response.write(missed)
            async with asyncio.timeout(float(request.query["timeoutSeconds"])):
                while True:
                    await response.write(await queue.get())
        except TimeoutError:
            pass
        finally:
            kept.watchers.discard(queue)
            self.streams.discard(transport)
        return response

    # What a bench asks for

    async def state(self, _: web.Request) -> web.Response:
        """What there is, what was asked, and what it cost."""
        kinds = {
            plural: {
                "count": len(kept.items),
                "bytes": len(kept.encoded(0)),
                "digest": kept.digest(),
                "asked": kept.asked,
            }
            for plural, kept in self.kinds.items()
        }
        return web.json_response({"cpu": time.process_time(), "kinds": kinds})

    async def churn(self, request: web.Request) -> web.Response:
        """Change pods, `per_second` of them, or as fast as they are taken; when all are sent."""
        asked = await request.json()
        kept, began = self.kinds["pods"], time.time()
        rate = asked.get("per_second", 0)
        chunk = CHUNK if not rate else max(1, rate // 20)
        sent = 0
        while sent < asked["events"]:
            before = self.version
            for _ in range(min(chunk, asked["events"] - sent)):
                self.version += 1
                kept.change(self._next_pod(), self.version)
                sent += 1
            lines = kept.lines(before)
            for queue in list(kept.watchers):
                await queue.put(lines)
            if rate and (ahead := began + sent / rate - time.time()) > 0:
                await asyncio.sleep(ahead)
        return web.json_response({"seconds": time.time() - began})

    def _next_pod(self) -> int:
        """Neighbours are of different services."""
        pods = len(self.kinds["pods"].items)
        return self.version * 7919 % pods

    async def keep(self, _: web.Request) -> web.Response:
        """Write down what there is, for a server that begins later."""
        kept = {plural: (one.versions, one.counts) for plural, one in self.kinds.items()}
        self._file.write_text(json.dumps({"version": self.version, **kept}))
        return web.json_response({})

    async def reset(self, _: web.Request) -> web.Response:
        """End all streams with RST."""
        for transport in list(self.streams):
            found = transport.get_extra_info("socket")
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            transport.abort()
        return web.json_response({"at": time.time()})

    async def refuse(self, request: web.Request) -> web.Response:
        """429 for some seconds."""
        asked = await request.json()
        self.retry_after = asked["retry_after"]
        self.refused_until = time.time() + asked["seconds"]
        return web.json_response({"at": time.time()})


def _path(resource: Resource) -> str:
    root = f"/apis/{resource.group_version}" if resource.group else f"/api/{resource.version}"
    return f"{root}/{resource.plural}"


def _certificate(folder: Path) -> Certificate:
    """The same each time, as that of a server that comes back."""
    public, private = folder / "server.pem", folder / "server.key"
    if not public.exists():
        made = make_certificate("127.0.0.1", time.time())
        public.write_bytes(made.pem)
        private.write_bytes(made.key)
    return Certificate(public.read_bytes(), private.read_bytes())


async def _serve(folder: Path, port: int, loads: dict[str, Load]) -> None:
    server = LoadServer(loads, folder)
    certificate = _certificate(folder)
    runner = web.AppRunner(server.application(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=server_context(certificate))
    await site.start()
    address: Any = runner.addresses[0]
    url = f"https://127.0.0.1:{address[1]}"
    tokens = {ADMIN: "load"}
    write_kubeconfig(folder / "kubeconfig", url, certificate.pem, tokens, namespace="team-00")
    print(url, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    made = cluster()
    gc.freeze()
    logging.disable(logging.CRITICAL)  # clients hang up all the time
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2]), made))
