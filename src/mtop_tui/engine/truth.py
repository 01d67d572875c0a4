"""What is so in a simulated fleet, for the checks of a recipe: facts no observer is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mtop_tui.observations import ServiceKey

if TYPE_CHECKING:
    from mtop_tui.engine.router import Router
    from mtop_tui.engine.world import World

_FAILED = 3


class ServiceTruth(msgspec.Struct, frozen=True):
    """One service.

    Attributes:
        arrived: requests that came so far, to it or as its part of a group.
        finished: of these, those an engine has ended, whatever the outcome.
        failed: of the finished, those that ended with an error.
        refused: that found nobody to serve them.
        lost: that were under way when their engine ended.
        too_long: that an engine refused, for their prompts exceed its longest request.
        running, waiting: now, over all replicas; `held` wait at the gateway for a first one.
        desired, ready: replicas over all pools.
        weight: in its route group; None without one.
        revisions: number of the newest revision by role.
        settled: whether no rollout is under way.
        restarts: of containers of replicas that are there.
    """

    key: ServiceKey
    arrived: int
    finished: float
    failed: float
    refused: int
    lost: int
    too_long: int
    running: int
    waiting: int
    held: int
    desired: int
    ready: int
    weight: int | None
    revisions: dict[str, int]
    settled: bool
    restarts: int


class Truth(msgspec.Struct, frozen=True):
    """A fleet at a time.

    Attributes:
        at: Unix seconds.
        services: by key.
        free_gpus: by GPU type, on nodes that take replicas.
        decisions: what controllers decided on their own, with their times.
    """

    at: float
    services: dict[ServiceKey, ServiceTruth]
    free_gpus: dict[str, int]
    decisions: tuple[tuple[float, str], ...]


def truth_of(world: World, router: Router) -> Truth:
    """The facts of a world now."""
    return Truth(
        at=world.now,
        services={key: _service(world, router, key) for key in world.services},
        free_gpus=world.cluster.free_gpus(),
        decisions=tuple(world.decisions),
    )


def _service(world: World, router: Router, key: ServiceKey) -> ServiceTruth:
    run = world.services[key]
    replicas = [one for pool in run.pools for one in pool.replicas]
    ended = list(run.finished)
    running = waiting = 0
    for replica in replicas:
        if replica.server is not None:
            page = replica.server.page
            running += int(page.running)
            # A replica may have been served up to some time ago, and has got requests since.
            waiting += replica.server.waiting_at(world.now)
            ended = [a + b for a, b in zip(ended, page.counters[5:], strict=True)]
    flow = router.flow(key)
    weight = None
    if flow is not None and flow.group is not None:
        weight = next(weight for one, weight in flow.members if one is run)
    return ServiceTruth(
        key=key,
        arrived=run.arrived,
        finished=sum(ended),
        failed=ended[_FAILED],
        refused=run.refused,
        lost=run.lost,
        too_long=run.too_long,
        running=running,
        waiting=waiting,
        held=len(run.held),
        desired=sum(pool.desired for pool in run.pools),
        ready=sum(pool.ready for pool in run.pools),
        weight=weight,
        revisions={pool.role: pool.newest.number for pool in run.pools},
        settled=all(pool.settled for pool in run.pools),
        restarts=sum(one.life.restarts for one in replicas),
    )
