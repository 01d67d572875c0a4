"""What becomes of nodes: lost, back again, taken back by the cloud, or with a broken GPU."""

from __future__ import annotations

import msgspec

from mtop_tui.engine import naming
from mtop_tui.engine.cluster import UNREACHABLE
from mtop_tui.engine.kube_events import Said
from mtop_tui.engine.kubelet import Kubelet
from mtop_tui.engine.outputs.chronicle import Chronicle
from mtop_tui.engine.pods import SimulatedReplica
from mtop_tui.engine.world import World
from mtop_tui.observations import Node, ObjectRef, Removed

MONITOR_GRACE = 40.0
"""Seconds without a word after which a node is NotReady (--node-monitor-grace-period)."""

TOLERATION = 300.0
"""Seconds a pod stays on a node that does not answer (its default toleration)."""

BOOT = (60.0, 300.0)
"""Seconds in which the cloud brings up a new node."""

FATAL = frozenset({48, 62, 64, 74, 79, 92, 94, 95, 119, 120})
"""XID codes after which the program on the GPU is gone (NVIDIA's XID catalogue)."""

OFF_THE_BUS = frozenset({79})
"""XID codes after which the GPU is gone too, until its node is restarted."""

APPLICATION = frozenset({13, 31, 43, 45})
"""XID codes that end one program, and do no harm to the next."""


class Nodes:
    """Watches over the nodes of a world."""

    def __init__(self, world: World, kubelet: Kubelet, chronicle: Chronicle) -> None:
        self._world = world
        self._kubelet = kubelet
        self._chronicle = chronicle
        self._silent: dict[str, float] = {}
        self._replaced = 0
        self.xids: dict[tuple[str, int], int] = {}
        """The latest XID of a GPU, by node and physical index."""

    def describe(self, name: str) -> Node:
        """The record of a node as it is."""
        world = self._world
        node = world.cluster.hosts[name].node
        return msgspec.structs.replace(
            node, at=world.now, ref=naming.identified(world.seed, node.ref)
        )

    def fail(self, name: str) -> None:
        """A node is gone without a word."""
        world = self._world
        if name in self._silent:
            return
        self._silent[name] = world.now
        for replica in self._on(name):
            self._kubelet.kill_process(replica)
        world.after(MONITOR_GRACE, self._miss, name, world.now)

    def _miss(self, name: str, since: float) -> None:
        world = self._world
        if self._silent.get(name) != since:
            return
        world.cluster.taint(name, UNREACHABLE)
        node = self.describe(name)
        world.emit(node)
        world.say(
            node.ref, Said("Normal", "NodeNotReady", f"Node {name} status is now: NodeNotReady")
        )
        for replica in self._on(name):
            if not replica.ending:
                self._kubelet.lose(replica, f"Kubelet of {name} stopped posting node status.")
        world.after(TOLERATION, self._evict, name, since)

    def _evict(self, name: str, since: float) -> None:
        if self._silent.get(name) != since:
            return
        for replica in self._on(name):
            ref = replica.ref
            text = f"Marking for deletion Pod {ref.namespace}/{ref.name}"
            self._world.say(ref, Said("Normal", "TaintManagerEviction", text))
            self._kubelet.end(replica, f"node {name} is unreachable")

    def recover(self, name: str) -> None:
        """A node answers again, restarted, with all its GPUs."""
        world = self._world
        was_lost = self._silent.pop(name, None) is not None
        world.cluster.mend(name)
        world.cluster.taint(name, "")
        self.xids = {key: code for key, code in self.xids.items() if key[0] != name}
        node = self.describe(name)
        world.emit(node)
        if was_lost:
            world.say(
                node.ref, Said("Normal", "NodeReady", f"Node {name} status is now: NodeReady")
            )
            for replica in self._on(name):
                if replica.ending:
                    self._kubelet.forget(replica)
                else:
                    self._kubelet.reboot(replica)
        self._kubelet.room_may_be()

    def cordon(self, name: str, unschedulable: bool) -> None:
        """Let nothing new onto a node, or let it again."""
        world = self._world
        world.cluster.cordon(name, unschedulable)
        node = self.describe(name)
        word = "NodeNotSchedulable" if unschedulable else "NodeSchedulable"
        world.say(node.ref, Said("Normal", word, f"Node {name} status is now: {word}"))
        if not unschedulable:
            self._kubelet.room_may_be()

    def reclaim(self, name: str, notice: float) -> None:
        """The cloud takes a node back: its pods are told to end, then it is gone."""
        world = self._world
        self.cordon(name, True)
        node = self.describe(name)
        text = f"Spot capacity of node {name} is taken back in {notice:.0f} s"
        world.say(node.ref, Said("Warning", "SpotInterruption", text))
        for replica in self._on(name):
            self._kubelet.end(replica, f"node {name} is taken back")
        world.after(notice, self._take, name)

    def _take(self, name: str) -> None:
        world = self._world
        if name not in world.cluster.hosts:
            return
        node = self.describe(name)
        for replica in self._on(name):
            self._kubelet.end(replica, f"node {name} is gone", at_once=True)
            self._kubelet.forget(replica)
        self._silent.pop(name, None)
        world.cluster.remove(name)
        world.on_node.pop(name, None)
        text = f"Node {name} event: Removing Node {name} from Controller"
        world.say(node.ref, Said("Normal", "RemovingNode", text))
        world.emit(Removed(at=world.now, ref=node.ref))
        boot = world.random(name, "boot").uniform(*BOOT)
        world.after(boot, self._boot, _like(node, self._next_name(name)))

    def _boot(self, node: Node) -> None:
        world = self._world
        world.cluster.add(node)
        name = node.ref.name
        found = self.describe(name)
        world.emit(found)
        text = f"Node {name} event: Registered Node {name} in Controller"
        world.say(found.ref, Said("Normal", "RegisteredNode", text))
        self._kubelet.room_may_be()

    def _next_name(self, name: str) -> str:
        self._replaced += 1
        ending = naming.suffix(5, str(self._world.seed), name, str(self._replaced))
        return f"{name[:57].rstrip('-.')}-{ending}"

    def raise_xid(self, name: str, gpu: int, code: int) -> list[SimulatedReplica]:
        """A GPU reports an error; returns the replicas that ended of it."""
        world = self._world
        host = world.cluster.hosts[name]
        self.xids[name, gpu] = code
        self._chronicle.xid(name, gpu, code)
        if code in OFF_THE_BUS:
            for index in range(host.built_in):
                if host.gpu_of(index) == gpu:
                    world.cluster.lose_gpu(name, index)
            world.emit(self.describe(name))
        if code not in FATAL | APPLICATION:
            return []
        hit = [
            replica
            for replica in self._on(name)
            if replica.server is not None
            and any(
                host.gpu_of(index) == gpu
                for seat in replica.seats
                if seat.node == name
                for index in seat.gpus
            )
        ]
        for replica in hit:
            self._kubelet.crash(replica, "Error", 1, xid_failure(code))
        return hit

    def _on(self, name: str) -> list[SimulatedReplica]:
        return list(self._world.on_node.get(name, ()))


def xid_failure(code: int) -> str:
    """The last words of an engine whose GPU failed."""
    if code in APPLICATION:
        return "RuntimeError: CUDA error: an illegal memory access was encountered"
    return "RuntimeError: CUDA error: unspecified launch failure"


def _like(node: Node, name: str) -> Node:
    """A new node like another one."""
    labels = {key: name if value == node.ref.name else value for key, value in node.labels.items()}
    ref = ObjectRef(node.ref.cluster, "", node.ref.kind, name)
    return msgspec.structs.replace(node, ref=ref, ready=True, labels=labels)
