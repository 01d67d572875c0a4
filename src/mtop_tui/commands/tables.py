"""The commands of tables of rows: of the fleet, and of the fleet's other screens."""

from __future__ import annotations

from mtop_tui.commands.command import Command

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

TABULAR = (
    Command(
        "table.filter",
        "slash",
        "filter",
        "Filter",
        "Table",
        "Words, or comparisons such as ttft>500ms and ns=prod*",
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
    Command("table.reverse", "R", "reverse", "Reverse order", "Table"),
    Command(
        "table.columns",
        "c",
        "columns",
        "Columns",
        "Table",
        "Which ones, and in what order",
        bar="columns",
    ),
    Command(
        "table.mark_next",
        "right",
        "mark(1)",
        "Mark the next column",
        "Table",
        "The marked column is the one whose field is copied",
        shown="→",
        palette=False,
    ),
    Command(
        "table.mark_previous",
        "left",
        "mark(-1)",
        "Mark the previous column",
        "Table",
        shown="←",
        palette=False,
    ),
    Command(
        "table.copy_cell",
        "y",
        "copy_cell",
        "Copy the field",
        "Table",
        "Of the selected row in the marked column, to the terminal's clipboard (OSC 52)",
    ),
    Command(
        "table.copy_row",
        "Y",
        "copy_row",
        "Copy the row",
        "Table",
        "The columns in view, separated by tabs",
    ),
)
"""What every table of rows can do."""

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
    *TABULAR,
    Command(
        "fleet.group",
        "b",
        "group",
        "Group by the next",
        "Fleet",
        "Namespace, team, GPU type, model, route group, nothing; Enter folds a group",
        bar="group",
    ),
    Command(
        "fleet.namespaces",
        "n",
        "namespaces",
        "Namespaces",
        "Fleet",
        "What runs in each, and which ones to show",
    ),
    Command(
        "fleet.views",
        "u",
        "saved_views",
        "Saved views",
        "Fleet",
        "Filter, order, groups, namespaces and columns under a name",
    ),
    Command("fleet.logs", "l", "logs", "Logs", "Fleet", "What its replicas said", bar="logs"),
    Command(
        "fleet.rollout",
        "r",
        "rollout",
        "Rollout",
        "Fleet",
        "Its new version beside the old one: traffic, verdicts, history",
        bar="rollout",
    ),
    Command(
        "fleet.burning_1",
        "1",
        "burning(1)",
        "Go to the first that burns or fails",
        "Fleet",
        "9 goes to the ninth, in the order of the table",
        shown="1-9",
    ),
    Command(
        "fleet.pause", "p,space", "pause", "Pause or resume", "Fleet", bar="pause", shown="p Space"
    ),
    Command(
        "fleet.leave",
        "escape",
        "leave",
        "Back",
        "Fleet",
        "Clear the filter",
        shown="Esc",
        palette=False,
    ),
)

BURNING = tuple(
    Command(
        f"fleet.burning_{number}",
        f"{number}",
        f"burning({number})",
        f"Go to number {number} of those that burn or fail",
        "Fleet",
    )
    for number in range(2, 10)
)
"""The keys of the fleet that `fleet.burning_1` stands for in the help."""

TABLE = (
    Command(
        "table.open",
        "enter",
        "open",
        "Open the service",
        "Table",
        "The one that the selected row is about",
        shown="Enter",
    ),
    *TABULAR,
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

NAMESPACES = (
    Command(
        "namespaces.choose",
        "space",
        "choose",
        "Choose or not",
        "Namespaces",
        "Beside others; Enter then shows those that are chosen",
        bar="choose",
        shown="Space",
    ),
    Command("namespaces.all", "0", "all", "Show all", "Namespaces", bar="all"),
)

CHOOSING = (
    Command(
        "columns.choose",
        "space",
        "choose",
        "Show it or not",
        "Columns",
        "Enter takes the columns as they stand, Esc leaves them as they were",
        bar="show",
        shown="Space",
    ),
    Command(
        "columns.earlier",
        "less_than_sign",
        "shift(-1)",
        "Earlier",
        "Columns",
        bar="earlier",
        shown="<",
    ),
    Command(
        "columns.later", "greater_than_sign", "shift(1)", "Later", "Columns", bar="later", shown=">"
    ),
    Command("columns.all", "0", "all", "By width", "Columns", "As many as fit", bar="by width"),
)

SAVED_VIEWS = (
    Command(
        "views.add",
        "a",
        "add",
        "Save what the fleet shows",
        "Views",
        "Its filter, order, groups, namespaces and columns, under a name",
        bar="save",
    ),
    Command("views.remove", "D", "remove", "Remove the view", "Views", bar="remove"),
)

COST = (
    Command(
        "cost.what_if",
        "i",
        "what_if",
        "What if",
        "Cost",
        "The selected service with other replicas or on another GPU: dollars, TTFT and TPOT",
        bar="what if",
    ),
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
    Command(
        "cost.group_by",
        "B",
        "group_by",
        "Group by a label",
        "Cost",
        "Any label that services carry, from a list",
    ),
    Command(
        "cost.period_typed",
        "W",
        "period_typed",
        "Period of your own",
        "Cost",
        "Such as 36h or 3d, or since 2026-11-20 14:00; of the last 7 days",
    ),
)

ALERTS = (
    Command(
        "alerts.acknowledge",
        "A",
        "acknowledge",
        "Acknowledge, or take it back",
        "Alerts",
        "Counts no more in the title, until the alert changes",
        bar="acknowledge",
    ),
    Command(
        "alerts.acknowledge_all",
        "ctrl+a",
        "acknowledge_all",
        "Acknowledge all",
        "Alerts",
        "All in the table that fire",
        shown="^a",
    ),
)

SOURCES = (
    Command(
        "sources.choose",
        "enter",
        "choose",
        "Watch this source",
        "Sources",
        "In place of the present one; its seed, speed and target can be set",
        bar="watch",
        shown="Enter",
    ),
)

VIEWS = (
    Command(
        "view.alerts",
        "a",
        "app.open('alerts')",
        "Alerts",
        "Views",
        "What is wrong by the rules, and since when",
        bar="alerts",
    ),
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
"""The fleet's other screens, from everywhere."""
