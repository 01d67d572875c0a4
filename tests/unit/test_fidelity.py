"""The judge of the simulator, where the published tables are there."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

# `bench` is no part of the installed package.
sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.fidelity import rows, tables
from bench.fidelity.__main__ import DATA, ROOT
from bench.fidelity.calibrate import check_shipped, solve
from bench.fidelity.scenarios import burst, collapse, saturated

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no validation tables in {DATA}")


def test_calibrated_rows_of_the_grid_are_within_their_bounds() -> None:
    # The first three profiles, since solving all takes seconds; `make fidelity` judges them all.
    solved = list(islice(solve(DATA), 3))
    assert [complaint for one in solved if (complaint := check_shipped(one))] == []
    grid = [row for one in solved for row in one.scored]
    for metric, bound in (("throughput", 0.10), ("tpot", 0.10), ("ttft p95", 0.20)):
        found = rows.median_error(grid, metric)
        assert found is not None
        assert found[0] <= bound, metric
        assert found[1] > 150


def test_the_open_loop_on_vllm_is_within_its_bound_without_calibration() -> None:
    found = rows.median_error(tables.blis(DATA), "tpot")
    assert found is not None
    assert found[0] <= 0.25


def test_a_burst_that_fills_the_cache_of_an_rtx_4090() -> None:
    assert [one.figure for one in burst(DATA) if not one.met] == []


def test_an_l4_at_five_requests_a_second_saturates() -> None:
    assert [one.figure for one in saturated() if not one.met] == []


def test_a_random_router_collapses_what_an_aware_one_sustains() -> None:
    by_name = {one.figure: one for one in collapse(((20.0, 38.0), (40.0, 38.0)))}
    assert by_name["TTFT p90 ratio"].simulated > 50
    assert by_name["throughput ratio"].simulated > 1.5


def test_the_licence_of_a_table_keeps_its_values_out_of_the_report() -> None:
    page = (ROOT / "docs" / "fidelity.md").read_text(encoding="utf-8")
    for table in ("NIM grid", "TRT-LLM 0.9 static", "NIM grid, calibrated"):
        part = page.partition(f"### {table}\n")[2].partition("### ")[0]
        assert "Errors only" in part
        assert "→" not in part


def test_without_tables_it_says_so_and_exits_2(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.fidelity", "--data", str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "no tables in" in ended.stderr
