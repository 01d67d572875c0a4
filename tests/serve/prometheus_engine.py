"""A real Prometheus that scrapes a served cluster, for the tests that ask it."""

from __future__ import annotations

import asyncio
import math
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from serving import Served
from tools import tool

from mtop_tui.engine.serving.replica import ReplicaServer
from mtop_tui.observations import MetricSample

ENGINES = 4
PATIENCE = 40.0


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Prometheus:
    """A Prometheus that runs, and questions to it."""

    def __init__(self, address: str, session: aiohttp.ClientSession) -> None:
        self.address, self._session = address, session

    async def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Labels and values of an instant query; nothing while it is not up yet."""
        path = f"{self.address}/api/v1/query"
        try:
            async with self._session.get(path, params={"query": expression}) as answer:
                if answer.status == 503:
                    return []
                body = await answer.json()
        except aiohttp.ClientConnectorError:
            return []
        assert body["status"] == "success", body
        return [(one["metric"], float(one["value"][1])) for one in body["data"]["result"]]


@asynccontextmanager
async def prometheus(config: str, folder: Path) -> AsyncIterator[Prometheus]:
    """A Prometheus with a configuration, until it is left."""
    path = folder / "prometheus.yml"
    path.write_text(config)
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        str(tool("prometheus")),
        f"--config.file={path}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with aiohttp.ClientSession() as session:
            yield Prometheus(f"http://127.0.0.1:{port}", session)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Look again and again until it holds."""
    end = time.monotonic() + PATIENCE
    while not await holds():
        assert time.monotonic() < end, "it did not come to hold"
        await asyncio.sleep(0.2)


def samples(fleet: Served) -> list[MetricSample]:
    """What mtop would read of every engine just now."""
    simulation = fleet.simulation
    found = []
    for replica in simulation.fleet.replicas():
        if isinstance(replica.server, ReplicaServer) and replica.server.at < simulation.now:
            replica.server.advance(simulation.now)
        sample = replica.sample(simulation.now, False)
        if sample is not None:
            found.append(sample)
    return found


async def scraped(engine: Prometheus, fleet: Served) -> float:
    """When all that has been simulated so far was scraped, Unix seconds."""
    total = sum(
        one.server.page.counters[4]
        for one in fleet.simulation.fleet.replicas()
        if one.server is not None
    )

    async def all_there() -> bool:
        found = await engine.query("sum(vllm:generation_tokens_total)")
        known = await engine.query("vllm:generation_tokens_total")
        return bool(found) and math.isclose(found[0][1], total) and len(known) == ENGINES

    await until(all_there)
    return time.time()
