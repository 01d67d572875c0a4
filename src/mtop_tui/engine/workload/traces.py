"""Request traces: Azure's of 2023, Mooncake's, and those of users, told apart by their header.

| format | columns |
|---|---|
| Azure 2023 | TIMESTAMP (date and time), ContextTokens, GeneratedTokens |
| Mooncake | timestamp_ms, input_length, output_length, blocks_512, prefix_blocks_seen_before |
| any other | at (seconds), prompt, output; if known tenant, cached (tokens of the prompt) |
"""

from __future__ import annotations

import csv
import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime

import msgspec

MOST_TOKENS = 10_000_000
MOST_ROWS = 10_000_000
MOST_TENANTS = 100_000
_LONGEST_NAME = 253
_BLOCK = 512
_SHOWN = 60


class TraceError(ValueError):
    """A trace that cannot be used.

    Attributes:
        name: of the trace, its file for instance.
        line: as an editor counts it.
        field: the column; empty for the row as a whole.
        message: what was expected, and what stood there.
    """

    def __init__(self, name: str, line: int, field: str, message: str) -> None:
        super().__init__(": ".join(part for part in (f"{name}:{line}", field, message) if part))
        self.name = name
        self.line = line
        self.field = field
        self.message = message


class Trace(msgspec.Struct, frozen=True, eq=False):
    """Requests as they came, in time order; the arrays have one item per request.

    Attributes:
        name: where it is from.
        at: seconds after the first request.
        prompt, output: tokens.
        cached: leading prompt tokens that an earlier request had.
        tenant: index into `tenants`.
        tenants: all that sent requests; one without a name where the trace tells none.
    """

    name: str
    at: Sequence[float]
    prompt: Sequence[int]
    output: Sequence[int]
    cached: Sequence[int]
    tenant: Sequence[int]
    tenants: tuple[str, ...]

    @property
    def span(self) -> float:
        """Seconds it covers, with a mean gap after the last request."""
        last = self.at[-1]
        return last * len(self.at) / (len(self.at) - 1) if last > 0.0 else 1.0

    def mean_lengths(self) -> tuple[float, float, float]:
        """Mean tokens of prompt and answer, and share of prompt tokens seen before."""
        rows, prompts = len(self.at), sum(self.prompt)
        return prompts / rows, sum(self.output) / rows, sum(self.cached) / prompts


_Row = tuple[float, int, int, int, str]


class _Columns(msgspec.Struct, frozen=True):
    """Where the fields of a format stand; the last two may be missing."""

    at: int
    time: Callable[[str], float]
    prompt: int
    output: int
    cached: int | None = None
    cached_unit: int = 1
    tenant: int | None = None


def read_trace(lines: Iterable[str], name: str) -> Trace:
    """The trace in the lines of a file.

    Args:
        lines: with or without line ends.
        name: of the file, for complaints.

    Raises:
        TraceError: an empty file, an unknown header, a row with too many or too few fields, a
            field that is not what its column holds, or time going back.
    """
    at, prompts, outputs = array("d"), array("l"), array("l")
    cached, tenants = array("l"), array("l")
    known: dict[str, int] = {}
    first = 0.0
    for line, row in _rows(lines, name):
        if not at:
            first = row[0]
        if len(at) == MOST_ROWS:
            raise TraceError(name, line, "", f"expected at most {MOST_ROWS} rows; split the trace")
        at.append(row[0] - first)
        prompts.append(row[1])
        outputs.append(row[2])
        cached.append(row[3])
        tenants.append(known.setdefault(row[4], len(known)))
        if len(known) > MOST_TENANTS:
            raise TraceError(name, line, "tenant", f"expected at most {MOST_TENANTS} tenants")
    if not at:
        raise TraceError(name, 2, "", "expected a request below the header, got none")
    return Trace(name, at, prompts, outputs, cached, tenants, tuple(known))


def _rows(lines: Iterable[str], name: str) -> Iterator[tuple[int, _Row]]:
    reader = csv.reader(lines, strict=True)
    columns: _Columns | None = None
    header: list[str] = []
    before = -math.inf
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise TraceError(name, reader.line_num, "", f"expected CSV, got {error}") from None
        if fields is None:
            break
        line = reader.line_num
        if not any(one.strip() for one in fields):
            continue
        fields = [one.strip() for one in fields]
        if columns is None:
            header = [fields[0].removeprefix("\ufeff"), *fields[1:]]
            columns = _columns(header, name, line)
        elif len(fields) != len(header):
            message = f"expected {len(header)} fields as in the header, got {len(fields)}"
            raise TraceError(name, line, header[min(len(fields), len(header) - 1)], message)
        else:
            row = _row(fields, header, columns, name, line)
            if row[0] < before:
                message = f"expected no time before that of the row above, got {fields[columns.at]}"
                raise TraceError(name, line, header[columns.at], message)
            before = row[0]
            yield line, row
    if columns is None:
        raise TraceError(name, 1, "at", f"expected {_USER_HEADER}, got an empty file")


_USER_HEADER = "a header such as at,prompt,output,tenant,cached"
_AZURE = ["TIMESTAMP", "ContextTokens", "GeneratedTokens"]
_MOONCAKE = [
    "timestamp_ms",
    "input_length",
    "output_length",
    "blocks_512",
    "prefix_blocks_seen_before",
]
_NEEDED, _OPTIONAL = ("at", "prompt", "output"), ("tenant", "cached")


def _columns(header: list[str], name: str, line: int) -> _Columns:
    if header == _AZURE:
        return _Columns(0, _date, 1, 2)
    if header == _MOONCAKE:
        return _Columns(0, _milliseconds, 1, 2, cached=4, cached_unit=_BLOCK)
    for one in _NEEDED:
        if one not in header:
            expected = f"expected {_USER_HEADER}, or that of Azure 2023 or Mooncake"
            raise TraceError(name, line, one, f"{expected}, got {_shown(','.join(header))}")
    for one in header:
        if one not in {*_NEEDED, *_OPTIONAL}:
            allowed = ", ".join((*_NEEDED, *_OPTIONAL))
            raise TraceError(name, line, _shown(one), f"no such column; known are {allowed}")
        if header.count(one) > 1:
            raise TraceError(name, line, one, "expected each column once")
    place = {one: index for index, one in enumerate(header)}
    return _Columns(
        place["at"],
        _number,
        place["prompt"],
        place["output"],
        cached=place.get("cached"),
        tenant=place.get("tenant"),
    )


def _row(fields: list[str], header: list[str], columns: _Columns, name: str, line: int) -> _Row:
    def wrong(column: int, expected: str) -> TraceError:
        message = f"expected {expected}, got {_shown(fields[column])}"
        return TraceError(name, line, header[column], message)

    def tokens(column: int, least: int) -> int:
        text = fields[column]
        if text.isascii() and text.isdecimal() and len(text) <= len(str(MOST_TOKENS)):
            count = int(text)
            if least <= count <= MOST_TOKENS:
                return count
        raise wrong(column, f"a whole number from {least} to {MOST_TOKENS}")

    try:
        at = columns.time(fields[columns.at])
    except ValueError as error:
        raise wrong(columns.at, str(error)) from None
    prompt, output = tokens(columns.prompt, 1), tokens(columns.output, 1)
    cached, tenant = 0, ""
    if columns.cached is not None:
        cached = tokens(columns.cached, 0) * columns.cached_unit
        if columns.cached_unit == 1 and cached > prompt:
            raise wrong(columns.cached, f"at most the {prompt} tokens of the prompt")
        cached = min(cached, prompt)
    if columns.tenant is not None:
        tenant = fields[columns.tenant]
        if len(tenant) > _LONGEST_NAME:
            raise wrong(columns.tenant, f"a name of at most {_LONGEST_NAME} characters")
    return at, prompt, output, cached, tenant


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0.0 <= number < 1e12:
        raise ValueError("seconds of 0 or more, such as 12.5")
    return number


def _milliseconds(text: str) -> float:
    try:
        return _number(text) / 1000.0
    except ValueError:
        raise ValueError("milliseconds of 0 or more, such as 3000") from None


def _date(text: str) -> float:
    # Seven digits of a second, where Python reads six.
    whole, _, part = text.partition(".")
    try:
        fraction = float(f"0.{part or '0'}") if part.isdecimal() or not part else math.nan
        moment = datetime.fromisoformat(whole)
        moment = moment.replace(tzinfo=moment.tzinfo or UTC)
        found = moment.timestamp() + fraction
    except ValueError:
        found = math.nan
    if not found >= 0.0:
        raise ValueError("a time such as 2023-11-16 18:15:46.6805900")
    return found


def _shown(text: str) -> str:
    """Text as it stood there, in quotes, cut to a length that fits a line."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")
