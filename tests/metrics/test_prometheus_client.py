"""Reaching Prometheus: who asks, whom it trusts, and what is said when it does not come off."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mtop_tui.cli.source import metrics_choice
from mtop_tui.clock import ManualClock
from mtop_tui.config.addresses import ServicePlace
from mtop_tui.config.settings import SettingsError, load
from mtop_tui.observations import MetricSample, SourceHealth
from mtop_tui.providers.live.metrics.cluster import MetricsChoice
from mtop_tui.providers.live.metrics.following import follow, through_service
from mtop_tui.providers.live.metrics.prometheus import Prometheus
from mtop_tui.providers.live.metrics.prometheus_client import Access, PrometheusClient
from mtop_tui.providers.scraping.fetching import FetchError
from mtop_tui.serve.certificate import make_certificate, server_context

START = 1_800_000_000.0
NAMES = {"status": "success", "data": []}


class Fake:
    """Answers every GET alike, and remembers what it was asked."""

    def __init__(self, body: object = NAMES, status: int = 200, **headers: str) -> None:
        self.body, self.status, self.headers = body, status, headers
        self.asked: list[web.Request] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return web.Response(text=text, status=self.status, headers=self.headers)


@asynccontextmanager
async def running(fake: Fake, tls: ssl.SSLContext | None = None) -> AsyncIterator[Fake]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    fake.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{port}"
    try:
        yield fake
    finally:
        await runner.cleanup()


async def asked(access: Access) -> bytes:
    client = PrometheusClient(access)
    try:
        return await client.ask("/api/v1/query?query=up")
    finally:
        await client.close()


async def test_who_asks_is_told_in_headers_and_the_token_is_read_each_time(tmp_path: Path):
    token = tmp_path / "token"
    token.write_text("first\n")
    async with running(Fake()) as fake:
        client = PrometheusClient(Access(url=f"{fake.url}/prom/", token_file=token, tenant="team"))
        await client.ask("/api/v1/query?query=up")
        token.write_text("second")
        await client.ask("/api/v1/query?query=up")
        await client.close()
    assert [one.headers["Authorization"] for one in fake.asked] == ["Bearer first", "Bearer second"]
    assert fake.asked[0].headers["X-Scope-OrgID"] == "team"
    assert fake.asked[0].path_qs == "/prom/api/v1/query?query=up"
    assert {one.method for one in fake.asked} == {"GET"}


async def test_user_and_password_in_the_address_are_basic_authentication():
    async with running(Fake()) as fake:
        access = Access(url=fake.url.replace("http://", "http://me:hunter2@"))
        await asked(access)
        assert "hunter2" not in PrometheusClient(access).shown
    assert fake.asked[0].headers["Authorization"] == "Basic bWU6aHVudGVyMg=="


def client_certificate(folder: Path) -> tuple[Path, Path]:
    """Certificate and key of a client, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mtop")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "client.pem", folder / "client.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


async def test_a_client_certificate_is_shown_and_an_authority_is_trusted(tmp_path: Path):
    made = make_certificate("127.0.0.1", time.time())
    pem = tmp_path / "pem"
    pem.write_bytes(made.pem)
    certificate, key = client_certificate(tmp_path)
    wants = server_context(made)
    wants.verify_mode = ssl.CERT_REQUIRED
    wants.load_verify_locations(certificate)
    async with running(Fake(), wants) as fake:
        with pytest.raises(FetchError, match="certificate is not trusted"):
            await asked(Access(url=fake.url))
        with pytest.raises(FetchError):
            await asked(Access(url=fake.url, ca_file=pem))
        assert not fake.asked
        await asked(Access(url=fake.url, ca_file=pem, certificate_file=certificate, key_file=key))
        assert len(fake.asked) == 1
        with pytest.raises(FetchError, match="check the paths"):
            await asked(Access(url=fake.url, ca_file=tmp_path / "none"))


@pytest.mark.parametrize(
    ("fake", "state", "said"),
    [
        (Fake(status=302, Location="http://login.example/?t=1"), "error", "a login page would get"),
        (Fake("<html>", status=401), "forbidden", "give a token file"),
        (Fake(status=403), "forbidden", "another token or tenant"),
        (Fake(status=404), "error", "ends before /api/v1"),
        (Fake({"status": "error", "error": "too many samples"}, 422), "error", "too many samples"),
        (Fake("<html>", status=500), "error", "check the address"),
        (Fake(status=503), "error", "replays its log"),
    ],
)
async def test_refusals_are_said_with_what_to_do(fake, state, said):
    async with running(fake):
        with pytest.raises(FetchError) as error:
            await asked(Access(url=fake.url))
    assert error.value.state == state
    assert said in error.value.sentence


async def test_a_token_file_that_is_not_there(tmp_path: Path):
    async with running(Fake()) as fake:
        with pytest.raises(FetchError, match="token file cannot be read"):
            await asked(Access(url=fake.url, token_file=tmp_path / "none"))
    assert not fake.asked


def test_how_it_is_reached_is_set(tmp_path: Path):
    files = {name: tmp_path / name for name in ("token", "cert", "key")}
    for path in files.values():
        path.write_text("x")
    authority = tmp_path / "ca"
    authority.write_bytes(make_certificate("127.0.0.1", time.time()).pem)
    loaded = load(
        {
            "prometheus": "https://me:hunter2@prometheus.example/prom",
            "prometheus_ca": authority,
            "prometheus_tenant": "team-a",
            **{f"prometheus_{name}": path for name, path in files.items()},
        }
    )
    assert metrics_choice(loaded.settings)("production") == MetricsChoice(
        prometheus=Access(
            url="https://me:hunter2@prometheus.example/prom",
            token_file=files["token"],
            ca_file=authority,
            certificate_file=files["cert"],
            key_file=files["key"],
            tenant="team-a",
        )
    )
    with pytest.raises(SettingsError, match="holds no certificate"):
        load({"prometheus": "https://prometheus.example", "prometheus_ca": files["token"]})


def test_each_context_has_a_prometheus_of_its_own():
    def choose(context: str, stated: str) -> MetricsChoice | None:
        loaded = load({"prometheus": stated, "contexts": ("arn:eks/prod", "lab", "edge")})
        return metrics_choice(loaded.settings)(context)

    stated = "arn:eks/prod=https://p.example/?a=b,lab=monitoring/prometheus:9090"
    assert choose("arn:eks/prod", stated) == MetricsChoice(
        prometheus=Access(url="https://p.example/?a=b")
    )
    assert choose("lab", stated) == MetricsChoice(
        service=ServicePlace("monitoring", "prometheus", "9090")
    )
    assert choose("edge", stated) == MetricsChoice()  # whose pods are read
    inside = choose("edge", f"{stated},obs/prometheus")
    assert inside == MetricsChoice(service=ServicePlace("obs", "prometheus", "9090"))


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ("https://p.example", "write CONTEXT=ADDRESS for each"),
        (
            "a=https://p.example,b=https://q.example,c=https://r.example",
            "c is none of the contexts",
        ),
        ("a=https://p.example,a=https://q.example", "two addresses for a"),
        ("a=ftp://p.example", "expected http"),
    ],
)
def test_figures_of_one_cluster_are_not_taken_for_those_of_another(stated, said):
    with pytest.raises(SettingsError, match=said):
        load({"prometheus": stated, "contexts": ("a", "b")})


async def test_a_service_is_asked_by_the_proxy_of_the_api_server():
    paths = []

    async def ask(path: str) -> bytes:
        paths.append(path)
        return b""

    await through_service(ask, "monitoring", "https:prometheus", port="web")("/api/v1/query?a=b")
    assert paths == [
        "/api/v1/namespaces/monitoring/services/https:prometheus:web/proxy/api/v1/query?a=b"
    ]


async def test_following_goes_on_after_failures_and_says_how_it_fares():
    outcomes: list[Any] = [
        FetchError("disconnected", "refused", "nothing listens there"),
        FetchError("disconnected", "refused", "nothing listens there"),
        [],
    ]
    waits: list[float] = []

    class Source(Prometheus):
        async def samples(self, time: float | None = None) -> list[MetricSample]:
            outcome = outcomes.pop(0)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

    async def nothing(_path: str) -> bytes:
        return b""

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    clock = ManualClock(START)
    source = Source(nothing, cluster="c", clock=clock)
    told: list[SourceHealth] = []
    async for batch in follow(source, "prometheus", clock=clock, sleep=sleep):
        told += [one for one in batch if isinstance(one, SourceHealth)]
        if len(told) == 3:
            break
    assert [(one.state, one.errors) for one in told] == [
        *(("disconnected", 1), ("disconnected", 2), ("live", 0)),
    ]
    assert "does it scrape their pods?" in told[-1].detail
    assert waits == [10.0, 20.0]


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"status": "error", "error": "no"}', b"\xff"])
async def test_answers_of_something_else_are_told(body):
    async def ask(path: str) -> bytes:
        return body

    with pytest.raises(FetchError):
        await Prometheus(ask, cluster="c", clock=ManualClock(START)).samples()
