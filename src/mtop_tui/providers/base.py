"""What every source of observations offers. No action is in it: a provider can only look."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from typing import Literal, NamedTuple, Protocol

from mtop_tui.observations import LogLines, ObjectRef, Observation, RawObject, ServiceKey
from mtop_tui.providers.boundary import Boundary

Offer = Literal["logs", "objects", "pause", "step"]
"""What a provider may or may not be able to do beyond observing."""


class LogQuery(NamedTuple):
    """Which log lines to read.

    Attributes:
        service: of whose replicas.
        since: Unix seconds; lines from then on.
        tail: the last lines of each container.
        previous: of the containers before the last restart, which say no more: `follow` is void.
        follow: go on with what is written from now on.
        pod: of one replica only.
        container: of containers of this name only.
    """

    service: ServiceKey
    since: float | None = None
    tail: int | None = None
    previous: bool = False
    follow: bool = False
    pod: str | None = None
    container: str | None = None


class FleetProvider(Protocol):
    """A source of observations about one fleet.

    A provider is single use: `observe` once, then `close`. It reports its own health as
    `SourceHealth` records in the same stream, and keeps running through failures; what it raises
    is a defect.
    """

    @property
    def name(self) -> str:
        """How the header names this source, for instance "mock: seed 7"."""
        ...

    @property
    def offers(self) -> frozenset[Offer]:
        """What else it can do; screens hide what is not offered."""
        ...

    def observe(self) -> AsyncIterator[Sequence[Observation]]:
        """Observations in batches that take a few milliseconds to apply, until cancelled.

        The first batches describe the fleet as it is; afterwards only what changed.
        """
        ...

    def read_logs(self, query: LogQuery) -> AsyncIterator[LogLines]:
        """Log lines of a service's replicas, merged in time order; ends unless `query.follow`.

        A record holds lines of one container that follow upon one another; `dropped` counts lines
        that were asked for and are lost, `cut` those that were shortened. Read it by `feed_logs`.
        """
        ...

    async def read_object(self, ref: ObjectRef) -> RawObject | None:
        """One object as its source has it, or None when it is not there (`uid` may be empty)."""
        ...

    def pause(self, paused: bool) -> None:
        """Hold or resume the source's own time, where "pause" is offered."""
        ...

    def step(self, seconds: float) -> None:
        """Move the time at which it is held forward, where "step" is offered.

        All that happened up to there follows, and then its health at that very time.
        """
        ...

    async def close(self) -> None:
        """Release everything; safe to call twice."""
        ...


async def feed(
    provider: FleetProvider,
    apply: Callable[[Sequence[Observation]], None],
    after: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Carry observations from a provider into the store until the provider ends.

    This is where outside text becomes safe: no record passes without going through the boundary.
    After each batch, `after` may hold back the next one. Cancelling who awaits it ends the
    observing too.
    """
    boundary = Boundary(provider.name)
    stream = provider.observe()
    try:
        async for batch in stream:
            apply(boundary.admit(batch))
            if after is not None:
                await after()
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()


async def feed_logs(provider: FleetProvider, query: LogQuery) -> AsyncGenerator[LogLines, None]:
    """Log lines from a provider, made safe to show; records with unsafe names are left out.

    Lines come through here and no other way. Closing it, or cancelling who awaits it, ends the
    reading at the provider too.
    """
    boundary = Boundary(provider.name)
    stream = provider.read_logs(query)
    try:
        async for lines in stream:
            for admitted in boundary.admit([lines]):
                if isinstance(admitted, LogLines):
                    yield admitted
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()
