"""Scores of the cases, and the page that shows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

from bench.diagnosis.fleets import FLEETS
from bench.diagnosis.judge import HOUR, Case, Judged
from bench.diagnosis.watch import Look
from mtop_tui.engine.faults.catalogue import FAULTS

PATIENCE = 60.0
"""Seconds from the violation within which an answer is expected."""


SEEN_AS_IT_ENDS = frozenset({"start-failure"})
"""What is an ordinary start until a container ends: nothing is violated by a start."""


class Score(NamedTuple):
    """What came of a case. None where nothing was violated, so that there is nothing to score.

    Attributes:
        said: the first cause when patience has run out, or when it was last violated before.
        right: whether it is one that the catalogue names.
        delay: seconds from the violation to the first right answer; None without one.
        object_right: whether the right answer was about the service that the fault was on, and no
            worse answer was given about a bystander at that time.
    """

    said: str
    right: bool
    delay: float | None
    object_right: bool


def score_of(case: Case) -> Score | None:
    """Score one case."""
    after = [one for one in case.looks if one.at >= 0.0]
    own = [one for one in after if one.service == case.target]
    late = case.fault in SEEN_AS_IT_ENDS
    violated = next((one.at for one in own if one.violated and (one.failed or not late)), None)
    if violated is None:
        return None
    causes = FAULTS[case.fault].leads_to
    scored = [one for one in own if one.at >= violated]
    judged = [one for one in scored if one.at <= violated + PATIENCE and one.violated]
    said = judged[-1].cause
    first = next((one.at for one in scored if one.cause in causes), None)
    at = judged[-1].at
    others = [one for one in after if one.service.endswith("/other") and abs(one.at - at) < 3.0]
    return Score(
        said or "nothing",
        said in causes,
        None if first is None else first - violated,
        said in causes and not any(one.cause in causes for one in others),
    )


def is_named(case: Case) -> bool:
    """Whether a cause that the catalogue names was said first at some time of a case."""
    causes = FAULTS[case.fault].leads_to
    return any(one.service == case.target and one.cause in causes for one in case.looks)


class Totals(NamedTuple):
    """Shares over all scored cases, and of what was said where nothing happens.

    `silent` is of service-hours in which no fault was named at any look, `silent_looks` of looks.
    Hours and looks at which an objective was violated all the same are among them.
    """

    cases: int
    scored: int
    right: float
    quick: float
    objects: float
    hours: int
    silent: float
    silent_looks: float


def totals_of(judged: Sequence[Judged]) -> Totals:
    """All scores together."""
    cases = [case for one in judged for case in one.cases]
    healthy = _healthy(judged)
    hours: dict[tuple[str, int, str, int], bool] = {}
    for one in judged:
        for look in one.healthy:
            hour = (one.fleet, one.seed, look.service, int(look.at // HOUR))
            hours[hour] = hours.get(hour, False) or look.blamed
    scores = [score for case in cases if (score := score_of(case)) is not None]
    count = max(len(scores), 1)
    rights = [score for score in scores if score.right]
    quick = sum(score.delay is not None and score.delay <= PATIENCE for score in scores)
    return Totals(
        cases=len(cases),
        scored=len(scores),
        right=len(rights) / count,
        quick=quick / count,
        objects=sum(score.object_right for score in rights) / max(len(rights), 1),
        hours=len(hours),
        silent=1 - sum(hours.values()) / max(len(hours), 1),
        silent_looks=sum(not one.blamed for one in healthy) / max(len(healthy), 1),
    )


def _healthy(judged: Sequence[Judged]) -> list[Look]:
    return [look for one in judged for look in one.healthy]


NOT_JUDGED = {
    "traffic-stop": "nobody calls, so no objective is violated",
    "node-taint": "what runs on the node goes on",
    "network-bandwidth": "only halves of a service are held up by it, and these fleets have none",
    "network-loss": "the same",
}
"""Faults that violate nothing on these fleets, and why."""

_KNOWN = (
    "## What to make of it",
    "",
    "The rules were made on seeds 1 to 3, and mended after pages by seeds 31 to 35 and 43 to 47",
    "and a look at 41 and 42. Seeds 48 to 52 had not been run before the rules stood.",
    "",
    "- What the headroom absorbs violates nothing and is not scored: mild cases of `slow-node`,",
    "  `gpu-throttle`, `kv-pressure`, `prefix-flush` and `stress-cpu` are missing. On fleets with",
    "  less room they would count, among bursts that violate objectives by themselves.",
    "- `more-load` was added together with these fleets. It names what the two faults of load do;",
    "  before, only their consequences counted as right.",
    "- `slow-node`: where all replicas are on that node, there are no peers to compare with. That",
    "  they are slower than they were, with no more to do, is then said as possible only.",
    "- `canary-regression`: until the canary's verdict is there, slow steps beside a stable",
    "  service that has none are said to be the canary's, as possible only. A slow host would look",
    "  alike.",
    "- Silence by the hour is strict: one look in an hour breaks it. With seeds 43 to 47 it was",
    "  93.3 %, mostly by TTFT of the canary near its objective, so latencies near one now have to",
    "  last. Seeds 48 to 52 have fewer such bursts, so that they test this less.",
    "- The price of that: `stress-cpu`, `mig-neighbour` and `kv-pressure` near an objective are",
    '  named after 90 seconds, and count as "nothing" a minute after the violation.',
    "- `start-failure`: the engine ends when it has loaded nine tenths. One that does not know an",
    "  argument would end sooner.",
    "- The fault begins on a whole minute, 15 minutes after the fleet.",
    "",
    "Not judged:",
    "",
    *(f"- `{fault}`: {why}." for fault, why in NOT_JUDGED.items()),
    "",
)


BOUNDS = {"right": 0.90, "quick": 0.80, "objects": 0.95, "silent": 0.99}
_WORDS = {
    "right": "the first cause is right a minute after the violation",
    "quick": "a right first cause within a minute",
    "objects": "of the right ones, on the right service and no other",
    "silent": "healthy service-hours in which nothing is said, at any look",
}


def bounds_missed(judged: Sequence[Judged]) -> list[str]:
    """The bounds that are not met, in words."""
    totals = totals_of(judged)._asdict()
    return [
        f"{_WORDS[name]}: {totals[name]:.1%}, at least {bound:.0%}"
        for name, bound in BOUNDS.items()
        if totals[name] < bound
    ]


def page(judged: Sequence[Judged]) -> str:
    """The page as Markdown."""
    totals = totals_of(judged)
    cases = [case for one in judged for case in one.cases]
    healthy = _healthy(judged)
    beyond = sum(one.violated for one in healthy)
    lines = [
        "# How well the diagnosis names what is wrong",
        "",
        "Written by `python -m bench.diagnosis`: "
        f"seeds {', '.join(map(str, sorted({case.seed for case in cases})))}, "
        f"fleets {', '.join(dict.fromkeys(case.fleet for case in cases))}.",
        "Each case is a fault of [the catalogue](faults.md) on a simulated fleet, its strength",
        "drawn from the seed. The diagnosis sees what the provider emits, without annotations. A",
        "case is scored from when TTFT p95 or TPOT exceeds its objective, 1 % of requests fail, or",
        "a replica is not ready, and a minute later, or when that was last so. `start-failure` is",
        "scored from the first container that ends, since before it is a start like any other.",
        "",
        "| fleet | service and canary | requests/s | TTFT p95 objective | TPOT objective |",
        "|---|---|---|---|---|",
        *(
            f"| {fleet.name} | {fleet.model.split('/')[1]}, 4 + 1 replicas of {fleet.gpus} "
            f"{fleet.gpu} | {fleet.rps:g} | {fleet.ttft * 1000:g} ms | {fleet.tpot * 1000:g} ms |"
            for fleet in FLEETS
        ),
        "",
        "Objectives are a third above the worst minute of ordinary hours, and loads about 60 % of",
        "those at which they begin to be missed: `python -m bench.diagnosis.headroom` prints both.",
        "",
        f"{totals.cases} cases, of which {totals.scored} violated something and were scored.",
        "",
        "| | share | at least |",
        "|---|---|---|",
        *(
            f"| {_WORDS[name]} | {totals._asdict()[name]:.1%} | {bound:.0%} |"
            for name, bound in BOUNDS.items()
        ),
        "",
        "What violates nothing is not scored: the headroom absorbs it. Its last column says how",
        "often it was named all the same.",
        "",
        "| fault | scored | right | median seconds to the right answer | said otherwise "
        "| named of those not scored |",
        "|---|---|---|---|---|---|",
        *_rows(cases),
        "",
        "## Fleets to which nothing happens",
        "",
        f"{totals.hours} service-hours with {len(healthy)} looks. An hour counts as silent when no",
        f"look in it names a fault; of the looks, {totals.silent_looks:.2%} name none. All of them",
        f"count: at {beyond} looks a service was beyond an objective though nothing happened, by",
        "bursts of requests, which are part of the load.",
        "",
        f"- Said within objectives: {_blamed(healthy, violated=False)}.",
        f"- Said beyond one: {_blamed(healthy, violated=True)}.",
        "",
        *_KNOWN,
    ]
    return "\n".join(lines)


def _blamed(looks: Sequence[Look], *, violated: bool) -> str:
    said = (one.cause for one in looks if one.blamed and one.violated == violated)
    return _said(said) or "nothing"


def _rows(cases: Sequence[Case]) -> list[str]:
    rows = []
    for fault, action in FAULTS.items():
        own = [case for case in cases if case.fault == fault]
        if not own:
            continue
        scored = [(case, score_of(case)) for case in own]
        scores = [score for _, score in scored if score is not None]
        unfelt = [case for case, score in scored if score is None]
        delays = [score.delay for score in scores if score.delay is not None]
        otherwise = _said(score.said for score in scores if not score.right)
        rows.append(
            f"| `{fault}` ({', '.join(action.leads_to)}) | {len(scores)} of {len(own)} "
            f"| {sum(score.right for score in scores)} "
            f"| {f'{median(delays):.0f}' if delays else '-'} | {otherwise or '-'} "
            f"| {f'{sum(map(is_named, unfelt))} of {len(unfelt)}' if unfelt else '-'} |"
        )
    return rows


def _said(causes: Iterable[str]) -> str:
    counted = Counter(cause for cause in causes if cause)
    return ", ".join(f"{cause} {count}" for cause, count in counted.most_common())
