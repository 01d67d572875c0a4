"""Alert rules as the settings want them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain.alert_grammar import MAX_LENGTH, RuleError, changed_rules
from mtop_tui.domain.alerts import RULES, AlertRule

NAMES = [rule.name for rule in RULES]


def changed(text: str) -> dict[str, AlertRule]:
    return {rule.name: rule for rule in changed_rules(text)}


def test_blank_text_changes_nothing() -> None:
    assert changed_rules("") == changed_rules("  \n ") == RULES


def test_a_rule_gets_another_threshold_duration_and_severity() -> None:
    rules = changed("kv-saturated >= 98% for 2m page, not-ready for 10m ,xid off")
    full = rules["kv-saturated"]
    assert (full.limits[0].fires_at, full.hold, full.severity) == (0.98, 120.0, "page")
    assert full.limits[0].clears_below == pytest.approx(0.98 * 0.90 / 0.95)
    assert full.limits[1] == RULES[NAMES.index("kv-saturated")].limits[1]
    assert rules["not-ready"].hold == 600.0
    assert rules["not-ready"].severity == "page"
    assert "xid" not in rules
    assert list(rules) == [name for name in NAMES if name != "xid"]


def test_thresholds_are_written_as_what_they_are() -> None:
    rules = changed("queue-above-capacity>=2.5, source-stale >= 5m for 0s ticket")
    assert rules["queue-above-capacity"].limits[0].fires_at == 2.5
    assert rules["queue-above-capacity"].limits[0].clears_below == pytest.approx(2.0)
    assert rules["source-stale"].limits[0].fires_at == 300.0
    assert rules["source-stale"].hold == 0.0


@pytest.mark.parametrize(
    ("text", "position", "said"),
    [
        ("not-redy for 5m", 1, "did you mean not-ready?"),
        ("zzz off", 1, "there are slo-page, "),
        ("xid off, xid page", 10, "each rule once"),
        ("xid >= 3", 5, "has no threshold"),
        ("kv-saturated >= 98", 17, "a percentage such as 95%, not '98'"),
        ("kv-saturated >= 120%", 17, "a percentage"),
        ("kv-saturated >= 0%", 17, "a percentage"),
        ("kv-saturated >=", 16, "a percentage such as 95%"),
        ("queue-above-capacity >= 0", 25, "a number such as 1.5"),
        ("source-stale >= 0s", 17, "above 0"),
        ("not-ready for", 14, "a duration such as 5m"),
        ("not-ready for soon", 15, "not 'soon'"),
        ("not-ready", 10, "expected `off`"),
        ("not-ready page for 5m", 16, "in this order, not 'for'"),
        ("not-ready off page", 11, "not 'off'"),
        ("not-ready > 5m", 11, "not '>'"),
        ("not-ready for 5m,", 18, "before and after each `,`"),
        ("x" * (MAX_LENGTH + 1), MAX_LENGTH + 1, "at most"),
    ],
)
def test_what_is_no_change_is_refused_where_it_goes_wrong(
    text: str, position: int, said: str
) -> None:
    with pytest.raises(RuleError) as caught:
        changed_rules(text)
    assert said in str(caught.value)
    assert caught.value.position == position


words = st.sampled_from([*NAMES, ">=", "for", "page", "ticket", "off", ",", "5m", "98%", "2", " "])


@given(st.lists(words | st.text(max_size=5), max_size=12).map(" ".join))
def test_any_text_is_rules_or_an_error_with_a_position(text: str) -> None:
    position, rules = None, ()
    try:
        rules = changed_rules(text)
    except RuleError as error:
        position = error.position
    assert position is None or 1 <= position <= len(text) + 1
    assert {rule.name for rule in rules} <= set(NAMES)
