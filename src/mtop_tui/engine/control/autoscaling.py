"""Autoscalers of simulated pools: horizontal pod autoscalers and KEDA's scaled objects.

They see what a scraper saw last, never the present, and change the desired replicas only.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from mtop_tui.domain.capacity.saturation import ReplicaLoad, Variant, saturation, targets
from mtop_tui.engine.control.hpa import SYNC, Behaviour, Decision, by_ratio
from mtop_tui.engine.kube_events import Said
from mtop_tui.engine.levers import ScalingMetric
from mtop_tui.engine.service_run import PoolRun
from mtop_tui.engine.world import World
from mtop_tui.observations import Autoscaler, Condition

POLLING = 30.0
"""Seconds between two looks of KEDA at its triggers (its default)."""

COOLDOWN = 300.0
"""Seconds without requests after which KEDA scales to zero (its default)."""

OPTIMISING = 30.0
"""Seconds between two recommendations of the variant autoscaler."""

STALE = 60.0
"""Seconds after which a sample is none any more for the metrics API."""

_SCALED_OBJECT = "ScaledObject"
_GAUGES = {"running": 0, "waiting": 1, "kv_usage": 2}


class Rule(msgspec.Struct, frozen=True):
    """How an autoscaler decides.

    Attributes:
        metric: by what.
        target: of its mean per replica; not used for "saturation".
    """

    metric: ScalingMetric = "saturation"
    target: float = 1.0


class Scaler:
    """One autoscaler.

    Attributes:
        record: as last observed.
        rule: by what it decides.
        broken: its condition that says why it cannot decide, or None.
    """

    def __init__(
        self,
        world: World,
        pool: PoolRun,
        record: Autoscaler,
        *,
        scale: Callable[[PoolRun, int], None],
        changed: Callable[[PoolRun], None],
        rule: Rule | None = None,
    ) -> None:
        self._world, self._pool = world, pool
        self._scale, self._changed = scale, changed
        self.rule = rule or Rule()
        self.broken: Condition | None = None
        self._behaviour = Behaviour()
        self._recommended: int | None = None
        self._recommended_at = float("-inf")
        self._busy_at = world.now
        self._asked = False
        self._conditions: dict[str, Condition] = {}
        self._ended = False
        self.record = record
        self.record = msgspec.structs.replace(
            record,
            at=world.now,
            desired=pool.desired,
            current=pool.desired,
            conditions=self._told(None, pool.desired),
        )
        self._last = self.record

    @property
    def scaled_object(self) -> bool:
        """Whether KEDA drives it."""
        return self.record.ref.kind == _SCALED_OBJECT

    @property
    def from_zero(self) -> bool:
        """Whether it may have no replica at all, and starts one when a request comes."""
        return self.scaled_object and self._least == 0

    @property
    def _least(self) -> int:
        return 1 if self.record.minimum is None else self.record.minimum

    @property
    def _most(self) -> int:
        return max(self._least, self.record.maximum or self._least, 1)

    def begin(self, phase: float) -> None:
        """Look every period from now on; `phase` (0 to 1) is where in it."""
        period = POLLING if self.scaled_object else SYNC
        self._world.after(period * phase, self._look)

    def end(self) -> None:
        """It is deleted."""
        self._ended = True

    def bound(self, least: int | None, most: int | None, rule: Rule) -> None:
        """Other bounds, and another rule."""
        self.record = msgspec.structs.replace(self.record, minimum=least, maximum=most)
        self.rule = rule

    def asked(self) -> None:
        """A request waits and nobody serves."""
        self._asked = True

    def _look(self) -> None:
        world, pool = self._world, self._pool
        if self._ended:
            return
        world.after(SYNC if not self.scaled_object or pool.desired else POLLING, self._look)
        if world.services[pool.service].stopped:
            return
        if pool.desired == 0:
            self._wake()
            return
        wanted = self._wanted()
        if wanted is None:
            self._say(None)
            return
        decision = self._behaviour.decide(
            world.now, pool.desired, wanted, max(self._least, 1), self._most
        )
        if self._idle():
            decision = decision._replace(replicas=0)
        self._apply(decision)

    def _wake(self) -> None:
        if self._asked and self.from_zero:
            self._asked = False
            self._busy_at = self._world.now
            self._event("KEDAScaleTargetActivated", "Scaled Deployment from 0 to 1")
            self._apply(Decision(1, 1, "", False))
        else:
            self._say(None)

    def _idle(self) -> bool:
        """Whether KEDA may scale to zero: nothing ran or waited for the cool-down."""
        if not self.from_zero:
            return False
        if any(sum(one[:2]) > 0 for one in self._seen()) or self._asked or not self._pool.serving:
            self._busy_at = self._world.now
            self._asked = False
        return self._world.now - self._busy_at >= COOLDOWN

    def _seen(self) -> list[tuple[float, ...]]:
        """Gauges of the replicas that serve, as they were last scraped."""
        now = self._world.now
        return [
            one.gauges[1].gauges
            for one in self._pool.serving
            if one.gauges is not None and now - one.gauges[0] <= STALE
        ]

    def _wanted(self) -> int | None:
        """Replicas the metric asks for; None when there is no metric."""
        seen, pool = self._seen(), self._pool
        if not seen:
            return None
        if self.rule.metric != "saturation":
            place = _GAUGES[self.rule.metric]
            mean = sum(one[place] for one in seen) / len(seen)
            # Pods that are not ready count as using nothing when scaling up would follow.
            wanted = by_ratio(len(seen), mean / self.rule.target)
            unready = pool.desired - len(seen)
            if unready > 0 and wanted > len(seen):
                return max(
                    pool.desired,
                    by_ratio(pool.desired, mean * len(seen) / pool.desired / self.rule.target),
                )
            return wanted
        if self._world.now - self._recommended_at >= OPTIMISING or self._recommended is None:
            loads = [ReplicaLoad(kv=one[2], queue=one[1]) for one in seen]
            pending = max(0, pool.desired - len(pool.serving))
            variant = Variant("", 1.0, len(pool.live), pool.desired, pending)
            self._recommended = targets([variant], saturation(loads))[""]
            self._recommended_at = self._world.now
        return self._recommended

    def _apply(self, decision: Decision) -> None:
        pool = self._pool
        before = pool.desired
        if decision.replicas != before:
            self._recommended = decision.replicas
            way = "above" if decision.replicas > before else "below"
            if decision.replicas == 0:
                self._event(
                    "KEDAScaleTargetDeactivated",
                    f"Deactivated apps/v1.Deployment "
                    f"{pool.service.namespace}/{pool.workload} from {before} to 0",
                )
            else:
                self._event(
                    "SuccessfulRescale",
                    f"New size: {decision.replicas}; reason: {self._metric} {way} target",
                )
            self._world.decide(
                f"autoscaler {self.record.ref.name}: {before} to {decision.replicas}"
            )
            self._scale(pool, decision.replicas)
        self._say(decision)

    @property
    def _metric(self) -> str:
        if self.rule.metric == "saturation":
            name = self.record.ref.name
            return (
                "external metric wva_desired_replicas(&LabelSelector{MatchLabels:"
                f"map[string]string{{variant_name: {name},}},MatchExpressions:"
                "[]LabelSelectorRequirement{},})"
            )
        names = {
            "running": "vllm_num_requests_running",
            "waiting": "vllm_num_requests_waiting",
            "kv_usage": "vllm_kv_cache_usage_perc",
        }
        return f"pods metric {names[self.rule.metric]}"

    def _event(self, reason: str, text: str) -> None:
        self._world.say(self.record.ref, Said("Normal", reason, text))

    def _say(self, decision: Decision | None) -> None:
        """Let be observed what has changed."""
        world, pool = self._world, self._pool
        conditions = self._told(decision, pool.desired)
        self.record = msgspec.structs.replace(
            self.record,
            at=world.now,
            desired=pool.desired,
            current=len(pool.live),
            conditions=conditions,
        )
        if msgspec.structs.replace(self._last, at=world.now) != self.record:
            self._last = self.record
            world.emit(self.record)
        lacking = decision is None and pool.desired > 0
        broken = self._conditions.get("ScalingActive" if not self.scaled_object else "Ready")
        was, self.broken = self.broken, broken if lacking else None
        if (was is None) != (self.broken is None):
            if self.broken is not None:
                said = Said("Warning", self.broken.reason, self.broken.message)
                world.say(self.record.ref, said)
            self._changed(pool)

    def _told(self, decision: Decision | None, desired: int) -> tuple[Condition, ...]:
        found = (
            self._of_scaled_object(decision, desired)
            if self.scaled_object
            else self._of_autoscaler(decision, desired)
        )
        now = self._world.now
        kept = []
        for one in found:
            before = self._conditions.get(one.type)
            same = before is not None and (before.status, before.reason) == (one.status, one.reason)
            since = before.changed_at if before is not None and same else now
            kept.append(msgspec.structs.replace(one, changed_at=since))
        self._conditions = {one.type: one for one in kept}
        return tuple(kept)

    def _of_autoscaler(self, decision: Decision | None, desired: int) -> list[Condition]:
        able = Condition(
            "AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size"
        )
        if decision is None:
            if not desired:
                why = "scaling is disabled since the replica count of the target is zero"
                return [able, Condition("ScalingActive", "False", "ScalingDisabled", why)]
            if not self._conditions and desired:
                return [able, Condition("ScalingActive", "True", "ValidMetricFound")]
            why = (
                "the HPA was unable to compute the replica count: unable to get external metric "
                f"{self.record.ref.namespace}/wva_desired_replicas/nil: no metrics returned from "
                "external metrics API"
            )
            return [able, Condition("ScalingActive", "False", "FailedGetExternalMetric", why)]
        if decision.stabilised:
            why = "recent recommendations were higher than current one, applying the highest"
            able = Condition("AbleToScale", "True", "ScaleDownStabilized", f"{why} recent one")
        active = Condition(
            "ScalingActive",
            "True",
            "ValidMetricFound",
            f"the HPA was able to successfully calculate a replica count from {self._metric}",
        )
        return [able, active, _limited(decision)]

    def _of_scaled_object(self, decision: Decision | None, desired: int) -> list[Condition]:
        if decision is None and desired and self._conditions:
            why = "Triggers defined in ScaledObject are not working correctly"
            ready = Condition("Ready", "False", "TriggerError", why)
        else:
            why = "ScaledObject is defined correctly and is ready for scaling"
            ready = Condition("Ready", "True", "ScaledObjectReady", why)
        if desired:
            why = "Scaling is performed because triggers are active"
            return [ready, Condition("Active", "True", "ScalerActive", why)]
        why = "Scaling is not performed because triggers are not active"
        return [ready, Condition("Active", "False", "ScalerNotActive", why)]


def _limited(decision: Decision) -> Condition:
    match decision.limited:
        case "TooManyReplicas":
            text = "the desired replica count is more than the maximum replica count"
        case "TooFewReplicas":
            text = "the desired replica count is less than the minimum replica count"
        case "ScaleUpLimit":
            text = "the desired replica count is increasing faster than the maximum scale rate"
        case _:
            text = "the desired count is within the acceptable range"
            return Condition("ScalingLimited", "False", "DesiredWithinRange", text)
    return Condition("ScalingLimited", "True", decision.limited, text)
