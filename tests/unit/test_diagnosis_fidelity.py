"""The judge of the diagnosis: how it scores, and one seed of one fleet by every fault."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# `bench` is no part of the installed package.
sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.diagnosis.fleets import SERVICE
from bench.diagnosis.judge import Case, Judged
from bench.diagnosis.page import bounds_missed, is_named, score_of, totals_of
from bench.diagnosis.watch import Look

ROOT = Path(__file__).parents[2]


def look(at: float, cause: str, *, violated: bool = True, failed: bool = False) -> Look:
    return Look(at, SERVICE, cause, bool(cause), (), violated, failed, 0.2, 0.03)


def case(*looks: Look, fault: str = "network-delay") -> Case:
    return Case(fault, "l4", 1, SERVICE, looks)


def test_a_case_is_scored_a_minute_after_the_violation() -> None:
    said = [look(0, "", violated=False), look(10, ""), look(40, "high-ttft"), look(70, "high-ttft")]
    score = score_of(case(*said, look(75, "queue-growth")))
    assert score is not None
    assert (score.said, score.right, score.delay) == ("high-ttft", True, 30)


def test_what_is_over_within_the_minute_is_scored_as_it_was_last_felt() -> None:
    score = score_of(case(look(0, "high-ttft"), look(20, "", violated=False)))
    assert score is not None
    assert score.right


def test_what_violates_nothing_is_not_scored() -> None:
    calm = case(look(0, "", violated=False), look(5, "high-ttft", violated=False))
    assert score_of(calm) is None
    assert is_named(calm)


def test_a_failing_start_is_scored_from_the_first_container_that_ends() -> None:
    looks = (look(0, "starting"), look(60, "starting"), look(80, "bad-argument", failed=True))
    score = score_of(case(*looks, fault="start-failure"))
    assert score is not None
    assert (score.said, score.delay) == ("bad-argument", 0)


def test_one_word_in_an_hour_breaks_its_silence() -> None:
    hours = [look(at, "") for at in range(0, 7200, 5)]
    said = [*hours, look(3599, "high-ttft", violated=False)]
    totals = totals_of([Judged("l4", 1, (), tuple(said))])
    assert (totals.hours, totals.silent) == (2, 0.5)
    assert totals.silent_looks > 0.999
    assert "silent" not in str(bounds_missed([Judged("l4", 1, (), tuple(hours))]))


def test_one_seed_of_one_fleet_meets_the_bounds(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    command = [sys.executable, "-m", "bench.diagnosis", "--quick", "--hours", "0.2", "--jobs", "1"]
    done = subprocess.run(
        [*command, "--write", page], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| `quota-exhausted` (quota) | 1 of 1 | 1 |" in page.read_text()
