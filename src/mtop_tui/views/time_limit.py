"""Ends a search that would hold up the screen.

A regular expression can take longer than the age of the universe on one line, and no rule that
allows what users write tells such a pattern from another. Python's engine looks for signals while
it searches, so a timer of used CPU time ends it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SLICE_LIMIT = 0.1
"""Seconds of CPU one slice of searching may take; it usually takes a few milliseconds."""


class TakesTooLong(Exception):  # noqa: N818 - it is the outcome of a search, not a defect
    """The search was ended."""


@contextmanager
def time_limit(seconds: float = SLICE_LIMIT) -> Iterator[None]:
    """What is done inside ends after so many seconds of CPU; not outside the main thread.

    Raises:
        TakesTooLong: it was ended.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    armed = True

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        if armed:
            raise TakesTooLong

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
