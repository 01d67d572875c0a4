"""What one would type into a shell to see what a screen shows.

All of it only reads. Names come from a cluster and may hold anything: they are quoted for a shell.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from mtop_tui.observations import KubeEvent, ServiceKey

RESOURCE: Final = "llmisvc"
PART_OF: Final = "app.kubernetes.io/part-of=llminferenceservice"
NAME: Final = "app.kubernetes.io/name"
CLASSIC, CLASSIC_RESOURCE = "InferenceService", "isvc"
CLASSIC_NAME: Final = "serving.kserve.io/inferenceservice"

_GPU_LABELS: Final = (
    "-L nvidia.com/gpu.product,node.kubernetes.io/instance-type,topology.kubernetes.io/region"
)
_STREAMS: Final = 5
"""Logs that kubectl follows at once unless it is told otherwise."""


class Kubectl(NamedTuple):
    """A command, and what it shows."""

    command: str
    shows: str


def of_fleet(
    namespaces: Collection[str], selected: ServiceKey | None, kind: str = ""
) -> list[Kubectl]:
    """The services of these namespaces, or of all, and the selected one, of a kind."""
    scopes = [f"-n {shlex.quote(name)}" for name in namespaces] or ["-A"]
    found = [Kubectl(f"kubectl get {RESOURCE} {scope}", "the services") for scope in scopes]
    found += [
        Kubectl(f"kubectl get pods {scope} -l {PART_OF} -o wide", "their replicas")
        for scope in scopes
    ]
    found.append(Kubectl(f"kubectl get nodes {_GPU_LABELS}", "nodes and their GPUs"))
    return found if selected is None else [*found, *of_service(selected, kind)]


def of_service(key: ServiceKey, kind: str = "") -> list[Kubectl]:
    """One service, of a kind: the object, what belongs to it, what was said of it."""
    is_classic = kind == CLASSIC
    resource = CLASSIC_RESOURCE if is_classic else RESOURCE
    selector = shlex.quote(f"{CLASSIC_NAME}={key.name}") if is_classic else _selector(key)
    children = f"-l {selector}"
    about = f"--field-selector involvedObject.name={shlex.quote(key.name)}"
    return [
        _in(key, f"get {resource} {shlex.quote(key.name)} -o yaml", "the object itself"),
        _in(key, f"describe {resource} {shlex.quote(key.name)}", "conditions and events"),
        _in(key, f"get pods {children} -o wide", "its replicas"),
        _in(key, f"get deploy,rs,hpa {children}", "what makes and scales them"),
        _in(key, f"get events {about} --sort-by=.lastTimestamp", "what was said of it"),
        _in(key, f"logs {children} --all-containers --prefix --tail=100", "what they wrote"),
    ]


def of_rollout(keys: Sequence[ServiceKey]) -> list[Kubectl]:
    """The services that are compared: their revisions, and the weights of their routes."""
    found: list[Kubectl] = []
    for key in keys:
        name = shlex.quote(key.name)
        by_age = "--sort-by=.metadata.creationTimestamp"
        found += [
            _in(key, f"get {RESOURCE} {name} -o yaml", "its spec, with its weight"),
            _in(key, f"get deploy,rs -l {_selector(key)} -o wide {by_age}", "its revisions"),
        ]
    return [
        *found,
        *(_in(key, "get httproute -o yaml", "the weights in force") for key in keys[:1]),
    ]


def of_logs(
    key: ServiceKey, replicas: int, *, previous: bool = False, since: float | None = None
) -> list[Kubectl]:
    """The logs of a service; `since` is seconds back."""
    flags = "--all-containers --prefix --timestamps"
    if since is not None:
        flags += f" --since={max(1, round(since))}s"
    if replicas > _STREAMS:
        flags += f" --max-log-requests={replicas}"
    children = f"-l {_selector(key)}"
    followed = _in(key, f"logs -f {children} {flags}", "what its replicas write")
    ended = _in(key, f"logs --previous {children} {flags}", "what they wrote before a restart")
    return [ended, followed] if previous else [followed, ended]


def of_events(event: KubeEvent | None) -> list[Kubectl]:
    """All events, and those of the object that the selected one is about."""
    found = [Kubectl("kubectl get events -A --sort-by=.lastTimestamp", "all events")]
    if event is None:
        return found
    kind, name = shlex.quote(event.involved.kind), shlex.quote(event.involved.name)
    scope = shlex.quote(event.involved.namespace or "default")
    about = f"involvedObject.kind={kind},involvedObject.name={name}"
    return [
        *found,
        Kubectl(
            f"kubectl -n {scope} get events --field-selector {about} --sort-by=.lastTimestamp",
            "those of this object",
        ),
        Kubectl(f"kubectl -n {scope} describe {kind} {name}", "the object"),
    ]


def of_objectives(selected: ServiceKey | None, kind: str = "") -> list[Kubectl]:
    """Where objectives are annotated."""
    path = r"mtop\.dev/slo"
    columns = f"NS:.metadata.namespace,NAME:.metadata.name,SLO:.metadata.annotations.{path}"
    found = [
        Kubectl(f"kubectl get {RESOURCE} -A -o custom-columns='{columns}'", "annotated objectives")
    ]
    return found if selected is None else [*found, *of_service(selected, kind)]


def of_cost(selected: ServiceKey | None, kind: str = "") -> list[Kubectl]:
    """What a bill is made of: nodes, and who holds their GPUs."""
    gpus = r".spec.containers[*].resources.limits.nvidia\.com/gpu"
    columns = f"NS:.metadata.namespace,POD:.metadata.name,NODE:.spec.nodeName,GPUS:{gpus}"
    found = [
        Kubectl(f"kubectl get nodes {_GPU_LABELS}", "what the nodes are"),
        Kubectl(
            f"kubectl get pods -A -l {PART_OF} -o custom-columns='{columns}'", "who holds GPUs"
        ),
    ]
    return found if selected is None else [*found, *of_service(selected, kind)]


def of_sources(namespaces: Sequence[str]) -> list[Kubectl]:
    """Whether the cluster answers, and what one may read."""
    scopes = [f" -n {shlex.quote(name)}" for name in namespaces] or [""]
    return [
        Kubectl("kubectl cluster-info", "where the cluster is"),
        Kubectl("kubectl get --raw '/readyz?verbose'", "whether its API is ready"),
        *(Kubectl(f"kubectl auth can-i --list{scope}", "what one may do") for scope in scopes),
        Kubectl(f"kubectl auth can-i watch {RESOURCE} -A", "whether one may watch all services"),
    ]


def _selector(key: ServiceKey) -> str:
    return shlex.quote(f"{PART_OF},{NAME}={key.name}")


def _in(key: ServiceKey, words: str, shows: str) -> Kubectl:
    return Kubectl(f"kubectl -n {shlex.quote(key.namespace)} {words}", shows)
