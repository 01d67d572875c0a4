"""Why an engine process ends or stands still: memory, communication, its own start."""

from __future__ import annotations

from typing import NamedTuple

from mtop_tui.domain.diagnosis.current import ended_lately, live_events, live_hits
from mtop_tui.domain.diagnosis.facts import LogHit, ReplicaFigures, ServiceFacts
from mtop_tui.domain.diagnosis.findings import Confidence, Depth, Evidence, Finding, Severity
from mtop_tui.domain.diagnosis.signatures import BY_NAME
from mtop_tui.domain.diagnosis.wording import counted, kubectl, logs_of, named, quoted

STALLED = 30.0
"""Seconds without a token though requests run; reading the longest prompt alone takes less."""

SAMPLE_FRESH = 45.0
"""Seconds after which a replica's sample says nothing of now."""


def gpu_oom(facts: ServiceFacts) -> Finding | None:
    """The GPU's memory did not suffice, at start or while serving."""
    hits = list(live_hits(facts, ("cuda-oom", "hip-oom", "gpu-memory-taken")))
    if not hits:
        return None
    hit = hits[0]
    wanted, free, capacity = hit.value("wanted"), hit.value("free"), hit.value("capacity")
    sizes = [f"{wanted} more wanted"] if wanted else []
    sizes += [f"{free} of {capacity} free"] if free and capacity else []
    maker = "HIP" if hit.signature == "hip-oom" else "CUDA"
    return _of_hits(
        facts,
        hits,
        id="gpu-oom",
        sentence=f"{_who(hits)} ran out of GPU memory" + (": " if sizes else "") + ", ".join(sizes),
        short=f"{maker} out of memory",
        hint="Lower gpu-memory-utilization, max-model-len or max-num-seqs, or use a bigger GPU",
    )


def host_oom(facts: ServiceFacts) -> Finding | None:
    """A container was killed for its memory limit, or the host had no more.

    A replica that is ready again counts for `RECENT` seconds. Exit code 137 alone is any SIGKILL:
    then it is "killed", and memory only possible.
    """
    killed, suspected = [], []
    for one in facts.replicas:
        last = one.last_exit
        if one.record.phase == "ready" and not ended_lately(last, facts.now):
            continue
        if one.record.reason == "OOMKilled" or (last is not None and last.reason == "OOMKilled"):
            killed.append(one)
        elif last is not None and last.exit_code == 137:
            suspected.append(one)
    hits = list(live_hits(facts, ("host-oom",)))
    found = killed or suspected
    if not found and not hits:
        return None
    pods = tuple(one.name for one in found) or tuple(hit.origin for hit in hits[:1] if hit.origin)
    evidence = [
        Evidence(
            "last exit", f"{one.last_exit.reason} (exit code {one.last_exit.exit_code})", one.name
        )
        for one in found
        if one.last_exit is not None
    ]
    evidence += [Evidence("log", quoted(hit.text), hit.origin or "kernel log") for hit in hits[:2]]
    certain = bool(killed or hits)
    who = named(pods) if pods else "A process"
    return Finding(
        id="host-oom" if certain else "killed",
        sentence=f"{who} was killed: out of host memory"
        if certain
        else f"{who} was killed by SIGKILL, often for want of host memory",
        short="OOMKilled" if certain else "killed (exit code 137)",
        evidence=tuple(evidence) or (Evidence("state", "OOMKilled", pods[0]),),
        next_step="Raise the memory limit; see it: "
        + (kubectl(facts, "describe pod", pods[0]) if pods else kubectl(facts, "get pods")),
        severity="critical",
        confidence="certain" if certain else "possible",
        depth=Depth.PROCESS,
        subjects=pods,
    )


def nccl_hang(facts: ServiceFacts) -> Finding | None:
    """The ranks of a replica wait for one another: by the log, or by what the metrics show.

    In the metrics: requests run, and for `STALLED` seconds or over the whole window not one token
    is generated, in a fresh sample of a replica with several GPUs. A worker that does not answer is
    normal while idle, so it counts only when requests run.
    """
    hits = list(live_hits(facts, ("nccl-timeout", "nccl-error", "worker-stall")))
    loud = [hit for hit in hits if hit.signature != "worker-stall"]
    silent = [
        one
        for one in facts.replicas
        if (one.figures.running or 0) > 0
        and _stands_still(one.figures)
        and (one.record.gpus or 0) > 1
        and one.figures.sample_age is not None
        and one.figures.sample_age <= SAMPLE_FRESH
    ]
    if loud:
        hit = loud[0]
        waited = hit.value("milliseconds")
        spent = f" for {int(waited) // 1000} s" if waited else ""
        return _of_hits(
            facts,
            [hit, *(other for other in hits if other is not hit)],
            id="nccl-hang",
            sentence=_says(loud, f"GPUs wait for one another{spent} (NCCL)"),
            short="NCCL hang",
            hint="Look for a failed rank, link or GPU, then restart the replica",
        )
    if not silent and (not hits or not facts.figures.running):
        return None
    if not silent:
        return _of_hits(
            facts,
            hits,
            id="nccl-hang",
            sentence=_says(hits, "a worker does not answer, as when GPUs wait for one another"),
            short="a worker does not answer",
            hint="Look for NCCL errors",
            severity="warning",
            confidence="possible",
        )
    pods = tuple(one.name for one in silent)
    return Finding(
        id="nccl-hang",
        sentence=f"{named(pods)} runs {silent[0].figures.running:.0f} requests and generates no "
        "token: its GPUs seem to wait for one another",
        short="no tokens though requests run",
        evidence=tuple(
            Evidence(
                "running / tokens", f"{one.figures.running:.0f} / 0 per s", f"metrics {one.name}"
            )
            for one in silent[:3]
        ),
        next_step=logs_of(facts, pods[0], previous=False),
        severity="critical",
        confidence="likely",
        depth=Depth.PROCESS,
        subjects=pods,
    )


def _stands_still(figures: ReplicaFigures) -> bool:
    if figures.stalled is not None and figures.stalled >= STALLED:
        return True
    return figures.generation_rate == 0 and figures.request_rate == 0


MANY_RESTARTS = 3


class _Start(NamedTuple):
    id: str
    signature: str
    short: str
    hint: str


_STARTS = (
    _Start(
        "kv-too-small",
        "kv-too-small",
        "KV cache too small for max-model-len",
        "Lower max-model-len, raise gpu-memory-utilization, or use more GPUs",
    ),
    _Start(
        "cuda-driver",
        "cuda-driver",
        "driver too old for the image",
        "Update the node's driver or use an older image",
    ),
    _Start(
        "no-device",
        "no-device",
        "no GPU in the container",
        "Check that the container asks for GPUs, and the device plugin",
    ),
    _Start(
        "gpu-fault",
        "illegal-memory",
        "GPU kernel failed",
        "Restart; if it comes back, update engine or driver",
    ),
    _Start(
        "bad-argument",
        "bad-argument",
        "unknown engine argument",
        "Correct the arguments, often of another version",
    ),
    _Start(
        "unsupported-model",
        "unsupported-model",
        "model not supported",
        "Use an engine version that knows the model",
    ),
    _Start("port-in-use", "port-in-use", "port in use", "Check hostNetwork and the port arguments"),
)


def engine_failure(facts: ServiceFacts) -> Finding | None:
    """The engine itself says why it cannot start or go on."""
    for start in _STARTS:
        hits = list(live_hits(facts, (start.signature,)))
        if not hits:
            continue
        meaning = BY_NAME[start.signature].meaning
        details = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in hits[0].values)
        return _of_hits(
            facts,
            hits,
            id=start.id,
            sentence=_says(hits, meaning) + (f" ({details})" if details else ""),
            short=start.short,
            hint=start.hint,
        )
    return None


def engine_died(facts: ServiceFacts) -> Finding | None:
    """The engine process ended, and the log does not say why."""
    hits = list(live_hits(facts, ("engine-died", "engine-start-failed")))
    if not hits:
        return None
    return _of_hits(
        facts,
        hits,
        id="engine-died",
        sentence=_says(hits, BY_NAME[hits[0].signature].meaning),
        short="engine died" if hits[0].signature == "engine-died" else "engine did not start",
        hint="The reason stands further up in its log",
        confidence="likely",
        depth=Depth.LOOP,
    )


def crash_loop(facts: ServiceFacts) -> Finding | None:
    """A container ends again and again: back-off now, or `MANY_RESTARTS` and not yet ready."""
    looping = [
        one
        for one in facts.replicas
        if one.record.reason == "CrashLoopBackOff"
        or (one.record.restarts >= MANY_RESTARTS and one.record.phase in ("starting", "failed"))
    ]
    events = [
        event
        for event in live_events(facts, ("BackOff",))
        if "restarting failed container" in event.message
    ]
    if not looping and not (events and not facts.replicas):
        return None
    pods = tuple(one.name for one in looping) or (events[0].involved.name,)
    evidence = [
        Evidence("restarts", str(one.record.restarts), f"pod {one.name}") for one in looping[:3]
    ]
    evidence += [
        Evidence(
            "last exit", f"{last.reason or 'ended'} (exit code {last.exit_code})", f"pod {one.name}"
        )
        for one in looping[:3]
        if (last := one.last_exit) is not None
    ]
    evidence += [
        Evidence("event", f"{quoted(e.message)} (x{e.count})", "events") for e in events[:1]
    ]
    times = f", {counted(looping[0].record.restarts, 'restart')}" if looping else ""
    last = looping[0].last_exit if looping else None
    code = (
        f", exit code {last.exit_code}" if last is not None and last.exit_code is not None else ""
    )
    return Finding(
        id="crash-loop",
        sentence=f"{named(pods)} crashes again and again{times}{code}",
        short=f"crash loop{code}",
        evidence=tuple(evidence),
        next_step=logs_of(facts, pods[0]),
        severity="critical",
        confidence="certain",
        depth=Depth.LOOP,
        subjects=pods,
    )


def _origins(hits: list[LogHit]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(hit.origin for hit in hits if hit.origin))


def _who(hits: list[LogHit]) -> str:
    names = _origins(hits)
    return named(names) if names else "The engine"


def _says(hits: list[LogHit], words: str) -> str:
    names = _origins(hits)
    return f"{named(names)}: {words}" if names else words[0].upper() + words[1:]


def _of_hits(
    facts: ServiceFacts,
    hits: list[LogHit],
    *,
    id: str,  # noqa: A002 - the field's name
    sentence: str,
    short: str,
    hint: str,
    severity: Severity = "critical",
    confidence: Confidence = "certain",
    depth: Depth = Depth.PROCESS,
) -> Finding:
    pods = _origins(hits)
    command = logs_of(facts, pods[0]) if pods else kubectl(facts, "get pods")
    return Finding(
        id=id,
        sentence=sentence,
        short=short,
        evidence=tuple(Evidence("log", quoted(hit.text), hit.origin or "log") for hit in hits[:3]),
        next_step=f"{hint}: {command}",
        severity=severity,
        confidence=confidence,
        depth=depth,
        subjects=pods,
    )
