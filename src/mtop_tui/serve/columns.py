"""The columns of each kind, as a genuine server has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from mtop_tui.serve import cells
from mtop_tui.serve.cells import Body, Cell, Context, age, at_path
from mtop_tui.serve.resources import GATEWAY, INFERENCE, KEDA, KSERVE, LWS


class Column(NamedTuple):
    """One column.

    Attributes:
        name: its title.
        path: where its value is, as a JSONPath of the kind custom resources use.
        kind: type of its values; a "date" is shown as an age.
        priority: 0 is always shown, 1 with `-o wide`.
        make: makes its values where a path does not say it.
        first: whether it stands in the first place, where other kinds have their name.
        format, description: as the table states them.
    """

    name: str
    path: str = ""
    kind: str = "string"
    priority: int = 0
    make: Cell | None = None
    first: bool = False
    format: str = ""
    description: str = ""

    def cell(self, body: Body, context: Context) -> Any:
        """Its value for an object."""
        if self.make is not None:
            return self.make(body, context)
        value = at_path(body, self.path)
        if value is None:
            return None
        if self.kind == "date":
            return age(str(value), context.now)
        if self.kind == "integer":
            return value
        return str(value)


_AGE: Final = Column("Age", make=cells.age_of)
_CONTAINERS: Final = (
    Column("Containers", priority=1, make=cells.container_names),
    Column("Images", priority=1, make=cells.images),
)
_SELECTOR: Final = Column("Selector", priority=1, make=cells.label_selector)
_CUSTOM_AGE: Final = Column("Age", ".metadata.creationTimestamp", "date")
_READY: Final = (
    Column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
    Column("Reason", ".status.conditions[?(@.type=='Ready')].reason"),
)

COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = {
    "pods": (
        Column("Ready", make=cells.pod_ready),
        Column("Status", make=cells.pod_status),
        Column("Restarts", make=cells.pod_restarts),
        _AGE,
        Column("IP", priority=1, make=cells.or_none(".status.podIP")),
        Column("Node", priority=1, make=cells.or_none(".spec.nodeName")),
        Column("Nominated Node", priority=1, make=cells.or_none(".status.nominatedNodeName")),
        Column("Readiness Gates", priority=1, make=lambda _body, _context: "<none>"),
    ),
    "deployments.apps": (
        Column("Ready", make=cells.ready_replicas),
        Column("Up-to-date", kind="integer", make=cells.status_number("updatedReplicas")),
        Column("Available", kind="integer", make=cells.status_number("availableReplicas")),
        _AGE,
        *_CONTAINERS,
        _SELECTOR,
    ),
    "replicasets.apps": (
        Column("Desired", kind="integer", make=cells.spec_number("replicas")),
        Column("Current", kind="integer", make=cells.status_number("replicas")),
        Column("Ready", kind="integer", make=cells.status_number("readyReplicas")),
        _AGE,
        *_CONTAINERS,
        _SELECTOR,
    ),
    "statefulsets.apps": (Column("Ready", make=cells.ready_replicas), _AGE, *_CONTAINERS),
    "controllerrevisions.apps": (
        Column("Controller", make=cells.controller_of),
        Column("Revision", kind="integer", make=lambda body, _: body["revision"]),
        _AGE,
    ),
    "nodes": (
        Column("Status", make=cells.node_status),
        Column("Roles", make=cells.node_roles),
        _AGE,
        Column("Version", ".status.nodeInfo.kubeletVersion"),
        Column("Internal-IP", ".status.addresses[?(@.type=='InternalIP')].address", priority=1),
        Column("External-IP", priority=1, make=lambda _body, _context: "<none>"),
        Column("OS-Image", ".status.nodeInfo.osImage", priority=1),
        Column("Kernel-Version", ".status.nodeInfo.kernelVersion", priority=1),
        Column("Container-Runtime", ".status.nodeInfo.containerRuntimeVersion", priority=1),
    ),
    "namespaces": (Column("Status", ".status.phase"), _AGE),
    "services": (
        Column("Type", ".spec.type"),
        Column("Cluster-IP", ".spec.clusterIP"),
        Column("External-IP", make=lambda _body, _context: "<none>"),
        Column("Port(s)", make=cells.service_ports),
        _AGE,
        Column("Selector", priority=1, make=cells.service_selector),
    ),
    "endpoints": (Column("Endpoints", make=cells.endpoint_addresses), _AGE),
    "endpointslices.discovery.k8s.io": (
        Column("AddressType", ".addressType"),
        Column("Ports", make=cells.slice_ports),
        Column("Endpoints", make=cells.slice_endpoints),
        _AGE,
    ),
    "events": (
        Column("Last Seen", make=cells.last_seen, first=True),
        Column("Type", ".type"),
        Column("Reason", ".reason"),
        Column("Object", make=cells.event_object),
        Column(
            "Subobject",
            priority=1,
            make=lambda body, _: body["involvedObject"].get("fieldPath", ""),
        ),
        Column("Source", priority=1, make=cells.event_source),
        Column("Message", make=lambda body, _: body["message"].strip()),
        Column("First Seen", priority=1, make=cells.first_seen),
        Column("Count", kind="integer", priority=1, make=lambda body, _: body["count"]),
        Column("Name", ".metadata.name", priority=1),
    ),
    "horizontalpodautoscalers.autoscaling": (
        Column("Reference", make=cells.scale_target),
        Column("Targets", make=cells.metric_targets),
        Column("MinPods", make=lambda body, _: str(body["spec"].get("minReplicas", "<unset>"))),
        Column("MaxPods", kind="integer", make=cells.spec_number("maxReplicas")),
        Column("Replicas", kind="integer", make=cells.status_number("currentReplicas")),
        _AGE,
    ),
    f"llminferenceservices.{KSERVE}": (
        Column("URL", ".status.url"),
        *_READY,
        _CUSTOM_AGE,
        Column("URLs", ".status.addresses[*].url", priority=1),
    ),
    f"llminferenceserviceconfigs.{KSERVE}": (*_READY, _CUSTOM_AGE),
    f"leaderworkersets.{LWS}": (
        Column("Ready", ".status.readyReplicas", "integer"),
        Column("Desired", ".spec.replicas", "integer"),
        Column("Up-to-date", ".status.updatedReplicas", "integer"),
        _CUSTOM_AGE,
    ),
    f"inferencepools.{INFERENCE}": (_CUSTOM_AGE,),
    f"httproutes.{GATEWAY}": (Column("Hostnames", ".spec.hostnames"), _CUSTOM_AGE),
    f"gateways.{GATEWAY}": (
        Column("Class", ".spec.gatewayClassName"),
        Column("Address", ".status.addresses[*].value"),
        Column("Programmed", ".status.conditions[?(@.type=='Programmed')].status"),
        _CUSTOM_AGE,
    ),
    f"scaledobjects.{KEDA}": (
        Column("ScaleTargetKind", ".status.scaleTargetKind"),
        Column("ScaleTargetName", ".spec.scaleTargetRef.name"),
        Column("Min", ".spec.minReplicaCount", "integer"),
        Column("Max", ".spec.maxReplicaCount", "integer"),
        Column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
        Column("Active", ".status.conditions[?(@.type=='Active')].status"),
        Column("Triggers", ".spec.triggers[*].type"),
        _CUSTOM_AGE,
    ),
}
