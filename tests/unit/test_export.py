"""What leaves a screen, as rows for other programs."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.screens.exporting import contents
from mtop_tui.views.export import Exported, as_csv, table_records
from mtop_tui.views.table import Cell, Column


class Facts(NamedTuple):
    name: str
    seconds: float | None


COLUMNS = (
    Column("mark", "", "", 1, 0, lambda _: Cell("!"), lambda _: 1.0),
    Column("name", "NAME", "", 4, 0, lambda one: Cell(one.name), lambda one: one.name, right=False),
    Column(
        "ttft",
        "TTFT",
        "",
        4,
        0,
        lambda one: Cell("--" if one.seconds is None else f"{one.seconds:.0f} s"),
        lambda one: one.seconds,
        unit="seconds",
    ),
)


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_numbers_are_raw_and_their_unit_is_part_of_the_key() -> None:
    records = table_records([Facts("chat", 0.8701), Facts("quiet", None)], COLUMNS)
    assert records == [
        {"name": "chat", "ttft_seconds": 0.8701},
        {"name": "quiet", "ttft_seconds": None},
    ]


def test_what_is_not_known_is_empty_and_never_zero() -> None:
    rows = [Facts("--", math.nan), Facts("zero", 0.0)]
    assert read(as_csv(table_records(rows, COLUMNS))) == [
        {"name": "", "ttft_seconds": ""},
        {"name": "zero", "ttft_seconds": "0.0"},
    ]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)))
def test_text_comes_back_as_it_was_and_is_never_a_formula(names: list[str]) -> None:
    back = [row["name"] for row in read(as_csv([{"name": name, "n": 1} for name in names]))]
    for name, found in zip(names, back, strict=True):
        assert found in (name, f"'{name}")
        assert not found.startswith(("=", "+", "-", "@"))


def test_lists_and_mappings_have_no_place_in_a_csv_file() -> None:
    text = as_csv([{"name": "chat", "pools": [{"role": "main"}], "ready": True}])
    assert read(text) == [{"name": "chat", "ready": "true"}]


def test_no_rows_are_no_rows() -> None:
    assert read(as_csv([])) == []


EXPORTED = Exported({"at": 1.0, "rows": [{"name": "chat"}]}, [{"name": "chat"}])


@pytest.mark.parametrize(
    ("kind", "exported", "complaint"),
    [
        (".txt", EXPORTED, "expected a name that ends in .csv, .json, .svg"),
        ("", EXPORTED, "expected a name that ends in .csv, .json, .svg"),
        (".csv", None, "this screen has no rows: only a picture, a name that ends in .svg"),
    ],
)
def test_a_name_says_what_is_wanted(kind: str, exported: Exported | None, complaint: str) -> None:
    assert contents(kind, exported, "<svg/>") == complaint


def test_each_kind_has_its_content() -> None:
    made = {kind: contents(kind, EXPORTED, "<svg/>") for kind in (".csv", ".json", ".svg")}
    texts = {kind: make() for kind, make in made.items() if callable(make)}
    assert read(texts[".csv"]) == [{"name": "chat"}]
    assert json.loads(texts[".json"]) == EXPORTED.document
    assert texts[".svg"] == "<svg/>"
