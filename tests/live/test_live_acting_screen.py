"""The app with --allow-actions on a served cluster: from the key to the end of an action."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from acting_fleet import PATH, objects, time_passes
from serving import Served, folder_of, served
from textual.pilot import Pilot

from mtop_tui.app import MtopApp
from mtop_tui.clock import WallClock
from mtop_tui.config.settings import Settings
from mtop_tui.providers.live.acting.actions import LiveActions
from mtop_tui.providers.live.provider import LiveProvider
from mtop_tui.state.fleet import FleetStore

PATIENCE = 20.0


class User:
    """Presses keys, and reads what is on the screen."""

    def __init__(self, app: MtopApp, pilot: Pilot[int]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def text(self) -> str:
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips)

    async def sees(self, *words: str) -> str:
        """Wait until all of it stands on the screen, which is returned."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not all(one in self.text for one in words):
                    await asyncio.sleep(0.02)
                    await self.pilot.pause()
        except TimeoutError:
            raise AssertionError(f"never came: {words}\n{self.text}") from None
        return self.text

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()


async def scaled(user: User, cluster: Served) -> None:
    """A number is asked for, then what it would come to is shown, and nothing done yet."""
    await user.press("A")
    await user.sees("Actions on shop/plain", "s  Scale", "D  Delete a pod")
    await user.press("s", *"three", "enter")
    await user.sees("expected a whole number, got three")
    await user.press(*["backspace"] * 5, "3", "enter")
    page = await user.sees("press y; watched for 30m at most", "spec.replicas: 2 -> 3")
    assert "mtop-admin in context admin" in page
    assert "advice    it takes 1 more H100, of which" in page
    assert "kubectl --context admin -n shop patch llmisvc plain" in page
    assert (await cluster.get(f"{PATH}/plain"))["spec"]["replicas"] == 2

    await user.press("Y")
    await user.sees("copied 1 command")
    assert user.app.clipboard.startswith("kubectl --context admin -n shop patch llmisvc plain")

    # Told to, it is done; who looks elsewhere is told how it ended.
    await user.press("y")
    await user.sees("the API server took it")
    await user.press("y")
    await user.sees("it was done: r plans it again")
    await user.press("escape")
    async with time_passes(cluster):
        await user.sees("scale plain is done: 3 of 3 ready")
    await user.press("A", "v")
    await user.sees("will      scale plain from 2 to 3 replicas", "done: 3 of 3 ready")
    await user.press("escape")


async def stopped(user: User, cluster: Served) -> None:
    """What destroys wants the name."""
    await user.press("enter")
    await user.sees("A actions", "fleet > shop/plain")
    await user.press("A", "S")
    await user.sees("press y, then type plain", "all its replicas end: 3 pods")
    await user.press("y", *"canary", "enter")
    await user.sees("not done: another name")
    assert "annotations" not in (await cluster.get(f"{PATH}/plain"))["metadata"]
    await user.press(*["backspace"] * 6, *"plain", "enter")
    async with time_passes(cluster):
        await user.sees("done: no pod is left")
    await user.press("escape", "escape")


async def advised(user: User) -> None:
    """Who moves traffic is told what mtop would do."""
    await user.press("slash", *["backspace"] * 5, *"canary", "enter")
    await user.sees("/canary")
    await user.press("A", "v")
    await user.sees("nothing was done")
    await user.press("A", "o")
    await user.sees("promote canary: canary 100 %, stable 0 %", "advice", "press y;")
    await user.press("escape", "slash", *["backspace"] * 6, *"plain", "enter")
    await user.sees("/plain")


async def refused(user: User) -> None:
    """From the palette, and refused with the reason."""
    await user.press("colon", *"restart (a", "enter")
    await user.sees("refused", "plain is stopped", "start it", "nothing was changed")
    await user.press("y")
    await user.sees("it is refused: nothing to do")
    await user.press("Y")
    await user.sees("there is no command to copy")


async def test_from_the_key_to_the_end_of_it(tmp_path: Path, monkeypatch):
    kubeconfig, log = tmp_path / "kubeconfig", tmp_path / "actions.log"
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    manifests = folder_of(tmp_path / "manifests", objects())

    def actions() -> LiveActions:
        return LiveActions(WallClock(), log=log, every=0.05)

    async with served(manifests, seed=2, kubeconfig=kubeconfig) as cluster:
        await cluster.advance(1)
        clock, store = WallClock(), FleetStore()
        provider = LiveProvider((), clock=clock, seed=1)
        app = MtopApp(Settings(refresh=0.25), provider, store, clock, actions=actions)
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            user = User(app, pilot)
            await user.sees("plain", "canary", "A actions")
            await user.press("slash", *"plain", "enter")
            await user.sees("/plain")
            await scaled(user, cluster)
            await stopped(user, cluster)
            await advised(user)
            await refused(user)
    answers = [json.loads(line)["answer"] for line in log.read_text().splitlines()]
    assert answers == ["sending", "done", "ended"] * 2
