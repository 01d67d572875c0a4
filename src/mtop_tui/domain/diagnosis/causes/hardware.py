"""What is wrong with a GPU or a node."""

from __future__ import annotations

from mtop_tui.domain.diagnosis.current import LOG_LIFE, RECENT, live_events, live_hits
from mtop_tui.domain.diagnosis.facts import ServiceFacts
from mtop_tui.domain.diagnosis.findings import Depth, Evidence, Finding
from mtop_tui.domain.diagnosis.wording import counted, describe_node, kubectl, named, quoted

XID_WORDS = {
    13: "graphics engine exception",
    31: "memory page fault",
    43: "GPU stopped processing",
    45: "work was cleaned up",
    48: "double-bit memory error",
    61: "internal microcontroller warning",
    62: "internal microcontroller halt",
    63: "memory row remapped",
    64: "memory row cannot be remapped",
    74: "NVLink error",
    79: "GPU fell off the bus",
    92: "many single-bit memory errors",
    94: "contained memory error",
    95: "uncontained memory error",
    119: "GPU system processor does not answer",
    120: "GPU system processor failed",
}
"""What the most frequent XID codes say (NVIDIA's XID catalogue)."""

_APPLICATION = frozenset({13, 31, 43, 45})
"""Codes that a program's own error raises as well: the GPU may be well."""

_LOST_NODE_EVENTS = ("NodeNotReady", "TaintManagerEviction", "SpotInterruption", "NodeShutdown")


def xid(facts: ServiceFacts) -> Finding | None:
    """The GPU driver reported an error on a node of this service, within the last hour."""
    seen: list[tuple[int, str, str]] = []
    for node in facts.cluster.nodes:
        recent = node.xid_at is None or facts.now - node.xid_at <= LOG_LIFE
        if node.xid and recent:
            seen.append((node.xid, node.name, "DCGM_FI_DEV_XID_ERRORS"))
    for hit in live_hits(facts, ("xid",)):
        code = hit.value("code")
        if code is not None:
            seen.append((int(code), hit.origin, quoted(hit.text)))
    if not seen:
        return None
    codes = list(dict.fromkeys(code for code, _, _ in seen))
    worst = next((code for code in codes if code not in _APPLICATION), codes[0])
    nodes = tuple(dict.fromkeys(name for _, name, _ in seen if name))
    own = worst in _APPLICATION
    where = f" on {named(nodes)}" if nodes else ""
    meaning = XID_WORDS.get(worst, "see NVIDIA's catalogue")
    return Finding(
        id="xid",
        sentence=f"GPU error XID {worst} ({meaning}){where}",
        short=f"XID {worst}",
        evidence=tuple(
            Evidence("XID", str(code), f"{name}: {source}" if name else source)
            for code, name, source in seen[:3]
        ),
        next_step=("The program may be at fault: update the engine; " if own else "Drain it; ")
        + (describe_node(nodes[0]) if nodes else "kubectl get nodes"),
        severity="warning" if own else "critical",
        confidence="likely" if own else "certain",
        depth=Depth.PROCESS if own else Depth.HARDWARE,
        subjects=_on(facts, nodes),
    )


def throttled(facts: ServiceFacts) -> Finding | None:
    """GPUs of a node run at lower clocks: too hot, or short of power."""
    slow = [node for node in facts.cluster.nodes if node.throttle]
    if not slow:
        return None
    names = tuple(node.name for node in slow)
    return Finding(
        id="gpu-throttle",
        sentence=f"GPUs of {named(names)} are throttled: {slow[0].throttle}",
        short=f"GPU throttled: {slow[0].throttle}",
        evidence=tuple(Evidence("throttle", str(n.throttle), f"DCGM, {n.name}") for n in slow[:3]),
        next_step="Look after cooling and power: " + describe_node(names[0]),
        severity="warning",
        confidence="certain",
        depth=Depth.HARDWARE,
        subjects=_on(facts, names),
    )


def node_lost(facts: ServiceFacts) -> Finding | None:
    """A node of this service is not ready, was taken back, or is shutting down.

    An event about a node counts for `RECENT` seconds, since the node may be replaced by then, and
    not once the node is ready again; that it is taken back counts from the notice on.
    """
    lost = tuple(node.name for node in facts.cluster.nodes if node.ready is False)
    well = {node.name for node in facts.cluster.nodes if node.ready}
    events = [
        event
        for event in live_events(facts, _LOST_NODE_EVENTS)
        if event.involved.kind != "Node"
        or (
            facts.now - event.at <= RECENT
            and ("Spot" in event.reason or event.involved.name not in well)
        )
    ]
    if not lost and not events:
        return None
    what = named(lost) if lost else events[0].involved.name
    evidence = [Evidence("Ready", "False", f"node {name}") for name in lost[:3]]
    evidence += [Evidence("event", quoted(e.message), f"event {e.reason}") for e in events[:2]]
    reason = " (spot capacity taken back)" if any("Spot" in e.reason for e in events) else ""
    return Finding(
        id="node-lost",
        sentence=f"Node {what} is lost{reason}, and its replicas with it",
        short="node lost",
        evidence=tuple(evidence),
        next_step=describe_node(lost[0]) if lost else kubectl(facts, "get events"),
        severity="critical",
        confidence="certain",
        depth=Depth.HARDWARE,
        subjects=_on(facts, lost),
    )


def peer_memory(facts: ServiceFacts) -> Finding | None:
    """GPUDirect RDMA reports lost contexts; multi-node replicas may hang or slow down."""
    hits = list(live_hits(facts, ("peer-memory",)))
    if not hits:
        return None
    times = sum(hit.count for hit in hits)
    return Finding(
        id="peer-memory",
        sentence=f"GPUDirect RDMA lost its context {counted(times, 'time')}",
        short="GPUDirect RDMA errors",
        evidence=tuple(Evidence("log", quoted(h.text), h.origin or "kernel log") for h in hits[:3]),
        next_step="Often harmless as a process ends; look for NCCL errors: "
        + kubectl(facts, "get pods"),
        severity="warning",
        confidence="possible",
        depth=Depth.HARDWARE,
    )


def _on(facts: ServiceFacts, nodes: tuple[str, ...]) -> tuple[str, ...]:
    """The nodes and the replicas on them: what a fault there is about."""
    pods = [one.name for one in facts.replicas if set(one.record.nodes) & set(nodes)]
    return (*nodes, *pods)
