"""A program in a pseudo-terminal, with the screen a person would see."""

from __future__ import annotations

import os
import re
import time
import warnings
from collections.abc import Callable, Mapping, Sequence

import pexpect
import pyte

KEYS = {"enter": "\r", "esc": "\x1b", "tab": "\t", "down": "\x1b[B", "up": "\x1b[A", "^c": "\x03"}
"""Keys with a name; any other text is typed as it is."""

POLL = 0.05
PATIENCE = 15.0
"""Seconds: far more than anything here takes, so that a busy machine does not fail a test."""

_PRIVATE_MODE = re.compile(rb"\x1b\[\?([\d;]+)([hl])")
# pyte takes the `<` of the kitty keyboard protocol for the end of a sequence and prints the rest.
_UNKNOWN_TO_PYTE = re.compile(rb"\x1b\[[<>][\d;]*u")


class Terminal:
    """Starts a program in a terminal of so many columns and lines, types keys, sees its screen.

    Args:
        command: the program and its arguments.
        variables: environment variables to set (None: to remove) on top of those of the tests.
    """

    def __init__(
        self,
        command: Sequence[str],
        columns: int = 80,
        lines: int = 24,
        *,
        variables: Mapping[str, str | None] | None = None,
    ) -> None:
        self.bytes_out = bytearray()
        self._page = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._page)
        self._unfed = b""
        with warnings.catch_warnings():
            # Python 3.12 and later warn of any fork while another test's thread is still there.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._child = pexpect.spawn(
                command[0],
                list(command[1:]),
                dimensions=(lines, columns),
                env=environment(variables or {}),
                timeout=PATIENCE,
            )
        self._child.delaybeforesend = None

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.delayafterclose = self._child.delayafterterminate = POLL
        self._child.close(force=True)

    @property
    def pid(self) -> int:
        """The process that was started."""
        return self._child.pid

    @property
    def screen(self) -> list[str]:
        """The lines on the screen, without the blanks at their ends."""
        return [line.rstrip() for line in self._page.display]

    @property
    def modes(self) -> dict[int, bool]:
        """Each private mode of the terminal the program has set or reset, as it is now."""
        return {
            int(number): match[2] == b"h"
            for match in _PRIVATE_MODE.finditer(self.bytes_out)
            for number in match[1].split(b";")
        }

    @property
    def is_plain(self) -> bool:
        """Whether text written now would be drawn without any colour or style."""
        return self._page.cursor.attrs == self._page.default_char

    def press(self, *keys: str) -> None:
        """Type keys by name (see `KEYS`) or text as it is."""
        for key in keys:
            self._child.send(KEYS.get(key, key))

    def resize(self, columns: int, lines: int) -> None:
        """Give the window another size; the program is told as a terminal tells it."""
        self._page.resize(lines, columns)
        self._child.setwinsize(lines, columns)

    def wait_for(
        self, what: str | Callable[[list[str]], object], seconds: float = PATIENCE
    ) -> list[str]:
        """Wait until the screen shows a text, or fulfils a condition; returns the screen.

        Raises:
            AssertionError: it did not in time; the message shows the screen.
        """

        def fulfilled() -> bool:
            screen = self.screen
            return any(what in line for line in screen) if isinstance(what, str) else what(screen)

        if not self._read_until(fulfilled, seconds):
            screen = "\n".join(self.screen)
            raise AssertionError(f"not shown within {seconds} s: {what}\n{screen}")
        return self.screen

    def watch(self, seconds: float) -> list[list[str]]:
        """All the screens that are shown in the next seconds."""
        seen, deadline = [self.screen], time.monotonic() + seconds
        while time.monotonic() < deadline and self._read():
            if self.screen != seen[-1]:
                seen.append(self.screen)
        return seen

    def wait_for_bytes(self, pattern: bytes, seconds: float = PATIENCE) -> re.Match[bytes]:
        """Wait until the program has written what matches a pattern."""
        if not self._read_until(lambda: re.search(pattern, self.bytes_out), seconds):
            raise AssertionError(f"{pattern!r} was not written: {self.bytes_out[-2000:]!r}")
        match = re.search(pattern, self.bytes_out)
        assert match
        return match

    def wait_for_end(self, seconds: float = PATIENCE) -> int:
        """Read until the program has ended; its exit code, or minus the signal that ended it."""
        deadline = time.monotonic() + seconds
        while self._read():
            if time.monotonic() > deadline:
                raise AssertionError("it did not end\n" + "\n".join(self.screen))
        while self._child.isalive():
            if time.monotonic() > deadline:
                raise AssertionError("it has let go of the terminal and still did not end")
            time.sleep(POLL)
        status, signal = self._child.exitstatus, self._child.signalstatus
        return -signal if status is None else status

    def wait_for_stop(self, seconds: float = PATIENCE) -> None:
        """Wait until the program has been stopped, as a shell does for ctrl+z."""
        deadline = time.monotonic() + seconds
        while True:
            self._read()
            pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
            if pid and os.WIFSTOPPED(status):
                break
            assert time.monotonic() < deadline, "it was not stopped"
        while self._read(quick=True):  # what it had written before
            pass

    def hang_up(self, seconds: float = PATIENCE) -> None:
        """Close the window under the program, and wait until it is gone."""
        os.close(self._child.child_fd)
        deadline = time.monotonic() + seconds
        try:
            while not os.waitpid(self.pid, os.WNOHANG)[0]:
                assert time.monotonic() < deadline, "it goes on without a terminal"
                time.sleep(POLL)
        finally:
            self._child.closed = self._child.ptyproc.closed = True
            self._child.terminated = self._child.ptyproc.terminated = True

    def _read_until(self, fulfilled: Callable[[], object], seconds: float) -> bool:
        """Read until a condition is true; False when the program ended, or time, before it was."""
        deadline, alive = time.monotonic() + seconds, True
        while not fulfilled():
            if not alive or time.monotonic() > deadline:
                return False
            alive = self._read()
            while self._read(quick=True):  # what has come at once is seen at once
                pass
        return True

    def _read(self, *, quick: bool = False) -> bool:
        """Take what the program has written; False when it has ended (or, if quick, none is)."""
        try:
            data = self._child.read_nonblocking(1 << 16, 0 if quick else POLL)
        except pexpect.TIMEOUT:
            return not quick
        except pexpect.EOF:
            return False
        self.bytes_out += data
        # A sequence may come in two reads: keep back what does not end yet.
        data = _UNKNOWN_TO_PYTE.sub(b"", self._unfed + data)
        cut = len(data) if (at := data.rfind(b"\x1b", -8)) < 0 else at
        if re.match(rb"\x1b\[[^A-Za-z~]*[A-Za-z~]|\x1b[^\[]", data[cut:]):
            cut = len(data)
        self._unfed = data[cut:]
        self._stream.feed(data[:cut])
        return True


def environment(changes: Mapping[str, str | None]) -> dict[str, str]:
    """The variables of the tests with changes, in a terminal that can do what most can."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TEXTUAL", "TMUX")) and name not in {"COLUMNS", "LINES"}
    }
    terminal = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
    merged = {**inherited, **terminal, **changes}
    merged.pop("LC_ALL", None)
    return {name: value for name, value in merged.items() if value is not None}
