"""One scored row, and how the rows of a table sum up."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mtop_tui.engine.hardware import gpu_named
from mtop_tui.engine.models import model_named
from mtop_tui.engine.serving.profiles import ServingProfile, serving_profile
from mtop_tui.engine.serving.scheduling import Engine

Table = list[dict[str, str]]


@dataclass
class Row:
    """Measured and simulated figures of one configuration. Seconds, tokens per second, requests.

    `shown` is whether the licence allows to print what was measured; `skip` says why a row is not
    scored. `line` is that of the table's file.
    """

    table: str
    name: str
    line: int
    figures: dict[str, tuple[float, float]] = field(default_factory=dict)
    shown: bool = True
    skip: str = ""

    def add(self, metric: str, measured: str, simulated: float, scale: float = 1.0) -> None:
        """A figure, if it was measured. `scale` turns the table's unit into ours."""
        if measured:
            self.figures[metric] = (float(measured) * scale, simulated)

    def error(self, metric: str) -> float:
        """Relative error, signed."""
        measured, simulated = self.figures[metric]
        return simulated / measured - 1.0


def read(folder: Path, name: str) -> Table:
    """The rows of a table, each with the `line` of the file it stands in."""
    with (folder / name).open(newline="", encoding="utf-8") as file:
        return [{**one, "line": str(line)} for line, one in enumerate(csv.DictReader(file), 2)]


def profile_of(
    row: dict[str, str], engine: Engine, *, gpus: int | None = None, kv_dtype: str = ""
) -> ServingProfile:
    """The profile of a row's GPU, model and precision."""
    gpu = gpu_named(row["gpu"])
    if gpu is None:
        raise ValueError(f"{row['gpu']}: no such GPU in the engine")
    return serving_profile(
        model_named(row["model"]),
        gpu,
        int(row["n_gpu"]) if gpus is None else gpus,
        dtype=row["precision"],
        kv_dtype=kv_dtype,
        engine=engine,
    )


def errors(rows: Iterable[Row], metric: str) -> list[float]:
    """Absolute relative errors of the scored rows that have this figure."""
    return [abs(one.error(metric)) for one in rows if not one.skip and metric in one.figures]


def median_error(rows: Iterable[Row], metric: str) -> tuple[float, int] | None:
    """Median absolute relative error, and of how many rows; None without any."""
    found = errors(rows, metric)
    return (statistics.median(found), len(found)) if found else None


def by_table(rows: Iterable[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Rows of each table, in the order of their first."""
    tables: dict[str, list[Row]] = {}
    for one in rows:
        tables.setdefault(one.table, []).append(one)
    yield from tables.items()
