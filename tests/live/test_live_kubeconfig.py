"""Kubeconfigs are read by kubectl's rules, and logins are had as they say."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from mtop_tui.clock import ManualClock
from mtop_tui.providers.live.credentials import Credentials
from mtop_tui.providers.live.kubeconfig import (
    Cluster,
    Connection,
    ExecPlugin,
    ExecVariable,
    User,
    connection,
)
from mtop_tui.providers.live.problems import ConfigError, CredentialError

NOW = 1_780_000_000.0


def written(path: Path, current: str = "", **contexts: dict[str, Any]) -> Path:
    """A kubeconfig with contexts, each with a cluster and a user of its name."""
    parts: dict[str, list[Any]] = {"clusters": [], "users": [], "contexts": []}
    for name, stated in contexts.items():
        cluster = {"server": f"https://{name}.example", **stated.get("cluster", {})}
        parts["clusters"].append({"name": name, "cluster": cluster})
        parts["users"].append({"name": name, "user": stated.get("user", {})})
        context = {"cluster": name, "user": name, **stated.get("context", {})}
        parts["contexts"].append({"name": name, "context": context})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({"apiVersion": "v1", "current-context": current, **parts}))
    return path


def environment(*paths: Path) -> dict[str, str]:
    return {"KUBECONFIG": ":".join(map(str, paths)), "HOME": "/nowhere"}


def test_the_first_file_that_states_something_counts(tmp_path: Path):
    first = written(tmp_path / "a", a={"cluster": {"server": "https://first"}})
    second = written(tmp_path / "b", "b", a={"cluster": {"server": "https://second"}}, b={})
    files = environment(tmp_path / "absent", first, second)
    assert connection(environment=files).name == "b"
    assert connection("a", environment=files).cluster.server == "https://first"
    assert connection("b", environment=files).cluster.server == "https://b.example"


def test_without_a_variable_the_usual_file_is_read(tmp_path: Path):
    written(tmp_path / ".kube" / "config", "home", home={"context": {"namespace": "shop"}})
    found = connection(environment={"HOME": str(tmp_path)})
    assert (found.name, found.namespace) == ("home", "shop")


def test_paths_are_relative_to_their_file(tmp_path: Path):
    user = {
        "tokenFile": "token",
        "client-certificate": "/abs/c",
        "exec": {"command": "./login", "apiVersion": "client.authentication.k8s.io/v1"},
    }
    file = written(
        tmp_path / "sub" / "c", "a", a={"cluster": {"certificate-authority": "ca"}, "user": user}
    )
    found = connection(environment=environment(file))
    assert found.cluster.certificate_authority == str(tmp_path / "sub" / "ca")
    assert found.user.token_file == str(tmp_path / "sub" / "token")
    assert found.user.client_certificate == "/abs/c"
    assert found.user.plugin is not None
    assert found.user.plugin.command == str(tmp_path / "sub" / "login")


def test_inside_a_pod_its_account_is_used(tmp_path: Path):
    for name, text in (("token", "t"), ("ca.crt", "c"), ("namespace", "shop\n")):
        (tmp_path / name).write_text(text)
    pod = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443", "HOME": "/no"}
    found = connection(environment=pod, account=tmp_path)
    assert found.cluster.server == "https://[fd00::1]:443"
    assert (found.namespace, found.user.token_file) == ("shop", str(tmp_path / "token"))


@pytest.mark.parametrize(
    ("text", "context", "said"),
    [
        ("", "", "no current-context; name one with --context"),
        ("a: [\n", "", ":2: "),
        ("- a", "", "a kubeconfig is expected"),
        ("contexts: 1", "", "contexts: a list is expected"),
        ("contexts: [{context: {}}]", "", "contexts[1]: expected a name and a context"),
        (
            r'contexts: [{name: "a\x1b[1m", context: {}}]',
            "",
            "the name a␛ holds control characters",
        ),
        ("contexts: [{name: prod, context: {}}]", "prdo", "no context prdo; did you mean prod?"),
        ("contexts: [{name: a, context: {cluster: b}}]", "a", "there is no cluster 'b'"),
        (
            "{contexts: [{name: a, context: {cluster: b}}],"
            " clusters: [{name: b, cluster: {server: host}}]}",
            "a",
            "clusters[b].server: expected an address that begins with https://, not 'host'",
        ),
        (
            "{contexts: [{name: a, context: {cluster: b}}],"
            " clusters: [{name: b, cluster: {server: 1}}]}",
            "a",
            "clusters[b]: Expected `str`, got `int`",
        ),
        (
            "{contexts: [{name: a, context: {cluster: b, user: c}}],"
            " clusters: [{name: b, cluster: {server: 'https://x'}}]}",
            "a",
            "there is no user 'c'",
        ),
        (
            "{contexts: [{name: a, context: {cluster: b, user: c}}],"
            " clusters: [{name: b, cluster: {server: 'https://x'}}],"
            " users: [{name: c, user: {auth-provider: {name: gcp}}}]}",
            "a",
            "kubectl dropped it",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, context: str, said: str):
    file = tmp_path / "config"
    file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        connection(context, environment=environment(file))
    assert str(file) in str(raised.value)
    assert said in str(raised.value)


def test_no_kubeconfig_at_all_is_said(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"there is no .*config; set KUBECONFIG to one"):
        connection(environment={"HOME": str(tmp_path)}, account=tmp_path)


# Logins


def credentials(user: User, clock: ManualClock | None = None, limit: float = 5.0) -> Credentials:
    server = Connection("a", Cluster("https://x"), user, user_name="me")
    return Credentials(server, clock or ManualClock(NOW), limit=limit)


def plugin(script: str, **more: Any) -> User:
    return User(plugin=ExecPlugin(sys.executable, args=["-c", script], **more))


def credential(**status: str) -> str:
    body = {"apiVersion": "v1", "kind": "ExecCredential", "status": status}
    return f"print({json.dumps(json.dumps(body))})"


async def authorization(asked: Credentials) -> str:
    return dict((await asked.login()).headers)["Authorization"]


async def test_a_file_with_a_token_is_read_again(tmp_path: Path):
    file, clock = tmp_path / "token", ManualClock(NOW)
    file.write_text("one\n")
    asked = credentials(User(token_file=str(file)), clock)
    assert await authorization(asked) == "Bearer one"
    file.write_text("two")
    assert await authorization(asked) == "Bearer one"
    clock.advance(61)
    assert await authorization(asked) == "Bearer two"
    file.unlink()
    clock.advance(61)
    with pytest.raises(CredentialError, match="the token cannot be read: No such file"):
        await asked.login()


async def test_user_and_groups_are_impersonated():
    user = User(token="t", impersonate="jane", impersonate_groups=["a", "b"])
    headers = (await credentials(user).login()).headers
    assert headers[1:] == (
        ("Impersonate-User", "jane"),
        ("Impersonate-Group", "a"),
        ("Impersonate-Group", "b"),
    )


async def test_a_plugin_gets_no_keys_and_knows_it():
    script = (
        "import json, os, sys; assert sys.stdin.read() == '';"
        "info = json.loads(os.environ['KUBERNETES_EXEC_INFO']);"
        "assert info['spec']['interactive'] is False; assert not os.isatty(0);"
        "assert info['spec']['cluster']['server'] == 'https://x'; assert os.environ['A'] == 'b';"
    ) + credential(token="t")
    user = plugin(script, env=[ExecVariable("A", "b")], provide_cluster_info=True)
    assert await authorization(credentials(user)) == "Bearer t"


async def test_a_plugin_is_asked_again_when_its_credential_ends(tmp_path: Path):
    clock, file = ManualClock(NOW), tmp_path / "runs"
    ends = "2026-05-28T20:28:20Z"  # 100 s after NOW
    script = f"open({str(file)!r}, 'a').write('x');" + credential(
        token="t", expirationTimestamp=ends
    )
    asked = credentials(plugin(script), clock)
    await asked.login()
    clock.advance(30)
    await asked.login()
    assert file.read_text() == "x"
    clock.advance(15)
    await asked.login()
    assert file.read_text() == "xx"


async def test_many_ask_and_one_goes(tmp_path: Path):
    file = tmp_path / "runs"
    script = f"open({str(file)!r}, 'a').write('x');" + credential(token="t")
    asked = credentials(plugin(script))
    first = await asked.login()
    again = await asyncio.gather(*(asked.renew(first) for _ in range(9)))
    assert {one.number for one in again} == {2}
    assert file.read_text() == "xx"


async def test_a_plugin_that_takes_its_time_is_named_while_it_does():
    asked = credentials(plugin("import time; time.sleep(60)"))
    login = asyncio.create_task(asked.login())
    await asyncio.sleep(0)
    while not asked.waits_for:
        await asyncio.sleep(0.01)
    assert sys.executable in asked.waits_for
    login.cancel()
    await asyncio.gather(login, return_exceptions=True)
    assert not asked.waits_for


async def test_a_plugin_that_says_much_does_not_hang():
    script = "import sys; sys.stderr.write('x' * 2_000_000);" + credential(token="t")
    assert await authorization(credentials(plugin(script))) == "Bearer t"


@pytest.mark.parametrize(
    ("user", "said"),
    [
        (plugin("import time; time.sleep(60)"), "did not end within 0 s"),
        (plugin("import sys; sys.exit('no session')"), "exit code 1: no session"),
        (plugin("print('hello')"), "printed no ExecCredential"),
        (plugin(credential()), "printed neither status.token nor a client certificate"),
        (plugin("", interactive_mode="Always"), "wants a terminal"),
        (
            User(plugin=ExecPlugin("/no/such/login", install_hint="install it")),
            "cannot be run: No such file or directory; install it",
        ),
    ],
)
async def test_a_plugin_that_fails_is_said(user: User, said: str):
    limit = 0.4 if "60" in str(user) else 10.0
    with pytest.raises(CredentialError) as raised:
        await credentials(user, limit=limit).login()
    assert said in str(raised.value)
