"""A story of a rollout in a real terminal, from the fleet to what happened, and back."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from terminal import Terminal

MTOP = str(Path(sys.executable).parent / "mtop")


def says(*words: str) -> Callable[[list[str]], bool]:
    """Whether all of these stand on the screen."""
    return lambda screen: all(any(word in line for line in screen) for word in words)


def test_a_canary_is_found_out_with_one_key_and_its_history_with_another() -> None:
    flags = ["--recipe", "canary-failure", "--speed", "60"]
    with Terminal([MTOP, *flags], 120, 40) as terminal:
        terminal.wait_for(says("assistant-canary"))
        terminal.press("r")
        terminal.wait_for(says("> rollout", "STABLE", "WORSE", "worse by errors"))
        terminal.press("N")
        terminal.wait_for(says("as of ", "Esc returns to the present"))
        terminal.press("\x1b")
        terminal.wait_for(says(" now ", "history"))
        terminal.press("\x1b")
        terminal.wait_for(says("MODEL"))
        terminal.press("q")
        assert terminal.wait_for_end() == 0
        assert b"Traceback" not in terminal.bytes_out
