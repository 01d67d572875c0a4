"""Error budgets, burn rates and their alerts: the workbook's figures, and the edges around them."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain.quantiles import Bounds
from mtop_tui.domain.slo.attainment import Count
from mtop_tui.domain.slo.burn import (
    BurnError,
    budget_of,
    budget_used,
    burn_factor,
    burn_rate,
    error_budget,
    max_burn_rate,
    time_to_exhaustion,
    time_to_fire,
)
from mtop_tui.domain.slo.burn_alerts import (
    BurnAlert,
    Reading,
    WindowPair,
    burn_alerts,
    catalogue_for,
    is_firing,
    pyrra_alerts,
    read_alert,
    read_condition,
    windows_needed,
)
from mtop_tui.domain.slo.caveats import (
    Concern,
    low_traffic,
    short_history,
    slow_scrape,
    undecided,
    unreachable_alerts,
)
from mtop_tui.domain.slo.objectives import BurnCondition, ObjectiveError
from mtop_tui.domain.slo.periods import DAY, HOUR, MINUTE

FOLDER = Path(__file__).parent / "vectors"
VECTORS = json.loads((FOLDER / "slo_burn.json").read_text())["cases"]
PYRRA = json.loads((FOLDER / "slo_pyrra_windows.json").read_text())["cases"]
MONTH = 30 * DAY


def exact(bad: float, total: float) -> Count:
    return Count(total - bad, total - bad, total)


def rate_of(ratio: float | None, slo: float) -> Bounds | None:
    return None if ratio is None else burn_rate(exact(ratio, 1.0), slo)


def answer(case: dict[str, Any]) -> Any:
    """What mtop says to a case."""
    match case["kind"]:
        case "burn_rate":
            found = burn_rate(exact(case["errors"], case["total"]), case["slo"])
            assert found is None or found.low == found.high
            return found and found.low
        case "time_to_exhaustion":
            seconds = time_to_exhaustion(case["burn_rate"], case["period_days"] * DAY)
            return seconds and seconds / HOUR
        case "factor":
            return burn_factor(
                case["budget_percent"], case["long_window_h"] * HOUR, case["period_days"] * DAY
            )
        case "time_to_fire_s":
            return time_to_fire(
                case["slo"], case["error_ratio"], case["window_s"], case["burn_rate"]
            )
        case "budget_consumed":
            return budget_used(
                case["burn_rate"], case["window_h"] * HOUR, case["period_days"] * DAY
            )
        case "mwmbr":
            long, short = (
                rate_of(case[f"{name}_ratio"], case["slo"]) for name in ("long", "short")
            )
            reading = read_alert(case["factor"], long, short)
            return None if reading is Reading.NO_DATA else reading is Reading.FIRING
    raise AssertionError(case["kind"])


@pytest.mark.parametrize(
    "case", [case for case in VECTORS if case["kind"] != "low_traffic"], ids=lambda case: case["id"]
)
def test_workbook_figures(case: dict[str, Any]) -> None:
    expected = case["expected_hours"] if "expected_hours" in case else case["expected"]
    if expected is None or isinstance(expected, bool):
        assert answer(case) is expected
    else:
        assert answer(case) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    "case", [case for case in VECTORS if case["kind"] == "low_traffic"], ids=lambda case: case["id"]
)
def test_low_traffic_figures(case: dict[str, Any]) -> None:
    period = case["period_days"] * DAY
    day = case["requests_per_h"] * 24
    found = low_traffic(exact(0, day), case["slo"], DAY, period, burn_alerts(period))
    assert found is not None
    assert found.events == pytest.approx(case["total"])
    assert found.allowed_failures == pytest.approx(case["budget_events"])
    assert found.one_failure_share == pytest.approx(case["one_failure_share"])
    assert found.one_failure_burn == pytest.approx(100)
    assert found.error_ratio.low == 0
    assert found.error_ratio.high == pytest.approx(0.0157539, rel=1e-5)
    assert case["published"] in found.caveat.text
    assert "7.2 of 7200 events may fail" in found.caveat.text


@pytest.mark.parametrize("case", PYRRA, ids=lambda case: case["id"])
def test_pyrra_windows(case: dict[str, Any]) -> None:
    severities = {"critical": "page", "warning": "ticket"}
    assert [
        (alert.severity, alert.factor, alert.long, alert.short, alert.hold)
        for alert in pyrra_alerts(case["period_days"] * DAY)
    ] == [
        (
            severities[window["severity"]],
            window["factor"],
            window["long_m"] * MINUTE,
            window["short_m"] * MINUTE,
            window["for_m"] * MINUTE,
        )
        for window in case["windows"]
    ]


@pytest.mark.parametrize(
    ("days", "factors"),
    [
        (30, [14.4, 6, 3, 1]),
        (28, [13.44, 5.6, 2.8, 0.9333333333]),
        (7, [13.44, 3.5, 1.4, 0.98]),
        (90, [43.2, 18, 9, 3]),
        (14, [26.88, 7, 2.8, 1.96]),
        (1, [13.44, 3.5, 1.4, 0.98]),
        (28.5, [13.68, 5.7, 2.85, 0.95]),
    ],
)
def test_factors_follow_from_the_budget_and_the_windows(days: float, factors: list[float]) -> None:
    assert [alert.factor for alert in burn_alerts(days * DAY)] == pytest.approx(factors)


@pytest.mark.parametrize("days", [7, 14, 28, 30, 90])
def test_alerts_look_at_the_usual_windows(days: int) -> None:
    hours = [5 / 60, 0.5, 1, 2, 6, 24, 72]
    assert windows_needed(burn_alerts(days * DAY)) == pytest.approx([hour * HOUR for hour in hours])


def test_below_a_week_windows_shrink_with_the_period() -> None:
    assert [alert.long for alert in burn_alerts(3.5 * DAY)] == [
        HOUR / 2,
        3 * HOUR,
        DAY / 2,
        1.5 * DAY,
    ]
    assert [alert.short for alert in burn_alerts(3.5 * DAY)] == [
        2.5 * MINUTE,
        15 * MINUTE,
        HOUR,
        3 * HOUR,
    ]


def test_no_period_is_too_short_for_alerts() -> None:
    assert burn_alerts(1.0)[0].long == pytest.approx(1 / (7 * 24))
    assert {alert.short for alert in pyrra_alerts(1.0)} == {MINUTE}


def test_a_given_catalogue_wins_for_its_period_only() -> None:
    mine = {MONTH: (WindowPair("page", 50, DAY, HOUR),)}
    assert [alert.factor for alert in burn_alerts(MONTH, mine)] == [15]
    assert len(burn_alerts(7 * DAY, mine)) == 4


def test_an_alert_says_what_it_is() -> None:
    assert burn_alerts(MONTH)[0].text == "page 14.4x over 1h and 5m"


@pytest.mark.parametrize("period", [0, -1, math.nan, math.inf])
def test_periods_that_cannot_be(period: float) -> None:
    for alerts_of in (burn_alerts, catalogue_for):
        with pytest.raises(BurnError, match="above 0"):
            alerts_of(period)
    with pytest.raises(BurnError, match="above 0"):
        pyrra_alerts(period)


def test_pyrra_windows_are_never_empty() -> None:
    assert min(alert.short for alert in pyrra_alerts(HOUR)) == MINUTE


@pytest.mark.parametrize("target", [1.0, 0.0, -0.5, 99.9, math.nan])
def test_targets_without_a_budget_or_a_promise(target: float) -> None:
    with pytest.raises(ObjectiveError, match="100 %"):
        error_budget(target)


@pytest.mark.parametrize(
    "call",
    [
        lambda: time_to_exhaustion(-1, MONTH),
        lambda: time_to_exhaustion(math.nan, MONTH),
        lambda: time_to_exhaustion(1, 0),
        lambda: time_to_exhaustion(1, MONTH, math.nan),
        lambda: time_to_exhaustion(math.inf, MONTH),
        lambda: budget_used(-1, HOUR, MONTH),
        lambda: budget_used(1, -HOUR, MONTH),
        lambda: budget_used(1, HOUR, math.inf),
        lambda: burn_factor(0, HOUR, MONTH),
        lambda: burn_factor(2, 0, MONTH),
        lambda: burn_factor(2, HOUR, 0),
        lambda: time_to_fire(0.99, 1.5, HOUR, 10),
        lambda: time_to_fire(0.99, 0.5, 0, 10),
        lambda: time_to_fire(0.99, 0.5, HOUR, 0),
        lambda: budget_of(exact(0, 1), 0.99, 0, MONTH),
        lambda: budget_of(exact(0, 1), 0.99, DAY, 0),
        lambda: slow_scrape(0, ()),
        lambda: low_traffic(exact(0, 1), 0.99, 0, MONTH, ()),
        lambda: low_traffic(exact(0, 1), 0.99, DAY, 0, ()),
    ],
)
def test_impossible_figures_are_refused(call: Any) -> None:
    with pytest.raises(BurnError, match=r"^expected"):
        call()


def test_refusals_name_the_figure_in_words() -> None:
    with pytest.raises(BurnError, match=r"^expected long window above 0, not 0$"):
        burn_factor(2, 0, MONTH)
    with pytest.raises(BurnError, match=r"^expected window of 0 or more, not -1$"):
        budget_used(1, -1, MONTH)


def test_figures_below_one_are_figures() -> None:
    assert slow_scrape(0.5, burn_alerts(MONTH)) == []
    assert low_traffic(exact(0, 10_000), 0.99, 1, 1, burn_alerts(MONTH)) is None


def test_without_errors_no_alert_ever_fires() -> None:
    assert time_to_fire(0.99, 0, HOUR, 10) is None


def test_a_budget_without_errors_is_never_exhausted() -> None:
    assert time_to_exhaustion(0, MONTH) is None


def test_a_spent_budget_is_exhausted_now() -> None:
    assert time_to_exhaustion(2, MONTH, -0.5) == 0
    assert time_to_exhaustion(0, MONTH, 0) == 0


def test_half_a_budget_lasts_half_as_long() -> None:
    assert time_to_exhaustion(2, MONTH, 0.5) == 7.5 * DAY


def test_time_to_fire_reaches_the_factor_exactly_at_the_limit() -> None:
    assert time_to_fire(0.999, 14.4 * (1 - 0.999), HOUR, 14.4) == pytest.approx(HOUR)


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0.5, 0.9999))
def test_a_burn_rate_lies_between_those_of_its_counts(
    good: float, unsure: float, bad: float, target: float
) -> None:
    total = good + unsure + bad
    rate = burn_rate(Count(good, good + unsure, total), target)
    if total == 0:
        assert rate is None
        return
    assert rate is not None
    assert rate.low <= rate.high <= max_burn_rate(target) * (1 + 1e-9)
    assert rate.low == pytest.approx(bad / total / (1 - target), rel=1e-6, abs=1e-4)


# --- alerts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("long", "short", "expected"),
    [
        (Bounds(20, 20), Bounds(15, 30), Reading.FIRING),
        (Bounds(10, 20), Bounds(15, 30), Reading.CANNOT_TELL),
        (Bounds(20, 20), Bounds(0, 30), Reading.CANNOT_TELL),
        (Bounds(10, 20), Bounds(1, 14), Reading.QUIET),
        (Bounds(10, 14), Bounds(100, 100), Reading.QUIET),
        (Bounds(14.4, 14.4), Bounds(14.4, 14.4), Reading.QUIET),
        (None, Bounds(100, 100), Reading.NO_DATA),
        (Bounds(100, 100), None, Reading.NO_DATA),
        (None, None, Reading.NO_DATA),
    ],
)
def test_what_two_windows_say(long: Bounds | None, short: Bounds | None, expected: Reading) -> None:
    assert read_alert(14.4, long, short) is expected


@pytest.mark.parametrize("was", [True, False])
def test_no_traffic_and_no_knowledge_change_no_alert(was: bool) -> None:
    assert is_firing(was, Reading.NO_DATA) is was
    assert is_firing(was, Reading.CANNOT_TELL) is was
    assert is_firing(was, Reading.FIRING) is True
    assert is_firing(was, Reading.QUIET) is False


def condition(**changes: Any) -> BurnCondition:
    plain = {
        "name": "c",
        "severity": "page",
        "threshold": 2.0,
        "inclusive": False,
        "lookback": HOUR,
    }
    return BurnCondition(**{**plain, **changes})


@pytest.mark.parametrize(
    ("made", "rate", "expected"),
    [
        (condition(), Bounds(3, 3), Reading.FIRING),
        (condition(), Bounds(2, 2), Reading.QUIET),
        (condition(inclusive=True), Bounds(2, 2), Reading.FIRING),
        (condition(), Bounds(1, 3), Reading.CANNOT_TELL),
        (condition(), Bounds(1, 1), Reading.QUIET),
        (condition(), None, Reading.NO_DATA),
        (condition(when_no_data=True), None, Reading.FIRING),
    ],
)
def test_openslo_conditions(made: BurnCondition, rate: Bounds | None, expected: Reading) -> None:
    assert read_condition(made, rate) is expected


# --- the edge cases, one by one ---------------------------------------------------------------


def test_no_traffic_is_unknown() -> None:
    assert burn_rate(Count(0, 0, 0), 0.999) is None
    assert budget_of(Count(0, 0, 0), 0.999, DAY, MONTH) is None
    assert low_traffic(Count(0, 0, 0), 0.999, DAY, MONTH, burn_alerts(MONTH)) is None


def test_unsure_counts_widen_the_error_ratio() -> None:
    found = low_traffic(Count(200, 240, 240), 0.999, DAY, MONTH, burn_alerts(MONTH))
    assert found is not None
    assert found.error_ratio.low == 0
    assert found.error_ratio.high == pytest.approx(0.2189884, rel=1e-6)


def test_busy_services_are_not_called_quiet() -> None:
    assert low_traffic(exact(3, 1e6), 0.999, DAY, MONTH, burn_alerts(MONTH)) is None


def test_a_failure_that_burns_at_the_factor_sets_off_no_alert() -> None:
    found = low_traffic(exact(0, 240), 0.99, DAY, MONTH, (BurnAlert("page", 1, HOUR, MINUTE),))
    assert found is not None
    at_it = (BurnAlert("page", found.one_failure_burn, HOUR, MINUTE),)
    assert low_traffic(exact(0, 240), 0.99, DAY, MONTH, at_it) is None


def test_without_alerts_no_traffic_is_low() -> None:
    assert low_traffic(exact(0, 1), 0.999, DAY, MONTH, ()) is None


def test_a_single_event_cannot_burn_faster_than_all_of_them() -> None:
    found = low_traffic(exact(1, 1), 0.99, 30 * DAY, MONTH, burn_alerts(MONTH))
    assert found is not None
    assert found.one_failure_burn == pytest.approx(100)


def test_a_page_that_can_never_fire_is_named() -> None:
    caveats = unreachable_alerts(0.9, burn_alerts(MONTH))
    assert [caveat.concern for caveat in caveats] == [Concern.UNREACHABLE]
    assert caveats[0].text == (
        "page 14.4x over 1h and 5m can never fire: at 90 % the burn rate is at most 10"
    )


def test_at_the_highest_burn_rate_a_strict_alert_is_silent_too() -> None:
    pair = WindowPair("page", 100 * 10 * HOUR / MONTH, HOUR, 5 * MINUTE)
    alerts = burn_alerts(MONTH, {MONTH: (pair,)})
    assert alerts[0].factor == pytest.approx(10)
    assert unreachable_alerts(0.9, alerts)


def test_rounding_of_a_factor_hides_no_silent_alert() -> None:
    assert unreachable_alerts(0.9, [BurnAlert("page", 10 * (1 - 5e-10), HOUR, MINUTE)])
    assert not unreachable_alerts(0.9, [BurnAlert("page", 10 * (1 - 5e-9), HOUR, MINUTE)])


def test_strict_targets_can_page() -> None:
    assert unreachable_alerts(0.99, burn_alerts(MONTH)) == []


def test_a_budget_over_less_than_its_window_says_so() -> None:
    caveat = short_history(15 * DAY, MONTH)
    assert caveat is not None
    assert caveat.concern is Concern.RETENTION
    assert caveat.text == "budget over 15d of 30d: older samples are not kept"
    assert short_history(MONTH, MONTH) is None


def test_an_old_service_with_short_history_has_short_retention() -> None:
    caveat = short_history(15 * DAY, MONTH, age=90 * DAY)
    assert caveat is not None
    assert caveat.concern is Concern.RETENTION


def test_a_young_service_is_told_from_short_retention() -> None:
    caveat = short_history(2.5 * DAY, MONTH, age=2.5 * DAY)
    assert caveat is not None
    assert caveat.concern is Concern.YOUNG
    assert caveat.text == "budget over 2.5d of 30d: the service is that young"


@pytest.mark.parametrize(
    ("observed", "age", "concern"),
    [
        (100.0, 101.0, Concern.YOUNG),
        (100.0, 150.0, Concern.RETENTION),
        (0.995 * MONTH, MONTH, Concern.RETENTION),
    ],
)
def test_young_is_what_is_observed_from_its_creation_on(
    observed: float, age: float, concern: Concern
) -> None:
    caveat = short_history(observed, MONTH, age)
    assert caveat is not None
    assert caveat.concern is concern


@pytest.mark.parametrize(
    ("observed", "said"),
    [
        (12.0, "12s"),
        (MINUTE, "1m"),
        (90.0, "1.5m"),
        (100.0, "1.7m"),
        (HOUR, "1h"),
        (7200.0, "2h"),
        (DAY, "1d"),
    ],
)
def test_short_histories_are_told_in_fitting_units(observed: float, said: str) -> None:
    caveat = short_history(observed, MONTH)
    assert caveat is not None
    assert caveat.text.startswith(f"budget over {said} of 30d")


def test_a_young_budget_is_seen_against_both_periods() -> None:
    budget = budget_of(exact(30, 10_000), 0.999, 3 * DAY, MONTH)
    assert budget is not None
    assert budget.of_observed.low == pytest.approx(3)
    assert budget.of_period == pytest.approx((0.3, 0.3))
    assert budget.allowed_observed == pytest.approx(10)
    assert budget.allowed_period == pytest.approx(100)
    assert budget.left_of_period.high == pytest.approx(0.7)
    assert not budget.is_whole


def test_over_a_whole_period_both_views_are_the_same() -> None:
    budget = budget_of(Count(9_970, 9_990, 10_000), 0.999, 2 * MONTH, MONTH)
    assert budget is not None
    assert budget.is_whole
    assert budget.of_observed == budget.of_period
    assert budget.left_of_period.low == pytest.approx(-2)
    assert budget.left_of_period.high == pytest.approx(0, abs=1e-9)


def test_a_scrape_slower_than_a_window_leaves_it_without_a_rate() -> None:
    alerts = burn_alerts(MONTH)
    assert slow_scrape(15, alerts) == []
    assert slow_scrape(150, alerts) == []
    caveats = slow_scrape(300, alerts)
    assert [caveat.concern for caveat in caveats] == [Concern.SCRAPE]
    assert caveats[0].text == "no burn rate over 5m: one sample every 5m"


def test_buckets_that_cannot_tell_name_the_nearest_edge() -> None:
    caveat = undecided(Bounds(0.6, 0.9), 0.8, 0.25)
    assert caveat is not None
    assert caveat.concern is Concern.BUCKETS
    assert caveat.text == "cannot tell from these buckets; nearest edge 0.25"
    assert undecided(Bounds(0.85, 0.9), 0.8, 0.25) is None
    without = undecided(Bounds(0, 1), 0.8, None)
    assert without is not None
    assert without.text == "cannot tell from these buckets"
