"""Every key of every screen, typed into the installed `mtop` in a real terminal: it lives on."""

from __future__ import annotations

import re
import string
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from textual.keys import _character_to_key

from mtop_tui.commands import (
    ALERTS,
    APP,
    COST,
    FLEET,
    LOGS,
    MOVE,
    PAGE,
    ROLLOUT,
    SERVICE,
    SOURCES,
    TABLE,
    VIEWS,
    Command,
)
from terminal import Terminal

MTOP = str(Path(sys.executable).parent / "mtop")
COLUMNS, LINES = 100, 30

NAMED = {
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "shift+tab": "\x1b[Z",
    "space": " ",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "f1": "\x1bOP",
}
TYPED = {_character_to_key(char): char for char in string.printable} | NAMED
OF_TABLES = (*MOVE, *TABLE, *VIEWS, *APP)

SCREENS: dict[str, tuple[str, str, Sequence[Command]]] = {
    "fleet": ("", "mtop  fleet ", (*MOVE, *FLEET, *VIEWS, *APP)),
    "service": ("\r", "/", (*MOVE, *SERVICE, *APP)),
    "causes": ("\rw", "> why", (*MOVE, *PAGE, *APP)),
    "yaml": ("\ry", "> yaml", (*MOVE, *PAGE, *APP)),
    "rollout": ("r", "> rollout", (*MOVE, *ROLLOUT, *APP)),
    "logs": ("l", "> logs", (*MOVE, *LOGS, *APP)),
    "objectives": ("o", "> objectives", OF_TABLES),
    "cost": ("$", "> cost", (*COST, *OF_TABLES)),
    "events": ("e", "> events", OF_TABLES),
    "alerts": ("a", "> alerts", (*ALERTS, *OF_TABLES)),
    "sources": ("v", "> sources", (*SOURCES, *OF_TABLES)),
}
"""What is typed on the Fleet to open a screen, what its first line then holds, and its commands."""


OVER = frozenset("▔╭│")
"""What pages and the palette are framed with."""


def typed(key: str) -> str:
    if key.startswith("ctrl+") and key not in TYPED:
        return chr(ord(key.removeprefix("ctrl+")) - ord("a") + 1)
    return TYPED.get(key, key)


def is_fleet(screen: list[str]) -> bool:
    """The Fleet is seen with its key bar, and nothing lies over it or asks for something."""
    is_there = "mtop  fleet  " in screen[0] and " > " not in screen[0] and "MODEL" in screen[2]
    is_asked = "q quit" not in screen[-1] or any("words, or such as" in line for line in screen)
    return (
        is_there and not is_asked and not any((line.lstrip() or " ")[0] in OVER for line in screen)
    )


def back_to_fleet(terminal: Terminal) -> None:
    """Press Esc as often as it takes, each only once the one before has led somewhere.

    One too many would stand before the next key, and a terminal takes the two for Alt and that key.
    """
    with suppress(AssertionError):
        terminal.wait_for(is_fleet, seconds=0.3)
        return
    for _ in range(5):
        before = _frame(terminal.screen)
        terminal.press("esc")
        with suppress(AssertionError):
            terminal.wait_for(lambda s, was=before: is_fleet(s) or _frame(s) != was, seconds=2)
        with suppress(AssertionError):
            terminal.wait_for(is_fleet, seconds=0.1)
            return
    terminal.wait_for(is_fleet)


def _frame(screen: list[str]) -> list[str]:
    """Title and key bar, without what changes by itself."""
    return [re.sub(r"[\d:]", "", line) for line in (screen[0], screen[-1])]


@pytest.mark.parametrize("name", SCREENS)
def test_no_key_ends_it_or_breaks_the_screen(name: str, tmp_path: Path) -> None:
    opens, shown, commands = SCREENS[name]
    command = ["/bin/sh", "-c", f'cd "{tmp_path}" && exec "{MTOP}"']
    with Terminal(command, COLUMNS, LINES) as terminal:
        terminal.wait_for(is_fleet)
        for one in commands:
            if one.id == "app.quit":
                continue
            for char in opens:
                terminal.press(char)
            terminal.wait_for(lambda screen: shown in screen[0])
            terminal.press(typed(one.keys.split(",")[0]))
            terminal.watch(0.1)  # where it leads, it has led by then, or will have when Esc comes
            back_to_fleet(terminal)
        terminal.press("q")
        assert terminal.wait_for_end() == 0
        assert b"Traceback" not in terminal.bytes_out
