"""From the bytes of a metrics page to the numbers of a sample, or a sentence on why there are none.

Engines are told apart and translated by `domain.engines`; that is compiled once for all pages that
hold the same series.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from mtop_tui.domain.engines import Series, Translation, recognise, translation
from mtop_tui.domain.engines.endpoint_picker import ENDPOINT_PICKER
from mtop_tui.domain.engines.served import served_model
from mtop_tui.domain.exposition import PageReader, Sample
from mtop_tui.observations import HistogramLayout, SampleLayout

MOST_BYTES = 8 * 1024 * 1024
"""Of a page, unpacked: a hundred times what a vLLM server with eight ranks sends."""

_LAYOUTS_HELD = 64


class PageError(Exception):
    """A page that is of no use; nothing of it was taken.

    Attributes:
        reason: two or three words for a table.
        sentence: what is wrong with it, and what to do.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        self.reason, self.sentence = reason, sentence
        super().__init__(sentence)


class Reading(NamedTuple):
    """What a page says, in the order of its layout.

    `model` is empty where the engine does not name it; `is_picker` tells an endpoint picker's page,
    which is about no single replica.
    """

    layout: SampleLayout
    cumulative: tuple[float, ...]
    gauges: tuple[float, ...]
    model: str
    is_picker: bool = False


class Compiled(NamedTuple):
    """What was worked out once about pages that hold the same series."""

    series: tuple[Series, ...]
    translated: Translation
    layout: SampleLayout
    model: str
    is_picker: bool

    def reading(self, values: Sequence[float]) -> Reading:
        """The numbers of a page whose series have these values, in their order.

        Raises:
            PageError: a counter is no number.
        """
        cumulative = self.translated.cumulative(values)
        if not all(map(math.isfinite, cumulative)):
            raise PageError(
                "not numbers",
                "a counter on the page is not a finite number, so the page was not taken;"
                " restart the server if that goes on",
            )
        return Reading(
            self.layout,
            cumulative,
            self.translated.gauge_values(values),
            self.model,
            self.is_picker,
        )


class Pages:
    """Reads pages; those that hold the same series share what was worked out about them."""

    def __init__(self) -> None:
        self._reader = PageReader()
        self._compiled: dict[tuple[Series, ...], Compiled] = {}
        self._layouts: dict[SampleLayout, SampleLayout] = {}

    def read(self, body: bytes) -> Reading:
        """The numbers of a page.

        Raises:
            PageError: it was cut, is no metrics page, or one of something else.
        """
        if body.lstrip()[:1] == b"<":
            raise PageError("a web page", "answers with a web page, not with metrics; check path")
        page = self._reader.read(body)
        if page.truncated:
            raise PageError(
                "page cut off",
                f"the page ends in the middle of a line after {len(body):,} bytes and was not"
                " taken; if that goes on, look for a proxy that limits answers",
            )
        if not page.samples:
            what = "no line of it is a metric" if page.bad_lines else "it is empty"
            raise PageError("no metrics", f"answers, but {what}; check the path and the port")
        return self.translate(page.samples)

    def translate(self, samples: Sequence[Sample]) -> Reading:
        """The numbers of the samples of one page, or of what a query gave in its place.

        Raises:
            PageError: they are of no engine, or no numbers.
        """
        return self.compiled(samples).reading([sample.value for sample in samples])

    def compiled(self, samples: Sequence[Sample]) -> Compiled:
        """How pages that hold the series of these samples are read, whatever their values.

        Raises:
            PageError: they are of no engine.
        """
        series = tuple(Series(sample.name, sample.labels) for sample in samples)
        held = self._compiled.get(series)
        if held is not None:
            return held
        engine = recognise(samples)
        if engine is None:
            raise _of_no_engine(samples)
        translated = translation(engine, samples)
        layout = SampleLayout(
            engine=translated.engine,
            counters=translated.counters,
            gauges=translated.gauges,
            histograms=tuple(HistogramLayout(*one) for one in translated.histograms),
        )
        if len(self._compiled) >= _LAYOUTS_HELD:
            self._compiled.clear()
            self._layouts.clear()
        held = self._compiled[series] = Compiled(
            series,
            translated,
            self._layouts.setdefault(layout, layout),
            served_model(engine, samples),
            engine is ENDPOINT_PICKER,
        )
        return held


def _of_no_engine(samples: Sequence[Sample]) -> PageError:
    return PageError(
        "other metrics",
        f"has metrics of something else, such as {samples[0].name}, and none of a model server;"
        " vLLM must run without --disable-log-stats, SGLang with --enable-metrics",
    )
