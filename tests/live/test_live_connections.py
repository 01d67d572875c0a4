"""The way to an API server: through a proxy, with a client certificate, with clocks apart."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from serving import WALL, Served
from test_live_access import edited
from watching import watching

from mtop_tui.clock import Clock, WallClock
from mtop_tui.kserve.records import unix_time
from mtop_tui.observations import Replica, Service
from mtop_tui.providers.live.client import ReadOnlyClient
from mtop_tui.providers.live.kubeconfig import Cluster, Connection, User
from mtop_tui.providers.live.problems import Refusal, Unreachable
from mtop_tui.serve.certificate import Certificate, make_certificate, server_context

HOUR = 3600.0


class Proxy:
    """An HTTP proxy that opens tunnels, and what it was asked."""

    def __init__(self, port: int, asked: list[bytes]) -> None:
        self.port, self.asked = port, asked


@asynccontextmanager
async def proxy(status: bytes = b"200 Connection established") -> AsyncIterator[Proxy]:
    """A real one on a socket; with another status it opens nothing."""
    asked: list[bytes] = []
    tasks: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while part := await reader.read(65536):
                writer.write(part)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(task := asyncio.current_task())
        task.add_done_callback(tasks.discard)
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head)
        writer.write(b"HTTP/1.1 " + status + b"\r\n\r\n")
        if not status.startswith(b"200"):
            await writer.drain()
            writer.close()
            return
        host, _, port = head.split()[1].decode().rpartition(":")
        there, back = await asyncio.open_connection(host, int(port))
        await asyncio.gather(pump(reader, back), pump(there, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield Proxy(server.sockets[0].getsockname()[1], asked)
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_cluster_is_read_through_the_proxy_of_its_kubeconfig(
    cluster: Served, kubeconfig: Path, monkeypatch
):
    address = cluster.server.address.removeprefix("https://").encode()
    async with proxy() as found:
        edited(kubeconfig, cluster={"proxy-url": f"http://me:secret@127.0.0.1:{found.port}"})
        async with watching(kubeconfig, monkeypatch) as live:
            await live.live()
            assert live.store.services()
        assert {head.split()[:2] == [b"CONNECT", address] for head in found.asked} == {True}
        login = b"Proxy-Authorization: Basic " + base64.b64encode(b"me:secret")
        assert all(login in head for head in found.asked)
        assert not any(b"Bearer" in head for head in found.asked)


async def test_a_proxy_that_refuses_or_is_not_there_is_named(cluster: Served):
    async with proxy(b"407 Proxy Authentication Required") as found:
        said = await _asked(cluster, f"http://127.0.0.1:{found.port}")
        port = found.port
    assert isinstance(said, Unreachable)
    assert f"the proxy http://127.0.0.1:{port} refuses" in said.message
    assert "407" in said.message
    said = await _asked(cluster, f"http://me:secret@127.0.0.1:{port}")
    assert isinstance(said, Unreachable)
    assert f"the proxy http://127.0.0.1:{port} cannot be reached" in said.message
    assert "proxy-url" in said.message
    assert "secret" not in said.message


async def test_the_proxy_of_the_environment_is_heeded(cluster: Served, monkeypatch):
    monkeypatch.setenv("no_proxy", "")
    async with proxy() as found:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{found.port}")
        assert isinstance(await _asked(cluster), bytes)
        assert len(found.asked) == 1
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert isinstance(await _asked(cluster), bytes)
        assert len(found.asked) == 1


async def _asked(cluster: Served, through: str | None = None) -> bytes | Refusal | Unreachable:
    trusted = base64.b64encode(cluster.server.certificate.pem).decode()
    server = Cluster(cluster.server.address, certificate_authority_data=trusted, proxy_url=through)
    client = ReadOnlyClient(Connection("c", server, User()), WallClock())
    try:
        return await client.get("/version")
    finally:
        await client.close()


# Client certificates


def client_certificate(authority: Certificate, name: str) -> Certificate:
    """One that an authority issues to somebody."""
    issuer = x509.load_pem_x509_certificate(authority.pem)
    signs = serialization.load_pem_private_key(authority.key, None)
    key = ec.generate_private_key(ec.SECP256R1())
    since = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(since + dt.timedelta(days=1))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(signs, hashes.SHA256())
    )
    return Certificate(
        made.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


async def test_who_one_is_a_client_certificate_says(tmp_path: Path):
    own, authority = (make_certificate("127.0.0.1", WALL.now()) for _ in range(2))
    context = server_context(own)
    (tmp_path / "authority").write_bytes(_issuing(authority))
    context.load_verify_locations(tmp_path / "authority")
    context.verify_mode = ssl.CERT_REQUIRED

    async def whoami(request: web.Request) -> web.Response:
        subject = request.transport.get_extra_info("peercert")["subject"]
        return web.json_response({"gitVersion": subject[0][0][1]})

    application = web.Application()
    application.router.add_get("/version", whoami)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    server = Cluster(
        f"https://127.0.0.1:{runner.addresses[0][1]}",
        certificate_authority_data=base64.b64encode(own.pem).decode(),
    )
    jane = client_certificate(authority, "jane")
    (tmp_path / "c").write_bytes(jane.pem)
    (tmp_path / "k").write_bytes(jane.key)
    try:
        in_files = User(client_certificate=str(tmp_path / "c"), client_key=str(tmp_path / "k"))
        within = User(
            client_certificate_data=base64.b64encode(jane.pem).decode(),
            client_key_data=base64.b64encode(jane.key).decode(),
        )
        for user in (in_files, within):
            assert b'"jane"' in await _version(server, user)
        said = await _version(server, User())
        assert isinstance(said, Unreachable)
        assert "client-certificate" in said.message
    finally:
        await runner.cleanup()


def _issuing(authority: Certificate) -> bytes:
    """The certificate of an authority without the purposes that bind those below it."""
    found = x509.load_pem_x509_certificate(authority.pem)
    key = serialization.load_pem_private_key(authority.key, None)
    made = (
        x509.CertificateBuilder()
        .subject_name(found.subject)
        .issuer_name(found.issuer)
        .public_key(found.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(found.not_valid_before_utc)
        .not_valid_after(found.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


async def _version(server: Cluster, user: User) -> bytes | Refusal | Unreachable:
    client = ReadOnlyClient(Connection("c", server, user, user_name="jane"), WallClock())
    try:
        return await client.get("/version")
    finally:
        await client.close()


# Clocks


class Behind:
    """The clock of a machine that is an hour behind another."""

    def __init__(self, other: Clock) -> None:
        self._other = other

    def now(self) -> float:
        """Unix seconds."""
        return self._other.now() - HOUR


async def test_times_are_corrected_where_clocks_differ(
    cluster: Served, kubeconfig: Path, monkeypatch
):
    right = cluster.stepper.clock
    async with watching(kubeconfig, monkeypatch, clock=Behind(right)) as live:
        await live.live()
        assert "its clock is 1h ahead of this machine's" in live.health.detail
        service = live.store.services()[0].service
        raw = await live.provider.read_object(service.ref)
        stated = unix_time(raw.body["metadata"]["creationTimestamp"])
        assert abs(stated - HOUR - service.created_at) < 2
        kinds = {type(one) for one in live.records}
        assert {Service, Replica} <= kinds
    async with watching(kubeconfig, monkeypatch, clock=right) as live:
        await live.live()
        assert "its clock" not in live.health.detail
        found = live.store.service(service.key)
        assert found.service.created_at == stated
