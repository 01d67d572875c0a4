"""The commands that change something: there only where mtop was started with --allow-actions."""

from __future__ import annotations

from typing import Final

from mtop_tui.commands.command import Command

MENU: Final = Command(
    "actions.menu",
    "A",
    "actions",
    "Actions",
    "Actions",
    "Scale, restart, weigh, stop and more; with --allow-actions only",
    bar="actions",
)
"""What opens the list of the others, from the screens that show a service."""


def _action(verb: str, key: str, title: str, does: str) -> Command:
    return Command(
        f"actions.{verb}", key, f"act('{verb}')", title, "Actions", does, shown=f"A {key}"
    )


ACTIONS: Final = (
    _action("scale", "s", "Scale", "More or fewer replicas, unless autoscaled"),
    _action("restart", "r", "Restart", "New replicas in place of all, one by one"),
    _action("weight", "w", "Set its weight", "Its share of its route group's requests"),
    _action("promote", "o", "Promote", "All requests of its group, or its Rollout"),
    _action("abort", "b", "Abort", "No requests of its group, or its Rollout"),
    _action("pause", "p", "Pause its rollout", "Of Argo Rollouts only"),
    _action("resume", "c", "Resume its rollout", "Of Argo Rollouts only"),
    _action("undo", "u", "Undo its rollout", "Of Argo Rollouts only"),
    _action("stop", "S", "Stop", "No replicas until it is started again"),
    _action("start", "T", "Start", "Replicas again, after it was stopped"),
    _action("delete", "D", "Delete a pod", "Its owner makes another one"),
    _action("view", "v", "See the last one", "What has become of it"),
)
"""What can be done to a service. Their keys are those of the list that `MENU` opens."""

DOING: Final = (
    Command("doing.do", "y", "do", "Do it", "Action", "What is on the screen", bar="do it"),
    Command(
        "doing.again",
        "r",
        "again",
        "Plan it again",
        "Action",
        "From what is there now",
        bar="again",
    ),
    Command(
        "doing.copy",
        "Y",
        "copy",
        "Copy the kubectl commands",
        "Action",
        "That do the same, to the terminal's clipboard (OSC 52)",
        bar="copy",
    ),
    Command("doing.pause", "p,space", "pause", "Pause or resume", "Action", shown="p Space"),
    Command(
        "doing.back",
        "escape",
        "back",
        "Back",
        "Action",
        "What was begun goes on",
        bar="back",
        shown="Esc",
        palette=False,
    ),
)
"""The commands of the page of one action."""
