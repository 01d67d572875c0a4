"""Facts from Kubernetes objects, `kubectl describe` text and logs, for tests."""

import dataclasses
import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import yaml

from mtop_tui.domain.diagnosis.facts import (
    AutoscalerFacts,
    ChildFacts,
    ClusterFacts,
    LastExit,
    LogHit,
    MemberFacts,
    NodeFacts,
    ReplicaFacts,
    ReplicaFigures,
    RevisionFacts,
    RolloutFacts,
    RouteFacts,
    ScaleChange,
    ServiceFacts,
    ServiceFigures,
    SourceFacts,
)
from mtop_tui.domain.diagnosis.signatures import engine_stats, match
from mtop_tui.observations import (
    Autoscaler,
    Condition,
    KubeEvent,
    ObjectRef,
    Phase,
    Replica,
    ServiceKey,
)

SERVICE = ServiceKey("test", "default", "svc")
STATS_STEP = 10.0


def seconds(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value)
    if value.tzinfo is None:
        value = value.replace(tzinfo=dt.UTC)
    return float(value.timestamp())


def conditions_of(status: dict[str, Any]) -> tuple[Condition, ...]:
    return tuple(
        Condition(
            one["type"],
            one["status"],
            one.get("reason", ""),
            one.get("message", ""),
            one.get("severity", ""),
            seconds(one.get("lastTransitionTime")),
        )
        for one in status.get("conditions", ())
    )


def replica_of(pod: dict[str, Any]) -> ReplicaFacts:
    """A pod as the live provider will read it: its first container speaks for it."""
    status = pod.get("status", {})
    containers = status.get("containerStatuses") or [{}]
    state = containers[0].get("state", {})
    ended = containers[0].get("lastState", {}).get("terminated")
    waiting = state.get("waiting", {})
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    scheduled = next((c for c in status.get("conditions", ()) if c["type"] == "PodScheduled"), {})
    phase: Phase = "starting"
    if scheduled.get("status") == "False":
        phase, reason = "pending", scheduled.get("reason", "Unschedulable")
        message = scheduled.get("message", "")
    elif reason in ("CrashLoopBackOff", "ErrImagePull", "ImagePullBackOff"):
        phase = "failed"
    elif containers[0].get("ready"):
        phase = "ready"
    elif "running" in state:
        reason = "not ready"
    requests = pod.get("spec", {}).get("containers", [{}])[0].get("resources", {})
    gpus = requests.get("limits", {}).get("nvidia.com/gpu")
    metadata = pod["metadata"]
    since = seconds(state.get("running", {}).get("startedAt")) or seconds(status.get("startTime"))
    return ReplicaFacts(
        record=Replica(
            at=0.0,
            ref=ObjectRef("test", metadata.get("namespace", ""), "Pod", metadata["name"]),
            service=SERVICE,
            role="main",
            phase=phase,
            reason=reason,
            message=message,
            since=since,
            revision=metadata.get("labels", {}).get("pod-template-hash", ""),
            nodes=(node,) if (node := pod.get("spec", {}).get("nodeName")) else (),
            gpus=None if gpus is None else int(gpus),
            restarts=containers[0].get("restartCount", 0),
        ),
        last_exit=None
        if ended is None
        else LastExit(
            reason=ended.get("reason", ""),
            exit_code=ended.get("exitCode"),
            message=ended.get("message", ""),
            finished_at=seconds(ended.get("finishedAt")),
        ),
    )


def event_of(event: dict[str, Any], now: float) -> KubeEvent:
    about = event["involvedObject"]
    return KubeEvent(
        at=seconds(event.get("lastTimestamp")) or now,
        ref=ObjectRef("test", "", "Event", event.get("metadata", {}).get("name", "e")),
        involved=ObjectRef("test", about.get("namespace", ""), about["kind"], about["name"]),
        severity=event.get("type", "Normal"),
        reason=event["reason"],
        message=event.get("message", ""),
        count=event.get("count") or 1,
    )


def facts_of_objects(objects: list[dict[str, Any]], now: float | None = None) -> ServiceFacts:
    """Facts from Kubernetes objects; the time is the latest one found in them."""
    now = latest(objects) if now is None else now
    conditions: tuple[Condition, ...] = ()
    stopped = None
    replicas, events, children, scalers = [], [], [], []
    for one in objects:
        kind = one.get("kind", "InferencePool" if conditions else "LLMInferenceService")
        status = one.get("status", {})
        name = one.get("metadata", {}).get("name", "svc")
        if kind in ("LLMInferenceService", "InferenceService"):
            conditions = conditions_of(status)
            annotations = one.get("metadata", {}).get("annotations", {})
            stopped = annotations.get("serving.kserve.io/stop") == "true"
        elif kind == "Pod":
            replicas.append(replica_of(one))
        elif kind == "Event":
            events.append(event_of(one, now))
        elif kind == "HorizontalPodAutoscaler":
            record = Autoscaler(
                at=now,
                ref=ObjectRef("test", "", kind, name),
                service=SERVICE,
                role="main",
                minimum=one["spec"].get("minReplicas"),
                maximum=one["spec"].get("maxReplicas"),
                desired=status.get("desiredReplicas"),
                current=status.get("currentReplicas"),
                conditions=conditions_of(status),
            )
            scalers.append(AutoscalerFacts(record=record))
        else:
            child = ChildFacts(
                kind=kind,
                name=name,
                phase=status.get("phase", ""),
                conditions=conditions_of(status),
            )
            children.append(child)
    return ServiceFacts(
        name=SERVICE.name,
        namespace=SERVICE.namespace,
        now=now,
        stopped=stopped,
        conditions=conditions,
        replicas=replicas,
        events=events,
        children=children,
        autoscalers=scalers,
    )


def latest(value: Any) -> float:
    """The latest time in an object."""
    if isinstance(value, dict):
        return max((latest(one) for one in value.values()), default=0.0)
    if isinstance(value, list):
        return max((latest(one) for one in value), default=0.0)
    if isinstance(value, dt.datetime):
        return seconds(value) or 0.0
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", value):
        return seconds(value) or 0.0
    return 0.0


def facts_of_yaml(path: Path) -> ServiceFacts:
    return facts_of_objects([one for one in yaml.safe_load_all(path.read_text()) if one])


def facts_of_json(path: Path) -> ServiceFacts:
    return facts_of_objects([json.loads(path.read_text())])


_DURATION = re.compile(r"(\d+)([smhd])")
_EVENT = re.compile(
    r"^\s*(?:(?P<type>Normal|Warning)\s+(?P<reason>\w+)\s+(?P<seen>\d\w*(?: \(x\d+ over \w+\))?)"
    r"\s+\S+|(?P<seen2>\d\w*(?: \(x\d+ over \w+\))?)\s+(?P<type2>Normal|Warning)\s+(?P<reason2>\w+)"
    r"\s+(?P<object>\S+))\s+(?P<message>.+)$"
)


def facts_of_describe(text: str) -> ServiceFacts:
    """Facts from what `kubectl describe pod`, `events` or `get pods` print."""
    now = 1e9
    name = _field(text, "Name") or "pod"
    replicas = []
    if "\nStatus:" in text:
        ended = re.search(r"Last State: +Terminated\n +Reason: +(\w+)\n +Exit Code: +(\d+)", text)
        waiting = re.search(r"State: +Waiting\n +Reason: +(\w+)", text)
        reason = waiting[1] if waiting else ""
        phase: Phase = "failed" if reason else "starting"
        if re.search(r"PodScheduled +False", text):
            phase, reason = "pending", "Unschedulable"
        gpus = re.search(r"nvidia.com/gpu: +(\d+)", text)
        replicas.append(
            ReplicaFacts(
                record=Replica(
                    at=now,
                    ref=ObjectRef("test", "", "Pod", name),
                    service=SERVICE,
                    role="main",
                    phase=phase,
                    reason=reason,
                    gpus=int(gpus[1]) if gpus else None,
                    restarts=int(_field(text, "Restart Count") or 0),
                ),
                last_exit=LastExit(reason=ended[1], exit_code=int(ended[2])) if ended else None,
            )
        )
    row = re.search(r"^(\S+) +\d/\d +(CrashLoopBackOff) +(\d+)", text, re.MULTILINE)
    if row:
        ref = ObjectRef("test", "", "Pod", row[1])
        record = Replica(
            at=now, ref=ref, service=SERVICE, role="main", phase="failed", reason=row[2],
            restarts=int(row[3]),
        )  # fmt: skip
        replicas.append(ReplicaFacts(record=record))
    events = []
    for line in text.splitlines():
        found = _EVENT.match(line)
        if found is None:
            continue
        seen = found["seen"] or found["seen2"]
        count = re.search(r"\(x(\d+)", seen)
        about = (found["object"] or f"Pod/{name}").split("/")[-1]
        events.append(
            KubeEvent(
                at=now - _age(seen.split(" ")[0]),
                ref=ObjectRef("test", "", "Event", "e"),
                involved=ObjectRef("test", "", "Pod", about),
                severity=found["type"] or found["type2"],
                reason=found["reason"] or found["reason2"],
                message=found["message"],
                count=int(count[1]) if count else 1,
            )
        )
    return ServiceFacts(
        name=SERVICE.name, namespace=SERVICE.namespace, now=now, replicas=replicas, events=events
    )


def _field(text: str, name: str) -> str:
    found = re.search(rf"^ *{name}: +(\S+)", text, re.MULTILINE)
    return found[1] if found else ""


def _age(text: str) -> float:
    unit = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    return float(sum(int(number) * unit[kind] for number, kind in _DURATION.findall(text)))


def facts_of_log(text: str, origin: str = "", now: float = 1e9) -> ServiceFacts:
    """Facts from a log: its signatures, and the last statistics line as figures.

    What a server logged before it was told to stop is over.
    """
    hits: list[LogHit] = []
    stats = []
    for line in text.splitlines():
        found = match(line)
        if found is not None:
            hit = LogHit(
                signature=found.signature, text=found.text, origin=origin, values=found.values
            )
            hits.append(hit)
        if (one := engine_stats(line)) is not None:
            stats.append(one)
    figures = ServiceFigures()
    if stats and not any(hit.signature == "shutdown" for hit in hits):
        first, last = stats[0], stats[-1]
        growth = None
        if len(stats) > 1 and first.waiting is not None and last.waiting is not None:
            growth = (last.waiting - first.waiting) / (STATS_STEP * (len(stats) - 1))
        figures = ServiceFigures(
            running=last.running,
            waiting=last.waiting,
            waiting_growth=growth,
            kv_usage=last.kv_usage,
            generation_rate=last.generation_rate,
            prefix_hit_ratio=last.prefix_hit_ratio,
        )
    return ServiceFacts(
        name=SERVICE.name, namespace=SERVICE.namespace, now=now, logs=hits, figures=figures
    )


def facts_of_file(path: Path) -> ServiceFacts:
    """Facts of one file, or of a folder whose objects belong together."""
    if path.is_dir():
        parts = [
            one for file in sorted(path.iterdir()) for one in yaml.safe_load_all(file.read_text())
        ]
        return facts_of_objects([one for one in parts if one])
    if path.suffix == ".yaml":
        return facts_of_yaml(path)
    if path.suffix == ".json":
        return facts_of_json(path)
    if path.suffix == ".log":
        return facts_of_log(path.read_text(errors="replace"))
    return facts_of_describe(path.read_text())


NOW = 1e9
_RECORD = ("role", "phase", "reason", "message", "revision", "gpus", "restarts")


def replica_of_case(case: dict[str, Any], now: float = NOW) -> ReplicaFacts:
    """A replica in a few words: `age` is the time in its phase, `patience` the probe's."""
    since = now - case["age"] if "age" in case else None
    patience = case.get("patience")
    figures = {field.name for field in dataclasses.fields(ReplicaFigures)}
    return ReplicaFacts(
        record=Replica(
            at=now,
            ref=ObjectRef("test", SERVICE.namespace, "Pod", case["name"]),
            service=SERVICE,
            since=since,
            deadline=None if since is None or patience is None else since + patience,
            nodes=tuple(case.get("nodes", ())),
            **{"role": "main", "phase": "ready"} | {k: case[k] for k in _RECORD if k in case},
        ),
        figures=ReplicaFigures(**{k: v for k, v in case.items() if k in figures}),
        last_exit=LastExit(**case["last_exit"]) if "last_exit" in case else None,
    )


def scaler_of_case(case: dict[str, Any], now: float = NOW) -> AutoscalerFacts:
    """An autoscaler; `changes` are [seconds ago, before, after]."""
    record = Autoscaler(
        at=now,
        ref=ObjectRef("test", SERVICE.namespace, "HorizontalPodAutoscaler", "hpa"),
        service=SERVICE,
        role="main",
        conditions=conditions_of(case),
        **{k: case[k] for k in ("minimum", "maximum", "desired", "current") if k in case},
    )
    changes = [
        ScaleChange(at=now - ago, before=before, after=after)
        for ago, before, after in case.get("changes", ())
    ]
    return AutoscalerFacts(record=record, changes=changes)


def facts_of_case(case: dict[str, Any]) -> ServiceFacts:
    """Facts of a case file: objects, events and logs as they come, the rest in a few words."""
    facts = facts_of_objects(case.get("objects", []), NOW)
    log = facts_of_log(case.get("log", ""), case.get("log_of", ""), NOW)
    events = [
        KubeEvent(
            at=NOW - event.get("ago", 0),
            ref=ObjectRef("test", SERVICE.namespace, "Event", "e"),
            involved=ObjectRef("test", SERVICE.namespace, event.get("kind", "Pod"), event["about"]),
            severity="Warning",
            reason=event["reason"],
            message=event.get("message", ""),
        )
        for event in case.get("events", ())
    ]
    rollout = dict(case.get("rollout", {}))
    for side in ("new", "old"):
        rollout[side] = RevisionFacts(**rollout.get(side, {}))
    cluster = case.get("cluster", {})
    nodes = [
        NodeFacts(**{k: v for k, v in node.items() if k != "xid_ago"}
                  | ({"xid_at": NOW - node["xid_ago"]} if "xid_ago" in node else {}))
        for node in cluster.get("nodes", ())
    ]  # fmt: skip
    free = cluster.get("free_gpus")
    route = case.get("route")
    return dataclasses.replace(
        facts,
        stopped=case.get("stopped", facts.stopped),
        generation=case.get("generation"),
        observed_generation=case.get("observed_generation"),
        replicas=[*facts.replicas, *(replica_of_case(one) for one in case.get("replicas", ()))],
        events=[*facts.events, *events],
        logs=log.logs,
        figures=ServiceFigures(**case["figures"]) if "figures" in case else log.figures,
        rollout=RolloutFacts(**rollout) if "rollout" in case else None,
        autoscalers=[
            *facts.autoscalers,
            *(scaler_of_case(one) for one in case.get("autoscalers", ())),
        ],
        cluster=ClusterFacts(free_gpus=None if free is None else tuple(free.items()), nodes=nodes),
        route=None
        if route is None
        else RouteFacts(
            group=route["group"],
            members=[MemberFacts(**member) for member in route["members"]],
            **{key: route[key] for key in route if "share" in key},
        ),
        source=SourceFacts(**case.get("source", {})),
    )


def cases() -> list[dict[str, Any]]:
    """All cases of this folder; each has an id, facts, and what is expected."""
    found = []
    for path in sorted(Path(__file__).parent.glob("*.yaml")):
        found += yaml.safe_load(path.read_text())
    return found
