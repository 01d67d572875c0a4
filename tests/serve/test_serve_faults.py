"""Every switch does to a client what its name says."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import aiohttp
import pytest
from exchanges import comparable
from serving import Served
from test_serve_recorded import RECORDED

from mtop_tui.serve.faults import KINDS, FaultError, read_fault

SERVICES = "/apis/serving.kserve.io/v1alpha2/llminferenceservices"
ONE = "/apis/serving.kserve.io/v1alpha2/namespaces/team-01/llminferenceservices/llm-00001"


async def switch(fleet: Served, text: str) -> None:
    await fleet.server.switch_on(read_fault(text))


async def status(fleet: Served, path: str = SERVICES, **more: object) -> tuple[int, str, str]:
    """HTTP status, content type and body."""
    async with fleet.request("GET", path, **more) as answer:
        return answer.status, answer.headers["Content-Type"], await answer.text()


async def note(fleet: Served, text: str) -> None:
    """Change a service, so that watches have something to tell."""
    assert (await fleet.patch(ONE, {"metadata": {"annotations": {"note": text}}}))[0] == 200


@pytest.mark.parametrize(
    ("fault", "code", "kind", "says"),
    [
        ("too-many-text:retry_after=2", 429, "text/plain; charset=utf-8", "Too many requests"),
        ("too-many:retry_after=2", 429, "application/json", "storage is (re)initializing"),
        ("unavailable:retry_after=2", 503, "application/json", "before all known HTTP paths"),
        ("bad-gateway", 502, "text/html", "<h1>502 Bad Gateway</h1>"),
        ("unauthorized", 401, "application/json", "Unauthorized"),
        ("forbidden", 403, "application/json", 'User \\"mtop-admin\\" cannot list resource'),
    ],
)
async def test_refusals(fleet: Served, fault: str, code: int, kind: str, says: str):
    await switch(fleet, fault)
    async with fleet.request("GET", SERVICES) as answer:
        body = await answer.text()
        assert (answer.status, answer.headers["Content-Type"]) == (code, kind)
        assert says in body
        if "retry_after" in fault:
            assert answer.headers["Retry-After"] == "2"
    fleet.server.switch_off(fault.partition(":")[0])
    assert (await status(fleet))[0] == 200


async def test_a_switch_can_be_restricted(fleet: Served):
    await switch(fleet, "unavailable:resource=pods,times=2")
    assert (await status(fleet))[0] == 200
    assert [(await status(fleet, "/api/v1/pods"))[0] for _ in range(3)] == [503, 503, 200]
    await switch(fleet, "unavailable:share=0.5")
    codes = [(await status(fleet, "/api/v1/pods?limit=1"))[0] for _ in range(40)]
    assert 8 < codes.count(503) < 32
    await switch(fleet, "forbidden:user=mtop-viewer")
    fleet.server.switch_off("unavailable")
    assert (await status(fleet))[0] == 200
    assert (await status(fleet, user="mtop-viewer"))[0] == 403


async def test_forbidden_comes_and_goes(fleet: Served):
    await switch(fleet, "forbidden:every=0.6")
    seen = []
    until = time.monotonic() + 2.4
    while time.monotonic() < until:
        seen.append((await status(fleet, f"{SERVICES}?limit=1"))[0])
        await asyncio.sleep(0.02)
    changes = [now for before, now in pairwise(seen) if before != now]
    assert changes[:3] == [200, 403, 200]


async def test_reset_ends_requests_and_streams(fleet: Served):
    async with fleet.watch(f"{SERVICES}?watch=1&resourceVersion=0") as events:
        await anext(events)
        await switch(fleet, "reset")
        with pytest.raises((aiohttp.ClientError, ConnectionError)):
            async for _ in events:
                pass
    with pytest.raises((aiohttp.ClientError, ConnectionError)):
        await status(fleet)


async def test_silence_leaves_connections_open(fleet: Served):
    version = (await fleet.get(f"{SERVICES}?limit=1"))["metadata"]["resourceVersion"]
    path = f"{SERVICES}?watch=1&resourceVersion={version}"
    async with fleet.watch(path) as events:
        await note(fleet, "heard")
        assert (await anext(events))["type"] == "MODIFIED"
        await switch(fleet, "silence:resource=llminferenceservices")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(status(fleet), 0.3)
        fleet.server.switch_off("silence")
        await note(fleet, "not heard")
        # A dead connection does not come back with the network.
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(events), 0.3)
    assert (await status(fleet))[0] == 200


async def test_slow_answers_are_whole(fleet: Served):
    await switch(fleet, "slow:bytes_per_s=400")
    begun = time.monotonic()
    body = await fleet.get("/version")
    assert body["minor"] == "36"
    assert time.monotonic() - begun > 0.5


async def test_cut_ends_in_the_middle_of_a_line(fleet: Served):
    version = (await fleet.get(f"{SERVICES}?limit=1"))["metadata"]["resourceVersion"]
    path = f"{SERVICES}?watch=1&resourceVersion={version}"
    async with fleet.request("GET", path) as answer:
        await switch(fleet, "cut")
        fleet.simulation.projection.show(next(iter(fleet.simulation.projection.services.values())))
        data = await answer.read()
    assert data.startswith(b'{"type":"MODIFIED"')
    assert b"\n" not in data
    with pytest.raises(aiohttp.ClientPayloadError):
        await status(fleet)


async def test_gone_in_both_forms(fleet: Served):
    page = await fleet.get(f"{SERVICES}?limit=1")
    version, token = page["metadata"]["resourceVersion"], page["metadata"]["continue"]
    path = f"{SERVICES}?watch=1&resourceVersion={version}"
    async with fleet.watch(path) as events:
        await note(fleet, "so that the version is not the present one")
        await anext(events)
        await note(fleet, "again")
        await anext(events)
        await fleet.advance(1)
        await switch(fleet, "gone")
        assert (await anext(events))["object"]["code"] == 410
    async with fleet.watch(path) as events:
        found = [one async for one in events]
    assert [(one["type"], one["object"]["reason"]) for one in found] == [("ERROR", "Expired")]
    code, body = await fleet.send("GET", f"{SERVICES}?limit=1&continue={token}")
    assert (code, body["reason"]) == (410, "Expired")
    again = body["metadata"]["continue"]
    rest = await fleet.get(f"{SERVICES}?continue={again}")
    assert len(rest["items"]) == 5
    await switch(fleet, "gone:form=http")
    assert (await status(fleet, path))[0] == 410


async def test_duplicate_events(fleet: Served):
    version = (await fleet.get(f"{SERVICES}?limit=1"))["metadata"]["resourceVersion"]
    await switch(fleet, "duplicate")
    await note(fleet, "twice")
    path = f"{SERVICES}?watch=1&resourceVersion={version}&timeoutSeconds=1"
    async with fleet.watch(path) as events:
        found = [one async for one in events]
    assert [one["type"] for one in found] == ["MODIFIED", "MODIFIED"]
    assert found[0] == found[1]


async def test_big_objects(fleet: Served):
    await switch(fleet, "big-objects:resource=llminferenceservices")
    body = await fleet.get(ONE)
    assert len(body["metadata"]["annotations"]["mtop.dev/padding"]) == 2 * 2**20
    path = f"{SERVICES}?watch=1&resourceVersion=0&timeoutSeconds=1"
    async with fleet.watch(path) as events:
        first = await anext(events)
    assert len(first["object"]["metadata"]["annotations"]["mtop.dev/padding"]) == 2 * 2**20


async def test_tokens_rotate(fleet: Served):
    before = dict(fleet.api.access.tokens)
    await switch(fleet, "rotate-tokens:every=0.2")
    await asyncio.sleep(0.3)
    fleet.server.switch_off("rotate-tokens")
    assert (await status(fleet, token=before["mtop-admin"]))[0] == 401
    assert (await status(fleet))[0] == 200


async def test_an_absent_group_is_not_in_discovery(fleet: Served):
    await switch(fleet, "absent:group=leaderworkerset.x-k8s.io")
    groups = [one["name"] for one in (await fleet.get("/apis"))["groups"]]
    assert "leaderworkerset.x-k8s.io" not in groups
    assert (await status(fleet, "/apis/leaderworkerset.x-k8s.io/v1/leaderworkersets"))[0] == 404
    fleet.server.switch_off("absent")
    assert (await status(fleet, "/apis/leaderworkerset.x-k8s.io/v1/leaderworkersets"))[0] == 200


async def test_restart_goes_through_all_stages(fleet: Served):
    version = (await fleet.get(f"{SERVICES}?limit=1"))["metadata"]["resourceVersion"]
    await fleet.advance(2)
    watch = f"{SERVICES}?watch=1&resourceVersion={version}&timeoutSeconds=1"
    await switch(fleet, "restart:down=0.6,starting=0.8,initializing=0.8")
    seen: list[object] = []
    until = time.monotonic() + 10
    while time.monotonic() < until and "live" not in seen:
        try:
            async with fleet.request("GET", watch) as answer:
                if answer.status == 200:
                    line = (await answer.read()).decode()
                    seen.append("410" if '"code":410' in line else "live")
                    break
                seen.append(comparable(await answer.json()))
                assert answer.headers["Retry-After"]
        except aiohttp.ClientError:
            seen.append("refused")
        await asyncio.sleep(0.05)
    stages = [one if isinstance(one, str) else one["code"] for one in seen]
    assert list(dict.fromkeys(stages)) in (
        ["refused", 503, 429, "410"],
        ["410", "refused", 503, 429],
    )
    told = {one["code"]: one for one in seen if isinstance(one, dict)}
    for code, name in ((503, "watch-after-restart-notready"), (429, "watch-after-restart-reinit")):
        error = {key: told[code].get(key) for key in ("reason", "code", "message", "details")}
        assert error == RECORDED[name]["error"]
        assert RECORDED[name]["status"] == code


async def test_paginated_lists_work_while_caches_fill(fleet: Served):
    await switch(fleet, "restart:down=0,starting=0,initializing=2")
    await asyncio.sleep(0.4)
    assert (await status(fleet))[0] == 429
    assert (await status(fleet, f"{SERVICES}?limit=10"))[0] == 200
    assert (await status(fleet, "/api/v1/pods"))[0] == 200


async def test_switches_are_set_over_http_by_the_administrator_only(fleet: Served):
    code, body = await fleet.send("PUT", "/mtop/faults/unavailable", {"resource": "pods"})
    assert (code, [one["name"] for one in body["on"]]) == (200, ["unavailable"])
    assert set(body["known"]) == set(KINDS)
    assert (await status(fleet, "/api/v1/pods"))[0] == 503
    assert (await fleet.send("PUT", "/mtop/faults/nope", {}))[0] == 400
    assert (await fleet.send("PUT", "/mtop/faults/cut", {"share": 3}))[0] == 400
    assert (await status(fleet, "/mtop/faults", user="mtop-viewer"))[0] == 403
    code, body = await fleet.send("DELETE", "/mtop/faults/unavailable")
    assert (code, body["on"]) == (200, [])
    assert (await status(fleet, "/api/v1/pods"))[0] == 200


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nope", "no such fault"),
        ("cut:size=3", "no parameter size"),
        ("slow:bytes_per_s=fast", "expected a number"),
        ("slow:bytes_per_s", "expected PARAMETER=VALUE"),
        ("reset:share=0", "share expected above 0"),
        ("gone:form=loud", "form expected stream or http"),
    ],
)
def test_what_cannot_be_switched_is_told(text: str, says: str):
    with pytest.raises(FaultError, match=says):
        read_fault(text)
