"""Judges the diagnosis: `python -m bench.diagnosis [--quick] [--write PATH]`.

Every fault on every fleet with every seed, its strength drawn over the range of the catalogue. A
case is scored from the moment at which an objective is violated or a replica is not ready. Quick is
one seed on one fleet. The page goes to docs/diagnosis-fidelity.md; exit 1 when a bound is missed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.diagnosis.fleets import FLEETS
from bench.diagnosis.judge import case_of, healthy_looks
from bench.diagnosis.page import bounds_missed, page
from mtop_tui.engine.faults.catalogue import FAULTS

PAGE = Path(__file__).parents[2] / "docs" / "diagnosis-fidelity.md"
SEEDS = (1, 2, 3, 4, 5)
NOT_JUDGED = frozenset({"traffic-stop", "node-taint"})
"""They violate no objective: nobody calls, and what runs on a tainted node goes on."""


def main() -> int:
    """Run all cases and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed on one fleet")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="how many, at most 5")
    parser.add_argument("--faults", help="only these, separated by commas")
    parser.add_argument("--write", type=Path, default=PAGE, help="where the page goes")
    given = parser.parse_args()
    fleets, seeds = (FLEETS[:1], SEEDS[:1]) if given.quick else (FLEETS, SEEDS[: given.seeds])
    wanted = given.faults.split(",") if given.faults else [*FAULTS]
    cases, healthy = [], []
    for fleet in fleets:
        for seed in seeds:
            healthy += healthy_looks(fleet, seed, 3600.0)
            for name in wanted:
                if name not in NOT_JUDGED:
                    cases.append(case_of(FAULTS[name], fleet, seed))
                    print(fleet.name, seed, name, file=sys.stderr)
    given.write.write_text(page(cases, healthy))
    missed = bounds_missed(cases, healthy)
    print("".join(f"missed: {one}\n" for one in missed) or "all bounds are met")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
