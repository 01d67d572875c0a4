"""What every table is made of: cells, rows, columns, and which columns fit into a width."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Generic, Literal, NamedTuple, TypeVar

import msgspec

if TYPE_CHECKING:
    from mtop_tui.views.query import Field

Tone = Literal["normal", "quiet", "good", "warn", "bad"]
"""How much something wants to be seen."""

SortValue = float | str | None

Facts = TypeVar("Facts")

WIDEST_EXACT = 24


class Cell(NamedTuple):
    """One field of a row: its text and how much it wants to be seen."""

    text: str
    tone: Tone = "normal"


class Row(msgspec.Struct, frozen=True):
    """One row as text: what it is about, and a cell per column id."""

    key: Hashable
    cells: dict[str, Cell]


class Column(msgspec.Struct, Generic[Facts], frozen=True):
    """One column of a table whose rows are made of `Facts`.

    `width` is the least it is given. With `grows`, it takes spare width up to its longest value;
    with `exact`, it is always as wide as that, since what it says must not be cut. `priority` 0
    stays to the last; the highest goes first when the terminal is narrow.
    `sort` gives the value to order by; None comes last.
    With `moves`, its order may change with every sample, not only with objects. With `keep_end`,
    what is too long is cut in the middle, since names tend to differ at their ends.
    `unit` is that of the value, as a word for programs.
    """

    id: str
    title: str
    help: str
    width: int
    priority: int
    cell: Callable[[Facts], Cell]
    sort: Callable[..., SortValue]
    right: bool = True
    grows: bool = False
    largest_first: bool = True
    moves: bool = False
    exact: bool = False
    keep_end: bool = False
    unit: str = ""


class TableQuery(msgspec.Struct, frozen=True):
    """Which rows are wanted, and in what order.

    `sort` is the id of a column. Each column has its own direction; `reversed` turns it around.
    `filter` is what `views.query` reads. No `columns` means those that fit.
    """

    sort: str
    reversed: bool = False
    filter: str = ""
    columns: tuple[str, ...] = ()


Placed = Sequence[tuple[Column[Facts], int]]
"""Columns in order, with the width each is given."""


def gap(column: Column[Facts], following: Column[Facts] | None) -> int:
    """Cells between two columns: numbers stand closer than words."""
    if column.id == "mark" or following is None:
        return 1
    return 1 if following.right or following.id == "trend" else 2


def placed(
    columns: Sequence[Column[Facts]],
    width: int,
    longest: Mapping[str, int],
    kept: Collection[str] = (),
) -> list[tuple[Column[Facts], int]]:
    """The columns that fit into a width, with the width each is given.

    Columns of the highest priority number go first; those of priority 0 stay. Spare width goes to
    the columns that grow, up to their longest value.

    Args:
        columns: in the order in which they stand.
        width: cells there are.
        longest: length of the longest value by column id, of those that grow or are exact.
        kept: ids of columns that stay whatever their priority, such as the one sorted by.
    """
    chosen = list(columns)

    def least(column: Column[Facts]) -> int:
        if not column.exact:
            return column.width
        return max(column.width, min(longest.get(column.id, 0), WIDEST_EXACT))

    def needed() -> int:
        gaps = sum(gap(*pair) for pair in pairwise(chosen))
        return sum(least(column) for column in chosen) + gaps

    leaving = [column for column in chosen if column.priority and column.id not in kept]
    while needed() > width and leaving and len(chosen) > 2:
        gone = max(reversed(leaving), key=lambda column: column.priority)
        leaving.remove(gone)
        chosen.remove(gone)
    widths = {column.id: least(column) for column in chosen}
    spare = width - needed()
    for column in chosen:
        if column.grows and spare > 0:
            more = min(spare, max(0, longest.get(column.id, 0) - column.width))
            widths[column.id] += more
            spare -= more
    if spare < 0:
        # A number that is cut is another number: the name gives way before it.
        narrowed = "name" if "name" in widths else chosen[-1].id
        widths[narrowed] = max(1, widths[narrowed] + spare)
    return [(column, widths[column.id]) for column in chosen]


def asked_for(columns: Iterable[Column[Facts]]) -> list[Column[Facts]]:
    """Columns that somebody asked for in this order: when it is narrow, the last go first."""
    return [
        msgspec.structs.replace(column, priority=place if column.priority else 0)
        for place, column in enumerate(columns)
    ]


def row_of(key: Hashable, facts: Facts, columns: Iterable[Column[Facts]]) -> Row:
    """One row as text."""
    return Row(key, {column.id: column.cell(facts) for column in columns})


def longest_values(columns: Iterable[Column[Facts]], rows: Iterable[Facts]) -> dict[str, int]:
    """Length of the longest value of each column whose width follows what it shows."""
    rows = list(rows)
    return {
        column.id: max((len(column.cell(facts).text) for facts in rows), default=0)
        for column in columns
        if column.grows or column.exact
    }


def ordered(
    rows: Mapping[Hashable, Facts], columns: Sequence[Column[Facts]], query: TableQuery
) -> list[Hashable]:
    """Keys of the rows that are wanted, in order.

    What has no value to order by comes last, in the order it came in.

    Raises:
        QueryError: the query's filter is none.
    """
    if query.filter.strip():
        rows = _wanted(rows, row_filter(query.filter, columns))
    by = column_of(query, columns)
    valued: list[tuple[float | str, Hashable]] = []
    rest: list[Hashable] = []
    for key, facts in rows.items():
        value = by.sort(facts)
        if value is None:
            rest.append(key)
        else:
            valued.append((value, key))
    valued.sort(key=itemgetter(0), reverse=is_descending(query, by))
    return [key for _, key in valued] + rest


def _wanted(
    rows: Mapping[Hashable, Facts], wants: Callable[[Facts], bool]
) -> Mapping[Hashable, Facts]:
    """The rows that are wanted; none, if to tell takes too long."""
    from mtop_tui.views.time_limit import TakesTooLong, time_limit  # noqa: PLC0415 - when wanted

    try:
        with time_limit():
            return {key: facts for key, facts in rows.items() if wants(facts)}
    except TakesTooLong:
        return {}


def column_of(query: TableQuery, columns: Iterable[Column[Facts]]) -> Column[Facts]:
    """The column that orders the rows."""
    return next(column for column in columns if column.id == query.sort)


def is_descending(query: TableQuery, column: Column[Facts]) -> bool:
    """Whether the largest comes first, when this column orders the rows."""
    return column.largest_first is not query.reversed


def row_filter(text: str, columns: Sequence[Column[Facts]]) -> Callable[[Facts], bool]:
    """Whether a row is wanted by what was typed.

    It is read by `views.query`: words in any cell, and comparisons with columns by their id.

    Raises:
        QueryError: it is no filter; at which column, and what was expected there.
    """
    from mtop_tui.views.query import parse_query  # noqa: PLC0415 - when wanted

    return parse_query(
        text,
        row_fields(columns),
        lambda facts: " ".join(column.cell(facts).text for column in columns),
    )


def row_fields(columns: Iterable[Column[Facts]]) -> dict[str, Field[Facts]]:
    """What can be compared, by name: columns that have a title."""
    from mtop_tui.views.query import Field  # noqa: PLC0415 - when wanted

    return {column.id: Field(column.sort, column.right) for column in columns if column.title}
