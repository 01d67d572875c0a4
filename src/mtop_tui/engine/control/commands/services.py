"""Commands on services and their workloads: create, delete, scale, stop, restart."""

from __future__ import annotations

from mtop_tui.engine import deployment
from mtop_tui.engine.control.autoscaling import Rule
from mtop_tui.engine.control.commands.meant import name_of
from mtop_tui.engine.control.commands.rollouts import RolloutCommands
from mtop_tui.engine.levers import LeverError, ScalingMetric
from mtop_tui.observations import Role, ServiceKey


class ServiceCommands(RolloutCommands):
    """See `Levers` for what each does."""

    def add_service(self, one: deployment.SimulatedService) -> tuple[str, ...]:
        """Create a service; its replicas start from nothing."""
        self._fleet.describe_first()
        if one.service.key in self._world.services:
            raise LeverError(f"{name_of(one.service.key)} is there already")
        self._fleet.appear(one, self.now)
        return (name_of(one.service.key),)

    def remove_service(self, key: ServiceKey) -> tuple[str, ...]:
        """Delete a service and all that belongs to it."""
        self._run(key)
        self._fleet.disappear(key)
        return (name_of(key),)

    def scale(self, key: ServiceKey, role: Role | None, replicas: int) -> tuple[str, ...]:
        """Set the replicas of a pool."""
        if replicas < 0:
            raise LeverError(f"{replicas} replicas: expected 0 or more")
        run, pool = self._pool(key, role)
        run.change()
        self._workloads.scale(pool, replicas)
        self._workloads.changed(pool)
        return (name_of(key),)

    def stop(self, key: ServiceKey, stopped: bool = True) -> tuple[str, ...]:
        """Stop a service on purpose, or start it again."""
        run = self._run(key)
        run.change(stopped=stopped)
        for pool in run.pools:
            wanted = 1 if pool.spec.desired is None else pool.spec.desired
            self._workloads.scale(pool, 0 if stopped else wanted)
            self._workloads.changed(pool)
        self._router.reweigh(key)
        return (name_of(key),)

    def restart(self, key: ServiceKey, role: Role | None = None) -> tuple[str, ...]:
        """Roll all replicas of a pool anew."""
        self.roll_out(key, role)
        return (name_of(key),)

    def set_scaling(
        self,
        key: ServiceKey,
        role: Role | None,
        minimum: int,
        maximum: int,
        *,
        metric: ScalingMetric = "saturation",
        target: float = 1.0,
        scaled_object: bool = False,
    ) -> tuple[str, ...]:
        """Give a pool an autoscaler, or its autoscaler other bounds and another rule."""
        if not 0 <= minimum <= maximum or (minimum == 0 and not scaled_object):
            raise LeverError(f"{minimum} to {maximum} replicas: expected 1 (KEDA: 0) or more")
        run, pool = self._pool(key, role)
        rule = Rule(metric, target)
        if pool.scaler is not None:
            pool.scaler.bound(minimum, maximum, rule)
        else:
            self._fleet.add_scaler(run, pool, minimum, maximum, rule, scaled_object=scaled_object)
        return (name_of(key),)
