"""What a real terminal is sent when an alert begins to fire."""

from __future__ import annotations

import sys
from pathlib import Path

from terminal import Terminal

MTOP = str(Path(sys.executable).parent / "mtop")


def test_a_spike_rings_and_notifies_the_desktop_and_leaves_the_screen_as_it_is() -> None:
    flags = ["--recipe", "traffic-spike", "--speed", "60", "--notify", "bell,osc9"]
    only = {"MTOP_ALERTS": "slo-ticket off, queue-above-capacity off, kv-saturated off"}
    with Terminal([MTOP, *flags], 80, 24, variables=only) as terminal:
        told = terminal.wait_for_bytes(rb"\x1b\]9;page: answers: ttft<=2s@95%: ([^\x1b]*)\x1b\\")
        assert told[1].startswith(b"burn ")
        assert b"\x07" in terminal.bytes_out
        terminal.wait_for(lambda screen: "1 alert" in screen[0])
        terminal.press("a")
        terminal.wait_for(lambda screen: any("answers" in line for line in screen[2:4]))
        terminal.press("q")
        assert terminal.wait_for_end() == 0
        assert b"Traceback" not in terminal.bytes_out
