"""What something was at a time, from the changes that are kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.state.changes import ChangeLog

CHANGES = st.lists(
    st.tuples(st.integers(0, 50), st.sampled_from("abc"), st.none() | st.integers(0, 9)),
    max_size=40,
)


def test_before_the_first_change_nothing_is_known() -> None:
    log: ChangeLog[str, int] = ChangeLog(3)
    assert log.since is None
    assert log.held(1.0) is None
    log.note(5.0, "a", 1)
    assert log.held(4.9) is None
    assert log.held(5.0) == {"a": 1}


def test_what_was_dropped_still_counts_from_where_changes_begin() -> None:
    log: ChangeLog[str, int] = ChangeLog(2)
    for at, key, value in ((1, "a", 1), (2, "b", 2), (3, "a", 3), (4, "b", None)):
        log.note(at, key, value)
    assert len(log) == 2
    assert log.since == 3
    assert log.held(2.5) is None
    assert log.held(3) == {"a": 3, "b": 2}
    assert log.held(9) == {"a": 3}


@given(CHANGES, st.integers(1, 10), st.integers(0, 60))
def test_it_holds_what_a_full_record_would(changes, most: int, at: int) -> None:
    log: ChangeLog[str, int] = ChangeLog(most)
    full: list[tuple[int, str, int | None]] = []
    for stated, key, value in changes:
        when = max(stated, full[-1][0] if full else 0)
        log.note(when, key, value)
        full.append((when, key, value))
    assert len(log) <= most
    wanted = {key: value for when, key, value in full if when <= at}
    held = log.held(at)
    if held is None:
        assert log.since is None or at < log.since
    else:
        assert held == {key: value for key, value in wanted.items() if value is not None}
