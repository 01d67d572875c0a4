"""`make picture`: draws docs/fleet.svg, the simulated cluster at one fixed time."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from docs.stage import held

LOOKED_AT = 300
SIZE = (120, 40)
PICTURE = Path(__file__).with_name("fleet.svg")


async def draw() -> str:
    """The screen as SVG, once five minutes of simulated time have passed."""
    async with held(None, LOOKED_AT, SIZE) as stage:
        return stage.app.export_screenshot()


if __name__ == "__main__":
    os.environ["TZ"] = "UTC"  # the header has local time
    time.tzset()
    PICTURE.write_text(asyncio.run(draw()))
