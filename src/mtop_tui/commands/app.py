"""The commands that work everywhere."""

from __future__ import annotations

from mtop_tui.commands.command import Command

APP = (
    Command(
        "app.help",
        "question_mark,f1",
        "help",
        "Help",
        "mtop",
        "This page",
        bar="help",
        shown="? F1",
    ),
    Command(
        "app.palette",
        "colon,ctrl+p",
        "command_palette",
        "Commands",
        "mtop",
        "Every command by name",
        bar="command",
        shown=": ^p",
        palette=False,
        priority=True,
    ),
    Command(
        "app.kubectl",
        "K",
        "kubectl",
        "The same with kubectl",
        "mtop",
        "Commands that show what this screen shows",
    ),
    Command(
        "app.export",
        "x",
        "export",
        "Export",
        "mtop",
        "What the screen shows, to a new file: CSV, JSON or SVG",
        priority=True,
    ),
    Command(
        "app.notify",
        "exclamation_mark",
        "tell",
        "Tell of alerts, or be silent",
        "mtop",
        "By toast and bell, or as the setting `notify` says, when one begins to fire",
        shown="!",
    ),
    Command("app.quit", "q,ctrl+c", "quit", "Quit", "mtop", bar="quit", shown="q ^c"),
    Command(
        "app.step",
        "full_stop",
        "step",
        "Step 10 seconds",
        "mtop",
        "While paused; a simulation only",
        shown=".",
    ),
    Command(
        "app.faster",
        "greater_than_sign,plus",
        "pace(2)",
        "Faster",
        "mtop",
        "Twice as fast; a story only",
        shown="> +",
    ),
    Command(
        "app.slower",
        "less_than_sign,minus",
        "pace(0.5)",
        "Slower",
        "mtop",
        "Half as fast; a story only",
        shown="< -",
    ),
)
