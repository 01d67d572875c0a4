"""The kubeconfig that clients find the server by, with a context for each user."""

from __future__ import annotations

import base64
import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from mtop_tui.serve.access import ADMIN

CLUSTER: Final = "mtop"
EXEC_CONTEXT: Final = "exec"
_CREDENTIAL: Final = "client.authentication.k8s.io/v1beta1"


class KubeconfigError(Exception):
    """The kubeconfig cannot be written; the message says where and why."""


def context_of(user: str) -> str:
    """The context of a user: "admin" of "mtop-admin"."""
    return user.removeprefix("mtop-")


def write_kubeconfig(
    path: Path, address: str, certificate: bytes, tokens: Mapping[str, str], *, namespace: str
) -> None:
    """Write a kubeconfig that only its owner can read, and tokens in a folder beside it.

    Tokens stand in files of their own, which clients read again when they change. The context
    `exec` is the administrator by way of a credential plugin. `namespace` is where clients look
    unless they are told where.

    Raises:
        KubeconfigError: a file cannot be written.
    """
    path = path.absolute()
    _write(authority_file(path), certificate.decode())
    users = [{"name": name, "user": {"tokenFile": str(token_file(path, name))}} for name in tokens]
    plugin = {
        "apiVersion": _CREDENTIAL,
        "command": "cat",
        "args": [str(credential_file(path))],
        "interactiveMode": "Never",
    }
    users.append({"name": EXEC_CONTEXT, "user": {"exec": plugin}})
    contexts = [(context_of(name), name) for name in tokens] + [(EXEC_CONTEXT, EXEC_CONTEXT)]
    cluster = {
        "server": address,
        "certificate-authority-data": base64.b64encode(certificate).decode(),
    }
    body: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CLUSTER, "cluster": cluster}],
        "users": users,
        "contexts": [
            {"name": name, "context": {"cluster": CLUSTER, "user": user, "namespace": namespace}}
            for name, user in contexts
        ],
        "current-context": context_of(ADMIN),
        "preferences": {},
    }
    write_tokens(path, tokens)
    _write(path, yaml.safe_dump(body, sort_keys=False))


def write_tokens(path: Path, tokens: Mapping[str, str]) -> None:
    """Write the tokens beside a kubeconfig, in place of those before.

    Raises:
        KubeconfigError: a file cannot be written.
    """
    path = path.absolute()
    for name, token in tokens.items():
        _write(token_file(path, name), token)
    credential = {
        "apiVersion": _CREDENTIAL,
        "kind": "ExecCredential",
        "status": {"token": tokens[ADMIN]},
    }
    _write(credential_file(path), msgspec.json.encode(credential).decode())


def remove_kubeconfig(path: Path, tokens: Mapping[str, str]) -> None:
    """Take away what was written: the server it is about is gone."""
    path = path.absolute()
    folder = _folder(path)
    files = [
        credential_file(path),
        authority_file(path),
        *(token_file(path, one) for one in tokens),
    ]
    for file in (path, *files):
        file.unlink(missing_ok=True)
    # Whatever else somebody put there stays.
    with contextlib.suppress(OSError):
        folder.rmdir()


def token_file(path: Path, user: str) -> Path:
    """Where the token of a user stands."""
    return _folder(path) / f"{user}.token"


def authority_file(path: Path) -> Path:
    """Where the certificate stands that clients trust."""
    return _folder(path) / "ca.crt"


def credential_file(path: Path) -> Path:
    """What the credential plugin says."""
    return _folder(path) / "credential.json"


def _folder(path: Path) -> Path:
    path = path.absolute()
    return path.with_name(f"{path.name}.d")


def _write(path: Path, text: str) -> None:
    """Replace a file as a whole, so that nobody reads half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        draft.replace(path)
    except OSError as error:
        raise KubeconfigError(
            f"{path}: cannot be written: {error.strerror}; give --kubeconfig a file in a folder"
            " that can be written to"
        ) from error
