"""What the Service screen says, made without a screen."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_source import START, health
from mtop_tui.config.emit import as_yaml
from mtop_tui.config.promises import promises
from mtop_tui.config.settings import Settings
from mtop_tui.domain.diagnosis.ranking import diagnose
from mtop_tui.observations import Annotation, Condition, ObjectRef, Observation, ServiceKey
from mtop_tui.state.facts import service_facts
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.history import ServiceHistory
from mtop_tui.state.latency import first_token, latency_parts
from mtop_tui.state.metrics import ServiceMetrics
from mtop_tui.state.minutes import MinuteFigures, MinuteHistory
from mtop_tui.state.service import ServiceState
from mtop_tui.views.board import Board
from mtop_tui.views.charts import chart_width, charts, columns_of
from mtop_tui.views.documents import yaml_lines
from mtop_tui.views.findings import in_full, in_short
from mtop_tui.views.panels import condition_lines, failing, spec_lines
from mtop_tui.views.replicas import _prefix, odd_ones, order_of, replicas_of
from mtop_tui.views.service import latency_line
from mtop_tui.views.table import Cell
from mtop_tui.views.timeline import (
    CHARTS,
    SPANS,
    Axis,
    Span,
    axis_until,
    marks_at,
    marks_of,
    values_of,
)
from mtop_tui.views.words import cells, wrapped
from service_source import KEY, burning, calm, pods, sample, service, times

SERIES = {one.name: one for one in CHARTS}


def store_of(records: list[Observation]) -> FleetStore:
    store = FleetStore(promises=promises(Settings(), None))
    for record in sorted(records, key=lambda one: one.at):
        store.apply([record])
    return store


def state_of(store: FleetStore) -> ServiceState:
    state = store.service(KEY)
    assert state is not None
    return state


def text_of(lines: object) -> list[str]:
    return ["".join(cell.text for cell in line) for line in lines]  # type: ignore[attr-defined]


# Words


@given(st.text(max_size=200), st.integers(4, 60))
def test_wrapped_lines_fit_and_keep_every_word_in_order(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert all(cells(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_wrapped_says_when_it_left_something_out() -> None:
    assert wrapped("one two three four", 9, most=1) == ["one two…"]
    assert wrapped("one two", 9, most=1) == ["one two"]


# Time axis


@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize("points", [1, 2, 44, 76])
def test_the_axis_holds_now_in_its_last_point(span: object, points: int) -> None:
    axis = axis_until(START + 7.3, span, points)  # type: ignore[arg-type]
    assert axis.place(START + 7.3) == points - 1
    assert axis.place(axis.end + 1) is None
    assert axis.place(axis.start - 1) is None


def recorded(seconds: int) -> ServiceState:
    state = ServiceState(ServiceKey("test", "production", "one"))
    history = state.history = ServiceHistory()
    for second in range(seconds + 1):
        at = START - seconds + second
        value = 9.0 if second == seconds - 100 else 1.0
        history.record(at, ServiceMetrics(queue=value, prefix_hit_ratio=1 / value))
    return state


@pytest.mark.parametrize("span", SPANS[1:3])
def test_a_peak_of_a_second_is_not_hidden_nor_is_a_dip(span: object) -> None:
    axis = axis_until(START, span, 44)  # type: ignore[arg-type]
    state = recorded(1200)
    queue = values_of(state, SERIES["queue"], axis)
    hits = values_of(state, SERIES["prefix_hit_ratio"], axis)
    place = axis.place(START - 100)
    assert place is not None
    around = slice(max(place - 1, 0), place + 2)
    assert max(queue[around]) > 1.4  # 15 s means of an hour flatten it; 1 s values do not
    assert min(hits[around]) < 0.95
    assert len(queue) == axis.points


def test_what_was_before_the_first_sample_is_not_known() -> None:
    axis = axis_until(START, SPANS[1], 60)
    values = values_of(recorded(100), SERIES["queue"], axis)
    assert math.isnan(values[0])
    assert values[-1] == 1
    unheard = ServiceState(ServiceKey("test", "production", "two"))
    for name in ("queue", "usd_per_hour"):
        assert all(math.isnan(one) for one in values_of(unheard, SERIES[name], axis))


@pytest.mark.parametrize("span", SPANS[2:])
def test_what_was_held_is_kept_by_the_minute(span: Span) -> None:
    state = ServiceState(ServiceKey("test", "production", "one"))
    state.minutes = MinuteHistory()
    for minute in range(120):
        at = START - 60 * (119 - minute)
        busy = math.nan if minute < 110 else 0.5
        usd = 20.0 if 100 <= minute < 108 else 10.0
        state.minutes.record(at, MinuteFigures(math.nan, busy, usd))
    axis = axis_until(START, span, 60)
    money = values_of(state, SERIES["usd_per_hour"], axis)
    assert {one for one in money if one == one} == {10.0, 20.0}  # noqa: PLR0124 - not NaN
    assert money[-1] == 10
    known = sum(one == one for one in money) * axis.step  # noqa: PLR0124 - not NaN
    assert known == pytest.approx(min(span.seconds, 7200), abs=axis.step + 240)
    usage = values_of(state, SERIES["gpu_utilisation"], axis)
    assert usage[-1] == 0.5
    assert math.isnan(usage[0])


def test_points_of_the_past_do_not_change_while_time_goes_on() -> None:
    state = recorded(250)
    early = axis_until(START, SPANS[1], 60)
    late = axis_until(START + 5, SPANS[1], 60)
    before = values_of(state, SERIES["queue"], early)
    after = values_of(state, SERIES["queue"], late)
    assert after[20:50] == before[21:51]


def test_marks_are_events_revisions_scaling_and_notes_about_the_service() -> None:
    other = ObjectRef("test", "staging", "LLMInferenceService", "another")
    store = store_of([*burning(), Annotation(at=START - 5, text="elsewhere", target=other)])
    marks = marks_of(store, state_of(store))
    assert [mark.kind for mark in marks] == ["revision", "fault", "event", "warning"]
    axis = axis_until(START - 1, SPANS[1], 2)
    assert [mark.kind for mark in marks_at(marks, axis, 0)] == [
        "fault",
        "revision",
        "warning",
        "event",
    ]


def test_a_note_on_a_node_is_drawn_for_what_runs_there() -> None:
    for name, drawn in (("node-1", 1), ("node-9", 0)):
        target = ObjectRef("test", "", "Node", name)
        store = store_of([*calm(), Annotation(at=START, text="drained", target=target)])
        assert len(marks_of(store, state_of(store))) == drawn


# Cursor


def cell_of(board: Board, axis: Axis) -> int:
    assert board.cursor is not None
    place = axis.place(board.cursor)
    assert place is not None
    return place // 2


def test_the_cursor_moves_by_cells_and_ends_at_the_present() -> None:
    axis = axis_until(START, SPANS[1], 44)
    board = Board().moved(-1, axis)
    assert cell_of(board, axis) == 21
    assert board.moved(1, axis).cursor is None
    assert cell_of(board.moved(-100, axis), axis) == 0


def test_the_cursor_keeps_its_time_while_the_axis_moves_on() -> None:
    board = Board().moved(-3, axis_until(START, SPANS[1], 44))
    later = axis_until(START + 60, SPANS[1], 44)
    assert cell_of(board, later) == 14  # 60 s are 4.4 cells
    assert Board(cursor=START - 900).moved(-1, later) == Board().moved(-1, later)


def test_the_cursor_goes_from_mark_to_mark() -> None:
    store = store_of(burning())
    marks = marks_of(store, state_of(store))
    axis = axis_until(START, SPANS[1], 44)
    board = Board()
    cells = []
    while (found := board.at_mark(-1, axis, marks)) is not None:
        board = found
        cells.append(cell_of(board, axis))
    assert cells == sorted(set(cells), reverse=True)
    assert len(cells) == 3
    assert board.at_mark(1, axis, marks) is not None
    assert Board().at_mark(1, axis, marks) is None


# Charts


@pytest.mark.parametrize("width", [1, 5, 23, 40, 80, 120, 200, 400])
@pytest.mark.parametrize("height", [0, 3, 5, 8, 12, 20])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_charts_fit_whatever_room_there_is(width: int, height: int, ascii_only: bool) -> None:
    store = store_of(burning())
    board = Board(cursor=START - 60, ascii=ascii_only)
    lines = charts(store, state_of(store), START, board, width=width, height=height)
    assert len(lines) <= height
    charted = text_of(lines[:-1])
    assert all(len(line) <= max(width, 4) for line in charted)
    if ascii_only:
        assert all(line.isascii() for line in charted)
    assert columns_of(width) * chart_width(width) <= max(width, 1)


def test_the_objective_is_a_line_and_what_is_over_it_stands_out() -> None:
    promised = service()
    records = [*burning(), service()]
    slo = {"mtop.dev/slo": "ttft<=1s@95%"}
    records = [one for one in records if not isinstance(one, type(promised))]
    records.append(type(promised)(**{**_fields(promised), "annotations": slo, "at": START - 400}))
    store = store_of(records)
    state = state_of(store)
    assert [one.objective.indicator.threshold for one in state.objectives()] == [1.0]
    lines = charts(store, state, START, Board(), width=120, height=12)
    bad = [cell.text for line in lines for cell in line if cell.tone == "bad"]
    assert "2.42 s" in bad
    assert any(set(text) & set("⣿⢸") for text in bad)
    assert any("------" in cell.text and cell.tone == "quiet" for line in lines for cell in line)


def _fields(record: object) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__struct_fields__}  # type: ignore[attr-defined]


# Where the time goes


def test_latency_parts_are_means_of_whole_minutes() -> None:
    store = store_of(calm())
    found = latency_parts(state_of(store), START)
    assert found is not None
    assert [part.name for part in found.parts] == ["queue", "prefill", "decode"]
    assert [part.seconds for part in found.parts] == pytest.approx([0.01, 0.05, 1.2], rel=1e-3)
    assert found.total == pytest.approx(1.26, rel=1e-3)


def test_latency_is_not_known_before_a_minute_has_passed() -> None:
    store = store_of(calm(seconds=20))
    assert latency_parts(state_of(store), START) is None


def test_the_time_to_the_first_token_is_known_with_what_the_engine_does_of_it() -> None:
    found = first_token(state_of(store_of(calm())))
    assert found == pytest.approx((found.ttft, 0.01, 0.05), rel=1e-3)
    assert found.ttft >= found.queue + found.prefill


def test_halves_have_queues_of_their_own() -> None:
    owned = pods(2, roles=("prefill", "decode"))
    records: list[Observation] = [health(), service(roles=("prefill", "decode")), *owned]
    for one in owned:
        queue = 0.5 if one.role == "prefill" else 0.1
        for step in range(40):
            figures = times(0.2, 0.02, queue)
            records.append(sample(one, START - 195 + 5 * step, 20.0 * step, figures, (1, 0, 0.1)))
    found = latency_parts(state_of(store_of(records)), START)
    assert found is not None
    assert [(part.name, round(part.seconds, 3)) for part in found.parts] == [
        ("prefill queue", 0.5),
        ("prefill", 0.05),
        ("decode queue", 0.1),
        ("decode", 2.0),
    ]
    line = latency_line(found, 120, ascii_only=False)
    assert line[0].text == " a request's time, mean of 5m  "


# Causes


@pytest.mark.parametrize("height", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("width", [20, 80, 200])
def test_causes_in_short_fit_and_begin_with_the_chain(height: int, width: int) -> None:
    store = store_of(burning())
    findings = diagnose(service_facts(store, state_of(store), START))
    lines = text_of(in_short(findings, Cell("--"), width, height))
    assert 1 <= len(lines) <= height
    assert lines[0].startswith(" why  ")
    if height > 3:
        assert any(line.startswith(" next ") for line in lines)


def test_causes_in_full_have_evidence_and_what_they_explain() -> None:
    store = store_of(burning())
    findings = diagnose(service_facts(store, state_of(store), START))
    text = "\n".join(text_of(in_full(findings, Cell("--"), 100)))
    for finding in findings:
        assert finding.id in text
        for one in finding.evidence:
            assert one.what in text
    assert text_of(in_full([], Cell("nothing"), 100)) == [" nothing"]


# Replicas


def test_the_odd_one_out_is_what_the_diagnosis_calls_slow() -> None:
    store = store_of(burning())
    state = state_of(store)
    odd = odd_ones(diagnose(service_facts(store, state, START)))
    assert odd == {"gpt-oss-120b-2"}
    assert [ref.name[-1] for ref in order_of(state, odd)] == ["4", "2", "0", "1", "3"]


def test_names_leave_out_what_all_have_in_common() -> None:
    named = ["model-kserve-6b7f9-aaaaa", "model-kserve-6b7f9-bbbbb"]
    assert _prefix("model", named) == len("model-kserve-6b7f9")
    assert _prefix("model", named[:1]) == len("model-kserve")
    assert _prefix("model", ["other-1", "another-2"]) == 0
    assert _prefix("model", []) == 0


def test_replicas_without_fresh_samples_have_no_figures() -> None:
    store = store_of(calm())
    state = state_of(store)
    now = START + 500
    shared = replicas_of(store, state, (), now)
    facts = [shared.facts(one) for one in state.replicas.values()]
    assert all(math.isnan(one.metrics.request_rate) for one in facts)


# Panels


def test_conditions_begin_with_the_deepest_that_fails() -> None:
    broken = service(ready=False)
    assert [one.type for one in failing(broken.conditions)] == [
        "MainWorkloadReady",
        "WorkloadsReady",
        "Ready",
    ]
    lines = text_of(condition_lines(broken, START, 80))
    assert lines[0].startswith(" ! MainWorkloadReady  for 3m10")
    tree = [line[3:33].rstrip() for line in lines[lines.index("") + 1 :]]
    assert tree == [
        "Ready",
        "  RouterReady",
        "    HTTPRoutesReady",
        "    InferencePoolReady",
        "  WorkloadsReady",
        "    MainWorkloadReady",
    ]


def test_what_routes_and_pools_say_stands_below_the_condition_about_them() -> None:
    said = Condition("ResolvedRefs", "False", "BackendNotFound", "no such pool",
                     about="HTTPRoute chat-route")  # fmt: skip
    told = Condition("Accepted", "True", about="InferencePool chat-pool")
    found = service()
    found = msgspec.structs.replace(found, conditions=(*found.conditions, told, said))
    lines = text_of(condition_lines(found, START, 80))
    assert lines[0].startswith(" ! HTTPRoute chat-route ResolvedRefs")
    assert "BackendNotFound: no such pool" in lines[1]
    tree = [line[3:35].rstrip() for line in lines[lines.index("") + 1 :]]
    assert tree[2:8] == [
        "    HTTPRoutesReady",
        "      HTTPRoute chat-route",
        "        ResolvedRefs",
        "    InferencePoolReady",
        "      InferencePool chat-pool",
        "        Accepted",
    ]


def test_each_config_says_what_it_gives() -> None:
    given = {"image": "kserve-config-llm-template", "gpus": "kserve-config-llm-template",
             "prefill.replicas": "kserve-config-llm-scheduler"}  # fmt: skip
    found = msgspec.structs.replace(service(), origins=given)
    state = ServiceState(KEY)
    lines = " ".join(" ".join(text_of(spec_lines(state, found, START, 80))).split())
    assert "kserve-config-llm-template (image, GPUs)," in lines
    assert "kserve-config-llm-scheduler (prefill replicas)" in lines


def test_yaml_sets_keys_off() -> None:
    body = {"kind": "X", "spec": {"list": [{"name": "a:b"}], "text": "key: value\nnext"}}
    lines = yaml_lines(as_yaml(body))
    assert ("".join(cell.text for cell in lines[0]), lines[0][1].tone) == (" kind: X", "good")
    assert "\n".join(text_of(lines)).replace("\n ", "\n")[1:] == as_yaml(body).rstrip("\n")
