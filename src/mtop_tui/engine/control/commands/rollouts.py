"""Commands on rollouts: start, hold, promote, abort, undo, watch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtop_tui.engine import deployment
from mtop_tui.engine.control.commands.meant import name_of
from mtop_tui.engine.control.commands.traffic import TrafficCommands
from mtop_tui.engine.levers import USUAL, LeverError, Plan
from mtop_tui.engine.serving.requests import UNCHANGED, Factors
from mtop_tui.observations import ObjectRef, Role, ServiceKey

if TYPE_CHECKING:
    from mtop_tui.engine.router import Flow

_FULL_WEIGHT = 100


class RolloutCommands(TrafficCommands):
    """See `Levers` for what each does."""

    def roll_out(
        self,
        key: ServiceKey,
        role: Role | None = None,
        *,
        image: str | None = None,
        factors: Factors | None = None,
        plan: Plan = USUAL,
        weights_gb: float | None = None,
        start_fails: str = "",
    ) -> int:
        """Start a new revision of a pool, and return its number."""
        run, pool = self._pool(key, role)
        before = pool.newest
        revision = deployment.new_revision(
            pool, self._world.seed, self.now, image=before.image if image is None else image
        )
        revision.factors = UNCHANGED if factors is None else factors
        revision.weights = before.weights if weights_gb is None else weights_gb * 1e9
        revision.start_fails = start_fails
        run.change()
        self._workloads.roll_out(pool, revision, plan)
        return revision.number

    def pause_rollout(self, key: ServiceKey) -> tuple[str, ...]:
        """Hold a rollout where it is."""
        for pool in self._rolling(key):
            self._workloads.hold(pool, paused=True)
        return (name_of(key),)

    def resume_rollout(self, key: ServiceKey) -> tuple[str, ...]:
        """Let a held rollout go on."""
        for pool in self._rolling(key):
            self._workloads.hold(pool, paused=False)
        return (name_of(key),)

    def promote(self, key: ServiceKey) -> tuple[str, ...]:
        """Give a service all traffic of its group, or finish a held rollout of its own."""
        flow = self._flow_of_group(key)
        if flow is None:
            return self.resume_rollout(key)
        weights = {run.key.name: 0 for run, _ in flow.members} | {key.name: _FULL_WEIGHT}
        return self.set_weights(key.namespace, flow.key.name, weights)

    def abort(self, key: ServiceKey) -> tuple[str, ...]:
        """Take all traffic of its group from a service, or undo a rollout under way."""
        flow = self._flow_of_group(key)
        if flow is None:
            return self.undo(key)
        return self.set_weights(key.namespace, flow.key.name, {key.name: 0})

    def undo(self, key: ServiceKey) -> tuple[str, ...]:
        """Go back to the revision before."""
        run = self._run(key)
        pools = [pool for pool in run.pools if len(pool.revisions) > 1]
        if not pools:
            raise LeverError(f"{name_of(key)} has no earlier revision")
        for pool in pools:
            run.change()
            self._workloads.undo(pool)
        return (name_of(key),)

    def watch_canary(
        self, namespace: str, group: str, canary: str, *, interval: float = 15.0
    ) -> tuple[str, ...]:
        """Judge a member of a group by its metrics every `interval` seconds, from now on."""
        flow = self._group(namespace, group)
        runs = {run.key.name: (run, weight) for run, weight in flow.members}
        if canary not in runs:
            raise LeverError(f"{canary} is not in route group {namespace}/{group}")
        others = [(weight, name) for name, (_, weight) in runs.items() if name != canary]
        if not others:
            raise LeverError(f"route group {namespace}/{group} has nobody beside {canary}")
        # Statistics cost the start of the app some milliseconds that few sessions need.
        from mtop_tui.engine.control.analysis import CanaryAnalysis  # noqa: PLC0415

        stable = runs[max(others)[1]][0]
        analysis = CanaryAnalysis(
            self._world,
            stable,
            runs[canary][0],
            self._group_ref(flow),
            lambda: self.set_weights(namespace, group, {canary: 0}),
        )
        analysis.begin(interval)
        return (f"{namespace}/{canary}",)

    @staticmethod
    def _group_ref(flow: Flow) -> ObjectRef:
        assert flow.group is not None
        return flow.group.ref
