"""OpenSLO documents read: objectives from SLOs with their SLIs and alert policies.

Takes the documents of one file, as plain mappings, in version v1 and in the v1alpha that Sloth
reads. What mtop cannot evaluate becomes a warning. Source: OpenSLO/OpenSLO, README (Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final, NamedTuple

from mtop_tui.domain.slo.fields import Complaint, Field, FieldError, Imported
from mtop_tui.domain.slo.grammar import ratio_of_percent
from mtop_tui.domain.slo.objectives import (
    DEFAULT_WINDOW,
    OCCURRENCES,
    Budgeting,
    BurnCondition,
    Kind,
    Method,
    Objective,
    ObjectiveError,
    Origin,
)
from mtop_tui.domain.slo.periods import (
    DAY,
    MINUTE,
    CalendarWindow,
    PeriodError,
    RollingWindow,
    Window,
    parse_calendar_length,
    parse_duration,
)
from mtop_tui.domain.slo.queries import (
    Recognised,
    UnknownQueryError,
    recognise_error_ratio,
    recognise_good_ratio,
    recognise_ratio,
    recognise_value,
)

VERSIONS: Final = ("openslo/v1", "openslo/v1alpha", "openslo/v1beta1")
_REFERRED: Final = ("SLI", "AlertPolicy", "AlertCondition")
_UNUSED: Final = ("Service", "DataSource", "AlertNotificationTarget")
_KINDS: Final = ("SLO", *_REFERRED, *_UNUSED)
_OPS: Final = ("lte", "gte", "lt", "gt")
_ALPHA_UNITS: Final = {
    "Minute": "m",
    "Hour": "h",
    "Day": "d",
    "Week": "w",
    "Month": "M",
    "Quarter": "Q",
    "Year": "Y",
}
_ROLLING_DAYS: Final = {"M": 30, "Q": 90, "Y": 365}


def import_openslo(documents: Sequence[tuple[int, Field]], file: str) -> Imported:
    """The objectives of one file's OpenSLO documents, each with its number.

    SLIs, alert policies and conditions are found in any of the documents. Services, data sources
    and notification targets have nothing that mtop uses.
    """
    reader = _Reader(file)
    slos = []
    for number, document in documents:
        with reader.reading(number):
            kind = document.get("kind").choice(_KINDS)
            name = document.get("metadata").get("name").text()
            if kind == "SLO":
                slos.append((number, name, document))
            elif kind in _REFERRED:
                reader.known[kind, name] = document
    for number, name, document in slos:
        with reader.reading(number):
            reader.read_slo(name, document)
    return Imported(tuple(reader.objectives), {}, tuple(reader.warnings), tuple(reader.errors))


class _Common(NamedTuple):
    """What the objectives of one SLO share."""

    service: str
    window: Window
    method: Method
    origin: Origin
    conditions: tuple[BurnCondition, ...]
    indicator: Field | None


class _Reader:
    """Reads one document after the other and collects what is to be said of them."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.known: dict[tuple[str, str], Field] = {}
        self.objectives: list[Objective] = []
        self.warnings: list[Complaint] = []
        self.errors: list[Complaint] = []
        self._number = 0

    @contextmanager
    def reading(self, number: int) -> Iterator[None]:
        """Whatever is complained of inside is about this document, and ends its reading only."""
        self._number = number
        try:
            yield
        except FieldError as error:
            self.errors.append(Complaint(number, error.path, error.message))

    def warn(self, field: Field, message: str) -> None:
        self.warnings.append(Complaint(self._number, field.path, message))

    def read_slo(self, name: str, document: Field) -> None:
        spec = document.get("spec")
        objectives = spec.get("objectives")
        if not objectives.items():
            objectives.fail("at least one objective")
        common = _Common(
            spec.get("service").text(),
            self._window(spec.get("timeWindow", "timeWindows")),
            self._method(spec.get("budgetingMethod")),
            Origin("file", f"{self.file}, document {self._number}"),
            self._conditions(spec.get("alertPolicies")),
            self._indicator(spec),
        )
        for index, objective in enumerate(objectives.items()):
            several = len(objectives.items()) > 1
            self._read_objective(objective, common, f"{name}/{index + 1}" if several else name)

    def _read_objective(self, field: Field, common: _Common, name: str) -> None:
        target, target_field = self._target(field)
        budgeting = self._budgeting(field, common.method)
        try:
            recognised = self._recognised(field, common)
            if (
                recognised.indicator.kind is Kind.TOKENS_PER_SECOND
                and budgeting.method is not Method.TIMESLICES
            ):
                raise UnknownQueryError("a throughput floor needs the method Timeslices")
        except UnknownQueryError as unknown:
            self.warn(field, f"{name}: not evaluated: {unknown}")
            return
        except ObjectiveError as error:
            raise FieldError(f"{field.path}.value", str(error)) from error
        for note in recognised.notes:
            self.warn(field, f"{name}: {note}")
        try:
            objective = Objective(
                recognised.indicator,
                target,
                common.window,
                budgeting,
                name,
                common.service,
                common.origin,
                common.conditions,
            )
        except ObjectiveError as error:
            raise FieldError(target_field.path, str(error)) from error
        self.objectives.append(objective)

    def _target(self, field: Field) -> tuple[float, Field]:
        ratio, percent = field.get("target"), field.get("targetPercent")
        if ratio.is_set and percent.is_set:
            percent.fail("either target or targetPercent, not both")
        if percent.is_set:
            return ratio_of_percent(percent.number()), percent
        return ratio.number(), ratio

    def _budgeting(self, field: Field, method: Method) -> Budgeting:
        if method is Method.OCCURRENCES:
            return OCCURRENCES
        length = field.get("timeSliceWindow")
        numeric = isinstance(length.value, (int, float))
        seconds = length.number() * MINUTE if numeric else length.duration()
        share = field.get("timeSliceTarget")
        try:
            return Budgeting(
                method, seconds, share.number() if method is Method.TIMESLICES else None
            )
        except ObjectiveError as error:
            raise FieldError(field.path, str(error)) from error

    def _method(self, field: Field) -> Method:
        if not field.is_set:
            self.warn(field, "no budgetingMethod; Occurrences is taken")
            return Method.OCCURRENCES
        return Method(field.choice(tuple(Method)))

    def _window(self, field: Field) -> Window:
        windows = field.items()
        if not windows:
            self.warn(field, f"no time window; {DEFAULT_WINDOW.text} is taken")
            return DEFAULT_WINDOW
        if len(windows) > 1:
            field.fail("exactly one time window")
        window = windows[0]
        unit = window.get("unit")
        if unit.is_set:
            count = window.get("count").number()
            length = Field(
                window.path, f"{count:g}{_ALPHA_UNITS[unit.choice(tuple(_ALPHA_UNITS))]}"
            )
        else:
            length = window.get("duration")
        calendar = window.get("calendar")
        try:
            if calendar.is_set and not window.get("isRolling").flag():
                return _calendar_window(length, calendar)
            return self._rolling_window(length)
        except PeriodError as error:
            raise FieldError(length.path, f"{error}, not {length.text()[:40]!r}") from error

    def _rolling_window(self, length: Field) -> RollingWindow:
        text = length.text()
        if text[-1:] in _ROLLING_DAYS:
            count, unit = parse_calendar_length(text)
            days = count * _ROLLING_DAYS[unit]
            self.warn(length, f"a rolling window has a fixed length; {text} is taken as {days}d")
            return RollingWindow(days * DAY)
        return RollingWindow(parse_duration(text))

    def _indicator(self, spec: Field) -> Field | None:
        """The spec of the SLI; None for v1alpha, where objectives have their own queries."""
        inline, reference = spec.get("indicator"), spec.get("indicatorRef")
        if inline.is_set:
            return inline.get("spec")
        if reference.is_set:
            return self._referred("SLI", reference).get("spec")
        if any(one.get("ratioMetrics").is_set for one in spec.get("objectives").items()):
            return None
        return inline.fail("indicator or indicatorRef")

    def _referred(self, kind: str, reference: Field) -> Field:
        document = self.known.get((kind, reference.text()))
        if document is None:
            reference.fail(f"the name of an object of kind {kind} in this file")
        return document

    def _recognised(self, objective: Field, common: _Common) -> Recognised:
        if common.indicator is None:
            return self._recognised_ratio(objective.get("ratioMetrics"))
        threshold, ratio = (
            common.indicator.get("thresholdMetric"),
            common.indicator.get("ratioMetric"),
        )
        if threshold.is_set:
            op = objective.get("op").choice(_OPS)
            value = objective.get("value").number()
            return recognise_value(_query(threshold), op, value)
        if not ratio.is_set:
            ratio.fail("thresholdMetric or ratioMetric")
        return self._recognised_ratio(ratio)

    def _recognised_ratio(self, ratio: Field) -> Recognised:
        raw = ratio.get("raw")
        if raw.is_set:
            if ratio.get("rawType").choice(("success", "failure")) == "success":
                return recognise_good_ratio(_query(raw))
            return recognise_error_ratio(_query(raw))
        total, good, bad = ratio.get("total"), ratio.get("good"), ratio.get("bad", "incorrect")
        if good.is_set == bad.is_set:
            ratio.fail("either good or bad beside total")
        if good.is_set:
            return recognise_ratio(_query(total), good=_query(good))
        return recognise_ratio(_query(total), bad=_query(bad))

    def _conditions(self, policies: Field) -> tuple[BurnCondition, ...]:
        conditions: list[BurnCondition] = []
        for entry in policies.items():
            reference = entry.get("alertPolicyRef")
            policy = self._referred("AlertPolicy", reference) if reference.is_set else entry
            spec = policy.get("spec")
            if not spec.get("alertWhenBreaching").flag(default=True):
                self.warn(entry, "not evaluated: the policy does not alert when breaching")
                continue
            no_data = spec.get("alertWhenNoData").flag()
            for item in spec.get("conditions").items():
                condition = self._condition(item, no_data)
                if condition is not None:
                    conditions.append(condition)
        return tuple(conditions)

    def _condition(self, entry: Field, when_no_data: bool) -> BurnCondition | None:
        reference = entry.get("conditionRef")
        document = self._referred("AlertCondition", reference) if reference.is_set else entry
        spec = document.get("spec")
        condition = spec.get("condition")
        kind = condition.get("kind")
        if kind.is_set and kind.text().lower() != "burnrate":
            self.warn(kind, "not evaluated: only conditions on the burn rate are")
            return None
        threshold = condition.get("threshold")
        if not threshold.number() > 0:
            threshold.fail("a burn rate above 0")
        op = condition.get("op").choice(_OPS)
        if op in {"lte", "lt"}:
            opposite = op.replace("l", "g")
            self.warn(
                condition.get("op"),
                f"op {op} would alert while the budget is not burning; it is taken as {opposite}",
            )
        after = condition.get("alertAfter")
        return BurnCondition(
            name=document.get("metadata").get("name").text(),
            severity=spec.get("severity").text(),
            threshold=threshold.number(),
            inclusive=op.endswith("e"),
            lookback=condition.get("lookbackWindow").duration(),
            alert_after=0.0 if after.value in (None, "0m", "0s") else after.duration(),
            when_no_data=when_no_data,
        )


def _calendar_window(length: Field, calendar: Field) -> CalendarWindow:
    count, unit = parse_calendar_length(length.text())
    start, zone = calendar.get("startTime"), calendar.get("timeZone")
    moment = start.value
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment.strip())
        except ValueError:
            moment = None
    if not isinstance(moment, datetime):
        start.fail("a time such as 2026-01-01 00:00:00")
    try:
        return CalendarWindow(count, unit, moment, zone.text())
    except PeriodError as error:
        at = start if moment.tzinfo is not None else zone
        raise FieldError(at.path, str(error)) from error


def _query(metric: Field) -> str:
    """The query of a metric source; any other way to name data is a custom query.

    Raises:
        UnknownQueryError: there is no text under `query`.
    """
    source = metric.get("metricSource").get("spec").get("query")
    query = source if source.is_set else metric.get("query")
    if not metric.is_set:
        metric.fail("a metric")
    if not isinstance(query.value, str):
        raise UnknownQueryError("custom query")
    return query.value
