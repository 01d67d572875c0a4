"""A served cluster whose time moves only when a test says so, and a client for it."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from mtop_tui import resources
from mtop_tui.clock import Clock, ManualClock
from mtop_tui.providers.mock.manifests import Manifests, load
from mtop_tui.providers.mock.provider import CLUSTER, MockProvider
from mtop_tui.providers.mock.recipes import find_recipe, read_recipe
from mtop_tui.providers.mock.story import story_of
from mtop_tui.serve.access import ADMIN, Access, users
from mtop_tui.serve.api import Api
from mtop_tui.serve.kubeconfig import write_kubeconfig
from mtop_tui.serve.resources import Registry
from mtop_tui.serve.server import Server
from mtop_tui.serve.simulation import Simulation
from mtop_tui.serve.timescale import Timescale

PATIENCE = 20.0
START = 1_780_304_400.0
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


class Stepper:
    """Simulated time that stands still between two calls of `advance`."""

    def __init__(self) -> None:
        self.clock = ManualClock(START)
        self._go, self._idle = asyncio.Event(), asyncio.Event()

    async def sleep(self, _: float) -> None:
        """What the provider waits with."""
        self._idle.set()
        await self._go.wait()
        self._go.clear()

    async def advance(self, seconds: float) -> None:
        """Let time pass, a second at a time, until all that is due then has happened."""
        await self._idle.wait()
        for _ in range(max(1, round(seconds))):
            self.clock.advance(seconds / max(1, round(seconds)))
            self._idle.clear()
            self._go.set()
            await self._idle.wait()


class Served:
    """A server with its simulation, and requests to it."""

    def __init__(
        self, server: Server, api: Api, stepper: Stepper, session: aiohttp.ClientSession
    ) -> None:
        self.server, self.api, self.stepper, self.session = server, api, stepper, session
        self.simulation = api.simulation

    async def advance(self, seconds: float) -> None:
        """Let simulated time pass."""
        await self.stepper.advance(seconds)

    def request(
        self,
        method: str,
        path: str,
        *,
        user: str | None = ADMIN,
        token: str | None = None,
        **more: Any,
    ) -> Any:
        """A request as a user; no user is nobody in particular."""
        headers = dict(more.pop("headers", {}))
        if user is not None:
            headers["Authorization"] = f"Bearer {token or self.api.access.tokens[user]}"
        return self.session.request(method, f"{self.server.address}{path}", headers=headers, **more)

    async def get(self, path: str, **more: Any) -> Any:
        """The JSON body at a path; it must be there."""
        async with self.request("GET", path, **more) as answer:
            body = await answer.text()
            assert answer.status == 200, body
            return json.loads(body)

    async def send(
        self, method: str, path: str, body: Any = None, kind: str = "application/json", **more: Any
    ) -> tuple[int, Any]:
        """Status and JSON body of a request with a body."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        headers = {"Content-Type": kind, **more.pop("headers", {})}
        async with self.request(method, path, data=data, headers=headers, **more) as answer:
            return answer.status, json.loads(await answer.text())

    async def patch(self, path: str, body: Any, **more: Any) -> tuple[int, Any]:
        """A merge patch."""
        return await self.send("PATCH", path, body, "application/merge-patch+json", **more)

    async def names(self, path: str, **more: Any) -> list[str]:
        """Names of the objects in a list."""
        found = await self.get(path, **more)
        return [one["metadata"]["name"] for one in found["items"]]

    @asynccontextmanager
    async def watch(self, path: str, **more: Any) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """Events of a watch."""
        async with self.request("GET", path, **more) as answer:
            assert answer.status == 200, await answer.text()

            async def events() -> AsyncIterator[dict[str, Any]]:
                left = b""
                async for part in answer.content.iter_any():
                    *lines, left = (left + part).split(b"\n")
                    for line in lines:
                        yield json.loads(line)

            yield events()


@asynccontextmanager
async def served(
    manifests: Manifests,
    *,
    seed: int = 7,
    story: Any = None,
    absent: Sequence[str] = (),
    kubeconfig: Path | None = None,
    namespace: str = "team-00",
) -> AsyncIterator[Served]:
    """A server for a cluster made of manifests."""
    stepper = Stepper()
    clock: Clock = stepper.clock
    provider = MockProvider(manifests, seed=seed, clock=clock, sleep=stepper.sleep, story=story)
    scale = Timescale(START, START)
    simulation = Simulation(provider, manifests, seed=seed, scale=scale)
    api = Api(simulation, Registry(absent), Access(users(namespace)), clock)
    server = Server(api, port=0, wall=WALL)
    running = asyncio.create_task(simulation.run())
    await simulation.ready.wait()
    await server.start()
    if kubeconfig is not None:
        tokens = api.access.tokens
        write_kubeconfig(
            kubeconfig, server.address, server.certificate.pem, tokens, namespace=namespace
        )
    trust = ssl.create_default_context(cadata=server.certificate.pem.decode())
    connector = aiohttp.TCPConnector(ssl=trust, limit=0)
    try:
        async with aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=PATIENCE)
        ) as session:
            yield Served(server, api, stepper, session)
    finally:
        await server.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


class _Wall:
    """Certificates must be valid now, whatever time a test pretends it is."""

    @staticmethod
    def now() -> float:
        return time.time()


WALL = _Wall()


def recipe(name: str) -> Any:
    """The story of a recipe."""
    return story_of(read_recipe(find_recipe(name)), CLUSTER)


def folder_of(path: Path, objects: Sequence[Mapping[str, Any]]) -> Manifests:
    """A cluster of these objects, and the configs that ship with mtop."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "all.yaml").write_text(yaml.safe_dump_all(objects))
    return load(path, resources.path("mocks"))
