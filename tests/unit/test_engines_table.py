"""Engine names into neutral names."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain import vocabulary as neutral
from mtop_tui.domain.engines import ENGINES, VLLM, Engine, Series, recognise, translation

BY_NAME = {engine.name: engine for engine in ENGINES}


def gauges(engine: Engine, lines: dict[Series, float]) -> dict[str, float]:
    compiled = translation(engine, list(lines))
    return dict(zip(compiled.gauges, compiled.gauge_values([*lines.values()]), strict=True))


def vllm(name: str, **labels: str) -> Series:
    return Series(f"vllm:{name}", (("engine", "0"), ("model_name", "m"), *labels.items()))


def histogram(family: str, bounds: list[str], engine: str = "0") -> list[Series]:
    name = f"vllm:{family}"
    labels = (("engine", engine),)
    return [
        *(Series(f"{name}_bucket", (*labels, ("le", edge))) for edge in [*bounds, "+Inf"]),
        Series(f"{name}_count", labels),
        Series(f"{name}_sum", labels),
    ]


def test_requests_are_grouped_by_how_they_ended() -> None:
    reasons = ["stop", "length", "abort", "error", "repetition"]
    series = [vllm("request_success_total", finished_reason=reason) for reason in reasons]
    compiled = translation(VLLM, series)
    ended = dict(
        zip(compiled.counters, compiled.cumulative([10.0, 4.0, 3.0, 2.0, 1.0]), strict=True)
    )
    assert ended == {
        neutral.FINISHED_REQUESTS: 15.0,
        neutral.ABORTED_REQUESTS: 3.0,
        neutral.FAILED_REQUESTS: 2.0,
    }


def test_a_family_that_is_not_exposed_is_absent_not_zero() -> None:
    compiled = translation(VLLM, [vllm("num_requests_running")])
    assert compiled.gauges == (neutral.RUNNING,)
    assert compiled.gauge_values([7.0]) == (7.0,)
    assert compiled.counters == ()
    assert compiled.cumulative([7.0]) == ()
    assert compiled.histograms == ()


def test_a_histogram_is_its_sum_its_buckets_and_its_count() -> None:
    series = histogram("time_to_first_token_seconds", ["0.5", "0.1", "1.0"])
    compiled = translation(VLLM, series)
    assert compiled.histograms == ((neutral.TTFT, (0.1, 0.5, 1.0)),)
    assert compiled.cumulative([5.0, 2.0, 6.0, 8.0, 8.0, 3.25]) == (3.25, 2.0, 5.0, 6.0, 8.0)


def test_a_cut_histogram_is_left_out() -> None:
    series = histogram("time_to_first_token_seconds", ["0.1"])[:-1]
    assert translation(VLLM, series).histograms == ()


def test_created_series_and_other_engines_are_not_confused() -> None:
    series = [vllm("prompt_tokens_created"), vllm("external_prefix_cache_hits_total")]
    assert translation(VLLM, series).counters == ()
    assert recognise([Series("python_info"), vllm("num_requests_waiting")]) is VLLM


def test_data_parallel_ranks_add_up_but_usage_is_that_of_the_fullest() -> None:
    ranks = [
        Series(f"vllm:{name}", (("engine", rank),))
        for name in ("num_requests_running", "kv_cache_usage_perc")
        for rank in ("0", "1")
    ]
    compiled = translation(VLLM, ranks)
    assert compiled.gauge_values([3.0, 4.0, 0.25, 0.75]) == (7.0, 0.75)


def test_ranks_merge_on_the_edges_they_share() -> None:
    series = [
        *histogram("time_to_first_token_seconds", ["0.1", "0.5"], engine="0"),
        *histogram("time_to_first_token_seconds", ["0.5", "1.0"], engine="1"),
    ]
    compiled = translation(VLLM, series)
    assert compiled.histograms == ((neutral.TTFT, (0.5,)),)
    values = [1.0, 2.0, 3.0, 3.0, 0.9, 4.0, 5.0, 6.0, 6.0, 2.1]
    assert compiled.cumulative(values) == pytest.approx((3.0, 6.0, 9.0))


def test_edges_given_up_are_told() -> None:
    alike = histogram("time_to_first_token_seconds", ["0.1", "0.5"])
    other = histogram("time_to_first_token_seconds", ["0.5", "1.0"], engine="1")
    assert translation(VLLM, alike).coarsened == ()
    assert translation(VLLM, [*alike, *other]).coarsened == (neutral.TTFT,)


def test_a_label_set_that_was_cut_does_not_spoil_the_others() -> None:
    whole = histogram("time_to_first_token_seconds", ["0.1", "0.5"])
    cut = histogram("time_to_first_token_seconds", ["0.1", "0.5"], engine="1")[:2]
    compiled = translation(VLLM, [*whole, *cut])
    assert compiled.histograms == ((neutral.TTFT, (0.1, 0.5)),)
    values = [1.0, 2.0, 3.0, 3.0, 0.9, 50.0, 60.0]
    assert compiled.cumulative(values) == (0.9, 1.0, 2.0, 3.0)


def test_a_mean_takes_label_sets_that_have_both_sum_and_count() -> None:
    name = "vllm:request_prompt_tokens"
    series = [
        Series(f"{name}_count", (("engine", "0"),)),
        Series(f"{name}_count", (("engine", "1"),)),
        Series(f"{name}_sum", (("engine", "0"),)),
    ]
    compiled = translation(VLLM, series)
    assert compiled.histograms == ((neutral.PROMPT_LENGTH, ()),)
    assert compiled.cumulative([4.0, 9.0, 400.0]) == (400.0, 4.0)
    assert translation(VLLM, series[:2]).histograms == ()


def test_an_edge_that_is_no_number_is_passed_over() -> None:
    series = histogram("time_to_first_token_seconds", ["0.1", "wide", "nan", ""])
    assert translation(VLLM, series).histograms == ((neutral.TTFT, (0.1,)),)


@pytest.mark.parametrize(
    ("usages", "fullest"),
    [
        ([math.nan, 0.25], 0.25),
        ([0.75, math.nan, 0.5], 0.75),
        ([math.nan, math.nan], math.nan),
    ],
)
def test_a_rank_without_a_usage_does_not_hide_the_others(
    usages: list[float], fullest: float
) -> None:
    lines = {
        Series("vllm:kv_cache_usage_perc", (("engine", str(rank)),)): usage
        for rank, usage in enumerate(usages)
    }
    assert gauges(VLLM, lines)[neutral.KV_USAGE] == pytest.approx(fullest, nan_ok=True)


def blocks(model: str, kind: str) -> Series:
    name = "nv_trt_llm_kv_cache_block_metrics"
    return Series(name, (("kv_cache_block_type", kind), ("model", model)))


@pytest.mark.parametrize(
    ("used", "most", "usage"),
    [
        ((10.0, 30.0), (100.0, 60.0), 0.5),
        ((10.0, 0.0), (100.0, 0.0), 0.1),
        ((0.0, 0.0), (0.0, 0.0), math.nan),
        ((math.nan, 3.0), (10.0, 10.0), 0.3),
        ((10.0, 3.0), (math.nan, 10.0), 0.3),
    ],
)
def test_triton_usage_is_that_of_the_fullest_model(
    used: tuple[float, float], most: tuple[float, float], usage: float
) -> None:
    lines = {blocks(model, "used"): value for model, value in zip("ab", used, strict=True)}
    lines |= {blocks(model, "max"): value for model, value in zip("ab", most, strict=True)}
    assert gauges(BY_NAME["triton"], lines)[neutral.KV_USAGE] == pytest.approx(usage, nan_ok=True)


def test_triton_usage_needs_both_of_one_model() -> None:
    lines = {blocks("a", "used"): 1.0, blocks("b", "max"): 10.0}
    assert neutral.KV_USAGE not in gauges(BY_NAME["triton"], lines)


@pytest.mark.parametrize(
    ("inflight", "queued", "running"),
    [(9.0, 4.0, 5.0), (3.0, 4.0, 0.0), (math.nan, 4.0, math.nan), (9.0, None, 9.0)],
)
def test_dynamo_runs_what_is_in_flight_and_not_queued(
    inflight: float, queued: float | None, running: float
) -> None:
    lines = {Series("dynamo_frontend_inflight_requests"): inflight}
    if queued is not None:
        lines[Series("dynamo_frontend_queued_requests")] = queued
    found = gauges(BY_NAME["dynamo-frontend"], lines)
    assert found[neutral.RUNNING] == pytest.approx(running, nan_ok=True)


@pytest.mark.parametrize(
    ("text", "caching"), [("True", 1.0), ("false", 0.0), ("None", None), ("", None)]
)
def test_what_a_label_does_not_tell_is_absent(text: str, caching: float | None) -> None:
    info = Series("vllm:cache_config_info", (("enable_prefix_caching", text),))
    assert gauges(VLLM, {info: 1.0}).get(neutral.PREFIX_CACHING) == caching


@pytest.mark.parametrize("label", ["tp_rank", "pp_rank", "moe_ep_rank", "pid"])
def test_ranks_that_repeat_a_figure_count_once(label: str) -> None:
    engine = BY_NAME["sglang"]
    lines = {
        Series("sglang:num_running_reqs", ((label, rank),)): float(rank) for rank in ("10", "2")
    }
    assert gauges(engine, lines) == {neutral.RUNNING: 2.0}


def test_an_old_name_is_read_only_where_the_new_one_is_not() -> None:
    old = histogram("time_per_output_token_seconds", ["0.1"])
    new = histogram("inter_token_latency_seconds", ["0.2"])
    assert translation(VLLM, old).histograms == ((neutral.ITL, (0.1,)),)
    assert translation(VLLM, [*old, *new]).histograms == ((neutral.ITL, (0.2,)),)


def test_an_outcome_that_has_not_happened_is_zero_where_each_begins_with_its_first_event() -> None:
    answered = Series("http_requests_total", (("handler", "/v1/completions"), ("status", "2xx")))
    compiled = translation(VLLM, [answered])
    assert compiled.counters == (neutral.CLIENT_ERRORS, neutral.SERVER_ERRORS)
    assert compiled.cumulative([5.0]) == (0.0, 0.0)


def test_an_outcome_that_a_version_does_not_count_is_absent() -> None:
    assert translation(VLLM, [vllm("request_success_total", finished_reason="stop")]).counters == (
        neutral.FINISHED_REQUESTS,
    )


def test_outcomes_not_known_here_are_told() -> None:
    known = vllm("request_success_total", finished_reason="stop")
    new = vllm("request_success_total", finished_reason="surprise")
    assert translation(VLLM, [known]).unmapped == ()
    assert translation(VLLM, [known, new]).unmapped == ("vllm:request_success_total",)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_every_neutral_name_is_in_the_vocabulary(engine: Engine) -> None:
    assert engine.counters.keys() <= {*neutral.COUNTERS, *neutral.EXTRA_COUNTERS}
    assert engine.gauges.keys() <= {*neutral.GAUGES, *neutral.EXTRA_GAUGES}
    assert engine.histograms.keys() <= {*neutral.HISTOGRAMS, *neutral.EXTRA_HISTOGRAMS}
    assert all((*engine.counters.values(), *engine.gauges.values(), *engine.histograms.values()))


@pytest.mark.parametrize("kind", ["COUNTERS", "GAUGES", "HISTOGRAMS"])
def test_every_name_of_the_vocabulary_is_of_some_engine(kind: str) -> None:
    names = {*getattr(neutral, kind), *getattr(neutral, f"EXTRA_{kind}")}
    used = {name for engine in ENGINES for name in getattr(engine, kind.lower())}
    assert used == names


@given(st.data())
def test_the_order_of_a_page_does_not_matter(data: st.DataObject) -> None:
    lines = {
        one: float(index)
        for index, one in enumerate(
            [
                *histogram("time_to_first_token_seconds", ["0.1", "0.5"]),
                *histogram("time_to_first_token_seconds", ["0.5", "2.0"], engine="1"),
                vllm("num_requests_running"),
                vllm("request_success_total", finished_reason="stop"),
                vllm("request_success_total", finished_reason="length"),
            ]
        )
    }
    shuffled = data.draw(st.permutations(list(lines)))
    mine, other = translation(VLLM, list(lines)), translation(VLLM, shuffled)
    assert (mine.counters, mine.gauges, mine.histograms) == (
        *(other.counters, other.gauges, other.histograms),
    )
    assert mine.cumulative([*lines.values()]) == other.cumulative([lines[s] for s in shuffled])


@given(st.lists(st.tuples(st.sampled_from(["sum", "count", "bucket"]), st.text(max_size=4))))
def test_no_page_however_odd_breaks_the_translation(parts: list[tuple[str, str]]) -> None:
    name = "vllm:e2e_request_latency_seconds"
    series = [Series(f"{name}_{suffix}", (("le", text),)) for suffix, text in parts]
    compiled = translation(VLLM, series)
    width = sum(len(bounds) + 2 for _, bounds in compiled.histograms)
    assert len(compiled.cumulative([1.0] * len(series))) == width
