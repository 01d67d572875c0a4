"""Raw objects leave as text that harms no terminal and reads back as the same object."""

from __future__ import annotations

import json
import math

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mtop_tui.config.emit import EmitError, as_json, as_yaml
from mtop_tui.text import UNSAFE

CHARACTERS = st.one_of(
    st.characters(exclude_categories=["Cs"]),
    st.sampled_from("\t\n \x85\x1b\x9b\u202e\u2028\u200b\ufeff'\":#-|>!&*%@`[]{},?\r\x00é🙂"),
)
TEXT = st.text(CHARACTERS, max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(TEXT, VALUES, max_size=4)


@given(OBJECTS)
@settings(max_examples=300, deadline=None)
def test_yaml_is_harmless_and_reads_back(body):
    text = as_yaml(body)
    assert not UNSAFE.search(text.replace("\n", "").replace("\t", ""))
    assert yaml.safe_load(text) == body


@given(OBJECTS)
@settings(max_examples=300, deadline=None)
def test_json_is_harmless_and_reads_back(body):
    text = as_json(body)
    assert not UNSAFE.search(text.replace("\n", ""))
    finite = json.loads(text)
    if "Infinity" not in json.dumps(body):
        assert finite == body


def test_keys_stand_as_kubernetes_orders_them():
    body = {"status": {}, "spec": {"b": 1, "a": 2}, "metadata": {}, "kind": "K", "apiVersion": "v"}
    assert list(yaml.safe_load(as_yaml(body))) == [
        "apiVersion",
        "kind",
        "metadata",
        "spec",
        "status",
    ]
    assert "b: 1\n  a: 2" in as_yaml(body)


def test_newlines_and_tabs_stay():
    assert as_yaml({"script": "if x\n\tthen y\n"}) == "script: |\n  if x\n  \tthen y\n"


def test_what_a_terminal_obeys_is_escaped():
    assert as_yaml({"a": "\x1b[2J\u202e"}) == 'a: "\\e[2J\\u202E"\n'
    assert as_yaml({"a": "two\nlines\u202e"}) == 'a: "two\\nlines\\u202E"\n'
    assert as_json("\x1b\x7f\u202e\U000e0041") == '"\\u001b\\u007f\\u202e\\udb40\\udc41"\n'


def test_numbers_json_lacks_become_null():
    assert json.loads(as_json({"a": math.nan, "b": [math.inf, 1.5]})) == {
        "a": None,
        "b": [None, 1.5],
    }


def test_the_same_value_twice_is_written_twice():
    shared = {"x": 1}
    assert "&" not in as_yaml({"a": shared, "b": shared})


def test_an_object_that_contains_itself():
    body: dict[str, object] = {}
    body["self"] = body
    with pytest.raises(EmitError, match="contains itself"):
        as_yaml(body)
    with pytest.raises(EmitError, match="contains itself"):
        as_json(body)
