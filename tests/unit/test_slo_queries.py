"""PromQL that mtop knows by its shape, and what it says of any other."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.domain.slo.objectives import Indicator, Kind
from mtop_tui.domain.slo.queries import (
    MAX_LENGTH,
    Recognised,
    UnknownQueryError,
    event_queries,
    recognise_error_ratio,
    recognise_good_ratio,
    recognise_ratio,
    recognise_value,
)

TTFT = "vllm:time_to_first_token_seconds"
ENDED = "vllm:request_success_total"
TTFT_AT_HALF = Recognised(Indicator(Kind.TTFT, 0.5))
UP = Recognised(Indicator(Kind.AVAILABILITY))
UP_WITH_ABORTS = Recognised(Indicator(Kind.AVAILABILITY, count_aborts=True))


@pytest.mark.parametrize(
    ("good", "total"),
    [
        (f'{TTFT}_bucket{{le="0.5"}}', f"{TTFT}_count"),
        (f'sum(rate({TTFT}_bucket{{le="0.5"}}[5m]))', f"sum(rate({TTFT}_count[5m]))"),
        (
            f'sum( rate( {TTFT}_bucket{{ le = "0.50" , }}[{{{{.window}}}}] ) )',
            f'(sum(increase({TTFT}_bucket{{le="+Inf"}}[{{{{.window}}}}])))',
        ),
        (f"sum(rate({TTFT}_bucket{{le='5e-1'}}[5m]))", f"sum(rate({TTFT}_count[5m]))"),
    ],
)
def test_good_requests_are_a_bucket(good: str, total: str) -> None:
    assert recognise_ratio(total, good=good) == TTFT_AT_HALF


@pytest.mark.parametrize(
    "bad",
    [
        f'sum(rate({TTFT}_count[5m])) - sum(rate({TTFT}_bucket{{le="0.5"}}[5m]))',
        f'(sum(rate({TTFT}_count[5m]))\n-\nsum(rate({TTFT}_bucket{{le="0.5"}}[5m])))',
        f'sum(rate({TTFT}_count[5m]) - rate({TTFT}_bucket{{le="0.5"}}[5m]))',
        f'((sum(rate({TTFT}_count[5m])) - sum(rate({TTFT}_bucket{{le="0.5"}}[5m]))))',
    ],
)
def test_bad_requests_are_the_rest(bad: str) -> None:
    assert recognise_ratio(f"sum(rate({TTFT}_count[5m]))", bad=bad) == TTFT_AT_HALF


@pytest.mark.parametrize(
    ("family", "kind"),
    [
        ("vllm:request_time_per_output_token_seconds", Kind.TPOT),
        ("vllm:inter_token_latency_seconds", Kind.ITL),
        ("vllm:time_per_output_token_seconds", Kind.ITL),
        ("vllm:e2e_request_latency_seconds", Kind.E2E),
    ],
)
def test_each_family_is_an_indicator(family: str, kind: Kind) -> None:
    found = recognise_ratio(f"{family}_count", good=f'{family}_bucket{{le="2.5"}}')
    assert found.indicator == Indicator(kind, 2.5)


@pytest.mark.parametrize(
    ("bad", "total", "expected"),
    [
        ('finished_reason="error"', 'finished_reason!="abort"', UP),
        ('finished_reason=~"error"', 'finished_reason!~"abort"', UP),
        ('finished_reason=~"(abort|error)"', "", UP_WITH_ABORTS),
        ('finished_reason!~"stop|length|repetition"', "", UP_WITH_ABORTS),
    ],
)
def test_availability_is_told_by_finish_reasons(bad: str, total: str, expected: Recognised) -> None:
    found = recognise_ratio(
        f"sum(rate({ENDED}{{{total}}}[5m]))", bad=f"sum(rate({ENDED}{{{bad}}}[5m]))"
    )
    assert found == expected


def test_availability_by_its_good_requests() -> None:
    good = f'sum({ENDED}{{finished_reason=~"stop|length|repetition"}})'
    assert recognise_ratio(f"sum({ENDED})", good=good) == UP_WITH_ABORTS
    both = f'{ENDED}{{finished_reason!="abort",finished_reason!="error"}}'
    assert recognise_ratio(ENDED, good=both) == UP_WITH_ABORTS
    rest = f'sum({ENDED}) - sum({ENDED}{{finished_reason=~"abort|error"}})'
    assert recognise_ratio(f"sum({ENDED})", good=rest) == UP_WITH_ABORTS


def test_what_mtop_counts_otherwise_is_noted() -> None:
    aborts = recognise_ratio(ENDED, bad=f'{ENDED}{{finished_reason="error"}}')
    assert aborts.indicator == UP.indicator
    assert aborts.notes == ("it counts aborted requests as good, mtop leaves them out",)
    repetition = recognise_ratio(
        f'{ENDED}{{finished_reason!="abort"}}', good=f'{ENDED}{{finished_reason=~"stop|length"}}'
    )
    assert repetition.notes == (
        "it counts the finish reason repetition as an error, mtop does not",
    )


def test_all_that_mtop_counts_otherwise_is_noted() -> None:
    good = f'{ENDED}{{finished_reason=~"stop|length|abort",pod="a"}}'
    assert recognise_ratio(f'{ENDED}{{pod="a"}}', good=good).notes == (
        'mtop takes the whole service; pod="a" is not applied',
        "it counts the finish reason repetition as an error, mtop does not",
        "it counts aborted requests as good, mtop leaves them out",
    )


def test_labels_that_mtop_does_not_apply_are_noted() -> None:
    labels = 'namespace="prod",model_name=~"a.*"'
    found = recognise_ratio(
        f"sum(rate({TTFT}_count{{{labels}}}[5m]))",
        good=f'sum(rate({TTFT}_bucket{{{labels},le="0.5"}}[5m]))',
    )
    assert found.indicator == TTFT_AT_HALF.indicator
    assert found.notes == (
        'mtop takes the whole service; model_name=~"a.*", namespace="prod" is not applied',
    )


def as_said(text: str) -> str:
    """A pattern for a complaint that says this and nothing else."""
    return f"^{re.escape(text)}$"


BUCKET, COUNT = f'{TTFT}_bucket{{le="0.5"}}', f"{TTFT}_count"


@pytest.mark.parametrize(
    ("good", "total", "said"),
    [
        ("up", "up", "custom query"),
        ("Any", "Any", "custom query"),
        ("", "", "custom query"),
        (BUCKET, "vllm:e2e_request_latency_seconds_count", "custom query"),
        (BUCKET, BUCKET, "custom query"),
        (f"{BUCKET} * 2", COUNT, "custom query"),
        (f"sum by (pod) (rate({BUCKET}[5m]))", COUNT, "custom query"),
        (f"rate({BUCKET}[5m] offset 1d)", COUNT, "custom query"),
        (f"{BUCKET} + {BUCKET}", COUNT, "custom query"),
        (f"{COUNT} - {BUCKET}", COUNT, "custom query"),
        (" - ".join([BUCKET] * 5), COUNT, "custom query"),
        (COUNT, COUNT, "the good events have no `le` above 0 and below +Inf"),
        (f'{TTFT}_bucket{{le="0"}}', COUNT, "the good events have no `le` above 0 and below +Inf"),
        (BUCKET, f'{TTFT}_bucket{{le="-Inf"}}', "custom query"),
        (f"{TTFT}_bucket", COUNT, "`le` is not one bucket edge"),
        (f'{ENDED}_count{{finished_reason!="error"}}', f"{ENDED}_count", "custom query"),
        (ENDED, ENDED, "its finish reasons do not tell errors from the rest"),
        (f'{TTFT}_bucket{{le=~"0.5"}}', COUNT, "`le` is not one bucket edge"),
        (f'{TTFT}_bucket{{le!="0.5"}}', COUNT, "`le` is not one bucket edge"),
        (f'{TTFT}_bucket{{le=~"0.5|1"}}', COUNT, "`le` is not one bucket edge"),
        (f'{TTFT}_bucket{{le="half"}}', COUNT, "`le` is not one bucket edge"),
        (f'{TTFT}_bucket{{le="NaN"}}', COUNT, "`le` is not one bucket edge"),
        (f"{TTFT}_bucket{{le=0.5}}", COUNT, "custom query"),
        (f'{TTFT}_bucket{{le="0.5",pod="a"}}', COUNT, "good and total select different series"),
        (
            f'{ENDED}{{finished_reason="stop"}}',
            ENDED,
            "its finish reasons do not tell errors from the rest",
        ),
        (f'{ENDED}{{finished_reason=~"(a+)+$"}}', ENDED, "custom query"),
        (
            f'{ENDED}{{finished_reason="stop"}}',
            f'{ENDED}{{finished_reason="error"}}',
            "custom query",
        ),
        ("vllm:generation_tokens_total", "vllm:generation_tokens_total", "custom query"),
        (f"{'(' * MAX_LENGTH}{BUCKET}", COUNT, "custom query"),
        (BUCKET.ljust(MAX_LENGTH + 1), COUNT, "custom query"),
    ],
)
def test_queries_that_are_not_evaluated_say_so(good: str, total: str, said: str) -> None:
    with pytest.raises(UnknownQueryError, match=as_said(said)):
        recognise_ratio(total, good=good)


def test_a_query_may_be_as_long_as_the_longest() -> None:
    assert recognise_ratio(COUNT, good=BUCKET.ljust(MAX_LENGTH)) == TTFT_AT_HALF


def test_bad_events_that_are_not_the_rest_of_the_total() -> None:
    for bad in (f"{COUNT} + {BUCKET}", BUCKET, f'{COUNT}{{pod="a"}} - {BUCKET}'):
        with pytest.raises(UnknownQueryError, match=as_said("custom query")):
            recognise_ratio(COUNT, bad=bad)


@pytest.mark.parametrize(
    ("bad", "total"),
    [
        (f'{ENDED}{{finished_reason="error",pod="a"}}', ENDED),
        (f'{ENDED}{{finished_reason="error"}}', COUNT),
        (BUCKET, ENDED),
    ],
)
def test_bad_events_are_a_part_of_the_same_requests(bad: str, total: str) -> None:
    with pytest.raises(UnknownQueryError, match=as_said("custom query")):
        recognise_ratio(total, bad=bad)


def test_finish_reasons_that_mtop_does_not_know_are_no_errors() -> None:
    with pytest.raises(UnknownQueryError, match="do not tell errors"):
        recognise_ratio(ENDED, bad=f'{ENDED}{{finished_reason=~"Xerror"}}')


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"1 - (sum(rate({BUCKET}[5m])) / sum(rate({COUNT}[5m])))", TTFT_AT_HALF),
        (f"1 - sum({BUCKET}) / sum({COUNT})", TTFT_AT_HALF),
        (f"(sum({COUNT}) - sum({BUCKET})) / sum({COUNT})", TTFT_AT_HALF),
        (
            f'{ENDED}{{finished_reason="error"}} / {ENDED}{{finished_reason!="abort"}}',
            UP,
        ),
    ],
)
def test_error_ratios(query: str, expected: Recognised) -> None:
    assert recognise_error_ratio(query) == expected


@pytest.mark.parametrize("query", [BUCKET, f"{BUCKET} / {COUNT}", f"2 - {BUCKET} / {COUNT}"])
def test_error_ratios_that_are_not_evaluated(query: str) -> None:
    with pytest.raises(UnknownQueryError, match=as_said("custom query")):
        recognise_error_ratio(query)


def test_good_ratios() -> None:
    assert recognise_good_ratio(f"sum({BUCKET}) / sum({COUNT})") == TTFT_AT_HALF
    with pytest.raises(UnknownQueryError, match=as_said("custom query")):
        recognise_good_ratio(f"1 - sum({BUCKET}) / sum({COUNT})")


def test_values_against_a_threshold() -> None:
    assert recognise_value(TTFT, "lt", 0.5) == TTFT_AT_HALF
    assert recognise_value(f'{TTFT}{{pod="a"}}', "lt", 0.5) == TTFT_AT_HALF._replace(
        notes=('mtop takes the whole service; pod="a" is not applied',)
    )
    for op in ("gte", "gt"):
        floor = recognise_value("sum(rate(vllm:generation_tokens_total[1m]))", op, 500)
        assert floor.indicator == Indicator(Kind.TOKENS_PER_SECOND, 500)


@pytest.mark.parametrize(
    ("query", "op", "said"),
    [
        (TTFT, "gt", "a latency objective needs op lte or lt, not gt"),
        ("vllm:generation_tokens_total", "lte", "a throughput floor needs op gte or gt, not lte"),
        (COUNT, "lt", "custom query"),
        (BUCKET, "lt", "custom query"),
        (ENDED, "lt", "custom query"),
        (f"{TTFT} - {TTFT}", "lt", "custom query"),
        (
            f"histogram_quantile(0.95, sum(rate({TTFT}_bucket[5m])) by (le))",
            "lt",
            "`le` is not one bucket edge",
        ),
    ],
)
def test_values_that_are_not_evaluated(query: str, op: str, said: str) -> None:
    with pytest.raises(UnknownQueryError, match=as_said(said)):
        recognise_value(query, op, 0.5)


indicators = st.one_of(
    st.builds(
        Indicator,
        st.sampled_from([Kind.TTFT, Kind.TPOT, Kind.ITL, Kind.E2E]),
        st.floats(1e-6, 1e6),
    ),
    st.builds(lambda aborts: Indicator(Kind.AVAILABILITY, count_aborts=aborts), st.booleans()),
)
labels = st.dictionaries(
    st.sampled_from(["namespace", "model_name", "pod"]), st.text("ab\"\\\n{}[]', -", max_size=6)
)


@given(indicators, labels, st.sampled_from(["sum(%s)", "sum(rate(%s[{{.window}}]))", "%s"]))
def test_queries_written_are_recognised(
    indicator: Indicator, matchers: dict[str, str], form: str
) -> None:
    queries = event_queries(indicator, form, matchers)
    for found in (
        recognise_ratio(queries.total, good=queries.good),
        recognise_ratio(queries.total, bad=queries.bad),
    ):
        assert found.indicator == indicator
        assert bool(found.notes) == bool(matchers)


def test_a_written_edge_is_spelled_as_the_engine_spells_it() -> None:
    queries = event_queries(Indicator(Kind.TTFT, 1), "sum(%s)", {"namespace": "prod"})
    assert queries.good == f'sum({TTFT}_bucket{{namespace="prod",le="1.0"}})'
    assert queries.total == f'sum({TTFT}_count{{namespace="prod"}})'
    assert queries.bad == f"({queries.total} - {queries.good})"


def test_availability_is_written_with_the_reasons_that_count() -> None:
    plain = event_queries(Indicator(Kind.AVAILABILITY), "sum(%s)")
    assert plain.bad == f'sum({ENDED}{{finished_reason="error"}})'
    assert plain.good == f'sum({ENDED}{{finished_reason=~"length|repetition|stop"}})'
    assert plain.total == f'sum({ENDED}{{finished_reason!="abort"}})'
    strict = event_queries(Indicator(Kind.AVAILABILITY, count_aborts=True), "sum(%s)")
    assert strict.bad == f'sum({ENDED}{{finished_reason=~"abort|error"}})'


def test_labels_are_escaped_as_prometheus_reads_them() -> None:
    queries = event_queries(Indicator(Kind.TTFT, 1), "%s", {"pod": 'a"b\\c\nd'})
    assert queries.total == f'{COUNT}{{pod="a\\"b\\\\c\\nd"}}'


def test_a_throughput_floor_has_no_events() -> None:
    with pytest.raises(UnknownQueryError, match=as_said("a throughput floor has no events")):
        event_queries(Indicator(Kind.TOKENS_PER_SECOND, 5), "%s")


@given(st.text("sumrate(){}[]-/1 \"'=~le_:vlmABCD|+", max_size=80))
def test_any_query_is_known_or_not(query: str) -> None:
    with pytest.raises(UnknownQueryError):
        recognise_error_ratio(query)
