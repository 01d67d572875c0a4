"""Views of the fleet that were saved under a name: what is wanted, in what order and columns.

They stand in a file of their own, `views.yaml` beside the configuration file, so that mtop can
write it without touching what a user wrote:

    burning:
      sort: -burn
      filter: burn>1 and ns=prod*
      columns: [name, burn, budget, label:team]
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from mtop_tui.config.settings import SettingsError, config_folder, nearest
from mtop_tui.views.columns import fleet_column
from mtop_tui.views.fleet import FleetQuery
from mtop_tui.views.fleet_filter import fleet_filter
from mtop_tui.views.groups import is_way
from mtop_tui.views.query import QueryError

LONGEST_NAME: Final = 40
MOST: Final = 100

_FIELDS: Final = ("sort", "filter", "namespaces", "columns", "group")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def views_file() -> Path:
    """Where views are saved, whether or not the file is there."""
    return config_folder() / "views.yaml"


def read_views(path: Path) -> dict[str, FleetQuery]:
    """The saved views by name; none when there is no file.

    Raises:
        SettingsError: naming file, line and field of all that is wrong.
    """
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=_Loader)
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise SettingsError([f"{path}: not UTF-8 text (byte {error.start})"]) from error
    except OSError as error:
        raise SettingsError([f"{path}: cannot be read: {error.strerror}"]) from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsError([f"{path}:{line}: not YAML: {error.problem}"]) from error
    except yaml.YAMLError as error:
        raise SettingsError([f"{path}: not YAML: {error}".replace("\n", " ")]) from error
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise SettingsError([f"{path}:1: expected the names of views, each with its fields"])
    problems: list[str] = []
    views: dict[str, FleetQuery] = {}
    for key, node in root.value:
        where = f"{path}:{key.start_mark.line + 1}: {key.value}"
        if key.value in views:
            problems.append(f"{where}: there is another view of that name")
        elif wrong := wrong_name(str(key.value)):
            problems.append(f"{where}: {wrong}")
        else:
            views[key.value] = _view(path, where, node, problems)
    if problems:
        raise SettingsError(problems)
    return views


def wrong_name(name: str) -> str:
    """What is wrong with the name of a view; empty when nothing is."""
    if not name or not name.isprintable() or name != name.strip():
        return "expected a name in printable characters"
    return f"a name has at most {LONGEST_NAME} characters" if len(name) > LONGEST_NAME else ""


def _view(path: Path, where: str, node: yaml.Node, problems: list[str]) -> FleetQuery:
    found: dict[str, Any] = {}
    if not isinstance(node, yaml.MappingNode):
        problems.append(f"{where}: expected fields, such as sort: -ttft")
        return FleetQuery()
    for key, value in node.value:
        place = f"{path}:{key.start_mark.line + 1}: {key.value}"
        read = _READ.get(key.value)
        if read is None:
            hint = nearest(str(key.value), _FIELDS) or f"; there are {', '.join(_FIELDS)}"
            problems.append(f"{place}: not a field of a view{hint}")
            continue
        try:
            found |= read(value)
        except ValueError as error:
            problems.append(f"{place}: {error}")
    return FleetQuery(**found)


def _text(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise ValueError("expected text")
    return str(node.value)


def _texts(node: yaml.Node) -> tuple[str, ...]:
    if not isinstance(node, yaml.SequenceNode):
        raise ValueError("expected a list")
    return tuple(map(_text, node.value))


def _column(identity: str) -> str:
    try:
        return fleet_column(identity).id
    except KeyError:
        raise ValueError(f"no column {identity}") from None


def _sort(node: yaml.Node) -> dict[str, Any]:
    text = _text(node)
    return {"sort": _column(text.removeprefix("-")), "reversed": text.startswith("-")}


def _filter(node: yaml.Node) -> dict[str, Any]:
    text = _text(node)
    try:
        fleet_filter(text)
    except QueryError as error:
        raise ValueError(f"{error}") from error
    return {"filter": text}


def _group(node: yaml.Node) -> dict[str, Any]:
    text = _text(node)
    if not is_way(text):
        raise ValueError(f"expected namespace, gpu, model, route or label:KEY, not {text}")
    return {"group": text}


_READ: Final[Mapping[str, Callable[[yaml.Node], dict[str, Any]]]] = {
    "sort": _sort,
    "filter": _filter,
    "namespaces": lambda node: {"namespaces": _texts(node)},
    "columns": lambda node: {"columns": tuple(map(_column, _texts(node)))},
    "group": _group,
}


def save_view(path: Path, name: str, query: FleetQuery | None) -> dict[str, FleetQuery]:
    """Save a view under a name, or remove it (None); returns all views there are then.

    The file is read first and replaced as a whole, so that nothing in it is lost.

    Raises:
        SettingsError: what stands there cannot be read.
        OSError: the file cannot be written.
        ValueError: the name is none, or there are too many views.
    """
    if wrong := wrong_name(name):
        raise ValueError(wrong)
    views = read_views(path)
    if query is None:
        views.pop(name, None)
    else:
        views[name] = query
    if len(views) > MOST:
        raise ValueError(f"there are {MOST} views; remove one first")
    path.parent.mkdir(parents=True, exist_ok=True)
    written = {one: _written(view) for one, view in sorted(views.items())}
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=".views", delete=False
    ) as file:
        new = Path(file.name)
        try:
            yaml.safe_dump(written, file, sort_keys=False, allow_unicode=True)
            file.flush()
            new.replace(path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
    return views


def _written(view: FleetQuery) -> dict[str, object]:
    fields: dict[str, object] = {
        "sort": f"{'-' if view.reversed else ''}{view.sort}",
        "filter": view.filter,
        "namespaces": list(view.namespaces),
        "columns": list(view.columns),
        "group": view.group,
    }
    return {name: value for name, value in fields.items() if value}
