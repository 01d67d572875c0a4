"""Lines in the format of KServe's storage initializer, which fetches weights before the engine.

Its logger writes time, process, name, level and place; the bar is that of `huggingface_hub`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from mtop_tui.engine.outputs import hub_failures
from mtop_tui.engine.outputs.container import Container
from mtop_tui.engine.outputs.stamps import elapsed, precise
from mtop_tui.engine.outputs.vllm_startup import milestones, shard_count
from mtop_tui.observations import LogLine

_SMALL_FILES = 7
_BAR = 10


def _says(at: float, source: str, text: str) -> LogLine:
    return LogLine(at, f"{precise(at)} 1 kserve INFO [{source}] {text}")


def download(
    container: Container,
    at: float,
    stop: float,
    *,
    seconds: float,
    done: float = 0.0,
    spent: float = 0.0,
) -> Iterator[LogLine]:
    """Weights come for `seconds` more; `done` of 1 came in the `spent` seconds before.

    Infinite seconds are a source that sends nothing more.
    """
    facts = container.facts
    if not done:
        text = f"Initializing, args: src_uri [{facts.uri}] dest_path[ [/mnt/models]"
        yield _says(at, "initializer-entrypoint:<module>():16", text)
        text = f"Copying contents of {facts.uri} to local"
        yield _says(at, "kserve_storage.py:download():78", text)
    if not math.isfinite(seconds):
        return
    shards = shard_count(facts.weights)
    files = shards + _SMALL_FILES
    for file in milestones(files):
        # The small files (configuration, tokenizer) are there at once.
        share = max(0.0, (file - _SMALL_FILES) / shards)
        if share < done or (share == 0.0 and file):
            continue
        when = at + seconds * (share - done) / max(1e-9, 1.0 - done)
        if when > stop:
            return
        yield LogLine(when, _progress(file, files, spent + when - at))
    if at + seconds <= stop:
        text = f"Successfully copied {facts.uri} to /mnt/models"
        yield _says(at + seconds, "kserve_storage.py:download():131", text)
        text = f"Model downloaded in {spent + seconds:.3f} seconds."
        yield _says(at + seconds, "kserve_storage.py:download():132", text)


def _progress(file: int, files: int, spent: float) -> str:
    full = _BAR * file // files
    bar = "█" * full + " " * (_BAR - full)
    rate = spent / file if file else 0.0
    left = elapsed(rate * (files - file)) if file else "?"
    pace = f"{rate:5.2f}s/it" if file else "?it/s"
    return (
        f"Fetching {files} files: {round(100 * file / files):3}%|{bar}| {file}/{files} "
        f"[{elapsed(spent)}<{left}, {pace}]"
    )


STAGES: Final[Mapping[str, Callable[..., Iterator[LogLine]]]] = {
    "download": download,
    **hub_failures.STAGES,
}
