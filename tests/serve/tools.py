"""Real clients of a Kubernetes API: Debian's kubectl and Prometheus, called by path."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / ".tools" / "usr" / "bin"
MUST_HAVE_TOOLS = os.environ.get("MTOP_REQUIRE_TOOLS") == "1"


def tool(name: str) -> Path:
    """A program that `.ci/tools` fetches; without it the test is skipped, or fails in CI."""
    path = FOLDER / name
    if not path.is_file():
        reason = f"{name} is not there; .ci/tools fetches it"
        if MUST_HAVE_TOOLS:
            pytest.fail(f"{reason}, and MTOP_REQUIRE_TOOLS=1 requires it")
        pytest.skip(reason)
    return path


class Kubectl:
    """kubectl with a kubeconfig and a home of its own."""

    def __init__(self, kubeconfig: Path, home: Path) -> None:
        self._program = str(tool("kubectl"))
        self._environment = {"KUBECONFIG": str(kubeconfig), "HOME": str(home), "PATH": "/usr/bin"}

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """Begin a command."""
        return await asyncio.create_subprocess_exec(
            self._program,
            *arguments,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def fails(self, *arguments: str) -> str:
        """What a command that fails says on stderr."""
        process = await self.start(*arguments)
        _, said = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode != 0
        return said.decode()

    async def __call__(self, *arguments: str) -> str:
        """What a command prints; it must succeed."""
        process = await self.start(*arguments)
        out, said = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == 0, (arguments, said.decode())
        return out.decode()

    async def rows(self, *arguments: str) -> list[Sequence[str]]:
        """The rows of a table without its titles."""
        return [line.split() for line in (await self(*arguments, "--no-headers")).splitlines()]
