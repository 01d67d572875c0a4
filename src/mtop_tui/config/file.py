"""The configuration file, with the line each value stands on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import yaml

from mtop_tui.config.settings import FIELDS, PATHS, SettingsError, nearest

_NULL = "tag:yaml.org,2002:null"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Entry(NamedTuple):
    """One value and its line, counted from 1."""

    value: Any
    line: int


def read(path: Path) -> dict[str, Entry]:
    """The settings in the file; keys without a value count as not set.

    Raises:
        SettingsError: the file cannot be read, is no YAML mapping, or has unknown or double keys.
    """
    root = _root(path, _text(path))
    if root is None or root.tag == _NULL:
        return {}
    if not isinstance(root, yaml.MappingNode):
        line = root.start_mark.line + 1
        raise SettingsError(
            [f"{path}:{line}: expected `name: value` lines, for instance refresh: 1"]
        )
    entries: dict[str, Entry] = {}
    problems: list[str] = []
    for key_node, value_node in root.value:
        line = key_node.start_mark.line + 1
        key = key_node.value if isinstance(key_node, yaml.ScalarNode) else "this key"
        if key not in FIELDS:
            hint = nearest(key, FIELDS) or f"; there are {', '.join(FIELDS)}"
            problems.append(f"{path}:{line}: {key}: not a setting of mtop{hint}")
        elif key in entries:
            problems.append(
                f"{path}:{line}: {key}: already set on line {entries[key].line}; keep one of them"
            )
        else:
            entries[key] = Entry(_value(path, key, value_node), line)
    if problems:
        raise SettingsError(problems)
    return {key: entry for key, entry in entries.items() if entry.value is not None}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(
            [f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8"]
        ) from error
    except OSError as error:
        raise SettingsError(
            [f"{path}: cannot be read: {error.strerror}; make it readable, or unset MTOP_CONFIG"]
        ) from error


def _root(path: Path, text: str) -> Any:
    try:
        return yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsError([f"{path}:{line}: not YAML: {error.problem}"]) from error
    except yaml.YAMLError as error:
        raise SettingsError([f"{path}: not YAML: {error}".replace("\n", " ")]) from error


def _value(path: Path, key: str, node: Any) -> Any:
    loader = _Loader("")
    try:
        value = loader.construct_object(node, deep=True)
    except yaml.MarkedYAMLError as error:
        line = node.start_mark.line + 1
        raise SettingsError([f"{path}:{line}: {key}: {error.problem}"]) from error
    finally:
        loader.dispose()
    if key in PATHS and isinstance(value, str) and not value.startswith("~"):
        return str(path.parent / value)
    return value
