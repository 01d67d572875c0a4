"""Colours. Each has one meaning: accent is what is selected, three say how a service fares.

Every text colour stands out from every background it is drawn on by a contrast of 4.5 to 1 or more,
the least that WCAG 2.1 (1.4.3) asks of text; of `CONTRAST` it is 7 to 1 (1.4.6).
"""

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
    error="#f37d72",
    dark=True,
    variables={"quiet": "#949da6", "cursor": "#25333f"},
)

LIGHT = Theme(
    name="mtop-light",
    primary="#2f5f8f",
    secondary="#5f7f9f",
    accent="#1a5e97",
    foreground="#24292e",
    background="#fbfbf9",
    surface="#f2f2ef",
    panel="#e6e8e8",
    success="#35702a",
    warning="#7f5500",
    error="#b3241a",
    dark=False,
    variables={"quiet": "#596169", "cursor": "#d4e4f2"},
)

CONTRAST = Theme(
    name="mtop-contrast",
    primary="#7ad7ff",
    secondary="#c8c8c8",
    accent="#7ad7ff",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#1a1a1a",
    success="#7dff7d",
    warning="#ffd84d",
    error="#ffaaa2",
    dark=True,
    variables={"quiet": "#d0d0d0", "cursor": "#00314f"},
)

COLOUR_BLIND = Theme(
    name="mtop-colour-blind",
    primary="#56b4e9",
    secondary="#0072b2",
    accent="#56b4e9",
    foreground="#e8e8e8",
    background="#000000",
    surface="#080808",
    panel="#0c0f12",
    success="#009e73",
    warning="#f0e442",
    error="#d55e00",
    dark=True,
    variables={"quiet": "#a0a0a0", "cursor": "#0b1a27"},
)
"""The palette of Okabe and Ito ("Color Universal Design", 2008): sky blue, yellow, vermillion and
bluish green stay apart for people who do not see red, green or blue as others do."""

ANSI = Theme(
    name="mtop-ansi",
    ansi=True,
    primary="ansi_blue",
    secondary="ansi_bright_black",
    accent="ansi_cyan",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    success="ansi_green",
    warning="ansi_yellow",
    error="ansi_red",
    dark=True,
    variables={
        "quiet": "ansi_default",
        "cursor": "ansi_default",
        "ansi-background": "ansi_default",
        "ansi-foreground": "ansi_default",
    },
)
"""The terminal's own 16 colours, whatever they are there. What is selected is drawn in reverse and
what is quiet is dim, since no background of 16 suits both dark and light terminals."""

THEMES = (DARK, LIGHT, CONTRAST, COLOUR_BLIND, ANSI)
