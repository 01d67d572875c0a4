"""The shipped stories come out as they say, because of what happens in them."""

from __future__ import annotations

import sys

import pytest

from mtop_tui.cli.main import main
from mtop_tui.providers.mock.recipes import shipped

NAMES = [path.stem for path in shipped()]
WITHOUT = {"slo-convergence": ("workload.shop/search.ramps=[]",)}
"""What to take out of a story so that nothing happens; of all others, the scenario."""


@pytest.fixture
def simulate(monkeypatch, capfd):
    def run(name: str, *more: str):
        arguments = ["mtop", "simulate", name, "--assert"]
        for one in more:
            arguments += ["--set", one]
        monkeypatch.setattr(sys, "argv", arguments)
        return main(), capfd.readouterr().out

    return run


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_story_comes_out_as_it_says(simulate, name):
    code, out = simulate(name)
    assert code == 0, out


@pytest.mark.parametrize("name", NAMES)
def test_when_nothing_happens_its_checks_fail(simulate, name):
    code, out = simulate(name, *WITHOUT.get(name, ("scenario=[]",)))
    assert code == 1
    assert "FAIL" in out
