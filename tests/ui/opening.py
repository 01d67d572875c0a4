"""Every screen by name, with the keys that open it from a fleet whose first row is selected."""

from __future__ import annotations

from fleet_app import Fleet
from rich.cells import cell_len
from textual.app import App
from textual.pilot import Pilot

SCREENS: dict[str, tuple[str, ...]] = {
    "fleet": (),
    "service": ("enter",),
    "causes": ("enter", "w"),
    "yaml": ("enter", "y"),
    "rollout": ("r",),
    "logs": ("l",),
    "objectives": ("o",),
    "cost": ("dollar_sign",),
    "events": ("e",),
    "alerts": ("a",),
    "sources": ("v",),
}

UNSAFE = frozenset(map(chr, [*range(32), *range(0x7F, 0xA0), 0x200B, 0x202E, 0x2066]))


async def open_screen(fleet: Fleet, pilot: Pilot[int], name: str) -> None:
    """Open a screen, and let what it asks for arrive."""
    await fleet.settle(pilot)
    for pressed in SCREENS[name]:
        await pilot.press(pressed)
        await fleet.settle(pilot)
    for worker in [one for one in pilot.app.workers if one.group == "object"]:
        await worker.wait()
    await fleet.settle(pilot)


def assert_whole(app: App[int]) -> None:
    """Each line is exactly as wide as the terminal, and none holds what a terminal acts on."""
    strips = app.screen._compositor.render_strips()
    width, height = app.size
    assert len(strips) == height
    for strip in strips:
        assert strip.cell_length == cell_len(strip.text) == width
        assert not set(strip.text) & UNSAFE, strip.text
