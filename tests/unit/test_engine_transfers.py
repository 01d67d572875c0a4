"""A disaggregated service: from prefill to decode, what it takes, what becomes of it when not."""

from __future__ import annotations

from typing import Any

import pytest
from test_engine_control import START, Watched, key, nodes

from mtop_tui.domain import vocabulary as names
from mtop_tui.domain.cost.prices import PriceBook
from mtop_tui.domain.diagnosis.ranking import diagnose
from mtop_tui.engine import vllm
from mtop_tui.engine.demand import Demand
from mtop_tui.engine.deployment import SimulatedService
from mtop_tui.engine.levers import Selector
from mtop_tui.engine.models import model_named
from mtop_tui.engine.serving.requests import Factors
from mtop_tui.engine.serving.transfers import LINK, SETUP, transfer_seconds
from mtop_tui.observations import MetricSample, ObjectRef, Pool, Service
from mtop_tui.state.facts import service_facts
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.latency import latency_parts

LLAMA_70B = "meta-llama/Llama-3.1-70B-Instruct"
PROMPT = 4_000


def disaggregated(rate: float = 2.0, **facts: Any) -> SimulatedService:
    pools = tuple(Pool(role=role, desired=2, gpus_per_replica=4) for role in ("decode", "prefill"))
    ref = ObjectRef("mock", "ns", "LLMInferenceService", "a")
    demand = Demand(requests_per_second=rate, prompt_tokens=PROMPT, output_tokens=100)
    return SimulatedService(
        Service(at=START, ref=ref, pools=pools, model=LLAMA_70B, **facts), demand
    )


def fleet(rate: float = 2.0) -> Watched:
    return Watched(disaggregated(rate), on=nodes(4, 4))


def ill(watched: Watched, factors: Factors) -> None:
    watched.levers.set_factors("ill", Selector(names=("a",)), factors)


def stored(watched: Watched) -> FleetStore:
    store = FleetStore(PriceBook())
    store.apply(watched.seen)
    return store


def ttft(watched: Watched) -> float:
    pages = [
        one.server.page
        for one in watched.fleet.world.services[key("a")].pool("prefill").serving
        if one.server is not None
    ]
    return sum(one.sums[vllm.TTFT] for one in pages) / sum(
        sum(one.buckets[vllm.TTFT]) for one in pages
    )


def test_the_time_is_that_of_the_bytes_over_the_link() -> None:
    model = model_named("", LLAMA_70B)
    # 80 layers, 8 KV heads of 128 values, keys and values, 16 bits: 8 us a token at 40 GB/s.
    assert model.kv_bytes_per_token == 2 * 80 * 8 * 128 * 2
    took = transfer_seconds(1_000, model.kv_bytes_per_token, 1.0)
    assert took - SETUP == pytest.approx(1_000 * 327_680 / LINK)
    assert took - SETUP == pytest.approx(8.2e-3, rel=0.01)
    assert transfer_seconds(1_000, model.kv_bytes_per_token, 0.1) == pytest.approx(
        SETUP + 10 * (took - SETUP)
    )


def test_decode_replicas_tell_of_transfers_under_vllms_names_and_prefill_ones_do_not() -> None:
    watched = fleet()
    watched.run(60)
    layouts = {
        one.ref.name: one.layout
        for one in watched.seen
        if isinstance(one, MetricSample) and one.subject == "replica"
    }
    for name, layout in layouts.items():
        tells = names.KV_TRANSFER_TIME in {one.name for one in layout.histograms}
        assert tells == ("prefill" not in name)
        assert (names.KV_TRANSFER_FAILURES in layout.counters) == tells


def test_a_request_is_decoded_once_its_prompt_is_read_and_has_come_over() -> None:
    watched = fleet()
    watched.run(180)
    run = watched.fleet.world.services[key("a")]
    fetched = sum(sum(one.transfers.buckets) for one in run.pool("decode").serving)
    read = sum(one.server.page.counters[1 + 3] for one in run.pool("prefill").serving)
    truth = watched.fleet.truth().services[key("a")]
    # A prefill replica answers one token per request, and each of those goes on.
    assert fetched == read
    assert truth.finished + truth.running == pytest.approx(fetched, abs=8)
    seconds = sum(one.transfers.seconds for one in run.pool("decode").serving) / fetched
    bytes_per_token = run.pool("prefill").model.kv_bytes_per_token
    usual = transfer_seconds(PROMPT, bytes_per_token, 1.0)
    assert seconds == pytest.approx(usual, rel=0.25)


def test_a_narrow_link_is_felt_before_the_first_token() -> None:
    usual, narrow = fleet(), fleet()
    ill(narrow, Factors(link=0.01))
    for watched in (usual, narrow):
        watched.run(120)
    bytes_per_token = model_named("", LLAMA_70B).kv_bytes_per_token
    more = transfer_seconds(PROMPT, bytes_per_token, 0.01) - transfer_seconds(
        PROMPT, bytes_per_token, 1.0
    )
    assert ttft(narrow) - ttft(usual) == pytest.approx(more, rel=0.3)
    state = stored(narrow).service(key("a"))
    assert state is not None
    parts = latency_parts(state, narrow.levers.now)
    assert parts is not None
    assert dict(parts.parts)["KV transfer"] == pytest.approx(more, rel=0.3)


def test_a_link_that_gets_narrow_is_diagnosed() -> None:
    watched = fleet()
    watched.run(900)
    ill(watched, Factors(link=0.02))
    watched.run(180)
    store = stored(watched)
    state = store.service(key("a"))
    assert state is not None
    found = diagnose(service_facts(store, state, watched.levers.now))
    assert found[0].id == "kv-transfer"
    assert "KV transfer slow" in found[0].short


def test_transfers_that_fail_are_counted_and_diagnosed_and_their_requests_fail() -> None:
    watched = fleet()
    watched.run(120)
    before = watched.fleet.truth().services[key("a")].failed
    ill(watched, Factors(transfer_errors=0.5))
    watched.run(120)
    failed = watched.fleet.truth().services[key("a")].failed - before
    assert failed == pytest.approx(120, rel=0.3)
    store = stored(watched)
    state = store.service(key("a"))
    assert state is not None
    found = diagnose(service_facts(store, state, watched.levers.now))
    assert found[0].id == "kv-transfer"
    assert "fail" in found[0].sentence


def test_when_nobody_decodes_requests_are_refused() -> None:
    watched = fleet()
    watched.levers.scale(key("a"), "decode", 0)
    watched.run(60)
    before = watched.fleet.truth().services[key("a")]
    watched.run(60)
    after = watched.fleet.truth().services[key("a")]
    assert after.refused - before.refused > 60
