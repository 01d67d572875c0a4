"""The page of faults and operations, made from their tables; `docs/faults.md` is its output."""

from __future__ import annotations

from collections.abc import Iterable

from mtop_tui.engine.faults.actions import Action
from mtop_tui.engine.faults.catalogue import FAULTS
from mtop_tui.engine.faults.operations import OPERATIONS
from mtop_tui.engine.faults.parameters import Parameter

_HEAD = """\
# Faults and operations

What can go wrong in a recipe (`fault:`), and what somebody can do (`do:`). This page is what
`mtop recipes --faults` prints. A fault changes a cause only: a rate, a capacity, a process, a
place. The metrics, events and logs that follow are the simulation's own.

Each row says what changes, the parameters with their defaults (in brackets the range from which
`bench/diagnosis.py` draws the strength), the first causes of [diagnosis](diagnosis.md) that name it
rightly, and what Chaos Mesh or Litmus call it.
"""


def fault_page() -> str:
    """The page as Markdown."""
    faults = _table(
        ("fault", "changes", "on", "parameters", "leads to", "kin"),
        (
            (
                f"`{one.name}`",
                one.changes,
                _on(one),
                _parameters(one),
                ", ".join(f"`{cause}`" for cause in one.leads_to),
                one.kin or "-",
            )
            for one in FAULTS.values()
        ),
    )
    operations = _table(
        ("operation", "does", "on", "parameters"),
        (
            (f"`{one.name}`", one.changes, one.acts_on, _parameters(one))
            for one in OPERATIONS.values()
        ),
    )
    return f"{_HEAD}\n## Faults\n\n{faults}\n## Operations\n\n{operations}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _on(action: Action) -> str:
    return f"one of the {action.acts_on}" if action.mode == "one" else action.acts_on


def _parameters(action: Action) -> str:
    return "; ".join(map(_parameter, action.parameters)) or "-"


def _parameter(one: Parameter) -> str:
    drawn = "" if one.drawn is None else f" ({one.drawn[0]:g} to {one.drawn[1]:g})"
    choices = f", one of {', '.join(one.choices)}" if one.choices else ""
    return f"`{one.name}` {_default(one)}{drawn}: {one.about}{choices}"


def _default(one: Parameter) -> str:
    if one.default is None:
        return "required"
    if isinstance(one.default, bool):
        return str(one.default).lower()
    return f"{one.default:g}" if isinstance(one.default, float) else str(one.default) or "empty"
