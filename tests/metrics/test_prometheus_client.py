"""Reaching Prometheus: who asks, whom it trusts, and what is said when it does not come off."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import AsyncIterator, Callable
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

from mtop_tui.clock import ManualClock
from mtop_tui.domain import vocabulary as names
from mtop_tui.observations import MetricSample, ObjectRef, Replica, ServiceKey, SourceHealth
from mtop_tui.providers.live.metrics.following import follow, through_service
from mtop_tui.providers.live.metrics.pods import KnownPods
from mtop_tui.providers.live.metrics.prometheus import MOST_PODS, Prometheus
from mtop_tui.providers.live.metrics.prometheus_client import Access, PrometheusClient
from mtop_tui.providers.live.objects.pickers import PickerPods
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


# What is made of the answers


def vector(*found: tuple[dict[str, str], str]) -> dict[str, Any]:
    result = [{"metric": metric, "value": [START, value]} for metric, value in found]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


def scripted(names: dict[str, list[str]], answers: dict[str, dict[str, Any]]) -> Callable[..., Any]:
    """Answers by a word in the question; of names, by a word in the selector."""
    from urllib.parse import parse_qs, urlsplit

    async def ask(path: str) -> bytes:
        parts = urlsplit(path)
        query = parse_qs(parts.query)
        if parts.path.endswith("/values"):
            (selector,) = query["match[]"]
            found = next((some for word, some in names.items() if word in selector), [])
            return json.dumps({"status": "success", "data": found}).encode()
        (question,) = query["query"]
        answer = next((one for word, one in answers.items() if word in question), vector())
        return json.dumps(answer).encode()

    return ask


def replica(ref: ObjectRef, service: ServiceKey) -> Replica:
    return Replica(at=START, ref=ref, service=service, role="main", phase="ready")


def pods(*replicas: Replica) -> KnownPods:
    known = KnownPods()
    known.note(replicas)
    return known


KV, TOKENS = "vllm:kv_cache_usage_perc", "vllm:generation_tokens_total"


async def test_series_that_name_pods_only_become_samples_of_replicas():
    prefixed = [f"kserve_{KV}", f"kserve_{TOKENS}"]
    pod = {"namespace": "shop", "pod": "chat-0"}
    ask = scripted(
        {'exported_pod="",pod!=""': prefixed},
        {
            "vector(time())": vector(({}, "1800000000")),
            "kv_cache": vector((pod, "0.5"), ({"namespace": "shop", "pod": "other"}, "0.1")),
            "generation_tokens": vector((pod, "600")),
        },
    )
    ref, key = ObjectRef("c", "shop", "Pod", "chat-0", "u"), ServiceKey("c", "shop", "chat")
    source = Prometheus(ask, cluster="c", clock=ManualClock(START), pods=pods(replica(ref, key)))
    (sample,) = await source.samples()
    assert (sample.ref, sample.service, sample.form) == (ref, key, "windowed")
    assert (sample.layout.counters, sample.cumulative) == (("generation_tokens",), (600.0,))
    assert (sample.layout.gauges, sample.gauges) == (("kv_usage",), (0.5,))


async def test_pools_of_a_service_are_told_apart_by_their_role():
    def of(role: str) -> dict[str, str]:
        return {"namespace": "shop", "llm_isvc_name": "chat", "llm_isvc_role": role}

    ask = scripted(
        {'{llm_isvc_name!=""}': [KV, TOKENS, "go_goroutines"]},
        {
            "vector(time())": vector(({}, "1800000000")),
            "kv_cache": vector((of("prefill"), "0.5"), (of("decode"), "0.2")),
            "generation_tokens": vector((of("prefill"), "6"), (of("decode"), "NaN")),
        },
    )
    found = await Prometheus(ask, cluster="c", clock=ManualClock(START)).samples()
    assert [(one.role, one.cumulative, one.gauges) for one in found] == [
        ("prefill", (6.0,), (0.5,)),
        ("decode", (), (0.2,)),  # what is no number is not known, and not 0
    ]


async def test_each_pod_has_figures_of_its_own_where_there_are_few():
    def of(pod: str) -> dict[str, str]:
        return {"namespace": "shop", "llm_isvc_name": "chat", "pod": pod}

    asked: list[str] = []
    answers = {
        "vector(time())": vector(({}, "1800000000")),
        "generation_tokens": vector((of("chat-0"), "60"), (of("chat-1"), "0"), (of("gone"), "9")),
    }
    ask = scripted({'{llm_isvc_name!=""}': [TOKENS]}, answers)

    async def asking(path: str) -> bytes:
        asked.append(path)
        return await ask(path)

    key = ServiceKey("c", "shop", "chat")
    refs = [ObjectRef("c", "shop", "Pod", f"chat-{number}", "u") for number in range(MOST_PODS)]
    few = pods(*(replica(ref, key) for ref in refs[:2]))
    found = await Prometheus(asking, cluster="c", clock=ManualClock(START), pods=few).samples()
    # What a pod counted that is gone was its own: it has no part in what others do.
    assert [(one.ref, one.cumulative) for one in found] == [(refs[0], (60.0,)), (refs[1], (0.0,))]
    assert "llm_isvc_role%2Cpod" in asked[-1]
    many = pods(*(replica(ref, key) for ref in refs), replica(refs[0]._replace(name="x"), key))
    await Prometheus(asking, cluster="c", clock=ManualClock(START), pods=many).samples()
    assert "llm_isvc_role%2Cpod" not in asked[-1]


async def test_of_pods_that_may_not_be_read_the_service_has_figures():
    series = {"namespace": "shop", "llm_isvc_name": "chat", "pod": "chat-0"}
    ask = scripted(
        {'{llm_isvc_name!=""}': [TOKENS]},
        {
            "vector(time())": vector(({}, "1800000000")),
            "generation_tokens": vector((series, "60"), ({**series, "pod": "chat-1"}, "30")),
        },
    )
    other = replica(ObjectRef("c", "lab", "Pod", "x", "u"), ServiceKey("c", "lab", "x"))
    source = Prometheus(ask, cluster="c", clock=ManualClock(START), pods=pods(other))
    (sample,) = await source.samples()
    assert (sample.ref.kind, sample.ref.name, sample.cumulative) == ("Pool", "chat", (90.0,))


@pytest.mark.parametrize("labelled", ["service", "pod"])
async def test_what_endpoint_pickers_say_is_of_their_services(labelled):
    queue, old = "llm_d_epp_flow_control_queue_size", "inference_pool_average_queue_size"
    new = "llm_d_epp_average_queue_size"
    series = {"namespace": "shop", "llm_isvc_name": "chat"}
    selector = '{llm_isvc_name!=""}'
    key, ref = ServiceKey("c", "shop", "chat"), ObjectRef("c", "shop", "Pod", "epp-0", "u")
    known = PickerPods()
    known.put(ref, key)
    if labelled == "pod":
        series, selector = {"namespace": "shop", "pod": "epp-0"}, 'exported_pod="",pod!=""'
    ask = scripted(
        {selector: [queue, old, new]},
        {
            "vector(time())": vector(({}, "1800000000")),
            queue: vector((series, "3")),
            # Newer pickers say the same by two names: it is read once.
            old: vector((series, "1.5")),
            new: vector((series, "1.5")),
        },
    )
    (sample,) = await Prometheus(
        ask, cluster="c", clock=ManualClock(START), pods=KnownPods(known)
    ).samples()
    assert (sample.subject, sample.service) == ("picker", key)
    levels = dict(zip(sample.layout.gauges, sample.gauges, strict=True))
    assert levels == {names.WAITING: 3.0, names.AVERAGE_WAITING: 1.5}


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

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    clock = ManualClock(START)
    source = Source(scripted({}, {}), cluster="c", clock=clock)
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
