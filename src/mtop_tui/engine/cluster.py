"""Nodes with GPUs, which replica gets a place on them, and how many GPUs a namespace may have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from mtop_tui.observations import Node

_AFFINITY = "node(s) didn't match Pod's node affinity/selector"
_UNSCHEDULABLE = "node(s) were unschedulable"
_NO_VICTIMS = "No preemption victims found for incoming pod"
_NOT_HELPFUL = "Preemption is not helpful for scheduling"

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"

_SHARES = "nvidia.com/gpu.replicas"


class Ask(msgspec.Struct, frozen=True):
    """What one replica needs: so many GPUs on each of so many nodes, of one type if stated."""

    gpus: int
    nodes: int = 1
    gpu_type: str | None = None


class Seat(NamedTuple):
    """The place of one replica, or of its part, on a node: which of its GPUs, from 0."""

    node: str
    gpus: tuple[int, ...] = ()


class Host:
    """One node as the scheduler sees it.

    Attributes:
        node: its record.
        free: indices of the GPUs that nobody has.
        taint: why nothing may come here (NOT_READY, UNREACHABLE), or empty.
        cordoned: whether somebody marked it unschedulable.
        built_in: GPUs it has when none is lost.
        broken: indices of GPUs that are lost; those of them that no replica has are `unheld`.
        shares: time slices that one GPU is offered as.
    """

    __slots__ = ("broken", "built_in", "cordoned", "free", "node", "shares", "taint", "unheld")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.built_in = node.gpus
        self.free = list(range(node.gpus))
        self.taint = "" if node.ready else NOT_READY
        self.cordoned = False
        self.broken: set[int] = set()
        self.unheld: set[int] = set()
        self.shares = _shares(node)

    @property
    def usable(self) -> bool:
        """Whether a pod may come here."""
        return not self.taint and not self.cordoned

    def gpu_of(self, index: int) -> int:
        """The physical GPU that an index stands for; several do where GPUs are time-sliced."""
        return index // self.shares


class Cluster:
    """Free GPUs per node. Replicas are packed: the fullest node that still has room is taken."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.hosts: dict[str, Host] = {}
        # Dictionaries stand in for sets that keep their order.
        self._rooms: dict[str | None, dict[int, dict[str, None]]] = {}
        self._plain: dict[str, None] = {}
        self._shut: dict[str, None] = {}
        self._turn = 0
        for node in nodes:
            self.add(node)

    @property
    def gpu_types(self) -> tuple[str, ...]:
        """GPU types of the nodes that take replicas, in the order of the nodes."""
        return tuple(
            one for one, rooms in self._rooms.items() if one is not None and any(rooms.values())
        )

    def free_gpus(self) -> dict[str, int]:
        """GPUs that a new replica could have, by type."""
        found: dict[str, int] = {}
        for gpu_type, rooms in self._rooms.items():
            if gpu_type is not None:
                found[gpu_type] = sum(free * len(names) for free, names in rooms.items())
        return found

    def add(self, node: Node) -> None:
        """A node joins."""
        host = self.hosts[node.ref.name] = Host(node)
        self._open(host)

    def remove(self, name: str) -> None:
        """A node leaves, with whatever is on it."""
        self._close(self.hosts.pop(name))

    def taint(self, name: str, taint: str) -> None:
        """Mark a node as not ready or unreachable, or (empty) as ready."""
        host = self.hosts[name]
        self._close(host)
        host.taint = taint
        host.node = msgspec.structs.replace(host.node, ready=not taint)
        self._open(host)

    def cordon(self, name: str, unschedulable: bool) -> None:
        """Let nothing new onto a node, or let it again."""
        host = self.hosts[name]
        self._close(host)
        host.cordoned = unschedulable
        self._open(host)

    def lose_gpu(self, name: str, index: int) -> None:
        """A GPU is gone: the node offers one less until it is mended."""
        host = self.hosts[name]
        if index in host.broken:
            return
        self._close(host)
        host.broken.add(index)
        if index in host.free:
            host.free.remove(index)
            host.unheld.add(index)
        self._count(host)

    def mend(self, name: str) -> None:
        """All GPUs of a node are sound; those that nobody has are free again."""
        host = self.hosts[name]
        self._close(host)
        host.free = sorted({*host.free, *host.unheld})
        host.broken.clear()
        host.unheld.clear()
        self._count(host)

    def place(self, ask: Ask) -> tuple[Seat, ...] | None:
        """Take a place for one replica on all its nodes, or None when there is none."""
        if ask.gpus == 0:
            return self._place_plain(ask.nodes)
        for gpu_type in self._types(ask.gpu_type):
            found = self._room(self._rooms[gpu_type], ask)
            if found:
                return tuple(self._take(self.hosts[name], ask.gpus) for name in found)
        return None

    def release(self, seats: Iterable[Seat]) -> None:
        """Give back what a replica had; nodes that are gone are passed over."""
        for node, gpus in seats:
            host = self.hosts.get(node)
            if host is None or not gpus:
                continue
            self._close(host)
            host.unheld |= host.broken.intersection(gpus)
            host.free = sorted({*host.free, *gpus} - host.broken)
            self._open(host)

    def refusal(self, ask: Ask) -> str:
        """Why no node takes such a replica, in the scheduler's words.

        A replica of several nodes may be refused although some of them would have room for a part
        of it; what is counted is the nodes that cannot take a part.
        """
        total = len(self.hosts)
        if not total:
            return "no nodes available to schedule pods"
        reasons: Counter[str] = Counter()
        for name in self._shut:
            taint = self.hosts[name].taint
            reasons[
                f"node(s) had untolerated taint {{{taint}: }}" if taint else _UNSCHEDULABLE
            ] += 1
        for gpu_type, rooms in self._rooms.items():
            fits = _fits_type(gpu_type, ask.gpu_type)
            for free, names in rooms.items():
                if not fits:
                    reasons[_AFFINITY] += len(names)
                elif free < ask.gpus:
                    reasons[f"Insufficient {gpu_resource(gpu_type)}"] += len(names)
        plain = "Insufficient nvidia.com/gpu" if ask.gpu_type is None else _AFFINITY
        reasons[plain] += len(self._plain) if ask.gpus else 0
        reasons = +reasons
        short = sum(n for reason, n in reasons.items() if reason.startswith("Insufficient"))
        outlook = Counter({_NO_VICTIMS: short, _NOT_HELPFUL: reasons.total() - short})
        return (
            f"0/{total} nodes are available: {_listed(reasons)}. "
            f"preemption: 0/{total} nodes are available: {_listed(+outlook)}."
        )

    def _open(self, host: Host) -> None:
        name = host.node.ref.name
        if not host.usable:
            self._shut[name] = None
        elif host.built_in:
            rooms = self._rooms.setdefault(host.node.gpu_type, {})
            rooms.setdefault(len(host.free), {})[name] = None
        else:
            self._plain[name] = None

    def _close(self, host: Host) -> None:
        name = host.node.ref.name
        self._plain.pop(name, None)
        self._shut.pop(name, None)
        rooms = self._rooms.get(host.node.gpu_type, {})
        rooms.get(len(host.free), {}).pop(name, None)

    def _count(self, host: Host) -> None:
        host.node = msgspec.structs.replace(host.node, gpus=host.built_in - len(host.broken))
        self._open(host)

    def _types(self, wanted: str | None) -> Iterator[str | None]:
        return (one for one in self._rooms if _fits_type(one, wanted))

    @staticmethod
    def _room(rooms: dict[int, dict[str, None]], ask: Ask) -> list[str]:
        found: list[str] = []
        for free in sorted(rooms):
            if free >= ask.gpus:
                for name in rooms[free]:
                    found.append(name)
                    if len(found) == ask.nodes:
                        return found
        return []

    def _take(self, host: Host, gpus: int) -> Seat:
        self._close(host)
        taken, host.free = tuple(host.free[:gpus]), host.free[gpus:]
        self._open(host)
        return Seat(host.node.ref.name, taken)

    def _place_plain(self, count: int) -> tuple[Seat, ...] | None:
        names = list(self._plain) or [n for n, host in self.hosts.items() if host.usable]
        if len(names) < count:
            return None
        start, self._turn = self._turn, self._turn + count
        return tuple(Seat(names[(start + i) % len(names)]) for i in range(count))


class Quotas:
    """GPUs that namespaces may request, and have requested."""

    def __init__(self) -> None:
        self._limits: dict[str, int] = {}
        self._used: Counter[str] = Counter()

    def limit(self, namespace: str, gpus: int | None) -> None:
        """Bound a namespace; None takes the bound away."""
        if gpus is None:
            self._limits.pop(namespace, None)
        else:
            self._limits[namespace] = gpus

    def request(self, namespace: str, gpus: int) -> str:
        """Count the GPUs of a new pod; when they are too many, why not, in the server's words."""
        limit, used = self._limits.get(namespace), self._used[namespace]
        if limit is not None and gpus and used + gpus > limit:
            resource = "requests.nvidia.com/gpu"
            return (
                f"exceeded quota: gpu-quota, requested: {resource}={gpus}, "
                f"used: {resource}={used}, limited: {resource}={limit}"
            )
        self._used[namespace] += gpus
        return ""

    def give_back(self, namespace: str, gpus: int) -> None:
        """A pod that was counted is gone."""
        self._used[namespace] -= gpus


def gpu_resource(gpu_type: str | None) -> str:
    """The resource name under which Kubernetes counts GPUs of this type."""
    return "amd.com/gpu" if gpu_type and gpu_type.startswith("MI") else "nvidia.com/gpu"


def _fits_type(offered: str | None, wanted: str | None) -> bool:
    if wanted is None or offered == wanted:
        return True
    return offered is not None and offered.startswith(f"{wanted}-")


def _shares(node: Node) -> int:
    stated = node.labels.get(_SHARES, "1")
    shares = int(stated) if stated.isdigit() else 1
    return max(1, shares) if node.gpus % max(1, shares) == 0 else 1


def _listed(reasons: Counter[str]) -> str:
    return ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
