"""Over the API of the simulated cluster, live mode says what mock mode says of the same moment."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from serving import Stepper, recipe, served
from watching import watching

from mtop_tui import resources
from mtop_tui.observations import Replica
from mtop_tui.providers.base import feed
from mtop_tui.providers.mock.manifests import load
from mtop_tui.providers.mock.provider import MockProvider
from mtop_tui.state.fleet import FleetStore

SEED = 7


async def mock_store(manifests, story, seconds: float) -> tuple[FleetStore, float]:
    """The store that mock mode has filled after so many seconds."""
    import asyncio

    stepper = Stepper()
    provider = MockProvider(
        manifests, seed=SEED, clock=stepper.clock, sleep=stepper.sleep, story=story
    )
    store = FleetStore()
    reading = asyncio.create_task(feed(provider, store.apply))
    try:
        await stepper.advance(seconds)
        return store, stepper.clock.now()
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await provider.close()


def shape(replica: Replica) -> tuple[object, ...]:
    """What Kubernetes knows of a replica as well as the simulation does."""
    # Kubernetes does not see what an engine does between its start and being ready.
    reason = "Loading" if replica.reason == "Compiling" else replica.reason
    ended = replica.last_exit
    return (
        replica.role,
        replica.phase,
        reason,
        replica.revision,
        replica.nodes,
        replica.gpus,
        replica.gpu_type,
        replica.restarts,
        None if ended is None else (ended.reason, ended.code, ended.message),
        replica.created_at is None or int(replica.created_at),
    )


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        (None, 5.0),
        (None, 90.0),
        ("shadow", 240.0),
        ("canary-failure", 700.0),
    ],
)
async def test_live_tells_the_story_that_mock_tells(
    name: str | None, seconds: float, tmp_path: Path, monkeypatch
):
    story = None if name is None else recipe(name)
    shipped = resources.path("mocks")
    manifests = load(shipped, shipped) if story is None else story.manifests
    expected, now = await mock_store(manifests, story, seconds)
    kubeconfig = tmp_path / "config"
    story = None if name is None else recipe(name)
    async with served(manifests, seed=SEED, story=story, kubeconfig=kubeconfig) as cluster:
        await cluster.advance(seconds)
        async with watching(kubeconfig, monkeypatch, clock=cluster.stepper.clock) as live:
            await live.live()
            found = live.store
    there = {state.key[1:]: state for state in expected.services()}
    seen = {state.key[1:]: state for state in found.services()}
    assert seen.keys() == there.keys()
    for key, mock in there.items():
        one = seen[key]
        assert (key, said(found, one, now)) == (key, said(expected, mock, now))
        assert {ref[1:]: shape(replica) for ref, replica in one.replicas.items()} == {
            ref[1:]: shape(replica) for ref, replica in mock.replicas.items()
        }
        stated = {(c.type, c.status, c.reason, c.message) for c in one.service.conditions}
        assert stated >= {(c.type, c.status, c.reason, c.message) for c in mock.service.conditions}
        assert [pool_shape(pool) for pool in one.service.pools] == [
            pool_shape(pool) for pool in mock.service.pools
        ]
        assert one.service.route == mock.service.route
        assert one.service.mirrors_to == mock.service.mirrors_to
        assert one.service.origins == mock.service.origins
        assert {ref[1:]: revision(found) for ref, found in one.revisions.items()} == {
            ref[1:]: revision(found) for ref, found in mock.revisions.items()
        }
        assert {ref[1:]: scaler(found) for ref, found in one.autoscalers.items()} == {
            ref[1:]: scaler(found) for ref, found in mock.autoscalers.items()
        }
    assert {name[1]: node_shape(node) for name, node in found.nodes.items()} == {
        name[1]: node_shape(node) for name, node in expected.nodes.items()
    }


def said(store: FleetStore, state, now: float) -> tuple[object, str]:
    """The state in words, without how long: pods say since when in other ways."""
    status = store.status(state, now)
    words = re.sub(r" \d\S*$", "", status.text)
    return status.health, words.replace("compiling", "loading")


def pool_shape(pool):
    kept = ("role", "desired", "ready", "nodes_per_replica", "gpus_per_replica", "gpu_type")
    kept += ("tensor_parallel", "image", "max_model_len", "workload")
    return {name: getattr(pool, name) for name in kept}


def revision(found):
    return found.role, found.number, found.image, found.desired, found.ready


def scaler(found):
    if found.ref.kind == "ScaledObject":
        # KEDA counts in an autoscaler of its own, which the served cluster does not have.
        return found.role, found.minimum, found.maximum
    return found.role, found.minimum, found.maximum, found.desired, found.current


def node_shape(node):
    fields = msgspec.structs.asdict(node)
    return {name: fields[name] for name in ("ready", "gpus", "gpu_type", "instance_type", "region")}
