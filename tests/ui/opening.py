"""Every screen by name, with the keys that open it from a fleet whose first row is selected."""

from __future__ import annotations

from textual.pilot import Pilot

from conftest import Fleet

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


async def open_screen(fleet: Fleet, pilot: Pilot[int], name: str) -> None:
    """Open a screen, and let what it asks for arrive."""
    await fleet.settle(pilot)
    for pressed in SCREENS[name]:
        await pilot.press(pressed)
        await fleet.settle(pilot)
    for worker in [one for one in pilot.app.workers if one.group == "object"]:
        await worker.wait()
    await fleet.settle(pilot)
