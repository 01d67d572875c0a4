"""Nodes with GPUs, and which replica gets a place on them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from mtop_tui.observations import Node

_AFFINITY = "node(s) didn't match Pod's node affinity/selector"
_NOT_READY = "node(s) had untolerated taint {node.kubernetes.io/not-ready: }"
_NO_VICTIMS = "No preemption victims found for incoming pod"
_NOT_HELPFUL = "Preemption is not helpful for scheduling"


class Ask(msgspec.Struct, frozen=True):
    """What one replica needs: so many GPUs on each of so many nodes, of one type if stated."""

    gpus: int
    nodes: int = 1
    gpu_type: str | None = None


class Cluster:
    """Free GPUs per node. Replicas are packed: the fullest node that still has room is taken."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._free = {index: node.gpus for index, node in enumerate(nodes) if node.ready}
        self._by_type: dict[str | None, dict[int, deque[int]]] = {}
        self._plain: deque[int] = deque()
        for index, free in self._free.items():
            if free:
                buckets = self._by_type.setdefault(nodes[index].gpu_type, {})
                buckets.setdefault(free, deque()).append(index)
            else:
                self._plain.append(index)

    @property
    def gpu_types(self) -> tuple[str, ...]:
        """GPU types of the nodes that are ready, in the order of the nodes."""
        return tuple(one for one in self._by_type if one is not None)

    def place(self, ask: Ask) -> tuple[Node, ...] | None:
        """Take a place for one replica on all its nodes, or None when there is none."""
        if ask.gpus == 0:
            return self._place_plain(ask.nodes)
        for gpu_type in self._types(ask.gpu_type):
            found = self._take(self._by_type[gpu_type], ask)
            if found:
                return tuple(self._nodes[index] for index in found)
        return None

    def refusal(self, ask: Ask) -> str:
        """Why no node takes such a replica, in the scheduler's words.

        A replica of several nodes may be refused although some of them would have room for a part
        of it; what is counted is the nodes that cannot take a part.
        """
        total = len(self._nodes)
        if not total:
            return "no nodes available to schedule pods"
        reasons: Counter[str] = Counter({_NOT_READY: total - len(self._free)})
        fitting = 0
        for gpu_type in self._types(ask.gpu_type):
            for free, nodes in self._by_type[gpu_type].items():
                fitting += len(nodes)
                if free < ask.gpus:
                    reasons[f"Insufficient {gpu_resource(gpu_type)}"] += len(nodes)
        if ask.gpu_type is None:
            reasons["Insufficient nvidia.com/gpu"] += len(self._plain)
            fitting += len(self._plain)
        reasons[_AFFINITY] += len(self._free) - fitting
        reasons = +reasons
        short = sum(n for reason, n in reasons.items() if reason.startswith("Insufficient"))
        outlook = Counter({_NO_VICTIMS: short, _NOT_HELPFUL: reasons.total() - short})
        return (
            f"0/{total} nodes are available: {_listed(reasons)}. "
            f"preemption: 0/{total} nodes are available: {_listed(+outlook)}."
        )

    def _types(self, wanted: str | None) -> Iterator[str | None]:
        return (one for one in self._by_type if self._fits_type(one, wanted))

    @staticmethod
    def _fits_type(offered: str | None, wanted: str | None) -> bool:
        if wanted is None or offered == wanted:
            return True
        return offered is not None and offered.startswith(f"{wanted}-")

    @staticmethod
    def _room(buckets: dict[int, deque[int]], ask: Ask) -> Iterable[int]:
        for free in sorted(buckets):
            if free >= ask.gpus:
                yield from buckets[free]

    def _take(self, buckets: dict[int, deque[int]], ask: Ask) -> list[int]:
        found: list[int] = []
        for index in self._room(buckets, ask):
            found.append(index)
            if len(found) == ask.nodes:
                break
        else:
            return []
        for index in found:
            free = self._free[index]
            buckets[free].remove(index)
            self._free[index] = free - ask.gpus
            buckets.setdefault(free - ask.gpus, deque()).append(index)
        return found

    def _place_plain(self, count: int) -> tuple[Node, ...] | None:
        indices = self._plain or deque(self._free)
        if len(indices) < count:
            return None
        chosen = tuple(self._nodes[indices[i]] for i in range(count))
        indices.rotate(-count)
        return chosen


def gpu_resource(gpu_type: str | None) -> str:
    """The resource name under which Kubernetes counts GPUs of this type."""
    return "amd.com/gpu" if gpu_type and gpu_type.startswith("MI") else "nvidia.com/gpu"


def _listed(reasons: Counter[str]) -> str:
    return ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
