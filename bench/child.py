"""What runs inside the benchmark's terminal: mtop on a benchmark source, or a bare Textual app."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def bare() -> None:
    """A Textual app that shows one line: what the framework itself costs."""
    from textual.app import App, ComposeResult
    from textual.widgets import Static

    class Bare(App[None]):
        def compose(self) -> ComposeResult:
            yield Static("model-00000")

    Bare().run()


def fleet(services: int, interval: float, changing: float, report: Path) -> None:
    """mtop on a benchmark source; once a second it writes down what the source itself has cost."""
    from bench.source import BenchSource
    from mtop_tui.app import MtopApp
    from mtop_tui.clock import WallClock
    from mtop_tui.config.prices import bundled_prices
    from mtop_tui.config.settings import Settings
    from mtop_tui.state.fleet import FleetStore
    from mtop_tui.widgets.row_table import RowTable

    source = BenchSource(services, 4, interval, changing)
    store = FleetStore(bundled_prices())
    app = MtopApp(Settings(), source, store, WallClock())
    drawn = 0
    render_line = RowTable.render_line

    def counted(self: RowTable, y: int) -> object:
        nonlocal drawn
        drawn += y > 0
        return render_line(self, y)

    RowTable.render_line = counted  # type: ignore[method-assign, assignment]

    def write() -> None:
        states = store.services()
        report.write_text(
            json.dumps(
                {
                    "source_cpu": source.cpu,
                    "cpu": time.process_time(),
                    "samples": source.samples,
                    "lines": drawn,
                    "bytes_per_service": states[0].nbytes if states else 0,
                }
            )
        )

    app.call_later(lambda: app.set_interval(1.0, write))
    app.run()


if __name__ == "__main__":
    os.environ["COLORTERM"] = "truecolor"
    if sys.argv[1] == "bare":
        bare()
    else:
        fleet(int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]), Path(sys.argv[5]))
