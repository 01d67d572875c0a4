"""Why there is no log, in words of what it means, and whether there will be one."""

from __future__ import annotations

from typing import Final, Literal

from mtop_tui.providers.live.problems import (
    BAD_REQUEST,
    FORBIDDEN,
    NOT_FOUND,
    Problem,
    Refusal,
)

Meaning = Literal["forbidden", "gone", "not restarted", "waiting", "passing"]
"""Of a refusal: `waiting` lasts until the container starts, `passing` may be over any moment."""

_WAITS: Final = " is waiting to start: "
_WAITS_SHORTLY: Final = " is waiting to start"
_NO_HOST: Final = "does not have a host assigned"
_NO_PREVIOUS: Final = "previous terminated container"
_FORBIDDEN: Final = " is forbidden: "
_KUBELET: Final = "/containerLogs/"


def meaning_of(problem: Problem) -> Meaning:
    """What a problem means for the reading of a log."""
    if not isinstance(problem, Refusal):
        return "passing"
    match problem.status:
        case status if status == FORBIDDEN:
            return "forbidden"
        case status if status == NOT_FOUND:
            return "gone"
        case status if status == BAD_REQUEST:
            return "not restarted" if _NO_PREVIOUS in problem.message else "waiting"
        case _:
            return "passing"


def sentence(problem: Problem, namespace: str) -> str:
    """What happened, and what to do or what mtop does."""
    if not isinstance(problem, Refusal):
        return problem.sentence
    said = problem.message
    match meaning_of(problem):
        case "forbidden":
            why = said.partition(_FORBIDDEN)[2] or said
            return (
                f"logs in namespace {namespace} may not be read; ask for the right to `get`"
                " pods/log, `mtop doctor --role` prints all that mtop needs; the server says:"
                f" {why}"
            )
        case "gone":
            return "its pod is gone, and its log with it"
        case "not restarted":
            return "it has not been restarted, so it has no predecessor"
        case "waiting":
            return _waiting(said)
        case _ if _KUBELET in said:
            why = said.rpartition("dial ")[2] or said
            return f"the API server does not reach the kubelet of its node: {why}"
        case _:
            return problem.sentence


def _waiting(said: str) -> str:
    if _NO_HOST in said:
        return "it is not on a node yet, so there is no log"
    _, found, reason = said.partition(_WAITS)
    if found:
        return f"it waits to start ({reason}); its log begins when it does"
    if _WAITS_SHORTLY in said:
        return "it waits to start; its log begins when it does"
    return f"the API server has no log of it: {said}"
