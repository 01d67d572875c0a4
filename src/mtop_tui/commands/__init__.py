"""One declaration per command: its keys, its place in the key bar, the palette and the help."""

from mtop_tui.commands.actions import ACTIONS, DOING, MENU
from mtop_tui.commands.app import APP
from mtop_tui.commands.command import Command, bindings
from mtop_tui.commands.logs import LOGS
from mtop_tui.commands.rollout import ROLLOUT
from mtop_tui.commands.service import PAGE, SERVICE
from mtop_tui.commands.tables import (
    ALERTS,
    BURNING,
    CHOOSING,
    COST,
    FLEET,
    MOVE,
    NAMESPACES,
    SAVED_VIEWS,
    SOURCES,
    TABLE,
    VIEWS,
)
from mtop_tui.commands.what_if import WHAT_IF

__all__ = (
    "ACTIONS",
    "ALERTS",
    "APP",
    "BURNING",
    "CHOOSING",
    "COST",
    "DOING",
    "FLEET",
    "LOGS",
    "MENU",
    "MOVE",
    "NAMESPACES",
    "PAGE",
    "ROLLOUT",
    "SAVED_VIEWS",
    "SERVICE",
    "SOURCES",
    "TABLE",
    "VIEWS",
    "WHAT_IF",
    "Command",
    "bindings",
)
