"""Runs each published table through the simulator, with what its benchmark declares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.fidelity.drivers import (
    Lengths,
    Seen,
    closed_loop,
    configured,
    fixed,
    mean,
    open_loop,
    poisson,
    quantile,
    spread,
)
from bench.fidelity.rows import Row, profile_of, read
from mtop_tui.engine.serving.profiles import ServingProfile
from mtop_tui.engine.serving.requests import Factors, Request
from mtop_tui.engine.serving.scheduling import Engine
from mtop_tui.engine.serving.step_time import step_rates

MS = 1e-3

_ROUNDS = 3
_FAKE = "fake weights: routing is degenerate"
_KV_HIT = 0.8


def nim(folder: Path, step: int = 1) -> Iterator[Row]:
    """The closed-loop grid of NVIDIA NIM (TensorRT-LLM)."""
    for one in read(folder, "nim_trtllm_concurrency.csv")[::step]:
        yield nim_row(one)


def nim_row(one: dict[str, str], decode: float = 1.0, prefill: float = 1.0) -> Row:
    """One configuration of the NIM grid."""
    concurrency = int(one["concurrency"])
    seen = closed_loop(
        configured(profile_of(one, "trt-llm"), decode=decode, prefill=prefill),
        fixed(int(one["isl"]), int(one["osl"])),
        concurrency,
        max(_ROUNDS, 3) * concurrency,
    )
    name = "{gpu}x{n_gpu} {model} {precision} {isl}/{osl} c={concurrency}".format(**one)
    row = Row("NIM grid", name, int(one["line"]), shown=False)
    row.add("throughput", one["out_tok_s"], seen.throughput)
    row.add("tpot", one["itl_avg_ms"], mean(seen.tpot), MS)
    row.add("ttft mean", one["ttft_avg_ms"], mean(seen.ttft), MS)
    row.add("ttft p95", one["ttft_p95_ms"], quantile(seen.ttft, 0.95), MS)
    return row


def trtllm_static(folder: Path) -> Iterator[Row]:
    """Static batches of TensorRT-LLM 0.9: the step time alone."""
    for one in read(folder, "trtllm090_static_batch.csv"):
        row = _static(one, "TRT-LLM 0.9 static", "trt-llm-offline", "first_token_ms", "t2t_ms")
        row.shown = False
        if "mixtral" in one["model"]:
            row.skip = _FAKE
        yield row


def splitwise(folder: Path) -> Iterator[Row]:
    """Static batches of vLLM 2023. The power cap is taken as 1/1.3 of the arithmetic."""
    for one in read(folder, "splitwise_static_batch.csv"):
        capped = Factors(compute=1 / 1.3) if one["gpu"].endswith("pcap") else Factors()
        yield _static(one, "Splitwise static", "vllm-v0", "prompt_ms", "token_ms", capped)


def _static(
    one: dict[str, str],
    table: str,
    engine: Engine,
    first: str,
    token: str,
    factors: Factors | None = None,
) -> Row:
    # The FP8 engines of TensorRT-LLM keep keys and values in 8 bits too.
    kv_dtype = one["precision"] if engine == "trt-llm-offline" else ""
    profile = profile_of(one, engine, kv_dtype=kv_dtype)
    rates = step_rates(profile.costs, factors) if factors else profile.rates
    batch, prompt, output = int(one["batch"]), int(one["isl"]), int(one["osl"])
    name = "{gpu}x{n_gpu} {model} {precision} {isl}/{osl} b={batch}".format(**one)
    row = Row(table, name, int(one["line"]))
    reading = rates.decode(0, 0) + batch * rates.prefill(prompt)
    if rates.experts:
        reading += rates.experts
    row.add("prefill", one[first], reading, MS)
    row.add("tpot", one[token], rates.decode(batch, batch * (prompt + output / 2)), MS)
    return row


def blis(folder: Path) -> Iterator[Row]:
    """Open loop on vLLM 0.15; the reference infers a prefix hit rate of 0.8."""
    for one in read(folder, "blis_vllm0151_h100_openloop.csv"):
        yield blis_row(one)


def blis_row(one: dict[str, str], decode: float = 1.0, prefill: float = 1.0) -> Row:
    """One stage of the open-loop experiments."""
    profile = configured(
        profile_of(one, "vllm-v1"),
        decode=decode,
        prefill=prefill,
        kv_tokens=16 * float(one["kv_blocks16"]),
        sequences=int(one["max_num_seqs"]),
        batched_tokens=int(one["max_num_batched_tokens"]),
    )
    prompt, output, rate = int(one["isl"]), int(one["osl"]), float(one["rate_rps"])
    lengths = spread(prompt, output, sigma=0.1, longest=(4 * prompt, 4 * output))
    requests = poisson(rate, int(rate * float(one["duration_s"]) * 0.5), lengths)
    for request in requests:
        request.cached = int(request.prompt * _KV_HIT)
    seen = open_loop(profile, requests)
    name = "{gpu}x{n_gpu} {model} {precision} {workload} {rate_rps} rps".format(**one)
    row = Row("BLIS open loop", name, int(one["line"]))
    row.add("tpot", one["itl_mean_ms"], mean(seen.tpot), MS)
    row.add("e2e", one["e2e_mean_ms"], mean(seen.e2e), MS)
    row.add("ttft mean", one["ttft_mean_ms"], mean(seen.ttft), MS)
    row.add("ttft p99", one["ttft_p99_ms"], quantile(seen.ttft, 0.99), MS)
    return row


# Means and cut-offs of the suites' lengths, requests offline, online and one by one.
_STANDARD = (256, 346, (2100, 512))
_SUITES: dict[str, tuple[tuple[int, int, tuple[int, int]], int, int, int]] = {
    "suite_A": (_STANDARD, 100, 300, 50),
    "suite_B": (_STANDARD, 100, 200, 50),
    "suite_D": ((28650, 250, (29932, 256)), 50, 100, 10),
    "suite_F": ((130, 190, (600, 512)), 200, 300, 50),
    "suite_G": (_STANDARD, 100, 300, 50),
}


def accelmark(folder: Path, step: int = 1) -> Iterator[Row]:
    """AccelMark: vLLM 0.7.3 with its V0 engine. SGLang is taken as the newest vLLM."""
    for one in read(folder, "accelmark.csv")[::step]:
        (prompt, output, longest), offline, online, single = _SUITES[one["suite"]]
        engine: Engine = "vllm-v1"
        if "vLLM 0.7" in one["engine"]:
            engine = "vllm-v0-offline" if "offline" in one["scenario"] else "vllm-v0"
        profile = configured(profile_of(one, engine), batched_tokens=max(8192, longest[0]))
        sigma = 0.02 if one["suite"] == "suite_D" else 0.9
        lengths = spread(prompt, output, sigma=sigma, longest=longest)
        row = _accelmark(one, profile, lengths, (offline, online, single))
        yield row


def _accelmark(
    one: dict[str, str], profile: ServingProfile, lengths: Lengths, counts: tuple[int, int, int]
) -> Row:
    offline, online, single = counts
    scenario, level = one["scenario"], float(one["level"])
    name = "{gpu}x{n_gpu} {model} {engine} {suite} {scenario} {level}".format(**one)
    row = Row("AccelMark", name, int(one["line"]))
    if scenario == "online_qps":
        seen = open_loop(profile, poisson(level, online, lengths))
    elif scenario == "interactive_c1":
        seen = closed_loop(profile, lengths, 1, single)
    elif scenario == "sustained_closed_loop":
        seen = closed_loop(profile, lengths, int(level), int(level) * 20)
    else:
        seen = closed_loop(profile, lengths, int(level), offline)
    row.add("throughput", one["out_tok_s"], seen.throughput)
    row.add("tpot", one["tpot_p50_ms"], quantile(seen.tpot, 0.5), MS)
    row.add("ttft p50", one["ttft_p50_ms"], quantile(seen.ttft, 0.5), MS)
    row.add("ttft p99", one["ttft_p99_ms"], quantile(seen.ttft, 0.99), MS)
    return row


def llmservingsim(folder: Path) -> Iterator[Row]:
    """Two logs of single requests on vLLM 0.19, replayed at their arrival times."""
    runs: dict[tuple[str, str], list[dict[str, str]]] = {}
    for one in read(folder, "llmservingsim_vllm019_requests.csv"):
        runs.setdefault((one["gpu"], one["config"]), []).append(one)
    for (gpu, config), run in runs.items():
        sequences = int(config.rpartition("=")[2])
        profile = configured(profile_of(run[0], "vllm-v1"), sequences=sequences)
        seen = replay(profile, run)
        row = Row("LLMServingSim", f"{gpu} {run[0]['model']} {config}", int(run[0]["line"]))
        measured = measured_run(run)
        for metric, value in measured.items():
            row.figures[metric] = (value, figures(seen)[metric])
        yield row


def replay(profile: ServingProfile, run: list[dict[str, str]]) -> Seen:
    """The requests of a log, at the times and with the lengths it has."""
    requests = [Request(float(one["arrival_s"]), int(one["isl"]), int(one["osl"])) for one in run]
    return open_loop(profile, sorted(requests, key=lambda one: one.at), watch=0.1)


def figures(seen: Seen) -> dict[str, float]:
    """What is compared of a replayed log."""
    return {
        "throughput": seen.throughput,
        "tpot": quantile(seen.tpot, 0.5),
        "ttft mean": mean(seen.ttft),
        "ttft p50": quantile(seen.ttft, 0.5),
        "ttft p95": quantile(seen.ttft, 0.95),
        "queue peak": float(seen.queue_peak),
    }


def measured_run(run: list[dict[str, str]]) -> dict[str, float]:
    """The same figures of the log itself."""
    seen, ends, queue = Seen(), [], []
    for one in run:
        at, ttft, tpot = float(one["arrival_s"]), float(one["ttft_s"]), float(one["tpot_ms"]) * MS
        output = int(one["osl"])
        seen.ttft.append(ttft)
        seen.tpot.append(tpot)
        seen.tokens += output
        ends.append(at + ttft + tpot * (output - 1))
        queue += [(at, 1), (at + float(one["wait_s"]), -1)]
    seen.ended = max(ends)
    length = 0
    for _, change in sorted(queue):
        length += change
        seen.queue_peak = max(seen.queue_peak, length)
    return figures(seen)


def trtllm_max(folder: Path, step: int = 1) -> Iterator[Row]:
    """Maximum throughput of TensorRT-LLM 1.0: FP8 keys and values, as in its checkpoints."""
    for one in read(folder, "trtllm_v10_max_throughput.csv")[::step]:
        profile = configured(
            profile_of(one, "trt-llm-offline", kv_dtype="fp8"), sequences=2048, batched_tokens=8192
        )
        prompt, output = int(one["isl"]), int(one["osl"])
        name = "{gpu}x{n_gpu} {model} {precision} {isl}/{osl}".format(**one)
        row = Row("TRT-LLM 1.0 maximum", name, int(one["line"]))
        room = int(profile.kv_tokens / (prompt + output))
        if room < 1:
            row.skip = "the engine finds no room for one request"
        else:
            batch = min(2048, room)
            seen = closed_loop(profile, fixed(prompt, output), batch, 3 * batch)
            row.add("throughput", one["out_tok_s"], seen.throughput)
        yield row


def misc(folder: Path) -> Iterator[Row]:
    """Closed loop on vLLM 0.16, B200."""
    for one in read(folder, "misc_concurrency.csv"):
        concurrency = int(one["concurrency"])
        profile = configured(profile_of(one, "vllm-v1"), sequences=1024)
        lengths = fixed(int(one["isl"]), int(one["osl"]))
        seen = closed_loop(profile, lengths, concurrency, 3 * concurrency)
        name = "{gpu}x{n_gpu} {model} {isl}/{osl} c={concurrency}".format(**one)
        row = Row("Vultr B200", name, int(one["line"]))
        row.add("throughput", one["out_tok_s"], seen.throughput)
        row.add("tpot", one["tpot_ms"], mean(seen.tpot), MS)
        row.add("ttft mean", one["ttft_ms"], mean(seen.ttft), MS)
        yield row


def dstack(folder: Path) -> Iterator[Row]:
    """Static batches of a 405B model; not scored."""
    for one in read(folder, "dstack_405b_vllm_batch.csv"):
        name = "{gpu}x{n_gpu} {model} {isl}/{osl} b={batch}".format(**one)
        batch = int(one["batch"])
        profile = profile_of(one, "vllm-v0")
        lengths = fixed(int(one["isl"]), int(one["osl"]))
        seen = closed_loop(profile, lengths, batch, batch)
        row = Row(
            "dstack 405B",
            name,
            int(one["line"]),
            skip="ran with 512 sequences and an unknown KV cache",
        )
        row.add("e2e", one["e2e_s"], mean(seen.e2e))
        yield row


# GPUs of one engine, and mean prompt length. The mean answer follows from the rows.
_MLPERF = {
    ("llama2-70b", "H100"): (2, 294),
    ("llama2-70b", "H100PCIe"): (2, 294),
    ("llama2-70b", "H200"): (1, 294),
    ("llama2-70b", "L40S"): (4, 294),
    ("mixtral-8x7b", "H100"): (2, 400),
    ("mixtral-8x7b", "H200"): (1, 400),
}


def mlperf(folder: Path, step: int = 1) -> Iterator[Row]:
    """MLPerf v4.1: TensorRT-LLM with FP8 keys and values, as many engines as the GPUs hold."""
    for one in read(folder, "mlperf_v41.csv")[::step]:
        gpus, prompt = _MLPERF[one["model"], one["gpu"]]
        engines = int(one["n_gpu"]) / gpus
        output = round(float(one["out_tok_s"]) / float(one["completed_qps"]))
        profile = configured(
            profile_of(one, "trt-llm-offline", gpus=gpus, kv_dtype="fp8"), sequences=1024
        )
        lengths = spread(prompt, output, sigma=0.7, longest=(1024, 1024))
        name = "{gpu}x{n_gpu} {model} {scenario} {submitter}".format(**one)
        row = Row("MLPerf v4.1", name, int(one["line"]))
        full = closed_loop(profile, lengths, 1024, 3000).throughput * engines
        row.add("capacity", one["out_tok_s"], full)
        if one["scenario"] == "Server":
            rate = float(one["completed_qps"]) / engines
            seen = open_loop(profile, poisson(rate, 3000, lengths))
            row.add("tpot at load", one["tpot_mean_ms"], mean(seen.tpot), MS)
        yield row
