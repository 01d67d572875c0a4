"""The sources that can be opened from the screen, with the settings mtop was started with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtop_tui.cli.errors import Failure
from mtop_tui.config.settings import Loaded
from mtop_tui.providers.opening import CannotOpenError, OpenedSource, SourceRequest
from mtop_tui.views.sources import SourceChoice

if TYPE_CHECKING:
    from collections.abc import Sequence

CLUSTER = "simulated cluster"


class Sources:
    """The simulated cluster and all recipes; implements `Opener`."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded

    def choices(self) -> Sequence[SourceChoice]:
        """What can be opened, each as it would be without asking for more."""
        from mtop_tui.providers.mock.recipes import outlines

        seed = self._loaded.settings.seed
        is_stated = self._loaded.origins["seed"].layer != "default"
        folder = self._loaded.settings.mocks
        about = (
            "The services that ship with mtop" if folder is None else f"The services in {folder}"
        )
        found = [SourceChoice("cluster", CLUSTER, about, (("seed", str(seed)),))]
        for outline in outlines():
            settings = outline.settings | ({"seed": seed} if is_stated else {})
            shown = tuple((field, _shown(value)) for field, value in settings.items())
            found.append(SourceChoice("recipe", outline.name, outline.summary, shown))
        return found

    def open(self, request: SourceRequest) -> OpenedSource:
        """Another source; what could not be used of it is among its complaints.

        Raises:
            CannotOpenError: it cannot be used; each problem names file, line and field.
        """
        complaints: list[str] = []
        try:
            if request.kind == "recipe":
                from mtop_tui.cli.story import open_story

                story = open_story(
                    self._loaded,
                    request.name,
                    target=request.target,
                    seed=request.seed,
                    speed=request.speed,
                    say=complaints.append,
                )
                return OpenedSource(story.provider, story.store, story.clock, tuple(complaints))
            from mtop_tui.cli.source import open_fleet

            fleet = open_fleet(self._loaded, seed=request.seed, say=complaints.append)
            return OpenedSource(*fleet, tuple(complaints))
        except Failure as failure:
            raise CannotOpenError(failure.lines) from failure


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
