"""Samples from a page in the Prometheus or OpenMetrics text format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Sample(NamedTuple):
    """One series of a page and its value, which may be NaN or infinite."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float


class Page(NamedTuple):
    """What a page of metrics holds.

    `truncated` if the last line had no end, `bad_lines` how many lines made no sense.
    """

    samples: Sequence[Sample]
    truncated: bool
    bad_lines: int


def parse(text: str | bytes) -> Page:
    """The samples of a page, in its order."""
    raise NotImplementedError
