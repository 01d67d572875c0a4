"""Samples from a page in the Prometheus text format, or in OpenMetrics where that differs.

Sources: prometheus/docs `exposition_formats.md`, OpenMetrics 1.0 (`# EOF`, exemplars). Only what
carries a value is read: HELP, TYPE and other comments, timestamps and exemplars are passed over.
Names in quotes (`{"a.b"} 1`), which servers send only if asked to, are bad lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import NamedTuple

MAX_SERIES = 20_000
"""How many series a reader remembers before it begins anew: about 10 MB."""

Labels = tuple[tuple[str, str], ...]

# `*+` never gives back what it took, so a hostile line costs no more than its length.
_LABEL_NAME = r"[a-zA-Z_][a-zA-Z0-9_]*+"
_QUOTED = r'[^"\\]*+(?:\\.[^"\\]*+)*+'
_LABEL = rf'{_LABEL_NAME}[ \t]*+=[ \t]*+"{_QUOTED}"[ \t]*+'
_LINE_PATTERN = re.compile(
    r"[ \t]*+(?P<series>(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*+)"
    rf"(?:[ \t]*+\{{(?P<labels>[ \t]*+(?:{_LABEL},[ \t]*+)*+(?:{_LABEL})?+)\}})?+)"
    r"[ \t]++(?P<value>[-+.0-9a-zA-Z]++)"
    r"(?:[ \t]++[-+.0-9eE]++)?+"  # a timestamp
    r"(?:[ \t]++#[ \t]*+\{.*)?+"  # an exemplar
    r"[ \t\r]*+"
)
_LABEL_PATTERN = re.compile(rf'({_LABEL_NAME})[ \t]*+=[ \t]*+"({_QUOTED})"')
_ESCAPE_PATTERN = re.compile(r'\\([\\"n])')


class Sample(NamedTuple):
    """One series of a page, labels in the page's order, and its value: NaN and infinite too."""

    name: str
    labels: Labels
    value: float


class Page(NamedTuple):
    """What a page of metrics holds.

    `truncated` if the last line has no newline. `bad_lines` counts lines that are neither sample
    nor comment nor blank; they are left out.
    """

    samples: Sequence[Sample]
    truncated: bool
    bad_lines: int


def parse(text: str | bytes) -> Page:
    """The samples of one page; see `PageReader.read`."""
    return PageReader().read(text)


class PageReader:
    """Reads page after page, and remembers what the text before a value says.

    That text is the same on every scrape, so a page seen before costs little more than its
    numbers. What is remembered depends on the text alone: replicas may share a reader.
    """

    __slots__ = ("_labels", "_series")

    def __init__(self) -> None:
        self._series: dict[str, tuple[str, Labels]] = {}
        self._labels: dict[str, Labels] = {}

    def read(self, text: str | bytes) -> Page:
        """All samples of a page, in its order.

        A last line without newline is dropped, since half a number looks like a number; only
        `# EOF` may end a page so. Bytes that are not UTF-8 become U+FFFD. `_created` series are
        samples like others: the format does not tell them from a gauge of such a name. Never
        raises: a page of something else has no samples, and bad lines.
        """
        lines = _decoded(text).split("\n")
        last_line = lines.pop().strip()
        if len(self._series) > MAX_SERIES:
            self._series.clear()
            self._labels.clear()
        samples = []
        bad_lines = 0
        for line in lines:
            if line[:1] == "#":
                continue
            before, _, number = line.rpartition(" ")
            series = self._series.get(before)
            if series is None:
                match = _LINE_PATTERN.fullmatch(line)
                if match is None:
                    bad_lines += not _says_nothing(line)
                    continue
                series = self._series_of(match)
                number = match["value"]
            try:
                samples.append(Sample(*series, float(number)))
            except ValueError:
                bad_lines += 1
        return Page(samples, last_line not in ("", "# EOF"), bad_lines)

    def _series_of(self, match: re.Match[str]) -> tuple[str, Labels]:
        text = match["series"]
        series = self._series.get(text)
        if series is None:
            series = match["name"], self._labels_of(match["labels"] or "")
            self._series[text] = series
        return series

    def _labels_of(self, text: str) -> Labels:
        labels = self._labels.get(text)
        if labels is None:
            labels = tuple(_LABEL_PATTERN.findall(text))
            if "\\" in text:
                labels = tuple((name, _unescaped(value)) for name, value in labels)
            self._labels[text] = labels
        return labels


def _decoded(text: str | bytes) -> str:
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if text.startswith('"'):  # llama.cpp of autumn 2025 sent the page as one JSON string
        try:
            return str(json.loads(text))
        except ValueError:
            return text
    return text


def _says_nothing(line: str) -> bool:
    line = line.strip()
    return not line or line.startswith("#")


def _unescaped(value: str) -> str:
    return _ESCAPE_PATTERN.sub(lambda match: "\n" if match[1] == "n" else match[1], value)
