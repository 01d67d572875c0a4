"""The fleet as a plain table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mtop_tui.views.cells import ServiceFacts
from mtop_tui.views.columns import COLUMNS, FleetColumn, fleet_column

_GAP = "  "
_NEED_A_SCREEN = ("mark", "trend")


def as_table(facts: Sequence[ServiceFacts], wanted: Sequence[str], width: int | None) -> str:
    """Aligned columns with a heading; no value is ever cut.

    Args:
        facts: one line each, in order.
        wanted: ids of the columns; empty takes those that fit, without the ones that only a
            screen can show.
        width: cells a line may have; None is unlimited.
    """
    columns = [fleet_column(identity) for identity in wanted] or _usual(facts)
    texts = {column.id: _texts(column, facts) for column in columns}
    widths = {identity: max(map(len, column)) for identity, column in texts.items()}
    if width is not None and not wanted:
        columns = _fitting(columns, widths, width)
    return "".join(
        _GAP.join(
            texts[column.id][line].rjust(widths[column.id])
            if column.right
            else texts[column.id][line].ljust(widths[column.id])
            for column in columns
        ).rstrip()
        + "\n"
        for line in range(len(facts) + 1)
    )


def _usual(facts: Sequence[ServiceFacts]) -> list[FleetColumn]:
    columns = [column for column in COLUMNS if column.id not in _NEED_A_SCREEN]
    if len({one.service.ref.cluster for one in facts}) > 1:
        columns.insert(1, fleet_column("cluster"))
    return columns


def _texts(column: FleetColumn, facts: Sequence[ServiceFacts]) -> list[str]:
    return [column.title or column.id.upper(), *(column.cell(one).text.strip() for one in facts)]


def _fitting(
    columns: Sequence[FleetColumn], widths: Mapping[str, int], width: int
) -> list[FleetColumn]:
    """Columns that fit into the width; those of the highest priority number go first."""
    fitting = list(columns)
    while len(fitting) > 1:
        if sum(widths[one.id] for one in fitting) + len(_GAP) * (len(fitting) - 1) <= width:
            break
        fitting.remove(max(reversed(fitting), key=lambda column: column.priority))
    return fitting
