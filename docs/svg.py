"""A screen as a small SVG: one element per run of a style, instead of one per segment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.color import Color

CELL_WIDTH, LINE_HEIGHT, FONT_SIZE, BASELINE = 8.4, 18, 14, 13.5
MARGIN = 8
FONTS = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
_DIM = 0.6


def as_svg(app: App[object]) -> str:
    """What the app shows now."""
    ground = app.screen.background_colors[1]
    filters = [one for one in app.get_line_filters() if one.enabled]
    lines: list[list[Segment]] = []
    for strip in app.screen._compositor.render_strips():
        segments = list(strip)
        for one in filters:
            segments = one.apply(segments, ground)
        lines.append(segments)
    return _document(lines, app.size.width, ground, app.current_theme.foreground or "#cccccc")


def _document(lines: Sequence[list[Segment]], columns: int, ground: Color, text: str) -> str:
    classes: dict[tuple[str, ...], str] = {}
    behind: list[str] = []
    before: list[str] = []
    for row, segments in enumerate(lines):
        behind += _behind(segments, row, ground.hex.lower())
        before += _before(segments, row, text, classes)
    width = columns * CELL_WIDTH + 2 * MARGIN
    height = len(lines) * LINE_HEIGHT + 2 * MARGIN
    rules = "".join(f".{name}{{{';'.join(rule)}}}" for rule, name in classes.items())
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}">',
            f"<style>text{{font:{FONT_SIZE}px {FONTS};white-space:pre}}{rules}</style>",
            f'<rect width="100%" height="100%" rx="6" fill="{ground.hex}"/>',
            f'<g transform="translate({MARGIN},{MARGIN})">',
            *behind,
            *before,
            "</g></svg>\n",
        ]
    )


def _behind(segments: Iterable[Segment], row: int, ground: str) -> Iterable[str]:
    """Rectangles where the background is not that of the screen."""
    x = 0
    for fill, run in groupby(segments, lambda one: _colours(one.style)[1]):
        width = sum(one.cell_length for one in run)
        if fill and fill != ground:
            yield (
                f'<rect x="{x * CELL_WIDTH:.4g}" y="{row * LINE_HEIGHT}" '
                f'width="{width * CELL_WIDTH:.4g}" height="{LINE_HEIGHT}" fill="{fill}"/>'
            )
        x += width


def _before(
    segments: Iterable[Segment], row: int, text: str, classes: dict[tuple[str, ...], str]
) -> Iterable[str]:
    """Words in one style, each run as wide as its cells whatever the font."""
    x, y = 0, row * LINE_HEIGHT + BASELINE
    for rule, run in groupby(segments, lambda one: _rule(one.style, text)):
        words = "".join(one.text for one in run)
        for _, same in groupby(words, str.isascii):
            part = "".join(same)
            width = cell_len(part)
            lead = width - cell_len(part.lstrip(" "))
            shown = part.strip(" ")
            if shown.strip("\u2800"):
                name = classes.setdefault(rule, f"s{len(classes)}")
                yield (
                    f'<text class="{name}" x="{(x + lead) * CELL_WIDTH:.5g}" y="{y:g}" '
                    f'textLength="{cell_len(shown) * CELL_WIDTH:.5g}" '
                    f'lengthAdjust="spacingAndGlyphs">{escape(shown, quote=False)}</text>'
                )
            x += width


def _rule(style: Style | None, text: str) -> tuple[str, ...]:
    rules = [f"fill:{_colours(style)[0] or text}"]
    if style is not None:
        rules += ["font-weight:bold"] * bool(style.bold)
        rules += ["text-decoration:underline"] * bool(style.underline)
        rules += [f"opacity:{_DIM}"] * bool(style.dim)
    return tuple(rules)


def _colours(style: Style | None) -> tuple[str, str]:
    """Colours of text and background as hex; empty where the terminal's own is meant."""
    if style is None:
        return "", ""
    pair = [
        "" if one is None or one.is_default else one.get_truecolor().hex
        for one in (style.color, style.bgcolor)
    ]
    if style.reverse:
        pair.reverse()
    return pair[0], pair[1]
