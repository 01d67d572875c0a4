"""`mtop doctor`: what mtop may see of a cluster, and what to ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from mtop_tui.cli.errors import Exit, Failure, emit
from mtop_tui.cli.options import settings_of, source_options

if TYPE_CHECKING:
    from mtop_tui.config.settings import Settings
    from mtop_tui.providers.live.acting.rights import ActionRight
    from mtop_tui.providers.live.kubeconfig import Connection
    from mtop_tui.providers.live.preflight import ExtraRight, Preflight, Right


@click.command("doctor")
@click.option("--role", "only_role", is_flag=True, help="Print the ClusterRole only.")
@click.option("--allow-actions", is_flag=True, help="Also what it may change, and that role.")
@source_options
@click.pass_context
def doctor(ctx: click.Context, /, only_role: bool, allow_actions: bool, **_: object) -> None:
    """Ask a cluster what mtop may read there, and print the role that allows all of it.

    It needs --mode live. The exit code is 0 when services can be shown.
    """
    import asyncio

    from mtop_tui.config.emit import as_yaml
    from mtop_tui.providers.live.preflight import OPTIONAL, extra_role

    settings = settings_of(ctx).settings
    if only_role:
        emit(_roles(allow_actions))
        return
    if settings.mode != "live":
        raise click.UsageError("the simulated cluster needs no rights; add --mode live")
    found = [asyncio.run(_asked(settings, context)) for context in settings.contexts or ("",)]
    emit("\n".join(_page(one) for one in found))
    if allow_actions:
        for one in found:
            emit("\n" + _actions_page(asyncio.run(_asked_actions(settings, one.connection))))
    flag = " --allow-actions" if allow_actions else ""
    emit(f"\n# The role that allows all of it: mtop doctor --role{flag} | kubectl apply -f -\n")
    emit(_roles(allow_actions))
    for extra in OPTIONAL:
        emit(f"---\n# Optional, and apart from the other since it is strong: {extra.qualified}\n")
        emit(as_yaml(extra_role(extra)))
    blind = [one.connection.name for one in found if not one.is_usable]
    if blind:
        raise Failure(
            f"no service can be shown of {', '.join(blind)}: see the first line of the table",
            Exit.FAILED,
        )


async def _asked(settings: Settings, context: str) -> Preflight:
    from mtop_tui.clock import WallClock
    from mtop_tui.providers.live.kubeconfig import connection
    from mtop_tui.providers.live.preflight import Preflight, preflight
    from mtop_tui.providers.live.problems import ConfigError

    try:
        to = connection(context, file=settings.kubeconfig)
    except ConfigError as error:
        raise Failure(str(error), Exit.FAILED) from error
    found = await preflight(to, WallClock(), settings.namespaces)
    if not isinstance(found, Preflight):
        raise Failure(f"{to.name}: {found.sentence}", Exit.FAILED)
    return found


async def _asked_actions(settings: Settings, to: Connection) -> tuple[ActionRight, ...]:
    from mtop_tui.clock import WallClock
    from mtop_tui.providers.live.acting.rights import action_rights

    found = await action_rights(to, WallClock(), settings.namespaces)
    if not isinstance(found, tuple):
        raise Failure(f"{to.name}: {found.sentence}", Exit.FAILED)
    return found


def _roles(allow_actions: bool) -> str:
    from mtop_tui.config.emit import as_yaml
    from mtop_tui.providers.live.acting.rights import action_role
    from mtop_tui.providers.live.preflight import role

    roles = [role(), action_role()] if allow_actions else [role()]
    return "---\n".join(map(as_yaml, roles))


def _actions_page(found: tuple[ActionRight, ...]) -> str:
    rows = [("TO CHANGE", "IN", "MAY", "FOR")]
    rows += [
        (one.need.qualified, one.namespace or "all", one.answer, one.need.does) for one in found
    ]
    return _table(rows)


def _page(found: Preflight) -> str:
    from mtop_tui.text import safe

    to = found.connection
    rows = [
        ("KIND", "IN", "MAY READ", "LOST WITHOUT IT"),
        *map(_row, found.rights),
        *map(_extra_row, found.extras),
    ]
    unchecked = ", certificate not checked" if to.cluster.insecure_skip_tls_verify else ""
    head = f"context {to.name}: {to.cluster.server}, Kubernetes {found.version}{unchecked}"
    notes = [
        f"Of these, {one.qualified} is optional, and a strong right: {one.caution}. Without it:"
        f" {one.instead}."
        for one in dict.fromkeys(right.extra for right in found.extras)
        if one.caution
    ]
    return f"{safe(head)}\n{_table(rows)}" + "".join(f"{safe(note)}\n" for note in notes)


def _table(rows: Sequence[tuple[str, str, str, str]]) -> str:
    from mtop_tui.text import safe

    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join((*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]))
        for row in rows
    ]
    return "\n".join(map(safe, lines)) + "\n"


def _row(right: Right) -> tuple[str, str, str, str]:
    where = right.namespace or ("all" if right.kind.namespaced else "cluster")
    lacking = f"no: {', '.join(right.lacking)}" if right.answer == "no" else right.answer
    if right.answer == "yes" and right.lacking:
        lacking = f"yes, but not {', '.join(right.lacking)}"
    return right.kind.qualified, where, lacking, right.kind.shows


def _extra_row(right: ExtraRight) -> tuple[str, str, str, str]:
    extra = right.extra
    answer = "yes" if right.allowed else f"no: {extra.verb}"
    shows = f"optional: {extra.shows}" if extra.caution else extra.shows
    return extra.qualified, right.namespace or "all", answer, shows
