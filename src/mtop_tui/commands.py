"""One declaration per command: its keys, its place in the key bar, the palette and the help."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from textual.binding import Binding, BindingType


class Command(msgspec.Struct, frozen=True):
    """Something a user can do.

    `id` is what a keymap refers to. `keys` are Textual key names, the first is the one that is
    shown (as `shown`, where its Textual name is not what is printed on the key). `bar` is the
    label in the key bar, empty for commands that are not listed there. With `priority`, the key
    acts before the next one is read, so that what is typed after it goes where it leads.
    """

    id: str
    keys: str
    action: str
    title: str
    group: str
    help: str = ""
    bar: str = ""
    shown: str = ""
    palette: bool = True
    priority: bool = False

    @property
    def key_label(self) -> str:
        """The first key as printed."""
        return self.shown or self.keys.split(",", maxsplit=1)[0]


MOVE = (
    Command("move.up", "k,up", "move(-1)", "Up", "Move", shown="k ↑", palette=False),
    Command("move.down", "j,down", "move(1)", "Down", "Move", shown="j ↓", palette=False),
    Command(
        "move.page_up",
        "pageup,ctrl+b",
        "move_page(-1)",
        "Page up",
        "Move",
        shown="PgUp ^b",
        palette=False,
    ),
    Command(
        "move.page_down",
        "pagedown,ctrl+f",
        "move_page(1)",
        "Page down",
        "Move",
        shown="PgDn ^f",
        palette=False,
    ),
    Command("move.first", "g,home", "move_to(0)", "First row", "Move", shown="g Home"),
    Command("move.last", "G,end", "move_to(-1)", "Last row", "Move", shown="G End"),
)

FLEET = (
    Command(
        "fleet.open",
        "enter",
        "open",
        "Open",
        "Fleet",
        "The selected service: why, charts, replicas, events, spec",
        bar="open",
        shown="Enter",
    ),
    Command(
        "fleet.filter",
        "slash",
        "filter",
        "Filter",
        "Fleet",
        "Words, or comparisons such as ttft>500ms and ns=prod*",
        bar="filter",
        shown="/",
        priority=True,
    ),
    Command(
        "fleet.sort_next",
        "s,right_square_bracket",
        "sort(1)",
        "Sort by next column",
        "Fleet",
        "The sorted column carries an arrow; a click on a title sorts too",
        bar="sort",
        shown="s ]",
    ),
    Command(
        "fleet.sort_previous",
        "S,left_square_bracket",
        "sort(-1)",
        "Sort by previous column",
        "Fleet",
        shown="S [",
    ),
    Command("fleet.reverse", "r", "reverse", "Reverse order", "Fleet", bar="reverse"),
    Command(
        "fleet.back",
        "escape",
        "back",
        "Back",
        "Fleet",
        "Clear the filter",
        shown="Esc",
        palette=False,
    ),
    Command("fleet.logs", "l", "logs", "Logs", "Fleet", "What its replicas said", bar="logs"),
    Command(
        "fleet.pause", "p,space", "pause", "Pause or resume", "Fleet", bar="pause", shown="p Space"
    ),
)

TABLE = (
    Command(
        "table.filter",
        "slash",
        "filter",
        "Filter",
        "Table",
        "Words, or comparisons of columns such as count>5",
        bar="filter",
        shown="/",
        priority=True,
    ),
    Command(
        "table.sort_next",
        "s,right_square_bracket",
        "sort(1)",
        "Sort by next column",
        "Table",
        "The sorted column carries an arrow; a click on a title sorts too",
        bar="sort",
        shown="s ]",
    ),
    Command(
        "table.sort_previous",
        "S,left_square_bracket",
        "sort(-1)",
        "Sort by previous column",
        "Table",
        shown="S [",
    ),
    Command("table.reverse", "r", "reverse", "Reverse order", "Table", bar="reverse"),
    Command("table.pause", "p,space", "pause", "Pause or resume", "Table", shown="p Space"),
    Command(
        "table.leave",
        "escape",
        "leave",
        "Back",
        "Table",
        "Clear the filter, then go back",
        bar="back",
        shown="Esc",
        palette=False,
    ),
)

COST = (
    Command(
        "cost.group",
        "b",
        "group",
        "Group by the next",
        "Cost",
        "Service, namespace, team, GPU type, revision",
        bar="group",
    ),
    Command(
        "cost.period",
        "w",
        "period",
        "Next period",
        "Cost",
        "The last hour, 6 hours, day or week",
        bar="period",
    ),
)

VIEWS = (
    Command(
        "view.cost",
        "dollar_sign",
        "app.open('cost')",
        "Cost",
        "Views",
        "Where the money goes",
        bar="cost",
        shown="$",
    ),
    Command(
        "view.objectives",
        "o",
        "app.open('objectives')",
        "Objectives",
        "Views",
        "How much error budget is left, and for how long",
        bar="SLO",
    ),
    Command(
        "view.events",
        "e",
        "app.open('events')",
        "Events",
        "Views",
        "What Kubernetes said of any object",
        bar="events",
    ),
    Command(
        "view.sources",
        "v",
        "app.open('sources')",
        "Sources",
        "Views",
        "Where the data is from, and how far it can be trusted",
        bar="sources",
    ),
)
"""The fleet's other screens, from any of them."""

LOGS = (
    Command(
        "logs.follow",
        "f,space",
        "follow",
        "Follow or hold",
        "Logs",
        "Stay with the newest line, or keep what is in view; moving the cursor holds, too",
        bar="follow",
        shown="f Space",
    ),
    Command(
        "logs.filter",
        "slash",
        "ask('filter')",
        "Filter lines",
        "Logs",
        "A regular expression; with ! before it, the lines without. Capitals make case matter",
        bar="filter",
        shown="/",
        priority=True,
    ),
    Command(
        "logs.level",
        "L",
        "level",
        "Level",
        "Logs",
        "All lines, info and graver, warnings and graver, errors only",
        bar="level",
    ),
    Command("logs.next_error", "n", "error(1)", "Next error", "Logs", bar="error", shown="n"),
    Command("logs.previous_error", "N", "error(-1)", "Previous error", "Logs"),
    Command(
        "logs.range",
        "t",
        "ask('range')",
        "Time range",
        "Logs",
        "15m, 1h..30m, 12:04..12:10 or empty; reads again from there",
        bar="time",
        priority=True,
    ),
    Command(
        "logs.previous_container",
        "P",
        "previous",
        "Previous container",
        "Logs",
        "What containers wrote before their last restart, or the present ones again",
    ),
    Command("logs.wrap", "w", "wrap", "Wrap", "Logs", "Break long lines, or cut them", bar="wrap"),
    Command("logs.written", "R", "written", "As written", "Logs", "With times, levels, JSON"),
    Command("logs.left", "h,left", "sideways(-1)", "Left", "Logs", shown="h ←", palette=False),
    Command("logs.right", "l,right", "sideways(1)", "Right", "Logs", shown="l →", palette=False),
    Command("logs.mark", "m", "mark", "Mark the line", "Logs"),
    Command("logs.next_mark", "apostrophe", "next_mark", "Next mark", "Logs", shown="'"),
    Command(
        "logs.select",
        "V",
        "select",
        "Select lines",
        "Logs",
        "From here to where the cursor goes, to be copied",
    ),
    Command(
        "logs.copy",
        "y",
        "copy",
        "Copy",
        "Logs",
        "The line or what is selected, to the terminal's clipboard (OSC 52)",
    ),
    Command(
        "logs.save",
        "s",
        "ask('save')",
        "Save",
        "Logs",
        "The lines that pass the filter, to a new file",
        bar="save",
        priority=True,
    ),
    Command("logs.again", "r", "again", "Read again", "Logs"),
    Command(
        "logs.leave",
        "escape",
        "leave",
        "Back",
        "Logs",
        "Give up the selection, then the pattern, then go back",
        bar="back",
        shown="Esc",
        palette=False,
    ),
)

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
        for number, name in enumerate(("1m", "5m", "15m", "1h"), 1)
    ),
    Command("service.logs", "l", "logs", "Logs", "Service", "What its replicas said", bar="logs"),
    Command("service.yaml", "y", "yaml", "YAML", "Service", "The object itself", bar="yaml"),
    Command("service.pause", "p,space", "pause", "Pause or resume", "Service", shown="p Space"),
    Command(
        "service.back", "escape", "back", "Back", "Service", bar="back", shown="Esc", palette=False
    ),
)

PAGE = (Command("page.back", "escape,w,y,enter", "back", "Back", "Page", bar="back", shown="Esc"),)

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


def bindings(commands: Iterable[Command]) -> list[BindingType]:
    """The commands as key bindings, with their ids, so that a keymap can move them."""
    return [
        Binding(
            command.keys,
            command.action,
            command.title,
            show=bool(command.bar),
            key_display=command.key_label,
            tooltip=command.help,
            id=command.id,
            priority=command.priority,
        )
        for command in commands
    ]
