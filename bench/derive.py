"""What it costs to derive all columns of a fleet from one new raw sample per replica."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator

from bench.source import LAYOUT, BenchSource
from mtop_tui.observations import MetricSample
from mtop_tui.state.fleet import FleetStore

SERVICES, REPLICAS, INTERVAL = 1000, 4, 5.0
ROUNDS, WARM_UP = 40, 16
SLICE = 64


def derived_columns() -> Iterator[float]:
    """CPU milliseconds of each round in which every replica of the fleet has news."""
    source = BenchSource(SERVICES, REPLICAS, INTERVAL, 1.0)
    store = FleetStore()
    store.apply(source.services)
    store.apply(source.replicas)
    gc.collect()
    gc.freeze()
    for turn in range(ROUNDS):
        samples = [
            MetricSample(
                at=1000 + INTERVAL * (turn + index / len(source.replicas)),
                ref=replica.ref,
                service=replica.service,
                layout=LAYOUT,
                cumulative=values,
                gauges=gauges,
            )
            for index, replica in enumerate(source.replicas)
            for values, gauges in [source.step(replica, turn)]
        ]
        began = time.process_time()
        for start in range(0, len(samples), SLICE):
            store.apply(samples[start : start + SLICE])
        for state in store.services():
            state.metrics()
        spent = time.process_time() - began
        if turn >= WARM_UP:
            yield spent * 1000
