"""How loads and objectives of the judge's fleets were chosen: `python -m bench.diagnosis.headroom`.

Prints what each fleet does in the worst minute of an hour in which nothing happens, at its load and
at more, and how many looks are beyond an objective then.
"""

from __future__ import annotations

import math
from contextlib import closing

from bench.diagnosis.fleets import BYSTANDER, FLEETS, FleetKind
from bench.diagnosis.judge import HOUR
from bench.diagnosis.watch import Watch

SEEDS = (1, 2)
TIMES = (1.0, 1.25, 1.5, 1.75)


def main() -> None:
    """Print a line per fleet and load."""
    for fleet in FLEETS:
        for times in TIMES:
            print(_line(fleet, fleet.rps * times))


def _line(fleet: FleetKind, rps: float) -> str:
    ttft: list[float] = []
    tpot: list[float] = []
    beyond: list[bool] = []
    for seed in SEEDS:
        with closing(Watch(fleet._replace(rps=rps), seed)) as watch:
            watch.advance(0.0)
            looks = [one for one in watch.advance(HOUR) if one.service != BYSTANDER]
        beyond += [one.violated for one in looks]
        ttft += [one.ttft for one in looks]
        tpot += [one.tpot for one in looks]
    return (
        f"{fleet.name} at {rps:g}/s: TTFT p95 {_worst(ttft):.0f} ms of {fleet.ttft * 1000:g}, "
        f"TPOT {_worst(tpot):.1f} ms of {fleet.tpot * 1000:g}, "
        f"{sum(beyond) / len(beyond):.1%} of looks beyond"
    )


def _worst(values: list[float]) -> float:
    return 1000 * max(one for one in values if not math.isnan(one))


if __name__ == "__main__":
    main()
