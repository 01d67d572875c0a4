"""Logs of containers, by what is asked of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import START, Served

from mtop_tui.engine.levers import Selector
from mtop_tui.serve.cells import at_path, human_duration
from mtop_tui.serve.timescale import Timescale

PODS = "/api/v1/namespaces/team-01/pods"


async def read(fleet: Served, path: str) -> tuple[int, str]:
    async with fleet.request("GET", path) as answer:
        return answer.status, await answer.text()


@pytest.fixture
async def log(fleet: Served) -> str:
    """The path of the log of an engine that has served for a minute."""
    query = "labelSelector=app.kubernetes.io/name%3Dllm-00001,llm-d.ai/role%3Ddecode"
    name = (await fleet.names(f"{PODS}?{query}"))[0]
    await fleet.advance(60)
    return f"{PODS}/{name}/log"


def moments(text: str) -> list[float]:
    return [datetime.fromisoformat(line.split(" ", 1)[0]).timestamp() for line in text.splitlines()]


async def test_the_last_lines(fleet: Served, log: str):
    _, whole = await read(fleet, log)
    code, tail = await read(fleet, f"{log}?tailLines=4")
    assert code == 200
    assert tail.splitlines() == whole.splitlines()[-4:]
    assert await read(fleet, f"{log}?tailLines=0") == (200, "")
    _, start = await read(fleet, f"{log}?limitBytes=100")
    assert start == whole[:100]


async def test_lines_since(fleet: Served, log: str):
    now = START + 60
    _, text = await read(fleet, f"{log}?timestamps=true")
    assert min(moments(text)) < now - 20
    assert max(moments(text)) <= now
    _, recent = await read(fleet, f"{log}?timestamps=true&sinceSeconds=20")
    assert moments(recent) == [one for one in moments(text) if one >= now - 20]
    since = datetime.fromtimestamp(now - 10, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    _, latest = await read(fleet, f"{log}?timestamps=true&sinceTime={since}")
    assert moments(latest) == [one for one in moments(text) if one >= now - 10]


@pytest.mark.parametrize(
    ("query", "code", "says"),
    [
        ("tailLines=-1", 422, "must be greater than or equal to 0"),
        ("tailLines=x", 400, "invalid syntax"),
        ("sinceSeconds=0", 422, "must be greater than or equal to 1"),
        ("sinceTime=yesterday", 400, "cannot parse"),
        ("sinceTime=2026-01-01T00:00:00Z&sinceSeconds=5", 400, "at most one of"),
        ("container=llm-d-routing-sidecar", 400, "is not valid for pod"),
        ("previous=true", 400, "previous terminated container"),
    ],
)
async def test_what_cannot_be_asked(fleet: Served, log: str, query: str, code: int, says: str):
    status, text = await read(fleet, f"{log}?{query}")
    assert status == code
    assert says in json.loads(text)["message"]


async def test_a_container_that_has_not_started_has_no_log(fleet: Served):
    await fleet.patch(
        "/apis/serving.kserve.io/v1alpha2/namespaces/team-02/llminferenceservices/llm-00002",
        {"spec": {"replicas": 4}},
    )
    pods = "/api/v1/namespaces/team-02/pods"
    found = await fleet.get(pods)
    new = [one for one in found["items"] if one["status"]["phase"] == "Pending"]
    name = new[0]["metadata"]["name"]
    status, text = await read(fleet, f"{pods}/{name}/log")
    assert status == 400
    assert "is waiting to start: " in json.loads(text)["message"]
    await fleet.advance(130)
    # Its weights are being fetched by now, which has a log of its own.
    status, text = await read(fleet, f"{pods}/{name}/log?container=storage-initializer")
    assert (status, bool(text)) == (200, True)


async def test_the_log_before_a_crash_is_previous(fleet: Served, log: str):
    name = log.split("/")[-2]
    _, before = await read(fleet, f"{log}?tailLines=1")
    fleet.simulation.levers.crash_pods(Selector(pods=(name,)), "Error", 1, "it broke")
    fleet.simulation.act()
    await fleet.advance(20)
    status, previous = await read(fleet, f"{log}?previous=true")
    assert status == 200
    assert before.strip() in previous
    _, current = await read(fleet, log)
    assert before.strip() not in current


@given(st.floats(0, 1e6), st.floats(0.01, 1000))
def test_times_lead_there_and_back(passed: float, speed: float):
    scale = Timescale(START, 2_000_000_000.0, speed)
    assert scale.wall(START - passed) == pytest.approx(2_000_000_000.0 - passed)
    moment = START + passed
    assert scale.simulated(scale.wall(moment)) == pytest.approx(moment, abs=1e-2)
    assert scale.wall(moment) >= scale.wall(START)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "<invalid>"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (125, "2m5s"),
        (3_599, "59m"),
        (10_800, "3h"),
        (11_000, "3h3m"),
        (47 * 3_600, "47h"),
        (2 * 86_400 + 7_200, "2d2h"),
        (8 * 86_400, "8d"),
        (729 * 86_400, "729d"),
        (3 * 31_536_000 + 86_400, "3y1d"),
        (9 * 31_536_000, "9y"),
    ],
)
def test_ages_are_as_kubectl_shows_them(seconds: float, shown: str):
    assert human_duration(seconds) == shown


def test_paths_of_columns():
    body = {"a": [{"type": "x", "v": 1}, {"type": "y", "v": 2}], "b": {"c": None}}
    assert at_path(body, ".a[?(@.type=='y')].v") == 2
    assert at_path(body, ".a[*].v") == "1,2"
    assert at_path(body, ".a[0].type") == "x"
    assert at_path(body, ".b.c") is None
    assert at_path(body, ".a[7].v") is None
