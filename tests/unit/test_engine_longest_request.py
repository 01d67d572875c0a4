"""The longest request an engine takes: what is refused, what is cut, what does not even start."""

from __future__ import annotations

import pytest
from test_engine_control import Watched, key, nodes, service

from mtop_tui.domain import vocabulary as neutral
from mtop_tui.domain.cost.prices import PriceBook
from mtop_tui.domain.diagnosis.ranking import diagnose
from mtop_tui.engine import vllm
from mtop_tui.engine.outputs.picker import LAYOUT
from mtop_tui.kserve.merge import combine
from mtop_tui.kserve.parse import parse_service
from mtop_tui.kserve.pools import pools_of
from mtop_tui.observations import MetricSample
from mtop_tui.state.facts import service_facts
from mtop_tui.state.fleet import FleetStore


@pytest.mark.parametrize(
    ("container", "tokens"),
    [
        ({"args": ["serve", "--max-model-len", "32768"]}, 32_768),
        ({"args": ["serve", "--max-model-len=32768"]}, 32_768),
        ({"args": ["--max_model_len=8k"]}, 8_000),
        ({"args": ["--max-model-len=8K", "--dtype=half"]}, 8_192),
        ({"args": ["--max-model-len=1.5M"]}, 1_572_864),
        ({"args": ["--max-model-len=1024", "--max-model-len=2048"]}, 2_048),
        ({"env": [{"name": "VLLM_ADDITIONAL_ARGS", "value": "--max-model-len 4096"}]}, 4_096),
        ({"args": ["--max-model-len=-1"]}, None),
        ({"args": ["--max-model-len=auto"]}, None),
        ({"args": ["--no-max-model-length=5"]}, None),
        ({}, None),
    ],
)
def test_it_is_read_from_the_arguments_as_vllm_reads_it(container, tokens) -> None:
    body = {
        "apiVersion": "serving.kserve.io/v1alpha2",
        "metadata": {"name": "chat"},
        "spec": {
            "model": {"uri": "hf://org/m"},
            "template": {"containers": [{"name": "main", **container}]},
        },
    }
    (pool,) = pools_of(parse_service(body), combine(body, lambda *_: None))
    assert pool.max_model_len == tokens


def test_prompts_beyond_are_refused_and_answers_end_there() -> None:
    bounded = Watched(service("a", rate=8.0, pool={"max_model_len": 500}))
    free = Watched(service("a", rate=8.0))
    for fleet in (bounded, free):
        fleet.run(120)
    a, b = (fleet.fleet.truth().services[key("a")] for fleet in (bounded, free))
    # The mean prompt is 400 tokens, so that many are longer than 500.
    assert 0.1 * a.arrived < a.too_long < 0.9 * a.arrived
    assert b.too_long == 0
    assert a.finished + a.running + a.waiting + a.too_long == pytest.approx(a.arrived, abs=20)
    # Prompt and answer of what was served stay below the bound together.
    page = bounded.fleet.world.services[key("a")].pools[0].serving[0].server.page
    tokens = page.counters[vllm.PROMPT_TOKENS] + page.counters[vllm.GENERATION_TOKENS]
    assert 0 < tokens < 500 * (a.finished + a.running + a.waiting)


def test_the_endpoint_picker_counts_what_the_engine_refused() -> None:
    fleet = Watched(service("a", rate=8.0, pool={"max_model_len": 500}))
    fleet.run(120)
    picked = [one for one in fleet.seen if isinstance(one, MetricSample)]
    last = [one for one in picked if one.subject == "picker"][-1]
    failed = dict(zip(LAYOUT.counters, last.cumulative, strict=False))[neutral.FAILED_REQUESTS]
    truth = fleet.fleet.truth().services[key("a")]
    assert 0 < failed <= truth.too_long + truth.failed


def test_a_length_that_the_kv_cache_does_not_hold_ends_the_start() -> None:
    pool = {"max_model_len": 1_000_000}
    fleet = Watched(service("b"), on=nodes(1, gpu_type="L4"))
    fleet.levers.add_service(service("a", pool=pool))
    fleet.run(400)
    store = FleetStore(PriceBook())
    store.apply(fleet.seen)
    (pod,) = [one for one in fleet.replicas().values() if one.service == key("a")]
    assert pod.phase != "ready"
    assert pod.last_exit is not None
    assert "max seq len (1000000)" in pod.last_exit.message
    state = store.service(key("a"))
    assert state is not None
    assert diagnose(service_facts(store, state, fleet.levers.now))[0].id == "kv-too-small"
