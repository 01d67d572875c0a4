"""Whether settings that are read can be used: what a value must be beyond its type."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Final

from mtop_tui.config.settings import (
    AUTHORITIES,
    ENDPOINT_FILES,
    MODES,
    NOTIFY_NONE,
    NOTIFY_WAYS,
    PROMETHEUS_FILES,
    THEME_NAMES,
    Loaded,
    nearest,
)

LATER_MODES: Final = ("replay",)


def problems(loaded: Loaded, column_ids: Callable[[], Collection[str]] | None) -> Iterable[str]:
    """A line for each setting that cannot be used: where it was set, what was expected."""
    settings = loaded.settings
    if settings.mode in LATER_MODES:
        yield loaded.problem(
            "mode", f"{settings.mode} is not in this version; expected mock or live"
        )
    elif settings.mode not in MODES:
        yield loaded.problem("mode")
    if settings.mocks is not None and not settings.mocks.is_dir():
        yield loaded.problem("mocks")
    for field, path in (("slo", settings.slo), ("prices", settings.prices)):
        if path is not None and not path.is_file():
            yield loaded.problem(field, f"{path} is no file")
    if settings.objectives:
        yield from _wrong_objectives(loaded)
    if settings.alerts:
        yield from _wrong_rules(loaded)
    yield from _wrong_metrics(loaded)
    yield from _wrong_endpoints(loaded)
    yield from _wrong_ways(loaded)
    if settings.group or settings.view:
        yield from _wrong_view(loaded)
    if settings.theme not in THEME_NAMES:
        yield loaded.problem("theme")
    wanted = {"columns": settings.columns, "sort": (settings.sort_column,)}
    if column_ids is not None and any(filter(None, settings.columns + wanted["sort"])):
        known = column_ids()
        for field, names in wanted.items():
            if unknown := [one for one in names if one and not _is_column(one, known)]:
                hint = nearest(unknown[0], known) or f"; there are {', '.join(known)}"
                yield loaded.problem(field, f"no column {', '.join(unknown)}{hint}")


def _wrong_objectives(loaded: Loaded) -> Iterable[str]:
    from mtop_tui.domain.slo.grammar import GrammarError, parse_objectives  # noqa: PLC0415 - rare
    from mtop_tui.domain.slo.objectives import Origin as WrittenIn  # noqa: PLC0415 - rarely needed

    try:
        parse_objectives(loaded.settings.objectives, WrittenIn("settings"))
    except GrammarError as error:
        yield loaded.problem("objectives", f"{error}")


def _wrong_rules(loaded: Loaded) -> Iterable[str]:
    from mtop_tui.domain.alert_grammar import RuleError, changed_rules  # noqa: PLC0415 - rare

    try:
        changed_rules(loaded.settings.alerts)
    except RuleError as error:
        yield loaded.problem("alerts", f"{error}")


def _wrong_metrics(loaded: Loaded) -> Iterable[str]:
    settings = loaded.settings
    if settings.metrics not in {"auto", "none"}:
        yield loaded.problem("metrics")
    for field in (*ENDPOINT_FILES, *PROMETHEUS_FILES):
        path = getattr(settings, field)
        if path is not None and not path.is_file():
            yield loaded.problem(field, f"{path} is no file")
        elif path is not None and field in AUTHORITIES and not _holds_certificates(path):
            yield loaded.problem(field, f"{path} holds no certificate; expected PEM")
    if settings.prometheus:
        yield from _wrong_prometheus(loaded)
    if settings.opencost:
        from mtop_tui.config.addresses import AddressError, opencost_place  # noqa: PLC0415

        try:
            opencost_place(settings.opencost)
        except AddressError:
            yield loaded.problem("opencost")


def _wrong_prometheus(loaded: Loaded) -> Iterable[str]:
    from mtop_tui.config.addresses import (  # noqa: PLC0415 - when asked
        Address,
        AddressError,
        prometheus_place,
        prometheus_places,
    )

    contexts = loaded.settings.contexts
    try:
        places = prometheus_places(loaded.settings.prometheus)
    except AddressError as error:
        yield loaded.problem("prometheus", f"{error}; for instance http://localhost:9090")
        return
    strange = [one for one in places if one and contexts and one not in contexts]
    if strange:
        yield loaded.problem("prometheus", f"{strange[0]} is none of the contexts that are watched")
    for_many = places.get("") if len(set(contexts) - set(places)) > 1 else None
    if for_many is not None and isinstance(prometheus_place(for_many), Address):
        yield loaded.problem(
            "prometheus",
            "one address for several contexts: figures of one would be taken for those of another;"
            " write CONTEXT=ADDRESS for each, with commas between",
        )


def _holds_certificates(path: Path) -> bool:
    import ssl  # noqa: PLC0415 - when asked

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError:  # what is wrong with a certificate is one, too
        return False
    return True


def _wrong_endpoints(loaded: Loaded) -> Iterable[str]:
    if not loaded.settings.endpoint:
        return
    from mtop_tui.config.addresses import AddressError, parse_address  # noqa: PLC0415 - when asked

    for number, text in enumerate(loaded.settings.endpoint, 1):
        try:
            parse_address(text)
        except AddressError as error:
            which = f"number {number}: " if len(loaded.settings.endpoint) > 1 else ""
            yield loaded.problem(
                "endpoint", f"{which}{error}; for instance http://localhost:8000/metrics"
            )


def _wrong_ways(loaded: Loaded) -> Iterable[str]:
    ways = loaded.settings.notify
    known = (NOTIFY_NONE, *NOTIFY_WAYS)
    if unknown := [way for way in ways if way not in known]:
        hint = nearest(unknown[0], known) or f"; there are {', '.join(known)}"
        yield loaded.problem("notify", f"no way to tell {unknown[0]}{hint}")
    elif NOTIFY_NONE in ways and len(ways) > 1:
        yield loaded.problem("notify", f"{NOTIFY_NONE} stands alone; expected it or ways to tell")


def _is_column(name: str, known: Collection[str]) -> bool:
    """Columns of labels and annotations are known by how they begin."""
    kind, colon, key = name.partition(":")
    return name in known or (kind in ("label", "annotation") and bool(colon and key))


def _wrong_view(loaded: Loaded) -> Iterable[str]:
    from mtop_tui.config.saved_views import read_views, views_file  # noqa: PLC0415 - rarely needed
    from mtop_tui.views.groups import is_way  # noqa: PLC0415 - rarely needed

    group, name = loaded.settings.group, loaded.settings.view
    if group and not is_way(group):
        yield loaded.problem("group")
    views = read_views(views_file()) if name else {}
    if name and name not in views:
        hint = nearest(name, views) or f"; {views_file()} has {', '.join(views) or 'none'}"
        yield loaded.problem("view", f"no view {name}{hint}")
