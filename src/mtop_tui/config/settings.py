"""What can be set, the defaults, and where each value in force came from.

Layers, later ones win: defaults, the YAML file, the environment, command-line flags. The file and
the environment are untyped text and go through pydantic (`config.layers`); flags come typed from
the command line. So with nothing but defaults and flags, pydantic is never imported.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple

ENV_PREFIX: Final = "MTOP_"
LEGACY_MODE: Final = "LLD_MODE"
"""The predecessor's variable for the mode; `MTOP_MODE` wins over it."""

CONFIG_VARIABLE: Final = "MTOP_CONFIG"
_OTHER_VARIABLES: Final = frozenset({CONFIG_VARIABLE, "MTOP_REQUIRE_TOOLS"})

MODES: Final = ("mock", "live")
LATER_MODES: Final = ("replay",)
THEME_NAMES: Final = (
    "mtop-dark",
    "mtop-light",
    "mtop-contrast",
    "mtop-colour-blind",
    "mtop-ansi",
)

NOTIFY_WAYS: Final = ("toast", "bell", "osc9", "osc777")
NOTIFY_NONE: Final = "none"

_NEAR: Final = 0.7
"""How alike two words must be (difflib's ratio) for one to be taken for the other."""

Layer = Literal["default", "file", "environment", "flag"]


@dataclass(frozen=True, slots=True)
class Rule:
    """What a value must be: in words, by example, and between which bounds (both included)."""

    expected: str
    example: str
    least: float | None = None
    most: float | None = None
    flag: str = ""


REFRESH: Final = Rule("a number of seconds from 0.25 to 60", "1", 0.25, 60)
SERVICES: Final = Rule("a whole number from 1 to 100000", "100", 1, 100_000)
DEFAULT_SEED: Final = 7
DEFAULT_SPEED: Final = 1.0
SPEED: Final = Rule("a number above 0 and at most 1000", "4", 1e-6, 1_000)
"""Simulated seconds per second."""

SEED: Final = Rule("a whole number from 0 to 4294967295", "7", 0, 2**32 - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set, with its default."""

    mode: Annotated[str, Rule("mock or live", "live")] = "mock"
    """Where the fleet comes from: the simulated cluster ("mock"), or Kubernetes ("live")."""

    refresh: Annotated[float, REFRESH] = 1.0
    """Seconds between screen updates."""

    kubeconfig: Annotated[Path | None, Rule("a kubeconfig", "~/.kube/other")] = None
    """The kubeconfig of live mode, and no other; unset follows `KUBECONFIG` as kubectl does."""

    contexts: Annotated[
        tuple[str, ...], Rule("names of contexts", "production,staging", flag="--context")
    ] = ()
    """Contexts of the kubeconfig, all of which live mode shows as one fleet; empty: the current."""

    namespaces: Annotated[
        tuple[str, ...], Rule("names of namespaces", "production,staging", flag="--namespace")
    ] = ()
    """Show only services of these namespaces; empty shows all."""

    columns: Annotated[tuple[str, ...], Rule("names of columns", "name,state,ttft")] = ()
    """Columns of the model table, in order; empty chooses them by the width of the terminal."""

    group: Annotated[
        str, Rule("namespace, gpu, model, route or label:KEY", "namespace", flag="--group")
    ] = ""
    """What services are grouped by; empty for no groups."""

    view: Annotated[str, Rule("the name of a saved view", "burning")] = ""
    """Saved view to begin with; sort, columns, namespaces and group that are set win over it."""

    theme: Annotated[
        str, Rule(f"{', '.join(THEME_NAMES[:-1])} or {THEME_NAMES[-1]}", THEME_NAMES[0])
    ] = THEME_NAMES[0]
    """Colours of the screen."""

    mocks: Annotated[Path | None, Rule("an existing folder", "mocks")] = None
    """Folder with the manifests of the simulated cluster; unset takes those shipped with mtop.

    In the file, a relative folder is relative to the file.
    """

    endpoint: Annotated[
        tuple[str, ...],
        Rule("addresses of metrics pages", "http://localhost:8000/metrics", flag="--endpoint"),
    ] = ()
    """Metrics pages of model servers to watch instead of a cluster."""

    discover: Annotated[bool, Rule("true or false", "true")] = False
    """Watch the model servers on this machine, whatever port they listen on."""

    endpoint_token: Annotated[
        Path | None, Rule("a file with a token", "token", flag="--endpoint-token")
    ] = None
    """File with the bearer token for the endpoints that are named."""

    endpoint_ca: Annotated[
        Path | None, Rule("a file with authorities", "ca.pem", flag="--endpoint-ca")
    ] = None
    """File with authorities to trust beside the system's, for endpoints."""

    metrics: Annotated[str, Rule("auto or none", "none")] = "auto"
    """Metrics in live mode: "auto" asks Prometheus if one is named, else the pods."""

    prometheus: Annotated[
        str, Rule("an address, or NAMESPACE/SERVICE[:PORT]", "https://prometheus.example")
    ] = ""
    """Prometheus of live mode, by its address or by the API server's proxy.

    With several contexts `CONTEXT=` stands before each, and commas between.
    """

    prometheus_token: Annotated[Path | None, Rule("a file with a token", "token")] = None
    """File with the bearer token for Prometheus."""

    prometheus_ca: Annotated[Path | None, Rule("a file with authorities", "ca.pem")] = None
    """File with the authorities that sign Prometheus' certificate."""

    prometheus_cert: Annotated[Path | None, Rule("a certificate file", "client.pem")] = None
    """File with the client certificate for Prometheus."""

    prometheus_key: Annotated[Path | None, Rule("a key file", "client.key")] = None
    """File with the key of that certificate."""

    prometheus_tenant: Annotated[str, Rule("the name of a tenant", "team-a")] = ""
    """Tenant, sent to Prometheus as X-Scope-OrgID."""

    opencost: Annotated[str, Rule("NAMESPACE/SERVICE[:PORT]", "opencost/opencost:9003")] = ""
    """OpenCost in live mode, by the API server's proxy; unset asks Prometheus for its figures."""

    services: Annotated[int | None, SERVICES] = None
    """Show so many services: the first ones, or copies of all; unset shows what is described."""

    seed: Annotated[int, SEED] = DEFAULT_SEED
    """Seed of the simulation: the same seed gives the same fleet."""

    sort: Annotated[str, Rule("the name of a column, with - before it to reverse", "-ttft")] = ""
    """Column that orders the model table; empty puts what fails first.

    Each column has its own direction (names from a to z, numbers from the largest down); `-` before
    the column reverses it.
    """

    slo: Annotated[Path | None, Rule("a file with OpenSLO or Sloth documents", "slo.yaml")] = None
    """File with objectives in OpenSLO or Sloth documents; they win over annotations."""

    objectives: Annotated[str, Rule("objectives", "ttft<=1s@99%/30d, availability@99.9%")] = ""
    """Objectives of services that neither the file nor an annotation names."""

    prices: Annotated[Path | None, Rule("a file with prices", "prices.yaml")] = None
    """File with prices; they win over the labels of nodes and the bundled list."""

    ascii: Annotated[bool, Rule("true or false", "true")] = False
    """Draw with ASCII characters only."""

    reduced_motion: Annotated[bool, Rule("true or false", "true", flag="--reduced-motion")] = False
    """Let rows keep their places for long: nothing else ever moves by itself or blinks."""

    notify: Annotated[
        tuple[str, ...], Rule(f"{NOTIFY_NONE}, or some of {', '.join(NOTIFY_WAYS)}", "toast,bell")
    ] = ()
    """How to tell of alerts that begin to fire; `osc9` and `osc777` are the desktop's."""

    alerts: Annotated[str, Rule("changes to alert rules", "not-ready for 10m, xid off")] = ""
    """Thresholds, durations and severities of alert rules that are to be others."""

    @property
    def notify_ways(self) -> tuple[str, ...]:
        """How to tell of alerts; empty when that is none."""
        return tuple(way for way in self.notify if way != NOTIFY_NONE)

    @property
    def sort_column(self) -> str:
        """Id of the column to sort by; empty when none is set."""
        return self.sort.removeprefix("-")

    @property
    def sort_reversed(self) -> bool:
        """Whether the column's own direction is to be reversed."""
        return self.sort.startswith("-")


class Origin(NamedTuple):
    """Where a value came from; `where` is "FILE:LINE", a variable or a flag, empty for defaults."""

    layer: Layer
    where: str = ""


class SettingsError(Exception):
    """Settings that cannot be used: one line per problem, each naming its source."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Loaded(NamedTuple):
    """The settings in force, the origin of each field, and lines to show on stderr."""

    settings: Settings
    origins: Mapping[str, Origin]
    warnings: tuple[str, ...] = ()

    def problem(self, field: str, why: str = "") -> str:
        """One line: the value in force of `field` is wrong, where it was set, what to do."""
        return problem(field, self.origins[field], getattr(self.settings, field), why)


FIELDS: Final = tuple(field.name for field in fields(Settings))
PROMETHEUS_FILES: Final = (
    "prometheus_token",
    "prometheus_ca",
    "prometheus_cert",
    "prometheus_key",
)
ENDPOINT_FILES: Final = ("endpoint_token", "endpoint_ca")
AUTHORITIES: Final = ("endpoint_ca", "prometheus_ca")
PATHS: Final = ("mocks", "slo", "prices", "kubeconfig", *ENDPOINT_FILES, *PROMETHEUS_FILES)
"""Settings that name a file or a folder; `~` is the home folder."""

SECRETIVE: Final = frozenset({"endpoint", "prometheus"})
"""Settings in which passwords may stand: no complaint quotes them."""

_VARIABLES: Final = frozenset(ENV_PREFIX + name.upper() for name in FIELDS) | {LEGACY_MODE}


def rules() -> dict[str, tuple[Any, Rule]]:
    """For each field its type and its rule."""
    from typing import get_type_hints  # noqa: PLC0415 - evaluates annotations; rarely needed

    hints = get_type_hints(Settings, include_extras=True)
    return {name: (hints[name].__origin__, hints[name].__metadata__[0]) for name in FIELDS}


def load(
    flags: Mapping[str, Any] | None = None,
    column_ids: Callable[[], Collection[str]] | None = None,
) -> Loaded:
    """Settings from all layers.

    `flags` are the values given on the command line, by field name, already of the right type.
    `column_ids` tells the known columns and is asked only when a setting names one.

    Raises:
        SettingsError: a value, a key or the file itself cannot be used.
    """
    given = dict(flags or {})
    file = config_file()
    if file is None and not any(_is_setting(name) for name in os.environ):
        origins = {name: Origin("flag", flag_of(name)) for name in given}
        values = given
    else:
        from mtop_tui.config.layers import merge  # noqa: PLC0415 - imports pydantic

        values, origins = merge(file, given)
    loaded = Loaded(
        Settings(**(values | {name: _expanded(values.get(name)) for name in PATHS})),
        {name: origins.get(name, Origin("default")) for name in FIELDS},
        tuple(_unknown_variables()),
    )
    if problems := tuple(_checked(loaded, column_ids)):
        raise SettingsError(problems)
    return loaded


def config_file() -> Path | None:
    """The configuration file to read, if there is one.

    A file named by `MTOP_CONFIG` is returned even when it does not exist, so that reading it says
    so; the one in the usual place is optional.
    """
    if named := os.environ.get(CONFIG_VARIABLE):
        return _expanded(Path(named))
    usual = _usual_folder() / "config.yaml"
    try:
        return usual if usual.exists() else None
    except OSError:
        return usual


def config_folder() -> Path:
    """Where the configuration file is, or would be."""
    named = os.environ.get(CONFIG_VARIABLE)
    file = _expanded(Path(named)) if named else None
    return _usual_folder() if file is None else file.parent


def _usual_folder() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME", "")
    # The XDG specification: a relative path is invalid and must be ignored.
    folder = Path(base) if base.startswith("/") else _expanded(Path("~/.config"))
    return (folder or Path(".config")) / "mtop"


def flag_of(field: str) -> str:
    """The command-line flag that sets `field`."""
    return rules()[field][1].flag or f"--{field}"


def problem(field: str, origin: Origin, value: object, why: str = "") -> str:
    """One line that says where a wrong value of `field` was set, what was expected, what to do."""
    rule = rules()[field][1]
    shown = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    if field in SECRETIVE:
        shown = "..."
    said = why or f"expected {rule.expected}"
    where = origin.where
    if origin.layer == "environment":
        return f"{where}={shown}: {said}; unset it or set for instance {where}={rule.example}"
    if origin.layer == "file":
        where, example = f"{where}: {field}", f"{field}: {rule.example}"
    else:
        where = where or field
        example = f"{where}={rule.example}"
    return f"{where}: {said}" if why else f"{where}: {said}, not {shown!r}; for instance {example}"


def nearest(word: str, known: Iterable[str], prefix: str = "") -> str:
    """`; did you mean X?` for the known word nearest to `word`, or nothing when none is near.

    The word is named with `prefix` before it.
    """
    from difflib import get_close_matches  # noqa: PLC0415 - only to word an error

    matches = get_close_matches(word, list(known), n=1, cutoff=_NEAR)
    return f"; did you mean {prefix}{matches[0]}?" if matches else ""


def _is_setting(variable: str) -> bool:
    return variable.upper() in _VARIABLES and bool(os.environ[variable])


def _unknown_variables() -> Iterable[str]:
    for name in sorted(os.environ):
        if name.startswith(ENV_PREFIX) and name not in _VARIABLES | _OTHER_VARIABLES:
            # The prefix, which all of them share, would make any two of them look alike.
            known = [one.removeprefix(ENV_PREFIX) for one in (*_VARIABLES, CONFIG_VARIABLE)]
            hint = nearest(name.removeprefix(ENV_PREFIX), known, ENV_PREFIX)
            yield f"{name}: not a setting of mtop, ignored{hint}"


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


def _expanded(path: Path | None) -> Path | None:
    try:
        return path.expanduser() if path else None
    except RuntimeError:  # no home folder to be found
        return path


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


def _checked(loaded: Loaded, column_ids: Callable[[], Collection[str]] | None) -> Iterable[str]:
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
