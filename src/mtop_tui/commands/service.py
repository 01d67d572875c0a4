"""The commands of the Service screen and of the pages that open over it."""

from __future__ import annotations

from mtop_tui.commands.command import Command

SERVICE = (
    Command(
        "service.why",
        "w,enter",
        "why",
        "All causes",
        "Service",
        "Every cause that was found, with what it rests on",
        bar="why",
        shown="w Enter",
    ),
    Command("service.panel", "tab", "panel(1)", "Next panel", "Service", bar="panel", shown="Tab"),
    Command(
        "service.panel_back",
        "shift+tab",
        "panel(-1)",
        "Previous panel",
        "Service",
        shown="Shift+Tab",
    ),
    Command(
        "service.earlier",
        "left",
        "cursor(-1)",
        "Read the charts earlier",
        "Service",
        "A cursor that reads all charts at one time",
        bar="read",
        shown="←",
        palette=False,
    ),
    Command(
        "service.later",
        "right",
        "cursor(1)",
        "Read the charts later",
        "Service",
        "Beyond the present, the cursor goes away",
        shown="→",
        palette=False,
    ),
    Command("service.mark_before", "N", "mark(-1)", "Read at the mark before", "Service"),
    Command(
        "service.mark_next",
        "n",
        "mark(1)",
        "Read at the next mark",
        "Service",
        "Marks are events, revisions, scaling and notes on the time axis",
    ),
    Command(
        "service.zoom_in",
        "plus,equals_sign",
        "zoom(1)",
        "Shorter span",
        "Service",
        bar="zoom",
        shown="+",
    ),
    Command("service.zoom_out", "minus", "zoom(-1)", "Longer span", "Service", shown="-"),
    *(
        Command(
            f"service.span_{name}",
            f"{number}",
            f"span({number - 1})",
            f"Look back {name}",
            "Service",
        )
        for number, name in enumerate(("1m", "5m", "15m", "1h", "6h"), 1)
    ),
    Command("service.logs", "l", "logs", "Logs", "Service", "What its replicas said", bar="logs"),
    Command(
        "service.rollout",
        "r",
        "rollout",
        "Rollout",
        "Service",
        "Its new version beside the old one: traffic, verdicts, history",
        bar="rollout",
    ),
    Command("service.yaml", "y", "yaml", "YAML", "Service", "The object itself", bar="yaml"),
    Command(
        "service.copy_row",
        "Y",
        "copy_row",
        "Copy the replica's row",
        "Service",
        "The columns in view, separated by tabs, to the terminal's clipboard (OSC 52)",
    ),
    Command("service.pause", "p,space", "pause", "Pause or resume", "Service", shown="p Space"),
    Command(
        "service.back", "escape", "back", "Back", "Service", bar="back", shown="Esc", palette=False
    ),
)

PAGE = (
    Command("page.pause", "p,space", "pause", "Pause or resume", "Page", shown="p Space"),
    Command("page.back", "escape,w,y,enter", "back", "Back", "Page", bar="back", shown="Esc"),
)
