"""What the fleet shows at first: the saved view that was asked for, and what was set beside it."""

from __future__ import annotations

from msgspec.structs import replace

from mtop_tui.config.settings import Settings
from mtop_tui.views.fleet import FleetQuery


def first_query(settings: Settings) -> FleetQuery:
    """The view of the settings, whose own fields win over it.

    Raises:
        SettingsError: the file of the views was made unreadable since the settings were checked.
        KeyError: the view was removed since.
    """
    view = FleetQuery()
    if settings.view:
        from mtop_tui.config.saved_views import read_views, views_file  # noqa: PLC0415 - loads YAML

        view = read_views(views_file())[settings.view]
    if settings.sort_column:
        view = replace(view, sort=settings.sort_column, reversed=settings.sort_reversed)
    return replace(
        view,
        namespaces=settings.namespaces or view.namespaces,
        columns=settings.columns or view.columns,
        group=settings.group or view.group,
    )
