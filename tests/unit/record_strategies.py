"""Hypothesis strategies for every record, made from the declared types."""

from __future__ import annotations

from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st

from mtop_tui.observations import Observation

RECORDS: tuple[type[msgspec.Struct], ...] = get_args(Observation)

HOSTILE = "\x1b[31m\x00\x07\x7f\x85\x9b\u202e\u2066\u200b\ufeff\ud800\U000e0041"

any_text = st.text(
    st.one_of(st.characters(categories=None), st.sampled_from(HOSTILE + "ab \n]P\\")), max_size=12
)
"""Whatever a hostile source may send, lone surrogates among it."""

encodable_text = any_text.map(lambda text: text.encode("utf-8", "replace").decode("utf-8"))

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | encodable_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(encodable_text, inner, max_size=3),
    max_leaves=6,
)


def of_type(hint: Any, text: st.SearchStrategy[str], names: st.SearchStrategy[str]) -> Any:
    """Values of a declared type; `names` fills identities, `text` every other string."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return st.one_of(*(of_type(one, text, names) for one in arguments))
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(of_type(arguments[0], text, names), max_size=3).map(tuple)
    if origin is dict and arguments[1] is Any:
        return st.dictionaries(encodable_text, json_values, max_size=3)
    if origin is dict:
        return st.dictionaries(text, of_type(arguments[1], text, names), max_size=3)
    if hint is type(None):
        return st.none()
    if hint is str:
        return text
    if hint is bool:
        return st.booleans()
    if hint is int:
        return st.integers(-(2**63), 2**63 - 1)
    if hint is float:
        return st.floats()
    inner_text = names if issubclass(hint, tuple) else text
    return st.builds(
        hint,
        **{
            name: of_type(inner, inner_text, names)
            for name, inner in get_type_hints(hint).items()
            if not name.startswith("__")
        },
    )


def records(
    text: st.SearchStrategy[str],
    names: st.SearchStrategy[str],
    kinds: tuple[type[msgspec.Struct], ...] = RECORDS,
) -> st.SearchStrategy[Any]:
    """Records of the given kinds."""
    return st.one_of(*(of_type(kind, text, names) for kind in kinds))
