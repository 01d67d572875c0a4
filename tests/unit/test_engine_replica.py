"""The simulated replica: its counters agree, its queue behaves, its randomness is its seed."""

from __future__ import annotations

import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtop_tui.domain import vocabulary as neutral
from mtop_tui.engine import vllm
from mtop_tui.engine.hardware import gpu_named
from mtop_tui.engine.lifecycle import CRASH_LOOP, SERVING, Stage
from mtop_tui.engine.models import model_named
from mtop_tui.engine.pods import SimulatedReplica
from mtop_tui.engine.replica import PATIENCE, Profile, ReplicaQueue, profile
from mtop_tui.engine.service_time import Load, service_time
from mtop_tui.observations import ObjectRef, Role, ServiceKey

LENGTHS = Load(0, 600, 250, 0.3)


def shape(model: str = "llama-3-8b", gpu: str = "H100", role: Role = "main") -> Profile:
    found = gpu_named(gpu)
    assert found is not None
    return profile(service_time(model_named(model), found, 1), LENGTHS, role)


def run(of: Profile, rate: float, seconds: float, step: float = 2.0, seed: int = 1) -> ReplicaQueue:
    queue = ReplicaQueue(of, Random(seed), 0.0)
    while queue.at < seconds:
        queue.advance(queue.at + step, rate)
    return queue


def neutral_values(queue: ReplicaQueue) -> dict[str, float]:
    """Counters by name, and of each histogram `<name>_sum` and `<name>_count`."""
    values = vllm.TRANSLATION.cumulative(queue.page.values())
    found = dict(zip(vllm.LAYOUT.counters, values, strict=False))
    place = len(vllm.LAYOUT.counters)
    for histogram in vllm.LAYOUT.histograms:
        found[f"{histogram.name}_sum"] = values[place]
        found[f"{histogram.name}_count"] = values[place + histogram.width - 1]
        place += histogram.width
    return found


@settings(max_examples=60, deadline=None)
@given(
    rate=st.floats(0, 60),
    steps=st.lists(st.floats(0.1, 40), min_size=1, max_size=25),
    seed=st.integers(0, 1_000),
)
def test_the_counters_agree_with_each_other(rate: float, steps: list[float], seed: int) -> None:
    queue = ReplicaQueue(shape(gpu="L4"), Random(seed), 0.0)
    before: tuple[float, ...] | None = None
    for step in steps:
        queue.advance(queue.at + step, rate)
        values = vllm.TRANSLATION.cumulative(queue.page.values())
        assert before is None or all(b >= a for a, b in zip(before, values, strict=True))
        before = values
    found = neutral_values(queue)
    ended = found["e2e_count"]
    assert found["ttft_count"] == ended + queue.running
    assert found["ttft_count"] >= found[neutral.FINISHED_REQUESTS]
    assert found["queue_time_count"] == found["prefill_time_count"] == found["ttft_count"]
    assert found["decode_time_count"] == ended
    assert found[neutral.GENERATION_TOKENS] == found["ttft_count"] + found["itl_count"]
    assert found[neutral.PREFIX_HITS] <= found[neutral.PREFIX_QUERIES]
    assert 0 <= queue.page.kv_usage <= 1


def test_the_average_request_is_what_was_asked_for() -> None:
    queue = run(shape(), 4.0, 4_000)
    found = neutral_values(queue)
    requests = found["ttft_count"]
    assert requests / 4_000 == pytest.approx(4.0, rel=0.05)
    assert found[neutral.PROMPT_TOKENS] / requests == pytest.approx(600, rel=0.05)
    assert found[neutral.GENERATION_TOKENS] / requests == pytest.approx(250, rel=0.05)
    assert found[neutral.PREFIX_HITS] / found[neutral.PREFIX_QUERIES] == pytest.approx(0.3, rel=0.1)


def test_latencies_are_those_of_the_model() -> None:
    queue = run(shape(), 4.0, 4_000)
    found = neutral_values(queue)
    steady = shape().service.steady(Load(4.0, 600, 250, 0.3))
    assert found["itl_sum"] / found["itl_count"] == pytest.approx(steady.tpot, rel=0.15)
    assert found["ttft_sum"] / found["ttft_count"] == pytest.approx(steady.ttft, rel=0.5)


def test_below_capacity_nobody_waits_long_and_beyond_it_the_queue_grows() -> None:
    of = shape()
    assert run(of, 0.5 * of.capacity, 60).waiting == 0
    early, late = run(of, 2 * of.capacity, 20), run(of, 2 * of.capacity, 60)
    assert late.waiting > 1.5 * early.waiting > 0
    assert late.page.waiting >= late.waiting


def test_clients_give_up_so_the_queue_is_bounded() -> None:
    of = shape()
    queue = run(of, 3 * of.capacity, 1_200)
    assert queue.waiting <= of.capacity * PATIENCE + 1
    assert neutral_values(queue)[neutral.ABORTED_REQUESTS] > of.capacity * 100


def test_a_full_cache_preempts() -> None:
    tight = shape(gpu="L4")
    assert tight.batch < 256
    assert neutral_values(run(tight, 3 * tight.capacity, 300))[neutral.PREEMPTIONS] > 0
    assert neutral_values(run(tight, 0.3 * tight.capacity, 300))[neutral.PREEMPTIONS] == 0


def test_counters_restart_at_zero_with_the_process() -> None:
    life = iter(
        [
            Stage(0.0, "ready", SERVING),
            Stage(100.0, "failed", CRASH_LOOP, restarts=0),
            Stage(110.0, "ready", SERVING, restarts=1),
        ]
    )
    replica = SimulatedReplica(
        ObjectRef("c", "ns", "Pod", "p", "u"),
        ServiceKey("c", "ns", "s"),
        "main",
        revision="r",
        image="i",
        nodes=("n",),
        gpus=1,
        gpu_type="H100",
        profile=shape(),
        stages=life,
        random=Random(1),
    )
    before = replica.sample(100.0, 4.0)
    replica.settle(110.0)
    after = replica.sample(112.0, 4.0)
    assert before is not None
    assert after is not None
    assert replica.record(112.0).restarts == 1
    assert sum(after.cumulative) < 0.1 * sum(before.cumulative)


def test_nobody_calling_leaves_everything_at_zero() -> None:
    queue = run(shape(), 0.0, 60)
    assert set(queue.page.values()) == {0.0}


def test_years_may_pass_in_one_step() -> None:
    queue = ReplicaQueue(shape(), Random(1), 0.0)
    queue.advance(3e7, 4.0)
    assert neutral_values(queue)["ttft_count"] == pytest.approx(1.2e8, rel=0.01)


def test_halves_of_a_disaggregated_service_carry_their_own_families() -> None:
    prefill = neutral_values(run(shape(role="prefill"), 2.0, 60))
    decode = neutral_values(run(shape(role="decode"), 2.0, 60))
    assert prefill["ttft_count"] > 0
    assert prefill["itl_count"] == prefill["e2e_count"] == 0
    assert decode["itl_count"] > decode["e2e_count"] > 0
    assert decode["ttft_count"] == decode[neutral.PROMPT_TOKENS] == 0


def test_the_seed_decides() -> None:
    pages = [run(shape(), 3.0, 60, seed=seed).page.values() for seed in (1, 1, 2)]
    assert pages[0] == pages[1] != pages[2]


def test_the_layout_has_every_neutral_name() -> None:
    assert vllm.LAYOUT.counters == neutral.COUNTERS
    assert vllm.LAYOUT.gauges == neutral.GAUGES
    assert tuple(one.name for one in vllm.LAYOUT.histograms) == neutral.HISTOGRAMS


def test_a_sample_is_cheap() -> None:
    best = 1.0
    for _ in range(3):
        begin = time.process_time()
        run(shape(), 3.0, 1_000).page.values()
        best = min(best, (time.process_time() - begin) / 500)
    assert best < 300e-6, "30 us is usual; the bound allows for a busy machine"
