"""What came of a story: as text for people, and as a document for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mtop_tui.cli.fleet_output import as_table
from mtop_tui.text import safe
from mtop_tui.views.cells import ServiceFacts
from mtop_tui.views.checks import Check, Outcome
from mtop_tui.views.document import fleet_document
from mtop_tui.views.fleet import facts_of

if TYPE_CHECKING:
    from mtop_tui.cli.story import StoryFleet

_COLUMNS = (
    "name",
    "state",
    "replicas",
    "requests",
    "ttft",
    "tpot",
    "queue",
    "kv",
    "errors",
    "cost",
)


def as_text(fleet: StoryFleet, start: float, outcomes: Sequence[Outcome], *, asserts: bool) -> str:
    """The services as they are at the end, and the checks with what was observed."""
    parts = [as_table(_facts(fleet, start), _COLUMNS, None)]
    if outcomes:
        parts.append("\n")
        parts += [_line(one) for one in outcomes]
        parts.append(_summary(outcomes, asserts))
    parts += [f"NOT DONE  {safe(step)}\n" for step in fleet.provider.undone]
    if fleet.fluid:
        parts.append("analytic: figures are means of a formula, not of single requests\n")
    return "".join(parts)


def as_report(fleet: StoryFleet, start: float, outcomes: Sequence[Outcome]) -> dict[str, object]:
    """All of it as one value; times are seconds after the beginning, None is what is not known."""
    story = fleet.story
    end = start + story.duration
    return {
        "recipe": story.name,
        "seed": fleet.seed,
        "started_at_unix_seconds": start,
        "duration_seconds": story.duration,
        "analytic": fleet.fluid,
        "passed": all(one.passed for one in outcomes) and not fleet.provider.undone,
        "not_done": list(fleet.provider.undone),
        "checks": [
            {
                "check": one.check.name,
                "service": _service(one.check),
                "expected": one.check.expected,
                "from_seconds": one.check.start,
                "to_seconds": min(one.check.end, story.duration),
                "passed": one.passed,
                "observed": one.observed,
                "said": one.said,
            }
            for one in outcomes
        ],
        "annotations": [
            {"at_seconds": round(mark.at - start, 3), "text": mark.text} for mark in fleet.marks
        ],
        "end": fleet_document(fleet.provider.name, end, _facts(fleet, start)),
    }


def _facts(fleet: StoryFleet, start: float) -> list[ServiceFacts]:
    end = start + fleet.story.duration
    return [facts_of(fleet.store, state, end) for state in fleet.store.services()]


def _line(one: Outcome) -> str:
    mark = "pass" if one.passed else "FAIL"
    where = f" ({_service(one.check)})" if one.check.service else ""
    return f"{mark}  {one.check.name}{where}: {one.said}; expected {one.check.expected}\n"


def _summary(outcomes: Sequence[Outcome], asserts: bool) -> str:
    failed = sum(not one.passed for one in outcomes)
    text = f"{len(outcomes) - failed} of {len(outcomes)} checks passed"
    return (
        f"{text}\n" if asserts or not failed else f"{text}; with --assert this would exit with 1\n"
    )


def _service(check: Check) -> str | None:
    return None if check.service is None else f"{check.service.namespace}/{check.service.name}"
