"""`make gallery`: draws every screen into docs/gallery/, calm and burning, and writes its index.

Each picture is one of a story that is held at one time, so that the same code draws the same bytes.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from pathlib import Path
from typing import Final, NamedTuple

from docs.stage import Stage, held
from docs.svg import as_svg

from mtop_tui.config.settings import Settings
from mtop_tui.widgets.row_table import RowTable

FOLDER: Final = Path(__file__).with_name("gallery")
INDEX: Final = Path(__file__).with_name("gallery.md")
SIZES: Final = ((80, 24), (120, 40), (200, 60))
THEMES: Final = ("mtop-dark", "mtop-colour-blind")
SHOWN: Final = ((120, 40), "mtop-dark")
"""What stands on the index page itself; it links the rest."""


class Scene(NamedTuple):
    """A story, when it is looked at, which service is shown, and which one's rollout."""

    name: str
    recipe: str
    at: float
    service: str
    rolling: str


SCENES: Final = (
    Scene("calm", "cost-optimization", 200, "summaries", "summaries"),
    Scene("burning", "enterprise", 232, "mistral-7b-instruct", "llama-3-70b-canary"),
)

SCREENS: Final[dict[str, tuple[str, ...]]] = {
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
    "help": ("question_mark",),
}
"""Every screen, with the keys from the Fleet."""


def file_of(screen: str, scene: str, size: tuple[int, int], theme: str) -> Path:
    """Where a picture is."""
    return FOLDER / f"{screen}-{scene}-{size[0]}x{size[1]}-{theme.removeprefix('mtop-')}.svg"


async def draw(scene: Scene) -> None:
    """All pictures of one scene."""
    async with held(scene.recipe, scene.at, SIZES[0], Settings()) as stage:
        for size in SIZES:
            await stage.pilot.resize_terminal(*size)
            for theme in THEMES:
                stage.app.theme = theme
                await stage.settle()
                for screen, keys in SCREENS.items():
                    select(stage, scene.rolling if screen == "rollout" else scene.service)
                    await stage.press(*keys)
                    file_of(screen, scene.name, size, theme).write_text(as_svg(stage.app))
                    await back(stage, len(keys))


def select(stage: Stage, service: str) -> None:
    """Put the cursor of the Fleet on a service."""
    table = stage.app.screen.query_one(RowTable)
    table.pin()
    keys = (state.key for state in stage.app.store.services())
    table.select(next(key for key in keys if key.name == service))


async def back(stage: Stage, steps: int) -> None:
    """To the Fleet again."""
    await stage.press(*["escape"] * steps)
    assert len(stage.app.screen_stack) == 1


def index() -> str:
    """The page that shows them."""
    lines = [
        "# Gallery",
        "",
        "Every screen, drawn by `make gallery` from the code as it is: a calm fleet",
        f"(`{SCENES[0].recipe}` after {SCENES[0].at:g} s) and a burning one (`{SCENES[1].recipe}` "
        f"after {SCENES[1].at:g} s).",
    ]
    for screen in SCREENS:
        lines += ["", f"## {screen.capitalize()}"]
        for scene in SCENES:
            shown = file_of(screen, scene.name, *SHOWN)
            others = [
                f"[{size[0]}x{size[1]}, {theme.removeprefix('mtop-')}](gallery/{file.name})"
                for size in SIZES
                for theme in THEMES
                if (file := file_of(screen, scene.name, size, theme)) != shown
            ]
            words = f"{screen.capitalize()} of a {scene.name} fleet"
            lines += ["", f"![{words}](gallery/{shown.name})", "", f"{words}: {', '.join(others)}"]
    return "\n".join(lines) + "\n"


async def main() -> None:
    """Draw all of it anew."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    for scene in SCENES:
        await draw(scene)
    INDEX.write_text(index())


if __name__ == "__main__":
    os.environ["TZ"] = "UTC"  # the header has local time
    time.tzset()
    asyncio.run(main())
