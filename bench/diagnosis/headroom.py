"""How loads and objectives of the judge's fleets were chosen: `python -m bench.diagnosis.headroom`.

Prints what each fleet does in an ordinary minute at its load, and how many looks are beyond an
objective while nothing happens, at that load and at more.
"""

from __future__ import annotations

import math
from statistics import median

from bench.diagnosis.fleets import FLEETS, SERVICE, FleetKind
from bench.diagnosis.judge import HOUR
from bench.diagnosis.watch import Watch

SEEDS = (1, 2)
TIMES = (1.0, 1.25, 1.5, 1.75, 2.0)


def main() -> None:
    """Print a line per fleet and load."""
    for fleet in FLEETS:
        for times in TIMES:
            print(_line(fleet, fleet.rps * times))


def _line(fleet: FleetKind, rps: float) -> str:
    ttft, tpot, beyond = [], [], []
    for seed in SEEDS:
        watch = Watch(fleet._replace(rps=rps), seed)
        watch.advance(0.0)
        for look in watch.advance(HOUR):
            beyond.append(look.violated)
            if look.service == SERVICE:
                ttft.append(look.ttft)
                tpot.append(look.tpot)
    return (
        f"{fleet.name} at {rps:g}/s: TTFT p95 {_usual(ttft):.0f} ms of {fleet.ttft * 1000:g}, "
        f"TPOT {_usual(tpot):.1f} ms of {fleet.tpot * 1000:g}, "
        f"{sum(beyond) / len(beyond):.1%} of looks beyond"
    )


def _usual(values: list[float]) -> float:
    return 1000 * median(one for one in values if not math.isnan(one))


if __name__ == "__main__":
    main()
