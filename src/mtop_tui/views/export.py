"""What a screen shows, as rows for other programs."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from mtop_tui.views.format import UNKNOWN
from mtop_tui.views.table import Column

Facts = TypeVar("Facts")
Records = Sequence[Mapping[str, object]]

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes text that begins with one of these for a formula, and carries it out."""


class Exported(NamedTuple):
    """What leaves a screen: `document` becomes JSON, `records` become the lines of a CSV file."""

    document: object
    records: Records


def table_records(rows: Iterable[Facts], columns: Iterable[Column[Facts]]) -> Records:
    """A record per row, with a number where a column has one, else its text; None is not known.

    Keys are the columns' ids with their unit.
    """
    titled = [column for column in columns if column.title]
    return [{_key(column): _value(column, facts) for column in titled} for facts in rows]


def _key(column: Column[Facts]) -> str:
    return f"{column.id}_{column.unit}" if column.unit else column.id


def _value(column: Column[Facts], facts: Facts) -> object:
    if column.right:
        value = column.sort(facts)
        if value is None:
            return None
        if isinstance(value, float | int):
            return value if math.isfinite(value) else None
    text = column.cell(facts).text.strip()
    return None if text in ("", UNKNOWN) else text


def as_csv(records: Records) -> str:
    """Records as a CSV file with a heading (RFC 4180); what is not known is empty.

    Lists and mappings are left out: a CSV file has no place for them. An apostrophe is set before
    text that a spreadsheet would take for a formula, since it may have come from anybody.
    """
    out = io.StringIO()
    keys = [
        key
        for key in dict.fromkeys(key for record in records for key in record)
        if not any(isinstance(record.get(key), list | dict) for record in records)
    ]
    writer = csv.writer(out)
    writer.writerow(keys)
    writer.writerows([_field(record.get(key)) for key in keys] for record in records)
    return out.getvalue()


def _field(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return f"{value}"
