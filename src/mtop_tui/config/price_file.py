"""A user's price file: YAML, each complaint with the line it is about. See docs/cost.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from mtop_tui.config.settings import nearest
from mtop_tui.domain.cost.prices import Capacity, PriceError, PriceRule, read_price

CURRENCY = "USD"
ANY = "any"
ON_DEMAND = "on-demand"
UNPRICED = "unpriced"

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class PriceFileError(PriceError):
    """A price file that cannot be used: one line per problem, each naming file, line and field."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class PriceFile(NamedTuple):
    """What a price file says, and where each of its entries stands, such as `prices.yaml:7`."""

    rules: tuple[PriceRule, ...]
    spot_as_on_demand: bool
    places: tuple[str, ...] = ()


class _Field(NamedTuple):
    """A value that is not read yet, and where it stands."""

    where: str
    name: str
    node: yaml.Node

    def wrong(self, expected: str) -> _ProblemError:
        """The complaint that this value is not what was expected."""
        stands = self.node.value if isinstance(self.node, yaml.ScalarNode) else "a list or mapping"
        return _ProblemError(f"{self.where}: {self.name}: expected {expected}, not {stands}")


class _ProblemError(Exception):
    """One problem, worded in full."""


def read(path: Path) -> PriceFile:
    """The rules in a price file, in its order.

    Raises:
        PriceFileError: naming all that is wrong with it.
    """
    problems: list[str] = []
    try:
        top = _fields(path, "", _root(path), _TOP)
        source = _read(top, "source", _text, path.name)
        as_of = _read(top, "as_of", _date, None)
        _read(top, "currency", _currency, CURRENCY)
        spot = _read(top, "spot_without_price", _spot, UNPRICED)
        entries = _entries(path, top)
    except _ProblemError as problem:
        raise PriceFileError([str(problem)]) from None
    rules = []
    for index, entry in enumerate(entries, 1):
        try:
            rules.append(_rule(path, index, entry, source, as_of))
        except _ProblemError as problem:
            problems.append(str(problem))
    if problems:
        raise PriceFileError(problems)
    places = tuple(f"{path}:{_line(entry)}" for entry in entries)
    return PriceFile(tuple(rules), spot == ON_DEMAND, places)


def _rule(path: Path, index: int, node: yaml.Node, source: str, as_of: date | None) -> PriceRule:
    prefix = f"prices[{index}]"
    fields = _fields(path, f"{prefix}.", node, _ENTRY)
    where = f"{path}:{_line(node)}"
    values = {_ENTRY[name].attribute: _ENTRY[name].read(field) for name, field in fields.items()}
    values = {"source": source, "as_of": as_of} | values
    if values["as_of"] is None:
        raise _ProblemError(
            f"{where}: {prefix}: no date; write as_of: YYYY-MM-DD here or at the top of the file"
        )
    try:
        rule = PriceRule(**values)
    except PriceError as error:
        raise _ProblemError(f"{where}: {prefix}: {error}") from None
    criteria = (rule.instance_type, rule.region, rule.gpu_type, rule.labels)
    priced = rule.usd_per_hour is not None or rule.usd_per_gpu_hour is not None
    if priced and not any(criteria):
        raise _ProblemError(
            f"{where}: {prefix}: would be the price of every node; say which with "
            "instance, region, gpu or labels"
        )
    return rule


# Values


def _text(field: _Field) -> str:
    if not isinstance(field.node, yaml.ScalarNode) or not field.node.value:
        raise field.wrong("text")
    return str(field.node.value)


def _price(field: _Field) -> Decimal:
    try:
        return read_price(_text(field))
    except PriceError:
        raise field.wrong("a number of USD above 0, such as 55.04") from None


def _percent(field: _Field) -> Decimal:
    expected = "a percentage above 0 and below 100"
    try:
        percent = Decimal(_text(field))
    except InvalidOperation:
        raise field.wrong(expected) from None
    if not percent.is_finite() or not 0 < percent < 100:
        raise field.wrong(expected)
    return percent


def _date(field: _Field) -> date:
    try:
        return date.fromisoformat(_text(field))
    except ValueError:
        raise field.wrong("a date such as 2026-11-20") from None


def _currency(field: _Field) -> str:
    if _text(field) != CURRENCY:
        raise field.wrong(f"{CURRENCY}, the one currency that mtop adds up")
    return CURRENCY


def _spot(field: _Field) -> str:
    if (word := _text(field)) not in {UNPRICED, ON_DEMAND}:
        raise field.wrong(f"{UNPRICED} or {ON_DEMAND}")
    return word


def _capacity(field: _Field) -> Capacity | None:
    word = _text(field)
    if word == ANY:
        return None
    try:
        return Capacity(word)
    except ValueError:
        raise field.wrong(", ".join([*Capacity, ANY])) from None


def _labels(field: _Field) -> tuple[tuple[str, str], ...]:
    if not isinstance(field.node, yaml.MappingNode) or not field.node.value:
        raise field.wrong("a mapping of node labels, such as {pool: h100}")
    return tuple(
        (
            _text(_Field(field.where, f"{field.name} (a label)", key)),
            _text(_Field(field.where, f"{field.name}.{key.value}", value)),
        )
        for key, value in field.node.value
    )


class _Known(NamedTuple):
    """A key of an entry: the rule's attribute, and how its value is read."""

    attribute: str
    read: Callable[[_Field], Any]


_TOP = ("currency", "source", "as_of", "spot_without_price", "prices")
_ENTRY: Mapping[str, _Known] = {
    "instance": _Known("instance_type", _text),
    "region": _Known("region", _text),
    "gpu": _Known("gpu_type", _text),
    "labels": _Known("labels", _labels),
    "capacity": _Known("capacity", _capacity),
    "usd_per_hour": _Known("usd_per_hour", _price),
    "usd_per_gpu_hour": _Known("usd_per_gpu_hour", _price),
    "discount_percent": _Known("discount_percent", _percent),
    "source": _Known("source", _text),
    "as_of": _Known("as_of", _date),
}


# YAML


def _root(path: Path) -> yaml.Node:
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=_Loader)
    except UnicodeDecodeError as error:
        raise _ProblemError(
            f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8"
        ) from None
    except OSError as error:
        raise _ProblemError(f"{path}: cannot be read: {error.strerror}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _ProblemError(f"{path}:{line}: not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise _ProblemError(f"{path}: not YAML: {error}".replace("\n", " ")) from None
    if root is None:
        raise _ProblemError(f"{path}: empty; expected `prices:` with a list of entries")
    return root


def _fields(path: Path, prefix: str, node: yaml.Node, known: Iterable[str]) -> dict[str, _Field]:
    if not isinstance(node, yaml.MappingNode):
        what = prefix.rstrip(".") or "the file"
        raise _ProblemError(f"{path}:{_line(node)}: {what}: expected `name: value` lines")
    fields: dict[str, _Field] = {}
    for key, value in node.value:
        where, name = f"{path}:{_line(key)}", str(key.value)
        if name not in known:
            hint = nearest(name, known) or f"; there are {', '.join(known)}"
            raise _ProblemError(f"{where}: {prefix}{name}: not known{hint}")
        if name in fields:
            raise _ProblemError(f"{where}: {prefix}{name}: stands here twice; keep one")
        fields[name] = _Field(where, f"{prefix}{name}", value)
    return fields


def _read(
    fields: Mapping[str, _Field], name: str, read_value: Callable[[_Field], Any], default: Any
) -> Any:
    return read_value(fields[name]) if name in fields else default


def _entries(path: Path, top: Mapping[str, _Field]) -> list[yaml.Node]:
    field = top.get("prices")
    if field is None:
        raise _ProblemError(f"{path}:1: no `prices:` with a list of entries")
    if not isinstance(field.node, yaml.SequenceNode) or not field.node.value:
        raise field.wrong("a list of entries")
    return list(field.node.value)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
