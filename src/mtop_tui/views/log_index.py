"""The lines of a log that a filter lets through: which there are, and which of them are errors."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right

from mtop_tui.views.log_buffer import LogBuffer, Moved
from mtop_tui.views.log_filter import LogFilter
from mtop_tui.views.log_lines import Level, Line, shown

_PRUNE = 65_536
"""Numbers of lines that were let go stay in a list up to this many: moving a list takes time."""


class LogIndex:
    """Rows of a log: row 0 is the oldest line that is wanted and still there.

    It follows the buffer a slice at a time, so that a million lines never hold up the screen.
    Where a filter lets everything pass, rows are computed and take no memory.
    """

    def __init__(self, buffer: LogBuffer, wanted: LogFilter, *, as_written: bool = False) -> None:
        self.wanted = wanted
        self.as_written = as_written
        self._buffer = buffer
        self._seen = buffer.start
        self._is_open = wanted.is_open
        self._numbers = array("Q")
        self._errors = array("Q")

    # Following the buffer

    @property
    def is_complete(self) -> bool:
        """Whether all lines there are have been looked at."""
        return self._seen >= self._buffer.end

    @property
    def done(self) -> float:
        """The share of the lines that have been looked at."""
        there = self._buffer.end - self._buffer.start
        return max(0, self._seen - self._buffer.start) / there if there else 1.0

    def advance(self) -> None:
        """Look at the next lines, a few hundred at most unless they just came.

        Call it within a `time_limit`.
        """
        start = self._buffer.start
        for numbers in (self._numbers, self._errors):
            if numbers and numbers[0] + _PRUNE < start:
                del numbers[: bisect_left(numbers, start)]
        first = max(self._seen, start)
        if first >= self._buffer.end:
            return
        times, levels = self._buffer.block(first)
        if self._is_open:
            passed = [i for i, level in enumerate(levels) if level >= Level.ERROR]
        else:
            passed = [
                i for i, level in enumerate(levels) if self.wanted.is_candidate(times[i], level)
            ]
            if passed and (pattern := self.wanted.pattern) is not None:
                texts = self._buffer.texts(first)
                passed = [i for i in passed if pattern.wants(texts[i])]
            self._numbers.extend([first + i for i in passed])
        self._errors.extend([first + i for i in passed if levels[i] >= Level.ERROR])
        self._seen = first + len(levels)

    def renumber(self, moved: Moved) -> None:
        """Lines changed places: look again at those."""
        for numbers in (self._numbers, self._errors):
            del numbers[bisect_left(numbers, moved.first) :]
        self._seen = min(self._seen, moved.first)

    # Rows

    def __len__(self) -> int:
        if self._is_open:
            return self._buffer.end - self._buffer.start
        return len(self._numbers) - self._gone

    @property
    def hidden(self) -> int:
        """Lines looked at that are not wanted."""
        return 0 if self._is_open else max(0, self._seen - self._buffer.start) - len(self)

    @property
    def _gone(self) -> int:
        return bisect_left(self._numbers, self._buffer.start)

    def number(self, row: int) -> int:
        """The number of the line in this row, which must exist."""
        if not 0 <= row < len(self):
            raise IndexError(f"no row {row} of {len(self)}")
        return self._buffer.start + row if self._is_open else self._numbers[row + self._gone]

    def row(self, number: int) -> int:
        """The row of this line or, where it is not wanted, of the next that is; `len` if none."""
        if self._is_open:
            return max(0, min(number, self._buffer.end) - self._buffer.start)
        return max(0, bisect_left(self._numbers, number) - self._gone)

    def written(self, row: int) -> Line:
        """The line in this row, as it was written."""
        return self._buffer.line(self.number(row))

    def line(self, row: int) -> Line:
        """The line in this row, as it is shown."""
        line = self.written(row)
        return line if self.as_written else line._replace(text=shown(line.text))

    # Errors

    def error_after(self, number: int) -> int | None:
        """The next error after this line, among those wanted."""
        place = bisect_right(self._errors, number)
        return self._errors[place] if place < len(self._errors) else None

    def error_before(self, number: int) -> int | None:
        """The error before this line, among those wanted."""
        place = bisect_left(self._errors, number) - 1
        if place < 0 or self._errors[place] < self._buffer.start:
            return None
        return self._errors[place]
