"""Columns of the fleet table that are shown only when they are asked for by their id."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final

from mtop_tui.domain.durations import short_duration
from mtop_tui.state.metrics import ServiceMetrics
from mtop_tui.state.service import ServiceState
from mtop_tui.state.sums import ServiceSummary
from mtop_tui.views import format as fmt
from mtop_tui.views.cells import QUIET_UNKNOWN, ServiceFacts
from mtop_tui.views.columns import COLUMN_IDS
from mtop_tui.views.table import Cell, Column, SortValue

LABEL: Final = "label:"
"""What the id of a column begins with that shows a label of the service."""

MOST_LABELS: Final = 40
"""Labels that are offered; any other can be asked for by its id."""

ANNOTATION: Final = "annotation:"
"""The same for an annotation of mtop's own domain."""


def _metric(
    name: str, title: str, words: str, written: Callable[[float], str]
) -> Column[ServiceFacts]:
    def value(metrics: ServiceMetrics) -> float:
        found: float = getattr(metrics, name)
        return found

    def cell(facts: ServiceFacts) -> Cell:
        found = value(facts.metrics)
        return QUIET_UNKNOWN if facts.stale or math.isnan(found) else Cell(written(found))

    def sort(state: ServiceState, _summary: ServiceSummary) -> SortValue:
        found = value(state.last_metrics)
        return None if math.isnan(found) else found

    return Column(_IDS[name], title, words, 5, 8, cell, sort, moves=True)


_IDS: Final = {
    "running": "running",
    "prompt_token_rate": "prompt",
    "prefix_hit_ratio": "hits",
    "preemption_rate": "preemptions",
}


def _model(facts: ServiceFacts) -> Cell:
    return Cell(facts.service.model or fmt.UNKNOWN, "normal" if facts.service.model else "quiet")


def _age(facts: ServiceFacts) -> Cell:
    created = facts.service.created_at
    return QUIET_UNKNOWN if created is None else Cell(short_duration(facts.now - created))


def _younger_first(state: ServiceState, _summary: ServiceSummary) -> SortValue:
    return None if state.service is None else state.service.created_at


MORE: Final[tuple[Column[ServiceFacts], ...]] = (
    _metric("running", "RUN", "Requests running, all replicas", fmt.whole),
    _metric("prompt_token_rate", "IN/S", "Prompt tokens read per second, over 60 s", fmt.count),
    _metric("prefix_hit_ratio", "HITS", "Prompt tokens found in the prefix cache", fmt.percent),
    _metric("preemption_rate", "PRE/S", "Requests put off per second, over 60 s", fmt.count),
    Column(
        "model",
        "WEIGHTS",
        "The model that it serves, by its own name",
        20,
        7,
        _model,
        lambda state, _: None if state.service is None else state.service.model,
        right=False,
        largest_first=False,
        keep_end=True,
    ),
    Column(
        "cluster",
        "CLUSTER",
        "The cluster it is in; there by itself when several are watched",
        9,
        3,
        lambda facts: Cell(facts.service.ref.cluster, "quiet"),
        lambda state, _: state.key.cluster,
        right=False,
        exact=True,
        largest_first=False,
    ),
    Column("age", "AGE", "Since its object was made", 5, 9, _age, _younger_first),
    Column(
        "gpus",
        "GPUS",
        "GPUs that its replicas hold",
        4,
        7,
        lambda facts: Cell(f"{facts.summary.gpus}"),
        lambda _, summary: float(summary.gpus),
    ),
)
_BY_ID: Final = {column.id: column for column in MORE}


KNOWN_IDS: Final = (*COLUMN_IDS, *_BY_ID)
"""Ids of all columns but those of labels and annotations."""


@lru_cache(maxsize=64)
def asked_column(identity: str) -> Column[ServiceFacts]:
    """The column of this id.

    Raises:
        KeyError: there is none.
    """
    for prefix, field in ((LABEL, "labels"), (ANNOTATION, "annotations")):
        if identity.startswith(prefix) and len(identity) > len(prefix):
            return _text(identity, field, identity.removeprefix(prefix))
    return _BY_ID[identity]


def label_columns(states: Iterable[ServiceState]) -> list[Column[ServiceFacts]]:
    """A column for each label that a service carries, those of most services first."""
    counts = Counter(
        key for state in states if state.service is not None for key in state.service.labels
    )
    return [asked_column(f"{LABEL}{key}") for key, _ in counts.most_common(MOST_LABELS)]


def _text(identity: str, field: str, key: str) -> Column[ServiceFacts]:
    def value(state: ServiceState) -> str | None:
        texts: dict[str, str] = {} if state.service is None else getattr(state.service, field)
        return texts.get(key)

    def cell(facts: ServiceFacts) -> Cell:
        return QUIET_UNKNOWN if (text := value(facts.state)) is None else Cell(text)

    return Column(
        identity,
        key.rpartition("/")[2].upper(),
        f"{field.removesuffix('s').capitalize()} {key}",
        12,
        7,
        cell,
        lambda state, _: value(state),
        right=False,
        largest_first=False,
    )
