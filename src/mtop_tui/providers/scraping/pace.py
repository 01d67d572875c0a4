"""When each of many pages is asked for: evenly spread, no faster than pages and fleet allow."""

from __future__ import annotations

from typing import NamedTuple

_LONGEST_RETRY = 15.0
_SOON = 2.0
_PAGE_SHARE = 5.0
"""An interval is at least so many times as long as its page takes to come."""


class Pace(NamedTuple):
    """How often pages are read.

    The interval is `shortest` seconds for a few pages, grows by `per_page` seconds with each, up to
    `longest`.
    """

    shortest: float
    per_page: float
    longest: float
    at_once: int
    """Requests under way at a time."""

    def interval(self, pages: int, took: float = 0.0) -> float:
        """Seconds between two readings of one page, when it took so many seconds to come."""
        wanted = max(self.shortest, self.per_page * pages, _PAGE_SHARE * took)
        return min(wanted, self.longest)

    def first(self, index: int, pages: int) -> float:
        """Seconds after which a page is read first: soon, yet no two at the same moment."""
        return min(self.interval(pages), _SOON) * index / max(1, pages)

    def second(self, index: int, pages: int) -> float:
        """Seconds from the first to the second reading: from then on all intervals are filled."""
        interval = self.interval(pages)
        return interval + (interval - min(interval, _SOON)) * index / max(1, pages)

    def retry(self, failures: int, pages: int) -> float:
        """Seconds until a page that failed so often in a row is asked for again."""
        interval = self.interval(pages)
        return max(interval, min(interval * 2.0 ** min(failures - 1, 6), _LONGEST_RETRY))


LOCAL = Pace(shortest=2.0, per_page=0.2, longest=15.0, at_once=16)
"""For endpoints that are asked directly."""

PROXIED = Pace(shortest=5.0, per_page=0.075, longest=30.0, at_once=12)
"""For pods behind an API server, which has other things to do: 200 pods every 15 s.

Two readings of a pod lie within the minute over which rates are taken, however many there are.
"""

HURRIED = Pace(shortest=2.5, per_page=0.01, longest=5.0, at_once=12)
"""For a command that prints once and needs two readings of each pod for that."""
