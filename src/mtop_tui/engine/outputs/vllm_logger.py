"""vLLM's logger: who of its processes writes, and how a line looks."""

from __future__ import annotations

from typing import Final

from mtop_tui.engine.outputs.container import Container
from mtop_tui.engine.outputs.stamps import short
from mtop_tui.observations import LogLine

API: Final = "(APIServer pid=1)"


def core(container: Container) -> str:
    """Prefix of the process that schedules."""
    return f"(EngineCore pid={container.pid})"


def workers(container: Container) -> list[str]:
    """Prefix of each rank's process; of the engine core itself when there is one GPU."""
    ranks = container.facts.ranks
    if ranks == 1:
        return [core(container)]
    return [f"(Worker_TP{rank} pid={container.worker_pid(rank)})" for rank in range(ranks)]


def line(at: float, prefix: str, level: str, source: str, text: str) -> LogLine:
    """One line of vLLM's logger."""
    return LogLine(at, f"{prefix} {level} {short(at)} [{source}] {text}")
