"""Writes down what happens to the replicas of a fleet, as their containers would log it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from zlib import crc32

import msgspec

from mtop_tui.engine import lifecycle, naming, vllm
from mtop_tui.engine.hardware import UNKNOWN_GPU, gpu_named
from mtop_tui.engine.lifecycle import Stage
from mtop_tui.engine.outputs import failures
from mtop_tui.engine.outputs.container import MAIN, STORAGE_INITIALIZER, ContainerFacts
from mtop_tui.engine.outputs.interval import INTERVAL
from mtop_tui.engine.outputs.logbook import Logbook, ring_limit
from mtop_tui.engine.outputs.ring import LogRing
from mtop_tui.engine.outputs.serving_facts import USUAL_LENGTH, serving_facts, storage_facts
from mtop_tui.engine.pods import SimulatedReplica
from mtop_tui.engine.serving.replica import ReplicaServer, ReplicaStats
from mtop_tui.engine.turns import Turns
from mtop_tui.engine.world import World
from mtop_tui.observations import LogLines, ObjectRef

_PROCESS_START = 12.0
_MANY, _SELDOM = 10_000, 6
"""In larger fleets only every sixth statistics line is written, since nobody could read them all
and each costs as much as a sample."""

_ENGINE = "VLLM::EngineCor"
_KILLED = "OOMKilled"
_FACTS_HELD = 50_000


class _Track:
    """What was written of one replica so far."""

    __slots__ = (
        "done",
        "failed",
        "finished",
        "hung",
        "paced_at",
        "ref",
        "ring",
        "since",
        "stats",
        "ticking",
        "whole",
    )

    def __init__(self, ref: ObjectRef) -> None:
        self.ref = ref
        self.ring: LogRing | None = None
        self.stats: ReplicaStats | None = None
        self.finished = self.failed = 0.0
        self.hung = self.ticking = False
        self.done = self.since = self.paced_at = 0.0
        self.whole = math.inf


class Chronicle:
    """The logs of a fleet; `book` is where they are kept.

    Args:
        world: where it happens.
        replicas: of the fleet, about; the more, the fewer lines of each are kept.
        start: when somebody begins to look, in Unix seconds.
    """

    def __init__(self, world: World, replicas: int, start: float) -> None:
        self._world = world
        self._described_at, self._seen_from = world.now, start
        self.book = Logbook(world.now, limit=ring_limit(replicas))
        self._every = INTERVAL if replicas <= _MANY else _SELDOM * INTERVAL
        self._facts: dict[tuple[ObjectRef, str | None], ContainerFacts] = {}
        self._tracks: dict[SimulatedReplica, _Track] = {}
        self._turns = Turns(world, self._tick)

    def settled(self, at: float) -> None:
        """Everything that happens before `at` has been written; it may be read.

        At `at` itself somebody may still do something, which has its lines then.
        """
        self.book.present = math.nextafter(at, -math.inf)

    def stats(self, replica: SimulatedReplica) -> ReplicaStats | None:
        """What a replica last said of itself; None while it does not serve."""
        track = self._tracks.get(replica)
        return track.stats if track is not None and replica.server is not None else None

    def entered(self, replica: SimulatedReplica, before: Stage | None) -> None:
        """A replica is in another stage of its life than before (None: it is new)."""
        stage = replica.life.stage
        if not replica.seats:
            return
        self._track(replica)
        match stage.reason:
            case lifecycle.DOWNLOADING | lifecycle.LOADING:
                self._begin(replica, stage.at)
            case lifecycle.COMPILING:
                seconds = (replica.life.due or stage.at) - stage.at
                self._main(replica).stage(stage.at, "compile", seconds=seconds)
            case lifecycle.SERVING:
                self._serving(replica, stage.at)
            case lifecycle.CRASH_LOOP:
                self._crashed(replica, before)
            case lifecycle.TERMINATING if before is not None and before.phase == "ready":
                self._main(replica).stage(stage.at, "stop")
            case lifecycle.LOST | lifecycle.TERMINATING:
                self._main(replica).end(stage.at)

    def paced(self, replica: SimulatedReplica) -> None:
        """The rate at which its weights come has changed."""
        stage, now = replica.life.stage, self._world.now
        track = self._tracks.get(replica)
        if track is None or stage.reason not in {lifecycle.DOWNLOADING, lifecycle.LOADING}:
            return
        self._continue(replica, track, now)

    def removed(self, replica: SimulatedReplica) -> None:
        """The pod is gone, and its logs with it."""
        track = self._tracks.pop(replica, None)
        if track is not None:
            self.book.forget(replica.service, track.ref)

    def write(self, replica: SimulatedReplica, lines: Iterable[str]) -> None:
        """Lines of a replica's main container, now."""
        self._track(replica)
        ring = self._main(replica)
        for text in lines:
            ring.write(self._world.now, text)

    def xid(self, node: str, gpu: int, code: int) -> None:
        """The driver of a node reports an error of one of its GPUs."""
        self._kernel(node).stage(self._world.now, "xid", gpu=gpu, code=code)

    # Rings

    def _track(self, replica: SimulatedReplica) -> _Track:
        track = self._tracks.get(replica)
        if track is None or track.ref != replica.ref:
            if track is not None:
                self.book.forget(replica.service, track.ref)
            ticking = track is not None and track.ticking
            track = self._tracks[replica] = _Track(replica.ref)
            track.ticking = ticking
        return track

    def _main(self, replica: SimulatedReplica) -> LogRing:
        facts = self._facts_of(replica)
        return self.book.open(replica.service, replica.ref, MAIN, facts, replica.nodes)

    def _kernel(self, node: str) -> LogRing:
        ref = self._world.cluster.hosts[node].node.ref
        return self.book.kernel(naming.identified(self._world.seed, ref))

    def _facts_of(self, replica: SimulatedReplica) -> ContainerFacts:
        key = replica.revision.ref, replica.gpu_type
        facts = self._facts.get(key)
        if facts is None:
            service = self._world.services[replica.service].service
            facts = ContainerFacts(model=service.model)
            if replica.profile is not None:
                pool = self._world.pool_of(replica)
                facts = serving_facts(
                    pool.model,
                    gpu_named(replica.gpu_type) or UNKNOWN_GPU,
                    replica.gpus,
                    replica.profile,
                    name=service.model,
                    uri=service.model_uri,
                    image=replica.revision.image,
                    max_model_len=pool.spec.max_model_len or USUAL_LENGTH,
                )
            if len(self._facts) >= _FACTS_HELD:
                self._facts.clear()
            self._facts[key] = facts
        return facts

    # Stages

    def _begin(self, replica: SimulatedReplica, at: float) -> None:
        track = self._track(replica)
        track.done, track.since, track.whole = 0.0, at, math.inf
        if replica.life.stage.reason == lifecycle.LOADING:
            ring = self._main(replica)
            if not ring.fresh:
                ring.restart(at)
            ring.stage(at, "start", seconds=_PROCESS_START)
            track.since = at + _PROCESS_START
        track.paced_at = track.since
        self._continue(replica, track, track.since)

    def _continue(self, replica: SimulatedReplica, track: _Track, now: float) -> None:
        """Weights come at the rate that holds from now on."""
        start = replica.start
        if start is None:
            return
        now = max(now, track.since)
        track.done = min(0.999, track.done + (now - track.paced_at) / track.whole)
        bound = self._world.pool_of(replica).limits.weights
        if replica.life.stage.reason == lifecycle.DOWNLOADING:
            track.whole = _seconds(start.weights, lifecycle.DOWNLOAD_RATE, bound)
            facts = storage_facts(self._facts_of(replica))
            ring = self.book.open(replica.service, replica.ref, STORAGE_INITIALIZER, facts)
            kind = "download"
        else:
            rate = lifecycle.LOAD_RATE * start.nodes
            # The start of the process counts as bytes too, see `lifecycle`.
            size = start.weights + _PROCESS_START * rate
            track.whole = _seconds(size, rate, bound) - _PROCESS_START
            ring, kind = self._main(replica), "weights"
        track.paced_at = now
        left, spent = track.whole * (1.0 - track.done), now - track.since
        ring.stage(now, kind, seconds=left, done=track.done, spent=spent)

    def _serving(self, replica: SimulatedReplica, at: float) -> None:
        track = self._track(replica)
        track.ring = self._main(replica)
        track.ring.stage(at, "ready")
        track.hung = False
        track.finished = track.failed = 0.0
        if not track.ticking:
            track.ticking = True
            world = self._world
            place = crc32(replica.ref.name.encode()) % 1000 / 1000
            world.at(max(at, world.now) + self._every * (0.001 + place), self._tick, replica)

    def _crashed(self, replica: SimulatedReplica, before: Stage | None) -> None:
        world, exit_ = self._world, replica.life.last_exit
        ring = self._main(replica)
        if exit_ is None:
            return
        at = replica.life.stage.at
        if exit_.reason == _KILLED:
            ring.end(at)
            memory = replica.start.weights if replica.start else 0.0
            for node in replica.nodes[:1]:
                self._kernel(node).stage(
                    at, "host-oom", pid=ring.pid, process=_ENGINE, resident=memory
                )
            return
        if exit_.message == lifecycle.PROBE_FAILED:
            ring.stage(at, "stop")
            return
        starting = float(before is None or before.phase != "ready")
        kind = failures.failure_of(exit_.message)
        figures: dict[str, float | str] = {}
        if kind in {"cuda-oom", "error"}:
            figures["starting"] = starting
        if kind == "cuda-oom" and (wanted := failures.wanted_bytes(exit_.message)):
            figures["wanted"] = wanted
        if kind == "error":
            figures["text"] = exit_.message or f"RuntimeError: exit code {exit_.code}"
        said = ring.fail(at, kind, **figures)
        if world.now > self._described_at:
            world.emit(said)
        else:
            # What was written before anybody looked is read once there is something to look at.
            world.at(self._seen_from, self._tell, said)

    def _tell(self, said: LogLines) -> None:
        self._world.emit(msgspec.structs.replace(said, at=self._world.now))

    # Statistics

    def _tick(self, replica: SimulatedReplica) -> None:
        world, server = self._world, replica.server
        track = self._tracks.get(replica)
        if track is None:
            return
        if server is None:
            track.ticking, track.stats = False, None
            return
        now = world.now
        if isinstance(server, ReplicaServer) and server.at < now:
            server.advance(now)
        track.stats = stats = server.stats()
        counters = server.page.counters
        finished = counters[vllm.STOP] + counters[vllm.LENGTH]
        failed = counters[vllm.ERROR]
        ring = track.ring or self._main(replica)
        hung = server.factors.hung
        if hung != track.hung:
            track.hung = hung
            ring.stage(now, "hang" if hung else "resume")
        ring.record(
            now,
            stats,
            finished=max(0.0, finished - track.finished),
            failed=max(0.0, failed - track.failed),
            preemptions=counters[vllm.PREEMPTIONS],
        )
        track.finished, track.failed = finished, failed
        self._turns.at(world.beat(replica.service, now + self._every), replica)


def _seconds(size: float, rate: float, bound: float | None) -> float:
    rate = rate if bound is None else min(rate, bound)
    return size / rate if rate else math.inf
