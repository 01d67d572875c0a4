"""Everything known of one service."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mtop_tui.domain.staleness import stale_after
from mtop_tui.observations import (
    PAST_HOURS,
    PAST_MOMENTS,
    Autoscaler,
    KubeEvent,
    MetricSample,
    ObjectRef,
    Past,
    Replica,
    Revision,
    SampleLayout,
    Service,
    ServiceKey,
)
from mtop_tui.state.changes import ChangeLog
from mtop_tui.state.history import ServiceHistory
from mtop_tui.state.metrics import NO_METRICS, WINDOW, ServiceMetrics, derive, past_figures
from mtop_tui.state.totals import MINUTE, Member, PoolTotals, WindowedTotals, index_of

if TYPE_CHECKING:
    from mtop_tui.domain.diagnosis.facts import LogHit, ScaleChange
    from mtop_tui.domain.slo.burn_alerts import Severity
    from mtop_tui.domain.slo.objectives import Kind
    from mtop_tui.state.minutes import MinuteHistory
    from mtop_tui.state.objectives import ObjectiveStatus, ObjectiveTrack, Promises

EVENTS_KEPT = 50
SCALE_CHANGES_KEPT = 100
REVISION_CHANGES_KEPT = 200
MIRROR_CHANGES_KEPT = 20


class ServiceState:
    """One service: what it is, its replicas, and its figures now and lately.

    `revision` rises with every change, so a view knows whether to look again.
    """

    def __init__(self, key: ServiceKey, promises: Promises | None = None) -> None:
        self.key = key
        self.service: Service | None = None
        self.replicas: dict[ObjectRef, Replica] = {}
        self.revisions: dict[ObjectRef, Revision] = {}
        self.revision_log: ChangeLog[ObjectRef, Revision] = ChangeLog(REVISION_CHANGES_KEPT)
        self.mirror_log: ChangeLog[str, str] = ChangeLog(MIRROR_CHANGES_KEPT)
        self.autoscalers: dict[ObjectRef, Autoscaler] = {}
        self.events: deque[KubeEvent] = deque(maxlen=EVENTS_KEPT)
        self.scale_changes: deque[ScaleChange] = deque(maxlen=SCALE_CHANGES_KEPT)
        self.log_hits: dict[tuple[str, str], LogHit] = {}
        self.history: ServiceHistory | None = None
        self.minutes: MinuteHistory | None = None
        self.picker: MetricSample | None = None
        self.slo_problem = ""
        self.simulated_past = False
        self.revision = 0
        self.topology_revision = 0
        self.last_at: float | None = None
        self._pools: dict[tuple[bool, str, SampleLayout], PoolTotals] = {}
        self._round = 0
        self._round_at: float | None = None
        self._interval = 0.0
        self._metrics = NO_METRICS
        self._underived = False
        self._was_quiet = False
        self._promises = promises
        self._promised_to: dict[str, str] | None = None
        self._tracks: tuple[ObjectiveTrack, ...] = ()
        self._statuses: list[ObjectiveStatus] | None = None

    def join(self, sample: MetricSample) -> Member:
        """Begin to count a replica (or whatever else a sample is of)."""
        replica = self.replicas.get(sample.ref)
        role = sample.role or (None if replica is None else replica.role)
        prefill = role == "prefill"
        key = (prefill, sample.form, sample.layout)
        pool = self._pools.get(key)
        if pool is None:
            kind = PoolTotals if sample.form == "cumulative" else WindowedTotals
            pool = self._pools[key] = kind(sample.layout)
        if self.history is None:
            self.history = ServiceHistory()
        member = pool.join(sample.ref, sample)
        self._underived = True
        self._heard(member, sample.at)
        return member

    def take(self, member: Member, sample: MetricSample) -> None:
        """Take the next sample of a replica that is counted already."""
        if sample.at < member.at:
            return
        if member.round == self._round:
            self._close_round()
        if member.pool.update(member, sample):
            self._underived = True
        self._heard(member, sample.at)

    def leave(self, member: Member) -> None:
        """Stop counting a replica and keep what it served."""
        member.pool.leave(member.ref)
        self._underived = True

    def _heard(self, member: Member, at: float) -> None:
        member.round = self._round
        if self.last_at is None or at > self.last_at:
            self.last_at = at
        self.revision += 1

    def _close_round(self) -> None:
        """Every replica has been heard of: derive, remember, begin again.

        A round ends when a replica speaks for the second time, so history grows at the pace at
        which new information comes in, whatever the scrape interval is.
        """
        at = self.last_at
        if at is not None and self.history is not None:
            pools = self._pools
            quiet = all(pool.is_quiet(at, WINDOW) for pool in pools.values())
            if not (quiet and self._was_quiet):
                self._underived = True  # even without news, the window has moved on
            self._was_quiet = quiet
            self.history.record(at, self.metrics())
            for pool in pools.values():
                pool.close_round(at, WINDOW)
            if self._round_at is None or at // MINUTE > self._round_at // MINUTE:
                self._close_minute(at)
            if self._round_at is not None:
                self._interval = at - self._round_at
            self._round_at = at
        self._round += 1

    def _close_minute(self, at: float) -> None:
        added = [(key[0], pool, pool.close_minute(at)) for key, pool in self._pools.items()]
        if self._promises is None or self.service is None:
            return
        from mtop_tui.state.objectives import PoolMinute  # noqa: PLC0415 - after a minute only

        self._follow_promises()
        minutes = [
            PoolMinute(prefill, pool.index, values)
            for prefill, pool, values in added
            if values is not None
        ]
        if minutes:
            for track in self._tracks:
                track.close_minute(at - MINUTE, minutes)
        self._statuses = None

    def _follow_promises(self) -> None:
        """Begin to track what is promised by now, if that is something else."""
        if self._promises is None or self.service is None:
            return
        from mtop_tui.state.objectives import ObjectiveTrack  # noqa: PLC0415 - after a minute only

        if self._promised_to != self.service.annotations:
            promised = self._promises(self.service)
            self._promised_to, self.slo_problem = self.service.annotations, promised.problem
            self._tracks = tuple(map(ObjectiveTrack, promised.promises))

    def fill_past(self, past: Past) -> None:
        """Take what it did before it was observed; what is known already stays."""
        index = index_of(past.layout)
        if self.history is None:
            self.history = ServiceHistory()
        for step in past.moments[:PAST_MOMENTS]:
            if index.fits(step, past.at):
                self.history.fill(step.at, past_figures(index, step), now=past.at)
        self._follow_promises()
        if self._tracks:
            from mtop_tui.state.objectives import PoolMinute  # noqa: PLC0415 - imported by now

            for step in past.hours[:PAST_HOURS]:
                if not index.fits(step, past.at):
                    continue
                scale = MINUTE / step.seconds
                mean = [
                    PoolMinute(one.role == "prefill", index, [scale * n for n in one.added])
                    for one in step.pools
                ]
                for track in self._tracks:
                    track.fill_hour(step.at - step.seconds, step.seconds, mean, past.at)
        self.simulated_past |= past.simulated
        self._statuses = None
        self.revision += 1

    def note_revision(self, record: Revision) -> None:
        """Take what a revision is by now, and remember it."""
        before = self.revisions.get(record.ref)
        self.revisions[record.ref] = record
        if before is None or replace(before, at=record.at) != record:
            self.revision_log.note(record.at, record.ref, record)

    def drop_revision(self, ref: ObjectRef, at: float) -> None:
        """A revision is gone, if it was one of its own."""
        if self.revisions.pop(ref, None) is not None:
            self.revision_log.note(at, ref, None)

    @property
    def has_two_revisions(self) -> bool:
        """Whether one of its pools has, or should have, replicas of two revisions."""
        roles = [one.role for one in self.revisions.values() if one.desired or one.ready]
        return len(roles) > len(set(roles))

    def note_mirror(self, record: Service) -> None:
        """Remember who gets copies of its requests, when that changes; before `service` does."""
        before = "" if self.service is None else self.service.mirrors_to
        if record.mirrors_to != before:
            self.mirror_log.note(record.at, "", record.mirrors_to or None)

    def note_scaling(self, at: float, before: int | None, after: int | None) -> None:
        """Remember that an autoscaler asks for another number of replicas."""
        if before is None or after is None or before == after:
            return
        from mtop_tui.domain.diagnosis.facts import ScaleChange  # noqa: PLC0415 - rarely needed

        self.scale_changes.append(ScaleChange(at=at, before=before, after=after))

    @property
    def has_objectives(self) -> bool:
        """Whether anything is promised of it; known once a minute has passed."""
        return bool(self._tracks)

    @property
    def is_burning(self) -> bool:
        """Whether an alert on the burn rate of one of its objectives fires."""
        return any(track.is_burning for track in self._tracks)

    def fires(self, severity: Severity) -> bool:
        """Whether an alert of this severity fires on the burn rate of one of its objectives."""
        return any(track.fires(severity) for track in self._tracks)

    def promised(self, kind: Kind) -> float | None:
        """The threshold of what is promised of this kind, such as seconds of TTFT."""
        for track in self._tracks:
            indicator = track.promise.objective.indicator
            if indicator.kind is kind:
                return indicator.threshold
        return None

    def objectives(self) -> Sequence[ObjectiveStatus]:
        """How its objectives fared when the last minute ended; empty without any."""
        if self._statuses is None:
            at = self._round_at or self.last_at or 0.0
            self._statuses = [track.status(at) for track in self._tracks]
        return self._statuses

    def metrics(self) -> ServiceMetrics:
        """The figures at the time of the latest sample."""
        if self._underived and self.last_at is not None:
            pools = self._pools.items()
            self._metrics = derive(
                [pool for (prefill, *_), pool in pools if not prefill],
                [pool for (prefill, *_), pool in pools if prefill],
                self.last_at,
                self.last_at - self.stale_after,
            )
            self._underived = False
        return self._metrics

    @property
    def last_metrics(self) -> ServiceMetrics:
        """The figures as last derived: at most one scrape round old, and free."""
        return self._metrics

    @property
    def interval(self) -> float:
        """Seconds between two samples of a replica; 0 before that is known."""
        return self._interval

    @property
    def is_measured(self) -> bool:
        """Whether its rates are those of all sampled replicas, not of the first alone.

        Of what is counted it takes two samples of each, of what a window is asked for one.
        """
        counted = [pool for (_, form, _), pool in self._pools.items() if form == "cumulative"]
        return self._interval > 0 or all(
            self._round > 0 and member.round == self._round
            for pool in counted
            for member in pool.members.values()
        )

    @property
    def stale_after(self) -> float:
        """Seconds without a sample after which the figures are no longer current."""
        return stale_after(self._interval)

    def is_stale(self, now: float) -> bool:
        """Whether samples came once and have stopped."""
        return self.last_at is not None and now - self.last_at > self.stale_after

    def members(self) -> dict[ObjectRef, Member]:
        """What samples are taken of, and what they last said."""
        return {
            ref: member for pool in self._pools.values() for ref, member in pool.members.items()
        }

    def serving_pools(self) -> list[PoolTotals]:
        """The pools that finish requests and have replicas."""
        return [pool for (prefill, *_), pool in self._pools.items() if not prefill and pool.members]

    def pools(self, *, prefill: bool) -> list[PoolTotals]:
        """The pools of one half: those that only read prompts, or those that finish requests."""
        return [pool for (half, *_), pool in self._pools.items() if half == prefill]

    def object_refs(self) -> list[ObjectRef]:
        """Identities of the objects that belong to this service."""
        return [*self.replicas, *self.revisions, *self.autoscalers]

    def sample_refs(self) -> list[ObjectRef]:
        """Identities of what this service has samples of."""
        return [ref for pool in self._pools.values() for ref in pool.members]

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers kept for this service."""
        history = 0 if self.history is None else self.history.nbytes
        tracks = sum(track.nbytes for track in self._tracks)
        return history + tracks + sum(pool.nbytes for pool in self._pools.values())
