"""What a diagnosis says: one finding per cause."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, NamedTuple

Severity = Literal["critical", "warning", "info"]
"""`info` is no fault: a state worth saying, such as stopped on purpose."""

Confidence = Literal["certain", "likely", "possible"]
"""`certain`: a component said so. `likely`: the signature fits. `possible`: so may others."""


class Depth(IntEnum):
    """How near to the root a cause lies, from what users feel to what nothing else explains."""

    SYMPTOM = 0
    QUEUE = 1
    CACHE = 2
    SCALE = 3
    BALANCE = 4
    CONTROL = 5
    LOOP = 6
    PROCESS = 7
    START = 8
    PLACEMENT = 9
    ROLLOUT = 10
    HARDWARE = 11
    CONFIG = 12
    SOURCE = 13


class Evidence(NamedTuple):
    """One fact a finding rests on: what it is, what it was, and where it is from."""

    what: str
    value: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One cause, in an operator's words.

    Attributes:
        id: never changes; what documentation and tests refer to.
        sentence: one line, with numbers.
        short: a few words for a chain of causes.
        next_step: one line; a command in it only reads.
        subjects: replicas, nodes or objects it is about; empty when it is the whole service.
        symptoms: what this cause explains, deepest first.
    """

    id: str
    sentence: str
    short: str
    evidence: tuple[Evidence, ...]
    next_step: str
    severity: Severity
    confidence: Confidence
    depth: Depth
    subjects: tuple[str, ...] = ()
    symptoms: tuple[Finding, ...] = ()
