"""A screen's content into a new file: CSV, JSON or a picture."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mtop_tui.screens.ask import AskScreen
from mtop_tui.text import safe
from mtop_tui.views.export import Exported, as_csv

if TYPE_CHECKING:
    from mtop_tui.screens.looking import LookingScreen

KINDS: Final = (".csv", ".json", ".svg")
QUESTION: Final = "a new file: .csv and .json hold the rows, .svg is a picture; Esc gives up"


def ask_where(screen: LookingScreen) -> AskScreen:
    """The question for a file name, about what the screen shows at this moment."""
    exported = screen.exported()
    picture = screen.app.export_screenshot(title="mtop")
    at = datetime.fromtimestamp(screen.app.time()).astimezone().strftime("%Y%m%d-%H%M%S")
    kind = ".svg" if exported is None else ".csv"

    async def take(typed: str) -> str:
        path = Path(typed).expanduser().absolute()
        content = contents(path.suffix.lower(), exported, picture)
        if isinstance(content, str):
            return content
        try:
            await asyncio.to_thread(_write, path, content())
        except FileExistsError:
            return safe(f"it is there already; nothing was written: {typed}")
        except OSError as error:
            return safe(f"{error.strerror}; nothing was written: {typed}")
        screen.app.say(f"wrote {path}")
        return ""

    plain = re.sub(r"[^A-Za-z0-9.-]+", "-", screen.called).strip("-")
    return AskScreen(QUESTION, f"mtop-{plain}-{at}{kind}", take)


def contents(kind: str, exported: Exported | None, picture: str) -> Callable[[], str] | str:
    """What makes the content of a file of this kind, or why there is none."""
    if kind not in KINDS:
        return f"expected a name that ends in {', '.join(KINDS)}"
    if kind == ".svg":
        return lambda: picture
    if exported is None:
        return "this screen has no rows: only a picture, a name that ends in .svg"
    if kind == ".csv":
        return lambda: as_csv(exported.records)

    from mtop_tui.config.emit import as_json  # noqa: PLC0415 - loads PyYAML

    return lambda: as_json(exported.document)


def _write(path: Path, content: str) -> None:
    with path.open("x", encoding="utf-8", newline="") as file:
        file.write(content)
