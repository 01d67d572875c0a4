"""Times of a cluster by this machine's clock: ages are differences between the two."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from mtop_tui.observations import (
    Autoscaler,
    Condition,
    KubeEvent,
    Observation,
    Replica,
    Revision,
    Service,
)

R = TypeVar("R", bound=msgspec.Struct)


def moved(record: Observation, by: float) -> Observation:
    """A record with the times that its objects state moved by so many seconds.

    When something was observed is this machine's own time, but of an Event, which was observed by
    somebody else.
    """
    if not by:
        return record
    match record:
        case Service():
            pools = tuple(
                msgspec.structs.replace(one, conditions=_conditions(one.conditions, by))
                for one in record.pools
            )
            conditions = _conditions(record.conditions, by)
            return _moved(
                msgspec.structs.replace(record, pools=pools, conditions=conditions),
                by,
                "created_at",
            )
        case Replica():
            last = None if record.last_exit is None else _moved(record.last_exit, by, "at")
            replica = msgspec.structs.replace(record, last_exit=last)
            return _moved(replica, by, "created_at", "since", "deadline")
        case Revision():
            return _moved(record, by, "created_at")
        case Autoscaler():
            return msgspec.structs.replace(record, conditions=_conditions(record.conditions, by))
        case KubeEvent():
            return _moved(record, by, "at", "first_at")
        case _:
            return record


def _conditions(conditions: Iterable[Condition], by: float) -> tuple[Condition, ...]:
    return tuple(_moved(one, by, "changed_at") for one in conditions)


def _moved(value: R, by: float, *fields: str) -> R:
    times = {name: getattr(value, name) for name in fields}
    later = {name: at + by for name, at in times.items() if at is not None}
    return msgspec.structs.replace(value, **later)
