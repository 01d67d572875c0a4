"""Objectives in one line of text, for the annotation `mtop.dev/slo` and the settings.

    objectives = objective *( "," objective )
    objective  = indicator "@" percent "%" [ "/" window ]
    indicator  = ( "ttft" | "tpot" | "itl" | "e2e" ) "<=" number ( "ms" | "s" )
               | "availability" [ "+aborts" ]
               | "tokens_per_second" ">=" number
    window     = whole number ( "m" | "h" | "d" | "w" )

For instance `ttft<=1s@99%/30d, availability@99.9%`. Without a window it is 30 days. Blanks may
stand between any two parts.
"""

from __future__ import annotations

import re
from decimal import Decimal

from mtop_tui.domain.slo.objectives import (
    DEFAULT_WINDOW,
    LATENCIES,
    MINUTE_SLICES,
    OCCURRENCES,
    Budgeting,
    Indicator,
    Kind,
    Objective,
    ObjectiveError,
    Origin,
)
from mtop_tui.domain.slo.periods import PeriodError, RollingWindow, parse_duration

MAX_LENGTH = 2000
"""Longer text is refused: nobody promises that much."""

_BLANKS = re.compile(r"\s*")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")
_LENGTH = re.compile(r"[0-9]+[A-Za-z]*")
_LATENCY_UNITS = {"ms": Decimal("0.001"), "s": Decimal(1)}


class GrammarError(ObjectiveError):
    """Text that is no objective: where it goes wrong, and what was expected there.

    `position` counts characters from 1.
    """

    def __init__(self, position: int, expected: str, found: str = "") -> None:
        self.position = position
        said = f", not {found!r}" if found else ""
        super().__init__(f"position {position}: {expected}{said}")


def parse_objectives(text: str, origin: Origin) -> tuple[Objective, ...]:
    """The objectives of a text; blank text has none.

    Raises:
        GrammarError: the text is not written as the grammar says, a target is not between 0 % and
            100 %, or two objectives measure the same.
    """
    if len(text) > MAX_LENGTH:
        raise GrammarError(MAX_LENGTH + 1, f"expected at most {MAX_LENGTH} characters")
    if not text.strip():
        return ()
    reader = _Reader(text)
    objectives: list[Objective] = []
    while True:
        reader.skip_blanks()
        start = reader.at
        objective = _objective(reader, origin)
        if any(objective.indicator == other.indicator for other in objectives):
            raise GrammarError(
                start + 1, f"expected each indicator once, {objective.name} stands here twice"
            )
        objectives.append(objective)
        if not reader.take(","):
            break
    reader.finish("`,` or the end")
    return tuple(objectives)


def objective_text(objective: Objective) -> str:
    """The objective as this grammar writes it, also for a calendar window (`/1M`).

    Text of an objective that the grammar made reads back as the same objective.
    """
    indicator = indicator_text(objective.indicator)
    return f"{indicator}@{percent_text(objective.target)}/{objective.window.text}"


def indicator_text(indicator: Indicator) -> str:
    """Such as `ttft<=1s`, `availability+aborts`, `tokens_per_second>=500`."""
    if indicator.threshold is None:
        return f"{indicator.kind}{'+aborts' if indicator.count_aborts else ''}"
    if indicator.kind in LATENCIES:
        return f"{indicator.kind}<={_latency_text(indicator.threshold)}"
    return f"{indicator.kind}>={_number_text(Decimal(str(indicator.threshold)))}"


def percent_text(ratio: float) -> str:
    """A share as a percentage without rounding noise: 0.999 is `99.9%`."""
    return f"{_number_text(Decimal(str(ratio)) * 100)}%"


def ratio_of_percent(percent: Decimal | float) -> float:
    """The share that a percentage is: 99.9 is exactly the float 0.999, as if typed so."""
    return float(Decimal(str(percent)) / 100)


def _objective(reader: _Reader, origin: Origin) -> Objective:
    indicator = _indicator(reader)
    reader.expect("@", "`@` and a target such as `@99.9%`")
    reader.skip_blanks()
    target_at = reader.at
    percent = reader.number("a target in percent such as `99.9%`")
    reader.expect("%", "`%` after the target")
    window = _window(reader)
    try:
        return Objective(
            indicator,
            ratio_of_percent(percent),
            window,
            _budgeting(indicator.kind),
            name=indicator_text(indicator),
            origin=origin,
        )
    except ObjectiveError as error:
        raise GrammarError(target_at + 1, str(error)) from error


def _indicator(reader: _Reader) -> Indicator:
    reader.skip_blanks()
    start = reader.at
    word = reader.word(f"one of {', '.join(Kind)}")
    try:
        kind = Kind(word)
    except ValueError:
        raise GrammarError(start + 1, f"expected one of {', '.join(Kind)}", word) from None
    if kind is Kind.AVAILABILITY:
        return Indicator(kind, count_aborts=_counts_aborts(reader))
    sign = "<=" if kind in LATENCIES else ">="
    reader.expect(sign, f"`{sign}` and a threshold")
    reader.skip_blanks()
    threshold_at = reader.at
    threshold = reader.number("a number as threshold")
    if kind in LATENCIES:
        unit_at = reader.at
        unit = reader.word("`ms` or `s` after the threshold")
        if unit not in _LATENCY_UNITS:
            raise GrammarError(unit_at + 1, "expected `ms` or `s` after the threshold", unit)
        threshold *= _LATENCY_UNITS[unit]
    try:
        return Indicator(kind, float(threshold))
    except ObjectiveError as error:
        raise GrammarError(threshold_at + 1, str(error)) from error


def _counts_aborts(reader: _Reader) -> bool:
    if not reader.take("+"):
        return False
    start = reader.at
    word = reader.word("`aborts` after `+`")
    if word != "aborts":
        raise GrammarError(start + 1, "expected `aborts` after `+`", word)
    return True


def _window(reader: _Reader) -> RollingWindow:
    if not reader.take("/"):
        return DEFAULT_WINDOW
    reader.skip_blanks()
    start = reader.at
    text = reader.match(_LENGTH, "a window such as `30d`")
    try:
        return RollingWindow(parse_duration(text))
    except PeriodError as error:
        raise GrammarError(start + 1, str(error), text) from error


def _budgeting(kind: Kind) -> Budgeting:
    return MINUTE_SLICES if kind is Kind.TOKENS_PER_SECOND else OCCURRENCES


def _latency_text(seconds: float) -> str:
    exact = Decimal(str(seconds))
    if exact < 1:
        return f"{_number_text(exact * 1000)}ms"
    return f"{_number_text(exact)}s"


def _number_text(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class _Reader:
    """Text read from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def skip_blanks(self) -> None:
        match = _BLANKS.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def take(self, sign: str) -> bool:
        self.skip_blanks()
        if not self.text.startswith(sign, self.at):
            return False
        self.at += len(sign)
        return True

    def expect(self, sign: str, expected: str) -> None:
        if not self.take(sign):
            raise self._error(expected)

    def word(self, expected: str) -> str:
        return self.match(_WORD, expected)

    def number(self, expected: str) -> Decimal:
        return Decimal(self.match(_NUMBER, expected))

    def match(self, pattern: re.Pattern[str], expected: str) -> str:
        self.skip_blanks()
        match = pattern.match(self.text, self.at)
        if match is None:
            raise self._error(expected)
        self.at = match.end()
        return match[0]

    def finish(self, expected: str) -> None:
        self.skip_blanks()
        if self.at < len(self.text):
            raise self._error(expected)

    def _error(self, expected: str) -> GrammarError:
        found = self.text[self.at : self.at + 12] or "the end"
        return GrammarError(self.at + 1, f"expected {expected}", found)
