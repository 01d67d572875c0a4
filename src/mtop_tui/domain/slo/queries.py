"""PromQL that stands for an indicator: recognised in documents, and written for them.

mtop has no PromQL engine. It knows the queries by their shape: sums of rates of the vLLM families,
alone, as a difference, or as a ratio. Any other query is not evaluated, and that is said.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from mtop_tui.domain.slo.objectives import LATENCIES, Indicator, Kind

FAMILIES: Final[Mapping[str, Kind]] = {
    "vllm:time_to_first_token_seconds": Kind.TTFT,
    "vllm:request_time_per_output_token_seconds": Kind.TPOT,
    "vllm:inter_token_latency_seconds": Kind.ITL,
    "vllm:time_per_output_token_seconds": Kind.ITL,  # its name before vLLM 0.11
    "vllm:e2e_request_latency_seconds": Kind.E2E,
}
ENDED: Final = "vllm:request_success_total"
"""Requests that ended, in spite of its name in every way."""
GENERATED: Final = "vllm:generation_tokens_total"

WELL: Final = frozenset({"stop", "length", "repetition"})
ABORTED: Final = frozenset({"abort"})
FAILED: Final = frozenset({"error"})
REASONS: Final = WELL | ABORTED | FAILED

MAX_LENGTH: Final = 4000
MAX_SELECTORS: Final = 4

_STRING = r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\''
_SELECTOR = re.compile(
    r"(?<![A-Za-z0-9_:])([A-Za-z_:][A-Za-z0-9_:]*+)(?!\s*\()\s*"
    rf"(?:\{{((?:[^{{}}\"']|{_STRING})*+)\}}\s*)?(?:\[[^\[\]]*\])?"
)
_MATCHER = re.compile(rf"\s*([A-Za-z_][A-Za-z0-9_]*)\s*(=~|!~|!=|=)\s*({_STRING})\s*(?:,|$)")
_ONE_EVENT_SET = re.compile(r"(?:sum|rate|increase)?\(([A-D])\)")
_SUMMED_DIFFERENCE = re.compile(r"sum(\([A-D]-[A-D]\))")
_DOUBLE_BRACKETS = re.compile(r"\((\([^()]*\))\)")
_WHOLE_IN_BRACKETS = re.compile(r"\(([^()]*)\)")
_PLAIN_ALTERNATIVES = re.compile(r"\(?[A-Za-z_]+(?:\|[A-Za-z_]+)*\)?")


class UnknownQueryError(ValueError):
    """A query that mtop cannot evaluate; the message says why."""


class Recognised(NamedTuple):
    """What queries measure, and what mtop does otherwise than they say."""

    indicator: Indicator
    notes: tuple[str, ...] = ()


class Queries(NamedTuple):
    """PromQL of the good, the bad and all events."""

    good: str
    bad: str
    total: str


def recognise_ratio(total: str, *, good: str | None = None, bad: str | None = None) -> Recognised:
    """What the ratio of good (or bad) events to all of them measures.

    Raises:
        UnknownQueryError: mtop does not know these queries.
    """
    everything = _one(total)
    if good is not None:
        return _recognised(_good_of(good), everything)
    return _recognised(_rest_of(bad or "", everything), everything)


def recognise_error_ratio(query: str) -> Recognised:
    """What a query measures that divides bad by all events itself (Sloth's raw SLI).

    Raises:
        UnknownQueryError: mtop does not know the query.
    """
    shape, sets = _reduced(query)
    if shape in {"1-A/B", "1-(A/B)"}:
        return _recognised(sets[0], sets[1])
    if shape == "(A-B)/C" and sets[0] == sets[2]:
        return _recognised(sets[1], sets[2])
    if shape == "A/B":
        return _recognised(_without(sets[1], sets[0]), sets[1])
    raise UnknownQueryError("custom query")


def recognise_good_ratio(query: str) -> Recognised:
    """What a query measures that divides good by all events itself (OpenSLO's raw success).

    Raises:
        UnknownQueryError: mtop does not know the query.
    """
    shape, sets = _reduced(query)
    if shape == "A/B":
        return _recognised(sets[0], sets[1])
    raise UnknownQueryError("custom query")


def recognise_value(query: str, op: str, value: float) -> Recognised:
    """What a query measures whose values are compared with a threshold (OpenSLO).

    The latency families with `lte` or `lt`, generated tokens with `gte` or `gt`. Buckets and
    rounding do not tell the two apart, so a value at the threshold is good.

    Raises:
        UnknownQueryError: mtop does not know the query, or the comparison points the other way.
    """
    found = _one(query)
    notes = _context_notes(found)
    if found.metric == GENERATED:
        if op not in {"gte", "gt"}:
            raise UnknownQueryError(f"a throughput floor needs op gte or gt, not {op}")
        return Recognised(Indicator(Kind.TOKENS_PER_SECOND, value), notes)
    kind = FAMILIES.get(found.metric)
    if kind is None or not math.isnan(found.threshold):
        raise UnknownQueryError("custom query")
    if op not in {"lte", "lt"}:
        raise UnknownQueryError(f"a latency objective needs op lte or lt, not {op}")
    return Recognised(Indicator(kind, value), notes)


def event_queries(
    indicator: Indicator, form: str, matchers: Mapping[str, str] | None = None
) -> Queries:
    """The queries of an indicator that counts events.

    `form` is put around each selector, `%s` being the selector; `matchers` narrow it to labels. A
    latency threshold must be a bucket edge of the engine, for `le` selects one bucket; it is
    written as the Python client exposes it (`1.0`).

    Raises:
        UnknownQueryError: a throughput floor has no events.
    """
    labels = dict(matchers or {})
    if indicator.kind in LATENCIES and indicator.threshold is not None:
        family = next(name for name, kind in FAMILIES.items() if kind is indicator.kind)
        edge = repr(float(indicator.threshold))
        total = form % _selector(f"{family}_count", labels)
        good = form % _selector(f"{family}_bucket", labels, f'le="{edge}"')
        return Queries(good, f"({total} - {good})", total)
    if indicator.kind is Kind.AVAILABILITY:
        bad_reasons = FAILED | (ABORTED if indicator.count_aborts else frozenset())
        counted = "" if indicator.count_aborts else 'finished_reason!="abort"'
        return Queries(
            form % _selector(ENDED, labels, _reason_matcher(WELL)),
            form % _selector(ENDED, labels, _reason_matcher(bad_reasons)),
            form % _selector(ENDED, labels, counted),
        )
    raise UnknownQueryError("a throughput floor has no events")


def throughput_query(matchers: Mapping[str, str] | None = None) -> str:
    """The query of the throughput of generated tokens, over a minute."""
    return f"sum(rate({_selector(GENERATED, dict(matchers or {}))}[1m]))"


class _Events(NamedTuple):
    """Events that a selector counts: those of a family up to a threshold, or ended for reasons.

    The threshold is infinite for all events, and NaN when the bare family is named, which stands
    for the latencies themselves.
    """

    metric: str
    threshold: float
    reasons: frozenset[str]
    context: tuple[str, ...]


def _recognised(good: _Events, total: _Events) -> Recognised:
    if good.metric != total.metric or total.threshold != math.inf:
        raise UnknownQueryError("custom query")
    if good.context != total.context:
        raise UnknownQueryError("good and total select different series")
    notes = _context_notes(total)
    kind = FAMILIES.get(total.metric)
    if kind is not None:
        if not 0 < good.threshold < math.inf:
            raise UnknownQueryError("the good events have no `le` above 0 and below +Inf")
        return Recognised(Indicator(kind, good.threshold), notes)
    if total.metric != ENDED or not good.reasons <= total.reasons:
        raise UnknownQueryError("custom query")
    bad = total.reasons - good.reasons
    if not bad >= FAILED or not good.reasons >= {"stop", "length"}:
        raise UnknownQueryError("its finish reasons do not tell errors from the rest")
    if "repetition" in bad:
        notes += ("it counts the finish reason repetition as an error, mtop does not",)
    if "abort" in good.reasons:
        notes += ("it counts aborted requests as good, mtop leaves them out",)
    return Recognised(Indicator(Kind.AVAILABILITY, count_aborts="abort" in bad), notes)


def _context_notes(events: _Events) -> tuple[str, ...]:
    if not events.context:
        return ()
    return (f"mtop takes the whole service; {', '.join(events.context)} is not applied",)


def _good_of(query: str) -> _Events:
    shape, sets = _reduced(query)
    if shape == "A":
        return sets[0]
    if shape == "A-B":
        return _without(sets[0], sets[1])
    raise UnknownQueryError("custom query")


def _rest_of(bad: str, total: _Events) -> _Events:
    """The good events, when a query counts the bad ones."""
    shape, sets = _reduced(bad)
    if shape == "A-B" and sets[0] == total:
        return sets[1]
    if shape == "A":
        return _without(total, sets[0])
    raise UnknownQueryError("custom query")


def _without(total: _Events, part: _Events) -> _Events:
    if total.metric != ENDED or part.metric != ENDED or part.context != total.context:
        raise UnknownQueryError("custom query")
    return total._replace(reasons=total.reasons - part.reasons)


def _one(query: str) -> _Events:
    shape, sets = _reduced(query)
    if shape != "A":
        raise UnknownQueryError("custom query")
    return sets[0]


def _reduced(query: str) -> tuple[str, list[_Events]]:
    """The shape of a query with A to D for the events it counts: `A`, `A-B`, `1-(A/B)`."""
    if len(query) > MAX_LENGTH:
        raise UnknownQueryError("custom query")
    sets: list[_Events] = []

    def letter(match: re.Match[str]) -> str:
        sets.append(_events(match[1], match[2] or ""))
        if len(sets) > MAX_SELECTORS:
            raise UnknownQueryError("custom query")
        return "ABCD"[len(sets) - 1]

    shape = "".join(_SELECTOR.sub(letter, query).split())
    before = ""
    while shape != before:
        before = shape
        shape = _ONE_EVENT_SET.sub(r"\1", shape)
        shape = _SUMMED_DIFFERENCE.sub(r"\1", shape)
        shape = _DOUBLE_BRACKETS.sub(r"\1", shape)
    whole = _WHOLE_IN_BRACKETS.fullmatch(shape)
    return (whole[1] if whole else shape), sets


def _events(name: str, text: str) -> _Events:
    metric, suffix = name, ""
    for ending in ("_bucket", "_count"):
        if name.endswith(ending) and name.removesuffix(ending) in FAMILIES:
            metric, suffix = name.removesuffix(ending), ending
    if metric not in FAMILIES and metric not in {ENDED, GENERATED}:
        raise UnknownQueryError("custom query")
    edge = math.nan if suffix == "_bucket" or name in FAMILIES else math.inf
    reasons, context = REASONS, []
    for label, op, value in _matchers(text):
        if label == "le" and suffix == "_bucket":
            edge = _edge(op, value)
        elif label == "finished_reason" and metric == ENDED:
            reasons &= _reasons(op, value)
        else:
            context.append(f'{label}{op}"{value}"')
    if suffix == "_bucket" and math.isnan(edge):
        raise UnknownQueryError("`le` is not one bucket edge")
    return _Events(metric, edge, reasons, tuple(sorted(context)))


def _matchers(text: str) -> list[tuple[str, str, str]]:
    matchers, at = [], 0
    while at < len(text.rstrip()):
        match = _MATCHER.match(text, at)
        if match is None:
            raise UnknownQueryError("custom query")
        matchers.append((match[1], match[2], match[3][1:-1]))
        at = match.end()
    return matchers


def _edge(op: str, value: str) -> float:
    try:
        edge = float(value)
    except ValueError:
        edge = math.nan
    if op != "=" or math.isnan(edge):
        raise UnknownQueryError("`le` is not one bucket edge")
    return edge


def _reasons(op: str, value: str) -> frozenset[str]:
    named = {value}
    if op in {"=~", "!~"}:
        # A regular expression from a file is not run; lists of words are all that is needed.
        if not _PLAIN_ALTERNATIVES.fullmatch(value):
            raise UnknownQueryError("custom query")
        named = set(value.strip("()").split("|"))
    chosen = REASONS & named
    return REASONS - chosen if op.startswith("!") else chosen


def _selector(name: str, labels: Mapping[str, str], own: str = "") -> str:
    written = [f'{label}="{_escaped(value)}"' for label, value in labels.items()]
    inside = ",".join(filter(None, [*written, own]))
    return f"{name}{{{inside}}}" if inside else name


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _reason_matcher(reasons: frozenset[str]) -> str:
    if len(reasons) == 1:
        return f'finished_reason="{next(iter(reasons))}"'
    return f'finished_reason=~"{"|".join(sorted(reasons))}"'
