"""Which API server to talk to, and as whom: the rules by which kubectl reads its kubeconfigs.

`KUBECONFIG` lists files; those that are absent are passed over, and of what several state, the
first one counts. One that is named outright is read and no other. Relative paths in a file are
relative to it. Without any file, and inside a pod, the pod's own service account is used.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import yaml

from mtop_tui.config.settings import nearest
from mtop_tui.providers.live.problems import ConfigError
from mtop_tui.text import safe

VARIABLE: Final = "KUBECONFIG"
IN_CLUSTER: Final = "in-cluster"
SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")

E = TypeVar("E")


class ExecVariable(msgspec.Struct, frozen=True):
    """One environment variable that a plugin gets."""

    name: str
    value: str = ""


class ExecPlugin(msgspec.Struct, frozen=True, rename="camel"):
    """A program that prints credentials."""

    command: str
    api_version: str = "client.authentication.k8s.io/v1"
    args: list[str] | None = None
    env: list[ExecVariable] | None = None
    install_hint: str | None = None
    interactive_mode: str | None = None
    provide_cluster_info: bool = False


class User(msgspec.Struct, frozen=True, rename="kebab"):
    """How to say who one is."""

    token: str | None = None
    token_file: str | None = msgspec.field(default=None, name="tokenFile")
    client_certificate: str | None = None
    client_certificate_data: str | None = None
    client_key: str | None = None
    client_key_data: str | None = None
    username: str | None = None
    password: str | None = None
    plugin: ExecPlugin | None = msgspec.field(default=None, name="exec")
    auth_provider: dict[str, Any] | None = None
    impersonate: str | None = msgspec.field(default=None, name="as")
    impersonate_groups: list[str] | None = msgspec.field(default=None, name="as-groups")


class Cluster(msgspec.Struct, frozen=True, rename="kebab"):
    """Where an API server is, and how to know it."""

    server: str
    certificate_authority: str | None = None
    certificate_authority_data: str | None = None
    insecure_skip_tls_verify: bool = False
    tls_server_name: str | None = None
    proxy_url: str | None = None


class Context(msgspec.Struct, frozen=True, rename="kebab"):
    """A cluster with a user of it."""

    cluster: str = ""
    user: str = ""
    namespace: str | None = None


class Connection(msgspec.Struct, frozen=True):
    """One API server and who to be there.

    Attributes:
        name: of the context.
        cluster, user: as stated, with absolute paths.
        namespace: that commands without one mean.
        user_name: under which the user stands in the kubeconfig.
    """

    name: str
    cluster: Cluster
    user: User
    namespace: str = "default"
    user_name: str = ""


class _File(msgspec.Struct, frozen=True):
    """The entries of a file by name, each as it stands there."""

    path: Path
    current: str
    clusters: Mapping[str, dict[str, Any]]
    users: Mapping[str, dict[str, Any]]
    contexts: Mapping[str, dict[str, Any]]


def connection(
    context: str = "",
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    account: Path = SERVICE_ACCOUNT,
) -> Connection:
    """The connection of a context; empty takes the current one. Reads files.

    Args:
        context: its name.
        file: the only one to read.
        environment: in place of that of the process.
        account: where the service account of a pod stands.

    Raises:
        ConfigError: there is none, or what it states cannot be used.
    """
    if file is not None:
        found = _read(file)
        if found is None:
            raise ConfigError(f"no kubeconfig: there is no {file}; name one that is there")
        return _chosen([found], context)
    variables = os.environ if environment is None else environment
    paths = _paths(variables)
    files = [found for path in paths if (found := _read(path)) is not None]
    if not files:
        if not context and (own := _of_pod(variables, account)) is not None:
            return own
        raise ConfigError(_nothing_found(paths, variables))
    return _chosen(files, context)


def _paths(variables: Mapping[str, str]) -> list[Path]:
    stated = [Path(part) for part in variables.get(VARIABLE, "").split(os.pathsep) if part]
    return stated or [Path(variables.get("HOME") or "~").expanduser() / ".kube" / "config"]


def _nothing_found(paths: Sequence[Path], variables: Mapping[str, str]) -> str:
    named = ", ".join(map(str, paths))
    where = f"${VARIABLE} names {named}" if variables.get(VARIABLE) else f"there is no {named}"
    lacking = ", of which none is there" if variables.get(VARIABLE) else ""
    return (
        f"no kubeconfig: {where}{lacking}; set {VARIABLE} to one, give --kubeconfig, or run `mtop`"
        " without --mode live for the simulated cluster"
    )


def _read(path: Path) -> _File | None:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise ConfigError(
            f"{path}: cannot be read: {said}; make it readable, or name another one"
        ) from error
    try:
        body = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        said = getattr(error, "problem", None) or "is no YAML"
        raise ConfigError(f"{path}{line}: {said}; a kubeconfig is expected") from error
    if body is None:
        body = {}
    if not isinstance(body, dict):
        raise ConfigError(f"{path}: a kubeconfig is expected, which begins with apiVersion: v1")
    return _File(
        path,
        str(body.get("current-context") or ""),
        *(_named(path, body, plural, kind) for plural, kind in _LISTS),
    )


_LISTS: Final = (("clusters", "cluster"), ("users", "user"), ("contexts", "context"))


def _named(path: Path, body: Mapping[str, Any], plural: str, kind: str) -> dict[str, Any]:
    stated = body.get(plural)
    if stated is None:
        return {}
    if not isinstance(stated, list):
        raise ConfigError(f"{path}: {plural}: a list is expected")
    found: dict[str, Any] = {}
    for number, one in enumerate(stated, 1):
        entry = one.get(kind) if isinstance(one, dict) else None
        if not isinstance(one, dict) or not isinstance(one.get("name"), str):
            raise ConfigError(f"{path}: {plural}[{number}]: expected a name and a {kind}")
        if safe(one["name"]) != one["name"]:
            raise ConfigError(
                f"{path}: {plural}[{number}]: the name {safe(one['name'])} holds control characters"
            )
        found.setdefault(one["name"], entry if isinstance(entry, dict) else {})
    return found


def _chosen(files: Sequence[_File], context: str) -> Connection:
    known = {name: file for file in reversed(files) for name in file.contexts}
    name = context or next((file.current for file in files if file.current), "")
    where = ", ".join(str(file.path) for file in files)
    if not name:
        there = f"; there are {', '.join(sorted(known))}" if known else ""
        raise ConfigError(f"{where}: no current-context; name one with --context{there}")
    if name not in known:
        hint = nearest(name, known) or f"; there are {', '.join(sorted(known)) or 'none'}"
        raise ConfigError(f"{where}: no context {name}{hint}")
    file = known[name]
    stated = _typed(file, f"contexts[{name}]", file.contexts[name], Context)
    cluster = _cluster(files, stated.cluster, f"{file.path}: contexts[{name}]")
    user = _user(files, stated.user, f"{file.path}: contexts[{name}]")
    return Connection(name, cluster, user, stated.namespace or "default", stated.user)


def _cluster(files: Sequence[_File], name: str, asked_by: str) -> Cluster:
    file = next((one for one in files if name in one.clusters), None)
    if file is None:
        raise ConfigError(f"{asked_by}: cluster: there is no cluster {name!r} in clusters")
    cluster = _typed(file, f"clusters[{name}]", file.clusters[name], Cluster)
    if not cluster.server.startswith(("https://", "http://")):
        raise ConfigError(
            f"{file.path}: clusters[{name}].server: expected an address that begins with https://,"
            f" not {cluster.server!r}"
        )
    authority = _absolute(file, cluster.certificate_authority)
    return msgspec.structs.replace(
        cluster, certificate_authority=authority, server=cluster.server.rstrip("/")
    )


def _user(files: Sequence[_File], name: str, asked_by: str) -> User:
    if not name:
        return User()
    file = next((one for one in files if name in one.users), None)
    if file is None:
        raise ConfigError(f"{asked_by}: user: there is no user {name!r} in users")
    user = _typed(file, f"users[{name}]", file.users[name], User)
    if user.auth_provider is not None and user.plugin is None and not user.token:
        raise ConfigError(
            f"{file.path}: users[{name}].auth-provider: kubectl dropped it in version 1.26; use the"
            " exec plugin of your provider, or a token"
        )
    plugin = user.plugin
    if plugin is not None and "/" in plugin.command:
        # As kubectl has it: a name is looked up in the PATH, a path is relative to the file.
        command = _absolute(file, plugin.command) or plugin.command
        plugin = msgspec.structs.replace(plugin, command=command)
    return msgspec.structs.replace(
        user,
        token_file=_absolute(file, user.token_file),
        client_certificate=_absolute(file, user.client_certificate),
        client_key=_absolute(file, user.client_key),
        plugin=plugin,
    )


def _typed(file: _File, where: str, stated: Mapping[str, Any], kind: type[E]) -> E:
    try:
        return msgspec.convert({k: v for k, v in stated.items() if v is not None}, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{file.path}: {where}: {error}") from error


def _absolute(file: _File, path: str | None) -> str | None:
    return str(file.path.absolute().parent / path) if path else None


def _of_pod(variables: Mapping[str, str], account: Path) -> Connection | None:
    host, port = (variables.get(f"KUBERNETES_SERVICE_{one}") for one in ("HOST", "PORT"))
    token = account / "token"
    if not host or not token.is_file():
        return None
    address = f"[{host}]" if ":" in host else host
    try:
        namespace = (account / "namespace").read_text("utf-8").strip()
    except OSError:
        namespace = ""
    return Connection(
        IN_CLUSTER,
        Cluster(f"https://{address}:{port or 443}", certificate_authority=str(account / "ca.crt")),
        User(token_file=str(token)),
        namespace or "default",
        "service account",
    )
