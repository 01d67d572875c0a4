"""Rings: what they hold, what they say they do not know."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.state.history import ServiceHistory
from mtop_tui.state.metrics import SERIES, ServiceMetrics
from mtop_tui.state.rings import SeriesRing, VectorRing


def known(values: list[float]) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values]


def test_a_value_stands_until_the_next() -> None:
    ring = SeriesRing(width=1, slots=10, step=1.0, hold=5)
    ring.write(100, [1.0])
    ring.write(103, [2.0])
    assert known(ring.series(0, 104, 6)) == [None, 1.0, 1.0, 1.0, 2.0, 2.0]


def test_a_gap_that_is_too_long_is_not_known() -> None:
    ring = SeriesRing(width=1, slots=20, step=1.0, hold=2)
    ring.write(100, [1.0])
    ring.write(106, [2.0])
    assert known(ring.series(0, 110, 11)) == [1.0, *[None] * 5, 2.0, 2.0, 2.0, None, None]


def test_what_is_older_than_the_ring_is_gone() -> None:
    ring = SeriesRing(width=2, slots=4, step=1.0, hold=9)
    for at in range(10):
        ring.write(at, [at, -at])
    assert known(ring.series(0, 9, 6)) == [None, None, 6.0, 7.0, 8.0, 9.0]
    assert known(ring.series(1, 9, 2)) == [-8.0, -9.0]


def test_time_going_back_is_ignored() -> None:
    ring = SeriesRing(width=1, slots=4, step=1.0, hold=9)
    ring.write(10, [1.0])
    ring.write(9, [5.0])
    assert known(ring.series(0, 10, 2)) == [None, 1.0]


def test_an_empty_ring_knows_nothing() -> None:
    assert known(SeriesRing(1, 4, 1.0, 1).series(0, 10, 2)) == [None, None]


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 99)), min_size=1, max_size=60))
def test_a_ring_is_a_long_list_cut_short(writes: list[tuple[int, int]]) -> None:
    ring = SeriesRing(width=1, slots=16, step=1.0, hold=3)
    model: dict[int, float] = {}
    newest = -1
    for at, value in sorted(writes, key=lambda write: write[0]):
        ring.write(at, [value])
        model[at] = value
        newest = at
    got = known(ring.series(0, newest, 16))
    for offset, value in enumerate(got):
        at = newest - 15 + offset
        held = [model[t] for t in range(at, -1, -1) if t in model][:1]
        gap = next((at - t for t in range(at, -1, -1) if t in model), None)
        following = next((t for t in sorted(model) if t > at), None)
        if at in model:
            assert value == model[at]
        elif gap is None or at < 0 or (following is not None and following - (at - gap) - 1 > 3):
            assert value is None
        else:
            assert value == held[0]


def test_vectors_add_up_over_minutes() -> None:
    ring = VectorRing(width=2, slots=3, step=60.0)
    for slot in (1, 2, 4):
        ring.write(slot, [slot, 10.0])
    assert ring.total(1, 4) == [6.0, 20.0]  # minute 1 is gone, minute 3 added nothing
    assert ring.total(4, 4) == [4.0, 10.0]
    assert VectorRing(2, 3, 60.0).total(0, 9) == [0.0, 0.0]


def test_history_holds_five_minutes_by_the_second_and_an_hour_by_fifteen() -> None:
    history = ServiceHistory()
    for at in range(0, 3601, 5):
        history.record(at, ServiceMetrics(request_rate=at))
    rate = SERIES.index("request_rate")
    fine = history.fine.series(rate, 3600, 300)
    assert fine[0] == 3300.0
    assert fine[-1] == 3600.0
    coarse = history.coarse.series(rate, 3599, 240)
    assert coarse[-1] == pytest.approx(3585 + 5, abs=5)
    assert coarse[0] == pytest.approx(0 + 5, abs=5)


def test_history_holds_six_hours_by_four_minutes() -> None:
    history = ServiceHistory()
    for at in range(0, 6 * 3600 + 31, 15):
        history.record(at, ServiceMetrics(request_rate=at))
    long = history.long.series(SERIES.index("request_rate"), 6 * 3600 - 1, 90)
    assert long[0] == pytest.approx(120, abs=15)
    assert long[-1] == pytest.approx(6 * 3600 - 120, abs=15)
    assert not any(map(math.isnan, long))


def test_bytes_per_series() -> None:
    history = ServiceHistory()
    assert history.nbytes == len(SERIES) * (300 + 240 + 90) * 4
