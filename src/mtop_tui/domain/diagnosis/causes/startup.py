"""Why a replica does not come up: image, weights, and the probe that does not wait."""

from __future__ import annotations

import re

from mtop_tui.domain.diagnosis.current import RECENT, live_events, live_hits
from mtop_tui.domain.diagnosis.facts import ReplicaFacts, ServiceFacts
from mtop_tui.domain.diagnosis.findings import Depth, Evidence, Finding
from mtop_tui.domain.diagnosis.signatures import BY_NAME
from mtop_tui.domain.diagnosis.wording import (
    counted,
    elapsed,
    kubectl,
    logs_of,
    named,
    quoted,
    replicas,
)
from mtop_tui.domain.durations import short_duration

IMAGE_SLOW = 600.0
"""Seconds an image may take: 20 GB at 33 MB/s; fewer are an ordinary cold node."""

DOWNLOAD_SLOW = 900.0
"""Seconds weights of unknown size may take."""

DOWNLOAD_RATE = 0.1e9
"""Bytes per second below which a download of known size is slow."""

DOWNLOAD_HUNG = 3600.0
"""Seconds after which a download that says nothing is taken for hung."""

PROBE_NEAR = 0.8
"""Share of the start-up probe's patience after which it is worth a warning."""

PULL_REASONS = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_DOWNLOADING = ("Downloading", "Init:0/1", "PodInitializing")
_HUB = ("hub-gated", "hub-not-found", "hub-rate-limit", "hub-unreachable", "disk-full")
_SIZE = re.compile(r"([\d.]+) GB of weights")
_PULL_CAUSES = (
    (("not found", "NotFound", "manifest unknown"), "no such image"),
    (("unauthorized", "denied", "authorization", "forbidden", "403"), "access denied"),
    (("toomanyrequests", "429"), "the registry limits the rate"),
    (("timeout", "no such host", "connection refused", "deadline"), "registry unreachable"),
)


def image_pull(facts: ServiceFacts) -> Finding | None:
    """An image cannot be pulled."""
    failing = [one for one in facts.replicas if one.record.reason in PULL_REASONS]
    events = [
        event
        for event in live_events(facts, ("Failed", "BackOff", "ErrImagePull", "ImagePullBackOff"))
        if "image" in event.message and ("pull" in event.message or "Pull" in event.message)
    ]
    if not failing and not (events and not facts.replicas):
        return None
    pods = tuple(one.name for one in failing) or (events[0].involved.name,)
    said = [one.record.message for one in failing] + [event.message for event in events]
    told = max(said, key=len)
    cause = next((words for marks, words in _PULL_CAUSES if any(m in told for m in marks)), "")
    return Finding(
        id="image-pull",
        sentence=f"The image of {named(pods)} cannot be pulled" + (f": {cause}" if cause else ""),
        short="image pull fails" + (f": {cause}" if cause else ""),
        evidence=(Evidence("kubelet", quoted(told), f"pod {pods[0]}"),),
        next_step="Check name, tag and pull secret: " + kubectl(facts, "describe pod", pods[0]),
        severity="critical",
        confidence="certain",
        depth=Depth.START,
        subjects=pods,
    )


def image_slow(facts: ServiceFacts) -> Finding | None:
    """An image is being pulled for longer than a cold node explains."""
    slow = [
        one
        for one in facts.replicas
        if one.record.reason in ("ContainerCreating", "Pulling")
        and _age(one, facts.now) > IMAGE_SLOW
        and (
            "pulling" in one.record.message.lower()
            or any(e.involved.name == one.name for e in live_events(facts, ("Pulling",)))
        )
    ]
    if not slow:
        return None
    spent = elapsed(slow[0].record.since, facts.now)
    return _warning(
        "image-slow",
        f"{replicas(len(slow))} pulling the image{spent}",
        f"image pull{spent}",
        slow,
        next_step=kubectl(
            facts, "get events --field-selector", f"involvedObject.name={slow[0].name}"
        ),
        now=facts.now,
    )


def weights_refused(facts: ServiceFacts) -> Finding | None:
    """The weights cannot be downloaded: refused, unknown, limited, unreachable, or no space.

    A replica that is ready has its weights: such lines are then about what requests refer to.
    """
    hits = [hit for hit in live_hits(facts, _HUB) if not _serves(facts, hit.origin)]
    if not hits:
        return None
    hit = hits[0]
    meaning = BY_NAME[hit.signature].meaning
    return Finding(
        id="weights-refused",
        sentence=f"The weights cannot be downloaded: {meaning}",
        short="weights: " + meaning.split(":")[0],
        evidence=(Evidence("log", quoted(hit.text), hit.origin or "log"),),
        next_step="Check model URI, token and disk: "
        + (
            kubectl(facts, "describe pod", hit.origin) if hit.origin else kubectl(facts, "get pods")
        ),
        severity="critical",
        confidence="certain",
        depth=Depth.START,
        subjects=(hit.origin,) if hit.origin else (),
    )


def weights_slow(facts: ServiceFacts) -> Finding | None:
    """The download of weights takes longer than their size explains, or has said nothing for long.

    Slow is less than `DOWNLOAD_RATE` on average where the size is known, else `DOWNLOAD_SLOW`.
    """
    slow = [
        one
        for one in facts.replicas
        if one.record.reason in _DOWNLOADING and _age(one, facts.now) > _patience(one)
    ]
    if not slow:
        return None
    hung = _age(slow[0], facts.now) > max(DOWNLOAD_HUNG, _patience(slow[0]))
    spent = elapsed(slow[0].record.since, facts.now)
    size = _SIZE.search(slow[0].record.message)
    what = f"{size[1]} GB of weights" if size else "weights"
    verb = "hung" if hung else "slow"
    return _warning(
        "weights-slow",
        f"The download of {what} is {verb}: {replicas(len(slow))} at it{spent}",
        f"weights download {verb}{spent}",
        slow,
        next_step=kubectl(facts, "logs", slow[0].name) + " -c storage-initializer --tail=50",
        now=facts.now,
    )


def probe_kills_loader(facts: ServiceFacts) -> Finding | None:
    """The probe gave up on a replica that was still loading, and will again."""
    marks = ("failed startup probe", "failed liveness probe")
    told = [
        (one.name, one.record.message)
        for one in facts.replicas
        if any(mark in one.record.message for mark in marks)
    ]
    told += [
        (event.involved.name, event.message)
        for event in live_events(facts, ("Killing", "Unhealthy"))
        if any(mark in event.message for mark in marks) or "Startup probe failed" in event.message
    ]
    killed = [(name, text) for name, text in told if any(mark in text for mark in marks)]
    if not killed:
        return None
    pods = tuple(dict.fromkeys(name for name, _ in killed))
    found = facts.replica(pods[0])
    restarts = "" if found is None else f", {counted(found.record.restarts, 'restart')} so far"
    return Finding(
        id="probe-kills-loader",
        sentence=f"The probe kills {named(pods)} before it has loaded{restarts}",
        short="probe kills the loader",
        evidence=tuple(Evidence("kubelet", quoted(text), f"pod {pod}") for pod, text in killed[:3]),
        next_step="Give the start-up probe a higher failureThreshold; what it reached: "
        + logs_of(facts, pods[0]),
        severity="critical",
        confidence="certain",
        depth=Depth.START,
        subjects=pods,
    )


def probe_near(facts: ServiceFacts) -> Finding | None:
    """A replica still loads, and the start-up probe will soon give up."""
    near = []
    for one in facts.replicas:
        record = one.record
        if record.phase != "starting" or record.since is None or record.deadline is None:
            continue
        whole = record.deadline - record.since
        if whole > 0 and facts.now - record.since >= PROBE_NEAR * whole:
            near.append(one)
    if not near:
        return None
    deadline = min(one.record.deadline for one in near if one.record.deadline is not None)
    left = short_duration(deadline - facts.now)
    return _warning(
        "probe-near",
        f"{replicas(len(near))} still {near[0].record.reason or 'starting'}, "
        f"the start-up probe gives up in {left}",
        f"probe gives up in {left}",
        near,
        next_step=logs_of(facts, near[0].name, previous=False),
        now=facts.now,
    )


def starting(facts: ServiceFacts) -> Finding | None:
    """Replicas are on their way: no fault.

    Those an autoscaler asked for lately are the answer to load, and explain nothing.
    """
    coming = [
        one
        for one in facts.replicas
        if one.record.phase in ("starting", "pending") and one.record.reason != "Unschedulable"
    ]
    if not coming:
        return None
    first = coming[0].record
    stage = quoted(first.reason or first.phase, 40)
    spent = elapsed(first.since, facts.now)
    return Finding(
        id="starting",
        sentence=f"{replicas(len(coming))} starting: {stage}{spent}",
        short=f"{replicas(len(coming))} starting: {stage}{spent}",
        evidence=tuple(_phase(one, facts.now) for one in coming[:3]),
        next_step="Wait, or " + kubectl(facts, "describe pod", coming[0].name),
        severity="info",
        confidence="certain",
        depth=Depth.SYMPTOM if _scaled_up(facts) else Depth.LOOP,
        subjects=tuple(one.name for one in coming),
    )


def _scaled_up(facts: ServiceFacts) -> bool:
    return any(
        change.after > change.before and facts.now - change.at <= RECENT
        for one in facts.autoscalers
        for change in one.changes
    )


def _serves(facts: ServiceFacts, origin: str) -> bool:
    replica = facts.replica(origin)
    return replica is not None and replica.record.phase == "ready"


def _age(one: ReplicaFacts, now: float) -> float:
    return 0.0 if one.record.since is None else now - one.record.since


def _patience(one: ReplicaFacts) -> float:
    size = _SIZE.search(one.record.message)
    return DOWNLOAD_SLOW if size is None else max(300.0, float(size[1]) * 1e9 / DOWNLOAD_RATE)


def _phase(one: ReplicaFacts, now: float) -> Evidence:
    state = f"{one.record.reason or one.record.phase}{elapsed(one.record.since, now)}"
    return Evidence("state", quoted(f"{state} {one.record.message}"), f"pod {one.name}")


def _warning(
    id: str,  # noqa: A002 - the field's name
    sentence: str,
    short: str,
    slow: list[ReplicaFacts],
    *,
    next_step: str,
    now: float,
) -> Finding:
    return Finding(
        id=id,
        sentence=sentence,
        short=short,
        evidence=tuple(_phase(one, now) for one in slow[:3]),
        next_step=next_step,
        severity="warning",
        confidence="likely",
        depth=Depth.START,
        subjects=tuple(one.name for one in slow),
    )
