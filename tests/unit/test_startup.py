"""What an engine is at while it starts, by its log."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleet_source import START, key, replica
from mtop_tui.domain.readiness import status_of
from mtop_tui.domain.startup import EngineStage, engine_stage

LOGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "serving" / "logs"
PREFIX = "(EngineCore pid=1) INFO 08-03 21:02:58 [gpu_model_runner.py:1] "
VLLM = (
    (1.0, PREFIX + "Starting to load model org/model..."),
    (5.0, "Loading safetensors checkpoint shards:  47% Completed | 9/19 [01:15<00:44,  4.48s/it]"),
    (9.0, PREFIX + "Model loading took 95.46 GiB memory and 2736.589904 seconds"),
    (12.0, PREFIX + "torch.compile took 29.18 s in total"),
    (20.0, PREFIX + "Available KV cache memory: 8.72 GiB"),
    (21.0, PREFIX + "something else"),
)
SGLANG = (
    (1.0, "[2026-08-01 23:37:50] Load weight begin. avail mem=115.36 GB"),
    (7.0, "[2026-08-01 23:39:39] Load weight end. elapsed=109.33 s, type=LagunaForCausalLM"),
    (8.0, "[2026-08-01 23:39:43] Load weight begin. avail mem=47.83 GB"),
    (9.0, "[2026-08-01 23:40:01] Memory pool end. avail mem=17.73 GB"),
)


@pytest.mark.parametrize(
    ("lines", "stage"),
    [
        ((), None),
        (((1.0, "INFO Automatically detected platform cuda."),), None),
        (VLLM[:1], EngineStage("Loading", 1.0)),
        (VLLM[:2], EngineStage("Loading", 1.0, "9 of 19 shards of the weights are read")),
        (VLLM[:4], EngineStage("Compiling", 9.0)),
        (VLLM, EngineStage("Warming", 20.0)),
        (SGLANG[:3], EngineStage("Loading", 8.0)),
        (SGLANG, EngineStage("Warming", 9.0)),
    ],
)
def test_the_last_line_that_says_something_counts(lines, stage):
    assert engine_stage(lines) == stage


@pytest.mark.parametrize(
    ("message", "said"),
    [("pulling image", "pulling image 1m30"), ("", "starting 1m30"), ("pulling", "starting 1m30")],
)
def test_an_image_that_is_pulled_is_said(message: str, said: str):
    one = replica(
        key("chat"),
        phase="starting",
        reason="ContainerCreating",
        message=message,
        since=START - 90,
    )
    assert status_of((), [one], stopped=False, now=START).text == said


@pytest.mark.skipif(not LOGS.is_dir(), reason="the data of the field is not here")
@pytest.mark.parametrize(
    ("name", "works"),
    [
        ("dgx-laguna-int4-start.log", ["Loading", "Compiling", "Warming"]),
        ("dgx-sglang-int4.log", ["Loading", "Compiling", "Loading", "Compiling", "Warming"]),
        ("vllm-0.9.0.1-startup.log", ["Loading", "Compiling", "Warming"]),
    ],
)
def test_real_engines_go_through_their_stages(name: str, works: list[str]):
    lines = list(enumerate((LOGS / name).read_text(errors="replace").splitlines()))
    seen = []
    for end in range(1, len(lines) + 1):
        stage = engine_stage([(float(at), text) for at, text in lines[:end][-200:]])
        if stage is not None and (not seen or seen[-1] != stage.work):
            seen.append(stage.work)
    assert seen == works
