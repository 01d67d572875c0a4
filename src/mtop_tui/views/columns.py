"""The columns of the fleet table: what each says, how it sorts, and which go first when it is
narrow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

from mtop_tui.domain.readiness import Health
from mtop_tui.state.service import ServiceState
from mtop_tui.state.sums import ServiceSummary
from mtop_tui.views import cells, table
from mtop_tui.views.cells import ServiceFacts
from mtop_tui.views.table import Column, SortValue

FleetColumn = Column[ServiceFacts]
"""A column whose `sort` takes a service and its summary, which are at hand for all of them."""


def _number(value: float) -> SortValue:
    return None if math.isnan(value) else value


def _burn_sort(state: ServiceState, _summary: ServiceSummary) -> SortValue:
    rate = cells.burn_rate(state)
    return None if rate is None else rate.high


def _budget_sort(state: ServiceState, _summary: ServiceSummary) -> SortValue:
    left = cells.budget_left(state)
    return None if left is None else left.low


def _price_sort(state: ServiceState, summary: ServiceSummary) -> SortValue:
    price = cells.token_price(summary, state.last_metrics)
    return None if price is None else float(price)


def _state_sort(state: ServiceState, summary: ServiceSummary) -> SortValue:
    if summary.health == Health.FINE and state.is_burning:
        return Health.PROGRESSING + 0.5
    queueing = summary.health == Health.FINE and cells.is_queueing(state.last_metrics)
    return summary.health + 0.5 * queueing


COLUMNS: tuple[FleetColumn, ...] = (
    Column(
        "mark",
        "",
        "! failing or burning, ~ in progress or queueing, ? unknown",
        1,
        0,
        cells.mark,
        _state_sort,
        moves=True,
    ),
    Column(
        "name",
        "MODEL",
        "Name of the LLMInferenceService",
        16,
        0,
        cells.name,
        lambda state, _: state.key.name,
        right=False,
        grows=True,
        largest_first=False,
        keep_end=True,
    ),
    Column(
        "namespace",
        "NAMESPACE",
        "Kubernetes namespace",
        9,
        4,
        cells.namespace,
        lambda state, _: state.key.namespace,
        right=False,
        exact=True,
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
        moves=True,
    ),
    Column(
        "replicas",
        "REPL",
        "Replicas ready / desired",
        4,
        2,
        cells.replicas,
        lambda _, summary: float(summary.ready_replicas),
        exact=True,
    ),
    Column(
        "gpu",
        "GPU",
        "GPU type and GPUs per replica (decode+prefill)",
        7,
        6,
        cells.gpus,
        lambda state, _: cells.gpu_text(state),
        right=False,
        largest_first=False,
        exact=True,
    ),
    Column(
        "requests",
        "REQ/S",
        "Requests ended per second, over 60 s",
        5,
        2,
        cells.request_rate,
        lambda state, _: _number(state.last_metrics.request_rate),
        moves=True,
    ),
    Column(
        "tokens",
        "TOK/S",
        "Tokens generated per second, over 60 s",
        5,
        10,
        cells.generation_rate,
        lambda state, _: _number(state.last_metrics.generation_token_rate),
        moves=True,
    ),
    Column(
        "ttft",
        "TTFT p95",
        "Time to first token, 95th percentile, over 60 s",
        8,
        2,
        cells.ttft,
        lambda state, _: _number(state.last_metrics.ttft_p95),
        moves=True,
    ),
    Column(
        "trend",
        "TREND",
        "TTFT p95 of the last 5 minutes",
        cells.TREND_CELLS,
        5,
        cells.trend,
        lambda state, _: _number(state.last_metrics.ttft_p95),
        right=False,
        moves=True,
    ),
    Column(
        "tpot",
        "TPOT",
        "Time per output token, mean over tokens, over 60 s",
        6,
        5,
        cells.tpot,
        lambda state, _: _number(state.last_metrics.tpot),
        moves=True,
    ),
    Column(
        "queue",
        "QUEUE",
        "Requests waiting, all replicas",
        5,
        3,
        cells.queue,
        lambda state, _: _number(state.last_metrics.queue),
        moves=True,
    ),
    Column(
        "kv",
        "KV",
        "KV cache in use, fullest replica",
        4,
        5,
        cells.kv,
        lambda state, _: _number(state.last_metrics.kv_usage),
        moves=True,
    ),
    Column(
        "errors",
        "ERR",
        "Requests that failed, over 60 s",
        5,
        8,
        cells.errors,
        lambda state, _: _number(state.last_metrics.error_ratio),
        moves=True,
    ),
    Column(
        "budget",
        "BUDGET",
        "Error budget left where it is least, as far as it was seen",
        6,
        11,
        cells.budget,
        _budget_sort,
        largest_first=False,
        moves=True,
    ),
    Column(
        "burn",
        "BURN",
        "Burn rate of the error budget over an hour, 1 is sustainable",
        5,
        3,
        cells.burn,
        _burn_sort,
        moves=True,
    ),
    Column(
        "cost",
        "$/H",
        "USD per hour of the GPUs it holds",
        6,
        6,
        cells.cost,
        lambda _, summary: float(summary.cost.usd),
    ),
    Column(
        "token_price",
        "$/1M",
        "USD per million tokens, prompt and generated",
        5,
        9,
        cells.token_price_cell,
        _price_sort,
        moves=True,
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


def fleet_column(identity: str) -> FleetColumn:
    """The column of this id, be it one that is shown only when asked for.

    Raises:
        KeyError: there is none.
    """
    found = BY_ID.get(identity)
    if found is not None:
        return found
    from mtop_tui.views.asked_columns import asked_column  # noqa: PLC0415 - when one is asked for

    return asked_column(identity)


NAME_SHARE = 5
"""Of the width, one part in so many is for names that need it."""

LONGEST_STATE = 22
LONGEST_ROLLOUT = 26


def longest(services: Sequence[tuple[ServiceState, ServiceSummary]]) -> dict[str, int]:
    """Length of the longest value of each column whose width follows what it shows.

    Values that change with time count as a fixed length, so that columns do not jump about.
    """
    clusters = {state.key.cluster for state, _ in services}
    return {
        # One alone need not be told from others.
        "cluster": max(map(len, clusters)) if len(clusters) > 1 else 0,
        "name": max((len(state.key.name) for state, _ in services), default=0),
        "namespace": max((len(state.key.namespace) for state, _ in services), default=0),
        "replicas": max(
            (len(cells.replicas_text(state, summary)) for state, summary in services), default=0
        ),
        "gpu": max((len(cells.gpu_text(state)) for state, _ in services), default=0),
        "state": LONGEST_STATE,
        "rollout": LONGEST_ROLLOUT,
    }


def placed(
    width: int, longest: Mapping[str, int], wanted: Sequence[str] = (), sorted_by: str = "mark"
) -> list[tuple[FleetColumn, int]]:
    """The columns that fit into a width, with the width each is given.

    Columns of the highest priority number go first; the mark, the name and the column that is
    sorted by stay. Spare width goes to the columns that grow, up to their longest value.

    Args:
        width: cells there are.
        longest: see `longest`.
        wanted: ids in the order wanted, of which the last go first; all columns when empty.
        sorted_by: id of the column that is sorted by.
    """
    chosen = table.asked_for(map(fleet_column, wanted)) if wanted else list(COLUMNS)
    if not wanted and longest.get("cluster"):
        chosen.insert(COLUMN_IDS.index("namespace"), fleet_column("cluster"))
    if sorted_by not in BY_ID and sorted_by not in wanted:
        chosen.append(fleet_column(sorted_by))
    if "mark" not in wanted:
        chosen = [BY_ID["mark"], *(column for column in chosen if column.id != "mark")]
    # On a wide screen names are worth more than the last column that would still fit.
    whole = min(longest["name"], width // NAME_SHARE)
    chosen = [
        msgspec.structs.replace(column, width=max(column.width, whole))
        if column.id == "name"
        else column
        for column in chosen
    ]
    return table.placed(chosen, width, longest, (sorted_by,))
