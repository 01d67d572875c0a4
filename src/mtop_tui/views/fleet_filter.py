"""Which services a filter wants: the fields that can be compared, and the text of a service."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.metrics import ServiceMetrics
from mtop_tui.state.service import ServiceState
from mtop_tui.views import cells
from mtop_tui.views.query import Field, Value, parse_query


class Asked(NamedTuple):
    """A service, and what is needed to tell whether it is wanted."""

    store: FleetStore
    state: ServiceState
    now: float


def _metric(name: str) -> Field[Asked]:
    def value(asked: Asked) -> Value:
        found: float = getattr(asked.state.last_metrics, name)
        return None if math.isnan(found) or asked.state.is_stale(asked.now) else found

    assert name in ServiceMetrics._fields or name == "token_rate"
    return Field(value)


def _text(value: Callable[[Asked], str | None]) -> Field[Asked]:
    return Field(value, is_number=False)


def _label(name: str) -> Field[Asked]:
    def value(asked: Asked) -> str | None:
        service = asked.state.service
        return None if service is None else service.labels.get(name)

    return _text(value)


def _burn(asked: Asked) -> Value:
    rate = cells.burn_rate(asked.state)
    return None if rate is None else rate.high


def _budget(asked: Asked) -> Value:
    left = cells.budget_left(asked.state)
    return None if left is None else left.low


def _price(asked: Asked) -> Value:
    price = cells.token_price(asked.store.summary(asked.state), asked.state.last_metrics)
    return None if price is None else float(price)


def _group(asked: Asked) -> str | None:
    group = asked.store.groups.of(asked.state.key)
    return None if group is None else group.ref.name


_NAMESPACE = _text(lambda asked: asked.state.key.namespace)
FIELDS: Final[dict[str, Field[Asked]]] = {
    "name": _text(lambda asked: asked.state.key.name),
    "ns": _NAMESPACE,
    "namespace": _NAMESPACE,
    "cluster": _text(lambda asked: asked.state.key.cluster),
    "model": _text(
        lambda asked: None if asked.state.service is None else asked.state.service.model
    ),
    "state": _text(lambda asked: asked.store.status(asked.state, asked.now).text),
    "gpu": _text(lambda asked: cells.gpu_text(asked.state)),
    "team": _label("team"),
    "group": _text(_group),
    "ready": Field(lambda asked: float(asked.store.summary(asked.state).ready_replicas)),
    "desired": Field(lambda asked: asked.store.summary(asked.state).desired_replicas),
    "gpus": Field(lambda asked: float(asked.store.summary(asked.state).gpus)),
    "req": _metric("request_rate"),
    "tokens": _metric("generation_token_rate"),
    "ttft": _metric("ttft_p95"),
    "tpot": _metric("tpot"),
    "queue": _metric("queue"),
    "running": _metric("running"),
    "kv": _metric("kv_usage"),
    "errors": _metric("error_ratio"),
    "hits": _metric("prefix_hit_ratio"),
    "preempt": _metric("preemption_rate"),
    "burn": Field(_burn),
    "budget": Field(_budget),
    "cost": Field(lambda asked: float(asked.store.summary(asked.state).cost.usd)),
    "price": Field(_price),
}
"""What can be compared: texts, and numbers in seconds, ratios, per second and USD."""


@lru_cache(maxsize=64)
def fleet_filter(text: str) -> Callable[[Asked], bool]:
    """Whether a service is wanted by what was typed.

    Raises:
        QueryError: it is no filter; at which column, and what was expected there.
    """
    return parse_query(text, FIELDS, _words)


def _words(asked: Asked) -> str:
    state = asked.state
    model = "" if state.service is None else state.service.model
    status = asked.store.status(state, asked.now).text
    return " ".join((state.key.name, state.key.namespace, model, cells.gpu_text(state), status))
