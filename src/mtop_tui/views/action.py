"""The lines of an action: what it would change, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from mtop_tui.actions.contract import Prepared
from mtop_tui.actions.plans import Change, Refused
from mtop_tui.actions.progress import Progress
from mtop_tui.domain.durations import short_duration
from mtop_tui.text import safe
from mtop_tui.views.table import Cell, Tone
from mtop_tui.views.words import wrapped

Line = tuple[Cell, ...]

_LABEL: Final = 10
_SAID: Final = 6
"""How many of the last lines on its course are shown."""

_TONES: Final[dict[str, Tone]] = {
    "going": "normal",
    "done": "good",
    "failed": "bad",
    "open": "warn",
}
_ENDS: Final = {"going": "", "done": "done: ", "failed": "failed: ", "open": ""}


def outcome(what: str, progress: Progress) -> str:
    """How something ended, for who looks elsewhere."""
    ended = {"done": f"{what} is done", "failed": f"{what} failed"}.get(progress.state, what)
    return f"{ended}: {progress.text}"


def planning_lines() -> Sequence[Line]:
    """While it is worked out."""
    return [(Cell(" reading what is there, and trying it without keeping it", "quiet"),)]


def refusal_lines(refused: Refused, width: int) -> Sequence[Line]:
    """Why it is not done."""
    return [
        *_wrapped("refused", refused.reason, width, "bad"),
        *(_wrapped("instead", refused.instead, width) if refused.instead else ()),
        (Cell(""),),
        (Cell(" nothing was changed", "quiet"),),
    ]


def prepared_lines(
    prepared: Prepared, course: Sequence[tuple[float, Progress]], advice: Cell, width: int
) -> Sequence[Line]:
    """What it would change, or what became of it: the most important first.

    Args:
        prepared: what would be done.
        course: how far it has got, if it was begun.
        advice: what mtop would do, by what it has measured; empty where it has none.
        width: in cells.
    """
    return list(_lines(prepared, course, advice, width))


def _lines(
    prepared: Prepared, course: Sequence[tuple[float, Progress]], advice: Cell, width: int
) -> Iterator[Line]:
    plan = prepared.plan
    yield from _wrapped("will", plan.title, width, "warn")
    if plan.loses:
        yield from _wrapped("loses", plan.loses, width, "bad")
    if advice.text:
        yield from _wrapped("advice", advice.text, width, advice.tone)
    if course:
        yield from _course(course, width)
    else:
        typed = f", then type {plan.confirmed_by}" if plan.loses else ""
        limit = short_duration(plan.limit)
        yield from _wrapped("to do it", f"press y{typed}; watched for {limit} at most", width)
    for note in plan.notes:
        yield from _wrapped("note", note, width)
    yield (Cell(""),)
    yield from _wrapped("as", prepared.who, width)
    for change, tried, command in zip(plan.changes, prepared.tried, prepared.commands, strict=True):
        yield (Cell(""),)
        yield from _wrapped("object", _object(change), width)
        for one in tried:
            yield from _wrapped(
                "differs", f"{one.path}: {one.before} -> {one.after}", width, "warn"
            )
        if not tried:
            yield from _wrapped("differs", "in nothing", width)
        how = "patch" if change.method == "patch" else "delete"
        yield from _wrapped(how, json.dumps(change.body(dry_run=False)), width)
        yield from _wrapped("kubectl", command, width)
    yield (Cell(""),)
    if not course:
        said = "the API server has tried it (dryRun=All) and kept nothing of it"
        yield from ((Cell(f" {line}", "quiet"),) for line in wrapped(said, width - 1))


def _course(course: Sequence[tuple[float, Progress]], width: int) -> Iterator[Line]:
    for at, progress in course[-_SAID:]:
        clock = datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")
        words = f"{_ENDS[progress.state]}{progress.text}"
        yield from _wrapped(clock, words, width, _TONES[progress.state])


def _object(change: Change) -> str:
    version = change.before["metadata"].get("resourceVersion", "")
    return f"{change.kind} {change.namespace}/{change.name} as of version {version}"


def _wrapped(label: str, words: str, width: int, tone: Tone = "normal") -> list[Line]:
    """A label, and words broken to stand beside it."""
    first, *others = wrapped(safe(words), width - _LABEL - 1) or [""]
    return [
        (Cell(f" {label:<{_LABEL}}", "quiet"), Cell(first, tone)),
        *((Cell(" " * (_LABEL + 1)), Cell(other, tone)) for other in others),
    ]
