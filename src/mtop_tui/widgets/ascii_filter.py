"""Everything that is drawn, in ASCII: for terminals and recordings that have nothing else."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_IN_ASCII = str.maketrans(
    dict.fromkeys("─━▁▂▔", "-")
    | dict.fromkeys("│┃▌▎▏▐▕", "|")
    | dict.fromkeys("╭╮╰╯┌┐└┘", "+")
    | dict.fromkeys("▃▄▅▆▇█", "#")
    | {"…": "~", "🔎": "/ ", "↑": "^", "↓": "v", "←": "<", "→": ">"}
)


class AsciiOnly(LineFilter):
    """Makes ASCII of the same width of whatever a widget draws, ours or Textual's own."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        """The segments with every other character replaced."""
        return [
            segment if segment.text.isascii() else segment._replace(text=_in_ascii(segment.text))
            for segment in segments
        ]


def _in_ascii(text: str) -> str:
    drawn = text.translate(_IN_ASCII)
    return "".join(char if char.isascii() else "?" * cell_len(char) for char in drawn)
