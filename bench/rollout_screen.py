"""What the Rollout screen costs: `python -m bench.rollout_screen [--quick]`.

1,000 services in 500 route groups, each a canary beside its stable one. Of one pair an hour has
been seen: weights, replicas, events, verdicts. Prints CPU time from asking for the screen to
its first paint, from a key to the last repaint that follows, and of comparing, with the bounds, and
exits 1 if one is missed. Garbage is collected between measurements, not within: opening
a screen many times in a row, as nobody does, would be charged for all that was opened before.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import time
from collections.abc import Iterator, Sequence

import msgspec
from rich.console import RenderableType
from textual.screen import Screen

from bench.__main__ import Figure
from bench.source import STEPS, BenchSource
from mtop_tui.app import MtopApp
from mtop_tui.clock import ManualClock
from mtop_tui.config.prices import bundled_prices
from mtop_tui.config.settings import Settings
from mtop_tui.observations import (
    KubeEvent,
    MetricSample,
    ObjectRef,
    Observation,
    Replica,
    Revision,
    RouteGroup,
    RouteMember,
    ServiceKey,
)
from mtop_tui.screens.rollout import RolloutScreen
from mtop_tui.state.fleet import FleetStore

SERVICES, REPLICAS = 1_000, 4
START = 1_800_000_000.0
HOUR = 3600.0
KEYS = ("N", "left", "N", "tab", "right", "minus", "N", "plus", "n", "shift+tab", "left", "escape")


class Bench:
    """The fleet and its clock."""

    def __init__(self) -> None:
        self.source = BenchSource(SERVICES, REPLICAS, 5.0, 1.0)
        self.store = FleetStore(bundled_prices())
        self.now = START
        self.key = self.source.services[1].key

    def describe(self) -> None:
        """All objects; every odd service is the canary of the one before."""
        services = [
            msgspec.structs.replace(one, at=START, created_at=START - HOUR * (SERVICES - index))
            for index, one in enumerate(self.source.services)
        ]
        replicas = [
            msgspec.structs.replace(
                one, at=START, since=START - HOUR, created_at=START - 2 * HOUR, revision="r1"
            )
            for one in self.source.replicas
        ]
        self.store.apply([*self.source._nodes(), *services, *replicas])
        for index in range(0, SERVICES, 2):
            self.store.apply([self.group(index, 10)])
        self.store.apply([self.revision(one.key, REPLICAS) for one in services])

    def group(self, index: int, weight: int) -> RouteGroup:
        """The route group of a pair."""
        names = [self.source.services[at].ref.name for at in (index, index + 1)]
        return RouteGroup(
            at=self.now,
            ref=ObjectRef("bench", "bench", "RouteGroup", f"group-{index}"),
            members=(RouteMember(names[0], 100 - weight), RouteMember(names[1], weight)),
        )

    def revision(self, key: ServiceKey, ready: int) -> Revision:
        """The revision of a service, with so many ready replicas."""
        return Revision(
            at=self.now,
            ref=ObjectRef("bench", "bench", "ReplicaSet", f"{key.name}-r1", f"rs-{key.name}"),
            service=key,
            role="main",
            number=1,
            image="ghcr.io/llm-d/llm-d-cuda:v0.9.0",
            created_at=START,
            desired=REPLICAS,
            ready=ready,
        )

    def samples(self, replicas: Sequence[Replica]) -> list[MetricSample]:
        """What replicas expose now."""
        step = int((self.now - START) / 5) % STEPS
        return [self.source._sample(one, self.now, step) for one in replicas]

    def happenings(self, minute: int) -> list[Observation]:
        """What happens to the pair that is looked at, minute by minute."""
        key = (self.key, self.source.services[0].key)[minute % 2]
        said = KubeEvent(
            at=self.now,
            ref=ObjectRef("bench", "bench", "Event", f"e{minute}", f"e{minute}"),
            involved=ObjectRef("bench", "bench", "LLMInferenceService", key.name, ""),
            severity="Warning" if minute % 5 == 0 else "Normal",
            reason="Rescaled",
            message="New size: 4; reason: the queue per replica is above its target of 2 requests",
        )
        return [
            said,
            self.group(0, minute % 50 + 1),
            self.revision(self.key, REPLICAS - minute % 3),
        ]

    def an_hour(self) -> Iterator[float]:
        """An hour of the pair that is looked at, and a minute of all; CPU of each 15 s of all."""
        pair = self.source.replicas[: 2 * REPLICAS]
        for second in range(5, int(HOUR), 5):
            self.now = START + second
            if second % 60 == 0:
                self.store.apply(self.happenings(second // 60))
            seen = self.source.replicas if second > HOUR - 120 else pair
            batch = self.samples(seen)
            for start in range(0, len(batch), 64):
                began = time.process_time()
                self.store.apply(batch[start : start + 64])
                if seen is not pair:
                    yield time.process_time() - began


class Watched(MtopApp):
    """The app, which says when it first and last handed something of the screen to the terminal."""

    first: float | None = None
    last = 0.0

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        super()._display(screen, renderable)
        if isinstance(screen, RolloutScreen):
            self.last = time.process_time()
            self.first = self.first or self.last


async def screen(bench: Bench, opens: int, presses: int) -> tuple[list[float], list[float]]:
    """CPU seconds of opening the screen and of keys on it, while data arrives."""
    app = Watched(Settings(), _Silent(), bench.store, ManualClock(bench.now))
    opened, pressed = [], []
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        for _ in range(opens):
            gc.collect()
            app.first = None
            began = time.process_time()
            app.push_screen(RolloutScreen(bench.key))
            await pilot.pause()
            opened.append((app.first or app.last) - began)
            app.pop_screen()
            await pilot.pause()
        app.push_screen(RolloutScreen(bench.key))
        await pilot.pause()
        for press in range(presses):
            bench.now += 0.2
            bench.store.apply(bench.samples(bench.source.replicas[:800]))
            gc.collect()
            began = time.process_time()
            await pilot.press(KEYS[press % len(KEYS)])
            await pilot.pause()
            pressed.append(app.last - began)
            if not isinstance(app.screen, RolloutScreen):
                app.push_screen(RolloutScreen(bench.key))
                await pilot.pause()
    return opened, pressed


class _Silent(BenchSource):
    """A source that says nothing more: what arrives is applied by hand."""

    def __init__(self) -> None:
        super().__init__(1, 1, 5.0, 1.0)

    async def observe(self):  # type: ignore[no-untyped-def,override]
        await asyncio.Event().wait()
        yield []


def _share(seconds: Sequence[float], share: float) -> float:
    """Milliseconds that so large a share does not exceed."""
    return 1000 * sorted(seconds)[min(int(len(seconds) * share), len(seconds) - 1)]


def main() -> int:
    """Run all; exit code 1 when a bound is missed."""
    parser = argparse.ArgumentParser(prog="bench.rollout_screen", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter runs, noisier figures")
    quick = parser.parse_args().quick
    bench = Bench()
    bench.describe()
    slices = list(bench.an_hour())
    opened, pressed = asyncio.run(screen(bench, 20 if quick else 60, 60 if quick else 240))
    track = bench.store.comparison(bench.key)
    kept = 0 if track is None else track.nbytes
    figures = [
        Figure("1000 services: opening to first paint, median", _share(opened, 0.5), "ms CPU"),
        Figure("1000 services: opening to first paint, p95", _share(opened, 0.95), "ms CPU", 60),
        Figure("1000 services: key to the last repaint, median", _share(pressed, 0.5), "ms CPU"),
        Figure("1000 services: key to the last repaint, p95", _share(pressed, 0.95), "ms CPU", 16),
        Figure("500 pairs: 64 samples into the store, p99", _share(slices, 0.99), "ms CPU"),
        Figure("500 pairs: 64 samples into the store, most", _share(slices, 1.0), "ms CPU"),
        Figure("one pair: an hour of what was said", kept / 1000, "KB"),
    ]
    for figure in figures:
        print(figure)
    return 1 if any(figure.met is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
