"""The simulated replica, request by request: its counters agree, its queue and cache behave."""

from __future__ import annotations

from itertools import pairwise
from math import inf
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtop_tui.domain import vocabulary as neutral
from mtop_tui.engine import vllm
from mtop_tui.engine.hardware import gpu_named
from mtop_tui.engine.models import model_named
from mtop_tui.engine.serving.profiles import ServingProfile, serving_profile
from mtop_tui.engine.serving.replica import PATIENCE, WARM_UP, ReplicaServer, Served
from mtop_tui.engine.serving.requests import Factors, Request, combine
from mtop_tui.engine.serving.scheduling import Engine
from mtop_tui.observations import Role


def profile(
    model: str = "llama-3-8b", gpu: str = "H100", role: Role = "main", engine: Engine = "vllm-v1"
) -> ServingProfile:
    found = gpu_named(gpu)
    assert found is not None
    return serving_profile(model_named(model), found, 1, role=role, engine=engine)


def poisson(rate: float, seconds: float, seed: int = 1, **more: int) -> list[Request]:
    random, at, found = Random(seed), 0.0, []
    while (at := at + random.expovariate(rate)) < seconds:
        lengths = (random.lognormvariate(-0.3, 0.8), random.lognormvariate(-0.25, 0.7))
        found.append(
            Request(at, 1 + int(600 * lengths[0]), 1 + int(220 * lengths[1]), **more)  # type: ignore[arg-type]
        )
    return found


def serve(
    of: ServingProfile,
    requests: list[Request],
    seconds: float,
    *,
    step: float = 1.0,
    factors: Factors | None = None,
    patience: float = PATIENCE,
) -> ReplicaServer:
    server = ReplicaServer(of, Random(2), 0.0, patience=patience)
    if factors is not None:
        server.factors = factors
    for one in requests:
        server.submit(one)
    while server.at < seconds:
        server.advance(min(server.at + step, seconds))
    return server


def figures(server: ReplicaServer) -> dict[str, float]:
    """Counters by name, and of each histogram `<name>_sum` and `<name>_count`."""
    values = vllm.TRANSLATION.cumulative(server.page.values())
    found = dict(zip(vllm.LAYOUT.counters, values, strict=False))
    place = len(vllm.LAYOUT.counters)
    for histogram in vllm.LAYOUT.histograms:
        found[f"{histogram.name}_sum"] = values[place]
        found[f"{histogram.name}_count"] = values[place + histogram.width - 1]
        place += histogram.width
    return found


def mean(server: ReplicaServer, histogram: str) -> float:
    found = figures(server)
    return found[f"{histogram}_sum"] / found[f"{histogram}_count"]


def slower_than(server: ReplicaServer, histogram: int, seconds: float) -> float:
    edges = vllm.HISTOGRAMS[histogram][1]
    buckets = server.page.buckets[histogram]
    return sum(count for edge, count in zip(edges, buckets[1:], strict=True) if edge >= seconds)


GPUS = st.sampled_from(["H100", "L4"])
ENGINES: st.SearchStrategy[Engine] = st.sampled_from(["vllm-v1", "vllm-v0", "trt-llm"])


@settings(max_examples=40, deadline=None)
@given(
    rate=st.floats(0.1, 30),
    steps=st.lists(st.floats(0.05, 20), min_size=1, max_size=15),
    seed=st.integers(0, 1_000),
    of=st.builds(profile, gpu=GPUS, engine=ENGINES),
    cached=st.sampled_from([0, 64, 512]),
)
def test_counters_agree_and_never_fall(
    rate: float, steps: list[float], seed: int, of: ServingProfile, cached: int
) -> None:
    server = ReplicaServer(of, Random(seed), 0.0)
    requests = poisson(rate, 60, seed, cached=cached, group=3)
    for one in requests:
        server.submit(one)
    before: tuple[float, ...] | None = None
    for step in steps:
        server.advance(server.at + step)
        values = vllm.TRANSLATION.cumulative(server.page.values())
        assert before is None or all(b >= a for a, b in zip(before, values, strict=True))
        before = values
    found = figures(server)
    assert found["queue_time_count"] == found["prefill_time_count"] == found["ttft_count"]
    assert found["decode_time_count"] == found["e2e_count"]
    assert found[neutral.GENERATION_TOKENS] == found["ttft_count"] + found["itl_count"]
    assert found[neutral.PREFIX_HITS] <= found[neutral.PREFIX_QUERIES]
    assert 0 <= server.page.kv_usage <= 1
    came = sum(one.at <= server.at for one in requests)
    left = server.page.running + server.page.waiting
    gone = found[neutral.ABORTED_REQUESTS] + found[neutral.FINISHED_REQUESTS]
    # What ended within the step that was going on at the end may be counted a step early.
    assert came <= left + gone + found["e2e_count"]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1_000), gpu=GPUS, engine=ENGINES, step=st.floats(0.003, 7.0))
def test_runs_in_closed_form_are_the_sum_of_single_steps(
    seed: int, gpu: str, engine: Engine, step: float
) -> None:
    requests = poisson(3.0, 10, seed)
    whole = serve(profile(gpu=gpu, engine=engine), requests, 20.0, step=20.0)
    sliced = serve(profile(gpu=gpu, engine=engine), requests, 20.0, step=step)
    assert whole.page.counters[vllm.PROMPT_TOKENS] == sliced.page.counters[vllm.PROMPT_TOKENS]
    assert whole.page.values() == pytest.approx(sliced.page.values(), rel=1e-3, abs=2.0)


def test_every_request_is_answered_once_and_its_times_are_in_order() -> None:
    served: list[Served] = []
    server = ReplicaServer(profile(gpu="L4"), Random(1), 0.0, patience=inf)
    server.on_end = served.append
    requests = poisson(6.0, 60)
    for one in requests:
        server.submit(one)
    server.advance(1e6)
    assert sorted(map(id, (one.request for one in served))) == sorted(map(id, requests))
    for one in served:
        assert one.request.at <= one.admitted < one.first <= one.last
    assert server.load == 0
    assert server.kv_usage == 0


def test_who_watches_requests_end_sees_what_happens_without_them() -> None:
    requests = poisson(6.0, 60)
    alone = serve(profile(), requests, 90.0)
    watched = ReplicaServer(profile(), Random(2), 0.0)
    watched.on_end = lambda served: None
    for one in requests:
        watched.submit(one)
    watched.advance(90.0)
    assert mean(watched, "ttft") == pytest.approx(mean(alone, "ttft"), rel=1e-2)


def test_one_request_alone_takes_one_prefill_and_its_steps() -> None:
    of = profile(engine="trt-llm")
    served: list[Served] = []
    server = ReplicaServer(of, Random(1), 0.0)
    server.on_end = served.append
    server.submit(Request(1.0, 200, 1000))
    server.advance(60.0)
    (one,) = served
    assert one.first - 1.0 == pytest.approx(of.rates.fixed + of.rates.prefill(200))
    steps = sum(of.rates.decode(1, 201 + step) for step in range(999))
    assert one.last - one.first == pytest.approx(steps)


def test_a_long_prompt_is_read_in_chunks_while_others_go_on() -> None:
    server = ReplicaServer(profile(gpu="L4"), Random(1), 0.0)
    server.submit(Request(0.0, 100, 400))
    server.submit(Request(1.0, 20_000, 2))
    server.advance(1.5)
    before = figures(server)["itl_count"]
    server.advance(4.0)
    assert before < figures(server)["itl_count"]
    assert slower_than(server, vllm.ITL, 1.0) == 0


def test_prompts_first_means_that_others_stand_still() -> None:
    requests = [Request(0.0, 100, 400), Request(1.0, 8_000, 2)]
    old = serve(profile(gpu="L4", engine="vllm-v0"), requests, 60.0)
    assert slower_than(old, vllm.ITL, 1.0) == 1


def test_below_capacity_nobody_waits_long_and_beyond_it_the_queue_grows() -> None:
    of = profile()
    capacity = of.capacity(600, 220)
    calm = serve(of, poisson(0.5 * capacity, 120), 120.0)
    assert calm.page.waiting < 5
    assert mean(calm, "ttft") < 0.2
    hot = [serve(of, poisson(2 * capacity, 90), seconds) for seconds in (30.0, 60.0)]
    assert hot[1].page.waiting > 1.5 * hot[0].page.waiting > 0


def test_clients_give_up_so_the_queue_is_bounded() -> None:
    of = profile(gpu="L4")
    capacity = of.capacity(600, 220)
    server = serve(of, poisson(3 * capacity, 600), 600.0)
    assert server.waiting <= 3 * capacity * PATIENCE * 1.2
    assert figures(server)[neutral.ABORTED_REQUESTS] > capacity * 100


def test_a_full_cache_evicts_and_freezes_streams_for_seconds() -> None:
    of = profile(gpu="L4")
    full = serve(of, poisson(3 * of.capacity(600, 220), 120), 120.0)
    calm = serve(of, poisson(0.3 * of.capacity(600, 220), 120), 120.0)
    assert figures(calm)[neutral.PREEMPTIONS] == 0
    assert figures(full)[neutral.PREEMPTIONS] > 0
    assert full.page.kv_usage > 0.9
    assert slower_than(full, vllm.ITL, 0.5) > 0


def test_an_engine_that_reserves_the_answer_never_evicts() -> None:
    of = profile(gpu="L4", engine="trt-llm")
    server = serve(of, poisson(3 * of.capacity(600, 220), 120), 120.0)
    assert figures(server)[neutral.PREEMPTIONS] == 0
    assert server.waiting > 0


def test_what_can_never_fit_fails_and_the_rest_is_served() -> None:
    of = profile(gpu="L4")
    requests = [Request(0.0, int(of.kv_tokens) + 1, 10), Request(0.1, 100, 10)]
    server = serve(of, requests, 10.0)
    assert figures(server)[neutral.FAILED_REQUESTS] == 1
    assert figures(server)["e2e_count"] == 1


# Prefix cache


def test_a_group_pays_for_its_prefix_once() -> None:
    requests = [Request(float(at), 1_000, 20, cached=800, group=1) for at in range(20)]
    server = serve(profile(), requests, 30.0)
    found = figures(server)
    assert found[neutral.PREFIX_HITS] == 19 * 800


def test_more_groups_than_fit_push_each_other_out() -> None:
    def share(groups: int) -> float:
        requests = [
            Request(at * 0.5, 2_000, 20, cached=1_600, group=at % groups) for at in range(200)
        ]
        found = figures(serve(profile(gpu="L4"), requests, 200.0))
        return found[neutral.PREFIX_HITS] / found[neutral.PREFIX_QUERIES]

    assert share(4) > 0.7
    assert share(100) < 0.1


def test_a_lost_prefix_cache_slows_the_first_token() -> None:
    requests = poisson(4.0, 120, cached=480, group=1)
    usual, lost = (
        serve(profile(gpu="L4"), requests, 120.0, factors=Factors(hit=share)) for share in (1, 0)
    )
    assert figures(lost)[neutral.PREFIX_HITS] == 0
    assert mean(lost, "ttft") > 1.2 * mean(usual, "ttft")


def test_flushing_forgets() -> None:
    server = serve(profile(), [Request(0.0, 1_000, 20, cached=800, group=1)], 5.0)
    server.flush_prefixes()
    server.submit(Request(6.0, 1_000, 20, cached=800, group=1))
    server.advance(10.0)
    assert figures(server)[neutral.PREFIX_HITS] == 0


# Faults


@pytest.mark.parametrize(
    ("factors", "ttft", "itl"),
    [
        (Factors(compute=0.5), (1.3, 3.0), (1.0, 1.25)),
        (Factors(bandwidth=0.5), (1.0, 2.5), (1.5, 2.5)),
        (Factors(overhead=3.0), (1.0, 2.0), (1.2, 2.5)),
        (Factors(network=0.5), (5.0, 30.0), (0.99, 1.01)),
    ],
)
def test_a_cause_shows_where_it_must(
    factors: Factors, ttft: tuple[float, float], itl: tuple[float, float]
) -> None:
    requests = poisson(4.0, 120)
    usual, now = (serve(profile(), requests, 120.0, factors=one) for one in (Factors(), factors))
    assert ttft[0] <= mean(now, "ttft") / mean(usual, "ttft") <= ttft[1]
    assert itl[0] <= mean(now, "itl") / mean(usual, "itl") <= itl[1]


def test_a_smaller_cache_evicts_where_the_usual_one_did_not() -> None:
    requests = poisson(10.0, 60)
    usual, small = (
        serve(profile(), requests, 60.0, factors=Factors(kv=share)) for share in (1.0, 0.03)
    )
    assert figures(usual)[neutral.PREEMPTIONS] == 0
    assert figures(small)[neutral.PREEMPTIONS] > 0


def test_errors_are_the_share_asked_for_and_take_no_time() -> None:
    requests = poisson(10.0, 200)
    server = serve(profile(), requests, 200.0, factors=Factors(error_rate=0.2))
    failed = figures(server)[neutral.FAILED_REQUESTS]
    assert failed / len(requests) == pytest.approx(0.2, rel=0.15)


def test_hung_tokens_stop_and_what_runs_stays_until_it_goes_on() -> None:
    server = ReplicaServer(profile(), Random(1), 0.0)
    for one in poisson(4.0, 100):
        server.submit(one)
    server.advance(30.0)
    running, tokens = server.running, figures(server)[neutral.GENERATION_TOKENS]
    server.factors = Factors(hung=True)
    for until in range(31, 61):
        server.advance(float(until))
    assert server.running == running > 0
    assert server.page.waiting > 50
    assert figures(server)[neutral.GENERATION_TOKENS] == tokens
    server.factors = Factors()
    server.advance(90.0)
    assert figures(server)[neutral.GENERATION_TOKENS] > tokens
    assert slower_than(server, vllm.ITL, 20.0) >= running


def test_changes_at_once_multiply_and_one_hang_is_enough() -> None:
    both = combine([Factors(compute=0.5, network=1.0), Factors(compute=0.5, hung=True, network=2)])
    assert (both.compute, both.hung, both.network) == (0.25, True, 3.0)
    errors = combine([Factors(error_rate=0.5), Factors(error_rate=0.5)])
    assert errors.error_rate == pytest.approx(0.75)
    assert combine([]) == Factors()


# Life


def test_a_process_that_dies_hands_over_what_it_had() -> None:
    server = ReplicaServer(profile(gpu="L4"), Random(1), 0.0)
    requests = poisson(20.0, 20)
    for one in requests:
        server.submit(one)
    server.advance(20.0)
    ended = figures(server)["e2e_count"]
    lost = server.drop_all()
    assert len(lost) + ended == len(requests)
    assert [one.at for one in lost] == sorted(one.at for one in lost)
    assert server.load == server.running == server.waiting == 0


def test_the_first_step_of_a_process_is_slow() -> None:
    cold = ReplicaServer(profile(), Random(1), 0.0, warm=False)
    for at in (1.0, 10.0):
        cold.submit(Request(at, 100, 10))
    cold.advance(20.0)
    assert WARM_UP < figures(cold)["ttft_sum"] < WARM_UP + 0.2


def test_prefill_replicas_answer_one_token_and_decode_replicas_read_nothing() -> None:
    requests = poisson(4.0, 60)
    prefill = serve(profile(role="prefill"), requests, 90.0)
    decode = serve(profile(role="decode"), requests, 90.0)
    found = figures(prefill)
    assert found["ttft_count"] == found[neutral.GENERATION_TOKENS] == len(requests)
    assert found["itl_count"] == found["e2e_count"] == 0
    found = figures(decode)
    assert found["ttft_count"] == found[neutral.PROMPT_TOKENS] == 0
    assert found["e2e_count"] == len(requests)
    assert mean(decode, "itl") < mean(serve(profile(), requests, 90.0), "itl")


def test_stats_are_those_since_the_last_call() -> None:
    server = ReplicaServer(profile(), Random(1), 0.0)
    for one in poisson(4.0, 40, cached=256, group=1):
        server.submit(one)
    server.advance(20.0)
    server.stats()
    before = figures(server)
    server.advance(30.0)
    now, said = figures(server), server.stats()
    made = now[neutral.GENERATION_TOKENS] - before[neutral.GENERATION_TOKENS]
    assert said.generation_rate == pytest.approx(made / 10)
    assert 0 < said.prefix_hit_rate < 1
    assert server.stats().generation_rate == 0


def test_nobody_calling_leaves_everything_at_zero() -> None:
    assert set(serve(profile(), [], 60.0).page.values()) == {0.0}


def test_the_same_seed_is_the_same_bit_by_bit() -> None:
    of = profile(gpu="L4")
    runs = [
        serve(of, poisson(6.0, 60), 60.0, factors=Factors(error_rate=0.1)).page.values()
        for _ in range(2)
    ]
    assert runs[0] == runs[1]


def test_more_load_is_more_of_everything() -> None:
    of = profile()
    capacity = of.capacity(600, 220)
    servers = [serve(of, poisson(capacity * share, 120), 120.0) for share in (0.1, 0.4, 0.8, 1.3)]
    for less, more in pairwise(servers):
        assert mean(more, "itl") > mean(less, "itl")
        assert mean(more, "ttft") > mean(less, "ttft")
        assert more.page.running > less.page.running
