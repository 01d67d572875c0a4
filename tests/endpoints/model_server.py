"""A web server on this machine that answers as model servers do, well and badly."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from mtop_tui.config.addresses import Address, parse_address

PAGES = Path(__file__).parents[1] / "unit" / "metrics_pages"
REAL = Path(__file__).parents[2].parent / "shared/data/serving/metrics"

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def page(name: str) -> str:
    """One of the project's own pages."""
    return (PAGES / f"{name}.prom").read_text()


def vllm_page(model: str, requests: float = 100.0, *, ttft: float = 0.2, running: int = 3) -> str:
    """A vLLM server that has served so many requests, each with this TTFT and 100 tokens."""
    labels = f'engine="0",model_name="{model}"'
    lines = [
        f"vllm:num_requests_running{{{labels}}} {running}",
        f"vllm:num_requests_waiting{{{labels}}} 0",
        f"vllm:kv_cache_usage_perc{{{labels}}} 0.25",
        f"vllm:prompt_tokens_total{{{labels}}} {requests * 500}",
        f"vllm:generation_tokens_total{{{labels}}} {requests * 100}",
        f'vllm:request_success_total{{finished_reason="stop",{labels}}} {requests}',
    ]
    for name, value, count in (
        ("time_to_first_token_seconds", ttft, requests),
        ("inter_token_latency_seconds", 0.02, requests * 100),
    ):
        family = f"vllm:{name}"
        for bound in (0.01, 0.025, 0.1, 0.25, 0.5, 1.0):
            counted = count if value <= bound else 0.0
            lines.append(f'{family}_bucket{{le="{bound}",{labels}}} {counted}')
        lines += [
            f'{family}_bucket{{le="+Inf",{labels}}} {count}',
            f"{family}_count{{{labels}}} {count}",
            f"{family}_sum{{{labels}}} {value * count}",
        ]
    return "\n".join(lines) + "\n"


class ModelServer:
    """Answers `/metrics` with `body` or as `answer` does; counts who asked."""

    def __init__(self, body: str | bytes = "") -> None:
        self.body = body
        self.models: list[str] = []
        self.answer: Answer | None = None
        self.asked: list[web.Request] = []
        self.address: Address = parse_address("localhost")
        self.runner: web.AppRunner | None = None

    async def stop(self) -> None:
        """Listen no more."""
        if self.runner is not None:
            await self.runner.cleanup()

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        if self.answer is not None:
            return await self.answer(request)
        body = self.body.encode() if isinstance(self.body, str) else self.body
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=gzip.compress(body), headers={"Content-Encoding": "gzip"})
        return web.Response(body=body)

    async def listed(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"object": "list", "data": [{"id": one} for one in self.models]})


class Busy(ModelServer):
    """Serves two requests more whenever it is asked."""

    def __init__(self, model: str) -> None:
        super().__init__()
        self.model, self.served = model, 100.0

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        self.served += 2
        self.body = vllm_page(self.model, self.served)
        return await super().metrics(request)


@asynccontextmanager
async def running(
    server: ModelServer, *, tls: object = None, port: int = 0
) -> AsyncIterator[ModelServer]:
    """The server, listening on a free port."""
    app = web.Application()
    app.router.add_get("/metrics", server.metrics)
    app.router.add_get("/v1/models", server.listed)
    runner = server.runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls)  # type: ignore[arg-type]
    await site.start()
    listening = site._server
    assert isinstance(listening, asyncio.Server)
    found = listening.sockets[0].getsockname()[1]
    scheme = "http" if tls is None else "https"
    server.address = parse_address(f"{scheme}://127.0.0.1:{found}")
    try:
        yield server
    finally:
        await runner.cleanup()
