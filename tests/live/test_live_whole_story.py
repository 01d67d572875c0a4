"""A story is the same in live mode as in mock mode, figures and judgements too, and to kubectl."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

from serving import PATIENCE, Served, Stepper, recipe, served
from tools import Kubectl
from watching import Watched, Watching, equals_a_fresh_list

from mtop_tui.domain.diagnosis.ranking import diagnose
from mtop_tui.providers.base import feed
from mtop_tui.providers.live.metrics import cluster as live_metrics
from mtop_tui.providers.live.metrics.scrape import Scraper
from mtop_tui.providers.live.provider import LiveProvider
from mtop_tui.providers.mock.provider import MockProvider
from mtop_tui.serve.faults import read_fault
from mtop_tui.state.facts import service_facts
from mtop_tui.state.fleet import FleetStore

SEED = 7
NAME = "canary-failure"


class Turns:
    """Waits of who reads metrics, in the time of the cluster: a story of minutes takes seconds."""

    def __init__(self, cluster: Served) -> None:
        self._cluster = cluster
        self._waiting: list[tuple[float, asyncio.Future[None]]] = []
        self._changed = asyncio.Event()
        self.scrapers: list[Scraper] = []

    def scraper(self, *given: object, **named: object) -> Scraper:
        made = Scraper(*given, **named, sleep=self.sleep)
        self.scrapers.append(made)
        return made

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self._waiting.append((self._cluster.stepper.clock.now() + seconds, woken))
        self._changed.set()
        await woken

    async def advance(self, seconds: int) -> None:
        for _ in range(seconds):
            await self._cluster.advance(1)
            now = self._cluster.stepper.clock.now()
            for until, woken in self._waiting:
                if until <= now and not woken.done():
                    woken.set_result(None)
            async with asyncio.timeout(PATIENCE):
                while self._is_read():
                    self._changed.clear()
                    await self._changed.wait()

    def _is_read(self) -> bool:
        """Whether a page is being read."""
        self._waiting = [one for one in self._waiting if not one[1].done()]
        return len(self._waiting) < sum(len(one._reading) for one in self.scrapers)


def told(store: FleetStore, now: float) -> Mapping[str, object]:
    """What the screens say of each service."""
    found = {}
    for state in store.services():
        assert state.service is not None
        verdict = store.canary(state.key)
        found[state.key.name] = {
            "health": store.status(state, now).health,
            "pools": [(one.role, one.desired, one.ready) for one in state.service.pools],
            "revisions": sorted(one.number for one in state.revisions.values()),
            "share": store.groups.share(state.service),
            "verdict": None if verdict is None else verdict.verdict,
            "causes": [one.id for one in diagnose(service_facts(store, state, now))],
        }
    return found


async def kubectl_says(kubectl: Kubectl, store: FleetStore) -> None:
    """The objects have the weights and replicas that the store has."""
    printed = json.loads(await kubectl("get", "llminferenceservices", "-n", "shop", "-o", "json"))
    objects = {one["metadata"]["name"]: one for one in printed["items"]}
    assert objects.keys() == {state.key.name for state in store.services()}
    for state in store.services():
        found, service = objects[state.key.name], state.service
        assert service.route is not None
        assert found["spec"]["router"]["route"]["weight"] == service.route.weight
        assert found["status"]["workloads"]["primary"]["readyReplicas"] == service.pools[0].ready
        ready = next(one for one in found["status"]["conditions"] if one["type"] == "Ready")
        assert (ready["status"] == "True") == (service.pools[0].ready > 0)


async def test_a_canary_that_fails_is_the_same_story_everywhere(tmp_path: Path, monkeypatch):
    kubeconfig = tmp_path / "config"
    kubectl = Kubectl(kubeconfig, tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    apart, story = Stepper(), recipe(NAME)
    mock = MockProvider(
        story.manifests, seed=SEED, clock=apart.clock, sleep=apart.sleep, story=story
    )
    expected = FleetStore()
    story = recipe(NAME)
    async with served(
        story.manifests, seed=SEED, story=story, kubeconfig=kubeconfig, namespace="shop"
    ) as cluster:
        turns = Turns(cluster)
        monkeypatch.setattr(live_metrics, "Scraper", turns.scraper)
        clock = cluster.stepper.clock
        provider = LiveProvider((), clock=clock, metrics=lambda _: live_metrics.MetricsChoice())
        live = Watching(provider)
        tasks = [
            asyncio.create_task(feed(mock, expected.apply)),
            asyncio.create_task(feed(provider, live.apply)),
        ]
        try:
            await live.live()
            await live.until(lambda: turns.scrapers, "metrics")

            async def same(seconds: int) -> Mapping[str, object]:
                """What both say so much later."""
                await turns.advance(seconds)
                await apart.advance(seconds)
                await equals_a_fresh_list(Watched(cluster, live))
                await live.until(lambda: not any(one.is_waiting for one in provider._sessions))
                mocked = told(expected, apart.clock.now())
                assert told(live.store, clock.now()) == mocked
                await kubectl_says(kubectl, live.store)
                return mocked

            # At 120 s it gets a tenth of the traffic, at about 160 s it is found out.
            before = await same(100)
            assert (before["assistant-canary"]["share"], before["assistant"]["causes"]) == (0, [])
            bad = (await same(45))["assistant-canary"]
            assert (bad["share"] > 0, bad["causes"]) == (True, ["high-errors"])
            found_out = (await same(45))["assistant-canary"]
            assert found_out["share"] == 0
            assert (found_out["verdict"], found_out["causes"]) == ("WORSE", ["bad-canary-errors"])
            await cluster.server.switch_on(
                read_fault("restart:down=0.1,starting=0.2,initializing=0.2")
            )
            await live.until(lambda: live.state != "live")
            await live.live()
            after = await same(180)
            assert after["assistant-canary"]["verdict"] == "WORSE"
            assert after["assistant"]["causes"] == []
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await provider.close()
            await mock.close()
