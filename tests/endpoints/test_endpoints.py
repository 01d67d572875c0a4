"""Model servers without a cluster: real pages over real HTTP, as services and replicas."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from model_server import REAL, Busy, ModelServer, page, running, vllm_page

from mtop_tui.clock import WallClock
from mtop_tui.config.addresses import Address
from mtop_tui.providers.base import feed
from mtop_tui.providers.endpoints.discovery import Discovery, listened_on
from mtop_tui.providers.endpoints.provider import THIS_MACHINE, EndpointsProvider
from mtop_tui.providers.scraping.pace import LOCAL, PROXIED, Pace
from mtop_tui.state.fleet import FleetStore

QUICK = Pace(shortest=0.02, per_page=0.0, longest=0.1, at_once=4)


@asynccontextmanager
async def watched(
    *addresses: Address, discovery: Discovery | None = None
) -> AsyncIterator[tuple[FleetStore, Callable[[Callable[[FleetStore], bool]], object]]]:
    """A store that is fed from endpoints, and what waits until something holds of it."""
    import asyncio

    store = FleetStore()
    news = asyncio.Event()
    provider = EndpointsProvider(
        addresses,
        clock=WallClock(),
        discover=None if discovery is None else discovery.look,
        pace=QUICK,
    )

    def apply(batch: object) -> None:
        store.apply(batch)  # type: ignore[arg-type]
        news.set()

    async def until(holds: Callable[[FleetStore], bool]) -> None:
        async with asyncio.timeout(10):
            while not holds(store):
                news.clear()
                await news.wait()

    feeding = asyncio.create_task(feed(provider, apply))
    try:
        yield store, until
    finally:
        await provider.close()
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)


def has_rate(store: FleetStore) -> bool:
    return any(not math.isnan(one.metrics().request_rate) for one in store.services())


def states(store: FleetStore) -> list[str]:
    return [one.state for one in store.sources.values()]


async def test_endpoints_of_one_model_are_replicas_of_one_service():
    model = "meta-llama/Llama-3.1-8B"
    async with (
        running(Busy(model)) as one,
        running(Busy(model)) as two,
        watched(one.address, two.address) as (store, until),
    ):
        await until(lambda store: has_rate(store) and len(store.services()[0].replicas) == 2)
        (state,) = store.services()
        assert (state.key.name, state.service.model) == ("Llama-3.1-8B", model)
        assert {ref.name for ref in state.replicas} == {one.address.shown, two.address.shown}
        assert {replica.phase for replica in state.replicas.values()} == {"ready"}
        assert state.metrics().ttft_p95 == pytest.approx(0.1 + 0.95 * 0.15)
        assert state.metrics().tpot == pytest.approx(0.02)
        assert states(store) == ["live", "live"]


async def test_what_endpoints_do_not_tell_is_not_known_rather_than_zero():
    async with (
        running(ModelServer(page("llamacpp"))) as server,
        watched(server.address) as (store, until),
    ):
        await until(lambda store: any(one.interval > 0 for one in store.services()))
        (state,) = store.services()
        metrics, summary = state.metrics(), store.summary(state)
        assert math.isnan(metrics.request_rate)  # llama.cpp counts no requests
        assert math.isnan(metrics.ttft_p95)
        assert metrics.queue >= 0
        assert summary.cost.unpriced
        assert store.totals().objects.bill.unpriced
        (replica,) = state.replicas.values()
        assert (replica.gpus, replica.gpu_type) == (None, None)


async def test_a_model_the_page_does_not_name_is_asked_for():
    server = ModelServer(page("llamacpp"))
    server.models = ["/models/qwen2.5-7b-q4.gguf"]
    async with running(server), watched(server.address) as (store, until):
        await until(lambda store: bool(store.services()))
        (state,) = store.services()
        assert state.key.name == "qwen2.5-7b-q4.gguf"


async def test_a_server_that_names_no_model_goes_by_its_address():
    async with (
        running(ModelServer(page("tgi"))) as server,
        watched(server.address) as (store, until),
    ):
        await until(lambda store: bool(store.services()))
        assert store.services()[0].service.model == server.address.shown


async def test_models_of_one_short_name_stay_apart():
    async with (
        running(ModelServer(vllm_page("a/chat"))) as one,
        running(ModelServer(vllm_page("b/chat"))) as two,
        watched(one.address, two.address) as (store, until),
    ):
        await until(lambda store: len(store.services()) == 2)
        names = {state.service.model: state.key.name for state in store.services()}
        assert sorted(names) == ["a/chat", "b/chat"]
        assert len(set(names.values())) == 2


async def test_a_name_with_control_characters_is_shown_and_harmless():
    async with (
        running(ModelServer(vllm_page("evil\x1b]0;x\x07\u202emodel"))) as server,
        watched(server.address) as (store, until),
    ):
        await until(lambda store: bool(store.services()))
        (state,) = store.services()
        assert state.key.name == "evil-0-x-model"
        assert "\x1b" not in state.service.model
        assert "\u202e" not in state.service.model


async def test_a_server_that_ends_fails_and_comes_back_as_what_it_serves_then():
    server = ModelServer(vllm_page("org/one"))
    async with running(server) as first, watched(server.address) as (store, until):
        address = first.address
        await until(lambda store: bool(store.services()))
        port = int(address.shown.rpartition(":")[2])
        await server.stop()
        await until(lambda store: store.sources[address.shown].state == "disconnected")
        (state,) = store.services()
        (replica,) = state.replicas.values()
        assert (replica.phase, replica.reason) == ("failed", "refused")
        assert store.status(state, WallClock().now()).text == "refused"
        server.body = vllm_page("org/two")
        async with running(server, port=port):
            await until(lambda store: [one.key.name for one in store.services()] == ["two"])
            assert store.sources[address.shown].state == "live"


@pytest.mark.parametrize("name", ["vllm", "vllm_v0", "sglang", "nim", "trtllm", "triton", "tgi"])
async def test_pages_of_every_engine_become_services(name):
    async with (
        running(ModelServer(page(name))) as server,
        watched(server.address) as (store, until),
    ):
        await until(lambda store: bool(store.services()))
        (replica,) = store.services()[0].replicas.values()
        assert replica.phase == "ready"


@pytest.mark.skipif(not REAL.is_dir(), reason="real pages are not here")
@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("vllm-0.24-single-engine", "example-model-27B"),
        ("vllm-0.11-idle-tinyllama", "TinyLlama-1.1B-Chat-v1.0"),
        ("dynamo-sglang", "Qwen3-0.6B"),
        ("llamacpp-docker-model-runner", "llama3.2"),
    ],
)
async def test_real_pages_become_services_by_the_name_of_their_model(file, name):
    body = (REAL / f"{file}.prom").read_bytes()
    server = ModelServer(body if body.endswith(b"\n") else body + b"\n")
    async with running(server), watched(server.address) as (store, until):
        await until(lambda store: bool(store.services()))
        assert [state.key.name for state in store.services()] == [name]


async def test_discovery_finds_the_model_servers_and_asks_others_once():
    other = ModelServer("<html>")
    async with running(ModelServer(vllm_page("org/m"))) as server, running(other):
        places = [server.address.shown, other.address.shown]
        discovery = Discovery(lambda: places)
        async with watched(discovery=discovery) as (store, until):
            await until(lambda store: bool(store.services()))
            assert [state.key.name for state in store.services()] == ["m"]
            assert store.sources[THIS_MACHINE].state == "live"
            assert store.sources[THIS_MACHINE].detail == "asked 2 ports, 1 of a model server"
            await until(has_rate)
        assert len(other.asked) == 1


async def test_discovery_that_finds_nothing_says_so():
    async with watched(discovery=Discovery(list)) as (store, until):
        await until(lambda store: "disconnected" in states(store))
        assert "start one, or name it with --endpoint" in store.sources[THIS_MACHINE].detail


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("0: 00000000:1F40 00000000:0000 0A 0:0", ("localhost", 8000)),
        ("0: 0100007F:7530 00000000:0000 0A 0:0", ("localhost", 30000)),
        (f"0: {'0' * 24}01000000:1F40 {'0' * 32}:0000 0A 0:0", ("[::1]", 8000)),
        ("0: 0100007F:1F40 0100007F:A000 01 0:0", None),  # a connection
        ("0: 00000000:1538 00000000:0000 0A 0:0", None),  # PostgreSQL
        ("0: 00000000:0016 00000000:0000 0A 0:0", None),  # ssh
        ("0: 0A00000A:1F40 00000000:0000 0A 0:0", None),  # another interface
        ("", None),
    ],
)
def test_listening_ports_are_read_as_the_kernel_writes_them(line, found):
    assert listened_on(line) == found


@pytest.mark.parametrize("pace", [LOCAL, PROXIED])
@pytest.mark.parametrize("pages", [1, 10, 75, 256])
def test_readings_are_spread_and_slower_for_many_pages(pace, pages):
    interval = pace.interval(pages)
    assert pace.shortest <= interval <= pace.longest
    first = [pace.first(index, pages) for index in range(pages)]
    second = [pace.first(index, pages) + pace.second(index, pages) for index in range(pages)]
    assert len(set(first)) == pages
    assert max(first) <= 2.0
    assert max(second) - min(second) == pytest.approx(interval * (pages - 1) / pages)
    assert pace.retry(1, pages) >= interval
    assert pace.retry(50, pages) <= max(15.0, interval)
    assert pace.interval(pages, took=1.5) >= 7.5
