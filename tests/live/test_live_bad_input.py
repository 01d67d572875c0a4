"""Whatever is wrong with a source, Sources says it with a next step, and mtop stays up."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from serving import WALL, Served

from mtop_tui.clock import Clock
from mtop_tui.providers.live.client import ReadOnlyClient
from mtop_tui.providers.live.metrics.cluster import MetricsChoice
from mtop_tui.providers.live.provider import LiveProvider
from mtop_tui.serve.certificate import make_certificate
from mtop_tui.serve.faults import read_fault
from sources_screen import opened


class Hour:
    """The clock of a machine that is an hour behind another."""

    def __init__(self, other: Clock) -> None:
        self._other = other

    def now(self) -> float:
        return self._other.now() - 3600.0


@pytest.fixture
async def sign_in_page() -> AsyncIterator[str]:
    """Address of a server that answers everything with a page for people."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>Sign in</html>", content_type="text/html")

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", page)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def name_shortly(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where tests are run must not decide whether a sentence has room."""
    monkeypatch.chdir(kubeconfig.parent)
    monkeypatch.setenv("KUBECONFIG", kubeconfig.name)


def with_contexts(kubeconfig: Path, **changes: dict[str, Any]) -> None:
    """Contexts beside the administrator's that differ from it in their cluster or their user."""
    body = yaml.safe_load(kubeconfig.read_text())
    (admin,) = (one for one in body["contexts"] if one["name"] == "admin")
    (user,) = (one for one in body["users"] if one["name"] == admin["context"]["user"])
    cluster = body["clusters"][0]
    for name, change in changes.items():
        body["clusters"].append(
            {"name": name, "cluster": {**cluster["cluster"], **change.get("cluster", {})}}
        )
        body["users"].append({"name": name, "user": change.get("user", user["user"])})
        body["contexts"].append({"name": name, "context": {"cluster": name, "user": name}})
    kubeconfig.write_text(yaml.safe_dump(body))


def damaged(answer: bytes) -> bytes:
    """A page of pods with a field of another type, without fields, and with more fields."""
    page = json.loads(answer)
    if len(page["items"]) < 3:
        return answer
    wrong, nameless, bare, *others = page["items"]
    wrong["status"]["containerStatuses"][0]["restartCount"] = "none"
    del nameless["metadata"]["name"], bare["spec"], bare["status"]
    for other in others:
        other["status"]["later"] = {"than": [2026]}
    return json.dumps(page).encode()


SAID = {
    "expired": ("error", "the login is expired", "log in again"),
    "admn": ("error", "no context admn", "did you mean admin?"),
    "untrusted": ("disconnected", "is not trusted", "check certificate-authority"),
    "behind-a-page": ("error", "an HTML page, not Kubernetes JSON", "check `server`"),
    "damaged": ("live", "passed over an object of pods", "kubectl get"),
    "viewer": ("live", "objects of about 2.", "kubectl get"),
}
"""By context: what the source is, what happened, and what to do."""


async def test_each_cluster_says_what_is_wrong_with_it(
    cluster: Served, kubeconfig: Path, sign_in_page: str, monkeypatch
) -> None:
    other = base64.b64encode(make_certificate("127.0.0.1", WALL.now()).pem).decode()
    with_contexts(
        kubeconfig,
        expired={"user": {"token": "of last week"}},
        untrusted={"cluster": {"certificate-authority-data": other}},
        damaged={},
        **{"behind-a-page": {"cluster": {"server": sign_in_page}}},
    )
    name_shortly(kubeconfig, monkeypatch)
    get = ReadOnlyClient.get

    async def answered(self: ReadOnlyClient, path: str, *given: Any, **named: Any) -> Any:
        answer = await get(self, path, *given, **named)
        is_damaged = self.connection.name == "damaged" and path.endswith("/pods")
        return damaged(answer) if is_damaged and isinstance(answer, bytes) else answer

    monkeypatch.setattr(ReadOnlyClient, "get", answered)
    await cluster.server.switch_on(
        read_fault("big-objects:mb=2,user=mtop-viewer,resource=llminferenceservices")
    )
    clock = cluster.stepper.clock
    async with opened(LiveProvider(tuple(SAID), clock=clock), clock) as screen:
        sources = screen.app.store.sources
        for context, (state, happened, to_do) in SAID.items():
            name = f"live: {context}"
            await screen.until(
                lambda name=name, state=state, happened=happened: (
                    name in sources
                    and sources[name].state == state
                    and happened in sources[name].detail
                ),
                f"{context}: {happened}",
            )
            said = await screen.says(name)
            assert happened in said, (context, said)
            assert to_do in said, (context, said)
            assert "…" not in said, (context, said)
        there = {state.key.cluster for state in screen.app.store.services()}
        assert there == {"damaged", "viewer"}


async def test_a_kubeconfig_that_is_missing_and_a_clock_that_is_an_hour_off(
    cluster: Served, kubeconfig: Path, monkeypatch
) -> None:
    from mtop_tui.providers.live import session

    monkeypatch.setattr(session, "AGAIN", 0.1)
    name_shortly(kubeconfig, monkeypatch)
    aside = kubeconfig.rename(kubeconfig.with_name("aside"))
    behind = Hour(cluster.stepper.clock)
    async with opened(LiveProvider((), clock=behind), behind) as screen:
        sources = screen.app.store.sources
        await screen.until(lambda: "live" in sources, "a word")
        said = await screen.says("live")
        assert said.startswith("no kubeconfig: $KUBECONFIG names ")
        assert "set KUBECONFIG to one" in " ".join(said.split())
        aside.rename(kubeconfig)
        await screen.until(lambda: sources["live"].state == "live", "live")
        said = await screen.says("live")
        assert "its clock is 1h" in said
        assert "ahead of this machine's" in said
        assert "set the one that is wrong" in said


async def test_pages_of_pods_that_are_cut_off_are_said(
    cluster: Served, kubeconfig: Path, monkeypatch
) -> None:
    name_shortly(kubeconfig, monkeypatch)
    await cluster.advance(120)
    await cluster.server.switch_on(read_fault("cut:resource=pods,verb=get"))
    clock = cluster.stepper.clock
    provider = LiveProvider((), clock=clock, metrics=lambda _: MetricsChoice())
    async with opened(provider, clock) as screen:
        sources = screen.app.store.sources
        await screen.until(
            lambda: "pods of admin" in sources and sources["pods of admin"].detail, "pages"
        )
        said = await screen.says("pods of admin")
        assert "pods without metrics" in said
        assert "ended before it was complete" in said
        assert "asked again" in said
