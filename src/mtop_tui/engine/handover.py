"""From prefill to decode: a request goes on when its prompt is read and its KV cache has come over.

The engine of a prefill replica knows nothing of that; its users get their first token only then, so
what a transfer takes is counted into the time to first token of the half that read the prompt.
"""

from __future__ import annotations

from functools import partial
from heapq import heappop, heappush
from random import Random

import msgspec

from mtop_tui.engine import vllm
from mtop_tui.engine.pods import SimulatedReplica
from mtop_tui.engine.service_run import PoolRun, ServiceRun
from mtop_tui.engine.serving.replica import ReplicaServer
from mtop_tui.engine.serving.requests import Request
from mtop_tui.engine.serving.sequences import Served
from mtop_tui.engine.serving.transfers import transfer_seconds

_Due = tuple[float, int, Request, SimulatedReplica]


class Handover:
    """Requests of one disaggregated service between its halves.

    Args:
        run: the service.
        random: chooses decode replicas, and which transfers fail.
    """

    def __init__(self, run: ServiceRun, random: Random) -> None:
        self.run, self._random = run, random
        self._prefill, self._decode = run.pool("prefill"), run.pool("decode")
        self._due: list[_Due] = []
        self._count = 0

    @property
    def prefill(self) -> PoolRun:
        """Where requests begin."""
        return self._prefill

    def watch(self) -> None:
        """Be told of every prompt that is read from now on."""
        for replica in self._prefill.serving:
            server = replica.server
            if isinstance(server, ReplicaServer) and server.on_end is None:
                server.on_end = partial(self._read, replica)

    def sync(self, now: float) -> None:
        """Hand on all that has come over by now; decode replicas may be advanced after that."""
        for replica in self._prefill.serving:
            server = replica.server
            if isinstance(server, ReplicaServer) and server.at < now:
                server.advance(now)
        while self._due and self._due[0][0] <= now:
            _, _, request, replica = heappop(self._due)
            if not isinstance(replica.server, ReplicaServer):
                self.run.lost += 1
                continue
            replica.server.submit(request)

    def _read(self, replica: SimulatedReplica, served: Served) -> None:
        """A prompt has been read by `replica`: its KV cache is fetched by a decode replica."""
        target = self._chosen()
        if target is None or target.transfers is None or target.server is None:
            self.run.refused += 1
            return
        sender = replica.server
        assert sender is not None
        ill = sender.factors, target.server.factors
        if self._random.random() < max(one.transfer_errors for one in ill):
            target.transfers.failed += 1
            target.server.page.counters[vllm.ERROR] += 1
            return
        request = served.request
        link = min(one.link for one in ill)
        bytes_per_token = self._prefill.model.kv_bytes_per_token
        took = transfer_seconds(request.prompt, bytes_per_token, link)
        target.transfers.arrived(took)
        profile = replica.profile
        overhead = sender.factors.network + (profile.request_overhead if profile else 0.0)
        first = served.first - request.at + overhead
        sender.page.observe(vllm.TTFT, first, -1.0)
        sender.page.observe(vllm.TTFT, first + took, 1.0)
        at = served.last + took
        self._count += 1
        going_on = msgspec.structs.replace(request, at=at)
        heappush(self._due, (at, self._count, going_on, target))

    def _chosen(self) -> SimulatedReplica | None:
        """The less busy of two decode replicas."""
        serving = self._decode.serving
        if not serving:
            return None
        draw = self._random.random
        one, other = (serving[int(draw() * len(serving))] for _ in range(2))
        return other if _load(other) < _load(one) else one


def _load(replica: SimulatedReplica) -> float:
    return replica.server.load if isinstance(replica.server, ReplicaServer) else 0.0
