"""How fast simulated fleets run: `python -m bench.simulated_fleet [services] [seconds]`.

Prints simulated seconds per second of CPU time, all in: requests, routing, replicas, controllers,
samples, GPU readings, at a mean load of 30 % of what the replicas can serve. With 2,501 services
and more, formulas take the place of single requests. Each simulated second is timed by itself, for
machines are noisy: the median is judged. Exits 1 if it misses its bound, see `docs/speed.md`.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time

from mtop_tui.engine.demand import UNSTATED
from mtop_tui.engine.deployment import SimulatedService
from mtop_tui.engine.fleet import SimulatedFleet
from mtop_tui.engine.workload.workload import Workload
from mtop_tui.observations import Node, ObjectRef, Pool, Service

START = 1_800_000_000.0
REPLICAS = 4
UTILISATION = 0.3
WARM_UP = 20.0
BOUNDS = {False: 6.0, True: 8.0}
"""Times real time at least: request by request, and by formulas."""


def fleet_of(services: int) -> SimulatedFleet:
    """So many services of four replicas each, with room for all."""
    pools = (Pool(role="main", desired=REPLICAS, gpus_per_replica=1),)
    asked = [
        SimulatedService(
            Service(
                at=START,
                ref=ObjectRef("bench", "ns", "LLMInferenceService", f"s{index}"),
                model="meta-llama/Llama-3.1-8B",
                pools=pools,
            ),
            UNSTATED,
        )
        for index in range(services)
    ]
    nodes = [
        Node(
            at=START,
            ref=ObjectRef("bench", "", "Node", f"n{index}"),
            ready=True,
            gpus=8,
            gpu_type="L40S",
        )
        for index in range(services * REPLICAS // 8 + 1)
    ]
    return SimulatedFleet(asked, nodes, seed=1, start=START)


def load(fleet: SimulatedFleet, share: float) -> None:
    """Have every service asked for this share of its capacity at `START`.

    Left to itself, a service is asked for such a share in its busiest moments only.
    """
    for run in fleet.world.services.values():
        flow = fleet.router.flow(run.key)
        assert flow is not None
        workload = flow.workload
        assert isinstance(workload, Workload)
        profiles = [one.profile for one in run.pools[0].live if one.profile is not None]
        capacity = sum(one.capacity(*workload.mean_lengths(START)) for one in profiles)
        workload.set_mean(workload.mean * capacity * share / workload.rate(START))


def main(services: int, seconds: float) -> int:
    """Measure one fleet and judge."""
    fleet = fleet_of(services)
    begin = time.process_time()
    records = sum(map(len, fleet.advance(START)))
    print(f"{records} records describe {services} services in {time.process_time() - begin:.2f} s")
    load(fleet, UTILISATION)
    for _ in fleet.advance(START + WARM_UP):
        pass
    gc.collect()
    gc.freeze()  # as the app does once the first fleet is shown
    spent, records, before = [], 0, fleet.world.work
    for second in range(int(seconds)):
        begin = time.process_time()
        records += sum(map(len, fleet.advance(START + WARM_UP + second + 1.0)))
        spent.append(time.process_time() - begin)
    requests = (fleet.world.work - before) / seconds
    mode = "analytic" if fleet.fluid else f"{requests:,.0f} requests/s"
    bound, speed = BOUNDS[fleet.fluid], 1.0 / statistics.median(spent)
    print(
        f"{services:,} x {REPLICAS}, {mode}, {records / seconds:,.0f} records/s: "
        f"{speed:.1f} x real time, at best {1.0 / min(spent):.1f}; >= {bound:g} "
        f"{'met' if speed >= bound else 'MISSED'}"
    )
    return 0 if speed >= bound else 1


if __name__ == "__main__":
    sys.exit(
        main(
            int(sys.argv[1]) if len(sys.argv) > 1 else 1_000,
            float(sys.argv[2]) if len(sys.argv) > 2 else 10.0,
        )
    )
