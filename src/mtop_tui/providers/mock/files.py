"""Manifest files in a folder, and what is wrong with them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from mtop_tui.text import safe

MAX_BYTES = 5_000_000
"""A larger file is not read: no manifest is that long, and parsing it would hold mtop up."""

_ENDINGS = (".yaml", ".yml")


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong with the manifests.

    Attributes:
        file: as the user gave the folder, and the path below it.
        line: from 1; 0 when no line is at fault.
        field: such as `spec.replicas`; empty when it is about the file or the document.
        message: what was expected, what stood there, what to do.
        document: its number in the file, from 1; 0 when it is about the file.
    """

    file: str
    line: int
    field: str
    message: str
    document: int = 0

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        document = f"document {self.document}" if self.document else ""
        part = ", ".join(filter(None, (document, self.field)))
        return safe(f"{where}: {part}: {self.message}" if part else f"{where}: {self.message}")


def manifest_files(folder: Path, problems: list[Problem]) -> Iterator[Path]:
    """Manifest files below `folder`, sorted, each once however many links lead to it."""
    if not folder.is_dir():
        fault = "is a file; give the folder it is in" if folder.exists() else "does not exist"
        problems.append(Problem(str(folder), 0, "", f"expected a folder: it {fault}"))
        return
    seen: set[str] = set()
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        real = os.path.realpath(path)
        if real in seen:
            continue
        seen.add(real)
        if not path.is_dir():
            yield path
            continue
        try:
            children = sorted(path.iterdir(), reverse=True)
        except OSError as error:
            problems.append(Problem(str(path), 0, "", _cannot_read(error)))
            continue
        waiting.extend(
            child
            for child in children
            if not child.name.startswith(".")
            and (child.name.lower().endswith(_ENDINGS) or child.is_dir())
        )


def manifest_text(path: Path, problems: list[Problem]) -> str | None:
    """The text of a file, or None and a problem when it cannot or should not be read."""
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise OSError(0, "not a regular file")
        if about.st_size > MAX_BYTES:
            message = (
                f"{about.st_size / 1e6:.1f} MB is too large, at most {MAX_BYTES / 1e6:.0f} MB "
                "are read; split it"
            )
            problems.append(Problem(str(path), 0, "", message))
            return None
        data = path.read_bytes()
    except OSError as error:
        problems.append(Problem(str(path), 0, "", _cannot_read(error)))
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"not UTF-8 text: byte 0x{data[error.start]:02x}; save it as UTF-8"
        problems.append(Problem(str(path), line, "", message))
        return None


def _cannot_read(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}; check the path and its permissions"
