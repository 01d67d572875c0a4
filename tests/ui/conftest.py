"""What tests of screens may ask for: a fleet, and snapshots where they are drawn alike."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator

import pytest
import textual
from fleet_app import Fleet, typical_fleet

PINNED = "8.2.8"
"""The Textual that drew the snapshots. Another one may draw the same screen as another SVG."""


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("update_snapshots", default=False) and not _draws_as_pinned():
        raise pytest.UsageError(
            f"snapshots are drawn with Textual {PINNED} on Python 3.11, not {textual.__version__} "
            f"on {sys.version_info.major}.{sys.version_info.minor}"
        )


def _draws_as_pinned() -> bool:
    return textual.__version__ == PINNED and sys.version_info[:2] == (3, 11)


@pytest.fixture
def pinned_snapshots() -> None:
    """Skip where snapshots would differ for no reason of ours."""
    if not _draws_as_pinned():
        warnings.warn(f"snapshots are compared with Textual {PINNED} only", stacklevel=1)
        pytest.skip(f"drawn with Textual {PINNED} on Python 3.11")


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The header shows local time."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def fleet() -> Fleet:
    """A typical fleet."""
    return Fleet(*typical_fleet())
