"""Solves the two numbers of each calibrated profile from two measured rows, and judges the rest.

On the NIM grid the rows are 25 clients with 200/1000 tokens for decoding, and one client with
2000/200 for reading prompts. On the open-loop experiments it is the first stage of each.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.fidelity.rows import Row, errors, profile_of, read
from bench.fidelity.tables import blis_row, nim_row
from mtop_tui.engine.hardware import gpu_named
from mtop_tui.engine.models import model_named

Key = tuple[str, str, str, str]
Run = Callable[[dict[str, str], float, float], Row]

NIM_SOURCE = "NVIDIA NIM (TensorRT-LLM, 2024), closed loop"
BLIS_SOURCE = "vLLM 0.15.1 on H100 (BLIS, 2026), open loop"
_ROUNDS = 6
_FEW, _FEW_BAND = 5, 0.12
"""With fewer rows to score than this a median says little: the worst of all those rows is given."""

_LEAST, _MOST = 0.2, 4.0


@dataclass
class Solved:
    """The calibration of one profile, and how the rows that were not used come out."""

    engine: str
    key: Key
    source: str
    decode: float
    prefill: float
    used: list[dict[str, str]]
    scored: list[Row]

    @property
    def band(self) -> float:
        """Median error of throughput and time per token on the scored rows."""
        found = errors(self.scored, "throughput") + errors(self.scored, "tpot")
        return statistics.median(found) if len(self.scored) >= _FEW else _FEW_BAND

    @property
    def solvable(self) -> bool:
        """Whether both numbers lie within what a calibration may correct."""
        return _LEAST < self.prefill < _MOST and _LEAST < self.decode < _MOST

    def line(self) -> str:
        """Its entry in the engine's table."""
        gpu = gpu_named(self.key[0])
        model, weight_bytes = profile_model(self.key)
        source = "_NIM" if self.engine == "trt-llm" else "_BLIS"
        name = gpu.name if gpu else self.key[0]
        band = f"±{self.band * 100:.0f} %"
        return (
            f'("{name}", "{model}", {weight_bytes:.1f}, {self.key[1]}, "{self.engine}"): '
            f'Calibration({self.decode:.3f}, {self.prefill:.3f}, {source}, "{band}"),'
        )


def profile_model(key: Key) -> tuple[str, float]:
    """The engine's name of a row's model, and the bytes of a weight."""
    model = model_named(key[2])
    narrow = {"fp8": 1.0, "fp4": 0.56}.get(key[3], 2.0)
    return model.name, min(narrow, model.weight_bytes)


def key_of(one: dict[str, str]) -> Key:
    """What a calibration holds for."""
    return one["gpu"], one["n_gpu"], one["model"], one["precision"]


def _grouped(rows: list[dict[str, str]]) -> dict[Key, list[dict[str, str]]]:
    groups: dict[Key, list[dict[str, str]]] = {}
    for one in rows:
        groups.setdefault(key_of(one), []).append(one)
    return groups


def _solve(
    run: Run, decode_row: dict[str, str], prefill_row: dict[str, str]
) -> tuple[float, float]:
    """Both scales, each in turn, until both rows come out as measured."""
    decode = prefill = 1.0
    for _ in range(_ROUNDS):
        decode /= 1.0 + run(decode_row, decode, prefill).error("tpot")
        prefill = _prefill(run, prefill_row, decode, prefill)
    return decode, prefill


def _prefill(run: Run, row: dict[str, str], decode: float, prefill: float) -> float:
    """One secant step towards the measured time to first token."""
    measured, now = run(row, decode, prefill).figures["ttft mean"]
    _, more = run(row, decode, prefill * 1.1).figures["ttft mean"]
    slope = (more - now) / (0.1 * prefill)
    return min(5.0, max(_LEAST / 2, prefill + (measured - now) / slope)) if slope > 0 else prefill


def solve(folder: Path) -> Iterator[Solved]:
    """Every profile that has the rows to solve it from."""
    for key, rows in _grouped(read(folder, "nim_trtllm_concurrency.csv")).items():
        decode_row = _find(rows, "25", "200", "1000")
        prefill_row = _find(rows, "1", "2000", "200")
        if decode_row is None or prefill_row is None:
            continue
        yield _judged("trt-llm", key, NIM_SOURCE, nim_row, [decode_row, prefill_row], rows)
    for key, rows in _grouped(read(folder, "blis_vllm0151_h100_openloop.csv")).items():
        yield _judged("vllm-v1", key, BLIS_SOURCE, blis_row, [rows[0]], rows)


def _judged(
    engine: str,
    key: Key,
    source: str,
    run: Run,
    used: list[dict[str, str]],
    rows: list[dict[str, str]],
) -> Solved:
    decode, prefill = _solve(run, used[0], used[-1])
    scored = [run(one, decode, prefill) for one in rows if one not in used]
    for one in scored:
        one.table = f"{one.table}, calibrated"
    return Solved(engine, key, source, decode, prefill, used, scored)


def _find(
    rows: list[dict[str, str]], concurrency: str, prompt: str, output: str
) -> dict[str, str] | None:
    wanted = (concurrency, prompt, output)
    found = (one for one in rows if (one["concurrency"], one["isl"], one["osl"]) == wanted)
    return next(found, None)


def check_shipped(solved: Solved) -> str:
    """What the engine ships for a profile, against what was solved now; empty when they agree."""
    one = dict(zip(("gpu", "n_gpu", "model", "precision"), solved.key, strict=True))
    if not solved.solvable:
        return ""
    shipped = profile_of(one, solved.engine).calibration  # type: ignore[arg-type]
    name = " ".join(solved.key)
    if shipped is None:
        return f"{name}: not shipped"
    if abs(shipped.decode - solved.decode) > 0.005 or abs(shipped.prefill - solved.prefill) > 0.005:
        return f"{name}: ships {shipped.decode:.3f} and {shipped.prefill:.3f}"
    return ""
