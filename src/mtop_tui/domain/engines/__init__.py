"""What each engine calls the things mtop measures, and the translation into neutral names.

A metrics page is a list of series in a fixed order. `recognise` tells the engine from it;
`translation` compiles once how the values become the counters, gauges and histograms of
`domain.vocabulary`, after which one sample costs a few microseconds. What an engine does not
expose is absent from the result, never 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from mtop_tui.domain.engines.dynamo import DYNAMO_FRONTEND, DYNAMO_WORKER
from mtop_tui.domain.engines.endpoint_picker import ENDPOINT_PICKER
from mtop_tui.domain.engines.llamacpp import LLAMACPP
from mtop_tui.domain.engines.nim import NIM
from mtop_tui.domain.engines.page import indexed
from mtop_tui.domain.engines.sglang import SGLANG
from mtop_tui.domain.engines.tables import Engine, Labelled, Series
from mtop_tui.domain.engines.tgi import TGI
from mtop_tui.domain.engines.translating import Translation, translation
from mtop_tui.domain.engines.triton import TRITON
from mtop_tui.domain.engines.trtllm import TRTLLM
from mtop_tui.domain.engines.vllm import VLLM, VLLM_V0

__all__ = ["ENGINES", "VLLM", "Engine", "Series", "Translation", "recognise", "translation"]

ENGINES = (
    *(VLLM, VLLM_V0, SGLANG, TGI, TRTLLM, NIM, LLAMACPP),
    *(TRITON, DYNAMO_FRONTEND, DYNAMO_WORKER, ENDPOINT_PICKER),
)
"""In the order in which they are looked for: what wraps an engine (Triton, Dynamo) also passes on
that engine's own names, and those say more."""


def recognise(series: Sequence[Labelled]) -> Engine | None:
    """The engine whose marks are among the series, or None."""
    by_name = indexed(series)
    for engine in ENGINES:
        for mark in engine.marks:
            for name in mark.names:
                if any(mark.fits(series[index]) for index in by_name.get(name, ())):
                    return engine
    return None
