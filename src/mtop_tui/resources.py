"""Files that ship with mtop: mocks, recipes and the stylesheet."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def path(name: str) -> Path:
    """Where the shipped file or folder `name` is: inside the wheel, or the repository root.

    Raises:
        FileNotFoundError: neither place has it, which means a broken installation.
    """
    package = Path(str(files("mtop_tui")))
    for candidate in (package / "_data" / name, package.parent.parent / name):
        if candidate.exists():
            return candidate
    raise FileNotFoundError(f"mtop's own file {name!r} is missing: reinstall mtop-tui")
