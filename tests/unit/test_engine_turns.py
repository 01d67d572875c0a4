"""Turns: each thing at its own times, whoever came first, and the agenda knows the next alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.engine.turns import Turns
from mtop_tui.engine.world import World

EVERY = 5.0


@given(firsts=st.lists(st.floats(0.0, 20.0), min_size=1, max_size=20))
def test_everybody_has_a_turn_at_each_of_their_times(firsts: list[float]) -> None:
    world = World(1, 0.0, [])
    had: list[tuple[float, int]] = []

    def take(index: int) -> None:
        had.append((world.now, index))
        turns.at(world.now + EVERY, index)

    turns = Turns(world, take)
    for index, first in enumerate(firsts):
        turns.at(first, index)
    while (due := world.next_at) is not None and due <= 60.0:
        world.run_next()
    assert [at for at, _ in had] == sorted(at for at, _ in had)
    for index, first in enumerate(firsts):
        expected = [first]
        while expected[-1] <= 60.0 - EVERY:
            expected.append(expected[-1] + EVERY)
        assert [at for at, which in had if which == index] == expected


def test_one_that_is_not_given_another_turn_has_none() -> None:
    world = World(1, 0.0, [])
    had: list[str] = []
    turns = Turns(world, had.append)
    turns.at(1.0, "a")
    turns.at(2.0, "b")
    while world.next_at is not None:
        world.run_next()
    assert had == ["a", "b"]
