"""Who mtop is to an API server: tokens, files of tokens, exec plugins, client certificates."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from mtop_tui.clock import Clock
from mtop_tui.providers.live.kubeconfig import Connection, ExecPlugin
from mtop_tui.providers.live.problems import CredentialError

PLUGIN_LIMIT: Final = 30.0
"""Seconds after which a plugin that has not ended is ended."""

FILE_AGE: Final = 60.0
"""Seconds after which a file with a token is read again; Kubernetes renews such files."""

_EARLY = 60.0
"""Seconds before its end at which a credential is had anew."""

_OUTPUT_KEPT = 1 << 20
_SAID = 200


class Login(NamedTuple):
    """What requests are sent with.

    Attributes:
        number: counts up when it is had anew.
        headers: of each request.
        certificate: certificate and key in PEM, where a plugin gave them.
    """

    number: int
    headers: tuple[tuple[str, str], ...]
    certificate: tuple[str, str] | None = None


class _Status(msgspec.Struct, frozen=True, rename="camel"):
    token: str | None = None
    expiration_timestamp: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None


class _ExecCredential(msgspec.Struct, frozen=True, rename="camel"):
    kind: str
    status: _Status | None = None


class Credentials:
    """The login of one connection, had anew when it is too old or was not accepted.

    Any number of tasks may ask; one of them at a time gets a new one, for all.

    Args:
        connection: whose.
        clock: tells when a credential ends.
        limit: seconds that a plugin may take.
    """

    def __init__(
        self, connection: Connection, clock: Clock, *, limit: float = PLUGIN_LIMIT
    ) -> None:
        self._connection, self._clock, self._limit = connection, clock, limit
        self._lock = asyncio.Lock()
        self._login: Login | None = None
        self._ends_at: float | None = None
        self.waits_for = ""
        """The plugin that has not answered yet, if one is asked just now."""

    async def login(self) -> Login:
        """The login to use now.

        Raises:
            CredentialError: there is none to be had.
        """
        held = self._login
        if held is not None and (self._ends_at is None or self._clock.now() < self._ends_at):
            return held
        return await self.renew(held)

    async def renew(self, refused: Login | None) -> Login:
        """A login in place of one that was refused or is too old, unless there is one by now.

        Raises:
            CredentialError: there is none to be had.
        """
        async with self._lock:
            held = self._login
            if held is not None and (refused is None or held.number != refused.number):
                return held
            self._login = await self._new(1 if held is None else held.number + 1)
            return self._login

    async def _new(self, number: int) -> Login:
        user = self._connection.user
        headers: list[tuple[str, str]] = []
        certificate = None
        self._ends_at = None
        if user.plugin is not None:
            status = await self._ask(user.plugin)
            if status.token:
                headers.append(("Authorization", f"Bearer {status.token}"))
            if status.client_certificate_data and status.client_key_data:
                certificate = (status.client_certificate_data, status.client_key_data)
            ends = _unix(status.expiration_timestamp)
            self._ends_at = None if ends is None else max(ends - _EARLY, self._clock.now() + 1.0)
        elif user.token_file:
            token = await asyncio.to_thread(_token, user.token_file)
            headers.append(("Authorization", f"Bearer {token}"))
            self._ends_at = self._clock.now() + FILE_AGE
        elif user.token:
            headers.append(("Authorization", f"Bearer {user.token}"))
        elif user.username:
            pair = base64.b64encode(f"{user.username}:{user.password or ''}".encode()).decode()
            headers.append(("Authorization", f"Basic {pair}"))
        if user.impersonate:
            headers.append(("Impersonate-User", user.impersonate))
        headers += [("Impersonate-Group", group) for group in user.impersonate_groups or ()]
        return Login(number, tuple(headers), certificate)

    async def _ask(self, plugin: ExecPlugin) -> _Status:
        """Run a plugin: without the terminal, bounded in time and in what it may say."""
        name = f"users[{self._connection.user_name}].exec: {plugin.command}"
        if plugin.interactive_mode == "Always":
            raise CredentialError(
                f"{name} wants a terminal (interactiveMode: Always), which mtop draws on; set it to"
                " IfAvailable, or log in with `kubectl` first and use a token"
            )
        self.waits_for = name
        try:
            out, said, code = await self._run(plugin, name)
        finally:
            self.waits_for = ""
        if code != 0:
            words = said.decode(errors="replace").strip()[-_SAID:]
            raise CredentialError(
                f"{name} ended with exit code {code}: {words or 'it said nothing'}"
            )
        try:
            credential = msgspec.json.decode(out, type=_ExecCredential)
        except msgspec.MsgspecError as error:
            raise CredentialError(f"{name} printed no ExecCredential: {error}") from error
        status = credential.status
        if status is None or not (status.token or status.client_certificate_data):
            raise CredentialError(f"{name} printed neither status.token nor a client certificate")
        return status

    async def _run(self, plugin: ExecPlugin, name: str) -> tuple[bytes, bytes, int]:
        environment = {
            **os.environ,
            **{one.name: one.value for one in plugin.env or ()},
            "KUBERNETES_EXEC_INFO": self._info(plugin),
        }
        try:
            # In a session of its own it has no terminal to read from either.
            process = await asyncio.create_subprocess_exec(
                plugin.command,
                *(plugin.args or ()),
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            hint = f"; {plugin.install_hint.strip()}" if plugin.install_hint else ""
            raise CredentialError(f"{name} cannot be run: {error.strerror}{hint}") from error
        try:
            async with asyncio.timeout(self._limit):
                out, said = await asyncio.gather(_drained(process.stdout), _drained(process.stderr))
                return out, said, await process.wait()
        except TimeoutError:
            raise CredentialError(
                f"{name} did not end within {self._limit:.0f} s; run it by hand to see what it"
                " waits for"
            ) from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()

    def _info(self, plugin: ExecPlugin) -> str:
        spec: dict[str, Any] = {"interactive": False}
        if plugin.provide_cluster_info:
            cluster = self._connection.cluster
            stated = {
                "server": cluster.server,
                "certificate-authority-data": cluster.certificate_authority_data,
                "tls-server-name": cluster.tls_server_name,
                "insecure-skip-tls-verify": cluster.insecure_skip_tls_verify or None,
                "proxy-url": cluster.proxy_url,
            }
            spec["cluster"] = {name: value for name, value in stated.items() if value}
        info = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}
        return msgspec.json.encode(info).decode()


async def _drained(stream: asyncio.StreamReader | None) -> bytes:
    """All that a plugin writes, of which a bounded part is kept: a full pipe would block it."""
    kept = bytearray()
    while stream is not None and (part := await stream.read(1 << 16)):
        kept += part[: _OUTPUT_KEPT - len(kept)]
    return bytes(kept)


def _token(path: str) -> str:
    try:
        token = Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "is not text"
        raise CredentialError(f"{path}: the token cannot be read: {said}; log in again") from error
    if not token:
        raise CredentialError(f"{path}: the file with the token is empty; log in again")
    return token


def _unix(text: str | None) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp() if text else None
    except ValueError:
        return None
