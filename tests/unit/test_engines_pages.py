"""The neutral figures of one page per engine: small pages of our own, and real ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain import vocabulary as neutral
from mtop_tui.domain.engines import ENGINES, Series, recognise, translation
from mtop_tui.domain.exposition import Sample, parse

PAGES = Path(__file__).parent / "metrics_pages"
REAL = Path(__file__).parents[2].parent / "shared/data/serving/metrics"


class Read(NamedTuple):
    engine: str
    counters: dict[str, float]
    gauges: dict[str, float]
    histograms: dict[str, tuple[float, float]]
    bounds: dict[str, tuple[float, ...]]
    unmapped: tuple[str, ...]
    missing: tuple[str, ...]
    coarsened: tuple[str, ...]


def read(samples: Sequence[Sample]) -> Read:
    engine = recognise(samples)
    assert engine is not None
    compiled = translation(engine, samples)
    values = [sample.value for sample in samples]
    flat = iter(compiled.cumulative(values))
    counters = {name: next(flat) for name in compiled.counters}
    histograms = {}
    for name, bounds in compiled.histograms:
        total, *counts = (next(flat) for _ in range(len(bounds) + 2))
        histograms[name] = total, counts[-1]
    assert not list(flat)
    gauges = dict(zip(compiled.gauges, compiled.gauge_values(values), strict=True))
    return Read(
        compiled.engine,
        counters,
        gauges,
        histograms,
        dict(compiled.histograms),
        compiled.unmapped,
        compiled.missing,
        compiled.coarsened,
    )


def page(path: Path) -> Sequence[Sample]:
    text = path.read_text()
    return parse(text if text.endswith("\n") else text + "\n").samples


OURS: dict[str, dict[str, Any]] = {
    "vllm": {
        "engine": "vllm",
        "counters": {
            "finished_requests": 14,
            "aborted_requests": 3,
            "failed_requests": 2,
            "client_errors": 5,
            "server_errors": 2,
            "prompt_tokens": 1500,
            "generation_tokens": 700,
            "preemptions": 2,
            "prefix_queries": 1000,
            "prefix_hits": 400,
            "spec_draft_tokens": 90,
            "spec_accepted_tokens": 60,
            "kv_transfer_failures": 3,
        },
        "gauges": {
            "running": 7,
            "waiting": 1,
            "kv_usage": 0.75,
            "waiting_capacity": 1,
            "waiting_deferred": 2,
            "kv_blocks": 1900,
            "block_size": 16,
            "prefix_caching": 1,
            "asleep": 1,
            "lora_running": 2,
            "lora_waiting": 0,
            "lora_max": 4,
        },
        "histograms": {
            "ttft": (2.5, 6),
            "itl": (20.7, 690),
            "e2e": (24, 6),
            "prompt_length": (1200, 6),
        },
        "unmapped": {"vllm:request_success_total", "vllm:request_params_n"},
        "missing": {"generation_length"},
    },
    "vllm_v0": {
        "engine": "vllm-v0",
        "counters": {
            "finished_requests": 6,
            "prompt_tokens": 60,
            "generation_tokens": 70,
            "preemptions": 7,
        },
        "gauges": {
            "running": 2,
            "waiting": 1,
            "kv_usage": 0.5,
            "swapped": 1,
            "prefix_hit_rate": 0.4,
            "block_size": 16,
            "prefix_caching": 0,
        },
        "histograms": {"ttft": (1.75, 6), "itl": (3.2, 64), "queue_time": (0.6, 6)},
        "unmapped": {"vllm:cpu_cache_usage_perc"},
        "missing": {"kv_blocks", "e2e", "prompt_length", "generation_length"},
    },
    "sglang": {
        "engine": "sglang",
        "counters": {
            "finished_requests": 12,
            "aborted_requests": 1,
            "client_errors": 0,
            "server_errors": 2,
            "prompt_tokens": 1000,
            "generation_tokens": 400,
            "preemptions": 6,
            "prefix_queries": 1000,
            "prefix_hits": 350,
        },
        "gauges": {
            "running": 7,
            "waiting": 2,
            "kv_usage": 0.625,
            "waiting_deferred": 6,
            "prefix_hit_rate": 0.25,
            "spec_accept_rate": 0.5,
            "block_size": 64,
            "kv_tokens": 90_000,
            "kv_transfer_latency": 0.25,
        },
        "histograms": {"ttft": (6, 12), "itl": (8, 388)},
        "unmapped": {"sglang:gen_throughput"},
        "missing": {"e2e"},
    },
    "tgi": {
        "engine": "tgi",
        "counters": {
            "finished_requests": 15,
            "aborted_requests": 3,
            "failed_requests": 3,
            "requests": 20,
            "client_errors": 4,
            "prompt_tokens": 1500,
            "generation_tokens": 900,
        },
        "gauges": {"running": 8, "waiting": 3},
        "histograms": {
            "e2e": (30, 15),
            "prefill_time": (1.4, 7),
            "tpot": (0.6, 15),
            "prompt_length": (1500, 15),
            "generation_length": (900, 15),
        },
        "unmapped": {"tgi_batch_current_max_tokens"},
        "missing": {"queue_time"},
    },
    "triton": {
        "engine": "triton",
        "counters": {"finished_requests": 40, "failed_requests": 2, "aborted_requests": 1},
        "gauges": {
            "running": 6,
            "waiting": 2,
            "kv_usage": 0.25,
            "kv_blocks": 6000,
            "block_size": 64,
        },
        "histograms": {"e2e": (80, 40), "queue_time": (4, 40)},
        "unmapped": {"nv_gpu_utilization"},
        "missing": set(),
    },
    "trtllm": {
        "engine": "trtllm-serve",
        "counters": {"finished_requests": 11, "aborted_requests": 2, "failed_requests": 1},
        "gauges": {"kv_usage": 0.375, "prefix_hit_rate": 0.5},
        "histograms": {
            "ttft": (3.3, 11),
            "e2e": (22, 11),
            "queue_time": (1.1, 11),
            "tpot": (0.22, 11),
        },
        "unmapped": {"trtllm_kv_transfer_success_total"},
        "missing": set(),
    },
    "nim": {
        "engine": "nim",
        "counters": {
            "finished_requests": 9,
            "aborted_requests": 2,
            "failed_requests": 1,
            "prompt_tokens": 600,
            "generation_tokens": 900,
        },
        "gauges": {"running": 5, "waiting": 2, "kv_usage": 0.125},
        "histograms": {
            "ttft": (4, 10),
            "itl": (8.9, 890),
            "e2e": (13, 10),
            "prompt_length": (600, 10),
            "generation_length": (900, 10),
        },
        "unmapped": {"num_request_max"},
        "missing": set(),
    },
    "dynamo_frontend": {
        "engine": "dynamo-frontend",
        "counters": {
            "finished_requests": 40,
            "aborted_requests": 3,
            "failed_requests": 2,
            "client_errors": 4,
            "prompt_tokens": 8000,
            "generation_tokens": 5000,
        },
        "gauges": {"running": 5, "waiting": 4},
        "histograms": {
            "ttft": (12, 40),
            "prompt_length": (8000, 40),
            "generation_length": (4800, 40),
        },
        "unmapped": {"dynamo_frontend_model_context_length"},
        "missing": {"itl", "e2e"},
    },
    "dynamo_worker": {
        "engine": "dynamo-worker",
        "counters": {"requests": 70},
        "gauges": {"running": 3, "kv_usage": 0.5, "prefix_hit_rate": 0.75, "kv_blocks": 4000},
        "histograms": {"e2e": (134, 67)},
        "unmapped": {"dynamo_component_requests_total", "dynamo_component_uptime_seconds"},
        "missing": set(),
    },
    "llamacpp": {
        "engine": "llama.cpp",
        "counters": {"prompt_tokens": 500, "generation_tokens": 1000},
        "gauges": {"running": 2, "waiting": 1},
        "histograms": {"itl": (20, 1000)},
        "unmapped": {"llamacpp:prompt_seconds_total", "llamacpp:predicted_tokens_seconds"},
        "missing": set(),
    },
    "endpoint_picker": {
        "engine": "endpoint-picker",
        "counters": {
            "requests": 100,
            "failed_requests": 2,
            "prompt_tokens": 9500,
            "generation_tokens": 1900,
            "remote_prefills": 30,
            "scheduling_failures": 1,
        },
        "gauges": {
            "running": 7,
            "waiting": 3,
            "average_kv_usage": 0.5,
            "average_waiting": 1.5,
            "ready_endpoints": 4,
            "pool_saturation": 0.75,
        },
        "histograms": {
            "ttft": (38, 95),
            "prompt_length": (9500, 95),
            "generation_length": (1900, 95),
            "prefix_match": (25, 100),
        },
        "unmapped": {
            "llm_d_epp_disagg_decision_total",
            "llm_d_epp_scheduler_attempts_total",
            "llm_d_epp_prefix_indexer_size",
        },
        "missing": {"e2e"},
    },
}


def test_every_engine_has_a_page() -> None:
    assert {one["engine"] for one in OURS.values()} == {engine.name for engine in ENGINES}
    assert {path.stem for path in PAGES.glob("*.prom")} >= OURS.keys()


@pytest.mark.parametrize("name", OURS)
def test_a_page_in_neutral_words(name: str) -> None:
    expected = OURS[name]
    found = read(page(PAGES / f"{name}.prom"))
    assert found.engine == expected["engine"]
    assert found.counters == pytest.approx(expected["counters"])
    assert found.gauges == pytest.approx(expected["gauges"])
    assert found.histograms.keys() == expected["histograms"].keys()
    for histogram, figures in expected["histograms"].items():
        assert found.histograms[histogram] == pytest.approx(figures), histogram
    assert set(found.unmapped) == expected["unmapped"]
    assert set(found.missing) == expected["missing"]


@pytest.mark.parametrize("name", OURS)
def test_the_odh_prefix_changes_nothing(name: str) -> None:
    samples = page(PAGES / f"{name}.prom")
    renamed = [Sample(f"kserve_{one.name}", one.labels, one.value) for one in samples]
    assert read(renamed) == read(samples)
    assert read([*renamed, *samples]) == read(samples), "two spellings do not count twice"


@pytest.mark.parametrize("name", ["sglang", "llamacpp"])
def test_colons_may_be_underscores(name: str) -> None:
    samples = page(PAGES / f"{name}.prom")
    renamed = [Sample(one.name.replace(":", "_", 1), one.labels, one.value) for one in samples]
    assert read(renamed) == read(samples)


def test_first_trtllm_serve_had_no_prefix() -> None:
    samples = page(PAGES / "trtllm.prom")
    bare = [Sample(one.name.removeprefix("trtllm_"), one.labels, one.value) for one in samples]
    expected = read(samples)
    assert read(bare)._replace(unmapped=()) == expected._replace(unmapped=())


@pytest.mark.parametrize("generation", ["inference_objective", "inference_model"])
def test_each_generation_of_the_endpoint_picker(generation: str) -> None:
    suffixes = {
        "request_total": 9.0,
        "request_error_total": 2.0,
        "running_requests": 3.0,
        "request_duration_seconds_sum": 8.0,
        "request_duration_seconds_count": 4.0,
        "request_ttft_seconds_sum": 1.0,
        "request_ttft_seconds_count": 4.0,
        "input_tokens_sum": 500.0,
        "output_tokens_sum": 70.0,
    }
    samples = [Sample(f"{generation}_{name}", (), value) for name, value in suffixes.items()]
    samples += [
        Sample("inference_pool_average_queue_size", (("name", "p"),), 0.5),
        Sample("inference_pool_ready_pods", (("name", "p"),), 2.0),
        Sample("inference_extension_flow_control_queue_size", (), 6.0),
    ]
    found = read(samples)
    assert found.engine == "endpoint-picker"
    assert found.counters == {
        neutral.REQUESTS: 9.0,
        neutral.FAILED_REQUESTS: 2.0,
        neutral.PROMPT_TOKENS: 500.0,
        neutral.GENERATION_TOKENS: 70.0,
    }
    assert found.gauges == {
        neutral.RUNNING: 3.0,
        neutral.WAITING: 6.0,
        neutral.AVERAGE_WAITING: 0.5,
        neutral.READY_ENDPOINTS: 2.0,
    }
    assert found.histograms == {neutral.TTFT: (1.0, 4.0), neutral.E2E: (8.0, 4.0)}


@given(st.lists(st.text(max_size=30), max_size=8))
def test_a_page_of_something_else_is_of_no_engine(names: list[str]) -> None:
    assert recognise([Series(f"other_{name}", (("le", name),)) for name in names]) is None


@pytest.mark.parametrize(
    ("series", "engine"),
    [
        ([Series("vllm:gpu_cache_usage_perc", (("model_name", "m"),))], "vllm-v0"),
        ([Series("vllm:gpu_cache_usage_perc", (("engine", "0"),))], "vllm"),
        (
            [
                Series("vllm:gpu_cache_usage_perc"),
                Series("vllm:gpu_prefix_cache_queries_total"),
            ],
            "vllm",
        ),
        ([Series("nv_inference_request_success"), Series("vllm:kv_cache_usage_perc")], "vllm"),
        ([Series("dynamo_component_requests_total"), Series("sglang:token_usage")], "sglang"),
        ([Series("gpu_cache_usage_perc"), Series("request_success_total")], "nim"),
        ([Series("request_success_total", (("model_name", "undefined"),))], "trtllm-serve"),
        ([Series("request_success_total", (("model_name", "m"),))], None),
        ([Series("python_info"), Series("process_cpu_seconds_total")], None),
        ([], None),
    ],
)
def test_the_engine_is_told_by_what_only_it_has(series: list[Series], engine: str | None) -> None:
    found = recognise(series)
    assert (found and found.name) == engine


real_pages = pytest.mark.skipif(not REAL.is_dir(), reason="the shared metrics pages are not here")

REAL_FIGURES: dict[str, tuple[str, dict[str, float], dict[str, tuple[float, float]]]] = {
    "vllm-0.24-single-engine.prom": (
        "vllm",
        {
            "finished_requests": 91,
            "client_errors": 3,
            "server_errors": 1,
            "prompt_tokens": 3_763_908,
            "generation_tokens": 54_939,
            "kv_blocks": 442,
            "block_size": 784,
            "prefix_caching": 0,
            "asleep": 0,
            "running": 0,
        },
        {
            "ttft": (2509.4076895713806, 102),
            "itl": (9315.990682553733, 54_837),
            "tpot": (17.097881913178266, 91),
            "e2e": (10054.123458623886, 91),
            "queue_time": (52.210672988323495, 91),
            "prompt_length": (3_500_561, 91),
        },
    ),
    "vllm-0.11-idle-tinyllama.prom": (
        "vllm",
        {"finished_requests": 0, "kv_blocks": 6971, "prefix_caching": 1, "kv_usage": 0},
        {"ttft": (0, 0), "itl": (0, 0)},
    ),
    "vllm-0.5-V0-engine.prom": (
        "vllm-v0",
        {
            "finished_requests": 1,
            "prompt_tokens": 5,
            "generation_tokens": 7,
            "swapped": 0,
            "kv_blocks": 7281,
        },
        {"ttft": (0.31326723098754883, 1), "itl": (0.19016313552856445, 6)},
    ),
    "dynamo-sglang.prom": (
        "sglang",
        {
            "finished_requests": 1,
            "prompt_tokens": 33,
            "generation_tokens": 300,
            "kv_tokens": 92_962,
        },
        {
            "ttft": (1.5573770999908447, 1),
            "itl": (0.6138594150543213, 299),
            "queue_time": (0.0018392642959952354, 1),
        },
    ),
    "sglang-0.3-name-label.prom": ("sglang", {"prompt_tokens": 230_794, "kv_tokens": 570_979}, {}),
    "tgis-ibm-vllm.prom": ("tgi", {"running": 0, "waiting": 0}, {}),
    "triton-multi-model.prom": ("triton", {"finished_requests": 80, "failed_requests": 0}, {}),
    "epp/llm_d_request_total_metric.prom": ("endpoint-picker", {"requests": 4}, {}),
    "epp/llm_d_request_error_total_metric.prom": ("endpoint-picker", {"failed_requests": 4}, {}),
    "epp/llm_d_output_tokens_metric.prom": (
        "endpoint-picker",
        {"generation_tokens": 1000},
        {"generation_length": (1000, 4)},
    ),
    "epp/llm_d_request_ttft_seconds_metric.prom": ("endpoint-picker", {}, {"ttft": (1.79, 4)}),
    "epp-gie-1.0/request_duration_seconds_metric.prom": (
        "endpoint-picker",
        {},
        {"e2e": (1.79, 4)},
    ),
}


@real_pages
@pytest.mark.parametrize("name", REAL_FIGURES)
def test_a_real_page_in_neutral_words(name: str) -> None:
    engine, values, histograms = REAL_FIGURES[name]
    found = read(page(REAL / name))
    assert found.engine == engine
    figures = found.counters | found.gauges
    assert {key: figures[key] for key in values} == pytest.approx(values)
    for histogram, pair in histograms.items():
        assert found.histograms[histogram] == pytest.approx(pair), histogram


@real_pages
@pytest.mark.parametrize("name", ["vllm-0.24-single-engine.prom", "vllm-0.11-idle-tinyllama.prom"])
def test_nothing_expected_is_missing_from_a_whole_page(name: str) -> None:
    assert read(page(REAL / name)).missing == ()


@real_pages
def test_families_of_vllm_0_26_that_are_read() -> None:
    lines = (REAL / "vllm-0.26-families.txt").read_text().splitlines()
    families = [line.split() for line in lines if line.startswith("vllm:")]
    series = []
    for name, kind in families:
        suffixes = ("_sum", "_count", "_bucket") if kind == "histogram" else ("",)
        series += [Series(name + suffix, (("engine", "0"),)) for suffix in suffixes]
    engine = recognise(series)
    assert engine is not None
    assert engine.name == "vllm"
    compiled = translation(engine, series)
    assert [name for name, _ in compiled.histograms] == [
        *(neutral.TTFT, neutral.ITL, neutral.E2E, neutral.QUEUE_TIME, neutral.PREFILL_TIME),
        *(neutral.DECODE_TIME, neutral.TPOT, neutral.PROMPT_LENGTH, neutral.GENERATION_LENGTH),
    ]
