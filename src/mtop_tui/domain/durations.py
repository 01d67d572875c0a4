"""Durations in a few characters."""

from __future__ import annotations


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
