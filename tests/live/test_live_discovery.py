"""Which kinds a cluster has: groups may be there without the kind that matters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

from mtop_tui.clock import WallClock
from mtop_tui.providers.live.client import ReadOnlyClient
from mtop_tui.providers.live.discovery import served
from mtop_tui.providers.live.kinds import OF_CLASSIC
from mtop_tui.providers.live.kubeconfig import Cluster, Connection, User

GROUPS = {
    "serving.kserve.io": {"v1alpha1": ["llminferenceservices", "llminferenceserviceconfigs"]},
    "argoproj.io": {"v1alpha1": ["applications", "workflows"]},
    "resource.k8s.io": {"v1beta1": ["resourceclaims", "deviceclasses"]},
    "gateway.networking.k8s.io": {"v1beta1": ["httproutes"]},
    "inference.networking.x-k8s.io": {"v1alpha2": ["inferencepools"]},
}


@asynccontextmanager
async def cluster(groups: Mapping[str, Mapping[str, list[str]]]) -> AsyncIterator[ReadOnlyClient]:
    """A server that has these groups, with the plurals of each version."""

    async def listed(_: web.Request) -> web.Response:
        found = [
            {"name": name, "versions": [{"version": version} for version in versions]}
            for name, versions in groups.items()
        ]
        return web.json_response({"groups": found})

    async def resources(request: web.Request) -> web.Response:
        plurals = groups[request.match_info["group"]][request.match_info["version"]]
        return web.json_response({"resources": [{"name": one} for one in plurals]})

    application = web.Application()
    application.router.add_get("/apis", listed)
    application.router.add_get("/apis/{group}/{version}", resources)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server = Cluster(f"http://127.0.0.1:{runner.addresses[0][1]}")
    client = ReadOnlyClient(Connection("c", server, User()), WallClock())
    try:
        yield client
    finally:
        await client.close()
        await runner.cleanup()


async def test_kinds_that_are_not_there_are_left_out():
    async with cluster(GROUPS) as client:
        found = {kind.plural: version for kind, version in (await served(client)).items()}
    assert found == {
        "llminferenceservices": "v1alpha1",
        "llminferenceserviceconfigs": "v1alpha1",
        "pods": "v1",
        "nodes": "v1",
        "events": "v1",
        "httproutes": "v1beta1",
        "inferencepools": "v1alpha2",
        "resourceclaims": "v1beta1",
    }


async def test_pods_of_classic_services_are_read_only_where_these_are():
    both = {**GROUPS["serving.kserve.io"], "v1beta1": ["inferenceservices"]}
    async with cluster({**GROUPS, "serving.kserve.io": both}) as client:
        found = await served(client)
    assert OF_CLASSIC in {kind.selector for kind in found if kind.plural == "pods"}
    assert [version for kind, version in found.items() if kind.plural == "inferenceservices"] == [
        "v1beta1"
    ]
    async with cluster(GROUPS) as client:
        found = await served(client)
    assert OF_CLASSIC not in {kind.selector for kind in found}
