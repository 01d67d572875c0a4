"""What an engine does between its start and serving, by what it logs.

Kubernetes cannot tell: a container that reads weights looks just like one that compiles. Lines are
those of vLLM (V0 and V1) and SGLang.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from mtop_tui.domain.diagnosis.signatures import match

Work = Literal["Loading", "Compiling", "Warming"]


class EngineStage(NamedTuple):
    """What an engine is at, since when (Unix seconds), and how far it is in words, if it says."""

    work: Work
    since: float
    said: str = ""


_BEGINS: Final[tuple[tuple[Work, re.Pattern[str]], ...]] = (
    (
        "Loading",
        re.compile(
            r"Starting to load model|Loading safetensors|checkpoint shards:|Load weight beg"
        ),
    ),
    (
        "Compiling",
        re.compile(
            r"Model loading took|Load weight end|Dynamo bytecode|Start compiling"
            r"|Compiling a graph|torch\.compile takes|torch\.compile took"
        ),
    ),
    (
        "Warming",
        re.compile(
            r"Available KV cache memory|GPU KV cache size|Memory pool end"
            r"|[Cc]apturing CUDA graph|Capture cuda graph begin|Graph capturing finished"
            r"|init engine \("
        ),
    ),
)


def engine_stage(lines: Iterable[tuple[float, str]]) -> EngineStage | None:
    """What an engine is at after these lines, each with its time; None before it says.

    Draft models are loaded after the one that they draft for: then it goes back to loading.
    """
    found: EngineStage | None = None
    for at, text in lines:
        work = next((work for work, begins in _BEGINS if begins.search(text)), None)
        if work is None:
            continue
        if found is None or found.work != work:
            found = EngineStage(work, at)
        if work == "Loading":
            found = found._replace(said=_progress(text) or found.said)
    return found


def _progress(text: str) -> str:
    said = match(text)
    if said is None or said.signature != "weights-progress":
        return ""
    values = dict(said.values)
    if "shards" in values:
        return f"{values['done']} of {values['shards']} shards of the weights are read"
    return f"{values['percent']} % of the weights are read"
