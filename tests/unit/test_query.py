"""Filters as users type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.views.query import Field, QueryError, parse_query

ROWS: dict[str, dict[str, float | str | None]] = {
    "llama": {"name": "llama-3-70b", "ns": "production", "ttft": 2.4, "kv": 0.98, "req": 12_500.0},
    "phi": {"name": "phi-4", "ns": "prod", "ttft": 0.2, "kv": 0.4, "req": 3.0},
    "idle": {"name": "gpt2-small", "ns": "staging", "ttft": None, "kv": 0.0, "req": 0.0},
}
FIELDS = {
    "name": Field(lambda row: row["name"], is_number=False),
    "ns": Field(lambda row: row["ns"], is_number=False),
    "ttft": Field(lambda row: row["ttft"]),
    "kv": Field(lambda row: row["kv"]),
    "req": Field(lambda row: row["req"]),
}


def words(row: dict[str, float | str | None]) -> str:
    return f"{row['name']} {row['ns']}"


def wanted(text: str) -> list[str]:
    query = parse_query(text, FIELDS, words)
    return [name for name, row in ROWS.items() if query(row)]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", ["llama", "phi", "idle"]),
        ("   ", ["llama", "phi", "idle"]),
        ("prod", ["llama", "phi"]),
        ("prod llama", ["llama"]),
        ("PROD Llama", ["llama"]),
        ("ttft>500ms", ["llama"]),
        ("ttft > 500ms and ns=production", ["llama"]),
        ("ttft>500ms and ns=prod", []),
        ("ttft<=0.2", ["phi"]),
        ("ttft<1m", ["llama", "phi"]),
        ("ns=prod*", ["llama", "phi"]),
        ("ns!=prod*", ["idle"]),
        ("kv>=80%", ["llama"]),
        ("req>=12k", ["llama"]),
        ("req=12.5k", ["llama"]),
        ("req=0", ["idle"]),
        ("req<$5", ["phi", "idle"]),
        ("name~^(phi|gpt)", ["phi", "idle"]),
        ("name!~70B", ["phi", "idle"]),
        ("(name~^phi or name~(llama|x)-3) and prod", ["llama", "phi"]),
        ("name~'^phi'", ["phi"]),
        ("llama or phi", ["llama", "phi"]),
        ("not llama", ["phi", "idle"]),
        ("not (llama or phi)", ["idle"]),
        ("ns=staging or kv>0.9 and llama", ["llama", "idle"]),
        ("(ns=staging or kv>0.9) and llama", ["llama"]),
        ('"llama-3"', ["llama"]),
        ("name='phi-4'", ["phi"]),
        ("ns=[a-z]*", []),
    ],
)
def test_rows_that_are_wanted(text: str, rows: list[str]) -> None:
    assert wanted(text) == rows


@pytest.mark.parametrize("text", ["ttft>1ms", "not ttft>1ms", "ttft!=5s", "ttft<9h"])
def test_what_is_not_known_is_neither_above_nor_below(text: str) -> None:
    assert "idle" not in wanted(text)


def test_an_unknown_part_does_not_hide_what_another_one_tells() -> None:
    assert wanted("ttft>1h or ns=staging") == ["idle"]
    assert wanted("not (ttft>1h and ns=staging)") == ["llama", "phi"]


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("tttf>5", 1, "no field tttf; did you mean ttft?"),
        ("zzz=1", 1, "no field zzz; there are name, ns"),
        ("ttft>", 6, "expected a value after `>`"),
        ("ttft>fast", 6, "expected a number"),
        ("ns>prod", 3, "ns is text"),
        ("name~(", 6, "no regular expression"),
        ("> 5", 1, "expected the name of a field"),
        ("(llama", 7, "`(` at column 1 is not closed"),
        ("llama)", 6, "`)` closes nothing"),
        ("llama or", 9, "expected a condition"),
        ("llama and", 10, "expected a condition"),
        ("not", 4, "expected a condition"),
        ('name="phi', 6, "a quote that is not closed"),
        ("()", 2, "expected a condition"),
        ("x" * 600, 501, "at most 500 characters"),
        ("name~" + "a" * 300, 6, "at most 200 characters"),
    ],
)
def test_a_complaint_names_the_column(text: str, column: int, reason: str) -> None:
    with pytest.raises(QueryError) as raised:
        parse_query(text, FIELDS, words)
    assert raised.value.column == column
    assert reason in raised.value.reason


def test_nesting_has_an_end() -> None:
    with pytest.raises(QueryError, match="inside one another"):
        parse_query("(" * 40 + "llama" + ")" * 40, FIELDS, words)


@given(st.text(alphabet="lamttf><=!~()\"' .5smk%andor", max_size=60))
def test_whatever_is_typed_is_a_query_or_a_complaint_with_a_column(text: str) -> None:
    column = 1
    try:
        query = parse_query(text, FIELDS, words)
        assert all(query(row) in (True, False) for row in ROWS.values())
    except QueryError as error:
        column = error.column
    assert 1 <= column <= len(text) + 1


@given(st.lists(st.sampled_from(["llama", "phi", "prod", "gpt"]), min_size=1, max_size=4))
def test_words_want_rows_that_hold_all_of_them(parts: list[str]) -> None:
    expected = [name for name, row in ROWS.items() if all(part in words(row) for part in parts)]
    assert wanted(" ".join(parts)) == expected
