"""Costs summed by replica, revision, service, namespace, GPU type or any label.

Dollars and tokens are summed per group; a group's rates are made of its sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from mtop_tui.domain.cost.money import Money
from mtop_tui.domain.cost.tokens import TokenUse

DEFAULT_LABEL = "team"

Group = tuple[str, ...] | None
"""Names that identify a group, outermost first; None gathers what has no such name."""


class CostRow(NamedTuple):
    """What one replica costs and served; money and tokens are of the same time."""

    cluster: str
    namespace: str
    service: str
    revision: str
    replica: str
    gpu_type: str | None
    labels: Mapping[str, str]
    cost: Money
    use: TokenUse = TokenUse()


class GroupCost(NamedTuple):
    """Sums of one group."""

    cost: Money
    use: TokenUse


def _by_revision(row: CostRow) -> Group:
    if not row.revision:
        return None
    return row.cluster, row.namespace, row.service, row.revision


DIMENSIONS: Mapping[str, Callable[[CostRow], Group]] = {
    "replica": lambda row: (row.cluster, row.namespace, row.replica),
    "revision": _by_revision,
    "service": lambda row: (row.cluster, row.namespace, row.service),
    "namespace": lambda row: (row.cluster, row.namespace),
    "gpu": lambda row: (row.gpu_type,) if row.gpu_type else None,
}


def by_label(label: str = DEFAULT_LABEL) -> Callable[[CostRow], Group]:
    """A grouping by the value of a label; an empty value is as none."""

    def value(row: CostRow) -> Group:
        return (found,) if (found := row.labels.get(label)) else None

    return value


def grouped(rows: Iterable[CostRow], key: Callable[[CostRow], Group]) -> dict[Group, GroupCost]:
    """Sums by group, in the order in which groups appear; nothing is left out.

    All rows are of one basis and one window.

    Args:
        rows: one per replica.
        key: one of `DIMENSIONS`, or `by_label(...)`.
    """
    sums: dict[Group, GroupCost] = {}
    for row in rows:
        group = key(row)
        held = sums.get(group)
        sums[group] = (
            GroupCost(row.cost, row.use)
            if held is None
            else GroupCost(held.cost + row.cost, held.use + row.use)
        )
    return sums


def group_name(group: Group, dimension: str) -> str:
    """A group in words: `chat/llama`, or `no team` for what has no such name."""
    return f"no {dimension}" if group is None else "/".join(group)
