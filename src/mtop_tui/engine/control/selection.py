"""Which replicas a selector means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

from mtop_tui.engine.levers import LeverError, Selector
from mtop_tui.engine.pods import SimulatedReplica
from mtop_tui.engine.world import World


def chosen(
    selector: Selector, replicas: Sequence[SimulatedReplica], world: World, random: Random
) -> list[SimulatedReplica]:
    """The replicas that are meant, in the order of their creation.

    Raises:
        LeverError: none fits.
    """
    fitting = [one for one in replicas if fits(selector, one, world)]
    if not fitting:
        raise LeverError(f"no replica fits: {_words(selector)}")
    count = _count(selector, len(fitting), random)
    if count >= len(fitting):
        return fitting
    drawn = random.sample(range(len(fitting)), count)
    return [fitting[index] for index in sorted(drawn)]


def fits(selector: Selector, replica: SimulatedReplica, world: World) -> bool:
    """Whether a replica is one of those a selector restricts itself to."""
    key = replica.service
    labels = world.services[key].service.labels
    return (
        (not selector.namespaces or key.namespace in selector.namespaces)
        and (not selector.names or key.name in selector.names)
        and all(labels.get(name) == value for name, value in selector.labels.items())
        and selector.role in {None, replica.role}
        and (not selector.nodes or any(node in selector.nodes for node in replica.nodes))
        and (not selector.pods or replica.ref.name in selector.pods)
        and _is_of(replica, selector.revision, world)
    )


def _is_of(replica: SimulatedReplica, revision: str, world: World) -> bool:
    if not revision:
        return True
    pool = world.pool_of(replica)
    match revision:
        case "newest":
            return replica.revision is pool.newest
        case "oldest":
            return replica.revision is next(one for one in pool.revisions if one.replicas)
        case _:
            return revision in {replica.revision.hash, str(replica.revision.number)}


def _count(selector: Selector, of: int, random: Random) -> int:
    match selector.mode:
        case "one":
            return 1
        case "fixed":
            return max(0, int(selector.value))
        case "fixed-percent":
            return math.ceil(of * selector.value / 100)
        case "random-max-percent":
            return math.ceil(of * random.uniform(0.0, selector.value) / 100)
        case _:
            return of


def _words(selector: Selector) -> str:
    parts = [
        ("namespace", ", ".join(selector.namespaces)),
        ("service", ", ".join(selector.names)),
        ("labels", ", ".join(f"{name}={value}" for name, value in selector.labels.items())),
        ("role", selector.role or ""),
        ("revision", selector.revision),
        ("node", ", ".join(selector.nodes)),
        ("pod", ", ".join(selector.pods)),
    ]
    return "; ".join(f"{what} {value}" for what, value in parts if value) or "there is none"
