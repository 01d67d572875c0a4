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
    from mtop_tui.config.checks import problems  # noqa: PLC0415 - it checks what is defined here

    if wrong := tuple(problems(loaded, column_ids)):
        raise SettingsError(wrong)
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


def _expanded(path: Path | None) -> Path | None:
    try:
        return path.expanduser() if path else None
    except RuntimeError:  # no home folder to be found
        return path
