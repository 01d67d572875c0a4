"""The log of what was done: who, where, which object, which patch, and what was answered."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

_OWNER_ONLY: Final = 0o600


def log_file() -> Path:
    """Where actions are written down, by the XDG specification."""
    base = os.environ.get("XDG_STATE_HOME", "")
    folder = Path(base) if base.startswith("/") else Path("~/.local/state").expanduser()
    return folder / "mtop" / "actions.log"


class Audit:
    """Appends to a file, one JSON object per line; what is not written down is not done.

    Args:
        path: of the file; its folder is made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, at: float, entry: Mapping[str, Any]) -> None:
        """Append a line and see it on the disk. Blocks: not for the event loop.

        Raises:
            OSError: it cannot be written.
        """
        stamp = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
        line = json.dumps({"at": stamp, "user": _user(), **entry}) + "\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _OWNER_ONLY)
        try:
            os.write(file, line.encode())
            os.fsync(file)
        finally:
            os.close(file)


def _user() -> str:
    """Whose process this is."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return str(os.getuid())
