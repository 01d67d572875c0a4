"""What is typed to narrow a table: words, and comparisons such as `ttft>500ms and not ns=prod`.

    query      = alternative { "or" alternative }
    alternative = part { [ "and" ] part }
    part       = "not" part | "(" query ")" | field operator value | word
    operator   = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~"

A word wants rows in which it occurs. `=` compares whole texts in any case, with `*` for anything;
`~` searches a regular expression. Numbers may carry a unit: `500ms`, `1.5s`, `80%`, `12k`, `$3`.
A comparison with what is not known is neither true nor false, and neither is its `not`; such rows
are not wanted.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Final, Generic, NamedTuple, TypeVar

from mtop_tui.domain.durations import duration_seconds

Facts = TypeVar("Facts")
Value = float | str | None
Test = Callable[[Facts], bool | None]

LONGEST = 500
LONGEST_PATTERN = 200
DEEPEST = 30
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<quoted>"[^"]*"|'[^']*')|(?P<operator>!=|<=|>=|!~|[=<>~])"""
    r"""|(?P<bracket>[()])|(?P<word>[^\s()=<>~!"']+|!))"""
)
_PATTERN: Final = re.compile(r"""\s*(?P<pattern>[^\s"']\S*)""")
"""What stands after `~` goes up to a space, whatever it is made of."""

_NUMBER: Final = re.compile(r"\$?(?P<number>\d+(?:\.\d+)?)(?P<unit>%|[kKMG])?(?:/(?:s|h))?")
_FACTORS: Final = {"%": 0.01, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, None: 1.0}
_ORDERINGS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: abs(a - b) <= 0.005 * max(abs(a), abs(b)),
    "!=": lambda a, b: abs(a - b) > 0.005 * max(abs(a), abs(b)),
}
"""Two numbers are equal when they would be shown alike."""


class QueryError(ValueError):
    """What was typed is no query; `column` counts characters from 1."""

    def __init__(self, column: int, reason: str) -> None:
        super().__init__(f"column {column}: {reason}")
        self.column, self.reason = column, reason


class Field(NamedTuple, Generic[Facts]):
    """Something that can be compared: what it is of a row, and how numbers are written."""

    value: Callable[[Facts], Value]
    is_number: bool = True


def is_begun(text: str, fields: Mapping[str, Field[Facts]]) -> bool:
    """Whether what is typed may still go on: it ends in the beginning of a field or of `and`."""
    last = text.rpartition(" ")[2].lower()
    return bool(last) and any(name.startswith(last) for name in (*fields, "and", "or", "not"))


class _Token(NamedTuple):
    kind: str
    text: str
    column: int


def parse_query(
    text: str, fields: Mapping[str, Field[Facts]], words: Callable[[Facts], str]
) -> Callable[[Facts], bool]:
    """Whether a row is wanted, as a function of what the row is made of.

    Args:
        text: as typed; blank wants every row.
        fields: what can be compared, by name.
        words: the text of a row in which words are looked for.

    Raises:
        QueryError: at which column it is wrong, and what was expected there.
    """
    if len(text) > LONGEST:
        raise QueryError(LONGEST + 1, f"a filter has at most {LONGEST} characters")
    parser = _Parser(_tokens(text), fields, words, len(text) + 1)
    test = parser.query(0)
    if (left := parser.peek()) is not None:
        raise QueryError(left.column, f"`{left.text}` closes nothing")
    return lambda facts: test(facts) is True


def _tokens(text: str) -> list[_Token]:
    tokens = []
    position = 0
    while text[position:].strip():
        found = _TOKEN.match(text, position)
        if found is None:
            column = position + len(text[position:]) - len(text[position:].lstrip()) + 1
            raise QueryError(column, "a quote that is not closed")
        kind = found.lastgroup or ""
        tokens.append(_Token(kind, found[kind], found.start(kind) + 1))
        position = found.end()
        if found[kind] in ("~", "!~") and (pattern := _PATTERN.match(text, position)):
            value = _without_outer_brackets(pattern["pattern"])
            tokens.append(_Token("word", value, pattern.start("pattern") + 1))
            position = pattern.start("pattern") + len(value)
    return tokens


def _without_outer_brackets(pattern: str) -> str:
    """Without closing brackets that the pattern did not open: they are the query's."""
    while pattern.endswith(")") and pattern.count(")") > pattern.count("("):
        pattern = pattern[:-1]
    return pattern


class _Parser(Generic[Facts]):
    def __init__(
        self,
        tokens: list[_Token],
        fields: Mapping[str, Field[Facts]],
        words: Callable[[Facts], str],
        end: int,
    ) -> None:
        self._tokens = tokens
        self._fields = fields
        self._words = words
        self._end = end
        self._at = 0

    def peek(self, ahead: int = 0) -> _Token | None:
        place = self._at + ahead
        return self._tokens[place] if place < len(self._tokens) else None

    def query(self, depth: int) -> Test[Facts]:
        tests = [self._alternative(depth)]
        while self._take("or"):
            tests.append(self._alternative(depth))
        return tests[0] if len(tests) == 1 else lambda facts: _any([t(facts) for t in tests])

    def _alternative(self, depth: int) -> Test[Facts]:
        tests: list[Test[Facts]] = []
        while (token := self.peek()) is not None and token.text != ")" and not self._is("or"):
            if tests:
                self._take("and")
            tests.append(self._part(depth))
        if not tests and (depth or self._at):
            token = self.peek()
            raise QueryError(self._end if token is None else token.column, "expected a condition")
        return tests[0] if len(tests) == 1 else lambda facts: _all([t(facts) for t in tests])

    def _part(self, depth: int) -> Test[Facts]:
        token = self.peek()
        if token is None:
            raise QueryError(self._end, "expected a condition")
        if depth > DEEPEST:
            raise QueryError(token.column, f"more than {DEEPEST} conditions inside one another")
        if self._take("not"):
            inner = self._part(depth + 1)
            return lambda facts: None if (held := inner(facts)) is None else not held
        self._at += 1
        if token.text == "(" and token.kind == "bracket":
            inner = self.query(depth + 1)
            closing = self.peek()
            if closing is None or closing.text != ")":
                raise QueryError(self._end, f"`(` at column {token.column} is not closed")
            self._at += 1
            return inner
        following = self.peek()
        if token.kind == "word" and following is not None and following.kind == "operator":
            self._at += 1
            return self._comparison(token, following)
        if token.kind == "operator":
            raise QueryError(token.column, f"expected the name of a field before `{token.text}`")
        wanted = token.text.strip("\"'").lower()
        return lambda facts: wanted in self._words(facts).lower()

    def _comparison(self, name: _Token, operator: _Token) -> Test[Facts]:
        field = self._fields.get(name.text.lower())
        if field is None:
            near = get_close_matches(name.text.lower(), self._fields, 1, 0.6)
            hint = (
                f"; did you mean {near[0]}?" if near else f"; there are {', '.join(self._fields)}"
            )
            raise QueryError(name.column, f"no field {name.text}{hint}")
        value = self.peek()
        if value is None or value.kind not in ("word", "quoted"):
            column = self._end if value is None else value.column
            raise QueryError(column, f"expected a value after `{operator.text}`")
        self._at += 1
        text = value.text.strip("\"'")
        if operator.text in ("~", "!~"):
            return _matching(field, text, value.column, inverse=operator.text == "!~")
        if field.is_number:
            return _ordered(field, operator.text, _number(text, value.column))
        if operator.text not in ("=", "!="):
            raise QueryError(
                operator.column, f"{name.text} is text: compare it with =, !=, ~ or !~"
            )
        return _like(field, text, inverse=operator.text == "!=")

    def _is(self, word: str) -> bool:
        token = self.peek()
        return token is not None and token.kind == "word" and token.text.lower() == word

    def _take(self, word: str) -> bool:
        # A name such as `or` before an operator is a field, were there one of that name.
        if self._is(word):
            self._at += 1
            return True
        return False


def _number(text: str, column: int) -> float:
    found = _NUMBER.fullmatch(text)
    if found is not None:
        return float(found["number"]) * _FACTORS[found["unit"]]
    seconds = duration_seconds(text)
    if seconds is None:
        raise QueryError(column, f"expected a number such as 500ms, 80% or 12k, not {text}")
    return seconds


def _ordered(field: Field[Facts], operator: str, wanted: float) -> Test[Facts]:
    holds = _ORDERINGS[operator]

    def test(facts: Facts) -> bool | None:
        value = field.value(facts)
        return holds(value, wanted) if isinstance(value, float | int) else None

    return test


def _like(field: Field[Facts], text: str, *, inverse: bool) -> Test[Facts]:
    pattern = re.compile(fnmatch.translate(text.lower().replace("[", "[[]")))

    def test(facts: Facts) -> bool | None:
        value = field.value(facts)
        return None if value is None else (pattern.match(str(value).lower()) is None) is inverse

    return test


def _matching(field: Field[Facts], text: str, column: int, *, inverse: bool) -> Test[Facts]:
    if len(text) > LONGEST_PATTERN:
        raise QueryError(column, f"a pattern has at most {LONGEST_PATTERN} characters")
    try:
        pattern = re.compile(text, re.IGNORECASE)
    except (re.error, RecursionError, OverflowError) as error:
        where = getattr(error, "pos", None) or 0
        raise QueryError(column + where, f"no regular expression: {error}") from error

    def test(facts: Facts) -> bool | None:
        value = field.value(facts)
        return None if value is None else (pattern.search(str(value)) is None) is inverse

    return test


def _all(held: list[bool | None]) -> bool | None:
    if False in held:
        return False
    return None if None in held else True


def _any(held: list[bool | None]) -> bool | None:
    if True in held:
        return True
    return None if None in held else False
