"""The lower layers stay light, and what prints never loads what paints."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

import mtop_tui

SERVED = ("aiohttp", "cryptography")
HEAVY = ("textual", "rich", "pydantic", "kubernetes_asyncio", "click", "yaml", *SERVED)
START = "import sys; from mtop_tui.cli.main import main; sys.argv = ['mtop', *{arguments}]; "


def modules_of(layer: str) -> list[str]:
    """A layer's modules; a module without a package counts as its own layer."""
    name = f"mtop_tui.{layer}"
    (path,) = mtop_tui.__path__
    below = [found.name for found in pkgutil.walk_packages([f"{path}/{layer}"], f"{name}.")]
    return [name, *below]


def loaded_after(code: str, of_interest: tuple[str, ...]) -> set[str]:
    """Which packages a fresh process has loaded after running the code."""
    probe = f"{code}\nimport sys; print('loaded:', *({set(of_interest)!r} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", probe], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("loaded:")[2].split())


@pytest.mark.parametrize(
    "layer",
    [
        "domain",
        "observations",
        "text",
        "clock",
        "resources",
        "state",
        "engine",
        "kserve",
        "actions",
        "views",
    ],
)
def test_lower_layers_leave_the_heavy_packages_alone(layer):
    modules = modules_of(layer)
    assert loaded_after("\n".join(f"import {name}" for name in modules), HEAVY) == set()


def test_the_command_line_starts_light():
    heavy = ("textual", "rich", "pydantic", "yaml", "msgspec", "asyncio", "difflib", *SERVED)
    assert loaded_after("import mtop_tui.cli.main", heavy) == set()
    for arguments in (["--version"], ["--help"], ["list", "--help"]):
        code = START.format(arguments=arguments) + "main()"
        assert loaded_after(code, heavy) == set()


@pytest.mark.parametrize(
    "arguments", [["list"], ["list", "-o", "json"], ["get", "no-such-service"]]
)
def test_commands_that_print_never_load_textual_or_pydantic(arguments):
    code = START.format(arguments=arguments) + "main()"
    assert loaded_after(code, ("textual", "rich", "pydantic", *SERVED)) == set()


def test_live_mode_imports_connections_only_when_it_is_observed():
    code = (
        "from mtop_tui.clock import WallClock; from mtop_tui.cli.source import open_source; "
        "from mtop_tui.config.settings import load; "
        "fleet = open_source(load({'mode': 'live'})); assert fleet.provider.name == 'live'"
    )
    heavy = ("aiohttp", "yaml", "textual", "pydantic", "cryptography")
    assert loaded_after(code, heavy) == set()


def test_what_can_change_a_cluster_is_not_even_loaded_by_what_looks():
    code = "import mtop_tui.providers.live.session, mtop_tui.providers.live.preflight"
    assert loaded_after(code, ("mtop_tui.providers.live.acting", "mtop_tui.actions")) == set()
