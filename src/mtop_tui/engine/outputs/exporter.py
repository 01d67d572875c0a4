"""What exporters of a simulated fleet say in turns: its GPUs, and its endpoint pickers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from mtop_tui.engine import lifecycle, vllm
from mtop_tui.engine.cluster import Host
from mtop_tui.engine.hardware import UNKNOWN_GPU, Gpu, gpu_named
from mtop_tui.engine.outputs.cards import card_of
from mtop_tui.engine.outputs.gpu_work import Work, engine_memory, work_of
from mtop_tui.engine.outputs.gpus import Ailment, GpuMeters, Slot, gpu_interval
from mtop_tui.engine.outputs.picker import Endpoint, PickerPage
from mtop_tui.engine.pods import SimulatedReplica
from mtop_tui.engine.service_run import ServiceRun
from mtop_tui.engine.serving.fluid import FluidServer
from mtop_tui.engine.serving.replica import ReplicaServer, ReplicaStats
from mtop_tui.engine.world import World
from mtop_tui.observations import ServiceKey

_MIG: Final = re.compile(r"[- ]mig-(\d)g\.(\d+)gb", re.IGNORECASE)
_LOST: Final = 79
_SLICES: Final = 7
_TURN: Final = 1.0

_Server = ReplicaServer | FluidServer


class Exporter:
    """Reads nodes and pickers in turns, all of them once in an interval.

    Args:
        world: where they are.
        stats: what a replica last said of itself.
        xids: the latest XID of a GPU, by node and physical index; looked up again each time.
        analytic: whether formulas serve the requests.
    """

    def __init__(
        self,
        world: World,
        stats: Callable[[SimulatedReplica], ReplicaStats | None],
        xids: Callable[[], Mapping[tuple[str, int], int]],
        *,
        analytic: bool = False,
    ) -> None:
        self._world, self._stats, self._xids = world, stats, xids
        self._analytic = analytic
        self._meters: GpuMeters | None = None
        self._pickers: dict[ServiceKey, PickerPage] = {}
        self._tokens: dict[ServiceKey, dict[_Server, tuple[float, float]]] = {}
        self._turns, self._every = 0, 1

    def begin(self) -> None:
        """Start reading, from the next second on."""
        self._world.after(_TURN, self._turn)

    def _turn(self) -> None:
        world = self._world
        hosts = world.cluster.hosts
        place = self._turns % self._every
        if place == 0:
            self._every = int(gpu_interval(sum(host.built_in for host in hosts.values())))
            place = self._turns = 0
        self._turns += 1
        every = self._every
        for name in list(hosts)[place::every]:
            self._read_node(hosts[name])
        for key in list(world.services)[place::every]:
            self._read_picker(world.services[key])
        if place == 0:
            for key in [one for one in self._pickers if one not in world.services]:
                del self._pickers[key]
                self._tokens.pop(key, None)
        world.after(_TURN, self._turn)

    # GPUs

    def _read_node(self, host: Host) -> None:
        world, name = self._world, host.node.ref.name
        here = world.on_node.get(name, {})
        if not host.built_in or host.taint or any(one.unreachable for one in here):
            return
        gpu = gpu_named(host.node.gpu_type) or UNKNOWN_GPU
        if self._meters is None:
            self._meters = GpuMeters(host.node.ref.cluster, world.seed)
        holders: dict[int, SimulatedReplica] = {}
        for replica in here:
            for seat in replica.seats:
                if seat.node == name:
                    holders.update(dict.fromkeys(seat.gpus, replica))
        slots, ailments = self._slots(host, gpu, holders)
        whole = gpu_named(_MIG.sub("", host.node.gpu_type or "")) or UNKNOWN_GPU
        world.emit(*self._meters.readings(world.now, name, card_of(whole), slots, ailments))

    def _slots(
        self, host: Host, gpu: Gpu, holders: Mapping[int, SimulatedReplica]
    ) -> tuple[list[Slot], dict[int, Ailment]]:
        mig = _MIG.search(host.node.gpu_type or "")
        each = _SLICES // int(mig[1]) if mig else host.shares
        profile = f"{mig[1]}g.{mig[2]}gb" if mig else ""
        work = {one: self._work(one, gpu, host) for one in dict.fromkeys(holders.values())}
        xids = self._xids()
        slots: list[Slot] = []
        ailments: dict[int, Ailment] = {}
        for index in range(host.built_in):
            board, replica = index // each, holders.get(index)
            slots.append(
                Slot(
                    board,
                    profile,
                    index % each + bool(mig) if each > 1 or mig else None,
                    gpu.memory if mig else None,
                    work[replica] if replica else None,
                )
            )
            xid = xids.get((host.node.ref.name, board), 0) if xids else 0
            reasons = tuple(replica.throttled.values()) if replica else ()
            if not (xid or reasons):
                continue
            before = ailments.get(board, Ailment())
            ailments[board] = Ailment(
                xid,
                reasons[0] if reasons else before.throttled,
                before.lost or (xid == _LOST and index in host.broken),
            )
        return slots, ailments

    def _work(self, replica: SimulatedReplica, gpu: Gpu, host: Host) -> Work:
        stage, start, profile = replica.life.stage, replica.start, replica.profile
        idle = Work(replica.service, replica.ref.name)
        if start is None or profile is None:
            return idle
        weights = start.weights / max(1, replica.gpus)
        memory = engine_memory(gpu.memory, weights) / host.shares
        if stage.reason == lifecycle.LOADING:
            return msgspec.structs.replace(idle, memory=self._loaded(replica, weights))
        if stage.reason == lifecycle.COMPILING:
            return msgspec.structs.replace(idle, memory=memory, busy=0.5)
        if replica.server is None:
            return idle
        stats, hung = self._stats(replica), replica.server.factors.hung
        if stats is None:
            return msgspec.structs.replace(idle, memory=memory)
        return work_of(
            replica.service, replica.ref.name, stats, profile.costs, memory=memory, hung=hung
        )

    def _loaded(self, replica: SimulatedReplica, weights: float) -> float:
        since, due = replica.life.stage.at, replica.life.due
        if due is None or due <= since:
            return 0.0
        return weights * min(1.0, (self._world.now - since) / (due - since))

    # Endpoint pickers

    def _read_picker(self, run: ServiceRun) -> None:
        if not run.pools:
            return
        page, endpoints = self._counted(run)
        self._world.emit(page.sample(self._world.now, endpoints, analytic=self._analytic))

    def picker_values(self, key: ServiceKey) -> list[float]:
        """All series of the page of a service's endpoint picker, as they are now."""
        page, endpoints = self._counted(self._world.services[key])
        return page.values(endpoints)

    def _counted(self, run: ServiceRun) -> tuple[PickerPage, list[Endpoint]]:
        """The page of a picker, up to date, and what it knows of its endpoints."""
        page = self._pickers.get(run.key)
        if page is None:
            page = self._pickers[run.key] = PickerPage(run.key, self._world.seed)
        answering = next((pool for pool in run.pools if pool.role != "prefill"), run.pools[0])
        servers = [one.server for one in answering.serving if one.server is not None]
        pages = [server.page for server in servers]
        ended = list(run.finished)
        for one in pages:
            for index, count in enumerate(one.counters[vllm.STOP :]):
                ended[index] += count
        endpoints = [Endpoint(one.running, one.waiting, one.kv_usage) for one in pages]
        under_way = sum(one.running + one.waiting for one in endpoints)
        page.count(
            # Where formulas serve, nobody counts requests as they come.
            requests=max(run.arrived, sum(ended) + under_way),
            refused=run.refused,
            failed=run.refused + run.lost + ended[vllm.ERROR - vllm.STOP],
            rejected=run.too_long,
            answered=ended[0] + ended[vllm.LENGTH - vllm.STOP],
            split=len(run.pools) > 1,
        )
        before = self._tokens.get(run.key, {})
        now: dict[_Server, tuple[float, float]] = {}
        for server, one in zip(servers, pages, strict=True):
            counters = one.counters
            now[server] = counters[vllm.PROMPT_TOKENS], counters[vllm.GENERATION_TOKENS]
            prompts, answers = before.get(server, (0.0, 0.0))
            page.input_tokens += now[server][0] - prompts
            page.output_tokens += now[server][1] - answers
        self._tokens[run.key] = now
        return page, endpoints
