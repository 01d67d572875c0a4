"""How Prometheus is reached by its address: who asks, whom it trusts, and nothing but GET."""

from __future__ import annotations

import asyncio
import base64
import ssl
from pathlib import Path

import aiohttp
import msgspec

from mtop_tui.config.addresses import PAGE, Address, parse_address
from mtop_tui.observations import SourceState
from mtop_tui.providers.scraping.fetching import FetchError, bounded_body, explained, token_in

MOST_BYTES = 64 * 1024 * 1024
"""Of an answer, unpacked: the buckets of some thousand services."""

CONNECTING, WHOLE = 5.0, 30.0
"""Seconds for a connection, and for a whole answer."""

_SAID = 200
_TENANT = "X-Scope-OrgID"
"""What Mimir, Thanos' receivers and Loki call the tenant."""


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Where Prometheus is, and who asks. Files are read again for every request.

    Attributes:
        url: up to, and without, `/api/v1`; user and password in it are basic authentication.
        token_file: with a bearer token.
        ca_file: authorities to trust in place of the system's.
        certificate_file, key_file: what is shown to a server that wants to know its clients.
        tenant: sent as `X-Scope-OrgID`.
    """

    url: str
    token_file: Path | None = None
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    tenant: str = ""


class PrometheusClient:
    """Sends GETs to one Prometheus; `ask` is what `Prometheus` wants.

    Raises:
        AddressError: the address is none.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._address: Address = parse_address(access.url)
        self._base = self._address.url.partition("?")[0].removesuffix(PAGE).rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    @property
    def shown(self) -> str:
        """Host and port, without anything secret."""
        return self._address.shown

    async def ask(self, path: str) -> bytes:
        """The body at a path below the address.

        Raises:
            FetchError: saying why there is none; nothing secret is in it.
        """
        session = await self._opened()
        headers = await asyncio.to_thread(_identity, self._access, self._address)
        try:
            async with session.get(
                self._base + path, headers=headers, allow_redirects=False
            ) as answer:
                if answer.status != 200:
                    raise await _refused(answer)
                return await bounded_body(answer, MOST_BYTES)
        except FetchError:
            raise
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise explained(error) from error

    async def close(self) -> None:
        """Close the connections; safe to call twice."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            context = await asyncio.to_thread(_tls, self._access)
        # Several ask at once in the beginning: one of them may have been faster.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=8, ssl=context),
                timeout=aiohttp.ClientTimeout(total=WHOLE, connect=CONNECTING),
                headers={"Accept": "application/json", "Accept-Encoding": "gzip"},
                auto_decompress=False,
            )
        return self._session


def _tls(access: Access) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=access.ca_file)
        if access.certificate_file is not None:
            # A key with a password would be asked for on the terminal, which mtop draws on.
            context.load_cert_chain(access.certificate_file, access.key_file, password=lambda: "")
    except (OSError, ValueError) as error:
        what = "the CA file or the client certificate"
        raise FetchError(
            "error", "TLS files", f"{what} cannot be used ({type(error).__name__}); check the paths"
        ) from error
    return context


def _identity(access: Access, address: Address) -> dict[str, str]:
    headers = {_TENANT: access.tenant} if access.tenant else {}
    if access.token_file is not None:
        headers["Authorization"] = f"Bearer {token_in(access.token_file)}"
    elif address.user:
        pair = base64.b64encode(f"{address.user}:{address.password}".encode()).decode()
        headers["Authorization"] = f"Basic {pair}"
    return headers


async def _refused(answer: aiohttp.ClientResponse) -> FetchError:
    """Why an answer is not what was asked for, in Prometheus' words where it has some."""
    status = answer.status
    if 300 <= status < 400:
        return FetchError(
            "error",
            "redirects away",
            "redirects, which is not followed, for a login page would get the token; name the"
            " address behind it",
        )
    state: SourceState = "forbidden" if status in {401, 403} else "error"
    said = {
        401: "wants to know who asks; give a token file, or user and password in the address",
        403: "does not let this user ask; give another token or tenant",
        404: "has no such page; the address ends before /api/v1",
        503: "is not ready, as while it replays its log; it is asked again",
    }.get(status, "")
    if not said:
        said = await _words(answer) or "check the address"
    return FetchError(state, f"HTTP {status}", f"HTTP {status}: {said}")


async def _words(answer: aiohttp.ClientResponse) -> str:
    try:
        body = msgspec.json.decode(await bounded_body(answer, 1 << 16), type=dict[str, object])
    except (msgspec.MsgspecError, FetchError, UnicodeDecodeError):
        return ""
    return str(body.get("error", ""))[:_SAID]
