"""Colours. Each has one meaning: accent is what is selected, three say how a service fares."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="mtop-dark",
    primary="#7aa2c8",
    secondary="#5f7f9f",
    accent="#7fb4e0",
    foreground="#d0d4d8",
    background="#14171a",
    surface="#1a1e22",
    panel="#22272c",
    success="#8fb573",
    warning="#e0b050",
    error="#ee6a5f",
    dark=True,
    variables={"quiet": "#7d868f", "cursor": "#2b3b4a"},
)

LIGHT = Theme(
    name="mtop-light",
    primary="#2f5f8f",
    secondary="#5f7f9f",
    accent="#1f6fb0",
    foreground="#24292e",
    background="#fbfbf9",
    surface="#f2f2ef",
    panel="#e6e8e8",
    success="#3f7f2f",
    warning="#9a6700",
    error="#c0271b",
    dark=False,
    variables={"quiet": "#6a737c", "cursor": "#d4e4f2"},
)

THEMES = (DARK, LIGHT)
