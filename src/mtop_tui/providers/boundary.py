"""The gate between a source and the rest of mtop: what passes is safe to show and to join on."""

from __future__ import annotations

from collections.abc import Sequence
from operator import is_not
from typing import Any

import msgspec

from mtop_tui.observations import (
    LogLine,
    LogLines,
    MetricSample,
    ObjectRef,
    Observation,
    RawObject,
    SampleLayout,
    ServiceKey,
    SourceHealth,
)
from mtop_tui.text import MAX_LENGTH, safe

_encode = msgspec.json.Encoder().encode

_LOOKED_AT = frozenset({RawObject, LogLines, SourceHealth})
"""What a glance is not enough for."""

_LAYOUTS_HELD = 256
_SAMPLED_HELD = 200_000
_IDENTITY_FIELDS = ("ref", "service", "target", "involved")
_WITHOUT_TEXT = frozenset({float, int, bool, type(None), ObjectRef, ServiceKey})
"""Nothing to clean; identities have been looked at before."""


class Boundary:
    """Admits observations: their text is made safe, and names that are unsafe are refused.

    Identities are compared, so they are never altered; Kubernetes allows no control character in
    one, so a record with such a name is dropped and counted. Raw objects pass untouched, since
    they leave only through an emitter that escapes. Log lines are cut at `text.MAX_LENGTH`
    characters, and their record says how many were.
    """

    def __init__(self, source: str) -> None:
        self._health = SourceHealth(at=0.0, source=safe(source), state="connecting")
        self._layouts: dict[int, tuple[SampleLayout, SampleLayout]] = {}
        self._sampled: dict[ObjectRef, ServiceKey] = {}
        self.dropped = 0

    def admit(self, batch: Sequence[Observation]) -> list[Observation]:
        """The records of `batch` that may pass, made safe.

        When some were refused, a `SourceHealth` that says how many so far comes last.
        """
        admitted: list[Observation] = []
        dropped = self.dropped
        for record in batch:
            if type(record) is MetricSample:
                # Nearly all records are samples, so they take the short way through.
                if self._sampled.get(record.ref) == record.service or self._is_safe(record):
                    admitted.append(self._with_safe_layout(record))
                else:
                    self.dropped += 1
            elif type(record) not in _LOOKED_AT and _is_plain(record):
                admitted.append(record)
            elif not _has_safe_identity(record):
                self.dropped += 1
            elif type(record) is RawObject:
                admitted.append(record)
            elif type(record) is LogLines:
                admitted.append(_with_safe_lines(record))
            elif type(record) is SourceHealth:
                self._health = _cleaned(record)
                admitted.append(self._health_with_dropped(record.at))
            else:
                admitted.append(_cleaned(record))
        if self.dropped != dropped:
            admitted.append(self._health_with_dropped(batch[-1].at))
        return admitted

    def _is_safe(self, sample: MetricSample) -> bool:
        if not (_is_safe_name(sample.ref) and _is_safe_name(sample.service)):
            return False
        if len(self._sampled) >= _SAMPLED_HELD:
            self._sampled.clear()
        self._sampled[sample.ref] = sample.service
        return True

    def _with_safe_layout(self, sample: MetricSample) -> MetricSample:
        # Layouts are shared by thousands of samples, so each object is cleaned once. Holding it
        # keeps its id from being given to another; a source that makes a new one for every sample
        # must not fill the memory, hence the bound.
        received = sample.layout
        held = self._layouts.get(id(received))
        if held is None:
            if len(self._layouts) >= _LAYOUTS_HELD:
                self._layouts.clear()
            held = self._layouts[id(received)] = (received, _cleaned(received))
        layout = held[1]
        return sample if layout is received else msgspec.structs.replace(sample, layout=layout)

    def _health_with_dropped(self, at: float) -> SourceHealth:
        """The source's own latest word on its health, and what was refused here besides."""
        if not self.dropped:
            return self._health
        refused = f"{self.dropped} records with control characters in their names were refused"
        detail = f"{self._health.detail}; {refused}" if self._health.detail else refused
        return msgspec.structs.replace(
            self._health, at=at, detail=detail, dropped=self._health.dropped + self.dropped
        )


def _is_safe_name(identity: tuple[str, ...]) -> bool:
    joined = "".join(identity)
    if joined.isascii() and joined.isprintable() and len(joined) <= MAX_LENGTH:
        return True
    return all(part == safe(part) for part in identity)


def _has_safe_identity(record: Observation) -> bool:
    return all(
        _is_safe_name(identity)
        for name in _IDENTITY_FIELDS
        if isinstance(identity := getattr(record, name, None), (ObjectRef, ServiceKey))
    )


def _is_plain(record: Observation) -> bool:
    """Whether all text in a record is safe, names too, at a glance: as JSON it is printable ASCII.

    Where something is escaped there, or as a whole it is too long for one text, one has to look.
    """
    try:
        encoded = _encode(record)
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return (
        len(encoded) <= MAX_LENGTH
        and encoded.isascii()
        and b"\\" not in encoded
        and b"\x7f" not in encoded
    )


def _with_safe_lines(record: LogLines) -> LogLines:
    """Its lines made safe, each at most `text.MAX_LENGTH` characters; what was cut is counted."""
    # There are thousands of lines a second, so they do not take the general way through `_cleaned`.
    container, said = safe(record.container), safe(record.said)
    texts = [line.text for line in record.lines]
    clean = [safe(text) for text in texts]
    if clean == texts and (container, said) == (record.container, record.said):
        return record
    return msgspec.structs.replace(
        record,
        container=container,
        said=said,
        lines=tuple(map(LogLine, (line.at for line in record.lines), clean)),
        cut=record.cut + sum(len(text) > MAX_LENGTH for text in texts),
    )


def _cleaned(value: Any) -> Any:
    kind = type(value)
    if kind in _WITHOUT_TEXT:
        return value
    if kind is str:
        return safe(value)
    if isinstance(value, msgspec.Struct):
        changed = {}
        for name in value.__struct_fields__:
            old = getattr(value, name)
            if type(old) not in _WITHOUT_TEXT and (clean := _cleaned(old)) is not old:
                changed[name] = clean
        return msgspec.structs.replace(value, **changed) if changed else value
    if kind is tuple:
        cleaned = tuple(map(_cleaned, value))
        return cleaned if any(map(is_not, cleaned, value)) else value
    if kind is dict:
        cleaned_items = {safe(key): _cleaned(item) for key, item in value.items()}
        return cleaned_items if cleaned_items != value else value
    raise TypeError(f"a record holds a {kind.__name__}, which nobody knows how to make safe")
