"""A program in a pseudo-terminal of 160x43, watched from outside."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Sequence
from pathlib import Path

COLUMNS, LINES = 160, 43
TICKS = os.sysconf("SC_CLK_TCK")


class Terminal:
    """Starts a program, reads all it draws, types keys."""

    def __init__(self, command: Sequence[str], environment: dict[str, str] | None = None) -> None:
        self.started = time.perf_counter()
        self.received = 0
        self._tail = b""
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
            os.execvpe(
                command[0],
                list(command),
                {
                    **os.environ,
                    "TERM": "xterm-256color",
                    "COLORTERM": "truecolor",
                    **(environment or {}),
                },
            )
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))

    def read(self, seconds: float) -> bytes:
        """What is drawn within so many seconds, or less if something is drawn."""
        ready, _, _ = select.select([self._fd], [], [], max(0.0, seconds))
        if not ready:
            return b""
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError:
            return b""
        self.received += len(data)
        return data

    def drain(self, seconds: float) -> int:
        """Read for so many seconds; returns the number of bytes."""
        before, end = self.received, time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(left)
        return self.received - before

    def until(self, text: bytes, seconds: float = 30.0) -> float:
        """Read until a text is drawn; returns the seconds since the start.

        Raises:
            TimeoutError: it was not drawn in time; the message holds what was.
        """
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self._tail = (self._tail + self.read(0.5))[-65536:]
            if text in self._tail:
                return time.perf_counter() - self.started
        raise TimeoutError(f"{text!r} was not drawn in {seconds} s; last: {self._tail[-400:]!r}")

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._fd, keys)

    def latency(self, key: bytes) -> float:
        """Seconds from a key to the first bytes drawn after it."""
        while self.read(0.0):
            pass
        began = time.perf_counter()
        self.type(key)
        self.read(1.0)
        return time.perf_counter() - began

    def cpu(self) -> float:
        """CPU seconds of the program and the children it has waited for."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident(self) -> int:
        """Bytes resident now."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    def close(self) -> None:
        """End the program."""
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        finally:
            os.close(self._fd)
