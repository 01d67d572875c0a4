"""The real app on a scripted source and a clock that stands still: what tests of screens act on."""

from __future__ import annotations

from collections.abc import Sequence

from textual.pilot import Pilot

from fleet_source import START, ScriptedProvider, health, key, node, replica, service, traffic
from mtop_tui.app import MtopApp
from mtop_tui.clock import ManualClock
from mtop_tui.config.prices import bundled_prices
from mtop_tui.config.promises import promises
from mtop_tui.config.settings import Settings
from mtop_tui.observations import Observation, RouteShare
from mtop_tui.providers.opening import Opener
from mtop_tui.screens.fleet import FleetScreen
from mtop_tui.state.fleet import FleetStore


class Fleet:
    """An app and what it is made of."""

    def __init__(
        self,
        *observations: Observation,
        settings: Settings | None = None,
        opener: Opener | None = None,
    ) -> None:
        self.provider = ScriptedProvider(sorted(observations, key=lambda record: record.at))
        self.clock = ManualClock(START)
        settings = settings or Settings()
        self.store = FleetStore(bundled_prices(), promises(settings, None))
        self.app = MtopApp(settings, self.provider, self.store, self.clock, opener)

    @property
    def screen(self) -> FleetScreen:
        screen = self.app.screen
        assert isinstance(screen, FleetScreen)
        return screen

    @property
    def lines(self) -> list[str]:
        """What a user reads, line by line."""
        strips = self.app.screen._compositor.render_strips()
        return [strip.text.rstrip() for strip in strips]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def names(self) -> list[str]:
        """The services in the table, top to bottom."""
        known = {state.key.name for state in self.store.services()}
        words = [line[3:].split()[0] if line[3:].split() else "" for line in self.lines[3:]]
        return [word for word in words if word in known]

    def line(self, name: str) -> str:
        """The table row of a service."""
        return next(line for line in self.lines[3:] if line[3:].startswith(f"{name} "))

    async def settle(self, pilot: Pilot[int]) -> None:
        """Let what was emitted arrive and be drawn."""
        await pilot.pause()
        look = getattr(self.app.screen, "look", None)
        if look is not None:
            look()
        await pilot.pause()

    async def emit(self, pilot: Pilot[int], *observations: Observation) -> None:
        self.provider.emit(*observations)
        await self.settle(pilot)


def typical_fleet() -> Sequence[Observation]:
    """Six services: overloaded, ready, canary pair, loading, stopped."""
    records: list[Observation] = [health(), node("node-0"), node("node-1")]

    def add(name: str, namespace: str, rate: float | None, **levels: float) -> None:
        one = replica(key(name, namespace), gpus=2)
        records.extend([service(name, namespace, gpus=2), one])
        if rate is not None:
            records.extend(traffic(one, rate, **levels))

    add("gpt-oss-120b", "production", 88, ttft=2.4, itl=0.039, running=60, waiting=214, kv=0.98)
    add("granite-3-8b", "production", 61, ttft=0.18, itl=0.011, running=12, kv=0.41)
    add("qwen2-5-7b", "development", 12.9, ttft=0.24, itl=0.019, running=3, kv=0.18)
    loading = key("mixtral-8x7b", "staging")
    records += [
        service("mixtral-8x7b", "staging", ready=False, reason="MinimumReplicasUnavailable"),
        replica(
            loading,
            phase="starting",
            reason="Loading",
            since=START - 192,
            deadline=START + 408,
            node="node-1",
        ),
        service("falcon-40b", "staging", ready=False, reason="MinimumReplicasUnavailable"),
        replica(
            key("falcon-40b", "staging"),
            phase="pending",
            reason="Unschedulable",
            node=None,
            message="0/2 nodes are available: 2 Insufficient nvidia.com/gpu.",
        ),
        service("phi-4", "development", ready=False, stopped=True, reason="Stopped"),
        service("llama-3-70b", "production", route=RouteShare("llama", 75)),
    ]
    return records
