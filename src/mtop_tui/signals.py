"""Leaving on a signal: the terminal is put back as it was, as after `q`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable


def leave_on_signals(leave: Callable[[int], object]) -> None:
    """From now on, SIGHUP, SIGTERM and SIGINT call `leave` on the running loop, with the exit code.

    SIGINT is somebody's ctrl+c and leaves with 0, as that key does. Nothing changes when stdout is
    no terminal.
    """
    if sys.__stdout__ is None or not sys.__stdout__.isatty():
        return
    loop, terminal = asyncio.get_running_loop(), sys.__stdout__.fileno()

    def handle(number: int, _frame: object) -> None:
        try:
            os.get_terminal_size(terminal)
            loop.call_soon_threadsafe(leave, 0 if number == signal.SIGINT else 128 + number)
        except (OSError, RuntimeError):
            # The terminal is gone, and drawing would block for ever; or mtop has just left.
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)
