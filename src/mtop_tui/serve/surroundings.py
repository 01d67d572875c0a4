"""What surrounds the services of a cluster: nodes, namespaces, configs, the gateway, and Events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from mtop_tui.engine import naming
from mtop_tui.observations import KubeEvent, Node, ObjectRef
from mtop_tui.serve.entries import Entry
from mtop_tui.serve.objects.events import event_entry
from mtop_tui.serve.objects.facts import GATEWAY_NAMESPACE
from mtop_tui.serve.objects.network import gateway_entry, gateway_ref
from mtop_tui.serve.objects.nodes import namespace_entry, node_entry
from mtop_tui.serve.objects.services import config_entry
from mtop_tui.serve.timescale import Timescale

CONFIGS = "llminferenceserviceconfigs.serving.kserve.io"
NODES, EVENTS, NAMESPACES = "nodes", "events", "namespaces"
GATEWAYS = "gateways.gateway.networking.k8s.io"

AGE = 400 * 86_400.0
"""Seconds for which a cluster was there when somebody begins to look: longer than its services."""

EVENT_LIFE = 3_600.0
"""Seconds after which the server forgets an Event that is not said again."""

_SWEEP = 60.0
_SYSTEM = ("default", "kube-system", "kube-public", GATEWAY_NAMESPACE)


class _KnownNode(NamedTuple):
    """A node, when it was created, and since when it is ready, or is not."""

    record: Node
    created: float
    since: float


class Surroundings:
    """Keeps what surrounds the services.

    Args:
        put: stores an object.
        remove: takes one away, by collection, key and uid.
        manifest: of a node.
        cordoned: whether nothing new comes onto a node.
        seed: of the simulation, which gives every object its uid.
        scale: from simulated time to that of clients.
        cluster: its name in records.
    """

    def __init__(
        self,
        put: Callable[[str, Entry], Entry],
        remove: Callable[[str, str, str], None],
        *,
        manifest: Callable[[ObjectRef], Mapping[str, Any] | None],
        cordoned: Callable[[str], bool],
        seed: int,
        scale: Timescale,
        cluster: str,
    ) -> None:
        self._put, self._remove = put, remove
        self._manifest, self._cordoned = manifest, cordoned
        self._seed, self._scale = seed, scale
        self._home = ObjectRef(cluster, "", "Namespace", "")
        self._namespaces: set[str] = set()
        self._nodes: dict[str, _KnownNode] = {}
        self._plain_node = ""
        self._events: dict[str, tuple[float, str]] = {}
        self._swept_at = float("-inf")
        self._began_at = float("inf")

    def begin(self, at: float, configs: Iterable[Mapping[str, Any]]) -> None:
        """What is there whatever the fleet is; the fleet begins at this time."""
        self._began_at = at
        founded = at - AGE
        for name in _SYSTEM:
            self.namespace(name, founded)
        created = self._scale.stamp(founded)
        gateway = naming.identified(self._seed, gateway_ref(self._home))
        self._put(GATEWAYS, gateway_entry(gateway, created))
        for body in configs:
            metadata = body["metadata"]
            namespace = metadata.get("namespace") or GATEWAY_NAMESPACE
            self.namespace(namespace, founded)
            ref = self._home._replace(
                namespace=namespace, kind="LLMInferenceServiceConfig", name=metadata["name"]
            )
            ref = naming.identified(self._seed, ref)
            self._put(CONFIGS, config_entry(body, ref, created))

    def namespace(self, name: str, at: float) -> None:
        """A namespace is there, since then if it was not before."""
        if name not in self._namespaces:
            self._namespaces.add(name)
            ref = naming.identified(self._seed, self._home._replace(name=name))
            created = min(at, self._began_at - AGE)
            self._put(NAMESPACES, namespace_entry(ref, self._scale.stamp(created)))

    # Nodes

    def node(self, record: Node) -> None:
        """A node is as it is."""
        name = record.ref.name
        before = self._nodes.get(name)
        if before is None:
            # Those that are there at the beginning have been there for long.
            old = record.at <= self._began_at
            created = record.at - AGE if old else record.at
            self._nodes[name] = _KnownNode(record, created, created)
        else:
            same = before.record.ready == record.ready
            since = before.since if same else record.at
            self._nodes[name] = _KnownNode(record, before.created, since)
        self._plain_node = ""
        self.show_node(name)

    def node_gone(self, name: str) -> None:
        """A node is gone; who removes objects takes its object away."""
        self._nodes.pop(name, None)
        self._plain_node = ""

    def show_node(self, name: str) -> None:
        """Store a node as it is."""
        known = self._nodes.get(name)
        if known is None:
            return
        entry = node_entry(
            known.record,
            self._manifest(known.record.ref),
            created=known.created,
            since=known.since,
            cordoned=self._cordoned(name),
            scale=self._scale,
        )
        self._put(NODES, entry)

    def some_node(self) -> str:
        """Where pods without GPUs run: a node that has none, if there is one."""
        if not self._plain_node:
            ready = [one.record for one in self._nodes.values() if one.record.ready]
            found = next((one for one in ready if not one.gpus), ready[0] if ready else None)
            self._plain_node = "" if found is None else found.ref.name
        return self._plain_node

    # Events

    def event(self, record: KubeEvent, involved: ObjectRef, host: str) -> None:
        """Something was said about an object; `host` is the node of the pod it is about."""
        if involved.kind == "Node" and involved.name in self._nodes:
            involved = self._nodes[involved.name].record.ref
            if record.reason in {"NodeNotSchedulable", "NodeSchedulable"}:
                self.show_node(involved.name)
        entry = event_entry(record, involved, host, self._scale)
        self._put(EVENTS, entry)
        self._events.pop(entry.key, None)
        self._events[entry.key] = record.at, entry.uid
        self._sweep(record.at)

    def _sweep(self, now: float) -> None:
        """Forget old Events, once a minute."""
        if now - self._swept_at < _SWEEP:
            return
        self._swept_at = now
        while self._events:
            key, (at, uid) = next(iter(self._events.items()))
            if now - at <= EVENT_LIFE:
                return
            del self._events[key]
            self._remove(EVENTS, key, uid)
