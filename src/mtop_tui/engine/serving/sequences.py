"""Requests inside an engine, from their admission to their last token."""

from __future__ import annotations

import msgspec

from mtop_tui.engine.serving.prefixes import Prefix
from mtop_tui.engine.serving.requests import Request


class Served(msgspec.Struct, frozen=True):
    """One request that ended: when it was admitted, got its first and its last token."""

    request: Request
    admitted: float
    first: float
    last: float


class Sequence(msgspec.Struct, gc=False, eq=False):
    """A request that was admitted.

    Attributes:
        request: what was asked for.
        admitted, first, last: when it was let in, got its first token, and was evicted last.
        own: prompt tokens that no shared prefix holds for it.
        left: tokens still to be read before it can go on; `read` are those that need not be.
        prefix: the shared prefix it uses.
        generated: tokens of the answer so far; kept up to date only while it does not run.
        serial: number of those that decoded before it, by which the newest is known.
    """

    # Without the collector's book-keeping, since it is part of no cycle.
    request: Request
    admitted: float
    own: int
    left: int
    read: int = 0
    prefix: Prefix | None = None
    generated: int = 0
    first: float = 0.0
    last: float = 0.0
    serial: int = 0
