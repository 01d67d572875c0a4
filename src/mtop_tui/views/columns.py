"""The columns of the fleet table: what each says, how it sorts, and which go first when it is
narrow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mtop_tui.state.fleet import ServiceSummary
from mtop_tui.state.service import ServiceState
from mtop_tui.views import cells
from mtop_tui.views.cells import Cell, ServiceFacts

SortValue = float | str | None
"""What a column sorts by; None sorts last in both directions."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    `width` is what its widest value needs. With `grows`, it takes spare width up to its longest
    value. `priority` 0 stays to the last; the highest goes first when the terminal is narrow.
    """

    id: str
    title: str
    help: str
    width: int
    priority: int
    cell: Callable[[ServiceFacts], Cell]
    sort: Callable[[ServiceState, ServiceSummary], SortValue]
    right: bool = True
    grows: bool = False
    largest_first: bool = True


def _number(value: float) -> SortValue:
    return None if math.isnan(value) else value


def _unsortable(_state: ServiceState, _summary: ServiceSummary) -> SortValue:
    return None


def _price_sort(state: ServiceState, summary: ServiceSummary) -> SortValue:
    price = cells.token_price(summary, state.last_metrics)
    return None if price is None else float(price)


def _state_sort(_state: ServiceState, summary: ServiceSummary) -> SortValue:
    return float(summary.health)


COLUMNS: tuple[Column, ...] = (
    Column("mark", "", "! failing, ~ in progress, ? unknown", 1, 0, cells.mark, _state_sort),
    Column(
        "name",
        "MODEL",
        "Name of the LLMInferenceService",
        14,
        0,
        cells.name,
        lambda state, _: state.key.name,
        right=False,
        grows=True,
        largest_first=False,
    ),
    Column(
        "namespace",
        "NAMESPACE",
        "Kubernetes namespace",
        11,
        4,
        cells.namespace,
        lambda state, _: state.key.namespace,
        right=False,
        grows=True,
        largest_first=False,
    ),
    Column(
        "state",
        "STATE",
        "What it does, or why it does not",
        16,
        1,
        cells.state,
        _state_sort,
        right=False,
        grows=True,
    ),
    Column(
        "replicas",
        "REPL",
        "Replicas ready / desired",
        7,
        2,
        cells.replicas,
        lambda _, summary: float(summary.ready_replicas),
    ),
    Column(
        "gpu",
        "GPU",
        "GPU type and GPUs per replica (decode+prefill)",
        12,
        6,
        cells.gpus,
        lambda state, _: cells.gpu_text(state),
        right=False,
        grows=True,
        largest_first=False,
    ),
    Column(
        "requests",
        "REQ/S",
        "Requests ended per second, over 60 s",
        6,
        2,
        cells.request_rate,
        lambda state, _: _number(state.last_metrics.request_rate),
    ),
    Column(
        "tokens",
        "TOK/S",
        "Tokens generated per second, over 60 s",
        6,
        10,
        cells.generation_rate,
        lambda state, _: _number(state.last_metrics.generation_token_rate),
    ),
    Column(
        "ttft",
        "TTFT p95",
        "Time to first token, 95th percentile, over 60 s",
        8,
        2,
        cells.ttft,
        lambda state, _: _number(state.last_metrics.ttft_p95),
    ),
    Column(
        "trend",
        "TREND",
        "TTFT p95 of the last 5 minutes",
        cells.TREND_CELLS,
        8,
        cells.trend,
        lambda state, _: _number(state.last_metrics.ttft_p95),
        right=False,
    ),
    Column(
        "tpot",
        "TPOT",
        "Time per output token, mean over tokens, over 60 s",
        7,
        5,
        cells.tpot,
        lambda state, _: _number(state.last_metrics.tpot),
    ),
    Column(
        "queue",
        "QUEUE",
        "Requests waiting, all replicas",
        5,
        3,
        cells.queue,
        lambda state, _: _number(state.last_metrics.queue),
    ),
    Column(
        "kv",
        "KV",
        "KV cache in use, fullest replica",
        5,
        5,
        cells.kv,
        lambda state, _: _number(state.last_metrics.kv_usage),
    ),
    Column(
        "errors",
        "ERR",
        "Requests that failed, over 60 s",
        5,
        7,
        cells.errors,
        lambda state, _: _number(state.last_metrics.error_ratio),
    ),
    Column("budget", "BUDGET", "Error budget left", 6, 11, cells.not_yet, _unsortable),
    Column(
        "burn", "BURN", "Error budget burn rate, 1 is sustainable", 5, 3, cells.not_yet, _unsortable
    ),
    Column(
        "cost",
        "$/H",
        "USD per hour of the GPUs it holds",
        7,
        6,
        cells.cost,
        lambda _, summary: float(summary.cost.usd),
    ),
    Column(
        "token_price",
        "$/1M",
        "USD per million tokens, prompt and generated",
        6,
        9,
        cells.token_price_cell,
        _price_sort,
    ),
    Column(
        "rollout",
        "ROLLOUT",
        "Share of its route group, or revision being rolled out",
        11,
        9,
        cells.rollout,
        lambda state, _: _number(float(len(state.revisions))),
        right=False,
        grows=True,
    ),
)

BY_ID = {column.id: column for column in COLUMNS}
COLUMN_IDS = tuple(BY_ID)
SEPARATOR = 2


def placed(
    width: int, longest: Callable[[Column], int], wanted: Sequence[str] = ()
) -> list[tuple[Column, int]]:
    """The columns that fit into a width, with the width each is given.

    Columns of the highest priority number go first; the mark and the name stay. Spare width goes
    to the columns that grow, up to their longest value.

    Args:
        width: cells there are.
        longest: length of a column's longest value.
        wanted: ids in the order wanted; all columns when empty.
    """
    chosen = [BY_ID[identity] for identity in wanted] if wanted else list(COLUMNS)
    if "mark" not in wanted:
        chosen = [BY_ID["mark"], *(column for column in chosen if column.id != "mark")]

    def needed() -> int:
        gaps = sum(1 if column.id == "mark" else SEPARATOR for column in chosen[:-1])
        return sum(column.width for column in chosen) + gaps

    while needed() > width and len(chosen) > 2:
        chosen.remove(max(reversed(chosen), key=lambda column: column.priority))
    widths = {column.id: column.width for column in chosen}
    spare = width - needed()
    for column in chosen:
        if column.grows and spare > 0:
            more = min(spare, max(0, longest(column) - column.width))
            widths[column.id] += more
            spare -= more
    if spare < 0:
        widths[chosen[-1].id] = max(1, widths[chosen[-1].id] + spare)
    return [(column, widths[column.id]) for column in chosen]
