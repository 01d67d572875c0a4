"""Colours that can be told apart, and screens that say the same without any."""

from __future__ import annotations

import itertools
import re

import pytest
from fleet_app import Fleet
from opening import SCREENS, open_screen
from rich.color import ColorType
from rich.style import Style
from textual.color import Color, Lab, rgb_to_lab
from textual.theme import Theme
from textual.widgets import Input

from mtop_tui.config.settings import THEME_NAMES, Settings
from mtop_tui.themes import ANSI, COLOUR_BLIND, CONTRAST, THEMES
from service_source import START, burning, service

WCAG_AA, WCAG_AAA = 4.5, 7.0
RGB_THEMES = [theme for theme in THEMES if theme is not ANSI]
SMALL, MIDDLE = (80, 24), (120, 40)

# Machado, Oliveira and Fernandes, 2009: what is seen at full severity, in linear RGB.
DEFICIENCIES = {
    "protanopia": ((0.1523, 1.0526, -0.2049), (0.1145, 0.7863, 0.0992), (-0.0039, -0.0481, 1.0520)),
    "deuteranopia": (
        (0.3673, 0.8606, -0.2280),
        (0.2801, 0.6725, 0.0474),
        (-0.0118, 0.0429, 0.9689),
    ),
    "tritanopia": ((1.2555, -0.0767, -0.1788), (-0.0784, 0.9308, 0.1476), (0.0047, 0.6914, 0.3039)),
}
WELL_APART = 30
"""Difference in CIELAB: ten times and more what is just noticed."""


def linear(channel: int) -> float:
    share = channel / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def encoded(value: float) -> int:
    value = min(max(value, 0.0), 1.0)
    return round(
        255 * (12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055)
    )


def luminance(color: Color) -> float:
    red, green, blue = (linear(channel) for channel in color.rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Color, other: Color) -> float:
    """Contrast ratio as WCAG 2.1 defines it."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def seen(color: Color, deficiency: str) -> Lab:
    """A colour as it is seen with a deficiency."""
    light = [linear(channel) for channel in color.rgb]
    rows = DEFICIENCIES[deficiency]
    return rgb_to_lab(
        Color(*(encoded(sum(a * b for a, b in zip(row, light, strict=True))) for row in rows))
    )


def parsed(*names: str | None) -> list[Color]:
    return [Color.parse(name or "") for name in names]


@pytest.mark.parametrize("theme", RGB_THEMES, ids=lambda theme: theme.name)
def test_every_text_stands_out_from_whatever_is_behind_it(theme: Theme) -> None:
    texts = parsed(
        *(theme.foreground, theme.accent, theme.success, theme.warning, theme.error),
        theme.variables["quiet"],
    )
    grounds = parsed(theme.background, theme.surface, theme.panel, theme.variables["cursor"])
    least = min(contrast(text, ground) for text in texts for ground in grounds)
    assert least >= (WCAG_AAA if theme is CONTRAST else WCAG_AA)


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_states_stay_apart_for_who_does_not_see_all_colours(deficiency: str) -> None:
    states = parsed(COLOUR_BLIND.success, COLOUR_BLIND.warning, COLOUR_BLIND.error)
    for one, other in itertools.combinations(states, 2):
        a, b = seen(one, deficiency), seen(other, deficiency)
        apart = ((a.L - b.L) ** 2 + (a.a - b.a) ** 2 + (a.b - b.b) ** 2) ** 0.5
        assert apart >= WELL_APART, (one, other)


def styles(fleet: Fleet) -> set[Style]:
    """All styles that are written to the terminal."""
    app = fleet.app
    filters = [one for one in app.get_line_filters() if one.enabled]
    found: set[Style] = set()
    for strip in app.screen._compositor.render_strips():
        segments = list(strip)
        for one in filters:
            segments = one.apply(segments, Color.parse("black"))
        found |= {segment.style for segment in segments if segment.style is not None}
    return found


@pytest.mark.parametrize("name", SCREENS)
async def test_the_terminals_own_colours_are_the_only_ones(name: str) -> None:
    fleet = Fleet(*burning(), settings=Settings(theme="mtop-ansi"))
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await open_screen(fleet, pilot, name)
        colours = {colour for style in styles(fleet) for colour in (style.color, style.bgcolor)}
        kinds = {colour.type for colour in colours if colour is not None}
        assert kinds <= {ColorType.DEFAULT, ColorType.STANDARD}
        if name in {"fleet", "service", "events", "sources"}:
            assert any(style.reverse for style in styles(fleet))


@pytest.mark.parametrize("theme", THEME_NAMES)
async def test_no_color_writes_none_and_still_shows_what_is_selected(
    theme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    fleet = Fleet(*burning(), settings=Settings(theme=theme))
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        written = styles(fleet)
        for style in written:
            for colour in (style.color, style.bgcolor):
                assert colour is None or colour.type == ColorType.DEFAULT
        assert any(style.reverse for style in written)
        assert any(style.bold for style in written)


async def test_an_empty_no_color_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    fleet = Fleet(*burning())
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        colours = [one.color for one in styles(fleet) if one.color is not None]
        assert any(colour.type == ColorType.TRUECOLOR for colour in colours)


STATES = {
    "fleet": r"! gpt-oss-120b .*no GPU",
    "service": r"! .*no GPU",
    "causes": r"because|waits|GPU",
    "objectives": r"gpt-oss-120b .* page",
    "events": r"! .*FailedScheduling",
    "sources": r"live",
}
"""What tells, in marks and words, what colour tells too."""


@pytest.mark.parametrize("name", STATES)
async def test_what_burns_is_found_without_colour(name: str) -> None:
    promised = Settings(objectives="ttft<=100ms@99%/30d")
    fleet = Fleet(service(at=START - 600), *burning(), settings=promised)
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await open_screen(fleet, pilot, name)
        assert re.search(STATES[name], fleet.text), fleet.text


# What moves


async def test_rows_keep_their_places_for_longer_where_motion_is_reduced() -> None:
    holds = {}
    for reduced in (False, True):
        fleet = Fleet(*burning(), settings=Settings(reduced_motion=reduced))
        async with fleet.app.run_test(size=MIDDLE) as pilot:
            await fleet.settle(pilot)
            holds[reduced] = fleet.screen.hold
    assert holds == {False: 3.0, True: 30.0}


async def test_no_cursor_blinks(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=MIDDLE) as pilot:
        await fleet.settle(pilot)
        for opens in ("slash", "colon"):
            await pilot.press(opens)
            await pilot.pause()
            cursors = fleet.app.screen.query(Input)
            assert cursors
            assert not any(one.cursor_blink for one in cursors)
            await pilot.press("escape")
            await pilot.pause()


# What is said


async def test_what_is_said_again_is_counted_and_not_repeated(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=SMALL, notifications=True) as pilot:
        await fleet.settle(pilot)
        await pilot.press("plus")
        await pilot.pause()
        assert "only a story has a pace" in fleet.text
        await pilot.press("plus", "plus")
        await pilot.pause()
        assert fleet.text.count("only a story") == 1
        assert "(3 times)" in fleet.text


async def test_toasts_never_cover_the_screen_and_show_no_markup(fleet: Fleet) -> None:
    async with fleet.app.run_test(size=SMALL, notifications=True) as pilot:
        await fleet.settle(pilot)
        for number in range(9):
            fleet.app.say(f"[b]number {number}[/b] \x1b[31m")
        await pilot.pause()
        assert re.findall(r"\[b\]number (\d)\[/b\]", fleet.text) == ["6", "7", "8"]
        assert "\x1b" not in fleet.text
