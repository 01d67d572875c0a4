"""Sloth documents read and written.

The specification `prometheus/v1`, its Kubernetes form `PrometheusServiceLevel`, and `AlertWindows`.
Source: slok/sloth, `examples/` (Apache-2.0). Sloth gives the period on its command line, not in the
document, so the caller says what it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from mtop_tui.domain.slo.burn_alerts import Catalogue, WindowPair
from mtop_tui.domain.slo.fields import Complaint, Field, FieldError, Imported, unique_names
from mtop_tui.domain.slo.grammar import ratio_of_percent
from mtop_tui.domain.slo.objectives import (
    DEFAULT_WINDOW,
    OCCURRENCES,
    Objective,
    ObjectiveError,
    Origin,
    check_target,
)
from mtop_tui.domain.slo.periods import RollingWindow
from mtop_tui.domain.slo.queries import (
    Recognised,
    UnknownQueryError,
    event_queries,
    recognise_error_ratio,
    recognise_ratio,
)

VERSION: Final = "prometheus/v1"
API_VERSION: Final = "sloth.slok.dev/v1"
_PAIRS: Final = (
    ("page", "quick"),
    ("page", "slow"),
    ("ticket", "quick"),
    ("ticket", "slow"),
)


def import_sloth(
    number: int, document: Field, file: str, window: RollingWindow = DEFAULT_WINDOW
) -> Imported:
    """The objectives of one Sloth document, or its alert windows.

    `number` is that of the document in the file, `window` the period that Sloth would be given. One
    wrong objective does not hide the others' faults.
    """
    try:
        if document.get("kind").value == "AlertWindows":
            period, catalogue = _catalogue(document.get("spec"))
            return Imported(catalogues={period: catalogue})
        body = document if document.get("version").is_set else document.get("spec")
        service = body.get("service").text()
        slos = body.get("slos")
        if not slos.items():
            slos.fail("at least one SLO")
    except FieldError as error:
        return Imported(errors=(Complaint(number, error.path, error.message),))
    objectives: list[Objective] = []
    warnings: list[Complaint] = []
    errors: list[Complaint] = []
    origin = Origin("file", f"{file}, document {number}")
    for field in slos.items():
        try:
            target = _target(field.get("objective"))
            name = field.get("name").text()
            try:
                recognised = _recognised(field.get("sli"))
            except UnknownQueryError as unknown:
                message = f"{name}: not evaluated: {unknown}"
                warnings.append(Complaint(number, f"{field.path}.sli", message))
                continue
            warnings += [
                Complaint(number, f"{field.path}.sli", f"{name}: {note}")
                for note in recognised.notes
            ]
            objectives.append(
                Objective(recognised.indicator, target, window, OCCURRENCES, name, service, origin)
            )
        except FieldError as error:
            errors.append(Complaint(number, error.path, error.message))
    return Imported(tuple(objectives), {}, tuple(warnings), tuple(errors))


class SlothDocument(NamedTuple):
    """A `prometheus/v1` document, the period to give to Sloth, and what it could not take."""

    document: dict[str, Any]
    period: str
    warnings: tuple[str, ...]


def sloth_documents(
    objectives: Sequence[Objective], service: str, matchers: Mapping[str, str] | None = None
) -> list[SlothDocument]:
    """The objectives of one service for Sloth: one document per period.

    Each is to be generated with `--default-slo-period` of its period. Sloth counts events over
    rolling windows only; what is counted otherwise, or over a calendar, is left out and named in
    the first document's warnings. Without any that it can take, the list is empty.
    """
    names = unique_names(objective.name or objective.indicator.kind for objective in objectives)
    by_period: dict[str, list[dict[str, Any]]] = {}
    warnings = []
    for objective, name in zip(objectives, names, strict=True):
        if not isinstance(objective.window, RollingWindow):
            warnings.append(f"{name}: left out, Sloth has no calendar windows")
        elif objective.budgeting != OCCURRENCES:
            warnings.append(f"{name}: left out, Sloth has no time slices")
        else:
            slo = _slo(objective, name, matchers)
            by_period.setdefault(objective.window.text, []).append(slo)
        if objective.conditions:
            warnings.append(f"{name}: its alert conditions are left out, Sloth makes its own")
    return [
        SlothDocument(
            {"version": VERSION, "service": service, "slos": slos},
            period,
            tuple(warnings) if index == 0 else (),
        )
        for index, (period, slos) in enumerate(by_period.items())
    ]


def _slo(objective: Objective, name: str, matchers: Mapping[str, str] | None) -> dict[str, Any]:
    queries = event_queries(objective.indicator, "sum(rate(%s[{{.window}}]))", matchers)
    alert = "".join(part.capitalize() for part in name.split("-"))
    return {
        "name": name,
        "objective": float(f"{100 * objective.target:.12g}"),
        "sli": {"events": {"error_query": queries.bad, "total_query": queries.total}},
        "alerting": {
            "name": f"{alert}BurnsBudget",
            "page_alert": {"labels": {"severity": "page"}},
            "ticket_alert": {"labels": {"severity": "ticket"}},
        },
    }


def _target(field: Field) -> float:
    target = ratio_of_percent(field.number())
    try:
        check_target(target)
    except ObjectiveError as error:
        raise FieldError(field.path, str(error)) from error
    return target


def _recognised(sli: Field) -> Recognised:
    events, raw = sli.get("events"), sli.get("raw")
    if events.is_set:
        bad = events.get("error_query", "errorQuery").text()
        return recognise_ratio(events.get("total_query", "totalQuery").text(), bad=bad)
    if raw.is_set:
        return recognise_error_ratio(raw.get("error_ratio_query", "errorRatioQuery").text())
    if sli.get("plugin").is_set:
        raise UnknownQueryError("a plugin makes its query")
    return sli.fail("events, raw or plugin")


def _catalogue(spec: Field) -> tuple[float, Catalogue]:
    pairs = []
    for severity, speed in _PAIRS:
        field = spec.get(severity).get(speed)
        percent = field.get("errorBudgetPercent")
        if not 0 < percent.number() <= 100:
            percent.fail("a percentage above 0 and at most 100")
        long, short = field.get("longWindow"), field.get("shortWindow")
        if short.duration() >= long.duration():
            short.fail(f"a window shorter than the long one of {long.text()}")
        pairs.append(
            WindowPair(
                "page" if severity == "page" else "ticket",
                percent.number(),
                long.duration(),
                short.duration(),
            )
        )
    return spec.get("sloPeriod").duration(), tuple(pairs)
