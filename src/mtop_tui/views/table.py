"""What every table is made of: cells, rows, columns, and which columns fit into a width."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import Generic, Literal, NamedTuple, TypeVar

import msgspec

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
    rows: Mapping[Hashable, Facts],
    columns: Sequence[Column[Facts]],
    by: Column[Facts],
    words: str = "",
    *,
    descending: bool,
) -> list[Hashable]:
    """Keys of the rows in order, without those that are not wanted.

    What is typed is read by `views.query`: words in any cell, and comparisons with columns by
    their id. What has no value to order by comes last, in the order it came in.

    Raises:
        QueryError: `words` is no filter.
    """
    wants = _filter(words, columns)
    valued: list[tuple[float | str, Hashable]] = []
    rest: list[Hashable] = []
    for key, facts in rows.items():
        if wants is not None and not wants(facts):
            continue
        value = by.sort(facts)
        if value is None:
            rest.append(key)
        else:
            valued.append((value, key))
    valued.sort(key=itemgetter(0), reverse=descending)
    return [key for _, key in valued] + rest


def _filter(text: str, columns: Sequence[Column[Facts]]) -> Callable[[Facts], bool] | None:
    if not text.strip():
        return None
    from mtop_tui.views.query import Field, parse_query  # noqa: PLC0415 - when wanted

    fields = {column.id: Field(column.sort, column.right) for column in columns if column.title}
    return parse_query(
        text, fields, lambda facts: " ".join(column.cell(facts).text for column in columns)
    )
