"""Numbers, lists and commands as a finding says them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from mtop_tui.domain.diagnosis.facts import ServiceFacts
from mtop_tui.domain.durations import short_duration

QUOTED = 160
"""Characters at most of what another component said."""


def kubectl(facts: ServiceFacts, command: str, *names: str) -> str:
    """A command that reads, in the namespace of the service, its names quoted for a shell."""
    quoted = "".join(f" {shlex.quote(name)}" for name in names)
    return f"kubectl -n {shlex.quote(facts.namespace)} {command}{quoted}"


def describe_node(name: str) -> str:
    """The command for all that is known of a node."""
    return f"kubectl describe node {shlex.quote(name)}"


def logs_of(facts: ServiceFacts, pod: str, *, previous: bool = True) -> str:
    """The command for the last lines of a replica's engine, by default before it was restarted."""
    container = "-c main --tail=100" + (" --previous" if previous else "")
    return kubectl(facts, "logs", pod) + f" {container}"


def quoted(text: str, limit: int = QUOTED) -> str:
    """Another component's words on one line, cut with a mark."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def counted(count: int, noun: str) -> str:
    """`1 restart`, `3 restarts`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def replicas(count: int) -> str:
    """`1 replica`, `3 replicas`."""
    return counted(count, "replica")


def named(names: Sequence[str]) -> str:
    """One name, or the first and how many more."""
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def percent(ratio: float) -> str:
    """`97 %`; below 1 % with one digit, so that little is not nothing."""
    value = ratio * 100
    return f"{value:.1f} %" if 0 < value < 1 else f"{value:.0f} %"


def seconds(value: float) -> str:
    """`180 ms`, `4.2 s`, `2m05`."""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    return f"{value:.1f} s" if value < 60 else short_duration(value)


def rate(value: float) -> str:
    """`3.1/s`; small rates with two digits."""
    return f"{value:.1f}/s" if value >= 1 else f"{value:.2f}/s"


def elapsed(since: float | None, now: float) -> str:
    """` for 12m`, with the space before it; empty when the beginning is not known."""
    return "" if since is None else f" for {short_duration(now - since)}"
