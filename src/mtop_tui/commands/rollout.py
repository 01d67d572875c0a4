"""The commands of the Rollout screen."""

from __future__ import annotations

from mtop_tui.commands.command import Command

ROLLOUT = (
    Command(
        "rollout.before",
        "N",
        "mark(-1)",
        "Event before",
        "Rollout",
        "The whole screen shows what held when it happened",
        bar="before",
    ),
    Command(
        "rollout.next",
        "n",
        "mark(1)",
        "Next event",
        "Rollout",
        "Beyond the last one, the present",
        bar="next",
    ),
    Command(
        "rollout.earlier",
        "left",
        "cursor(-1)",
        "Earlier",
        "Rollout",
        "A cursor on the time axis; a click on it does the same",
        bar="read",
        shown="←",
        palette=False,
    ),
    Command("rollout.later", "right", "cursor(1)", "Later", "Rollout", shown="→", palette=False),
    Command("rollout.panel", "tab", "panel(1)", "Next panel", "Rollout", bar="panel", shown="Tab"),
    Command(
        "rollout.panel_back",
        "shift+tab",
        "panel(-1)",
        "Previous panel",
        "Rollout",
        shown="Shift+Tab",
    ),
    Command(
        "rollout.zoom_in",
        "plus,equals_sign",
        "zoom(1)",
        "Shorter span",
        "Rollout",
        bar="zoom",
        shown="+",
    ),
    Command("rollout.zoom_out", "minus", "zoom(-1)", "Longer span", "Rollout", shown="-"),
    *(
        Command(
            f"rollout.span_{name}",
            f"{number}",
            f"span({number - 1})",
            f"Look back {name}",
            "Rollout",
        )
        for number, name in enumerate(("1m", "5m", "15m", "1h", "6h"), 1)
    ),
    Command(
        "rollout.open",
        "enter",
        "open",
        "Open the service",
        "Rollout",
        "The new version's own: why, charts, replicas",
        bar="open",
        shown="Enter",
    ),
    Command("rollout.logs", "l", "logs", "Logs", "Rollout", "What the new one said", bar="logs"),
    Command("rollout.pause", "p,space", "pause", "Pause or resume", "Rollout", shown="p Space"),
    Command(
        "rollout.back",
        "escape",
        "leave",
        "Back",
        "Rollout",
        "To the present, then to the screen before",
        bar="back",
        shown="Esc",
        palette=False,
    ),
)
