"""What every test may ask for, and an environment that says nothing about mtop."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
MUST_HAVE_TOOLS = os.environ.get("MTOP_REQUIRE_TOOLS") == "1"


def pytest_xdist_auto_num_workers() -> int:
    """Two workers for each core: tests of the app wait for its screen to settle half their time."""
    return 2 * (os.cpu_count() or 1)


@pytest.fixture(autouse=True)
def _quiet_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory):
    """No setting of whoever runs the tests reaches them, in this process or a child."""
    for name in list(os.environ):
        if name.upper().startswith(("MTOP_", "LLD_MODE")) or name == "NO_COLOR":
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no-config"))


@pytest.fixture
def requires_tool() -> Callable[[str], str]:
    """The path of a program: `requires_tool("helm")`.

    Without the program the test is skipped, or fails where MTOP_REQUIRE_TOOLS=1 promises it.
    """

    def find(name: str) -> str:
        found = shutil.which(name)
        if found is None:
            reason = f"the program {name!r} is not installed"
            if MUST_HAVE_TOOLS:
                pytest.fail(f"{reason}, and MTOP_REQUIRE_TOOLS=1 requires it")
            pytest.skip(reason)
        return found

    return find


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with reference data beside the repository; the test is skipped without it."""
    folder = REPOSITORY.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the folder ../shared with reference data is not there")
    return folder
