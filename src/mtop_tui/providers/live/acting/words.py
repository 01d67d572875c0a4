"""Why a change was not made, for people."""

from __future__ import annotations

from typing import Final

from mtop_tui.actions.plans import Change
from mtop_tui.providers.live.problems import FORBIDDEN, NOT_FOUND, Problem, Refusal, Unreachable

CONFLICT: Final = 409

_INVALID = frozenset({400, 422})
_WEBHOOK = "admission webhook"


def why_not(problem: Problem, change: Change) -> str:
    """What the API server has against a change, and what to do about it."""
    if not isinstance(problem, Refusal):
        return problem.sentence
    match problem.status:
        case 429 | 503:
            return f"the API server is too busy ({problem.status}); nothing was changed: try again"
        case 401:
            return "the login is expired or not known (401); nothing was changed: log in again"
        case _ if problem.message.startswith(_WEBHOOK):
            return problem.message
        case status if status == FORBIDDEN:
            return (
                f"forbidden: {problem.message}; `mtop doctor --mode live --allow-actions` prints"
                " the rights to ask for"
            )
        case status if status == NOT_FOUND:
            return f"{change.name} is not there any more; nothing was changed"
        case status if status == CONFLICT:
            return (
                f"somebody else changed {change.name} since it was read (409); nothing was changed:"
                " look at it again"
            )
        case status if status in _INVALID:
            return f"the API server does not accept it: {problem.message}"
        case _:
            return problem.sentence


def why_not_known(problem: Unreachable, change: Change) -> str:
    """That a change was sent and nobody knows what became of it."""
    return f"{problem.sentence}; whether {change.name} was changed is not known: look at it again"
