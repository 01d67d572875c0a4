"""Records survive being written down, and what is no record is refused with its field."""

from __future__ import annotations

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_strategies import RECORDS, encodable_text, records

from mtop_tui.observations import (
    ObjectRef,
    ObservationError,
    Removed,
    Replica,
    ServiceKey,
    decode,
    encode,
)

EVERY = records(encodable_text, encodable_text)


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_every_record_survives_encode_and_decode(kind):
    @given(records(encodable_text, encodable_text, (kind,)))
    @settings(max_examples=60, deadline=None)
    def survives(record):
        decoded = decode(encode(record))
        assert type(decoded) is kind
        # `repr` rather than `==`, because NaN is unequal to itself.
        assert repr(decoded) == repr(record)

    survives()


@given(EVERY, st.data())
@settings(deadline=None)
def test_cut_bytes_are_refused(record, data):
    encoded = encode(record)
    kept = data.draw(st.integers(0, len(encoded) - 1))
    with pytest.raises(ObservationError, match="not an observation"):
        decode(encoded[:kept])


@given(st.binary(max_size=60))
@settings(deadline=None)
def test_arbitrary_bytes_are_refused_or_read_but_never_crash(data):
    with suppress(ObservationError):
        assert type(decode(data)) in RECORDS


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("at", "now"), ("phase", "happy"), ("restarts", 1.5), ("nodes", "n1"), ("ref", ["only"])],
)
def test_a_wrong_field_is_named(field, wrong):
    replica = Replica(
        at=1.0,
        ref=ObjectRef("c", "n", "Pod", "p"),
        service=ServiceKey("c", "n", "s"),
        role="main",
        phase="ready",
    )
    body = msgspec.to_builtins(replica) | {field: wrong}
    with pytest.raises(ObservationError, match=rf"\$\.{field}"):
        decode(msgspec.msgpack.encode(body))


def test_a_missing_field_is_named():
    body = {"type": "Removed", "at": 1.0}
    with pytest.raises(ObservationError, match="`ref`"):
        decode(msgspec.msgpack.encode(body))


def test_an_unknown_record_is_named():
    with pytest.raises(ObservationError, match="Ghost"):
        decode(msgspec.msgpack.encode({"type": "Ghost", "at": 1.0}))


def test_records_cannot_be_changed():
    removed = Removed(at=1.0, ref=ObjectRef("c", "n", "Pod", "p"))
    with pytest.raises(AttributeError):
        removed.at = 2.0
