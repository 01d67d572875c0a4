"""How a command ends: exit codes, complaints on stderr, data on stdout."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from enum import IntEnum
from typing import IO, Any

import click

from mtop_tui.config.settings import nearest
from mtop_tui.text import safe


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    """A flag, a variable, a file or an argument cannot be used as given."""
    NOT_FOUND = 3
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    """The reader of stdout went away; what a program stopped by SIGPIPE returns."""


class Failure(click.ClickException):
    """Ends the command with complaints, one per line, and an exit code."""

    def __init__(self, lines: str | Iterable[str], code: Exit = Exit.FAILED) -> None:
        self.lines = (lines,) if isinstance(lines, str) else tuple(lines)
        super().__init__("\n".join(self.lines))
        self.exit_code = code  # type: ignore[misc]  # click reads it off the instance

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002 - the signature is click's
        """Write the complaints to stderr."""
        for line in self.lines:
            complain(line)


def complain(line: str) -> None:
    """One line on stderr, made safe to print."""
    click.echo(f"mtop: {safe(line)}", err=True)


def usage_complaint(error: click.UsageError) -> str:
    """What click has to say about the command line, said as mtop says it, on one line."""
    command = error.ctx.command_path if error.ctx else "mtop"
    near: list[str] = getattr(error, "possibilities", None) or []
    if isinstance(error, click.NoSuchOption):
        name = error.option_name
        if _is_option_of_parent(error):
            return f"{name} stands before the command; {command} --help lists its own"
        # The dashes, which all of them share, would make any two of them look alike.
        words = [option.removeprefix("--") for option in near]
        hint = nearest(name.removeprefix("--"), words, "--") or f"; {command} --help lists them"
        return f"no such option {name}{hint}"
    said = " ".join((error.message if near else error.format_message()).split()).rstrip(".")
    hint = f"; did you mean {near[0]}?" if near else f"; {command} --help says more"
    return f"{said[:1].lower()}{said[1:]}{hint}"


def _is_option_of_parent(error: click.NoSuchOption) -> bool:
    parent = error.ctx.parent if error.ctx else None
    options = [] if parent is None else parent.command.params
    return any(error.option_name in option.opts for option in options)


def emit(text: str) -> None:
    """Data on stdout, all of it or an error.

    Raises:
        Failure: stdout is closed or its device is full.
        SystemExit: the reader went away; ends quietly.
    """
    stdout = sys.stdout
    if stdout is None:
        raise Failure("stdout is closed, nothing can be printed; redirect it to a file or a pipe")
    if (stdout.encoding or "utf-8").lower() != "utf-8":
        # A terminal that cannot show a character gets its escape rather than a failure.
        text = text.encode(stdout.encoding, "backslashreplace").decode(stdout.encoding)
    try:
        stdout.write(text)
        stdout.flush()
    except BrokenPipeError:
        _abandon_stdout()
        raise SystemExit(Exit.BROKEN_PIPE) from None
    except OSError as error:
        _abandon_stdout()
        raise Failure(f"cannot write to stdout: {error.strerror}") from error


def _abandon_stdout() -> None:
    # Python flushes stdout once more when it exits and would complain again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
