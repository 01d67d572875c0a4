"""Where the reading of one log stands, so that it can be gone on with exactly.

An API server can be asked for lines from a second on, and no finer. So the lines shown of the last
seconds are remembered; when they come again they are known, as often as they were shown. That
tells apart lines of equal time, and even equal ones; and it does not need those before them, which
are gone when the log was rotated.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Final

from mtop_tui.providers.live.logs.lines import NANO, Stamped

OVERLAP: Final = 1
"""Seconds before the newest one that are asked for again: stdout and stderr are written by turns,
so a line can stand after one that is a moment later."""


class Place:
    """What has been shown of a log, as far as going on needs it.

    After a gap (`resume`) there are several answers in which the same lines may stand (`replay`
    before each): the log of a container, and that of its predecessor, which it may have been itself
    a moment ago.

    Attributes:
        met: lines that came again since `resume`.
    """

    def __init__(self) -> None:
        self.met = 0
        self._shown: dict[int, Counter[int]] = {}
        self._newest: int | None = None
        self._first: int | None = None
        self._known: Counter[int] = Counter()
        self._asked_from: int | None = None
        self._replayed_to: int | None = None

    @property
    def second(self) -> int | None:
        """Unix seconds from which on to ask; None while nothing was shown."""
        return None if self._newest is None else self._newest - OVERLAP

    def resume(self) -> None:
        """There was a gap: what was shown from `second` on may come again."""
        self.met = 0
        self._asked_from = self.second
        self.replay()

    def replay(self, *, last: bool = False) -> None:
        """An answer begins, the last one or not."""
        self._known = Counter()
        for shown in self._shown.values():
            self._known.update(shown)
        self._replayed_to = self._newest if last else None

    @property
    def has_lost_the_thread(self) -> bool:
        """Whether none of what was shown came again since `resume`, though it was asked for."""
        return bool(self._known) and not self.met

    def is_news(self, line: Stamped) -> bool:
        """Whether a line has not been shown; it counts as shown then."""
        # Equal hashes of unequal lines in one second: once in some billions of years.
        key = hash(line.raw)
        if self._known.get(key, 0):
            self._known[key] -= 1
            self.met += 1
            return False
        second = line.nanoseconds // NANO
        if self._first is None:
            self._first = line.nanoseconds
        if self._newest is None or second > self._newest:
            self._move_to(second)
        if second >= self._kept_from:
            self._shown.setdefault(second, Counter())[key] += 1
        return True

    def is_before_all(self, line: Stamped) -> bool:
        """Whether a line is older than all that was asked for."""
        return self._first is not None and line.nanoseconds < self._first

    def _move_to(self, second: int) -> None:
        self._newest = second
        if self._replayed_to is not None and second > self._replayed_to + OVERLAP:
            # What comes now was never shown: nothing of before is asked for any more.
            self._asked_from = self._replayed_to = None
        for old in [one for one in self._shown if one < self._kept_from]:
            del self._shown[old]

    @property
    def _kept_from(self) -> int:
        recent = (self._newest or 0) - OVERLAP
        return recent if self._asked_from is None else min(recent, self._asked_from)


def since_time(second: int) -> str:
    """Unix seconds as `sinceTime` has them."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
