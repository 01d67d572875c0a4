"""Durations in a few characters."""

from __future__ import annotations

import re

_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_NUMBER = r"\d{1,9}(?:\.\d{1,9})?"
_PART = rf"({_NUMBER})(ms|[smhdw])"


def short_duration(seconds: float) -> str:
    """Two units at most, without a space: `45s`, `3m12`, `10m`, `2h05`, `3d`.

    Negative durations, which only clocks that disagree produce, are 0.
    """
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes}m{rest:02}" if rest else f"{minutes}m"
    if whole < 86_400:
        hours, rest = divmod(whole // 60, 60)
        return f"{hours}h{rest:02}" if rest else f"{hours}h"
    return f"{whole // 86_400}d"


def duration_seconds(text: str) -> float | None:
    """Seconds of a duration such as `45s`, `1h30m` or `2.5m`; None when it is none.

    Units are `ms`, `s`, `m`, `h`, `d`, `w`, largest first or not; without a unit, it is seconds.
    """
    if re.fullmatch(_NUMBER, text):
        return float(text)
    if not re.fullmatch(f"(?:{_PART})+", text):
        return None
    return sum(float(size) * _UNIT_SECONDS[unit] for size, unit in re.findall(_PART, text))
