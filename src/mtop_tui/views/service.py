"""One service: what its title says, where a request's time goes, its halves and its scaling."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mtop_tui.domain import vocabulary as names
from mtop_tui.domain.durations import short_duration
from mtop_tui.observations import Autoscaler, MetricSample
from mtop_tui.state.latency import MINUTES, Latency, latency_parts
from mtop_tui.state.metrics import figures_of
from mtop_tui.state.service import ServiceState
from mtop_tui.views import cells
from mtop_tui.views import format as fmt
from mtop_tui.views.cells import ServiceFacts
from mtop_tui.views.panels import failing
from mtop_tui.views.table import Cell, Tone
from mtop_tui.views.timeline import ago
from mtop_tui.views.words import cells as cells_of

Line = tuple[Cell, ...]

PANELS: tuple[str, ...] = ("replicas", "conditions", "events", "spec")
PICKER_SILENCE = 60.0
"""Seconds without a word of an endpoint picker after which nothing is known of it."""

LONGEST_BAR, SHORTEST_BAR = 24, 4
_GOOD_WHEN_FALSE = ("ScalingLimited", "Fallback", "Paused")


def title_facts(facts: ServiceFacts) -> list[Cell]:
    """State, replicas, burn, GPUs and money; the first stay when it is narrow."""
    burn = cells.burn(facts)
    gpus = cells.gpu_text(facts.state)
    said = [
        cells.state(facts),
        Cell(
            f"{cells.replicas_text(facts.state, facts.summary)} ready", cells.replicas(facts).tone
        ),
    ]
    if burn.text != fmt.UNKNOWN:
        said.append(Cell(f"burn {burn.text}", burn.tone))
    cost = cells.cost(facts).text
    if cost != fmt.UNKNOWN:
        said.append(Cell(f"{cost.replace('>=', '>=$') if '>=' in cost else f'${cost}'}/h"))
    said.append(Cell(f"{facts.summary.gpus} GPUs, {gpus} each", "quiet"))
    if facts.service.route is not None and facts.share is not None:
        said.append(
            Cell(f"{fmt.whole_percent(facts.share)} of {facts.service.route.group}", "quiet")
        )
    return said


def summary_lines(state: ServiceState, now: float, width: int, *, ascii_only: bool) -> list[Line]:
    """Where a request's time goes; the halves of the service, its endpoint picker, autoscalers."""
    lines: list[Line] = []
    if state.history is not None:
        lines.append(latency_line(latency_parts(state, now), width, ascii_only=ascii_only))
    roles = {replica.role for replica in state.replicas.values()}
    if "prefill" in roles:
        lines.append(halves_line(state, width))
    if state.picker is not None:
        lines.append(picker_line(state.picker, state, now))
    lines += [
        scaling_line(one, state, now)
        for one in sorted(state.autoscalers.values(), key=lambda one: one.role)
    ]
    return lines


def latency_line(latency: Latency | None, width: int, *, ascii_only: bool) -> Line:
    """The parts of the mean request of the last minutes, with bars of one scale."""
    if latency is None:
        return (
            Cell(" a request's time  ", "quiet"),
            Cell("known after a minute of traffic", "quiet"),
        )
    total = fmt.seconds(latency.total) if fmt.known(latency.total) else "time"
    lead = f" a request's {total}, mean of {MINUTES}m  "
    longest = max(part.seconds for part in latency.parts)
    words = [f"{part.name} {fmt.seconds(part.seconds)} " for part in latency.parts]
    room = width - len(lead) - sum(map(len, words)) - 2 * len(words)
    bar = max(0, min(LONGEST_BAR, room // len(words)))
    if bar < SHORTEST_BAR:
        bar = 0
    block = "#" if ascii_only else "▬"
    line = [Cell(lead, "quiet")]
    for part, text in zip(latency.parts, words, strict=True):
        share = part.seconds / longest if longest > 0 else 0.0
        queues = "queue" in part.name and part.seconds >= longest
        line += [Cell(text, "warn" if queues else "normal")]
        length = max(1, round(share * bar)) if bar else 0
        line += [Cell((block * length).ljust(bar) + "  ", "quiet")]
    return tuple(line)


def halves_line(state: ServiceState, width: int) -> Line:
    """Prefill and decode side by side."""
    members = state.members()
    halves = []
    for role in ("prefill", "decode"):
        replicas = [one for one in state.replicas.values() if one.role == role]
        ready = sum(one.phase == "ready" for one in replicas)
        figures = figures_of([members[one.ref] for one in replicas if one.ref in members])
        speed = (
            f"TTFT p95 {fmt.seconds(figures.ttft_p95)}"
            if role == "prefill"
            else f"TPOT {fmt.seconds(figures.tpot)}"
        )
        words = (
            f"{role} {ready}/{len(replicas)}  {speed}  "
            f"wait {fmt.whole(figures.queue)}  KV {fmt.whole_percent(figures.kv_usage)}"
        )
        halves.append((words, "normal" if ready == len(replicas) else "warn"))
    half = max(1, (width - 4) // 2)
    (left, left_tone), (right, right_tone) = halves
    return (
        Cell(" " + left.ljust(half)[:half] + "  ", left_tone),  # type: ignore[arg-type]
        Cell(right, right_tone),  # type: ignore[arg-type]
    )


def picker_line(sample: MetricSample, state: ServiceState, now: float) -> Line:
    """What waits at the endpoint picker, and how it sees the pool."""
    lead = Cell(" picker  ", "quiet")
    if now - sample.at > max(state.stale_after, PICKER_SILENCE):
        return lead, Cell(f"not heard of for {short_duration(now - sample.at)}", "warn")
    levels = dict(zip(sample.layout.gauges, sample.gauges, strict=True))

    def level(name: str) -> float:
        return levels.get(name, math.nan)

    ready = sum(one.phase == "ready" for one in state.replicas.values())
    seen, queue = level(names.READY_ENDPOINTS), level(names.WAITING)
    said = [
        Cell(f"sees {fmt.whole(seen)}/{ready} ready", "warn" if seen < ready else "normal"),
        Cell(f"   queue {fmt.whole(queue)}", "warn" if queue > 0 else "normal"),
        Cell(f"   running {fmt.whole(level(names.RUNNING))}"),
        Cell(f"   pool mean: queue {fmt.count(level(names.AVERAGE_WAITING))}"),
        Cell(f", KV {fmt.whole_percent(level(names.AVERAGE_KV_USAGE))}"),
    ]
    saturation = level(names.POOL_SATURATION)
    if fmt.known(saturation):
        said.append(
            Cell(
                f", saturation {fmt.whole_percent(saturation)}",
                "warn" if saturation >= 1 else "normal",
            )
        )
    return lead, *said


def scaling_line(autoscaler: Autoscaler, state: ServiceState, now: float) -> Line:
    """What an autoscaler wants, what is there, within which bounds, and why."""
    name = "scaling" if autoscaler.role == "main" else f"scaling {autoscaler.role}"
    low, high = fmt.whole(autoscaler.minimum), fmt.whole(autoscaler.maximum)
    desired, current = autoscaler.desired, autoscaler.current
    unmet = None not in (desired, current) and desired != current
    capped = (
        desired is not None and autoscaler.maximum is not None and desired >= autoscaler.maximum
    )
    why = [
        one
        for one in autoscaler.conditions
        if (one.status == "True") == (one.type in _GOOD_WHEN_FALSE)
    ]
    said = "; ".join(f"{one.type} {one.reason}".strip() for one in why)
    tone: Tone = "warn" if unmet or capped else "normal"
    last = ""
    if state.scale_changes:
        change = state.scale_changes[-1]
        last = f"   last {change.before} to {change.after}, {ago(now, change.at)}"
        last += f": {reason}" if (reason := _reason_of_size(state)) else ""
    return (
        Cell(f" {name}  ", "quiet"),
        Cell(f"wants {fmt.whole(desired)}, has {fmt.whole(current)}, bounds {low} to {high}", tone),
        Cell(f"   {said}" if said else "", tone if tone == "warn" else "quiet"),
        Cell(last, "quiet"),
    )


def _reason_of_size(state: ServiceState) -> str:
    """Why an autoscaler last changed the size, in its own words; empty if it did not say."""
    rescaled = [one for one in state.events if one.reason == "SuccessfulRescale"]
    newest = max(rescaled, key=lambda one: one.at, default=None)
    said = "" if newest is None else newest.message.partition("reason: ")[2]
    head, selector, tail = said.partition("(&LabelSelector{")
    return head + tail.rpartition(")")[2] if selector else said


def panel_title(name: str, state: ServiceState) -> str:
    """A panel's name with the count that says whether to look there."""
    if name == "replicas":
        return f"replicas {len(state.replicas)}"
    if name == "conditions" and state.service is not None:
        wrong = len(failing(state.service.conditions))
        return f"conditions {wrong} failing" if wrong else "conditions"
    if name == "events":
        warnings = sum(one.severity == "Warning" for one in state.events)
        noun = "warning" if warnings == 1 else "warnings"
        return f"events {len(state.events)}" + (f", {warnings} {noun}" if warnings else "")
    return name


def tabs(
    names: Sequence[str],
    shown: str,
    active: str,
    state: ServiceState,
    *,
    keys: str = "",
    width: int = 0,
) -> Line:
    """The panels that share one place: the one shown in brackets, the one with the keys marked."""
    line = [Cell(" ")]
    for name in names:
        title = panel_title(name, state)
        text = f"[{title}]" if name == shown else f" {title} "
        line.append(Cell(text, "good" if name == active else "quiet"))
        line.append(Cell(" "))
    spare = width - sum(cells_of(cell.text) for cell in line) - len(keys) - 1
    if keys and spare > 0:
        line.append(Cell(" " * spare + keys, "quiet"))
    return tuple(line)
