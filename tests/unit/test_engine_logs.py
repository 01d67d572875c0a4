"""Lines of simulated containers: what reads real logs reads these alike, with the same numbers."""

import math
import re
from pathlib import Path

import msgspec
import pytest

from mtop_tui.domain.diagnosis.signatures import engine_stats, match
from mtop_tui.engine.hardware import H100
from mtop_tui.engine.models import model_named
from mtop_tui.engine.outputs import logs
from mtop_tui.engine.outputs.container import Container, ContainerFacts, speaker_of, version_of
from mtop_tui.engine.outputs.failures import failure_of
from mtop_tui.engine.outputs.interval import Interval
from mtop_tui.engine.outputs.serving_facts import serving_facts, storage_facts
from mtop_tui.engine.outputs.vllm_lines import stats_line
from mtop_tui.engine.serving.profiles import serving_profile
from mtop_tui.engine.serving.replica import ReplicaStats
from mtop_tui.observations import LogLine

AT = 1_800_000_000.0  # 2027-01-15 08:00:00 UTC
FACTS = ContainerFacts(
    model="meta-llama/Llama-3.1-70B-Instruct",
    uri="hf://meta-llama/Llama-3.1-70B-Instruct",
    weights=141e9,
    layers=80,
    ranks=4,
    kv_tokens=400_000,
    kv_bytes=30 * 2**30,
    max_model_len=8192,
)
VLLM = Container(FACTS, "llama-kserve-7d9f-abcde")
SGLANG = Container(msgspec.structs.replace(FACTS, speaker="sglang"), "llama-kserve-7d9f-abcde")
STORAGE = Container(msgspec.structs.replace(FACTS, speaker="storage-initializer"), "llama-1")
KERNEL = Container(ContainerFacts(speaker="kernel"), "node-1")


def written(container: Container, kind: str, stop: float = AT + 1e4, **figures) -> list[LogLine]:
    found = list(logs.stage_lines(container, AT, kind, figures, stop))
    assert [line.at for line in found] == sorted(line.at for line in found)
    return [line for line in found if line.at <= stop]


def signatures(lines: list[LogLine]) -> list[str]:
    return [found.signature for line in lines if (found := match(line.text)) is not None]


def value(lines: list[LogLine], pattern: str) -> str:
    found = [m for line in lines if (m := re.search(pattern, line.text))]
    assert found, pattern
    return found[0][1]


FIGURES = {
    "gpu-memory-taken": {"free": 4e9},
    "error": {"text": "RuntimeError: CUDA error: unspecified launch failure"},
    "xid": {"gpu": 3, "code": 79},
    "host-oom": {"pid": 4711, "resident": 64e9},
}
NAMED_OTHERWISE = {"no-kv-memory": "kv-too-small", "error": "engine-died"}
FAILURES = [
    (container, kind)
    for container in (VLLM, SGLANG, STORAGE, KERNEL)
    for kind in logs.STAGES[container.facts.speaker]
    if kind not in {"start", "weights", "compile", "ready", "hang", "resume", "stop", "download"}
]


@pytest.mark.parametrize(
    ("container", "kind"), FAILURES, ids=lambda one: one if isinstance(one, str) else one[0].speaker
)
def test_a_failure_is_recognised_by_its_name_and_before_what_comes_of_it(
    container: Container, kind: str
) -> None:
    lines = written(container, kind, **FIGURES.get(kind, {}))
    found = signatures(lines)
    assert found[0] == NAMED_OTHERWISE.get(kind, kind)
    allowed = {found[0], "engine-died", "engine-start-failed"}
    if kind == "illegal-memory":
        allowed.add("illegal-memory")
    assert set(found) <= allowed
    assert all(line.at == AT for line in lines)


def test_a_failing_start_says_so_and_a_dying_engine_too() -> None:
    assert "engine-start-failed" in signatures(written(VLLM, "no-kv-memory"))
    assert "engine-start-failed" in signatures(written(VLLM, "cuda-oom", starting=1.0))
    assert "engine-died" in signatures(written(VLLM, "cuda-oom"))
    assert "engine-died" in signatures(written(SGLANG, "engine-died"))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", "cuda-oom"),
        ("ValueError: No available memory for the cache blocks.", "no-kv-memory"),
        ("RuntimeError: CUDA error: an illegal memory access was encountered", "illegal-memory"),
        (
            "[Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=1, "
            "OpType=ALLREDUCE, Timeout(ms)=600000) ran for 600013 milliseconds",
            "nccl-timeout",
        ),
        ("vllm: error: unrecognized arguments: --magic", "bad-argument"),
        ("RuntimeError: CUDA error: unspecified launch failure", "error"),
        ("(1.5/23.6 GiB) on startup is less than desired GPU memory utilization", "error"),
        ("", "error"),
    ],
)
def test_last_words_tell_which_failure_it_was(text: str, kind: str) -> None:
    assert failure_of(text) == kind


def test_figures_of_failures_are_those_of_the_container() -> None:
    oom = match(
        next(line.text for line in written(VLLM, "cuda-oom", wanted=2.0**31) if match(line.text))
    )
    assert dict(oom.values) == {"wanted": "2.00 GiB", "capacity": "80.00 GiB", "free": "0.50 GiB"}
    xid = match(written(KERNEL, "xid", gpu=0, code=48)[0].text)
    assert dict(xid.values)["code"] == "48"
    timeout = [match(line.text) for line in written(VLLM, "nccl-timeout", seconds=600.0)]
    ran = [dict(one.values)["milliseconds"] for one in timeout if one and one.values]
    assert len(ran) == FACTS.ranks - 1
    assert all(600_000 <= int(one) < 601_000 for one in ran)
    tight = Container(msgspec.structs.replace(FACTS, kv_tokens=5_000, kv_bytes=2.0**30), "p")
    small = next(m for line in written(tight, "kv-too-small") if (m := match(line.text)))
    assert dict(small.values) == {
        "tokens": "8192", "needed": "1.64 GiB", "available": "1.00 GiB", "fits": "5000",
    }  # fmt: skip


@pytest.mark.parametrize("container", [VLLM, SGLANG], ids=["vllm", "sglang"])
def test_a_start_up_runs_in_order_to_the_open_port(container: Container) -> None:
    start = [
        *written(container, "start", seconds=12.0),
        *written(container, "weights", seconds=70.5),
        *written(container, "compile", seconds=46.0),
        *written(container, "ready"),
    ]
    found = list(dict.fromkeys(signatures(start)))
    assert found[-1] == "serving"
    assert "Application startup complete." in start[-1].text or "fired up" in start[-1].text
    if container is VLLM:
        assert found == ["weights-progress", "weights-took", "init-took", "serving"]


def test_figures_of_a_start_up_follow_from_the_model() -> None:
    weights = written(VLLM, "weights", seconds=70.5)
    assert value(weights, r"Loading weights took ([\d.]+) seconds") == "70.50"
    assert float(value(weights, r"Model loading took ([\d.]+) GiB")) == pytest.approx(
        141e9 / 4 / 2**30, abs=1e-3
    )
    assert sum("Model loading took" in line.text for line in weights) == FACTS.ranks
    assert value(weights, r"100% Completed \| (\d+)/29") == "29"
    compiling = written(VLLM, "compile", seconds=46.0)
    assert value(compiling, r"Available KV cache memory: ([\d.]+) GiB") == "30.00"
    assert value(compiling, r"GPU KV cache size: ([\d,]+) tokens") == "400,000"
    assert value(compiling, r"8,192 tokens per request: ([\d.]+)x") == "48.83"
    assert value(compiling, r"init engine .* took ([\d.]+) seconds") == "46.00"
    assert compiling[-1].at == AT + 46
    one = Container(msgspec.structs.replace(FACTS, ranks=1), "p")
    assert all("(EngineCore pid=" in line.text for line in written(one, "weights", seconds=9.0))
    ranks = {m[1] for line in weights if (m := re.match(r"\(Worker_TP(\d) pid=\d+\)", line.text))}
    assert ranks == {"0", "1", "2", "3"}


def test_weights_that_stop_coming_stop_the_bar() -> None:
    halfway = written(VLLM, "weights", stop=AT + 35, seconds=70.0)
    assert all("took" not in line.text for line in halfway)
    shown = [m for line in halfway if (m := match(line.text)) and m.signature == "weights-progress"]
    assert 40 <= int(dict(shown[-1].values)["percent"]) <= 50
    hung = written(VLLM, "weights", seconds=math.inf, done=0.5, spent=35.0)
    assert "took" not in "".join(line.text for line in hung)
    slower = written(VLLM, "weights", seconds=200.0, done=0.5, spent=35.0)
    assert signatures(slower)[-1] == "weights-took"
    assert value(slower, r"Loading weights took ([\d.]+) seconds") == "235.00"


def test_a_download_says_what_comes_from_where_and_how_far_it_is() -> None:
    lines = written(STORAGE, "download", seconds=141.0)
    assert "src_uri [hf://meta-llama/Llama-3.1-70B-Instruct]" in lines[0].text
    assert lines[0].text.startswith("2027-01-15 08:00:00.000 1 kserve INFO ")
    assert value(lines, r"Model downloaded in ([\d.]+) seconds") == "141.000"
    bars = [m[1] for line in lines if (m := re.search(r"Fetching 36 files: +(\d+)%", line.text))]
    assert bars[0] == "0"
    assert bars[-1] == "100"


STATS = ReplicaStats(7, 90, 0.193, 23998.2, 18.1, 0.554)


def test_the_statistics_say_what_the_server_says() -> None:
    found = engine_stats(stats_line(AT, STATS).text)
    assert found is not None
    assert (found.running, found.waiting) == (STATS.running, STATS.waiting)
    assert found.kv_usage == pytest.approx(STATS.kv_usage, abs=5e-4)
    assert found.prompt_rate == pytest.approx(STATS.prompt_rate, abs=0.05)
    assert found.generation_rate == pytest.approx(STATS.generation_rate, abs=0.05)
    assert found.prefix_hit_ratio == pytest.approx(STATS.prefix_hit_rate, abs=5e-4)


def interval(**changed: float) -> Interval:
    return Interval(*(getattr(STATS, name) for name in STATS.__struct_fields__), 0, 0, 0)._replace(
        **changed
    )


IDLE = interval(running=0, waiting=0, kv_usage=0, prompt_rate=0, generation_rate=0)


def test_sglang_logs_a_decode_batch_instead() -> None:
    lines = logs.interval_lines(SGLANG, AT, None, interval())
    [found] = [one for line in lines if (one := engine_stats(line.text))]
    assert (found.running, found.waiting) == (7, 90)
    assert found.kv_usage == pytest.approx(0.193, abs=5e-3)
    assert found.generation_rate == pytest.approx(18.1, abs=5e-3)
    assert any("Prefill batch" in line.text for line in lines)
    assert not [1 for line in logs.interval_lines(SGLANG, AT, None, IDLE) if "batch" in line.text]


def test_an_idle_engine_says_so_once_and_then_nothing() -> None:
    def stats(before: Interval | None, now: Interval) -> int:
        lines = logs.interval_lines(VLLM, AT, before, now)
        return sum(engine_stats(line.text) is not None for line in lines)

    assert stats(None, IDLE) == 0
    assert stats(interval(), IDLE) == 1
    assert stats(IDLE, IDLE) == 0
    assert stats(IDLE, interval()) == 1


def test_preemptions_are_warned_of_by_fifties_as_vllm_does() -> None:
    def told(before: float, now: float) -> list[str]:
        lines = logs.interval_lines(
            VLLM, AT, interval(preemptions=before), interval(preemptions=now)
        )
        return [line.text.rpartition("=")[2] for line in lines if "preempted" in line.text]

    assert told(0, 0) == []
    assert told(0, 3) == ["1"]
    assert told(3, 50) == []
    assert told(50, 51) == ["51"]
    assert told(60, 260) == ["251"]
    [line] = [
        line.text
        for line in logs.interval_lines(VLLM, AT, None, interval(preemptions=1))
        if "WARNING" in line.text
    ]
    found = match(line)
    assert found is not None
    assert (found.signature, found.values) == ("preempted", (("mode", "RECOMPUTE"),))


@pytest.mark.parametrize("container", [VLLM, SGLANG], ids=["vllm", "sglang"])
def test_requests_are_sampled_and_probes_are_all_there(container: Container) -> None:
    busy = interval(finished=171, failed=4)
    lines = logs.interval_lines(container, AT, None, busy)
    assert sum('"GET /health HTTP/1.1" 200 OK' in line.text for line in lines) == 2
    assert sum('"POST /v1/chat/completions HTTP/1.1" 200 OK' in line.text for line in lines) == 2
    assert sum('completions HTTP/1.1" 500 Internal' in line.text for line in lines) == 1
    assert all(AT <= line.at < AT + logs.INTERVAL for line in lines)
    for one in (busy, IDLE, interval(preemptions=51)):
        for before in (None, IDLE, interval(preemptions=20)):
            assert logs.interval_count(container, before, one) == len(
                logs.interval_lines(container, AT, before, one)
            )


def test_a_hang_of_several_ranks_is_complained_of_every_minute() -> None:
    lines = written(VLLM, "hang", stop=AT + 610)
    assert [line.at - AT for line in lines] == [60 * n for n in range(1, 11)]
    assert set(signatures(lines)) == {"worker-stall"}
    alone = Container(msgspec.structs.replace(FACTS, ranks=1), "p")
    assert written(alone, "hang", stop=AT + 610) == []


@pytest.mark.parametrize("container", [VLLM, SGLANG], ids=["vllm", "sglang"])
def test_a_stop_on_purpose_is_one(container: Container) -> None:
    assert set(signatures(written(container, "stop"))) == {"shutdown"}


def test_mistakes_show_at_once() -> None:
    with pytest.raises(KeyError):
        logs.stage_lines(VLLM, AT, "xid", {}, AT)
    with pytest.raises(TypeError):
        logs.stage_lines(VLLM, AT, "weights", {"second": 3.0}, AT)


def test_images_tell_who_speaks_and_which_version() -> None:
    assert speaker_of("lmsysorg/sglang:v0.5.3") == "sglang"
    assert speaker_of("vllm/vllm-openai:v0.9.2") == "vllm"
    assert version_of("vllm/vllm-openai:v0.9.2") == "0.9.2"
    assert version_of("vllm/vllm-openai:v0.9.2-cu128") == "0.9.2"
    assert version_of("vllm/vllm-openai:latest") == version_of("vllm") == "0.11.0"


REAL = Path(__file__).parents[3] / "shared/data/serving/logs"


@pytest.mark.skipif(not REAL.is_dir(), reason="reference data is not there")
@pytest.mark.parametrize("name", ["vllm-0.9.0.1-startup.log", "dgx-vllm-int4-long.log"])
def test_a_real_start_up_means_the_same_in_the_same_order(name: str) -> None:
    real = signatures([LogLine(0.0, text) for text in (REAL / name).read_text().splitlines()])
    ours = [
        *written(VLLM, "weights", seconds=70.5),
        *written(VLLM, "compile", seconds=46.0),
        *written(VLLM, "ready"),
    ]
    order = [kind for kind in dict.fromkeys(real) if kind != "shutdown"]
    assert list(dict.fromkeys(signatures(ours))) == order


def test_facts_follow_from_model_and_gpus() -> None:
    model, profile = (
        model_named("llama-3-70b"),
        serving_profile(model_named("llama-3-70b"), H100, 4),
    )
    facts = serving_facts(
        model, H100, 4, profile, name="llama-3-70b", uri="hf://x/y", image="lmsysorg/sglang:v0.5.3"
    )
    assert (facts.speaker, facts.version, facts.ranks) == ("sglang", "0.5.3", 4)
    assert facts.weights == model.weights
    assert facts.kv_bytes * 4 / facts.kv_tokens == pytest.approx(model.kv_bytes_per_token, rel=0.01)
    storage = storage_facts(facts)
    assert (storage.speaker, storage.uri, storage.weights) == (
        "storage-initializer", "hf://x/y", model.weights,
    )  # fmt: skip
