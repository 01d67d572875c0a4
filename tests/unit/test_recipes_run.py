"""The shipped stories come out as they say, because of what happens in them."""

from __future__ import annotations

import sys

import pytest

from mtop_tui.cli.main import main
from mtop_tui.cli.story import BEGIN
from mtop_tui.clock import ManualClock
from mtop_tui.domain.cost.prices import PriceBook
from mtop_tui.observations import Annotation
from mtop_tui.providers.mock.provider import CLUSTER, MockProvider
from mtop_tui.providers.mock.recipes import find_recipe, read_recipe, shipped
from mtop_tui.providers.mock.story import story_of
from mtop_tui.state.fleet import FleetStore
from mtop_tui.views.checks import first_cause

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


async def test_without_its_annotations_a_story_gets_the_same_diagnosis():
    clock = ManualClock(BEGIN)

    async def sleep(seconds: float) -> None:
        clock.advance(seconds)

    story = story_of(read_recipe(find_recipe("node-loss")), CLUSTER)
    provider = MockProvider(story.manifests, seed=7, clock=clock, sleep=sleep, story=story)
    marked, plain = FleetStore(PriceBook()), FleetStore(PriceBook())
    said: list[tuple[str, str]] = []
    async for batch in provider.observe():
        marked.apply(batch)
        plain.apply([one for one in batch if not isinstance(one, Annotation)])
        now = marked.latest or 0.0
        if now > BEGIN + len(said) * 20.0:
            key = story.checks[1].service
            assert key is not None
            said.append((first_cause(marked, key, now), first_cause(plain, key, now)))
        if now > BEGIN + 300.0:
            break
    await provider.close()
    assert marked.annotations
    assert not plain.annotations
    assert {one for one, _ in said} >= {"", "node-lost"}
    assert all(one == other for one, other in said)
