"""How the certificate of an API server is checked, and which one is shown to it."""

from __future__ import annotations

import base64
import binascii
import os
import ssl
import tempfile
from pathlib import Path

from mtop_tui.providers.live.kubeconfig import Connection
from mtop_tui.providers.live.problems import ConfigError


def tls_context(connection: Connection, issued: tuple[str, str] | None = None) -> ssl.SSLContext:
    """The TLS settings of a connection. Reads files: not for the event loop.

    Args:
        connection: whose.
        issued: certificate and key in PEM that a plugin gave, in place of those of the user.

    Raises:
        ConfigError: a certificate or a key cannot be used.
    """
    cluster, user = connection.cluster, connection.user
    context = ssl.create_default_context()
    where = f"context {connection.name}"
    if cluster.insecure_skip_tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif cluster.certificate_authority_data:
        pem = _decoded(cluster.certificate_authority_data, f"{where}: certificate-authority-data")
        context = _trusting(pem, f"{where}: certificate-authority-data")
    elif cluster.certificate_authority:
        authority = cluster.certificate_authority
        context = _trusting(_contents(authority, where), f"{where}: {authority}")
    if issued is not None:
        _show(context, issued[0].encode(), issued[1].encode(), f"{where}: the plugin's certificate")
        return context
    certificate = _stated(user.client_certificate_data, user.client_certificate, where)
    key = _stated(user.client_key_data, user.client_key, where)
    if certificate is not None and key is not None:
        _show(context, certificate, key, f"{where}: client certificate")
    elif certificate is not None or key is not None:
        lacking = "client-key" if key is None else "client-certificate"
        raise ConfigError(f"{where}: {lacking} is missing; certificate and key go together")
    return context


def _trusting(pem: bytes, where: str) -> ssl.SSLContext:
    """A context that trusts these authorities only."""
    try:
        return ssl.create_default_context(cadata=pem.decode("ascii"))
    except (ssl.SSLError, UnicodeDecodeError, ValueError) as error:
        raise ConfigError(f"{where}: holds no certificate in PEM: {error}") from error


def _show(context: ssl.SSLContext, certificate: bytes, key: bytes, where: str) -> None:
    # OpenSSL reads keys from files only. They are for nobody else, and gone at once.
    with tempfile.TemporaryDirectory(prefix="mtop-") as folder:
        paths = Path(folder) / "certificate", Path(folder) / "key"
        for path, pem in zip(paths, (certificate, key), strict=True):
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
                file.write(pem)
        try:
            # A key with a password would be asked for on the terminal, which mtop draws on.
            context.load_cert_chain(*paths, password=lambda: "")
        except (ssl.SSLError, ValueError) as error:
            raise ConfigError(
                f"{where} cannot be used: {error}; a key without a password in PEM is expected"
            ) from error


def _stated(data: str | None, path: str | None, where: str) -> bytes | None:
    if data:
        return _decoded(data, where)
    return _contents(path, where) if path else None


def _decoded(data: str, where: str) -> bytes:
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ConfigError(f"{where}: is no base64: {error}") from error


def _contents(path: str, where: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{where}: {path} cannot be read: {error.strerror}") from error
