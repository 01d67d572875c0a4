"""Few rights, wrong settings, other servers: each has its own sentence, and mtop stays up."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from click.testing import CliRunner
from serving import Served
from watching import watching

from mtop_tui.observations import Removed
from mtop_tui.serve.certificate import make_certificate
from mtop_tui.serve.faults import read_fault


def edited(kubeconfig: Path, **changes: Any) -> Path:
    """The kubeconfig with other values in each of its contexts, clusters and users."""
    body = yaml.safe_load(kubeconfig.read_text())
    for plural, kind in (("contexts", "context"), ("clusters", "cluster"), ("users", "user")):
        for one in body[plural]:
            one[kind].update(changes.get(kind, {}))
            for name in changes.get("without", ()):
                one[kind].pop(name, None)
    kubeconfig.write_text(yaml.safe_dump(body))
    return kubeconfig


async def test_one_forbidden_kind_degrades_alone(cluster: Served, kubeconfig: Path, monkeypatch):
    await cluster.server.switch_on(read_fault("forbidden:resource=nodes"))
    async with watching(kubeconfig, monkeypatch) as live:
        await live.live()
        assert live.health.forbidden == ("nodes",)
        assert live.store.services()
        assert not live.store.nodes
        cluster.server.switch_off("forbidden")
        live.readers()["nodes"].ask_again()
        await live.until(lambda: live.store.nodes)
        await live.until(lambda: live.health.forbidden == ())


async def test_who_may_read_one_namespace_sees_that_one(
    cluster: Served, kubeconfig: Path, monkeypatch
):
    edited(kubeconfig, context={"namespace": "team-00"})
    async with watching(kubeconfig, monkeypatch, "nsviewer") as live:
        await live.live()
        assert {state.key.namespace for state in live.store.services()} == {"team-00"}
        assert "only team-00 is read" in live.health.detail
        assert "nodes" in live.health.forbidden


async def test_namespaces_that_were_asked_for_are_read_and_no_others(
    cluster: Served, kubeconfig: Path, monkeypatch
):
    async with watching(kubeconfig, monkeypatch, namespaces=("team-01",)) as live:
        await live.live()
        assert {state.key.namespace for state in live.store.services()} == {"team-01"}
        assert "/namespaces/team-01/" in live.readers()["pods"].path


async def test_who_may_read_nothing_is_told_so(cluster: Served, kubeconfig: Path, monkeypatch):
    async with watching(kubeconfig, monkeypatch, "nobody") as live:
        await live.until(lambda: live.state == "forbidden")
        assert any(one.startswith("llminferenceservices in ") for one in live.health.forbidden)
        assert "mtop doctor" in live.health.detail


async def test_an_absent_group_is_not_a_forbidden_one(
    cluster: Served, kubeconfig: Path, monkeypatch
):
    await cluster.server.switch_on(read_fault("absent:group=serving.kserve.io"))
    async with watching(kubeconfig, monkeypatch, "viewer") as live:
        await live.live()
        assert live.health.forbidden == ()
        assert "not installed: llminferenceservices.serving.kserve.io" in live.health.detail


async def test_the_older_version_is_read_where_there_is_no_other(
    cluster: Served, kubeconfig: Path, monkeypatch
):
    from mtop_tui.providers.live import discovery

    known = discovery.served

    async def older(client):
        found = await known(client)
        return {
            k: "v1alpha1" if k.plural == "llminferenceservices" else v for k, v in found.items()
        }

    monkeypatch.setattr(discovery, "served", older)
    async with watching(kubeconfig, monkeypatch) as live:
        await live.live()
        assert "v1alpha1" in live.readers()["llminferenceservices"].path
        assert any(state.service.pools[0].ready for state in live.store.services())


async def test_an_exec_plugin_logs_in(cluster: Served, kubeconfig: Path, monkeypatch):
    async with watching(kubeconfig, monkeypatch, "exec") as live:
        await live.live()
        assert live.store.services()


async def test_two_contexts_are_one_fleet(cluster: Served, kubeconfig: Path, monkeypatch):
    async with watching(kubeconfig, monkeypatch, "admin", "viewer") as live:
        await live.until(
            lambda: [one.state for one in live.store.sources.values()] == ["live", "live"]
        )
        assert {state.key.cluster for state in live.store.services()} == {"admin", "viewer"}
        assert set(live.store.sources) == {"live: admin", "live: viewer"}


async def test_an_unchecked_certificate_is_said(cluster: Served, kubeconfig: Path, monkeypatch):
    edited(
        kubeconfig,
        without=["certificate-authority-data"],
        cluster={"insecure-skip-tls-verify": True},
    )
    async with watching(kubeconfig, monkeypatch) as live:
        await live.live()
        assert "its certificate is not checked" in live.health.detail


async def test_another_name_can_be_expected_of_a_server(
    cluster: Served, kubeconfig: Path, monkeypatch
):
    edited(kubeconfig, cluster={"tls-server-name": "kubernetes"})
    async with watching(kubeconfig, monkeypatch) as live:
        await live.live()
    edited(kubeconfig, cluster={"tls-server-name": "another.example"})
    async with watching(kubeconfig, monkeypatch) as live:
        await live.until(lambda: live.state == "disconnected")
        assert "is not trusted" in live.health.detail
        assert "tls-server-name" in live.health.detail


async def test_a_wrong_authority_is_said(cluster: Served, kubeconfig: Path, monkeypatch):
    import base64

    from serving import WALL

    other = make_certificate("127.0.0.1", WALL.now()).pem
    data = base64.b64encode(other).decode()
    edited(kubeconfig, cluster={"certificate-authority-data": data})
    async with watching(kubeconfig, monkeypatch) as live:
        await live.until(lambda: live.state == "disconnected")
        assert "the certificate of https://127.0.0.1" in live.health.detail
        assert "certificate-authority" in live.health.detail


async def test_a_kubeconfig_that_was_written_anew_is_taken_up(
    cluster: Served, kubeconfig: Path, monkeypatch
):
    from mtop_tui.providers.live import session

    monkeypatch.setattr(session, "AGAIN", 0.2)
    async with watching(kubeconfig, monkeypatch) as live:
        await live.live()
        known = {state.key: state.service.ref.uid for state in live.store.services()}
        first = live.provider._sessions[0]._link
        right = kubeconfig.read_text()
        edited(kubeconfig, cluster={"tls-server-name": "another.example"})
        await cluster.server.switch_on(read_fault("unauthorized"))
        await cluster.server.switch_on(read_fault("reset:times=10"))
        await live.until(lambda: live.state == "disconnected")
        cluster.server.switch_off("unauthorized")
        assert live.store.services()
        kubeconfig.write_text(right)
        await live.live()
        assert live.provider._sessions[0]._link is not first
        assert {s.key: s.service.ref.uid for s in live.store.services()} == known
        assert not any(type(one) is Removed for one in live.records)


async def test_a_server_that_is_no_kubernetes_is_said(
    cluster: Served, kubeconfig: Path, monkeypatch
):
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>Sign in</html>", content_type="text/html")

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", page)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        edited(kubeconfig, cluster={"server": f"http://127.0.0.1:{port}"})
        async with watching(kubeconfig, monkeypatch) as live:
            await live.until(lambda: live.state == "error")
            assert "an HTML page, not Kubernetes JSON" in live.health.detail
    finally:
        await runner.cleanup()


async def test_a_missing_kubeconfig_is_said_and_then_read(
    cluster: Served, kubeconfig: Path, monkeypatch
):
    from mtop_tui.providers.live import session

    monkeypatch.setattr(session, "AGAIN", 0.1)
    aside = kubeconfig.rename(kubeconfig.with_name("aside"))
    async with watching(kubeconfig, monkeypatch) as live:
        await live.until(lambda: live.state == "error")
        assert live.health.detail.startswith("no kubeconfig: $KUBECONFIG names")
        aside.rename(kubeconfig)
        await live.live()
        assert len(live.store.sources) == 1


async def test_one_object_is_read_as_it_is(cluster: Served, kubeconfig: Path, monkeypatch):
    async with watching(kubeconfig, monkeypatch) as live:
        await live.live()
        ref = live.store.services()[0].service.ref
        raw = await live.provider.read_object(ref)
        assert raw.body["metadata"]["uid"] == ref.uid
        assert "managedFields" in raw.body["metadata"]
        assert await live.provider.read_object(ref._replace(uid="another")) is None
        assert await live.provider.read_object(ref._replace(name="absent", uid="")) is None


async def test_objects_with_wrong_fields_are_passed_over_one_by_one(
    cluster: Served, kubeconfig: Path, monkeypatch
):
    from mtop_tui.providers.live.client import ReadOnlyClient

    get = ReadOnlyClient.get

    async def damaged(self, path, query=None, **named):
        answer = await get(self, path, query, **named)
        if path.endswith("/pods") and "continue" not in query and isinstance(answer, bytes):
            answer = answer.replace(b'"restartCount":0', b'"restartCount":"none"', 1)
        return answer

    monkeypatch.setattr(ReadOnlyClient, "get", damaged)
    async with watching(kubeconfig, monkeypatch) as live:
        await live.live()
        assert live.health.skipped == 1
        assert "restartCount" in live.health.detail
        assert len(live.readers()["pods"].known) > 0


def run(*arguments: str) -> tuple[int, str, str]:
    from mtop_tui.cli.main import cli

    done = CliRunner().invoke(cli, ["--mode", "live", *arguments])
    return done.exit_code, done.stdout, done.stderr


async def test_the_command_line_prints_what_is_there(
    cluster: Served, kubeconfig: Path, monkeypatch
):
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    code, out, said = await asyncio.to_thread(run, "list", "-o", "name")
    assert (code, said) == (0, "")
    names = out.split()
    assert names
    code, out, _ = await asyncio.to_thread(run, "get", names[0])
    body = yaml.safe_load(out)
    assert (code, body["kind"]) == (0, "LLMInferenceService")
    assert f"{body['metadata']['namespace']}/{body['metadata']['name']}" == names[0]


async def test_several_clusters_are_told_apart_on_the_command_line(
    cluster: Served, kubeconfig: Path, monkeypatch
):
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    both = ("--context", "admin,viewer")
    code, out, _ = await asyncio.to_thread(run, *both, "list")
    assert code == 0
    title, *rows = (line.split() for line in out.splitlines())
    assert {row[title.index("CLUSTER")] for row in rows} == {"admin", "viewer"}
    _, out, _ = await asyncio.to_thread(run, "--context", "admin", "list")
    assert "CLUSTER" not in out
    name = rows[0][0]
    code, _, said = await asyncio.to_thread(run, *both, "get", name)
    assert code == 2
    assert "in admin, viewer; name one of them with --context" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--context", "admn", "list"], "no context admn; did you mean admin?"),
        (["--context", "nobody", "list"], "live: nobody: "),
    ],
)
async def test_the_command_line_fails_with_a_sentence(
    cluster: Served, kubeconfig: Path, monkeypatch, arguments: list[str], sentence: str
):
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    code, out, said = await asyncio.to_thread(run, *arguments)
    assert (code, out) == (1, "")
    assert sentence in said


def test_client_certificates_are_shown(tmp_path: Path):
    from mtop_tui.providers.live.kubeconfig import Cluster, Connection, User
    from mtop_tui.providers.live.problems import ConfigError
    from mtop_tui.providers.live.tls import tls_context

    made = make_certificate("127.0.0.1", 1_780_000_000.0)
    (tmp_path / "c").write_bytes(made.pem)
    (tmp_path / "k").write_bytes(made.key)
    user = User(client_certificate=str(tmp_path / "c"), client_key=str(tmp_path / "k"))
    server = Cluster("https://127.0.0.1", certificate_authority=str(tmp_path / "c"))
    context = tls_context(Connection("a", server, user))
    assert context.verify_mode is ssl.CERT_REQUIRED
    with pytest.raises(ConfigError, match="client-key is missing"):
        tls_context(Connection("a", server, User(client_certificate=str(tmp_path / "c"))))
    both = User(client_certificate=str(tmp_path / "c"), client_key=str(tmp_path / "c"))
    with pytest.raises(ConfigError, match="client certificate cannot be used"):
        tls_context(Connection("a", server, both))
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        tls_context(Connection("a", Cluster("https://x", certificate_authority="/no/such"), user))
