"""Goodput: requests per second that keep every latency objective at once.

Histograms tell each latency on its own, not which requests were slow in which. So the share that
keeps all objectives is known only between what the shares allow (Frechet bounds).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from mtop_tui.domain.quantiles import Bounds


def joint_share(shares: Sequence[Bounds]) -> Bounds | None:
    """Between which shares (0 to 1) those events lie that are good in every respect.

    At least max(0, sum - (n - 1)), when the bad ones fall on different events; at most the smallest
    share, when they fall on the same. 75 % and 75 % is 50 to 75 %. None without any share: without
    an objective there is no goodput.

    The shares must be of the same events: per-request latencies and availability, not ITL, which
    counts tokens.
    """
    if not shares:
        return None
    low = math.fsum(share.low for share in shares) - (len(shares) - 1)
    return Bounds(max(0.0, low), min(share.high for share in shares))


def goodput(request_rate: float, shares: Sequence[Bounds]) -> Bounds | None:
    """Requests per second that keep every objective.

    `request_rate` is completed requests per second. None without objectives, or when the rate is
    negative or not finite.
    """
    joint = joint_share(shares)
    if joint is None or not 0 <= request_rate < math.inf:
        return None
    return Bounds(request_rate * joint.low, request_rate * joint.high)


def good_requests(
    requests: Iterable[Mapping[str, float | None]], limits: Mapping[str, float]
) -> int | None:
    """How many single requests are within every limit; a value at its limit is good.

    A latency that a request does not have (None or absent, such as the TPOT of a single token)
    breaks no limit; NaN does. None without limits. Source: AIPerf's definition of goodput.
    """
    if not limits:
        return None
    return sum(
        all(
            (value := request.get(name)) is None or value <= limit for name, limit in limits.items()
        )
        for request in requests
    )
