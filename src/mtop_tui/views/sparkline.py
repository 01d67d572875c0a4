"""Small charts as text: two samples per character, from a baseline of zero."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

_LEFT = (0x00, 0x40, 0x44, 0x46, 0x47)
_RIGHT = (0x00, 0x80, 0xA0, 0xB0, 0xB8)
_BRAILLE = 0x2800
_ASCII = " .:+*#"  # no hyphen: two of them say "not known"


def braille(values: Sequence[float], top: float | None = None) -> str:
    """Values as braille columns, two per character; NaN stays blank, 0 has one dot.

    Args:
        values: oldest first; an odd one is padded on the left.
        top: the value of full height; the largest value when it is None.
    """
    levels = _levels(values, top, 4)
    if len(levels) % 2:
        levels.insert(0, 0)
    return "".join(
        chr(_BRAILLE + _LEFT[left] + _RIGHT[right])
        for left, right in zip(levels[::2], levels[1::2], strict=True)
    )


def ascii_chart(values: Sequence[float], top: float | None = None) -> str:
    """The same without braille: one character for two values, the larger counts."""
    levels = _levels(values, top, len(_ASCII) - 1)
    if len(levels) % 2:
        levels.insert(0, 0)
    return "".join(_ASCII[max(pair)] for pair in zip(levels[::2], levels[1::2], strict=True))


_ASCII_PART = " .:#"


def tall_chart(
    values: Sequence[float], top: float, rows: int, *, ascii_only: bool = False
) -> list[str]:
    """Values as columns of several lines, the highest line first; two values per character."""
    parts = len(_ASCII_PART) - 1 if ascii_only else 4
    levels = _levels(values, top, rows * parts)
    if len(levels) % 2:
        levels.insert(0, 0)
    lines = []
    for row in reversed(range(rows)):
        below = row * parts
        shown = [min(max(level - below, 0), parts) for level in levels]
        if ascii_only:
            lines.append("".join(_ASCII_PART[max(p)] for p in _pairs(shown)))
        else:
            lines.append(
                "".join(
                    chr(_BRAILLE + _LEFT[left] + _RIGHT[right]) if left or right else " "
                    for left, right in _pairs(shown)
                )
            )
    return lines


def _pairs(levels: Sequence[int]) -> Iterator[tuple[int, int]]:
    return zip(levels[::2], levels[1::2], strict=True)


def usual_height(values: Sequence[float]) -> float | None:
    """A full height at which the usual value stands half way up, and the largest just fits.

    So a steady series is calm whatever its size, and one that doubles is seen to.
    """
    known = sorted(value for value in values if not math.isnan(value))
    return max(known[-1], 2 * known[len(known) // 2]) if known else None


def _levels(values: Sequence[float], top: float | None, steps: int) -> list[int]:
    known = [value for value in values if not math.isnan(value)]
    highest = top if top is not None else max(known, default=0.0)
    levels = []
    for value in values:
        if math.isnan(value):
            levels.append(0)
        elif highest <= 0:
            levels.append(1)
        else:
            share = min(max(value, 0.0) / highest, 1.0)
            levels.append(1 + round(share * (steps - 1)))
    return levels
