"""Logs of a served cluster: all of them, each line once, whatever happens in between."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import pytest
import pytest_asyncio
from recorded_fleet import objects
from serving import PATIENCE, Served, folder_of, served
from watching import Watched, watching

from mtop_tui.app import MtopApp
from mtop_tui.config.settings import Settings
from mtop_tui.engine.levers import Selector
from mtop_tui.observations import LogLines, ServiceKey
from mtop_tui.providers.base import LogQuery, feed_logs
from mtop_tui.providers.live.logs import reading
from mtop_tui.screens.logs import LogsScreen
from mtop_tui.serve.faults import read_fault

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = ServiceKey("admin", "team-01", "llm-00001")
PODS = "/api/v1/namespaces/team-01/pods"
MINE = f"{PODS}?labelSelector=app.kubernetes.io/name%3Dllm-00001"
SERVICE = "/apis/serving.kserve.io/v1alpha2/namespaces/team-01/llminferenceservices/llm-00001"

MTOP = Path(sys.executable).with_name("mtop")

Told = dict[str, list[tuple[float, str]]]
"""Lines of the main container, by pod."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(folder: Path) -> AsyncIterator[Served]:
    """Services that have served for a minute."""
    manifests = folder_of(folder / "manifests", objects())
    async with served(
        manifests, seed=2, kubeconfig=folder / "kubeconfig", namespace="team-01"
    ) as found:
        await found.advance(60)
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(cluster: Served, folder: Path) -> AsyncIterator[Watched]:
    patch = pytest.MonkeyPatch()
    async with watching(folder / "kubeconfig", patch, clock=cluster.stepper.clock) as live:
        await live.live()
        yield Watched(cluster, live)
    patch.undo()


class Reading:
    """What was read of logs so far."""

    def __init__(self) -> None:
        self.records: list[LogLines] = []

    @property
    def told(self) -> Told:
        found: Told = {}
        for record in self.records:
            if record.container == "main" and record.lines:
                lines = found.setdefault(record.ref.name, [])
                lines += [(one.at, one.text) for one in record.lines]
        return found

    @property
    def said(self) -> list[str]:
        return [one.said for one in self.records if one.said]

    @property
    def times(self) -> list[float]:
        return [line.at for record in self.records for line in record.lines]


async def read(watched: Watched, **asked: object) -> Reading:
    found = Reading()
    query = LogQuery(KEY, **asked)
    async for record in feed_logs(watched.live.provider, query):
        found.records.append(record)
    return found


@asynccontextmanager
async def following(watched: Watched, **asked: object) -> AsyncIterator[Reading]:
    found = Reading()

    async def take() -> None:
        query = LogQuery(KEY, follow=True, **asked)
        async for record in feed_logs(watched.live.provider, query):
            found.records.append(record)

    task = asyncio.create_task(take())
    try:
        yield found
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def open_logs(cluster: Served) -> int:
    """Logs that are being followed."""
    return sum(one.info.subresource == "log" for one in cluster.api.disturbances._streams)


async def engines(cluster: Served) -> list[str]:
    found = await cluster.names(MINE)
    return [name for name in found if "router-scheduler" not in name]


async def whole(cluster: Served, pods: Sequence[str], query: str = "") -> Told:
    """What the server has of these pods' main containers, the one before a restart included."""
    found: Told = {}
    for pod in pods:
        text = ""
        for more in ("&previous=true", ""):
            path = f"{PODS}/{pod}/log?container=main&timestamps=true{more}{query}"
            async with cluster.request("GET", path) as answer:
                text += await answer.text() if answer.status == 200 else ""
        lines = [one.split(" ", 1) for one in text.splitlines()]
        if lines:
            found[pod] = [(datetime.fromisoformat(at).timestamp(), text) for at, text in lines]
    return found


async def until(holds: Callable[[], object], what: Callable[[], object] = lambda: "") -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            while not holds():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"never came: {what()}") from None


def apart(shown: Told, there: Told) -> str:
    """Where what was shown differs from what is there."""
    for pod in there.keys() | shown.keys():
        one, other = shown.get(pod, []), there.get(pod, [])
        if one != other:
            lacking = [line for line in other if line not in one]
            twice = [line for line in one if one.count(line) > other.count(line)]
            return f"{pod}: {len(one)} of {len(other)}; lacking {lacking[:3]}; extra {twice[:3]}"
    return ""


async def equals_the_whole(watched: Watched, found: Reading, gone: Told | None = None) -> None:
    there = {**(gone or {}), **await whole(watched.cluster, await engines(watched.cluster))}
    await until(lambda: not apart(found.told, there), lambda: apart(found.told, there))


async def test_all_that_was_written_is_read_in_order_of_time(watched: Watched):
    found = await read(watched)
    assert found.told == await whole(watched.cluster, await engines(watched.cluster))
    assert len(found.told) == 4
    assert found.times == sorted(found.times)
    assert not any(one.failed for one in found.records)


async def test_some_of_it_can_be_asked_for(watched: Watched):
    every = await read(watched)
    pod = next(iter(every.told))
    tail = await read(watched, tail=3, pod=pod)
    assert tail.told == {pod: every.told[pod][-3:]}
    middle = every.times[len(every.times) // 2]
    late = await read(watched, since=middle)
    assert late.times == [one for one in every.times if one >= middle]
    odd = await read(watched, container="nope")
    assert odd.times == []
    assert odd.said[0].startswith("no pod has a container nope; there is ")
    assert await read(watched, previous=True, pod=pod) is not None


async def test_following_survives_restarts_of_server_and_container_without_a_slip(
    watched: Watched,
):
    """The whole is compared, line by line: none is lost, none comes twice."""
    cluster, live = watched
    async with following(watched) as found:
        await equals_the_whole(watched, found)
        await until(lambda: open_logs(cluster) >= len(found.told))
        before = open_logs(cluster)
        # A container dies while the server is away: what it wrote last is in its predecessor's log.
        await cluster.server.switch_on(read_fault("restart:down=0.6,starting=0,initializing=0"))
        victim = next(iter(found.told))
        await cluster.advance(30)
        cluster.simulation.levers.crash_pods(Selector(pods=(victim,)), "Error", 1, "it broke")
        cluster.simulation.act()
        await cluster.advance(40)
        await until(lambda: cluster.server._site is not None and cluster.api.verbs.phase == "ready")
        await equals_the_whole(watched, found)
        for fault in ("reset", "cut"):
            await cluster.advance(11)
            await cluster.server.switch_on(read_fault(f"{fault}:times=5,resource=pods,verb=get"))
            await cluster.advance(11)
            await until(lambda: not cluster.api.switches.all(time.monotonic()))
        # Streams that fell silent are opened anew once the server answers its heartbeat again.
        await until(lambda: open_logs(cluster) >= before)
        await cluster.server.switch_on(read_fault("silence:resource=pods,verb=get"))
        cluster.server.switch_off("silence")
        await cluster.advance(11)
        live.provider._sessions[0]._link.returns += 1
        await equals_the_whole(watched, found)
    previous = await read(watched, previous=True)
    assert list(previous.told) == [victim]
    assert previous.told[victim][-1] in found.told[victim]


async def test_pods_that_come_and_go_are_followed(watched: Watched):
    cluster, _ = watched
    before = await whole(cluster, await engines(cluster))
    async with following(watched, tail=0) as found:
        name = next(iter(before))
        last = {name: (await whole(cluster, [name]))[name]}
        cluster.simulation.levers.kill_pods(Selector(pods=(name,)))
        cluster.simulation.act()
        await cluster.advance(240)
        new = [one for one in await engines(cluster) if one not in before]
        assert new
        there = await whole(cluster, new)
        await until(lambda: {pod: found.told.get(pod) for pod in there} == there)
        assert last[name][0] not in found.told.get(name, [])


async def test_no_more_streams_than_allowed_and_the_rule_is_said(watched: Watched, monkeypatch):
    monkeypatch.setattr(reading, "MOST_PODS", 1)
    found = await read(watched)
    assert len(found.told) == 1
    assert found.said == [
        "1 of 4 pods are read, those that fail first, then those that start, end or were restarted,"
        " then by name; `mtop logs --pod NAME` reads another"
    ]


async def test_why_there_is_no_log_is_said(cluster: Served, folder: Path, monkeypatch):
    async with watching(folder / "kubeconfig", monkeypatch, "nsviewer") as live:
        await live.until(lambda: live.store.services() and live.store.services()[0].replicas)
        query = LogQuery(KEY._replace(cluster="nsviewer"))
        records = [one async for one in feed_logs(live.provider, query)]
    (record,) = records
    assert record.failed
    assert record.said.startswith("logs in namespace team-01 may not be read; ask for the right ")
    assert 'the server says: User "mtop-nsviewer" cannot get resource "pods/log"' in record.said


async def test_a_container_that_has_not_started_is_said_to_be_waited_for(watched: Watched):
    cluster, live = watched
    status, _ = await cluster.patch(SERVICE, {"spec": {"replicas": 3}})
    assert status == 200
    await live.until(lambda: len(live.store.service(KEY).replicas) > 4)
    async with following(watched, container="main") as found:
        waits = " waits to start ("
        await until(lambda: any(waits in one for one in found.said), lambda: found.said)
        waiting = next(one.ref.name for one in found.records if waits in one.said)
        assert not any(one.failed for one in found.records)
        await cluster.advance(240)
        there = await whole(cluster, [waiting])
        await until(lambda: found.told.get(waiting) == there[waiting])
        assert [one.said for one in found.records if one.ref.name == waiting and not one.lines][
            -1
        ] == ""


async def mtop(folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    """The program, on its way."""
    return await asyncio.create_subprocess_exec(
        MTOP,
        "logs",
        "--mode",
        "live",
        *arguments,
        env={**os.environ, "KUBECONFIG": str(folder / "kubeconfig")},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_ctrl_c_ends_it_without_a_word(cluster: Served, folder: Path):
    program = await mtop(folder, "-f", "llm-00001", "--tail", "1", "-c", "main")
    assert program.stdout is not None
    async with asyncio.timeout(PATIENCE):
        first = await program.stdout.readline()
        assert first.split()[0].decode() in await engines(cluster)
        program.send_signal(signal.SIGINT)
        _, said = await program.communicate()
    assert (program.returncode, said.strip()) == (130, b"")  # click ends the line of ^C


async def test_a_reader_that_goes_away_ends_it_without_a_word(cluster: Served, folder: Path):
    shell = 'exec 3>&1; { "$0" logs --mode live llm-00001 2>&3; echo "code $?" >&3; } | true'
    program = await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-c",
        shell,
        MTOP,
        env={**os.environ, "KUBECONFIG": str(folder / "kubeconfig")},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE):
        out, _ = await program.communicate()
    assert out == b"code 141\n"


async def test_the_screen_shows_them_and_what_comes(watched: Watched):
    cluster, live = watched
    app = MtopApp(Settings(mode="live"), live.provider, live.store, cluster.stepper.clock)
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.pause()
        await app.push_screen(LogsScreen(KEY))

        def text() -> str:
            strips = app.screen._compositor.render_strips()
            return "\n".join(strip.text for strip in strips)

        pods = await engines(cluster)
        for _ in range(2):
            _, last = max(max(lines) for lines in (await whole(cluster, pods)).values())
            async with asyncio.timeout(PATIENCE):
                while last[-20:] not in text():
                    await pilot.pause(0.05)
            assert "following" in text()
            await cluster.advance(11)
