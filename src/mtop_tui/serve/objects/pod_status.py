"""The status of a pod, as scheduler and kubelet would report it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from mtop_tui.engine import lifecycle
from mtop_tui.engine.naming import hex_digest
from mtop_tui.observations import ObjectRef, Replica
from mtop_tui.serve.objects.facts import STORAGE
from mtop_tui.serve.objects.meta import address, field_of, fields_of
from mtop_tui.serve.timescale import Timescale

_PULLING = frozenset({lifecycle.PULL_ERROR, lifecycle.PULL_BACK_OFF})
_BEFORE_START = frozenset({lifecycle.UNSCHEDULABLE, lifecycle.CREATING, lifecycle.DOWNLOADING})
_DIGEST = "sha256:" + "0" * 64


class PodTimes(msgspec.Struct, frozen=True):
    """When a pod got where it is, in simulated Unix seconds; None where it never did.

    Attributes:
        scheduled: when it got its node.
        initialized: when its init containers were done.
        started: when its main container last started.
        ready: since when it is ready, or is not any more.
        ended: when it was told to end.
    """

    scheduled: float | None = None
    initialized: float | None = None
    started: float | None = None
    ready: float | None = None
    ended: float | None = None

    def after(self, replica: Replica, before: Replica | None) -> PodTimes:
        """The times once a replica is as it is now."""
        at = replica.since if replica.since is not None else replica.at
        reason = replica.reason
        if before is not None and replica.restarts > before.restarts:
            self = msgspec.structs.replace(self, started=at)  # noqa: PLW0642 - a value
        changes: dict[str, float] = {}
        if self.scheduled is None and replica.nodes:
            changes["scheduled"] = at if before is not None else replica.created_at or at
        if reason not in _BEFORE_START and replica.nodes:
            if self.initialized is None:
                changes["initialized"] = at
            if self.started is None and reason not in _PULLING:
                changes["started"] = at
        was_ready = before is not None and before.phase == "ready"
        if (replica.phase == "ready") != was_ready or self.ready is None:
            changes["ready"] = at
        if replica.phase == "terminating" and self.ended is None:
            changes["ended"] = at
        return msgspec.structs.replace(self, **changes) if changes else self


def pod_status(
    ref: ObjectRef,
    node: str,
    replica: Replica,
    times: PodTimes,
    *,
    template: Mapping[str, Any],
    scale: Timescale,
) -> dict[str, Any]:
    """The status of a pod of a replica, on a node (empty: on none yet)."""
    reason = replica.reason
    running = times.initialized is not None and reason not in _PULLING and not _creating(reason)
    status: dict[str, Any] = {"phase": "Running" if running else "Pending"}
    main = [one["name"] for one in template["containers"]]
    status["conditions"] = list(_conditions(replica, times, main, scale))
    if times.scheduled is not None and node:
        host, pod = host_address(node), address(ref.uid)
        status |= {"hostIP": host, "hostIPs": [{"ip": host}]}
        if not _creating(reason):
            status |= {"podIP": pod, "podIPs": [{"ip": pod}]}
        status["startTime"] = scale.stamp(times.scheduled)
        initial = list(template.get("initContainers", ()))
        if initial:
            status["initContainerStatuses"] = [
                _initial(one, replica, times, scale, ref.uid) for one in initial
            ]
        status["containerStatuses"] = [
            _main(one, replica, times, scale, ref) for one in template["containers"]
        ]
    requested = any(one.get("resources", {}).get("requests") for one in template["containers"])
    status["qosClass"] = "Burstable" if requested else "BestEffort"
    return status


def _creating(reason: str) -> bool:
    return reason in _BEFORE_START


def _conditions(
    replica: Replica, times: PodTimes, names: list[str], scale: Timescale
) -> Iterator[dict[str, Any]]:
    created = replica.created_at if replica.created_at is not None else replica.at

    def condition(kind: str, since: float | None, reason: str = "", message: str = "") -> Any:
        holds = since is not None and not reason
        moment = scale.stamp(since if since is not None else created)
        found = {
            "type": kind,
            "status": "True" if holds else "False",
            "lastProbeTime": None,
            "lastTransitionTime": moment,
        }
        return found | ({"reason": reason, "message": message} if reason else {})

    if times.scheduled is None:
        yield condition("PodScheduled", created, "Unschedulable", replica.message)
        return
    unready = f"containers with unready status: [{' '.join(names)}]"
    why = "" if replica.phase == "ready" else "ContainersNotReady"
    yield condition("PodReadyToStartContainers", times.scheduled)
    if times.initialized is None:
        yield condition(
            "Initialized", created, "ContainersNotInitialized",
            f"containers with incomplete status: [{STORAGE}]",
        )  # fmt: skip
    else:
        yield condition("Initialized", times.initialized)
    since = times.ready if times.ready is not None else created
    yield condition("Ready", since, why, unready if why else "")
    yield condition("ContainersReady", since, why, unready if why else "")
    yield condition("PodScheduled", times.scheduled)


def _initial(
    container: Mapping[str, Any], replica: Replica, times: PodTimes, scale: Timescale, uid: str
) -> dict[str, Any]:
    begun = times.scheduled or replica.at
    done = times.initialized is not None
    sidecar = container.get("restartPolicy") == "Always"
    state: dict[str, Any] = {"waiting": {"reason": "PodInitializing"}}
    if done and not sidecar:
        state = {
            "terminated": {
                "exitCode": 0,
                "reason": "Completed",
                "startedAt": scale.stamp(begun),
                "finishedAt": scale.stamp(times.initialized or begun),
                "containerID": _container_id(uid, container["name"]),
            }
        }
    elif done or replica.reason == lifecycle.DOWNLOADING:
        state = {"running": {"startedAt": scale.stamp(begun)}}
    up = "waiting" not in state
    return _container_status(container, state, {}, ready=done, restarts=0, started=up, uid=uid)


def _main(
    container: Mapping[str, Any],
    replica: Replica,
    times: PodTimes,
    scale: Timescale,
    ref: ObjectRef,
) -> dict[str, Any]:
    state: dict[str, Any]
    ready = replica.phase == "ready"
    reason = replica.reason
    if _creating(reason):
        waiting = "PodInitializing" if reason == lifecycle.DOWNLOADING else lifecycle.CREATING
        state = {"waiting": {"reason": waiting}}
    elif reason in _PULLING:
        said = replica.message
        if reason == lifecycle.PULL_BACK_OFF:
            said = f'Back-off pulling image "{container["image"]}": ErrImagePull: {said}'
        state = {"waiting": {"reason": reason, "message": said}}
    elif reason == lifecycle.CRASH_LOOP:
        back_off = replica.message.partition(":")[0]
        said = f"{back_off} pod={ref.name}_{ref.namespace}({ref.uid})"
        state = {"waiting": {"reason": reason, "message": said}}
    else:
        state = {"running": {"startedAt": scale.stamp(times.started or replica.at)}}
    last: dict[str, Any] = {}
    exit_ = replica.last_exit
    if exit_ is not None:
        ended = exit_.at if exit_.at is not None else replica.at
        last = {
            "terminated": {
                "exitCode": exit_.code if exit_.code is not None else 1,
                "reason": exit_.reason or "Error",
                **({"message": exit_.message} if exit_.message else {}),
                "startedAt": scale.stamp(min(times.initialized or ended, ended)),
                "finishedAt": scale.stamp(ended),
                "containerID": _container_id(ref.uid, f"{container['name']}/previous"),
            }
        }
    started = ready or replica.phase == "terminating"
    return _container_status(
        container, state, last, ready=ready, restarts=replica.restarts, started=started, uid=ref.uid
    )


def _container_status(
    container: Mapping[str, Any],
    state: Mapping[str, Any],
    last: Mapping[str, Any],
    *,
    ready: bool,
    restarts: int,
    started: bool,
    uid: str,
) -> dict[str, Any]:
    found = {
        "name": container["name"],
        "state": state,
        "lastState": last,
        "ready": ready,
        "restartCount": restarts,
        "image": container["image"],
        "imageID": "",
        "started": started,
    }
    if "waiting" not in state:
        found["imageID"] = f"{container['image'].rpartition(':')[0]}@{_DIGEST}"
        found["containerID"] = _container_id(uid, container["name"])
    return found


def host_address(node: str) -> str:
    """The address of a node."""
    return address(_hex(node), 172)


@lru_cache(maxsize=4096)
def _hex(text: str) -> str:
    return hex_digest(text)


def _container_id(uid: str, name: str) -> str:
    return f"containerd://{uid.replace('-', '')}{_hex(name)}"


_known_shapes: dict[tuple[Any, ...], dict[str, Any]] = {}
_SHAPES = 512


def status_fields(status: Mapping[str, Any]) -> dict[str, Any]:
    """The set of a status' fields; there are few different ones among many pods."""
    containers = (
        (one["name"], *one["state"], *one["lastState"].get("terminated", ()), "containerID" in one)
        for name in ("initContainerStatuses", "containerStatuses")
        for one in status.get(name, ())
    )
    conditions = ((one["type"], "reason" in one) for one in status["conditions"])
    shape = (*containers, *conditions, "hostIP" in status, "podIP" in status)
    known = _known_shapes.get(shape)
    if known is None:
        if len(_known_shapes) >= _SHAPES:
            _known_shapes.clear()
        known = _known_shapes[shape] = fields_of(status)
    return known | {
        f"f:{name}": field_of(status[name]) for name in ("podIPs", "hostIPs") if name in status
    }
