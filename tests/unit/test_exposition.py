"""Pages of metrics, whole, cut, strange and broken; prometheus_client says what is right."""

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from vllm_page import vllm_page

from mtop_tui.domain import exposition
from mtop_tui.domain.exposition import Page, PageReader, Sample, parse

CAPTURES = sorted(
    (Path(__file__).parents[3] / "shared/data/serving/metrics").glob("**/*.prom"),
)


Comparable = list[tuple[str, dict[str, str], str]]


def comparable(samples: Iterable[Sequence[Any]]) -> Comparable:
    """Samples as something that is equal even where the value is NaN."""
    return [(name, dict(labels), repr(float(value))) for name, labels, value, *_ in samples]


def oracle(text: str) -> Comparable:
    """What prometheus_client reads; without types, for which it renames counters."""
    untyped = "\n".join(line for line in text.split("\n") if not line.startswith("# TYPE"))
    families = text_string_to_metric_families(untyped)
    return comparable(sample for family in families for sample in family.samples)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_a_captured_page_reads_as_prometheus_client_reads_it(path: Path) -> None:
    text = path.read_text()
    page = parse(text if text.endswith("\n") else text + "\n")
    assert comparable(page.samples) == oracle(text)
    assert page.bad_lines == 0


@pytest.mark.skipif(not CAPTURES, reason="../shared/data is not there")
def test_captured_pages_are_there() -> None:
    assert len(CAPTURES) > 10


def test_a_vllm_page_reads_as_prometheus_client_reads_it() -> None:
    text = vllm_page()
    page = parse(text)
    assert comparable(page.samples) == oracle(text)
    assert (len(page.samples), page.truncated, page.bad_lines) == (502, False, 0)
    assert 66_000 < len(text) < 68_000


NASTY = st.text(st.sampled_from('\\"\n\r\t,{}=# ab1é\u2028\U0001f600'), max_size=12)
LABELS = st.dictionaries(st.sampled_from(["a", "le", "model_name", "_B9"]), NASTY, max_size=3)
NAMES = st.sampled_from(["a", "vllm:b_c", "D9_bucket", "_", ":"])
SAMPLES = st.builds(Sample, NAMES, LABELS.map(lambda labels: (*labels.items(),)), st.floats())
TIMES = st.one_of(st.none(), st.integers(0, 2**40))


def written(sample: Sample, time: int | None) -> str:
    escaped = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
    labels = ",".join(f'{name}="{value.translate(escaped)}"' for name, value in sample.labels)
    head = f"{sample.name}{{{labels}}}" if labels else sample.name
    return f"{head} {sample.value}" + (f" {time}" if time is not None else "")


PAGES = st.lists(st.tuples(SAMPLES, TIMES), max_size=5).map(
    lambda rows: (
        [sample for sample, _ in rows],
        "".join(f"# HELP {row[0].name} a}} {{b\n{written(*row)}\n" for row in rows),
    )
)


@given(PAGES)
def test_what_was_written_is_read(page: tuple[list[Sample], str]) -> None:
    samples, text = page
    read = parse(text)
    assert comparable(read.samples) == comparable(samples)
    assert (read.truncated, read.bad_lines) == (False, 0)
    assert sorted(map(repr, oracle(text))) == sorted(map(repr, comparable(samples)))


@given(st.lists(PAGES, max_size=3))
def test_a_reader_that_has_seen_pages_reads_the_next_alike(
    pages: list[tuple[list[Sample], str]],
) -> None:
    reader = PageReader()
    for samples, text in pages:
        assert comparable(reader.read(text).samples) == comparable(samples)
        assert comparable(reader.read(text.encode()).samples) == comparable(samples)


@given(PAGES, st.data())
def test_a_cut_page_has_the_first_samples_of_the_whole(
    page: tuple[list[Sample], str], data: st.DataObject
) -> None:
    samples, text = page
    whole = text.encode()
    cut = data.draw(st.integers(0, len(whole)))
    read = parse(whole[:cut])
    assert comparable(read.samples) == comparable(samples[: len(read.samples)])
    assert read.bad_lines == 0
    assert read.truncated == (cut > 0 and whole[cut - 1 : cut] != b"\n")


def test_a_vllm_page_cut_anywhere_has_the_first_samples_of_the_whole() -> None:
    text = vllm_page()
    whole = parse(text).samples
    reader = PageReader()
    for cut in range(0, len(text), 397):
        read = reader.read(text[:cut])
        assert read.samples == whole[: len(read.samples)]
        assert read.bad_lines == 0


@given(st.one_of(st.text(), st.binary()))
def test_anything_can_be_read(text: str | bytes) -> None:
    page = parse(text)
    ended = text.count(b"\n") if isinstance(text, bytes) else text.count("\n")
    assert len(page.samples) + page.bad_lines <= ended


def test_a_number_cut_in_the_middle_is_not_a_value() -> None:
    assert parse("a 1\nb 123") == Page([Sample("a", (), 1.0)], True, 0)


@pytest.mark.parametrize(
    ("line", "sample"),
    [
        ("a 1", Sample("a", (), 1.0)),
        ("a{} 1", Sample("a", (), 1.0)),
        ("vllm:a:b 1.5e+06", Sample("vllm:a:b", (), 1.5e6)),
        ("a +Inf", Sample("a", (), math.inf)),
        ("a -Inf", Sample("a", (), -math.inf)),
        ("a 1 1700000000000", Sample("a", (), 1.0)),
        ("a 1 -5", Sample("a", (), 1.0)),
        ("a\t1\t7", Sample("a", (), 1.0)),
        ("  a   1  ", Sample("a", (), 1.0)),
        ("a 1\r", Sample("a", (), 1.0)),
        ('a {b="c"} 1', Sample("a", (("b", "c"),), 1.0)),
        ('a{b="c",} 1', Sample("a", (("b", "c"),), 1.0)),
        ('a{ b = "c" , d = "e" } 1', Sample("a", (("b", "c"), ("d", "e")), 1.0)),
        ("a{b=\"{'c': 1, 'd'}\"} 1", Sample("a", (("b", "{'c': 1, 'd'}"),), 1.0)),
        ('a{b="c=\\"d\\",e"} 1', Sample("a", (("b", 'c="d",e'),), 1.0)),
        ('a{b="\\\\n\\n\\x"} 1', Sample("a", (("b", "\\n\n\\x"),), 1.0)),
        ('a{b="} 5 # {"} 1', Sample("a", (("b", "} 5 # {"),), 1.0)),
        ('a{le="1"} 3 # {trace_id="x"} 0.5', Sample("a", (("le", "1"),), 3.0)),
        ('a{le="1"} 3 1.5 # {trace_id="}"} 0.5 1.25', Sample("a", (("le", "1"),), 3.0)),
        ("a_created 1.7e9", Sample("a_created", (), 1.7e9)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_lines_as_servers_write_them(line: str, sample: Sample) -> None:
    reader = PageReader()
    for _ in range(2):
        assert reader.read(f"{line}\n") == Page([sample], False, 0)


def test_nan_is_a_value() -> None:
    (sample,) = parse("a NaN\n").samples
    assert math.isnan(sample.value)


@pytest.mark.parametrize(
    "line",
    [
        "a",
        "a b",
        "a 1 b",
        "a 1 2 3",
        "1a 2",
        "a+1",
        "a 0x10",
        "a 1 #",
        '{b="c"} 1',
        'a{b="c} 1',
        'a{b="c"}',
        'a{b="c"} ',
        'a{b="c"}1',
        "a{b=c} 1",
        "a{b} 1",
        'a{b="c" d="e"} 1',
        'a{b="c",,d="e"} 1',
        'a{,b="c"} 1',
        'a{b="c"',
    ],
)
def test_a_line_without_sense_is_counted_and_left_out(line: str) -> None:
    page = parse(f'a{{b="c"}} 1\n{line}\nz 2\n')
    assert [sample.name for sample in page.samples] == ["a", "z"]
    assert (page.truncated, page.bad_lines) == (False, 1)


def test_a_known_series_without_a_number_is_a_bad_line() -> None:
    assert parse("a 1\na x\na \n").bad_lines == 2


def test_blank_lines_and_comments_are_passed_over() -> None:
    page = parse("\n  \n\r\n# HELP a of a\n # by hand\n#\n# TYPE a gauge\r\na 1\r\n")
    assert page == Page([Sample("a", (), 1.0)], False, 0)


@pytest.mark.parametrize("end", ["# EOF", "# EOF\n", "# EOF\r\n", ""])
def test_an_openmetrics_page_ends_with_or_without_a_newline(end: str) -> None:
    assert parse(f"a_total 1\n{end}") == Page([Sample("a_total", (), 1.0)], False, 0)


def test_a_cut_comment_says_that_the_page_was_cut() -> None:
    assert parse("a 1\n# HELP b").truncated


def test_an_empty_page_is_not_a_cut_one() -> None:
    assert parse("") == parse(b"") == Page([], False, 0)


def test_html_has_no_samples() -> None:
    page = parse("<html>\n<body>502 Bad Gateway</body>\n\n</html>\n")
    assert page == Page([], False, 3)


def test_bytes_that_are_not_utf8_are_replaced() -> None:
    (sample,) = parse(b'a{b="\xff"} 1\n').samples
    assert sample.labels == (("b", "\ufffd"),)


def test_a_page_sent_as_a_json_string_is_unwrapped() -> None:
    text = 'a{b="c"} 1\n# HELP d\nd 2\n'
    assert parse(json.dumps(text)) == parse(text)


def test_a_json_string_that_was_cut_has_no_samples() -> None:
    assert parse(json.dumps("a 1\nb 2\n")[:-2]) == Page([], True, 0)


def test_a_line_of_a_megabyte_is_read_in_one_pass() -> None:
    opened = 'a{b="' + '\\"' * 500_000
    assert parse(f'{opened}"}} 1\n').samples[0].labels == (("b", '"' * 500_000),)
    assert parse(f"{opened}\n" + 'a{b="c",' * 100_000 + "\n").bad_lines == 2


def test_a_reader_forgets_before_it_grows_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposition, "MAX_SERIES", 3)
    reader = PageReader()
    for at in range(100):
        text = f'a{{pod="{at}"}} {at}\n'
        assert reader.read(text) == parse(text)
        assert len(reader._series) <= 4
        assert len(reader._labels) <= 4
