"""The line that asks for a source, and what there is to choose from."""

from __future__ import annotations

import pytest

from fleet_source import START, health
from mtop_tui.cli.opening import Sources
from mtop_tui.config.recipe import Recipe
from mtop_tui.config.settings import load
from mtop_tui.providers.mock.recipes import outlines, shipped
from mtop_tui.providers.opening import (
    CannotOpenError,
    RequestError,
    SourceRequest,
    request_of,
)
from mtop_tui.state.fleet import FleetStore
from mtop_tui.views.sources import COLUMNS, SourceChoice, explain, refused, sources, summary
from mtop_tui.views.table import TableQuery, ordered

CLUSTER = SourceChoice("cluster", "simulated cluster", "All of it", (("seed", "7"),))
CANARY = SourceChoice(
    "recipe", "canary", "More and more", (("seed", "7"), ("speed", "2"), ("target", "a/b"))
)


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        (CANARY.line, SourceRequest("recipe", "canary", 7, 2.0, "a/b")),
        ("canary", SourceRequest("recipe", "canary")),
        ("  canary   speed=0.5 ", SourceRequest("recipe", "canary", speed=0.5)),
        ("my recipes/one.yaml seed=0", SourceRequest("recipe", "my recipes/one.yaml", seed=0)),
    ],
)
def test_a_line_asks_for_a_source(line: str, asked: SourceRequest) -> None:
    assert request_of(CANARY, line) == asked


@pytest.mark.parametrize(
    ("choice", "line", "complaint"),
    [
        (CANARY, "", "which source"),
        (CANARY, "seed=3", "which source"),
        (CANARY, "canary seed=1.5", "seed: expected a whole number"),
        (CANARY, "canary seed=-1", "seed: expected a whole number"),
        (CANARY, "canary seed=4294967296", "to 4294967295, got 4294967296"),
        (CANARY, "canary speed=nan", "speed: expected a number above 0"),
        (CANARY, "canary speed=1001", "at most 1000, got 1001"),
        (CANARY, "canary color=red", "canary takes no color; it takes seed, speed, target"),
        (CLUSTER, "simulated cluster speed=3", "takes no speed"),
        (CLUSTER, "other.yaml", "a path is for a recipe"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(choice: SourceChoice, line: str, complaint: str) -> None:
    with pytest.raises(RequestError, match=complaint):
        request_of(choice, line)


def test_the_cluster_and_every_shipped_recipe_can_be_chosen_with_their_own_settings() -> None:
    choices = Sources(load({})).choices()
    assert [one.kind for one in choices].count("cluster") == 1
    recipes = {one.name for one in choices if one.kind == "recipe"}
    assert recipes == {path.stem for path in shipped()}
    assert [one.name for one in choices if one.kind == "endpoints"] == ["this machine"]
    assert all(one.about for one in choices)
    assert {"target": "production/llama-3-8b-instruct"}.items() <= dict(
        next(one.settings for one in choices if one.name == "canary")
    ).items()


def test_a_seed_that_was_set_is_that_of_every_simulation() -> None:
    choices = [one for one in Sources(load({"seed": 99})).choices() if one.kind != "endpoints"]
    assert {dict(one.settings)["seed"] for one in choices} == {"99"}


def test_an_outline_says_what_the_recipe_would_run_with() -> None:
    fields = Recipe.model_fields
    for outline in outlines():
        assert set(outline.settings) <= set(fields)
        assert "seed" in outline.settings


def test_what_cannot_be_opened_names_what_is_there() -> None:
    opener = Sources(load({}))
    with pytest.raises(CannotOpenError) as caught:
        opener.open(SourceRequest("recipe", "canry"))
    assert caught.value.problems == ("canry: no such recipe; did you mean canary?",)


def test_the_seed_asked_for_wins() -> None:
    opened = Sources(load({"seed": 99})).open(SourceRequest("cluster", "", seed=5))
    assert opened.provider.name == "mock: seed 5"
    assert not opened.complaints


def test_what_is_watched_stands_before_what_could_be() -> None:
    store = FleetStore()
    store.apply([health(state="stale", detail="no answer")])
    rows = sources(store, START + 5, (CLUSTER, CANARY))
    order = ordered(rows, COLUMNS, TableQuery("kind"))
    assert [rows[key].name for key in order] == ["scripted", "simulated cluster", "canary"]
    assert [cell.text for cell in summary(rows.values())] == ["0/1 live", "2 others to watch"]
    watched, *others = (rows[key] for key in order)
    for column in COLUMNS:
        assert column.cell(watched).text
        if column.id not in {"name", "kind", "about"}:
            assert [column.cell(one).text for one in others] == ["", ""]
    assert explain(watched).chain.text == "no answer"
    assert explain(others[1]).detail.text == "Enter to watch it, set seed, speed, target"


def test_one_of_several_problems_says_how_many_there_are() -> None:
    assert refused(["a.yaml:1: x"]).chain.text == "a.yaml:1: x"
    several = refused(["a.yaml:1: x", "a.yaml:2: \x1b[2Jy"])
    assert several.chain.text == "1 of 2: a.yaml:1: x"
    assert "\x1b" not in several.detail.text
