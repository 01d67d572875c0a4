"""docs/engines.md says what the tables say. Run this file to write the document anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mtop_tui.domain import vocabulary as neutral
from mtop_tui.domain.engines import ENGINES, Engine
from mtop_tui.domain.engines.tables import (
    Conditions,
    Family,
    Gauge,
    Histogram,
    InLabel,
    Less,
    Match,
    Mean,
)

VOCABULARY = (
    *(*neutral.COUNTERS, *neutral.EXTRA_COUNTERS),
    *(*neutral.GAUGES, *neutral.EXTRA_GAUGES),
    *(*neutral.HISTOGRAMS, *neutral.EXTRA_HISTOGRAMS),
)
DOCUMENT = Path(__file__).parents[2] / "docs" / "engines.md"

HEAD = """\
# Engines

What mtop reads of each engine's metrics page, by neutral name. "Else" names alternatives: the first
that is on the page is read, so nothing is counted twice. Label sets (ranks, served names, models)
add up; after "highest" the fullest counts. `sum / count` has a mean and no quantile. Names in
italics are exposed only when a feature is in use, or in some versions; another that is not on the
page is reported as missing. `kserve_` before a name, and `sglang_` or `llamacpp_` for `sglang:` or
`llamacpp:`, are read as well.

This file is written by `tests/unit/test_engines_doc.py`, which also holds it to the tables in
`src/mtop_tui/domain/engines/`.
"""


def document() -> str:
    return "\n".join([HEAD, *(line for engine in ENGINES for line in section(engine))])


def section(engine: Engine) -> Iterator[str]:
    yield f"## {engine.name}\n"
    yield "| neutral | read from |"
    yield "|---|---|"
    declared = {**engine.counters, **engine.gauges, **engine.histograms}
    for name in filter(declared.__contains__, VOCABULARY):
        shown = f"*{name}*" if name in engine.optional else name
        yield f"| {shown} | {', else '.join(map(source, declared[name]))} |"
    yield ""


def source(form: Gauge | Histogram) -> str:
    if isinstance(form, Match):
        return matched(form)
    if isinstance(form, Family):
        return f"`{form.name}{conditions(form.only)}`"
    if isinstance(form, Mean):
        return f"{matched(form.sum)} / {matched(form.count)}"
    if isinstance(form, Less):
        return f"{matched(form.whole)} - {matched(form.part)}"
    if isinstance(form, InLabel):
        return f"label `{form.label}` of `{form.name}`"
    return f"{matched(form.part)} / {matched(form.whole)}"


def matched(match: Match) -> str:
    labels = conditions(match.only, match.never)
    text = " + ".join(f"`{name}{labels}`" for name in match.names)
    if match.scale != 1:
        text += f" x {match.scale:g}"
    return f"highest {text}" if match.combine == "max" else text


def conditions(only: Conditions, never: Conditions = ()) -> str:
    parts = [f"{label}={','.join(values)}" for label, values in only]
    parts += [f"{label}!={','.join(values)}" for label, values in never]
    return f"{{{' '.join(parts)}}}" if parts else ""


def test_the_document_agrees_with_the_tables() -> None:
    assert DOCUMENT.read_text() == document()


if __name__ == "__main__":
    DOCUMENT.write_text(document())
