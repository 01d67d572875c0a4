"""From a recipe to a fleet that lives through it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from mtop_tui.cli.errors import Exit, Failure, complain
from mtop_tui.cli.source import PROBLEMS_SHOWN, Say, store_for
from mtop_tui.config.settings import Loaded

if TYPE_CHECKING:
    from mtop_tui.clock import Clock, PacedClock
    from mtop_tui.observations import Annotation
    from mtop_tui.providers.mock.provider import MockProvider
    from mtop_tui.providers.mock.story import Story
    from mtop_tui.state.fleet import FleetStore

BEGIN: Final = 1_780_304_400.0
"""When stories begin: 1 June 2026, 09:00 UTC. Demand follows the time of day, so the same story
gives the same run only if it always begins at the same time."""


def paced(clock: PacedClock) -> Callable[[float], Awaitable[object]]:
    """Waits seconds of a clock that runs faster or slower than the machine's."""

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / clock.speed)

    return sleep


class StoryFleet(NamedTuple):
    """A story with its source, the store that takes what it emits, and its clock."""

    story: Story
    provider: MockProvider
    store: FleetStore
    clock: Clock
    seed: int
    fluid: bool
    marks: list[Annotation]


def open_story(
    loaded: Loaded,
    name: str,
    *,
    target: str | None = None,
    settings: Iterable[tuple[str, object]] = (),
    duration: float | None = None,
    fluid: bool = False,
    hurry: bool = False,
    speed: float | None = None,
    seed: int | None = None,
    say: Say = complain,
) -> StoryFleet:
    """The fleet of a recipe, by the name of a shipped one or the path of a file.

    With `hurry`, simulated time does not wait for the wall clock unless a speed is given. What
    could not be used of its manifests is told to `say`, line by line.

    Raises:
        Failure: it cannot be used; each line names file, line and field.
    """
    from mtop_tui.clock import ManualClock, PacedClock
    from mtop_tui.providers.mock.provider import CLUSTER, MockProvider
    from mtop_tui.providers.mock.recipes import UnusableRecipeError, find_recipe, read_recipe
    from mtop_tui.providers.mock.story import story_of

    try:
        file = read_recipe(find_recipe(name), target=target, settings=settings)
        story = story_of(file, CLUSTER, duration=duration)
    except UnusableRecipeError as error:
        raise Failure(map(str, error.problems[:PROBLEMS_SHOWN]), Exit.USAGE) from error
    for problem in story.manifests.problems[:PROBLEMS_SHOWN]:
        say(str(problem))
    if seed is None:
        stated = loaded.origins["seed"].layer != "default"
        seed = loaded.settings.seed if stated else story.seed
    fluid = fluid or story.fluid
    clock: ManualClock | PacedClock
    sleep: Callable[[float], Awaitable[object]]
    if hurry and speed is None:
        clock = hurried = ManualClock(BEGIN)

        async def pass_time(seconds: float) -> None:
            hurried.advance(seconds)
            await asyncio.sleep(0)

        sleep = pass_time
    else:
        clock = PacedClock(BEGIN, story.speed if speed is None else speed)
        sleep = paced(clock)

    provider = MockProvider(
        story.manifests,
        seed=seed,
        clock=clock,
        clones=story.clones,
        sleep=sleep,
        story=story,
        fluid=fluid,
    )
    return StoryFleet(
        story,
        provider,
        store_for(loaded.settings, say=say, manifests=story.manifests),
        clock,
        seed,
        fluid,
        [],
    )
