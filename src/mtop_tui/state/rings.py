"""History of fixed size: rings of time slots, several series side by side."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence


class SeriesRing:
    """The last `slots` steps of several series, as 4-byte floats.

    A slot that nothing was written to holds the value before it, up to `hold` slots; beyond that
    it is NaN, which means "not known". Rows are interleaved, so writing a moment of all series is
    one copy and reading one series is one strided slice.
    """

    __slots__ = ("_data", "_hold", "_last", "_slots", "_step", "_width")

    def __init__(self, width: int, slots: int, step: float, hold: int) -> None:
        self._width = width
        self._slots = slots
        self._step = step
        self._hold = hold
        self._last: int | None = None
        self._data = array("f", [math.nan]) * (width * slots)

    @property
    def step(self) -> float:
        """Seconds per slot."""
        return self._step

    @property
    def nbytes(self) -> int:
        """Bytes of the ring's data."""
        return self._data.itemsize * len(self._data)

    def write(self, at: float, row: Iterable[float]) -> None:
        """Set all series at a time; a time before the newest slot is ignored."""
        slot = int(at // self._step)
        last = self._last
        data, width, slots = self._data, self._width, self._slots
        if last is not None and slot > last + 1:
            missed = min(slot - last - 1, slots)
            start = (last % slots) * width
            held = data[start : start + width]
            if slot - last - 1 > self._hold:
                held = array("f", [math.nan]) * width
            for skipped in range(slot - missed, slot):
                start = (skipped % slots) * width
                data[start : start + width] = held
        elif last is not None and slot < last:
            return
        start = (slot % slots) * width
        data[start : start + width] = array("f", row)
        self._last = slot

    def fill(self, at: float, row: Iterable[float]) -> None:
        """Set all series at a time of which nothing is known yet, however old; else leave them."""
        slot, last = int(at // self._step), self._last
        if last is None or slot > last:
            self.write(at, row)
        elif slot > last - self._slots:
            place = (slot % self._slots) * self._width
            known = self._data[place : place + self._width]
            if all(map(math.isnan, known)):
                self._data[place : place + self._width] = array("f", row)

    def series(self, index: int, at: float, count: int) -> list[float]:
        """The `count` newest values of one series up to the slot of `at`, oldest first."""
        last = self._last
        if last is None:
            return [math.nan] * count
        end = int(at // self._step)
        column = self._data[index :: self._width]
        slots = self._slots
        held = column[last % slots]
        oldest = last - slots
        return [
            (held if slot - last <= self._hold else math.nan)
            if slot > last
            else (column[slot % slots] if slot > oldest else math.nan)
            for slot in range(end - count + 1, end + 1)
        ]


class VectorRing:
    """The last `slots` steps of one vector of increases, as 4-byte floats, for histograms."""

    __slots__ = ("_data", "_last", "_slots", "_step", "_width")

    def __init__(self, width: int, slots: int, step: float) -> None:
        self._width = width
        self._slots = slots
        self._step = step
        self._last: int | None = None
        self._data = array("f", bytes(4 * width * slots))

    @property
    def nbytes(self) -> int:
        """Bytes of the ring's data."""
        return self._data.itemsize * len(self._data)

    def slot(self, at: float) -> int:
        """The number of the step that a time falls into."""
        return int(at // self._step)

    def write(self, slot: int, increases: Sequence[float]) -> None:
        """Store what a step added; steps that were passed over added nothing."""
        last = self._last
        data, width, slots = self._data, self._width, self._slots
        if last is not None:
            if slot <= last:
                return
            for skipped in range(max(last + 1, slot - slots), slot):
                start = (skipped % slots) * width
                data[start : start + width] = array("f", bytes(4 * width))
        start = (slot % slots) * width
        data[start : start + width] = array("f", increases)
        self._last = slot

    def total(self, first: int, last: int) -> list[float]:
        """The sum of the steps from `first` to `last`, as far as they are still held."""
        if self._last is None:
            return [0.0] * self._width
        width, slots = self._width, self._slots
        held = range(max(first, self._last - slots + 1), min(last, self._last) + 1)
        rows = [self._data[(slot % slots) * width : (slot % slots + 1) * width] for slot in held]
        return [sum(column) for column in zip(*rows, strict=True)] if rows else [0.0] * width


class SumRing:
    """Sums of the last `slots` steps, several side by side, as 4-byte floats."""

    __slots__ = ("_data", "_last", "_slots", "_step", "_width")

    def __init__(self, width: int, slots: int, step: float) -> None:
        self._width = width
        self._slots = slots
        self._step = step
        self._last: int | None = None
        self._data = array("f", bytes(4 * width * slots))

    @property
    def nbytes(self) -> int:
        """Bytes of the ring's data."""
        return self._data.itemsize * len(self._data)

    @property
    def until(self) -> float:
        """When the newest step ends; -inf while nothing was added."""
        return -math.inf if self._last is None else (self._last + 1) * self._step

    def add(self, at: float, values: Iterable[float]) -> None:
        """Add to the step of a time; a time before the newest step is ignored."""
        slot = int(at // self._step)
        last, width = self._last, self._width
        if last is not None and slot < last:
            return
        for skipped in range(max(slot - self._slots, slot if last is None else last) + 1, slot + 1):
            start = skipped % self._slots * width
            self._data[start : start + width] = array("f", bytes(4 * width))
        for place, value in enumerate(values, slot % self._slots * width):
            self._data[place] += value
        self._last = slot

    def add_late(self, at: float, values: Iterable[float]) -> None:
        """Add to the step of a time that may be older than the newest, if it is still held."""
        slot, last = int(at // self._step), self._last
        if last is None or slot >= last:
            self.add(at, values)
        elif slot > last - self._slots:
            for place, value in enumerate(values, slot % self._slots * self._width):
                self._data[place] += value

    def over(self, window: float, at: float) -> tuple[float, ...]:
        """Sums of the steps that make up a window before a time, as far as they are held."""
        width = self._width
        if self._last is None:
            return (0.0,) * width
        now = int(at // self._step)
        first = max(now - round(window / self._step) + 1, self._last - self._slots + 1)
        kept = min(now, self._last) - first + 1
        if kept <= 0:
            return (0.0,) * width
        start, stop = first % self._slots, first % self._slots + kept
        parts = [self._data[start * width : min(stop, self._slots) * width]]
        if stop > self._slots:
            parts.append(self._data[: (stop - self._slots) * width])
        return tuple(sum(sum(part[column::width]) for part in parts) for column in range(width))
