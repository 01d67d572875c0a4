"""What an engine did in ten seconds, and the lines of its HTTP server in that time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from mtop_tui.engine.outputs import stamps

INTERVAL: Final = 10.0
"""Seconds between two statistics of vLLM (VLLM_LOG_STATS_INTERVAL), and two probes of KServe's."""

_GOOD, _BAD = 2, 1
_SCRAPES = 1
_PROBES: Final = (0.0, 0.31)
_GOLDEN: Final = 0.6180339887498949


class Interval(NamedTuple):
    """The engine's figures at its end; see `LogRing.record`. `preemptions` since the start."""

    running: float
    waiting: float
    kv_usage: float
    prompt_rate: float
    generation_rate: float
    prefix_hit_rate: float
    finished: float
    failed: float
    preemptions: float


def access_count(interval: Interval) -> int:
    """How many lines `access` gives."""
    good, bad = _sampled(interval)
    return len(_PROBES) + _SCRAPES + good + bad


def access(pod: str, at: float, interval: Interval) -> Iterator[tuple[float, str]]:
    """uvicorn's lines of the `INTERVAL` seconds from `at` on, oldest first.

    All probes and one scrape of the metrics, but of the requests a few only, good and failed.
    """
    start = stamps.phase(pod)
    told = [
        ((start + shift) % 1.0, "kubelet", "GET /health HTTP/1.1", "200 OK") for shift in _PROBES
    ]
    told.append(((start + 0.57) % 1.0, "scraper", "GET /metrics HTTP/1.1", "200 OK"))
    good, bad = _sampled(interval)
    for number in range(good + bad):
        place = (start + (number + 1 + int(at) % 89) * _GOLDEN) % 1.0
        status = "200 OK" if number < good else "500 Internal Server Error"
        told.append((place, "gateway", "POST /v1/chat/completions HTTP/1.1", status))
    for place, who, request, status in sorted(told):
        when = at + place * INTERVAL
        yield when, f'INFO:     {stamps.peer(who + pod, when)} - "{request}" {status}'


def _sampled(interval: Interval) -> tuple[int, int]:
    return min(_GOOD, round(interval.finished)), min(_BAD, round(interval.failed))
