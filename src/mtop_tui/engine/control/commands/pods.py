"""Commands on pods and on what limits their starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from mtop_tui.engine import deployment
from mtop_tui.engine.control.commands.meant import Commands, names_of
from mtop_tui.engine.levers import Selector
from mtop_tui.engine.lifecycle import Limits
from mtop_tui.engine.pods import SimulatedReplica
from mtop_tui.engine.service_run import PoolRun
from mtop_tui.engine.serving.replica import ReplicaServer
from mtop_tui.engine.serving.requests import Factors


class PodCommands(Commands):
    """See `Levers` for what each does."""

    def kill_pods(self, selector: Selector) -> tuple[str, ...]:
        """Delete pods; their owners replace them."""
        found = [one for one in self._chosen(selector) if not one.ending]
        for replica in found:
            self._kubelet.end(replica)
        return names_of(found)

    def crash_pods(
        self, selector: Selector, reason: str = "Error", code: int = 1, message: str = ""
    ) -> tuple[str, ...]:
        """End the engines of pods; the kubelet restarts them."""
        found = self._chosen(selector, running=True)
        for replica in found:
            self._kubelet.crash(replica, reason, code, message)
        return names_of(found)

    def set_factors(
        self, name: str, selector: Selector, factors: Factors | None
    ) -> tuple[str, ...]:
        """Change what replicas can do, or take back what was changed under this name."""
        if factors is None:
            found = [one for one in self._fleet.replicas() if name in one.factors]
        else:
            found = self._chosen(selector)
        for replica in found:
            self._up_to_now(replica)
            was_hung = replica.hung
            replica.change(name, factors)
            self._kubelet.changed_factors(replica, was_hung)
        return names_of(found)

    def throttle(self, selector: Selector, reason: str, factors: Factors | None) -> tuple[str, ...]:
        """Hold down the clocks of the GPUs of replicas, or let go."""
        name = f"throttle {reason}"
        if factors is None:
            found = [one for one in self._fleet.replicas() if name in one.factors]
        else:
            found = self._chosen(selector)
        for replica in found:
            self._up_to_now(replica)
            replica.change(name, factors)
            if factors is None:
                replica.throttled.pop(name, None)
            else:
                replica.throttled[name] = reason
        return names_of(found)

    def set_pull(
        self, selector: Selector, bytes_per_s: float | None = None, *, fails: bool = False
    ) -> tuple[str, ...]:
        """Bound the rate at which images come, or let pulls fail."""

        def limited(pool: PoolRun) -> Limits:
            image = pool.newest.image or deployment.DEFAULT_IMAGE
            fault = deployment.pull_fault(image) if fails else ""
            return msgspec.structs.replace(pool.limits, pull=bytes_per_s, pull_fault=fault)

        return self._limit(selector, limited)

    def set_weights_rate(
        self, selector: Selector, bytes_per_s: float | None = None, *, hangs: bool = False
    ) -> tuple[str, ...]:
        """Bound the rate at which weights are downloaded and read, or let the download hang."""
        rate = 0.0 if hangs else bytes_per_s
        return self._limit(
            selector, lambda pool: msgspec.structs.replace(pool.limits, weights=rate)
        )

    def log(self, selector: Selector, lines: Iterable[str]) -> tuple[str, ...]:
        """Write lines into the logs of replicas' main containers."""
        found = self._chosen(selector)
        told = list(lines)
        for replica in found:
            self._fleet.chronicle.write(replica, told)
        return names_of(found)

    def _limit(self, selector: Selector, limited: Callable[[PoolRun], Limits]) -> tuple[str, ...]:
        found = self._chosen(selector)
        pools = dict.fromkeys(self._world.pool_of(one) for one in found)
        for pool in pools:
            pool.limits = limited(pool)
            for replica in pool.live:
                self._kubelet.limit(replica)
        return names_of(found)

    def _up_to_now(self, replica: SimulatedReplica) -> None:
        if isinstance(replica.server, ReplicaServer) and replica.server.at < self.now:
            replica.server.advance(self.now)
