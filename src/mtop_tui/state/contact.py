"""Since when a source has been silent."""

from __future__ import annotations

from mtop_tui.observations import SourceHealth


def last_heard(health: SourceHealth, latest: float | None) -> float | None:
    """When a source was last heard of; None: never, as far as is known.

    One that is live says so only now and then, so what was told since counts, up to `latest`.
    """
    times = [health.last_contact, latest if tells(health) else None]
    return max((at for at in times if at is not None), default=None)


def tells(health: SourceHealth) -> bool:
    """Whether records are by it; of one that is cut off, they are about it only."""
    return health.state in {"live", "ended"}
