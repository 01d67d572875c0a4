"""Judges the engine against published measurements: `python -m bench.fidelity [--quick]`.

Reads the tables in `--data`, writes `docs/fidelity.md`, prints the figures to reach, and exits 1 if
one is missed, 2 if the tables are not there; the figures of single tables only inform. With
`--quick` it runs every tenth row of the large tables and writes nothing. With `--calibrate` it
prints the engine's table of calibrations.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.fidelity import tables
from bench.fidelity.calibrate import check_shipped, solve
from bench.fidelity.report import Target, page
from bench.fidelity.rows import Row, by_table, errors
from bench.fidelity.scenarios import Outcome, burst, collapse, saturated

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "validation"
PAGE = ROOT / "docs" / "fidelity.md"

_EVERY = 10
_APART = ("MLPerf v4.1", "dstack 405B")


def main() -> int:
    """Run, write, judge."""
    parser = argparse.ArgumentParser(prog="python -m bench.fidelity", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the tables")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows; writes nothing")
    parser.add_argument("--calibrate", action="store_true", help="print calibrations and end")
    arguments = parser.parse_args()
    folder: Path = arguments.data
    if not (folder / "nim_trtllm_concurrency.csv").is_file():
        print(f"fidelity: no tables in {folder}; name their folder with --data", file=sys.stderr)
        return 2
    solved = list(solve(folder))
    if arguments.calibrate:
        for one in solved:
            print(one.line() if one.solvable else f"# {' '.join(one.key)}: not solvable")
        return 0
    rows = _rows(folder, quick=arguments.quick)
    calibrated = [row for one in solved if one.solvable for row in one.scored]
    outcomes = [*burst(folder), *saturated(), *collapse()]
    found = targets(rows, calibrated, outcomes)
    for one in found:
        verdict = {True: "met", False: "MISSED", None: ""}[one.met]
        print(f"{one.name:<66} {one.bound:<12} {one.reached:<10} {verdict}")
    stale = [complaint for one in solved if (complaint := check_shipped(one))]
    for complaint in stale:
        print(f"calibration out of date: {complaint}; run with --calibrate")
    if not arguments.quick:
        PAGE.write_text(page(found, outcomes, solved, [*rows, *calibrated]), encoding="utf-8")
        print(f"wrote {PAGE.relative_to(ROOT)}")
    return 1 if stale or any(one.met is False and not one.part for one in found) else 0


def _rows(folder: Path, *, quick: bool) -> list[Row]:
    """All tables without calibration. Quick takes a part of those that take long."""
    step = _EVERY if quick else 1
    rows = list(tables.nim(folder, step=step))
    rows += tables.trtllm_static(folder)
    rows += tables.splitwise(folder)
    rows += tables.blis(folder)
    rows += tables.accelmark(folder, step=step)
    rows += tables.llmservingsim(folder)
    rows += tables.trtllm_max(folder, step=step)
    rows += tables.misc(folder)
    rows += tables.mlperf(folder, step=step)
    rows += tables.dstack(folder)
    return rows


def targets(
    rows: Sequence[Row], calibrated: Sequence[Row], outcomes: Iterable[Outcome]
) -> list[Target]:
    """The figures to reach."""
    grid = [one for one in calibrated if one.table.startswith("NIM")]
    plain = [one for one in rows if one.table not in _APART]
    found = [
        _median("NIM grid, calibrated: throughput", errors(grid, "throughput"), 0.10),
        _median("NIM grid, calibrated: time per token", errors(grid, "tpot"), 0.10),
        _median("NIM grid, calibrated: TTFT p95", errors(grid, "ttft p95"), 0.20),
        _median("all tables, uncalibrated: throughput", errors(plain, "throughput"), 0.25),
        _median("all tables, uncalibrated: time per token", errors(plain, "tpot"), 0.25),
    ]
    for table, some in by_table(plain):
        for metric, name in (("throughput", "throughput"), ("tpot", "time per token")):
            if of_table := errors(some, metric):
                part = _median(f"of these, {table}: {name}", of_table, 0.25)
                part.part = True
                found.append(part)
    found += [
        _median("saturation, NIM grid, calibrated", saturation(grid), 0.15),
        _median("saturation, NIM grid, uncalibrated", saturation(_table(rows, "NIM grid")), 0.15),
        _median("saturation, AccelMark offline", _offline(_table(rows, "AccelMark")), 0.15),
        _median("(apart) MLPerf: capacity", errors(_table(rows, "MLPerf v4.1"), "capacity"), None),
    ]
    for one in outcomes:
        if one.least > 0.0 or one.most < float("inf"):
            most = f" to {one.most:.3g}" if one.most < float("inf") else " or more"
            bound = f"{one.least:.3g}{most}"
            name = f"{one.scenario}: {one.figure}"
            found.append(Target(name, bound, f"{one.simulated:.3g}", one.met))
    return found


def _table(rows: Iterable[Row], name: str) -> list[Row]:
    return [one for one in rows if one.table == name]


def _median(name: str, found: Sequence[float], bound: float | None) -> Target:
    if not found:
        return Target(name, "", "no rows", met=False)
    middle = statistics.median(found)
    limit = "" if bound is None else f"<= {bound * 100:.0f} %"
    return Target(name, limit, f"{middle * 100:.1f} %", None if bound is None else middle <= bound)


def saturation(rows: Iterable[Row]) -> list[float]:
    """Errors of the highest throughput over all numbers of clients, by shape."""
    shapes: dict[str, list[Row]] = {}
    for one in rows:
        if not one.skip and "throughput" in one.figures:
            shapes.setdefault(one.name.rpartition(" c=")[0], []).append(one)
    found = []
    for some in shapes.values():
        measured = max(one.figures["throughput"][0] for one in some)
        found.append(abs(max(one.figures["throughput"][1] for one in some) / measured - 1.0))
    return found


def _offline(rows: Iterable[Row]) -> list[float]:
    return errors((one for one in rows if " offline" in one.name), "throughput")


if __name__ == "__main__":
    sys.exit(main())
