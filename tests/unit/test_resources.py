"""The files that ship with mtop are found in the repository and inside an installed wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mtop_tui import resources

SHIPPED = ("mocks", "recipes", "mtop.tcss")


@pytest.mark.parametrize("name", SHIPPED)
def test_an_editable_install_uses_the_repository(name, repository, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert resources.path(name) == repository / name


def test_a_missing_file_says_what_to_do():
    with pytest.raises(FileNotFoundError, match="'nothing' is missing: reinstall mtop-tui"):
        resources.path("nothing")


@pytest.fixture(scope="module")
def unpacked(repository, tmp_path_factory) -> Path:
    """A built wheel, unpacked as pip would: nothing in it needs compiling or scripts."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")],
        cwd=repository,
        check=True,
        capture_output=True,
        timeout=60,
    )
    (wheel,) = (folder / "dist").glob("mtop_tui-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def python(unpacked: Path, elsewhere: Path, code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=elsewhere,
        env=os.environ | {"PYTHONPATH": str(unpacked)},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_wheel_carries_all_it_needs(unpacked, tmp_path, repository):
    code = f"from mtop_tui import resources; [print(resources.path(n)) for n in {SHIPPED}]"
    found = [Path(line) for line in python(unpacked, tmp_path, code).splitlines()]
    assert [path.relative_to(unpacked) for path in found] == [
        Path("mtop_tui/_data") / name for name in SHIPPED
    ]
    for name, path in zip(SHIPPED, found, strict=True):
        assert files_below(path) == files_below(repository / name)


def files_below(path: Path) -> set[Path]:
    if path.is_file():
        return {Path()}
    return {file.relative_to(path) for file in path.rglob("*") if file.is_file()}


def test_a_wheel_runs_from_any_directory(unpacked, tmp_path):
    code = "import sys; from mtop_tui.cli.main import main; sys.exit(main())"
    done = python(
        unpacked, tmp_path, f"import sys; sys.argv = ['mtop', 'list', '-o', 'name']\n{code}"
    )
    names = done.splitlines()
    assert len(names) >= 24
    assert all(name.count("/") == 1 for name in names)
