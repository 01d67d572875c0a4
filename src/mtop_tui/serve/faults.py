"""The switches: every fault that a client of an API server must survive, and which are on."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, Final

import msgspec

from mtop_tui.serve.requests import RequestInfo

ROTATE, RESTART, ABSENT, GONE = "rotate-tokens", "restart", "absent", "gone"
RESET, SILENCE, SLOW, CUT = "reset", "silence", "slow", "cut"
DUPLICATE, BIG = "duplicate", "big-objects"
TOO_MANY_TEXT, TOO_MANY, UNAVAILABLE = "too-many-text", "too-many", "unavailable"
BAD_GATEWAY, UNAUTHORIZED, FORBIDDEN = "bad-gateway", "unauthorized", "forbidden"


class FaultError(ValueError):
    """A switch that cannot be set; the message says what was expected."""


class Kind(msgspec.Struct, frozen=True):
    """One kind of fault.

    Attributes:
        says: what happens, for people.
        own: parameters beside those all have, with their defaults.
    """

    says: str
    own: Mapping[str, float | str] = {}


KINDS: Final[Mapping[str, Kind]] = {
    RESET: Kind("connections are reset, open streams at once"),
    SILENCE: Kind("nothing comes any more, and connections stay open"),
    SLOW: Kind("answers come slowly", {"bytes_per_s": 1_000.0}),
    CUT: Kind("a stream ends in the middle of a line, another answer in the middle of its body"),
    GONE: Kind(
        "410: every watch is too old (form=stream or http), every list token too",
        {"form": "stream"},
    ),
    TOO_MANY_TEXT: Kind("429 as plain text, as flow control says it", {"retry_after": 1.0}),
    TOO_MANY: Kind("429 as a Status, as a starting watch cache says it", {"retry_after": 1.0}),
    UNAVAILABLE: Kind("503 as a server that just started says it", {"retry_after": 5.0}),
    BAD_GATEWAY: Kind("502 as an HTML page, as load balancers say it"),
    UNAUTHORIZED: Kind("401 whatever the token"),
    ROTATE: Kind("all tokens are replaced every so many seconds", {"every": 30.0}),
    FORBIDDEN: Kind("403, coming and going every so many seconds (0: it stays)", {"every": 0.0}),
    DUPLICATE: Kind("events of watches come twice"),
    BIG: Kind("objects have an annotation of so many megabytes", {"mb": 2.0}),
    RESTART: Kind(
        "the server goes down, then is not ready, then fills its caches: seconds of each",
        {"down": 1.0, "starting": 2.0, "initializing": 2.0},
    ),
    ABSENT: Kind("an API group is not installed", {"group": "leaderworkerset.x-k8s.io"}),
}

COMMON: Final[Mapping[str, float | str]] = {
    "share": 1.0,
    "times": 0.0,
    "for": 0.0,
    "verb": "",
    "resource": "",
    "user": "",
}
"""Parameters of every fault: the share of requests it hits, how many of them at most, for how many
seconds (0: no bound), and which verb, resource (plural) and user only."""


class Fault(msgspec.Struct, frozen=True):
    """A fault with its parameters, all of them."""

    name: str
    values: dict[str, float | str]

    def number(self, name: str) -> float:
        """A parameter that is a number."""
        return float(self.values[name])

    def text(self, name: str) -> str:
        """A parameter that is a text."""
        return str(self.values[name])

    def is_about(self, info: RequestInfo, user: str) -> bool:
        """Whether a request is one it can hit."""
        return (
            self.values["verb"] in {"", info.verb}
            and self.values["resource"] in {"", info.plural}
            and (not user or self.values["user"] in {"", user})
        )

    def __str__(self) -> str:
        stated = {**COMMON, **KINDS[self.name].own}
        said = [
            f"{name}={_short(value)}"
            for name, value in self.values.items()
            if value != stated[name]
        ]
        return f"{self.name}:{','.join(said)}" if said else self.name


def read_fault(text: str) -> Fault:
    """A fault as the command line states it: `NAME[:PARAMETER=VALUE,...]`.

    Raises:
        FaultError: there is no such fault or parameter, or a value is not one.
    """
    name, _, stated = text.partition(":")
    values: dict[str, Any] = {}
    for part in filter(None, stated.split(",")):
        key, sign, value = part.partition("=")
        if not sign:
            raise FaultError(f"{text}: expected PARAMETER=VALUE, got {part}")
        values[key.strip()] = value.strip()
    return fault_of(name.strip(), values)


def fault_of(name: str, stated: Mapping[str, Any]) -> Fault:
    """A fault with some of its parameters stated.

    Raises:
        FaultError: there is no such fault or parameter, or a value is not one.
    """
    kind = KINDS.get(name)
    if kind is None:
        raise FaultError(f"{name}: no such fault; there are {', '.join(KINDS)}")
    values: dict[str, float | str] = {**COMMON, **kind.own}
    for key, value in stated.items():
        if key not in values:
            raise FaultError(f"{name}: no parameter {key}; it has {', '.join(values)}")
        values[key] = _read(name, key, value, values[key])
    if not 0.0 < float(values["share"]) <= 1.0:
        raise FaultError(f"{name}: share expected above 0 and at most 1, got {values['share']}")
    if values.get("form") not in {None, "stream", "http"}:
        raise FaultError(f"{name}: form expected stream or http, got {values['form']}")
    return Fault(name, values)


def _read(name: str, key: str, value: Any, default: float | str) -> float | str:
    if isinstance(default, str):
        return str(value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0.0 <= number < float("inf"):
        raise FaultError(f"{name}: {key} expected a number of at least 0, got {value}")
    return number


class _Active:
    """A fault that is on."""

    __slots__ = ("fault", "hits", "since")

    def __init__(self, fault: Fault, since: float) -> None:
        self.fault, self.since, self.hits = fault, since, 0


class Switches:
    """Which faults are on. Chance is drawn from a seed, so that a run can be had again.

    Args:
        seed: of the draws.
    """

    def __init__(self, seed: int) -> None:
        self._random = Random(f"faults/{seed}")
        self._active: dict[str, _Active] = {}

    def on(self, fault: Fault, now: float) -> None:
        """Switch a fault on, in place of another one of its kind."""
        self._active[fault.name] = _Active(fault, now)

    def off(self, name: str) -> bool:
        """Switch a fault off; whether it was on."""
        return self._active.pop(name, None) is not None

    def all(self, now: float) -> list[Fault]:
        """The faults that are on."""
        return [one.fault for one in list(self._active.values()) if self._holds(one, now)]

    def get(self, name: str, now: float) -> Fault | None:
        """A fault, if it is on."""
        active = self._active.get(name)
        return active.fault if active is not None and self._holds(active, now) else None

    def hits(self, name: str, info: RequestInfo, user: str, now: float) -> Fault | None:
        """A fault, if it is on and hits this request; who asks for it may be hit again."""
        active = self._active.get(name)
        if active is None or not self._holds(active, now) or not active.fault.is_about(info, user):
            return None
        fault = active.fault
        every = fault.number("every") if name == FORBIDDEN else 0.0
        if every and int((now - active.since) // every) % 2:
            return None
        share = fault.number("share")
        if share < 1.0 and self._random.random() >= share:
            return None
        active.hits += 1
        if fault.number("times") and active.hits >= fault.number("times"):
            del self._active[name]
        return fault

    def _holds(self, active: _Active, now: float) -> bool:
        lasts = active.fault.number("for")
        if lasts and now - active.since >= lasts:
            self._active.pop(active.fault.name, None)
            return False
        return True


def _short(value: float | str) -> str:
    return f"{value:g}" if isinstance(value, float) else value
