"""The gate between a source and the rest of mtop: what passes is safe to show and to join on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from mtop_tui.observations import (
    MetricSample,
    ObjectRef,
    Observation,
    RawObject,
    SampleLayout,
    ServiceKey,
    SourceHealth,
)
from mtop_tui.text import safe


class Boundary:
    """Admits observations: their text is made safe, and names that are unsafe are refused.

    Identities are compared, so they are never altered; Kubernetes allows no control character in
    one, so a record with such a name is dropped and counted. Raw objects pass untouched, since
    they leave only through an emitter that escapes.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._layouts: dict[int, SampleLayout] = {}
        self.dropped = 0

    def admit(self, batch: Sequence[Observation]) -> list[Observation]:
        """The records of `batch` that may pass, made safe."""
        admitted: list[Observation] = []
        dropped = self.dropped
        for record in batch:
            if not _has_safe_identity(record):
                self.dropped += 1
            elif type(record) is MetricSample:
                self._admit_layout(record.layout)
                admitted.append(record)
            elif type(record) is RawObject:
                admitted.append(record)
            else:
                admitted.append(_cleaned(record))
        if self.dropped != dropped:
            admitted.append(self._health(batch[-1].at))
        return admitted

    def _admit_layout(self, layout: SampleLayout) -> None:
        # Layouts are shared by thousands of samples, so each object is looked at once. Holding it
        # keeps its id from being given to another.
        self._layouts.setdefault(id(layout), layout)

    def _health(self, at: float) -> SourceHealth:
        return SourceHealth(
            at=at,
            source=self._source,
            state="error",
            detail="records with control characters in their names were refused",
            dropped=self.dropped,
        )


def _has_safe_identity(record: Observation) -> bool:
    for name in ("ref", "service", "target", "involved"):
        identity = getattr(record, name, None)
        if isinstance(identity, ObjectRef | ServiceKey) and any(
            part != safe(part) for part in identity
        ):
            return False
    return True


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return safe(value)
    if isinstance(value, ObjectRef | ServiceKey):
        return value
    if isinstance(value, msgspec.Struct):
        changed = {
            name: clean
            for name in value.__struct_fields__
            if (clean := _cleaned(old := getattr(value, name))) is not old
        }
        return msgspec.structs.replace(value, **changed) if changed else value
    if isinstance(value, tuple):
        cleaned = tuple(_cleaned(item) for item in value)
        return cleaned if any(a is not b for a, b in zip(cleaned, value, strict=True)) else value
    if isinstance(value, dict):
        cleaned_items = {safe(key): _cleaned(item) for key, item in value.items()}
        return cleaned_items if cleaned_items != value else value
    return value
