"""How tests run the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MTOP = Path(sys.executable).with_name("mtop")


def run_installed(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    defaults = {"capture_output": True, "stdin": subprocess.DEVNULL, "timeout": 30}
    return subprocess.run([MTOP, *arguments], check=False, text=True, **(defaults | options))
