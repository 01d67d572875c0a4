"""Whatever happens to a connection, live mode is soon as the API server is, and never blank."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest
from serving import Served
from watching import Watched, Watching, equals_a_fresh_list, watching

from mtop_tui.observations import Removed
from mtop_tui.serve.faults import read_fault
from mtop_tui.serve.kubeconfig import write_tokens

ONE = "/apis/serving.kserve.io/v1alpha2/namespaces/team-01/llminferenceservices/llm-00001"
SERVICES = "llminferenceservices"


async def switch(cluster: Served, text: str) -> None:
    await cluster.server.switch_on(read_fault(text))


async def note(cluster: Served, text: str) -> None:
    """Change a service."""
    status, _ = await cluster.patch(ONE, {"metadata": {"annotations": {"mtop.dev/note": text}}})
    assert status == 200


def noted(live: Watching, text: str) -> bool:
    """Whether that change is in the store."""
    return any(
        state.service is not None and state.service.annotations.get("mtop.dev/note") == text
        for state in live.store.services()
    )


def lists(live: Watching) -> dict[str, int]:
    return {name: reader.lists for name, reader in live.readers().items()}


async def test_all_is_there_and_as_the_server_has_it(watched: Watched):
    await equals_a_fresh_list(watched)
    assert len(watched.live.store.services()) > 1


async def test_a_change_is_seen(watched: Watched):
    await note(watched.cluster, "a")
    await watched.live.until(lambda: noted(watched.live, "a"))
    await equals_a_fresh_list(watched)


@pytest.mark.parametrize("fault", ["reset:times=10", "cut:times=2,verb=watch"])
async def test_a_broken_stream_goes_on_from_where_it_was(watched: Watched, fault: str):
    cluster, live = watched
    before = lists(live)
    await switch(cluster, fault)
    await note(cluster, "b")
    began = asyncio.get_running_loop().time()
    await live.until(lambda: noted(live, "b"))
    assert asyncio.get_running_loop().time() - began < 2.0
    cluster.server.switch_off(fault.partition(":")[0])
    await live.until(lambda: all(one.state == "live" for one in live.readers().values()))
    await equals_a_fresh_list(watched)
    assert lists(live) == before


async def test_events_that_come_twice_change_nothing(watched: Watched):
    cluster, live = watched
    await switch(cluster, "duplicate")
    await switch(cluster, "reset:times=1,verb=watch")
    await note(cluster, "twice")
    await live.until(lambda: noted(live, "twice"))
    await equals_a_fresh_list(watched)


@pytest.mark.parametrize("form", ["stream", "http"])
async def test_what_is_too_old_is_read_again_and_stays_on_the_screen(watched: Watched, form: str):
    cluster, live = watched
    before = lists(live)[SERVICES]
    known = len(live.store.services())
    await switch(cluster, f"gone:form={form},for=1")
    await switch(cluster, "reset:times=1")
    await note(cluster, "new")
    await live.until(lambda: noted(live, "new"))
    await live.until(lambda: lists(live)[SERVICES] > before)
    await equals_a_fresh_list(watched)
    assert len(live.store.services()) == known
    assert not any(type(one) is Removed for one in live.records)


@pytest.mark.parametrize(
    ("fault", "least"),
    [("too-many-text:retry_after=1", 1.0), ("too-many:retry_after=2", 2.0)],
)
async def test_no_more_requests_than_the_server_allows(watched: Watched, fault: str, least: float):
    cluster, live = watched
    reader = live.readers()["pods"]
    asked: list[float] = []
    client = reader._client
    send = client._send

    async def counted(method: str, path: str, *more: object) -> object:
        if path.endswith("/pods"):
            asked.append(asyncio.get_running_loop().time())
        return await send(method, path, *more)

    client._send = counted
    await switch(cluster, f"{fault},resource=pods")
    await switch(cluster, "reset:times=1,resource=pods")
    await live.until(lambda: len(asked) >= 3)
    waits = [later - sooner for sooner, later in pairwise(asked)]
    assert min(waits) >= least - 0.01
    assert reader.errors >= 2
    cluster.server.switch_off(fault.partition(":")[0])
    await live.until(lambda: reader.state == "live")
    await equals_a_fresh_list(watched)


async def test_a_watch_that_stays_refused_is_replaced_by_lists(watched: Watched, monkeypatch):
    from mtop_tui.providers.live import reflector

    monkeypatch.setattr(reflector, "POLL_AFTER", 0.2)
    monkeypatch.setattr(reflector, "POLL_EVERY", 0.5)
    cluster, live = watched
    await switch(cluster, "too-many:retry_after=0,verb=watch")
    await switch(cluster, f"reset:times=1,resource={SERVICES}")
    await live.until(lambda: live.readers()[SERVICES].state == "polling")
    await note(cluster, "polled")
    await live.until(lambda: noted(live, "polled"))
    await live.until(lambda: "polling" in live.health.detail)
    assert live.state == "live"


async def test_new_tokens_are_taken_up_by_all_readers_at_once(watched: Watched, kubeconfig: Path):
    cluster, live = watched
    cluster.api.access.rotate()
    write_tokens(kubeconfig, cluster.api.access.tokens)
    credentials = live.readers()["pods"]._client.credentials
    before = (await credentials.login()).number
    await switch(cluster, "reset:times=10")
    await note(cluster, "rotated")
    await live.until(lambda: noted(live, "rotated"))
    await equals_a_fresh_list(watched)
    assert (await credentials.login()).number == before + 1


async def test_an_expired_login_is_said_and_got_over(watched: Watched):
    cluster, live = watched
    await switch(cluster, "unauthorized")
    await switch(cluster, "reset:times=10")
    await live.until(lambda: live.state == "error")
    assert "log in again" in live.health.detail
    assert live.store.services()
    cluster.server.switch_off("unauthorized")
    await live.until(lambda: live.state == "live")
    await equals_a_fresh_list(watched)


async def test_a_page_of_a_load_balancer_is_not_taken_for_kubernetes(watched: Watched):
    cluster, live = watched
    await switch(cluster, "bad-gateway")
    await switch(cluster, f"reset:times={len(live.readers())}")
    await live.until(lambda: live.state == "stale")
    assert "an HTML page, not Kubernetes JSON" in live.health.detail
    cluster.server.switch_off("bad-gateway")
    await live.until(lambda: live.state == "live")
    await equals_a_fresh_list(watched)


async def test_silence_is_shown_and_got_over(watched: Watched):
    cluster, live = watched
    began = asyncio.get_running_loop().time()
    await switch(cluster, "silence")
    await live.until(lambda: live.state == "disconnected")
    assert asyncio.get_running_loop().time() - began < 10.0
    assert "does not answer" in live.health.detail
    cluster.server.switch_off("silence")
    await note(cluster, "after")
    began = asyncio.get_running_loop().time()
    await live.until(lambda: noted(live, "after"))
    assert asyncio.get_running_loop().time() - began < 5.0
    await equals_a_fresh_list(watched)


async def test_a_restart_is_survived(watched: Watched):
    cluster, live = watched
    known = len(live.store.services())
    await switch(cluster, "restart:down=0.5,starting=1,initializing=1")
    await live.until(lambda: live.state != "live")
    await live.until(
        lambda: cluster.api.verbs.phase == "ready" and cluster.server._site is not None
    )
    began = asyncio.get_running_loop().time()
    await live.until(lambda: live.state == "live")
    await live.until(lambda: all(one.state == "live" for one in live.readers().values()))
    assert asyncio.get_running_loop().time() - began < 5.0
    await equals_a_fresh_list(watched)
    assert len(live.store.services()) == known


async def test_objects_of_two_megabytes_are_read(cluster: Served, kubeconfig: Path, monkeypatch):
    await switch(cluster, "big-objects:mb=2,resource=llminferenceservices,times=4")
    async with watching(kubeconfig, monkeypatch) as live:
        await live.live()
        await note(cluster, "big")
        await live.until(lambda: noted(live, "big"))
        await equals_a_fresh_list(Watched(cluster, live))


async def test_answers_that_come_slowly_are_waited_for(
    cluster: Served, kubeconfig: Path, monkeypatch
):
    await switch(cluster, "slow:bytes_per_s=200000,for=3")
    async with watching(kubeconfig, monkeypatch) as live:
        await live.live()
        await equals_a_fresh_list(Watched(cluster, live))
