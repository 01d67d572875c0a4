"""Changes to alert rules in one line of text, for the settings.

    changes   = change *( "," change )
    change    = rule "off"
              | rule [ ">=" threshold ] [ "for" duration ] [ "page" | "ticket" ]
    threshold = percent "%" | number | duration

For instance `not-ready for 10m, kv-saturated >= 98% for 2m page, xid off`. The threshold is a
percentage of the KV cache, a multiple of what the TTFT objective allows, or a duration, by what the
rule reads; where it is over again moves with it, in proportion.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Final, NamedTuple

from mtop_tui.domain.alerts import RULES, AlertRule
from mtop_tui.domain.durations import duration_seconds

MAX_LENGTH = 2000
"""Longer text is refused: there are not that many rules."""

_TOKEN: Final = re.compile(r"\s*(>=|,|[^\s,>]+|>)")


class RuleError(ValueError):
    """Text that changes no rule: where it goes wrong, and what was expected there.

    `position` counts characters from 1.
    """

    def __init__(self, position: int, expected: str) -> None:
        self.position = position
        super().__init__(f"position {position}: {expected}")


class _Token(NamedTuple):
    text: str
    position: int


def changed_rules(text: str, rules: Sequence[AlertRule] = RULES) -> tuple[AlertRule, ...]:
    """The rules as the text wants them; blank text wants them as they are.

    Raises:
        RuleError: the text is not written as the grammar says, names a rule twice or one that is
            not there, or gives a rule what it does not have.
    """
    if len(text) > MAX_LENGTH:
        raise RuleError(MAX_LENGTH + 1, f"expected at most {MAX_LENGTH} characters")
    changed: dict[str, AlertRule | None] = {rule.name: rule for rule in rules}
    if not text.strip():
        return tuple(rules)
    named: set[str] = set()
    for name, *rest in _changes(text):
        rule = changed.get(name.text)
        if name.text in named:
            raise RuleError(name.position, f"expected each rule once, not {name.text} again")
        if rule is None:
            raise RuleError(name.position, _no_rule(name.text, [one.name for one in rules]))
        named.add(name.text)
        changed[name.text] = _changed(rule, rest, name.position + len(name.text))
    return tuple(rule for rule in changed.values() if rule is not None)


def _changes(text: str) -> list[list[_Token]]:
    changes: list[list[_Token]] = [[]]
    for match in _TOKEN.finditer(text):
        if match[1] == ",":
            changes.append([])
        else:
            changes[-1].append(_Token(match[1], match.start(1) + 1))
    if not all(changes):
        raise RuleError(len(text) + 1, "expected the name of a rule before and after each `,`")
    return changes


def _no_rule(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    return f"there is no rule {name!r}; {hint}"


def _changed(rule: AlertRule, tokens: Sequence[_Token], end: int) -> AlertRule | None:
    if [token.text for token in tokens] == ["off"]:
        return None
    rest = list(tokens)
    end = tokens[-1].position + len(tokens[-1].text) if tokens else end
    if rest and rest[0].text == ">=":
        position = rest.pop(0).position
        rule = _with_threshold(rule, rest.pop(0) if rest else _Token("", end), position)
    if rest and rest[0].text == "for":
        rest.pop(0)
        token = rest.pop(0) if rest else _Token("", end)
        rule = replace(rule, hold=_duration(token))
    if rest and rest[0].text == "page":
        rest.pop(0)
        rule = replace(rule, severity="page")
    elif rest and rest[0].text == "ticket":
        rest.pop(0)
        rule = replace(rule, severity="ticket")
    if rest or not tokens:
        raise RuleError(
            rest[0].position if rest else end,
            f"{rule.name}: expected `off`, or `>=` and a threshold, `for` and a duration, "
            f"`page` or `ticket`, in this order{_not(rest[0].text if rest else '')}",
        )
    return rule


def _with_threshold(rule: AlertRule, token: _Token, position: int) -> AlertRule:
    first = rule.limits[0]
    read = _THRESHOLDS.get(first.reading)
    if read is None:
        raise RuleError(position, f"{rule.name} has no threshold; it is or it is not")
    value = read(token)
    clears = value * first.clears_below / first.fires_at
    changed = replace(first, fires_at=value, clears_below=clears)
    return replace(rule, limits=(changed, *rule.limits[1:]))


def _not(found: str) -> str:
    return f", not {found!r}" if found else ""


def _percent(token: _Token) -> float:
    match = re.fullmatch(r"(\d{1,3}(?:\.\d{1,6})?)%", token.text)
    if match is None or not 0 < float(match[1]) <= 100:
        raise RuleError(token.position, f"expected a percentage such as 95%{_not(token.text)}")
    return float(match[1]) / 100


def _multiple(token: _Token) -> float:
    match = re.fullmatch(r"\d{1,6}(?:\.\d{1,6})?", token.text)
    if match is None or not float(token.text) > 0:
        raise RuleError(token.position, f"expected a number such as 1.5{_not(token.text)}")
    return float(token.text)


def _duration(token: _Token) -> float:
    seconds = duration_seconds(token.text)
    if seconds is None:
        raise RuleError(token.position, f"expected a duration such as 5m{_not(token.text)}")
    return seconds


def _age(token: _Token) -> float:
    seconds = _duration(token)
    if seconds <= 0:
        raise RuleError(token.position, "expected a duration above 0, such as 60s")
    return seconds


_THRESHOLDS: Final[Mapping[str, Callable[[_Token], float]]] = {
    "kv_usage": _percent,
    "queue_to_capacity": _multiple,
    "source_age": _age,
}
"""How the threshold of a rule is written, by what the rule reads first."""
