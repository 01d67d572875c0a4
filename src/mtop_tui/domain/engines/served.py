"""Which model a page of metrics is about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mtop_tui.domain.engines.tables import Engine, Labelled, label_of

_LABELS = ("model_name", "served_model_name", "model", "name")
"""vLLM, SGLang and NIM; others; Triton and Dynamo; SGLang before 0.4."""


def served_model(engine: Engine, series: Sequence[Labelled]) -> str:
    """The model that most series of the engine name; the first of several, empty if none does."""
    found: Counter[str] = Counter()
    for one in series:
        if one.name.removeprefix("kserve_").startswith(engine.namespaces):
            named = next(filter(None, (label_of(one, label) for label in _LABELS)), "")
            if named:
                found[named] += 1
    return found.most_common(1)[0][0] if found else ""
