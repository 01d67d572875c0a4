"""What real kubelets do to who follows a log, and no simulated cluster does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import msgspec
import pytest
from aiohttp import web

from mtop_tui.clock import WallClock
from mtop_tui.observations import LogLines, ServiceKey
from mtop_tui.providers.base import LogQuery
from mtop_tui.providers.live.client import ReadOnlyClient
from mtop_tui.providers.live.kubeconfig import connection
from mtop_tui.providers.live.logs.reading import read_logs
from mtop_tui.providers.live.objects.schema import Pod

QUERY = LogQuery(ServiceKey("here", "team", "chat"), follow=True)
START = 1_780_304_400
DIAL = (
    'Get "https://10.0.0.7:10250/containerLogs/team/chat-0/main": dial tcp 10.0.0.7:10250: connect:'
    " no route to host"
)


def stamped(second: float, text: str) -> str:
    at = datetime.fromtimestamp(START + second, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
    return f"{at} {text}"


class Kubelet:
    """One container's logs, one list of lines per run; it says nothing before there is a line.

    Attributes:
        runs: lines of each run; only of the last two there is a log.
        rotated: lines of the last run that are no longer to be had.
        away: whether connections are cut at once.
        failing: a message in place of any log.
        pod: as its watch has it.
    """

    returns, ahead = 0, 0.0

    def __init__(self) -> None:
        self.runs: list[list[str]] = [[]]
        self.rotated = 0
        self.away = False
        self.failing = ""
        self.client: ReadOnlyClient | None = None
        self._changed = asyncio.Event()
        self._open: list[web.Request] = []
        self.pod = self._pod(0)

    def pods(self, namespace: str, service: str) -> list[Pod]:
        return [self.pod]

    @staticmethod
    def _pod(restarts: int) -> Pod:
        status = {"name": "main", "restartCount": restarts, "state": {"running": {}}}
        return msgspec.convert(
            {
                "metadata": {"name": "chat-0", "namespace": "team", "uid": "u"},
                "spec": {"containers": [{"name": "main"}], "nodeName": "n"},
                "status": {"phase": "Running", "containerStatuses": [status]},
            },
            Pod,
        )

    def write(self, *lines: str) -> None:
        self.runs[-1] += lines
        self._tell()

    def restart(self) -> None:
        self.runs.append([])
        self.rotated = 0
        self._tell()

    def notice(self) -> None:
        """The API server learns of restarts."""
        self.pod = self._pod(len(self.runs) - 1)

    def leave(self) -> None:
        self.away = True
        for request in self._open:
            if request.transport is not None:
                request.transport.abort()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def log(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        if self.away:
            request.transport.abort()
            raise ConnectionResetError
        if self.failing:
            return self._refusal(500, self.failing)
        number = len(self.runs) - (2 if query.get("previous") else 1)
        if number < 0:
            return self._refusal(400, 'previous terminated container "main" not found')
        run = self.runs[number]
        place = 0 if query.get("previous") else self.rotated
        since = query.get("sinceTime", "")[:19]
        response: web.StreamResponse | None = None
        self._open.append(request)
        try:
            while True:
                changed = self._changed
                new = [one for one in run[place:] if one[:19] >= since or one[:1] != "2"]
                place = len(run)
                if new:
                    if response is None:
                        response = web.StreamResponse()
                        await response.prepare(request)
                    await response.write("".join(f"{one}\n" for one in new).encode())
                if not query.get("follow") or run is not self.runs[-1]:
                    return response or web.Response()
                await changed.wait()
        finally:
            self._open.remove(request)

    @staticmethod
    def _refusal(code: int, message: str) -> web.Response:
        status = {"kind": "Status", "code": code, "message": message, "reason": ""}
        return web.json_response(status, status=code)


class Followed:
    """What is shown of it."""

    def __init__(self) -> None:
        self.records: list[LogLines] = []

    @property
    def texts(self) -> list[str]:
        return [line.text for record in self.records for line in record.lines]

    @property
    def said(self) -> list[str]:
        return [one.said for one in self.records if not one.lines]

    async def until(self, *texts: str) -> None:
        """Wait for exactly these lines."""
        try:
            async with asyncio.timeout(10):
                while len(self.texts) < len(texts):
                    await asyncio.sleep(0.01)
        except TimeoutError:
            pass
        assert self.texts == list(texts)

    async def until_said(self, words: str) -> None:
        async with asyncio.timeout(10):
            while not any(words in one for one in self.said):
                await asyncio.sleep(0.01)


@pytest.fixture
async def kubelet(tmp_path: Path, monkeypatch) -> AsyncIterator[Kubelet]:
    found = Kubelet()
    app = web.Application()
    app.router.add_get("/api/v1/namespaces/team/pods/chat-0/log", found.log)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    config = {
        "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": address}}],
        "users": [{"name": "me", "user": {"token": "x"}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
    }
    (tmp_path / "kubeconfig").write_bytes(msgspec.json.encode(config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    found.client = ReadOnlyClient(connection("here"), WallClock())
    yield found
    await found.client.close()
    await runner.cleanup()


@asynccontextmanager
async def followed(kubelet: Kubelet) -> AsyncIterator[Followed]:
    found = Followed()

    async def take() -> None:
        async for record in read_logs(kubelet, QUERY, WallClock(), Random(1)):
            found.records.append(record)

    task = asyncio.create_task(take())
    yield found
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_log_that_was_rotated_meanwhile_says_from_when_to_when_lines_are_gone(
    kubelet: Kubelet,
):
    kubelet.write(stamped(0, "a"), stamped(0, "a"), stamped(1, "b"))
    async with followed(kubelet) as found:
        await found.until("a", "a", "b")
        kubelet.leave()
        kubelet.write(stamped(10, "gone"), stamped(20, "c"), stamped(20, "c"))
        kubelet.rotated, kubelet.away = 4, False
        await found.until("a", "a", "b", "c", "c")
        await found.until_said(
            "lines from 2026-06-01T09:00:01Z to 2026-06-01T09:00:20Z may be missing: its log was"
        )


async def test_rotation_of_what_was_shown_loses_nothing_and_says_nothing(kubelet: Kubelet):
    kubelet.write(stamped(0, "a"), stamped(1, "b"), stamped(1.5, "c"))
    async with followed(kubelet) as found:
        await found.until("a", "b", "c")
        kubelet.leave()
        kubelet.write(stamped(30, "d"))
        kubelet.rotated, kubelet.away = 2, False
        await found.until("a", "b", "c", "d")
        assert found.said == []


async def test_what_a_container_wrote_last_is_shown_though_its_successor_is_silent(
    kubelet: Kubelet,
):
    kubelet.write(stamped(0, "a"))
    async with followed(kubelet) as found:
        await found.until("a")
        kubelet.leave()
        kubelet.write(stamped(5, "out of memory"))
        kubelet.restart()
        kubelet.away = False
        await asyncio.sleep(0)
        kubelet.notice()
        await found.until("a", "out of memory")
        kubelet.write(stamped(60, "begins"))
        await found.until("a", "out of memory", "begins")
        assert found.said == []


async def test_two_restarts_while_it_was_away_lose_the_run_between(kubelet: Kubelet):
    kubelet.write(stamped(0, "a"))
    async with followed(kubelet) as found:
        await found.until("a")
        kubelet.leave()
        kubelet.write(stamped(1, "lost"))
        kubelet.restart()
        kubelet.write(stamped(30, "second"))
        kubelet.restart()
        kubelet.write(stamped(60, "third"))
        kubelet.away = False
        await found.until("a", "second", "third")
        await found.until_said("or it was restarted more than once, while it could not be read")


async def test_what_the_kubelet_itself_says_is_no_line_of_the_container(kubelet: Kubelet):
    kubelet.write(stamped(0, "a"), "unable to retrieve container logs for containerd://4d4f")
    async with followed(kubelet) as found:
        await found.until_said("the kubelet says: unable to retrieve container logs for contain")
        assert found.texts == ["a"]


async def test_times_are_corrected_where_clocks_differ(kubelet: Kubelet):
    kubelet.ahead = 3600.0
    kubelet.write(stamped(0, "before"), stamped(3600, "since"))
    query = QUERY._replace(follow=False, since=float(START))
    records = [one async for one in read_logs(kubelet, query, WallClock(), Random(1))]
    assert [(line.at, line.text) for one in records for line in one.lines] == [(START, "since")]


async def test_a_kubelet_that_cannot_be_reached_is_said_to_be_after_some_tries(kubelet: Kubelet):
    kubelet.failing = DIAL
    async with followed(kubelet) as found:
        await found.until_said(
            "the API server does not reach the kubelet of its node: tcp 10.0.0.7:10250: connect: no"
        )
        assert found.records[-1].failed
        kubelet.failing = ""
        kubelet.write(stamped(0, "a"))
        await found.until("a")
        assert found.said[-1] == ""
