"""Levels of lines as engines write them, and what is shown of a line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.text import safe
from mtop_tui.views.log_lines import Level, level_of, short_origins, shown

LEVELS = [
    ("(APIServer pid=1) INFO 08-02 09:19:29 [loggers.py:127] Engine 000: ERROR free", Level.INFO),
    ("(EngineCore pid=12) ERROR 08-02 09:19:29 [core.py:710] boom", Level.ERROR),
    ("(EngineCore pid=12) WARNING 08-02 09:19:29 [scheduler.py:412] preempted", Level.WARN),
    ('INFO:     10.0.0.1:5 - "POST /v1/completions HTTP/1.1" 500 ERROR', Level.INFO),
    ("DEBUG 08-02 09:19:29 [a.py:1] x", Level.DEBUG),
    ("(APIServer pid=1) RuntimeError: Engine core initialization failed.", Level.ERROR),
    ("(EngineCore pid=12) Traceback (most recent call last):", Level.ERROR),
    ("[2026-08-02 09:19:29 TP0] Decode batch, #running-req: 3", Level.UNKNOWN),
    ("[2026-08-02 09:19:29 TP0] torch.OutOfMemoryError: CUDA out of memory.", Level.ERROR),
    ("[2026-08-02 09:19:29] Scheduler proc 0 died unexpectedly with exit code 1", Level.ERROR),
    ("I0802 09:19:29.123456       1 main.go:12] starting", Level.INFO),
    ("E0802 09:19:29.123456       1 main.go:12] failed", Level.ERROR),
    ("F0802 09:19:29.123456       1 main.go:12] gone", Level.FATAL),
    ("[rank1]:[E802 09:19:29.125000000 ProcessGroupNCCL.cpp:685] timeout", Level.ERROR),
    ("[08/02/2026-09:19:29] [TRT-LLM] [W] slow", Level.WARN),
    ("[TensorRT-LLM][ERROR] broken", Level.ERROR),
    ("kern  :err   : 2026-08-02T09:19:29,125000+00:00 NVRM: Xid 79", Level.ERROR),
    ("kern  :warn  : 2026-08-02T09:19:29,125000+00:00 NVRM: Xid 43", Level.WARN),
    ("2026-08-02T09:19:29.125Z  WARN text_generation: slow", Level.WARN),
    ("2026-08-02 09:19:29,125 - CRITICAL - gone", Level.FATAL),
    ('time=2026-08-02T09:19:29Z level=error msg="no route"', Level.ERROR),
    ('{"level":"error","ts":1,"msg":"x"}', Level.ERROR),
    ('{"msg":"level is fine","severity": "WARNING"}', Level.WARN),
    ('{"level":30,"msg":"pino"}', Level.INFO),
    ('{"level":60,"msg":"pino"}', Level.FATAL),
    ('{"msg":"x"}', Level.UNKNOWN),
    ("MY_ERROR was set, NO-ERROR too", Level.UNKNOWN),
    ("", Level.UNKNOWN),
]


@pytest.mark.parametrize(("text", "level"), LEVELS)
def test_level(text: str, level: Level) -> None:
    assert level_of(text) == level


@pytest.mark.parametrize(
    "text",
    [
        '  File "x.py", line 3',
        "␉at java",
        "(EngineCore pid=1)   return f()",
        "[2026-08-02 09:19:29]   x",
    ],
)
def test_an_indented_line_goes_on_with_the_one_before(text: str) -> None:
    assert level_of(text, Level.ERROR) == Level.ERROR
    assert level_of(text) == Level.UNKNOWN


SHOWN = [
    (
        "(EngineCore pid=12) ERROR 08-02 09:19:29 [core.py:710]   File x",
        "(EngineCore) [core.py:710]   File x",
    ),
    ("INFO 08-02 09:19:29 [a.py:1] started", "[a.py:1] started"),
    ("(APIServer pid=1) INFO:     10.0.0.1:5 - GET", "(APIServer) 10.0.0.1:5 - GET"),
    ("[2026-08-02 09:19:29 TP0] Decode batch", "[TP0] Decode batch"),
    ("[2026-08-02 09:19:29 DP1 TP0] Decode batch", "[DP1 TP0] Decode batch"),
    ("[2026-08-02 09:19:29] Decode batch", "Decode batch"),
    ("E0802 09:19:29.123456       1 main.go:12] failed", "[main.go:12] failed"),
    ("kern  :err   : 2026-08-02T09:19:29,125000+00:00 NVRM: Xid", "kernel NVRM: Xid"),
    ("2026-08-02T09:19:29.125Z  WARN router: slow", "router: slow"),
    ("2026-08-02 09:19:29,125 - ERROR - gone", "gone"),
    ("ERROR", "ERROR"),
    ("INFO 08-02 09:19:29", "08-02 09:19:29"),
    ("  indented", "  indented"),
    ("plain text with ERROR in it", "plain text with ERROR in it"),
    (
        '{"level":"info","ts":"2026","msg":"request routed","model":"m 1","ms":12.5,"h":{"a":[1]}}',
        'request routed  model="m 1"  ms=12.5  h={"a":[1]}',
    ),
    ('{"level":"info","user":"ann"}', "user=ann"),
    ('{"level":"info"}', '{"level":"info"}'),
    ('{"level":"info", broken', '{"level":"info", broken'),
    ("{}", "{}"),
]


@pytest.mark.parametrize(("text", "expected"), SHOWN)
def test_shown(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_what_a_json_string_spells_out_is_made_safe() -> None:
    line = safe(json.dumps({"msg": "\x1b]0;pwned\x07 a\nb \u202e", "k\x1b[2J": "\x9b5m"}))
    assert shown(line) == safe(shown(line))
    assert "\x1b" not in shown(line)
    assert "␊" in shown(line)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.text()
    | st.dictionaries(st.text() | st.sampled_from(["msg", "level", "ts"]), json_values).map(
        json.dumps
    )
    | st.sampled_from([text for text, _ in LEVELS]).flatmap(
        lambda text: st.text(max_size=9).map(lambda more: text + more)
    )
)
def test_any_line_has_a_level_and_is_shown_safely(raw: str) -> None:
    text = safe(raw)
    assert level_of(text) in list(Level)
    visible = shown(text)
    assert visible == safe(visible)
    assert bool(visible) == bool(text)


def test_deep_json_is_shown_as_it_is() -> None:
    text = "{" + '"a":{' * 700 + "}" * 701
    assert level_of(text) == Level.UNKNOWN
    assert shown(text)


def test_origins_are_called_by_what_tells_them_apart() -> None:
    same = [("m-6b7f9-x2k4q", "main"), ("m-6b7f9-m8w1z", "main")]
    assert short_origins(same) == ["x2k4q", "m8w1z"]
    assert short_origins([("m-a-0", "main"), ("m-b-0", "main")]) == ["a-0", "b-0"]
    mixed = [("m-x", "main"), ("m-x", "sidecar"), ("node-1", "kernel")]
    assert short_origins(mixed) == ["x", "x/sidecar", "1/kernel"]
    assert short_origins([]) == []


@given(st.lists(st.tuples(st.text("ab-", max_size=6), st.sampled_from(["main", "x"])), unique=True))
def test_no_two_origins_have_one_name(origins: list[tuple[str, str]]) -> None:
    assert len(set(short_origins(origins))) == len(origins)
