"""Every key of every screen, pressed in a story that burns, does something or says why not.

Which keys there are is read from the declarations that make the help page.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from opening import SCREENS, assert_whole

from mtop_tui.commands import MOVE, Command

# `docs` is no part of the installed package.
sys.path.insert(0, str(Path(__file__).parents[2]))

from docs.stage import Stage, held

SSH = (80, 24)
STORY, AT, TO_THE_ROW = "enterprise", 232, ("j", "j")
LEAVING = {"app.quit"}
"""The tests in a terminal press these."""

SHORT = {"causes", "alerts", "sources", "rollout"}
"""What they show has no more than the screen has room for: there is nowhere to move."""


class Walk:
    """One screen, whose keys are pressed one after the other."""

    def __init__(self, name: str, stage: Stage) -> None:
        self.name, self.stage = name, stage
        self.screen, self.focused = stage.app.screen, stage.app.screen.focused

    def seen(self) -> object:
        """All that a user sees: text, and how it is drawn."""
        strips = self.stage.app.screen._compositor.render_strips()
        return [[(one.text, one.style) for one in strip] for strip in strips]

    async def press(self, pressed: str) -> bool:
        """Whether a key changes what is seen; the screen stays whole whatever it does."""
        before = self.seen()
        await self.stage.pilot.press(pressed)
        look = getattr(self.stage.app.screen, "look", None)
        if look is not None:
            look()
        await self.stage.pilot.pause()
        assert_whole(self.stage.app)
        return self.seen() != before

    async def begin(self) -> None:
        """To the screen as it was, from wherever a key has led; opened again if it was left."""
        app = self.stage.app
        for _ in range(4):
            if app.screen is self.screen and app.screen.focused is self.focused:
                break
            await self.press("escape")
        if app.screen is not self.screen:
            await self.leave()
            await self.stage.press(*SCREENS[self.name])
            self.screen, self.focused = app.screen, app.screen.focused
        app.clear_notifications()
        app._toasts.clear()

    async def leave(self) -> None:
        """To the Fleet, so that the screen is opened as if for the first time."""
        while len(self.stage.app.screen_stack) > 1:
            await self.press("escape")

    async def does_something(self, pressed: str) -> bool:
        """Whether a key does, here or where other keys lead on this screen."""
        for led in ("", "j", "left", "right", "G", "g"):
            if led:
                await self.leave()
            await self.begin()
            if led:
                await self.press(led)
            if await self.press(pressed):
                return True
        return False


@pytest.mark.parametrize("name", SCREENS)
async def test_every_key_does_something_or_says_why_not(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # some keys write files
    async with held(STORY, AT, SSH, notifications=True) as stage:
        await stage.press(*TO_THE_ROW, *SCREENS[name])
        walk = Walk(name, stage)
        shown: list[Command] = list(stage.app.screen.COMMANDS_SHOWN)  # type: ignore[attr-defined]
        still = {one.id for one in MOVE} if name in SHORT else set()
        keys = [one.keys.split(",")[0] for one in shown if one.id not in LEAVING | still]
        assert len(keys) >= 5
        silent = [one for one in keys if not await walk.does_something(one)]
        assert not silent
