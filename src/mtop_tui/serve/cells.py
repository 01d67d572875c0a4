"""What stands in the cells of built-in kinds, as the printers of a genuine server have it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

Body = Mapping[str, Any]
_MINUTE, _HOUR, _DAY, _YEAR = 60, 3_600, 86_400, 31_536_000


class Context(NamedTuple):
    """What cells depend on besides their object: the machine's time, Unix seconds."""

    now: float


Cell = Callable[[Body, Context], Any]


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


def pod_ready(body: Body, _: Context) -> str:
    """Containers that are ready, of all."""
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


def pod_status(body: Body, _: Context) -> str:
    """What a pod is at, in a word."""
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


def pod_restarts(body: Body, context: Context) -> str:
    """Restarts of a pod, and when the last one was."""
    statuses = body["status"].get("containerStatuses", ())
    count = sum(one["restartCount"] for one in statuses)
    ended = [
        last["terminated"]["finishedAt"]
        for one in statuses
        if (last := one.get("lastState", {})).get("terminated")
    ]
    return f"{count} ({age(max(ended), context.now)} ago)" if count and ended else str(count)


def or_none(path: str) -> Cell:
    """Makes the value at a path, or what kubectl shows for none."""
    return lambda body, _: str(at_path(body, path) or "<none>")


def age_of(body: Body, context: Context) -> str:
    """How old an object is."""
    return age(body["metadata"].get("creationTimestamp"), context.now)


# Workloads


def _template(body: Body) -> Sequence[Body]:
    found: Sequence[Body] = body["spec"]["template"]["spec"]["containers"]
    return found


def container_names(body: Body, _: Context) -> str:
    """Names of the containers of a workload."""
    return ",".join(one["name"] for one in _template(body))


def images(body: Body, _: Context) -> str:
    """Images of the containers of a workload."""
    return ",".join(one["image"] for one in _template(body))


def label_selector(body: Body, _: Context) -> str:
    """Labels that a workload selects its pods by."""
    labels = body["spec"].get("selector", {}).get("matchLabels", {})
    return ",".join(f"{name}={labels[name]}" for name in sorted(labels)) or "<none>"


def ready_replicas(body: Body, _: Context) -> str:
    """Replicas that are ready, of those wanted."""
    return f"{body['status'].get('readyReplicas', 0)}/{body['spec'].get('replicas', 0)}"


def status_number(name: str) -> Cell:
    """Makes a number of the status, 0 where it is not stated."""
    return lambda body, _: body.get("status", {}).get(name, 0)


def spec_number(name: str) -> Cell:
    """Makes a number of the spec, 0 where it is not stated."""
    return lambda body, _: body["spec"].get(name, 0)


# Nodes and the network


def node_status(body: Body, _: Context) -> str:
    """Whether a node is ready, and open."""
    ready = at_path(body, ".status.conditions[?(@.type=='Ready')].status") == "True"
    shut = ",SchedulingDisabled" if body["spec"].get("unschedulable") else ""
    return ("Ready" if ready else "NotReady") + shut


def node_roles(body: Body, _: Context) -> str:
    """Roles that a node's labels state."""
    prefix = "node-role.kubernetes.io/"
    labels = body["metadata"].get("labels", {})
    roles = [name.removeprefix(prefix) for name in sorted(labels) if name.startswith(prefix)]
    return ",".join(roles) or "<none>"


def service_ports(body: Body, _: Context) -> str:
    """Ports of a Service."""
    return ",".join(f"{one['port']}/{one['protocol']}" for one in body["spec"]["ports"])


def service_selector(body: Body, _: Context) -> str:
    """Labels that a Service selects its pods by."""
    labels = body["spec"].get("selector", {})
    return ",".join(f"{name}={labels[name]}" for name in sorted(labels)) or "<none>"


def endpoint_addresses(body: Body, _: Context) -> str:
    """The first addresses behind a Service."""
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in body.get("subsets", ())
        for port in subset["ports"]
        for address in subset.get("addresses", ())
    ]
    more = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return ",".join(found[:3]) + more or "<none>"


def slice_endpoints(body: Body, _: Context) -> str:
    """The first addresses of an EndpointSlice."""
    found = [one["addresses"][0] for one in body["endpoints"]]
    more = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return ",".join(found[:3]) + more or "<unset>"


def slice_ports(body: Body, _: Context) -> str:
    """Ports of an EndpointSlice."""
    return ",".join(str(one["port"]) for one in body["ports"]) or "<unset>"


# Events and autoscalers


def last_seen(body: Body, context: Context) -> str:
    """When an Event was last said."""
    return age(body.get("lastTimestamp"), context.now)


def first_seen(body: Body, context: Context) -> str:
    """When an Event was first said."""
    return age(body.get("firstTimestamp"), context.now)


def event_object(body: Body, _: Context) -> str:
    """The object an Event is about."""
    involved = body["involvedObject"]
    return f"{involved['kind'].lower()}/{involved['name']}"


def event_source(body: Body, _: Context) -> str:
    """Who said an Event."""
    source = body["source"]
    return ", ".join(filter(None, (source.get("component"), source.get("host"))))


def scale_target(body: Body, _: Context) -> str:
    """What an autoscaler scales."""
    target = body["spec"]["scaleTargetRef"]
    return f"{target['kind']}/{target['name']}"


def metric_targets(body: Body, _: Context) -> str:
    """What an autoscaler reads, and what it wants to read."""
    if "metrics" not in body["spec"]:
        return "<none>"
    current = at_path(body, ".status.currentMetrics[0].external.current.averageValue")
    wanted = at_path(body, ".spec.metrics[0].external.target.averageValue")
    return f"{current or '<unknown>'}/{wanted} (avg)"


def controller_of(body: Body, _: Context) -> str:
    """Who owns an object."""
    owners = body["metadata"].get("ownerReferences", ())
    found = next((one for one in owners if one.get("controller")), None)
    if found is None:
        return "<none>"
    group = found["apiVersion"].partition("/")[0]
    return f"{found['kind'].lower()}.{group}/{found['name']}"
