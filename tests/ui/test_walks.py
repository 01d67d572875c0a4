"""From the Fleet to the cause of each story, with the keyboard alone, in at most five keys."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from mtop_tui.providers.mock.recipes import TOPOLOGIES, shipped

# `docs` is no part of the installed package.
sys.path.insert(0, str(Path(__file__).parents[2]))

from docs.stage import held

MOST_KEYS = 5
SSH, MIDDLE = (80, 24), (120, 40)


class Walk(NamedTuple):
    """When somebody looks, what is seen on the Fleet then, which keys, and what is read there."""

    at: float
    seen: str
    keys: tuple[str, ...]
    cause: str


WALKS = {
    "canary-failure": Walk(
        210, r">! assistant-canary ", ("enter",), r"revision fails \d+ % of its requests"
    ),
    "cost-optimization": Walk(
        230, r"\d\d% idle", ("dollar_sign", "j", "j", "j"), r">old-prototype .* 100%"
    ),
    "enterprise": Walk(232, r"! mistral-\S+ ", ("j", "j", "enter"), r"more arrives than it can"),
    "gpu-sharing": Walk(
        300, r">  guest .* \d{3} ms", ("enter", "N"), r"a neighbour on the time-sliced GPUs"
    ),
    "kv-saturation": Walk(360, r">~ planner .*queueing", ("enter",), r"The KV cache is full"),
    "node-loss": Walk(240, r">! assistant .*NodeLost", ("enter",), r"Node l40s-1 is lost"),
    "prefix-collapse": Walk(
        300,
        r">~ agent .*queueing",
        ("enter", "N"),
        r"the router restarts without its index",
    ),
    "research-lab": Walk(200, r">! experiment .*no GPU", ("enter",), r"no node has 4 free GPUs"),
    "slo-convergence": Walk(400, r"search .*\d\d\.\d s", ("enter",), r"The KV cache is full"),
    "startup": Walk(200, r">! chat .*SLO burning", ("enter",), r"The KV cache is full"),
    "traffic-spike": Walk(210, r">! answers .*SLO burning", ("enter",), r"more arrives than it"),
}


def test_there_is_a_walk_for_each_story() -> None:
    assert set(WALKS) == {path.stem for path in shipped()} - set(TOPOLOGIES)


@pytest.mark.parametrize("size", [SSH, MIDDLE], ids=["80x24", "120x40"])
@pytest.mark.parametrize("recipe", WALKS)
async def test_from_what_burns_to_why(recipe: str, size: tuple[int, int]) -> None:
    walk = WALKS[recipe]
    assert len(walk.keys) <= MOST_KEYS
    async with held(recipe, walk.at, size) as stage:
        assert re.search(walk.seen, stage.text), stage.text
        await stage.press(*walk.keys)
        said = " ".join(stage.text.split())
        assert re.search(walk.cause, said), stage.text
