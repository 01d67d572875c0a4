"""Measures reading pods' pages through an API server: `python -m bench.scraping`.

200 pods with pages of 67 kB, each read every 15 s over TLS, put into the store. The server is
another process, which sends pages that it made before; CPU is that of the reader alone.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from aiohttp import web

from bench.figure import Figure
from mtop_tui.clock import WallClock
from mtop_tui.observations import MetricSample, ObjectRef, Replica, ServiceKey
from mtop_tui.providers.live.client import ReadOnlyClient
from mtop_tui.providers.live.kubeconfig import Cluster, Connection, User
from mtop_tui.providers.live.metrics.cluster import ClusterMetrics, MetricsChoice
from mtop_tui.providers.live.objects.pickers import PickerPods
from mtop_tui.serve.certificate import make_certificate, server_context
from mtop_tui.state.fleet import FleetStore

PODS, PER_SERVICE, VARIANTS = 200, 4, 16
SETTLE, SECONDS = 20.0, 45.0
BOUND = 15.0
OUT = Path(__file__).parent / "out" / "scraping.json"
PAGES = Path(__file__).parents[1] / "tests" / "unit"


def pages() -> list[bytes]:
    """What one pod says at so many readings: a busy vLLM server."""
    sys.path.insert(0, str(PAGES))
    from vllm_page import vllm_page

    return [vllm_page(1000 + 37 * number).encode() for number in range(VARIANTS)]


def serve(folder: Path, packs: bool) -> None:
    """Answer each request for a page with the next one; ends when it is ended."""
    bodies = [gzip.compress(page) if packs else page for page in pages()]
    headers = {"Content-Type": "text/plain; version=0.0.4"}
    if packs:
        headers["Content-Encoding"] = "gzip"
    asked: dict[str, int] = {}

    async def answer(request: web.Request) -> web.Response:
        number = asked[request.path] = asked.get(request.path, -1) + 1
        return web.Response(body=bodies[number % VARIANTS], headers=headers)

    async def run() -> None:
        made = make_certificate("127.0.0.1", time.time())
        (folder / "ca.pem").write_bytes(made.pem)
        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(made))
        await site.start()
        server = site._server
        assert isinstance(server, asyncio.Server)
        (folder / "port").write_text(str(server.sockets[0].getsockname()[1]))
        print("ready", flush=True)
        await asyncio.Event().wait()

    asyncio.run(run())


@contextmanager
def serving(packs: bool) -> Iterator[Connection]:
    """A server in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, "-m", "bench.scraping", "serve", name, "gzip" if packs else ""]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            assert server.stdout.readline()
            folder = Path(name)
            address = f"https://127.0.0.1:{(folder / 'port').read_text()}"
            cluster = Cluster(server=address, certificate_authority=str(folder / "ca.pem"))
            yield Connection("bench", cluster, User())
        finally:
            server.terminate()
            server.wait(30)


def replicas() -> Sequence[Replica]:
    """Ready pods, four to a service."""
    return [
        Replica(
            at=0.0,
            ref=ObjectRef("bench", "shop", "Pod", f"llm-{number:03}", f"uid-{number}"),
            service=ServiceKey("bench", "shop", f"llm-{number // PER_SERVICE:02}"),
            role="main",
            phase="ready",
        )
        for number in range(PODS)
    ]


async def scraped(connection: Connection) -> tuple[float, int]:
    """CPU seconds of this process for each second, and the samples that came, once it is steady."""
    clock, news = WallClock(), asyncio.Event()
    client = ReadOnlyClient(connection, clock)
    metrics = ClusterMetrics(
        MetricsChoice(), client, "bench", clock=clock, news=news, pickers=PickerPods(), pasts=set()
    )
    store = FleetStore()
    pods = replicas()
    store.apply(pods)
    metrics.note(pods)
    samples = 0

    async def take() -> None:
        nonlocal samples
        while True:
            await news.wait()
            news.clear()
            records = metrics.take()
            samples += sum(isinstance(one, MetricSample) for one in records)
            store.apply(records)

    tasks = [asyncio.create_task(metrics.run()), asyncio.create_task(take())]
    await asyncio.sleep(SETTLE)
    before, samples, began = time.process_time(), 0, time.perf_counter()
    await asyncio.sleep(SECONDS)
    used, took = time.process_time() - before, time.perf_counter() - began
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await client.close()
    return used / took, samples


def figures() -> Iterator[Figure]:
    """With and without gzip, which API servers may or may not use."""
    size = len(pages()[0]) / 1000
    for packs in (True, False):
        with serving(packs) as connection:
            share, samples = asyncio.run(scraped(connection))
        label = f"{PODS} pods of {size:.0f} kB every 15 s{', gzip' if packs else ''}"
        yield Figure(f"{label}: CPU", 100 * share, "% of core", BOUND)
        yield Figure(f"{label}: pages read", samples / SECONDS, "/s")


def main() -> int:
    """Run all; exit code 1 when a bound is missed."""
    if sys.argv[1:2] == ["serve"]:
        serve(Path(sys.argv[2]), sys.argv[3] == "gzip")
        return 0
    found = []
    for figure in figures():
        found.append(figure)
        print(figure, flush=True)
    OUT.parent.mkdir(exist_ok=True)
    machine = {"python": platform.python_version(), "system": platform.platform()}
    rows = [{**asdict(figure), "met": figure.met} for figure in found]
    OUT.write_text(json.dumps({"machine": machine, "figures": rows}, indent=1) + "\n")
    return 1 if any(figure.met is False for figure in found) else 0


if __name__ == "__main__":
    sys.exit(main())
