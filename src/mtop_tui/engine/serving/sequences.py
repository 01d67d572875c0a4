"""Requests inside an engine, from their admission to their last token."""

from __future__ import annotations

import msgspec

from mtop_tui.engine.serving.prefixes import Prefix
from mtop_tui.engine.serving.requests import Request

GONE = -1
"""The number of a sequence that does not run."""


class Served(msgspec.Struct, frozen=True):
    """One request that ended: when it was admitted, got its first and its last token."""

    request: Request
    admitted: float
    first: float
    last: float


class Sequence:
    """A request that was admitted.

    Attributes:
        request: what was asked for.
        admitted, first, last: when it was let in, got its first token, and was evicted last.
        own: prompt tokens that no shared prefix holds for it.
        left: tokens still to be read before it can go on; `read` are those that need not be.
        generated: tokens of the answer so far; kept up to date only while it does not run.
        prefix: the shared prefix it uses.
        serial: number under which it runs now, or `GONE`.
        end: step after which it has its last token.
    """

    __slots__ = (
        "admitted",
        "end",
        "first",
        "generated",
        "last",
        "left",
        "own",
        "prefix",
        "read",
        "request",
        "serial",
    )

    def __init__(self, request: Request, admitted: float) -> None:
        self.request = request
        self.admitted = admitted
        self.own = self.left = request.prompt
        self.read = self.generated = 0
        self.prefix: Prefix | None = None
        self.first = self.last = 0.0
        self.serial = GONE
        self.end = 0


Place = tuple[int, int, Sequence]
"""When a running sequence ends, in steps; the number it runs under; and itself.

A place whose number is no longer that of its sequence is void: the sequence ended or was evicted.
"""
