"""`mtop --endpoint` and `mtop list --endpoint`, as a user sees them."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from model_server import Busy, ModelServer, page, running, vllm_page

from mtop_tui.app import MtopApp
from mtop_tui.cli.endpoints import asks_for_endpoints, open_endpoints
from mtop_tui.cli.errors import Failure
from mtop_tui.cli.main import cli
from mtop_tui.cli.opening import Sources
from mtop_tui.config.settings import SettingsError, load
from mtop_tui.providers.opening import SourceRequest
from mtop_tui.screens.fleet import FleetScreen
from mtop_tui.serve.certificate import make_certificate, server_context

MTOP = Path(sys.executable).with_name("mtop")
LLAMA = "meta-llama/Llama-3.1-8B"


async def mtop(*arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the real program."""
    process = await asyncio.create_subprocess_exec(
        MTOP,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_list_prints_what_endpoints_serve():
    async with running(Busy(LLAMA)) as one, running(Busy(LLAMA)) as two:
        named = f"{one.address.url},{two.address.shown}"
        code, out, err = await mtop("list", "--endpoint", named, "-o", "json")
    assert (code, err) == (0, "")
    (service,) = json.loads(out)["services"]
    assert (service["name"], service["model"]) == ("Llama-3.1-8B", LLAMA)
    assert (service["replicas_ready"], service["replicas_desired"]) == (2, 2)
    assert service["requests_per_second"] > 0
    assert service["ttft_p95_seconds"] == pytest.approx(0.2425)
    assert service["cost_usd_per_hour"] is None


async def test_a_token_and_an_authority_are_for_the_endpoints_that_are_named(tmp_path: Path):
    made = make_certificate("127.0.0.1", time.time())
    authority, token = tmp_path / "ca.pem", tmp_path / "token"
    authority.write_bytes(made.pem)
    token.write_text("s3cret\n")
    async with running(Busy(LLAMA), tls=server_context(made)) as one:
        named = ("list", "-o", "name", "--endpoint", one.address.url, "--endpoint-ca", authority)
        code, out, err = await mtop(*map(str, named), "--endpoint-token", str(token))
    assert (code, out, err) == (0, "endpoints/Llama-3.1-8B\n", "")
    assert {found.headers["Authorization"] for found in one.asked} == {"Bearer s3cret"}


def test_an_authority_that_is_none_is_a_mistake_of_the_command_line(tmp_path: Path):
    words = tmp_path / "words"
    words.write_text("no certificate")
    with pytest.raises(SettingsError, match=r"--endpoint-ca: .*words holds no certificate"):
        load({"endpoint": ("localhost:8000",), "endpoint_ca": words})
    with pytest.raises(SettingsError, match=r"--endpoint-token: .* is no file"):
        load({"endpoint": ("localhost:8000",), "endpoint_token": tmp_path / "none"})


async def test_list_goes_on_without_an_endpoint_that_is_of_no_use():
    async with running(Busy(LLAMA)) as one, running(ModelServer("<html>")) as page_of_words:
        named = f"{one.address.shown},{page_of_words.address.shown}"
        code, out, err = await mtop("list", "--endpoint", named, "-o", "name")
    assert (code, out) == (0, "endpoints/Llama-3.1-8B\n")
    assert err.startswith(f"mtop: {page_of_words.address.shown}: answers with a web page")


async def test_list_fails_when_no_endpoint_answers():
    async with running(ModelServer()) as server:
        shown = server.address.shown
    code, out, err = await mtop("list", "--endpoint", f"http://me:hunter2@{shown}")
    assert (code, out) == (1, "")
    assert err == f"mtop: {shown}: nothing listens there; start the server or check the port\n"


async def test_get_says_that_there_is_no_object():
    async with running(ModelServer(vllm_page(LLAMA))) as server:
        code, _, err = await mtop("get", "Llama-3.1-8B", "--endpoint", server.address.shown)
    assert code == 2
    assert "has no objects to print" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("list", "--endpoint", "ftp://u:hunter2@h"), "--endpoint: expected http:// or https://"),
        (("list", "--endpoint", "h:1,h:hunter2"), "--endpoint: number 2: the host or the port"),
        (("--recipe", "canary", "--endpoint", "h"), "give one"),
    ],
)
def test_flags_that_cannot_be_used(arguments, said, monkeypatch):
    monkeypatch.setattr("mtop_tui.cli.main._require_terminal", lambda: None)
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "hunter2" not in done.stderr


def test_a_wrong_address_in_the_environment_is_not_quoted(monkeypatch):
    monkeypatch.setenv("MTOP_ENDPOINT", "ftp://u:hunter2@h")
    with pytest.raises(SettingsError) as error:
        load()
    assert "MTOP_ENDPOINT" in str(error.value)
    assert "hunter2" not in str(error.value)


def test_the_layer_nearest_to_the_user_says_what_is_watched(monkeypatch):
    assert not asks_for_endpoints(load())
    monkeypatch.setenv("MTOP_ENDPOINT", "localhost:8000")
    assert asks_for_endpoints(load())
    assert not asks_for_endpoints(load({"mode": "mock"}))
    assert asks_for_endpoints(load({"discover": True}))
    with pytest.raises(Failure):
        asks_for_endpoints(load({"mode": "mock", "discover": True}))


async def test_the_screens_show_endpoints_and_what_ails_them():
    llama = ModelServer(page("llamacpp"))
    llama.models = ["qwen.gguf"]
    busy = Busy(LLAMA)
    async with running(busy), running(llama), running(ModelServer("<html>")) as words:
        shown = [one.address.shown for one in (busy, llama, words)]
        loaded = load({"endpoint": tuple(shown)})
        provider, store, clock = open_endpoints(loaded, hurry=True)
        app = MtopApp(loaded.settings, provider, store, clock, Sources(loaded))
        async with app.run_test(size=(120, 40)) as pilot:

            def lines() -> list[str]:
                strips = app.screen._compositor.render_strips()
                return [strip.text.rstrip() for strip in strips]

            async def until(text: str) -> None:
                async with asyncio.timeout(15):
                    while not any(text in line for line in lines()):
                        await pilot.pause(0.05)
                        if isinstance(app.screen, FleetScreen):
                            app.screen.look()

            await until("qwen.gguf")
            await until("20 ms")
            row = next(line for line in lines() if "Llama-3.1-8B" in line)
            assert row[1:].split()[:5] == ["Llama-3.1-8B", "endpoints", "ready", "1/1", "--"]
            assert row.split()[-1] == "--"  # what it costs is not known
            await until("2/3 sources live")
            assert f"{shown[2]}  error: answers with a web page" in lines()[0]
            await pilot.press("v")
            await until("named endpoints")
            table = [line.split() for line in lines()]
            assert [words[2] for words in table if words[1:2] == ["watched"]] == [
                *("live", "live", "error"),
            ]
            await pilot.press("escape", "enter")
            await until(shown[0])
            assert any("ready" in line and shown[0] in line for line in lines())


def test_model_servers_can_be_watched_from_the_sources_screen():
    opener = Sources(load({"endpoint": ("http://u:hunter2@h:1",)}))
    choices = [one for one in opener.choices() if one.kind == "endpoints"]
    assert [one.name for one in choices] == ["named endpoints", "this machine"]
    assert choices[0].about == "Model servers: h:1"
    opened = [opener.open(SourceRequest("endpoints", one.name)) for one in choices]
    assert [one.provider.name for one in opened] == ["h:1", "this machine"]
