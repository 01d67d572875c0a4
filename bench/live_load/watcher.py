"""`mtop --mode live` as people start it, with a probe inside: what a screen does not show.

`python -m bench.live_load.watcher REPORT [ARGUMENTS]`. It writes the report on SIGUSR1, on SIGUSR2
with what it knows of each kind, which costs more; waits are those since the last report.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

from bench.live_load.known import digest
from bench.live_load.stalls import Stalls, Waits
from mtop_tui.app import MtopApp
from mtop_tui.providers.live.provider import LiveProvider

LOOK_EVERY = 0.01


class Probe:
    """Looks at an app from within."""

    def __init__(self, app: MtopApp, report: Path) -> None:
        self._app, self._report = app, report
        self._stalls = Stalls()
        self._tasks = [asyncio.create_task(self._stalls.run()), asyncio.create_task(self._look())]
        self._changes: list[tuple[float, float, str, bool]] = []
        self._synced: Waits | None = None
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, self._write)
        loop.add_signal_handler(signal.SIGUSR2, self._write, True)

    async def _look(self) -> None:
        """Note when the source says something else, and when all kinds come to be read."""
        last: tuple[str, bool] | None = None
        while True:
            source = next(iter(self._app.store.sources.values()), None)
            now = ("" if source is None else source.state, self._is_reading())
            if now != last:
                self._changes.append((time.time(), time.process_time(), *now))
                last = now
                if self._synced is None and now == ("live", True):
                    self._synced = self._stalls.take()
            await asyncio.sleep(LOOK_EVERY)

    def _readers(self) -> list[Any]:
        provider = self._app.provider
        assert isinstance(provider, LiveProvider)
        links = [session._link for session in provider._sessions]
        return [reader for link in links if link is not None for reader in link.readers]

    def _is_reading(self) -> bool:
        """Whether of each kind a watch is open."""
        readers = self._readers()
        there = [one for one in readers if one.state != "absent"]
        return bool(there) and all(one.state == "live" and one._stream is not None for one in there)

    def _write(self, in_full: bool = False) -> None:
        readers = self._readers()
        status = Path("/proc/self/status").read_text()
        resident = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        said = {
            "cpu": time.process_time(),
            "resident": int(resident.split()[1]) * 1024,
            "waits": None if self._synced is None else self._stalls.take()._asdict(),
            "synced": None if self._synced is None else self._synced._asdict(),
            "changes": self._changes,
            "waiting": sum(len(one._handover) for one in self._app.provider._sessions),
            "kinds": {
                one.kind.plural: {
                    "lists": one.lists,
                    "digest": digest(one.known) if in_full else "",
                }
                for one in readers
            },
        }
        draft = self._report.with_suffix(".draft")
        draft.write_text(json.dumps(said))
        draft.replace(self._report)


def main() -> None:
    """Start mtop with a probe."""
    from mtop_tui.cli.main import main as mtop

    report, *arguments = sys.argv[1:]
    mounted = MtopApp.on_mount

    def probed(self: MtopApp) -> None:
        mounted(self)
        self.probe = Probe(self, Path(report))  # type: ignore[attr-defined]

    MtopApp.on_mount = probed  # type: ignore[method-assign]
    sys.argv = ["mtop", "--mode", "live", "--metrics", "none", *arguments]
    mtop()


if __name__ == "__main__":
    main()
