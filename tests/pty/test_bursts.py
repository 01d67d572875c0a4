"""What is typed faster than a line can open, in a real terminal: nothing is lost or misread."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from terminal import Terminal

MTOP = str(Path(sys.executable).parent / "mtop")


@pytest.mark.parametrize(
    ("leads", "seen", "opens"),
    [
        ("", "MODEL", "/"),
        ("", "MODEL", ":"),
        ("", "MODEL", "x"),
        ("l", "> logs", "/"),
        ("l", "> logs", "t"),
    ],
    ids=["filter", "palette", "export", "filter of logs", "time of logs"],
)
def test_keys_after_the_one_that_opens_a_line_are_typed_into_it(
    leads: str, seen: str, opens: str
) -> None:
    typed = "aqx:oe"  # each of these does something else outside a line
    with Terminal([MTOP], 120, 40) as terminal:
        terminal.wait_for("MODEL")
        terminal.press(leads)
        terminal.wait_for(seen)
        terminal.press(opens + typed)
        terminal.wait_for(lambda screen: any(line.rstrip().endswith(typed) for line in screen))
        assert b"Traceback" not in terminal.bytes_out


@pytest.mark.parametrize(
    ("burst", "title"),
    [("$/", "> cost"), ("e/", "> events"), ("l/", "> logs"), ("\rw:", "> why")],
    ids=["filter of cost", "filter of events", "filter of logs", "palette over the causes"],
)
def test_a_key_is_for_the_screen_that_the_key_before_it_opens(burst: str, title: str) -> None:
    typed = "aqoe"  # each of these does something else outside a line
    with Terminal([MTOP], 120, 40) as terminal:
        terminal.wait_for("MODEL")
        terminal.press(burst + typed)
        terminal.wait_for(lambda screen: any(line.rstrip().endswith(typed) for line in screen))
        assert title in terminal.screen[0]


def test_enter_takes_the_source_that_the_keys_before_it_led_to() -> None:
    with Terminal([MTOP], 120, 40) as terminal:
        terminal.wait_for("MODEL")
        terminal.press("v")
        terminal.wait_for("canary-failure")
        terminal.press("Gkk\r")
        screen = terminal.wait_for("seed=")
        name = next(line for line in screen if line.startswith(">"))[1:].split()[0]
        assert any(line.startswith(f" {name} seed=") for line in screen)
