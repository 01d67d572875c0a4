"""Measures the served cluster against its bounds: `python -m bench.served_cluster`.

A thousand services with ten pods each are listed in pages; changes are watched by twenty clients;
the program itself starts with a thousand services. CPU is that of the server's process alone: the
clients are another one.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import yaml

from bench.__main__ import Figure
from mtop_tui.serve.access import ADMIN
from mtop_tui.serve.kubeconfig import authority_file, token_file

SERVICES, PODS, PAGE = 1_000, 10, 500
WATCHERS, EVENTS, SECONDS = 20, 500, 10
MTOP = str(Path(sys.executable).parent / "mtop")


def manifests(folder: Path) -> None:
    """A thousand services of ten replicas, and room for them."""
    objects: list[dict[str, object]] = []
    for number in range(SERVICES):
        gpus = {"nvidia.com/gpu": "1"}
        container = {"name": "main", "resources": {"limits": gpus, "requests": gpus}}
        objects.append(
            {
                "apiVersion": "serving.kserve.io/v1alpha2",
                "kind": "LLMInferenceService",
                "metadata": {
                    "name": f"llm-{number:04}",
                    "namespace": f"team-{number % 20:02}",
                    "annotations": {"sim.mtop.dev/requests-per-second": "0"},
                },
                "spec": {
                    "model": {"uri": "hf://Qwen/Qwen2.5-7B-Instruct", "name": "qwen"},
                    "replicas": PODS,
                    "router": {"gateway": {}, "route": {}, "scheduler": {}},
                    "template": {"containers": [container]},
                },
            }
        )
    objects += [node(number) for number in range(SERVICES * PODS // 8 + 1)]
    (folder / "all.yaml").write_text("\n".join(["---\n" + json.dumps(one) for one in objects]))


def node(number: int) -> dict[str, object]:
    """A node with eight GPUs."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": f"node-{number:04}",
            "labels": {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"},
        },
        "status": {
            "allocatable": {"cpu": "190", "pods": "110", "nvidia.com/gpu": "8"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], Path, float]]:
    """A server, its kubeconfig, and the seconds from its start until it was ready."""
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig = Path(folder) / "kubeconfig"
        command = [MTOP, "serve", "--port", "0", "--kubeconfig", str(kubeconfig), *arguments]
        begun = time.perf_counter()
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        assert server.stdout.readline()
        try:
            yield server, kubeconfig, time.perf_counter() - begun
        finally:
            server.terminate()
            server.wait(30)


def cpu(process: subprocess.Popen[str]) -> float:
    """CPU seconds a process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def pinned(process: subprocess.Popen[str]) -> Iterator[None]:
    """Keep a server on one core, and whoever asks on the others, where there are several."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(process.pid, {cores[0]})
        os.sched_setaffinity(0, set(cores[1:]))
    try:
        yield
    finally:
        os.sched_setaffinity(0, set(cores))


def session(kubeconfig: Path) -> tuple[str, aiohttp.ClientSession]:
    """Where the server is, and a client of its administrator."""
    body = yaml.safe_load(kubeconfig.read_text())
    trust = ssl.create_default_context(cafile=str(authority_file(kubeconfig)))
    token = token_file(kubeconfig, ADMIN).read_text()
    client = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=trust, limit=0),
        headers={"Authorization": f"Bearer {token}"},
        timeout=aiohttp.ClientTimeout(total=120),
    )
    return body["clusters"][0]["cluster"]["server"], client


async def list_all(kubeconfig: Path) -> tuple[int, int]:
    """How many pods there are, and their bytes, read in pages."""
    address, client = session(kubeconfig)
    count = size = 0
    token = ""
    async with client:
        while True:
            path = f"{address}/api/v1/pods?limit={PAGE}&continue={token}"
            async with client.get(path) as answer:
                data = await answer.read()
            size += len(data)
            page = json.loads(data)
            count += len(page["items"])
            token = page["metadata"].get("continue", "")
            if not token:
                return count, size


def listing() -> Iterator[Figure]:
    """All pods of a thousand services, in pages of 500."""
    with tempfile.TemporaryDirectory() as folder:
        manifests(Path(folder))
        # Time all but stands still, so that what is measured is the server and not the simulation.
        with serving("--mocks", folder, "--speed", "0.001") as (server, kubeconfig, _):
            before = cpu(server)
            count, size = asyncio.run(list_all(kubeconfig))
            used = cpu(server) - before
            label = f"{count} pods of {SERVICES} services, {size / 1e6:.0f} MB in pages of {PAGE}"
            yield Figure(f"{label}: CPU", used, "s", 3.0)
            before = cpu(server)
            asyncio.run(list_all(kubeconfig))
            yield Figure("the same again", cpu(server) - before, "s")


async def watch(address: str, client: aiohttp.ClientSession, version: str) -> int:
    """Events a watcher saw."""
    query = f"watch=1&resourceVersion={version}&timeoutSeconds={SECONDS + 6}"
    path = f"{address}/apis/serving.kserve.io/v1alpha2/llminferenceservices?{query}"
    seen = 0
    async with client.get(path) as answer:
        async for part in answer.content.iter_any():
            seen += part.count(b"\n")
    return seen


async def churn(kubeconfig: Path) -> tuple[int, int, float]:
    """Changes made, events seen by all watchers, and seconds for the changes."""
    address, client = session(kubeconfig)
    base = f"{address}/apis/serving.kserve.io/v1alpha2"
    async with client:
        async with client.get(f"{base}/llminferenceservices") as answer:
            listed = await answer.json()
        version = listed["metadata"]["resourceVersion"]
        watching = [asyncio.create_task(watch(address, client, version)) for _ in range(WATCHERS)]
        await asyncio.sleep(1)
        paths = [
            f"{base}/namespaces/{one['metadata']['namespace']}/llminferenceservices/"
            f"{one['metadata']['name']}"
            for one in listed["items"]
        ]
        begun = time.perf_counter()
        loop = asyncio.get_running_loop()
        made = 0
        headers = {"Content-Type": "application/merge-patch+json"}
        while made < EVENTS * SECONDS and loop.time() - begun < SECONDS + 2:
            part = range(made, min(made + 25, EVENTS * SECONDS))
            await asyncio.gather(
                *(
                    client.patch(
                        paths[number % len(paths)],
                        data=json.dumps({"metadata": {"annotations": {"n": str(number)}}}),
                        headers=headers,
                    )
                    for number in part
                )
            )
            made += len(part)
            await asyncio.sleep(max(0.0, made / EVENTS - (time.perf_counter() - begun)))
        took = time.perf_counter() - begun
        seen = await asyncio.gather(*watching)
    return made, sum(seen), took


def main() -> int:
    """Run all; exit code 1 when a bound is missed."""
    figures = []
    for group in (starting(), listing(), watching()):
        for figure in group:
            figures.append(figure)
            print(figure, flush=True)
    return 1 if any(figure.met is False for figure in figures) else 0


def starting() -> Iterator[Figure]:
    """The shipped cluster copied to a thousand services, from exec to ready."""
    times = []
    for _ in range(3):
        with serving("--services", str(SERVICES)) as (server, _, ready):
            times.append((cpu(server), ready))
    used, ready = min(times)
    yield Figure(f"{SERVICES} services: CPU from start to ready", used, "s", 3.0)
    yield Figure(f"{SERVICES} services: from start to ready on this machine", ready, "s")


def watching() -> Iterator[Figure]:
    """Events that twenty watchers get of one core."""
    with serving("--services", "100") as (server, kubeconfig, _), pinned(server):
        before = cpu(server)
        made, seen, took = asyncio.run(churn(kubeconfig))
        used = cpu(server) - before
    label = f"{WATCHERS} watchers, changes made by requests"
    share = used / (made / EVENTS)
    yield Figure(f"{label}: CPU for each {EVENTS} of {made} changes", share, "s", 1.0)
    yield Figure(f"{label}: events lost", made * WATCHERS - seen, "events", 0.0)
    yield Figure(f"{label}: changes", made / took, "/s")
    yield Figure(
        "memory of the clients", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3, "MB"
    )


if __name__ == "__main__":
    sys.exit(main())
