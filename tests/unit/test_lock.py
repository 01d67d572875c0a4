"""The lock file: what `make` installs is all of it, checked, and nobody's own package index."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

NAME = re.compile(r"[A-Za-z0-9._-]+")
PIN = re.compile(
    r"""(?P<name>[a-z0-9-]+)==(?P<version>[\w.!+]+)
        (?:\ ;\ (?P<marker>[^\\]+?))?
        (?P<hashes>(?:\s+--hash=sha256:[0-9a-f]{64})+)""",
    re.VERBOSE,
)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def lock(repository: Path) -> str:
    return (repository / "requirements.lock").read_text()


@pytest.fixture(scope="module")
def requirements(lock: str) -> list[str]:
    """Each requirement with its hashes as one line."""
    joined = lock.replace("\\\n", " ")
    return [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]


def _declared(repository: Path) -> set[str]:
    described = tomllib.loads((repository / "pyproject.toml").read_text())
    project = described["project"]
    wanted = [*project["dependencies"], *described["build-system"]["requires"]]
    for extra in project["optional-dependencies"].values():
        wanted += extra
    return {_normal(match.group()) for one in wanted if (match := NAME.match(one))}


def test_it_names_every_dependency_of_the_project(repository: Path, requirements: list[str]):
    locked = {_normal(line.partition("==")[0]) for line in requirements}
    assert _declared(repository) - locked == set()


def test_every_line_is_one_version_with_its_hashes(requirements: list[str]):
    assert [line[:60] for line in requirements if not PIN.fullmatch(line.strip())] == []


def test_it_names_no_index_no_address_and_no_path(lock: str):
    found = re.findall(r".*(?:--\w*index|--find-links|--trusted-host|://|\s@\s|\s-e\s|/).*", lock)
    assert found == []
