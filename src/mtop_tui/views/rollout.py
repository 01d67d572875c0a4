"""A rollout in words: how far it is, what holds it, what to do; its history and its risks."""

from __future__ import annotations

from collections.abc import Sequence

from mtop_tui.domain.durations import short_duration
from mtop_tui.domain.rollouts.canary import Verdict
from mtop_tui.domain.rollouts.risk import Risk, Severity
from mtop_tui.domain.rollouts.stuck import Progress, State
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.rollout import RolloutState
from mtop_tui.state.versions import Manner, Version, VersionFacts, Versions
from mtop_tui.views import format as fmt
from mtop_tui.views.rollout_comparison import TONES
from mtop_tui.views.rollout_lanes import per_hour
from mtop_tui.views.table import Cell, Tone
from mtop_tui.views.timeline import SIGNS, Mark, ago, clock, moment
from mtop_tui.views.words import fitted, wrapped

Line = tuple[Cell, ...]

PANELS = ("history", "risks", "versions")
HISTORY_LEAD = 12
LEAD = 8
"""Cells before what is said: the word that says what it is about."""

_STATE_TONES: dict[State, Tone] = {
    State.STUCK: "bad",
    State.HELD: "warn",
    State.LOADING: "warn",
    State.UNKNOWN: "quiet",
    State.DONE: "quiet",
}
_RISK_TONES: dict[Severity, Tone] = {
    Severity.BLOCKS: "bad",
    Severity.CAUTION: "warn",
    Severity.NOTE: "normal",
}


def title_facts(rollout: RolloutState, *, stale: bool) -> list[Cell]:
    """How it is brought in, and what is said of the new version; first, whether that is current."""
    versions = rollout.versions
    facts = [Cell("no fresh metrics", "warn")] if stale else []
    if versions.manner is Manner.NONE:
        return [*facts, Cell("no rollout", "quiet")]
    if rollout.progress.state is State.STUCK:
        facts.append(Cell("stuck", "bad"))
    if rollout.compared is not None:
        verdict = rollout.compared.verdict
        facts.append(Cell(verdict.value.lower(), TONES[verdict]))
    return [*facts, Cell(f"{versions.manner}, over" if versions.over else versions.manner.value)]


def headline(
    rollout: RolloutState,
    now: float,
    width: int,
    height: int,
    *,
    forbidden: Sequence[str] = (),
) -> list[Line]:
    """What goes on, what holds it and what to do next, in `height` lines at most.

    `forbidden` is what the sources may not read.
    """
    if rollout.versions.stable is None:
        why = f"its source may not read {', '.join(forbidden)}" if forbidden else "none was told"
        said = f"no revision of it is known: {why}"
        return _said("now", Cell(said, "warn" if forbidden else "quiet"), width, min(height, 2))
    if rollout.versions.manner is Manner.NONE:
        lines = _said("now", Cell(_serving(rollout)), width, 1)
        if rollout.progress.state is not State.DONE:
            lines += _held(rollout.progress, width, 1)
        return (lines + _said("last", Cell(_none_seen(rollout, now), "quiet"), width, 1))[:height]
    word = "last" if rollout.versions.over else "now"
    lines = _said(word, Cell(_going_on(rollout, now)), width, 1)
    left = height - 1
    held = _held(rollout.progress, width, 2)
    told = _said("next", Cell(rollout.next_step), width, max(1, min(2, left - len(held))))
    return [*lines, *held[: max(0, left - len(told))], *told][:height]


def _serving(rollout: RolloutState) -> str:
    stable = rollout.versions.stable
    if stable is None:
        return "no revision of it is known"
    facts = dict(zip(rollout.versions.all, rollout.facts, strict=True))
    return f"{stable.name} serves, {_ready(facts.get(stable))}; nothing is rolled out"


def _none_seen(rollout: RolloutState, now: float) -> str:
    since = rollout.seen_since
    if since is None:
        return "no rollout was seen"
    return f"no rollout was seen since {clock(since)}, {ago(now, since)}, when mtop began to look"


def at_cursor(at: float, marks: Sequence[Mark], now: float, width: int, height: int) -> list[Line]:
    """In place of the headline while the cursor stands: which time everything is of."""
    before = [mark for mark in marks if mark.at <= at + 0.5]
    last = before[-1] if before else None
    said = f"{clock(at)}, {ago(now, at)}: what is below held then; Esc returns to the present"
    lines = _said("at", Cell(said, "good"), width, 1)
    if last is not None and height > 1:
        words = f"{SIGNS[last.kind]} {moment(now, last.at)} {last.text}"
        lines += _said("last", Cell(words), width, max(1, height - 2))
    if height > 2:
        said = "not kept: what held it up is judged in the present only"
        lines += _said("state", Cell(said, "quiet"), width, 1)
    return lines[:height]


def _going_on(rollout: RolloutState, now: float) -> str:
    versions, stable, canary = rollout.versions, rollout.versions.stable, rollout.versions.canary
    facts = dict(zip(versions.all, rollout.facts, strict=True))
    if stable is None or canary is None:
        return _serving(rollout)
    names = f"{stable.name} to {canary.name}"
    parts = []
    if versions.over:
        if rollout.began is not None and rollout.ended is not None:
            parts.append(f"took {short_duration(rollout.ended - rollout.began)}")
        if rollout.ended is not None:
            parts.append(f"over since {clock(rollout.ended)}, {ago(now, rollout.ended)}")
        return ", ".join([*parts, names])
    known = facts.get(canary)
    if known is not None and known.share is not None:
        parts.append(f"{fmt.whole_percent(known.share)} of the traffic")
    parts += _steps(versions)
    if versions.manner is Manner.ROLLING and known is not None:
        parts.append(f"{fmt.whole(known.ready)} of {fmt.whole(rollout.wanted)} replaced")
    else:
        parts.append(_ready(known))
    if rollout.began is not None:
        parts.append(f"for {short_duration(now - rollout.began)}")
    return ", ".join([*parts, *_eta(rollout), names])


def _steps(versions: Versions) -> list[str]:
    """At which step of how many it is, where a controller takes steps."""
    steps = versions.steps
    if steps is None or steps.step is None or not steps.steps:
        return []
    if steps.step >= steps.steps:
        return [f"all {steps.steps} steps done"]
    return [f"step {steps.step + 1} of {steps.steps}"]


def _ready(known: VersionFacts | None) -> str:
    if known is None:
        return "replicas not known"
    return f"{fmt.whole(known.ready)} of {fmt.whole(known.desired)} ready"


def _eta(rollout: RolloutState) -> list[str]:
    if not rollout.versions.of_one_service:
        return []
    pace = rollout.pace
    if pace is None:
        return ["end not known before the first is ready"]
    if pace.left is None:
        return [f"later than its pace of {short_duration(pace.per_replica)} each"]
    if not pace.left:
        return [f"{short_duration(pace.per_replica)} each"]
    left, each = short_duration(pace.left), short_duration(pace.per_replica)
    return [f"about {left} left at {each} each"]


def _held(progress: Progress, width: int, height: int) -> list[Line]:
    tone = _STATE_TONES.get(progress.state, "normal")
    said = progress.sentence
    if progress.state is State.STUCK:
        said = f"stuck: {said}"
    if progress.evidence and height > 1:
        said += f"  {progress.evidence[0]}"
    return _said("state", Cell(said, tone), width, height)


def _said(word: str, said: Cell, width: int, most: int) -> list[Line]:
    lines = wrapped(said.text, max(1, width - LEAD - 1), most)
    return [
        (
            Cell(f" {word:<{LEAD - 1}}" if not index else " " * LEAD, "quiet"),
            Cell(text, said.tone),
        )
        for index, text in enumerate(lines or [fmt.UNKNOWN])
    ]


# Panels


def panel_title(name: str, marks: Sequence[Mark], risks: Sequence[Risk]) -> str:
    """A panel's name with the count that says whether to look there."""
    if name == "history":
        return f"history {len(marks)}"
    if name == "risks" and risks:
        return f"risks {len(risks)}"
    return name


def history_lines(marks: Sequence[Mark], now: float, width: int) -> tuple[list[Line], list[int]]:
    """What happened, newest first, and of which mark each line is."""
    if not marks:
        return [(Cell(" nothing has happened since mtop looks on", "quiet"),)], []
    lines: list[Line] = []
    owners: list[int] = []
    for index in range(len(marks) - 1, -1, -1):
        mark = marks[index]
        tone: Tone = "warn" if mark.kind == "warning" else "normal"
        if mark.kind == "verdict" and mark.text.endswith(Verdict.WORSE):
            tone = "bad"
        for place, text in enumerate(wrapped(mark.text, max(8, width - HISTORY_LEAD))):
            lead = f"{moment(now, mark.at):>8} {SIGNS[mark.kind]} " if not place else " " * 11
            lines.append((Cell(" "), Cell(lead, "quiet"), Cell(text, tone)))
            owners.append(index)
    return lines, owners


def pointed(lines: Sequence[Line], owners: Sequence[int], current: int | None) -> list[Line]:
    """The history with the mark pointed at that the cursor has come to."""
    found = list(lines)
    if current is not None and current in owners:
        first = owners.index(current)
        for place in range(first, first + owners.count(current)):
            _, lead, text = found[place]
            here = Cell(">" if place == first else " ", "good")
            found[place] = (here, lead, text._replace(tone="good"))
    return found


def reached(marks: Sequence[Mark], cursor: float | None) -> int | None:
    """The last mark that the cursor has come to."""
    if cursor is None:
        return None
    before = [index for index, mark in enumerate(marks) if mark.at <= cursor + 0.5]
    return before[-1] if before else None


def risk_lines(rollout: RolloutState, width: int) -> list[Line]:
    """What may go wrong, the gravest first, each with what it rests on."""
    if rollout.versions.over:
        return [(Cell(" nothing is under way that could go wrong", "quiet"),)]
    if not rollout.risks:
        return [(Cell(" none of what mtop knows to look for", "quiet"),)]
    lines: list[Line] = []
    for risk in rollout.risks:
        mark = {Severity.BLOCKS: "!", Severity.CAUTION: "~"}.get(risk.severity, " ")
        tone = _RISK_TONES[risk.severity]
        for index, text in enumerate(wrapped(risk.sentence, max(8, width - 4))):
            lines.append((Cell(f" {mark} " if not index else "   ", tone), Cell(text, tone)))
        lines += [
            (Cell("   "), Cell(text, "quiet")) for text in wrapped(risk.evidence, max(8, width - 4))
        ]
    return lines


def version_lines(
    store: FleetStore,
    versions: Sequence[Version],
    facts: Sequence[VersionFacts | None],
    now: float,
    width: int,
) -> list[Line]:
    """What each version is made of."""
    lines: list[Line] = []
    for version, known in zip(versions, facts, strict=True):
        lines.append((Cell(f" {fitted(version.name, max(8, width - 2))}".rstrip(), "good"),))
        for name, value in _made_of(store, version, known, now):
            parts = wrapped(value, max(8, width - 12))
            lines += [
                (Cell(f"   {name if not index else '':<9}", "quiet"), Cell(text))
                for index, text in enumerate(parts or [fmt.UNKNOWN])
            ]
    return lines or [(Cell(" no version is known", "quiet"),)]


def _made_of(
    store: FleetStore, version: Version, known: VersionFacts | None, now: float
) -> list[tuple[str, str]]:
    if known is None:
        return [("", "not kept")]
    state = store.service(version.key)
    facts = [
        ("image", known.image or fmt.UNKNOWN),
        ("replicas", _ready(known)),
        ("cost", per_hour(known.cost)),
    ]
    if state is None or state.service is None:
        return facts
    created = state.service.created_at
    if version.revision is not None:
        revision = state.revisions.get(version.revision)
        created = None if revision is None else revision.created_at
    else:
        facts.insert(0, ("model", state.service.model or fmt.UNKNOWN))
    if created is not None:
        facts.append(("created", f"{moment(now, created)}, {ago(now, created)}"))
    return facts
