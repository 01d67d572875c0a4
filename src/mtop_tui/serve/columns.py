"""What stands in the columns of each kind, as the printers of a genuine server have it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from mtop_tui.serve.resources import GATEWAY, INFERENCE, KEDA, KSERVE, LWS

Body = Mapping[str, Any]
_MINUTE, _HOUR, _DAY, _YEAR = 60, 3_600, 86_400, 31_536_000


class Context(NamedTuple):
    """What cells depend on besides their object: the machine's time, Unix seconds."""

    now: float


Cell = Callable[[Body, Context], Any]


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


def human_duration(seconds: float) -> str:
    """A period in one or two units, as kubectl shows ages."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    whole = max(0, whole)
    if whole < 2 * _MINUTE:
        return f"{whole}s"
    steps = (
        (10 * _MINUTE, _MINUTE, "m", 1, "s"),
        (3 * _HOUR, _MINUTE, "m", 0, ""),
        (8 * _HOUR, _HOUR, "h", _MINUTE, "m"),
        (2 * _DAY, _HOUR, "h", 0, ""),
        (8 * _DAY, _DAY, "d", _HOUR, "h"),
        (2 * _YEAR, _DAY, "d", 0, ""),
        (8 * _YEAR, _YEAR, "y", _DAY, "d"),
    )
    for below, unit, sign, smaller, small_sign in steps:
        if whole < below:
            rest = whole % unit // smaller if smaller else 0
            return f"{whole // unit}{sign}" + (f"{rest}{small_sign}" if rest else "")
    return f"{whole // _YEAR}y"


def age(stamp: str | None, now: float) -> str:
    """How long ago a time as objects state it was."""
    if not stamp:
        return "<unknown>"
    return human_duration(now - datetime.fromisoformat(stamp).timestamp())


_STEP: Final = re.compile(r"\.([A-Za-z]+)|\[\?\(@\.(\w+)==['\"](\w+)['\"]\)\]|\[(\*|\d+)\]")


def at_path(body: Body, path: str) -> Any:
    """The first value at a JSONPath; several at `[*]` are joined by commas; None if there is none.

    A filter such as `[?(@.type=='Ready')]` and `[*]` are all that is understood.
    """
    values: list[Any] = [body]
    many = False
    for field, key, wanted, index in _STEP.findall(path):
        found: list[Any] = []
        for value in values:
            if field and isinstance(value, Mapping):
                found += [value[field]] if field in value else []
            elif key and isinstance(value, Sequence):
                found += [one for one in value if one.get(key) == wanted]
            elif index == "*" and isinstance(value, Sequence):
                found += value
                many = True
            elif index and isinstance(value, Sequence) and int(index) < len(value):
                found.append(value[int(index)])
        values = found
    values = [one for one in values if one is not None]
    if not values:
        return None
    return ",".join(str(one) for one in values) if many else values[0]


# Pods


def _pod_ready(body: Body, _: Context) -> str:
    sidecars = {
        one["name"]
        for one in body["spec"].get("initContainers", ())
        if one.get("restartPolicy") == "Always"
    }
    statuses = [*body["status"].get("containerStatuses", ())]
    statuses += [
        one for one in body["status"].get("initContainerStatuses", ()) if one["name"] in sidecars
    ]
    total = len(body["spec"]["containers"]) + len(sidecars)
    return f"{sum(one['ready'] for one in statuses)}/{total}"


def _pod_status(body: Body, _: Context) -> str:
    status = body["status"]
    if "deletionTimestamp" in body["metadata"]:
        return "Terminating"
    sidecars = {
        one["name"]
        for one in body["spec"].get("initContainers", ())
        if one.get("restartPolicy") == "Always"
    }
    initial = status.get("initContainerStatuses", ())
    for number, one in enumerate(initial):
        state = one["state"]
        if state.get("terminated", {}).get("exitCode") == 0 or (
            one["name"] in sidecars and one.get("started")
        ):
            continue
        waiting = state.get("waiting", {}).get("reason", "PodInitializing")
        if waiting != "PodInitializing":
            return f"Init:{waiting}"
        return f"Init:{number}/{len(initial)}"
    found = str(status["phase"])
    for one in reversed(status.get("containerStatuses", ())):
        waiting = one["state"].get("waiting", {}).get("reason")
        ended = one["state"].get("terminated", {}).get("reason")
        found = waiting or ended or found
    return found


def _pod_restarts(body: Body, context: Context) -> str:
    statuses = body["status"].get("containerStatuses", ())
    count = sum(one["restartCount"] for one in statuses)
    ended = [
        last["terminated"]["finishedAt"]
        for one in statuses
        if (last := one.get("lastState", {})).get("terminated")
    ]
    return f"{count} ({age(max(ended), context.now)} ago)" if count and ended else str(count)


def _or_none(path: str) -> Cell:
    return lambda body, _: str(at_path(body, path) or "<none>")


def _created(body: Body, context: Context) -> str:
    return age(body["metadata"].get("creationTimestamp"), context.now)


# Workloads


def _template(body: Body) -> Sequence[Body]:
    found: Sequence[Body] = body["spec"]["template"]["spec"]["containers"]
    return found


def _containers(body: Body, _: Context) -> str:
    return ",".join(one["name"] for one in _template(body))


def _images(body: Body, _: Context) -> str:
    return ",".join(one["image"] for one in _template(body))


def _selector(body: Body, _: Context) -> str:
    labels = body["spec"].get("selector", {}).get("matchLabels", {})
    return ",".join(f"{name}={labels[name]}" for name in sorted(labels)) or "<none>"


def _ready_of(body: Body, _: Context) -> str:
    return f"{body['status'].get('readyReplicas', 0)}/{body['spec'].get('replicas', 0)}"


def _status(name: str) -> Cell:
    return lambda body, _: body.get("status", {}).get(name, 0)


def _spec(name: str) -> Cell:
    return lambda body, _: body["spec"].get(name, 0)


# Nodes and the network


def _node_status(body: Body, _: Context) -> str:
    ready = at_path(body, ".status.conditions[?(@.type=='Ready')].status") == "True"
    shut = ",SchedulingDisabled" if body["spec"].get("unschedulable") else ""
    return ("Ready" if ready else "NotReady") + shut


def _node_roles(body: Body, _: Context) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = body["metadata"].get("labels", {})
    roles = [name.removeprefix(prefix) for name in sorted(labels) if name.startswith(prefix)]
    return ",".join(roles) or "<none>"


def _service_ports(body: Body, _: Context) -> str:
    return ",".join(f"{one['port']}/{one['protocol']}" for one in body["spec"]["ports"])


def _service_selector(body: Body, _: Context) -> str:
    labels = body["spec"].get("selector", {})
    return ",".join(f"{name}={labels[name]}" for name in sorted(labels)) or "<none>"


def _endpoints(body: Body, _: Context) -> str:
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in body.get("subsets", ())
        for port in subset["ports"]
        for address in subset.get("addresses", ())
    ]
    more = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return ",".join(found[:3]) + more or "<none>"


def _slice_endpoints(body: Body, _: Context) -> str:
    found = [one["addresses"][0] for one in body["endpoints"]]
    more = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return ",".join(found[:3]) + more or "<unset>"


def _slice_ports(body: Body, _: Context) -> str:
    return ",".join(str(one["port"]) for one in body["ports"]) or "<unset>"


# Events and autoscalers


def _last_seen(body: Body, context: Context) -> str:
    return age(body.get("lastTimestamp"), context.now)


def _first_seen(body: Body, context: Context) -> str:
    return age(body.get("firstTimestamp"), context.now)


def _about(body: Body, _: Context) -> str:
    involved = body["involvedObject"]
    return f"{involved['kind'].lower()}/{involved['name']}"


def _source(body: Body, _: Context) -> str:
    source = body["source"]
    return ", ".join(filter(None, (source.get("component"), source.get("host"))))


def _reference(body: Body, _: Context) -> str:
    target = body["spec"]["scaleTargetRef"]
    return f"{target['kind']}/{target['name']}"


def _targets(body: Body, _: Context) -> str:
    if "metrics" not in body["spec"]:
        return "<none>"
    current = at_path(body, ".status.currentMetrics[0].external.current.averageValue")
    wanted = at_path(body, ".spec.metrics[0].external.target.averageValue")
    return f"{current or '<unknown>'}/{wanted} (avg)"


def _controller(body: Body, _: Context) -> str:
    owners = body["metadata"].get("ownerReferences", ())
    found = next((one for one in owners if one.get("controller")), None)
    if found is None:
        return "<none>"
    group = found["apiVersion"].partition("/")[0]
    return f"{found['kind'].lower()}.{group}/{found['name']}"


_AGE: Final = Column("Age", make=_created)
_CONTAINERS: Final = (
    Column("Containers", priority=1, make=_containers),
    Column("Images", priority=1, make=_images),
)
_SELECTOR: Final = Column("Selector", priority=1, make=_selector)
_CUSTOM_AGE: Final = Column("Age", ".metadata.creationTimestamp", "date")
_READY: Final = (
    Column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
    Column("Reason", ".status.conditions[?(@.type=='Ready')].reason"),
)

COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = {
    "pods": (
        Column("Ready", make=_pod_ready),
        Column("Status", make=_pod_status),
        Column("Restarts", make=_pod_restarts),
        _AGE,
        Column("IP", priority=1, make=_or_none(".status.podIP")),
        Column("Node", priority=1, make=_or_none(".spec.nodeName")),
        Column("Nominated Node", priority=1, make=_or_none(".status.nominatedNodeName")),
        Column("Readiness Gates", priority=1, make=lambda _body, _context: "<none>"),
    ),
    "deployments.apps": (
        Column("Ready", make=_ready_of),
        Column("Up-to-date", kind="integer", make=_status("updatedReplicas")),
        Column("Available", kind="integer", make=_status("availableReplicas")),
        _AGE,
        *_CONTAINERS,
        _SELECTOR,
    ),
    "replicasets.apps": (
        Column("Desired", kind="integer", make=_spec("replicas")),
        Column("Current", kind="integer", make=_status("replicas")),
        Column("Ready", kind="integer", make=_status("readyReplicas")),
        _AGE,
        *_CONTAINERS,
        _SELECTOR,
    ),
    "statefulsets.apps": (Column("Ready", make=_ready_of), _AGE, *_CONTAINERS),
    "controllerrevisions.apps": (
        Column("Controller", make=_controller),
        Column("Revision", kind="integer", make=lambda body, _: body["revision"]),
        _AGE,
    ),
    "nodes": (
        Column("Status", make=_node_status),
        Column("Roles", make=_node_roles),
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
        Column("Port(s)", make=_service_ports),
        _AGE,
        Column("Selector", priority=1, make=_service_selector),
    ),
    "endpoints": (Column("Endpoints", make=_endpoints), _AGE),
    "endpointslices.discovery.k8s.io": (
        Column("AddressType", ".addressType"),
        Column("Ports", make=_slice_ports),
        Column("Endpoints", make=_slice_endpoints),
        _AGE,
    ),
    "events": (
        Column("Last Seen", make=_last_seen, first=True),
        Column("Type", ".type"),
        Column("Reason", ".reason"),
        Column("Object", make=_about),
        Column(
            "Subobject",
            priority=1,
            make=lambda body, _: body["involvedObject"].get("fieldPath", ""),
        ),
        Column("Source", priority=1, make=_source),
        Column("Message", make=lambda body, _: body["message"].strip()),
        Column("First Seen", priority=1, make=_first_seen),
        Column("Count", kind="integer", priority=1, make=lambda body, _: body["count"]),
        Column("Name", ".metadata.name", priority=1),
    ),
    "horizontalpodautoscalers.autoscaling": (
        Column("Reference", make=_reference),
        Column("Targets", make=_targets),
        Column("MinPods", make=lambda body, _: str(body["spec"].get("minReplicas", "<unset>"))),
        Column("MaxPods", kind="integer", make=_spec("maxReplicas")),
        Column("Replicas", kind="integer", make=_status("currentReplicas")),
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
