"""Each way in which an endpoint is of no use has a sentence of its own, and a next step."""

from __future__ import annotations

import asyncio
import gzip
import time
from contextlib import AsyncExitStack

import pytest
from aiohttp import web
from model_server import Answer, ModelServer, page, running, vllm_page

from mtop_tui.clock import WallClock
from mtop_tui.config.addresses import Address, AddressError, parse_address, prometheus_place
from mtop_tui.providers.endpoints.provider import EndpointsProvider
from mtop_tui.providers.scraping import fetching
from mtop_tui.providers.scraping.fetching import FetchError, fetch, new_session
from mtop_tui.providers.scraping.reading import PageError, Pages
from mtop_tui.serve.certificate import make_certificate, server_context
from sources_screen import opened

GOOD = vllm_page("org/m").encode()


def body(data: bytes, status: int = 200, **headers: str) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=data, status=status, headers=headers)

    return answer


async def cut(request: web.Request) -> web.StreamResponse:
    """Promises more than it sends."""
    response = web.StreamResponse(headers={"Content-Length": str(len(GOOD) + 100)})
    await response.prepare(request)
    await response.write(GOOD[:200])
    assert request.transport is not None
    request.transport.close()
    return response


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"vllm:x 1\n" * 8192)


async def asleep(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    return web.Response()


async def hang_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def away(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("http://user:hunter2@elsewhere.example/metrics?token=hunter2")


async def circle(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("/metrics")


async def complaint(address: Address) -> str:
    """Reason and sentence with which an endpoint is refused."""
    async with new_session() as session:
        try:
            Pages().read(await fetch(session, address))
        except (FetchError, PageError) as error:
            return f"{error.reason}: {error.sentence}"
    return "nothing"


@pytest.mark.parametrize(
    ("answer", "reason", "next_step"),
    [
        (body(b"<!doctype html><html></html>"), "a web page", "check path"),
        (body(b"\n  <html>"), "a web page", "check path"),
        (body(b""), "no metrics", "it is empty"),
        (body(b'{"detail": 1}\n'), "no metrics", "check the path and the port"),
        (body(page("dcgm_new").encode()), "other metrics", "--enable-metrics"),
        (body(GOOD[:-40]), "page cut off", "was not taken"),
        (body(GOOD.replace(b"} 100.0\n", b"} NaN\n")), "not numbers", "not taken"),
        (cut, "page cut off", "asked again"),
        (body(gzip.compress(GOOD)[:-20], **{"Content-Encoding": "gzip"}), "page cut off", "again"),
        (body(b"no gzip", **{"Content-Encoding": "gzip"}), "bad gzip", "proxy"),
        (endless, "page too large", "check the path"),
        (
            body(gzip.compress(b"vllm:x 1\n" * 2_000_000), **{"Content-Encoding": "gzip"}),
            "page too large",
            "check the path",
        ),
        (hang_up, "hung up", "https://"),
        (away, "redirects away", "http://elsewhere.example"),
        (circle, "redirects", "in circles"),
        (body(b"", 401), "HTTP 401", "USER:PASSWORD"),
        (body(b"", 403), "HTTP 403", "ask for access"),
        (body(b"", 404), "HTTP 404", "--enable-metrics"),
        (body(b"", 418), "HTTP 418", "check the path"),
        (body(b"", 500), "HTTP 500", "see its log"),
        (body(b"", 501), "HTTP 501", "--metrics"),
        (body(b"", 503), "HTTP 503", "while a model loads"),
    ],
)
async def test_what_is_wrong_is_said_with_a_next_step(answer, reason, next_step):
    server = ModelServer()
    server.answer = answer
    async with running(server):
        said = await complaint(server.address)
    assert said.startswith(f"{reason}: "), said
    assert next_step in said
    assert "hunter2" not in said


async def test_nothing_listens():
    async with running(ModelServer()) as server:
        address = server.address
    assert await complaint(address) == (
        "refused: nothing listens there; start the server or check the port"
    )


async def test_no_such_host():
    said = await complaint(parse_address("http://no-such-host.invalid:8000"))
    assert said.startswith("unknown host: ")


async def test_no_answer_in_time(monkeypatch):
    monkeypatch.setattr(fetching, "WHOLE", 0.2)
    server = ModelServer()
    server.answer = asleep
    async with running(server):
        said = await complaint(server.address)
    assert said.startswith("no answer: no answer within ")


async def test_a_certificate_nobody_signed():
    certificate = make_certificate("127.0.0.1", time.time())
    async with running(ModelServer(GOOD), tls=server_context(certificate)) as server:
        said = await complaint(server.address)
    assert said.startswith("TLS: its certificate is not trusted: ")
    assert "--endpoint-ca" in said


async def test_plain_http_to_a_server_with_tls():
    certificate = make_certificate("127.0.0.1", time.time())
    async with running(ModelServer(GOOD), tls=server_context(certificate)) as server:
        said = await complaint(parse_address(server.address.url.replace("https:", "http:")))
    assert "https://" in said


async def test_https_to_a_server_without_tls():
    async with running(ModelServer(GOOD)) as server:
        said = await complaint(parse_address(server.address.url.replace("http:", "https:")))
    assert said.startswith("TLS: no TLS connection came about; if it speaks plain HTTP")


async def test_what_speaks_no_http():
    async def shout(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-server\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(shout, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        said = await complaint(parse_address(f"127.0.0.1:{port}"))
    assert said.startswith(("no HTTP: ", "hung up: ")), said


async def test_user_and_password_are_sent_to_the_host_and_shown_nowhere():
    server = ModelServer(GOOD)
    async with running(server):
        url = server.address.url.replace("http://", "http://me:hun%40ter2@")
        address = parse_address(url)
        assert await complaint(address) == "nothing"
    assert server.asked[0].headers["Authorization"] == "Basic bWU6aHVuQHRlcjI="
    assert "ter2" not in f"{address.shown} {address!r} {address.url}"


async def test_what_is_sent_along_goes_to_no_other_port():
    server, other = ModelServer(), ModelServer(GOOD)
    async with running(server), running(other):

        async def elsewhere(request: web.Request) -> web.StreamResponse:
            raise web.HTTPFound(other.address.url)

        server.answer = elsewhere
        said = await complaint(server.address)
    assert f"redirects to {other.address.origin}, which is not followed" in said
    assert not other.asked


async def test_a_redirect_on_the_same_host_is_followed():
    server = ModelServer(GOOD)

    async def there(request: web.Request) -> web.StreamResponse:
        if "again" in request.query:
            return web.Response(body=GOOD)
        raise web.HTTPFound("/metrics?again=1")

    server.answer = there
    async with running(server):
        assert await complaint(server.address) == "nothing"


@pytest.mark.parametrize(
    ("text", "url", "shown"),
    [
        ("localhost:8000", "http://localhost:8000/metrics", "localhost:8000"),
        ("http://h:1/", "http://h:1/metrics", "h:1"),
        ("https://h/prometheus?a=b", "https://h/prometheus?a=b", "h/prometheus"),
        ("http://[::1]:8000", "http://[::1]:8000/metrics", "[::1]:8000"),
        ("http://u:secret@h:1/metrics", "http://h:1/metrics", "h:1"),
    ],
)
def test_addresses_are_taken_as_people_write_them(text, url, shown):
    address = parse_address(text)
    assert (address.url, address.shown) == (url, shown)


@pytest.mark.parametrize(
    "text", ["", "http://", "ftp://secret@h", "h:secret", "h:99999", "http://a b/", "file:///etc"]
)
def test_what_is_no_address_is_refused_without_quoting_it(text):
    with pytest.raises(AddressError) as error:
        parse_address(text)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("monitoring/prometheus", ("monitoring", "prometheus", "9090")),
        ("monitoring/https:thanos:web", ("monitoring", "https:thanos", "web")),
    ],
)
def test_a_prometheus_in_the_cluster_is_named_by_its_service(text, place):
    assert prometheus_place(text) == place


@pytest.mark.parametrize("text", ["a/b/c", "a/", "/b", "a/b?c", "../b", "ftp://secret@h", "a/B"])
def test_what_is_no_place_of_a_prometheus_is_refused(text):
    with pytest.raises(AddressError):
        prometheus_place(text)


def test_a_prometheus_outside_is_named_by_its_address():
    for text in ("localhost:9090", "http://u:secret@h:9090/prom"):
        place = prometheus_place(text)
        assert isinstance(place, Address)
        assert "secret" not in place.shown


async def test_each_endpoint_says_what_is_wrong_with_it() -> None:
    whole = vllm_page("qwen")
    pages = {
        "page cut off": (whole[:-40], "in the middle of a line", "look for a proxy"),
        "a web page": ("<!doctype html><html></html>", "a web page", "check path"),
        "other metrics": (page("dcgm_new"), "none of a model server", "--enable-metrics"),
    }
    async with AsyncExitStack() as stack:
        servers = {
            reason: await stack.enter_async_context(running(ModelServer(body)))
            for reason, (body, *_) in pages.items()
        }
        addresses: list[Address] = [one.address for one in servers.values()]
        provider = EndpointsProvider(addresses, clock=WallClock())
        async with opened(provider, WallClock()) as screen:
            sources = screen.app.store.sources
            for reason, (_, happened, to_do) in pages.items():
                name = servers[reason].address.shown
                await screen.until(
                    lambda name=name: name in sources and sources[name].state == "error", reason
                )
                said = await screen.says(name)
                assert happened in said, (reason, said)
                assert to_do in said, (reason, said)
