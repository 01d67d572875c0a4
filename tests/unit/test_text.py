"""No byte a terminal would obey gets past `text.safe` or past the boundary."""

from __future__ import annotations

import re
import unicodedata
from typing import get_type_hints

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from record_strategies import RECORDS, any_text, records

from mtop_tui.observations import (
    HistogramLayout,
    MetricSample,
    ObjectRef,
    RawObject,
    Removed,
    SampleLayout,
    ServiceKey,
    SourceHealth,
)
from mtop_tui.providers.boundary import Boundary
from mtop_tui.text import CUT_MARK, ESCAPE_MARK, HIDDEN_MARK, MAX_LENGTH, safe

BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
PLAIN = st.text(st.characters(categories=["L", "N", "P", "S"], max_codepoint=0x2FF), max_size=50)
HARMLESS_NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-.", max_size=12)


def is_safe(text: str) -> bool:
    return not any(
        unicodedata.category(character) in ("Cc", "Cs") or character in BIDI for character in text
    )


def strings_in(value: object) -> list[str]:
    """Every string of a record, identities and keys of mappings included."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, msgspec.Struct):
        value = msgspec.structs.astuple(value)
    if isinstance(value, dict):
        value = (*value.keys(), *value.values())
    return [text for part in value for text in strings_in(part)] if type(value) in NESTS else []


NESTS = (tuple, list, ObjectRef, ServiceKey)


@given(any_text)
@settings(max_examples=500)
@example("\x1b]0;title")
@example("\x9b\x9b")
@example("\x1b" * 5)
def test_nothing_a_terminal_obeys_comes_out(text):
    assert is_safe(safe(text))
    safe(text).encode("utf-8")


@given(any_text, st.integers(1, 20))
@settings(max_examples=500)
def test_safe_text_stays_as_it_is(text, limit):
    once = safe(text, limit)
    assert safe(once, limit) == once
    assert len(once) <= limit


@given(PLAIN)
def test_plain_text_is_unchanged(text):
    text = text.replace("\xad", "")
    assert safe(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Zażółć gęślą jaźń",
        "日本語",
        "🙂 ✓ ⣀⣤⣿ █",
        "café",
        "e\u0301",
        "❤\ufe0f",
        "שלום",
        "a\u00a0b",
    ],
)
def test_other_scripts_are_unchanged(text):
    assert safe(text) == text


@pytest.mark.parametrize(
    "sequence",
    [
        "\x1b[31m",
        "\x1b[1;38;5;200m",
        "\x1b[?1049h",
        "\x1b]0;title\x07",
        "\x1b]8;;http://example.com\x1b\\",
        "\x1bPq#0;2\x1b\\",
        "\x1b_payload\x9c",
        "\x1bc",
        "\x1b(B",
        "\x9b2J",
        "\x9d0;title\x9c",
    ],
)
def test_an_escape_sequence_becomes_one_mark(sequence):
    assert safe(f"a{sequence}b") == f"a{ESCAPE_MARK}b"


@pytest.mark.parametrize("introducer", ["\x1b]", "\x1bP", "\x1b_", "\x9d", "\x90"])
def test_a_string_that_never_ends_hides_nothing(introducer):
    assert safe(f"a{introducer}52;c;b") == f"a{ESCAPE_MARK}52;c;b"
    assert safe(introducer + "x" * 9000).endswith("x" + CUT_MARK)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\tc", "a␊b␉c"),
        ("\x00\x07\x7f", "␀␇␡"),
        ("x\u202egnp.exe", f"x{HIDDEN_MARK}gnp.exe"),
        ("a\u200bb\ufeff", f"a{HIDDEN_MARK}b{HIDDEN_MARK}"),
        ("a\x85b\ud800", f"a{HIDDEN_MARK}b{HIDDEN_MARK}"),
        ("ok\U000e0041\U000e0100", f"ok{HIDDEN_MARK}{HIDDEN_MARK}"),
    ],
)
def test_other_controls_become_visible(text, shown):
    assert safe(text) == shown


def test_a_long_line_is_cut_with_a_mark():
    text = safe("x" * 100_000)
    assert len(text) == MAX_LENGTH
    assert text.endswith("x" + CUT_MARK)


@pytest.mark.parametrize("part", ["\x1b]", "\x90", "\x1b[", "\x9b", "\x1b]a", "\x1b[0;", "\x1b "])
def test_hostile_text_costs_no_more_than_its_length(part):
    # Quadratic matching of 4 KB takes tens of milliseconds; 200 such lines would take seconds.
    import time

    text = (part * 4096)[:4096]
    start = time.process_time()
    for _ in range(200):
        safe(text)
    assert time.process_time() - start < 2.0


@pytest.mark.parametrize(
    "kind", [kind for kind in RECORDS if kind is not RawObject], ids=lambda kind: kind.__name__
)
def test_every_text_of_every_record_comes_out_safe(kind):
    @given(records(any_text, HARMLESS_NAMES, (kind,)))
    @settings(max_examples=60, deadline=None)
    def comes_out_safe(record):
        boundary = Boundary("test")
        (admitted,) = boundary.admit([record])
        assert type(admitted) is kind
        assert boundary.dropped == 0
        assert all(is_safe(text) for text in strings_in(admitted))
        assert admitted.at is record.at
        (again,) = boundary.admit([admitted])
        assert repr(again) == repr(admitted)

    comes_out_safe()


@given(st.lists(records(any_text, any_text), min_size=1, max_size=5))
@settings(deadline=None)
def test_unsafe_identities_are_refused_and_counted(batch):
    boundary = Boundary("test")
    admitted = boundary.admit(batch)
    refused = [record for record in batch if any(map(has_mark_to_make, identities(record)))]
    assert boundary.dropped == len(refused)
    if refused:
        health = admitted.pop()
        assert isinstance(health, SourceHealth)
        own = [record.dropped for record in batch if isinstance(record, SourceHealth)]
        assert health.dropped == len(refused) + (own[-1] if own else 0)
        assert health.at is batch[-1].at
    assert len(admitted) == len(batch) - len(refused)


def identities(record: msgspec.Struct) -> list[str]:
    return [
        part
        for value in msgspec.structs.astuple(record)
        if isinstance(value, ObjectRef | ServiceKey)
        for part in value
    ]


def has_mark_to_make(text: str) -> bool:
    return safe(text) != text


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_each_identity_of_a_record_is_looked_at(kind):
    good = ObjectRef("c", "n", "Pod", "p"), ServiceKey("c", "n", "s")
    bad = ObjectRef("c", "n", "Pod", "p\x85"), ServiceKey("c", "n", "s\u202e")
    hints = {field: str(hint) for field, hint in get_type_hints(kind).items()}
    fields = [field for field, hint in hints.items() if "ObjectRef" in hint or "Key" in hint]

    @given(records(HARMLESS_NAMES, HARMLESS_NAMES, (kind,)))
    @settings(max_examples=2, database=None)
    def is_refused(record):
        for spoilt in fields:
            identities = {
                field: (bad if field == spoilt else good)["Key" in hints[field]] for field in fields
            }
            boundary = Boundary("test")
            (told,) = boundary.admit([msgspec.structs.replace(record, **identities)])
            assert isinstance(told, SourceHealth)
            assert boundary.dropped == 1

    is_refused()


def test_the_count_of_refused_records_goes_on():
    boundary = Boundary("test")
    bad = Removed(at=3.0, ref=ObjectRef("c", "n", "Pod", "p\x1b[2J"))
    assert boundary.admit([bad])[-1].dropped == 1
    assert boundary.admit([bad, bad])[-1].dropped == 3
    assert boundary.admit([]) == []


def test_raw_objects_pass_untouched():
    raw = RawObject(at=1.0, ref=ObjectRef("c", "n", "Pod", "p"), body={"a": "\x1b[31m"})
    assert Boundary("test").admit([raw]) == [raw]


def test_a_shared_layout_is_cleaned_once_and_stays_shared():
    hostile = SampleLayout("vllm\x1b[2J", ("a\x07",), (), (HistogramLayout("h\u202e", (1.0,)),))
    samples = [
        MetricSample(
            at=float(n),
            ref=ObjectRef("c", "n", "Pod", f"p{n}"),
            service=ServiceKey("c", "n", "s"),
            layout=hostile,
            cumulative=(1.0, 2.0, 3.0, 4.0),
            gauges=(),
        )
        for n in range(3)
    ]
    layouts = [sample.layout for sample in Boundary("test").admit(samples)]
    assert all(layout is layouts[0] for layout in layouts)
    assert all(map(is_safe, strings_in(layouts[0])))
    assert re.fullmatch("vllm␛", layouts[0].engine)


def test_a_new_layout_for_every_sample_does_not_fill_the_memory():
    boundary = Boundary("test")
    for n in range(2000):
        sample = MetricSample(
            at=float(n),
            ref=ObjectRef("c", "n", "Pod", "p"),
            service=ServiceKey("c", "n", "s"),
            layout=SampleLayout("vllm", (), (), ()),
            cumulative=(),
            gauges=(),
        )
        assert boundary.admit([sample])[0] is sample
    assert len(boundary._layouts) <= 256
