"""All the logs of a simulated fleet, found by the service and the node they belong to."""

from __future__ import annotations

from mtop_tui.engine.outputs.container import KERNEL, ContainerFacts
from mtop_tui.engine.outputs.ring import LINES, LogRing
from mtop_tui.observations import ObjectRef, ServiceKey

_KERNEL = ContainerFacts(speaker="kernel")
_LINES_IN_ALL = 8_000_000
_FEWEST = 100
_KERNELS_HELD = 2_000


def ring_limit(replicas: int) -> int:
    """Lines each container keeps in a fleet of so many replicas: 2,000 up to 4,000 replicas."""
    return max(_FEWEST, min(LINES, _LINES_IN_ALL // max(1, replicas)))


class Logbook:
    """The log rings of pods and nodes.

    Attributes:
        present: Unix seconds up to which everything that happened has been written. Lines are read
            up to it and no further, so that none comes late.
    """

    def __init__(self, present: float, *, limit: int = LINES) -> None:
        self.present = present
        self._limit = limit
        self._pods: dict[ServiceKey, dict[ObjectRef, dict[str, LogRing]]] = {}
        self._kernels: dict[str, LogRing] = {}

    def open(
        self,
        service: ServiceKey,
        pod: ObjectRef,
        container: str,
        facts: ContainerFacts,
        nodes: tuple[str, ...] = (),
    ) -> LogRing:
        """The ring of a container, made when it is not there yet."""
        containers = self._pods.setdefault(service, {}).setdefault(pod, {})
        ring = containers.get(container)
        if ring is None:
            ring = LogRing(pod, container, facts, nodes=nodes, limit=self._limit)
            containers[container] = ring
        return ring

    def kernel(self, node: ObjectRef) -> LogRing:
        """The kernel's stream of a node, made when it is not there yet; the oldest then goes."""
        ring = self._kernels.get(node.name)
        if ring is None:
            if len(self._kernels) >= _KERNELS_HELD:
                del self._kernels[next(iter(self._kernels))]
            ring = self._kernels[node.name] = LogRing(node, KERNEL, _KERNEL, limit=self._limit)
        return ring

    def forget(self, service: ServiceKey, pod: ObjectRef) -> None:
        """The pod is deleted, and its logs with it."""
        pods = self._pods.get(service, {})
        pods.pop(pod, None)
        if not pods:
            self._pods.pop(service, None)

    def rings(
        self, service: ServiceKey, pod: str | None = None, container: str | None = None
    ) -> list[LogRing]:
        """Containers of a service's pods, in the order they came, then their nodes' kernels.

        Only those of one pod, or of one name, if stated. Empty when there are none.
        """
        mine = [
            ring
            for ref, containers in self._pods.get(service, {}).items()
            if pod is None or ref.name == pod
            for ring in containers.values()
        ]
        nodes = dict.fromkeys(node for ring in mine for node in ring.nodes)
        mine += [self._kernels[node] for node in nodes if node in self._kernels]
        return [ring for ring in mine if container is None or ring.container == container]
