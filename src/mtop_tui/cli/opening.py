"""What the screen may ask for that only concrete parts know: other sources, and a serving model.

Nothing of it is imported before it is asked for: the first picture does not wait for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtop_tui.cli.errors import Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtop_tui.config.settings import Loaded
    from mtop_tui.domain.capacity.answers import NotKnown
    from mtop_tui.domain.capacity.forecast import Lengths, Placement, Settled
    from mtop_tui.providers.opening import OpenedSource, SourceRequest
    from mtop_tui.views.sources import SourceChoice

CLUSTER = "simulated cluster"
NAMED = "named endpoints"


class Sources:
    """The simulated cluster, model servers, and all recipes; implements `Opener`."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded

    def choices(self) -> Sequence[SourceChoice]:
        """What can be opened, each as it would be without asking for more."""
        from mtop_tui.providers.mock.recipes import outlines
        from mtop_tui.views.sources import SourceChoice

        seed = self._loaded.settings.seed
        is_stated = self._loaded.origins["seed"].layer != "default"
        folder = self._loaded.settings.mocks
        about = (
            "The services that ship with mtop" if folder is None else f"The services in {folder}"
        )
        found = [SourceChoice("cluster", CLUSTER, about, (("seed", str(seed)),))]
        found += self._endpoints()
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
        from mtop_tui.providers.opening import CannotOpenError, OpenedSource

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
            if request.kind == "endpoints":
                from mtop_tui.cli.endpoints import open_endpoints

                here = request.name != NAMED
                fleet = open_endpoints(
                    self._loaded, named=not here, discover=here, say=complaints.append
                )
            else:
                from mtop_tui.cli.source import open_fleet

                fleet = open_fleet(self._loaded, seed=request.seed, say=complaints.append)
            return OpenedSource(*fleet, tuple(complaints))
        except Failure as failure:
            raise CannotOpenError(failure.lines) from failure

    def _endpoints(self) -> Sequence[SourceChoice]:
        """Model servers: those whose addresses are set, and those on this machine."""
        from mtop_tui.config.addresses import parse_address
        from mtop_tui.providers.endpoints.provider import THIS_MACHINE
        from mtop_tui.views.sources import SourceChoice

        found = [SourceChoice("endpoints", THIS_MACHINE, "Model servers that listen on it")]
        if named := self._loaded.settings.endpoint:
            shown = ", ".join(parse_address(one).shown for one in named)
            found.insert(0, SourceChoice("endpoints", NAMED, f"Model servers: {shown}"))
        return found


def serving_model(placement: Placement, lengths: Lengths, rate: float) -> Settled | NotKnown:
    """Where a replica settles by the formulas of the simulation; a `ServingModel`."""
    from mtop_tui.engine.forecasting import settled

    return settled(placement, lengths, rate)


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
