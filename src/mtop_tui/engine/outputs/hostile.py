"""Log lines that would harm who shows them as they are; written only where a recipe asks for it."""

from __future__ import annotations

from typing import Final

HOSTILE: Final = (
    "\x1b]0;the title of your terminal\x07sets the title",
    "\x1b]52;c;cm0gLXJmIC8=\x07fills the clipboard",
    "\x1b[2J\x1b[H\x1b[31mclears the screen and paints it",
    "\x1b]8;;http://198.51.100.7/\x1b\\looks like a link\x1b]8;;\x1b\\",
    "INFO:     all is well\rERROR is overwritten",
    "8-bit \x9b31mcolour and \x90device control\x9c",
    "right to left \u202egnp.exe and zero\u200bwidth",
    "[bold red]markup[/] and [link=http://198.51.100.7/]more[/link]",
    "half a pair \ud83d of a character",
    "long " + "x" * 9_000,
)
"""One kind of harm each: terminal sequences, overwriting, 8-bit controls, bidi, markup, length."""
