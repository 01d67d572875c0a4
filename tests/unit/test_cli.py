"""The commands that print, on a source of four services."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import time

import pytest
import yaml
from cli_runs import run_installed
from click.testing import CliRunner, Result

from fleet_source import START, ScriptedProvider, health, node, replica, service, traffic
from mtop_tui.cli import main as main_module
from mtop_tui.cli import source
from mtop_tui.cli.errors import Exit
from mtop_tui.cli.main import cli, main
from mtop_tui.clock import ManualClock
from mtop_tui.config.settings import load
from mtop_tui.observations import ObjectRef, RawObject, Removed
from mtop_tui.state.fleet import FleetStore

JSON_KEYS = {
    "cluster", "namespace", "name", "model", "health", "state", "ready", "stopped",
    "replicas_ready", "replicas_desired", "gpus_held", "pools", "route_group",
    "route_share_ratio", "requests_per_second", "prompt_tokens_per_second",
    "generated_tokens_per_second", "ttft_p95_seconds", "ttft_p95_is_lower_bound",
    "tpot_mean_seconds", "error_ratio", "preemptions_per_second", "prefix_hit_ratio",
    "requests_running", "requests_queued", "kv_cache_used_ratio", "metrics_stale",
    "metrics_at_unix_seconds", "cost_usd_per_hour", "cost_is_lower_bound",
    "cost_usd_per_million_tokens", "slo_budget_left_ratio", "slo_burn_rate",
}  # fmt: skip


class Scripted(ScriptedProvider):
    """Also reads objects: whatever body the test gives."""

    body: dict[str, object] | None = None

    def __init__(self, *batches) -> None:
        super().__init__(*batches)
        self.offers = frozenset({"objects", "pause"})

    async def read_object(self, ref: ObjectRef) -> RawObject | None:
        return None if self.body is None else RawObject(at=START, ref=ref, body=self.body)


@pytest.fixture
def provider(monkeypatch) -> Scripted:
    """A fleet of four services, two with the same name, opened instead of the simulated one."""
    busy, idle, same, stopped = (
        service("chat-70b", desired=2),
        service("empty", "staging"),
        service("chat-70b", "staging", uid="other", ready=False, reason="Loading"),
        service("phi-mini", "development", stopped=True, desired=0),
    )
    running, quiet = replica(busy.key), replica(idle.key, node=None)
    scripted = Scripted(
        [node(), busy, idle, same, stopped, running, quiet],
        [health()],
        traffic(running, 2.0, kv=0.4) + traffic(quiet, 0.5),
    )

    def open_scripted(_loaded: object, *, hurry: bool = False) -> source.Fleet:
        return source.Fleet(scripted, FleetStore(), ManualClock(START))

    monkeypatch.setattr(source, "open_fleet", open_scripted)
    return scripted


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def test_names_are_one_per_line(provider):
    done = run("list", "-o", "name", "--sort", "name")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "production/chat-70b",
        "staging/chat-70b",
        "staging/empty",
        "development/phi-mini",
    ]
    assert provider.closed


def test_the_table_is_aligned_and_plain(provider):
    done = run("list", "--sort", "name")
    assert (done.exit_code, done.stderr) == (0, "")
    heading, *lines = done.stdout.splitlines()
    assert heading.split()[:3] == ["MODEL", "NAMESPACE", "STATE"]
    assert len(lines) == 4
    assert "\x1b" not in done.stdout
    start = heading.index("NAMESPACE")
    assert [line[start:].split()[0] for line in lines] == [
        "production",
        "staging",
        "staging",
        "development",
    ]
    right = heading.index("REQ/S") + len("REQ/S")
    assert lines[0][:right].endswith(" 2.0")
    assert lines[1][:right].endswith(" --")
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.parametrize("width", [20, 40, 80, 120, 200])
def test_on_a_terminal_columns_go_but_values_stay(provider, monkeypatch, width):
    monkeypatch.setattr("mtop_tui.cli.fleet._terminal_width", lambda: width)
    lines = run("list", "--sort", "name").stdout.splitlines()
    assert max(map(len, lines)) <= width
    assert lines[1].startswith("chat-70b")
    assert ("REQ/S" in lines[0]) == (width > 20)


def test_columns_of_the_table_can_be_chosen(provider):
    done = run("list", "--columns", "kv,name", "--sort", "name")
    assert [line.split() for line in done.stdout.splitlines()[:2]] == [
        ["KV", "MODEL"],
        ["40%", "chat-70b"],
    ]


def test_json_has_raw_numbers_and_null_for_unknown(provider):
    done = run("list", "-o", "json", "--sort", "name")
    assert (done.exit_code, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert document["source"] == "scripted"
    assert document["observed_at_unix_seconds"] == START
    services = document["services"]
    assert all(set(one) == JSON_KEYS for one in services)
    busy, same, idle, stopped = services
    assert busy["requests_per_second"] == pytest.approx(2.0)
    assert busy["kv_cache_used_ratio"] == pytest.approx(0.4)
    assert 0.1 < busy["ttft_p95_seconds"] <= 0.25
    assert busy["ttft_p95_is_lower_bound"] is False
    assert same["health"] != "fine"
    assert same["requests_per_second"] is None
    assert idle["requests_per_second"] == pytest.approx(0.5)
    assert idle["cost_usd_per_hour"] == 0
    assert stopped["health"] == "stopped"
    assert stopped["stopped"] is True
    assert not any(isinstance(one[key], str) for one in services for key in numeric_keys())


def numeric_keys() -> list[str]:
    return [key for key in JSON_KEYS if re.search("_(ratio|seconds|second|hour|tokens)$", key)]


@pytest.mark.parametrize("arguments", [("-n", "staging", "list"), ("list", "-n", "staging")])
def test_flags_before_and_after_the_command_mean_the_same(provider, arguments):
    done = run(*arguments, "-o", "name")
    assert done.stdout.splitlines() == ["staging/chat-70b", "staging/empty"]


def test_the_flag_nearer_to_the_end_wins(provider):
    done = run("-n", "production", "list", "-n", "development", "-o", "name")
    assert done.stdout == "development/phi-mini\n"


def test_an_empty_namespace_is_said_on_stderr(provider):
    done = run("list", "-n", "nowhere", "-o", "name")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == (
        "mtop: no services in namespace nowhere; "
        "there are services in development, production, staging\n"
    )


@pytest.mark.parametrize(
    ("sort", "first"), [("name", "chat-70b"), ("-name", "phi-mini"), ("requests", "chat-70b")]
)
def test_sorting(provider, sort, first):
    done = run("list", "--sort", sort, "--columns", "name")
    assert done.stdout.splitlines()[1] == first


def test_a_source_that_never_goes_live_is_shown_as_far_as_seen(monkeypatch, provider):
    monkeypatch.setattr(source, "LONGEST_LOOK", 0.05)
    silent = Scripted([service("only", "production")], [health(state="connecting")])
    fleet = source.Fleet(silent, FleetStore(), ManualClock(START))
    monkeypatch.setattr(source, "open_fleet", lambda _, hurry: fleet)
    assert run("list", "-o", "name").stdout == "production/only\n"


def test_a_replica_that_is_never_scraped_does_not_hold_up_the_list(monkeypatch):
    started = service("started")
    silent = Scripted(
        [started, replica(started.key), health()], [health(START + 20)], [health(START + 40)]
    )
    fleet = source.Fleet(silent, FleetStore(), ManualClock(START))
    monkeypatch.setattr(source, "open_fleet", lambda _, hurry: fleet)
    begin = time.monotonic()
    done = run("list")
    assert time.monotonic() - begin < source.LONGEST_LOOK / 2
    assert done.stdout.splitlines()[1].startswith("started")


def test_get_prints_the_object(provider):
    provider.body = {"spec": {"x": "\x1b[2J"}, "kind": "LLMInferenceService", "apiVersion": "v1"}
    done = run("get", "production/chat-70b")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == 'apiVersion: v1\nkind: LLMInferenceService\nspec:\n  x: "\\e[2J"\n'
    assert yaml.safe_load(done.stdout) == provider.body


def test_get_prints_json(provider):
    provider.body = {"spec": {"x": "\x1b[2J\u202e"}, "kind": "LLMInferenceService"}
    done = run("get", "empty", "-o", "json")
    assert json.loads(done.stdout) == provider.body
    assert not {"\x1b", "\u202e"} & set(done.stdout)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ["chat-70b"],
            Exit.USAGE,
            "chat-70b: there are several; say which: production/chat-70b, staging/chat-70b",
        ),
        (
            ["chat-7b"],
            Exit.NOT_FOUND,
            "chat-7b: no such service; did you mean chat-70b?",
        ),
        (["phi"], Exit.NOT_FOUND, "phi: no such service; did you mean phi-mini?"),
        (
            ["production/empty"],
            Exit.NOT_FOUND,
            "production/empty: no such service; did you mean staging/empty?",
        ),
        (
            ["zzz"],
            Exit.NOT_FOUND,
            "zzz: no such service; `mtop list -o name` prints the names there are",
        ),
        (["-n", "staging", "phi-mini"], Exit.NOT_FOUND, "phi-mini: no such service; `mtop list"),
        (["a/b/c"], Exit.USAGE, "a/b/c: expected NAME or NAMESPACE/NAME"),
        (["/x"], Exit.USAGE, "/x: expected NAME or NAMESPACE/NAME"),
        (["empty/"], Exit.USAGE, "empty/: expected NAME or NAMESPACE/NAME"),
        (["empty"], Exit.NOT_FOUND, "empty: scripted has no such object any more"),
        (["\x1b]0;x\x07"], Exit.NOT_FOUND, "␛: no such service"),
    ],
)
def test_get_says_what_it_cannot_find(provider, arguments, code, said):
    done = run("get", *arguments)
    assert (done.exit_code, done.stdout) == (code, "")
    assert done.stderr.startswith(f"mtop: {said}")
    assert done.stderr.count("\n") == 1
    assert provider.closed


def test_get_with_one_of_two_namespaces(provider):
    provider.body = {"kind": "K"}
    assert run("get", "chat-70b", "-n", "staging").stdout == "kind: K\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--refresh", "100", "list"], "--refresh: expected a number of seconds from 0.25 to 60"),
        (["--refresh", "nan", "list"], "--refresh: expected a number of seconds from 0.25 to 60"),
        (["list", "--services", "0"], "--services: expected a whole number from 1 to 100000"),
        (["list", "--seed", "x"], "--seed: expected a whole number from 0"),
        (["list", "--mode", "replay"], "--mode: replay is not in this version; expected mock"),
        (["list", "--sort", "tftt"], "--sort: no column tftt; did you mean ttft?"),
        (["list", "--columns", "name,zz"], "--columns: no column zz; there are mark, name"),
        (["list", "--mocks", "/no/such"], "--mocks: expected an existing folder, not '/no/such'"),
        (["list", "-o", "xml"], "'xml' is not one of"),
        (["--allow-actions", "list"], "--allow-actions stands here for the screen only"),
        (["lst"], "No such command 'lst'"),
        (["get"], "Missing argument"),
    ],
)
def test_wrong_arguments_exit_2_and_name_the_flag(provider, arguments, said):
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--foo"], "no such option --foo; mtop --help lists them"),
        (["list", "--foo"], "no such option --foo; mtop list --help lists them"),
        (["--refrsh", "2"], "no such option --refrsh; did you mean --refresh?"),
        (
            ["list", "--refresh", "2"],
            "--refresh stands before the command; mtop list --help lists its own",
        ),
        (["get", "empty", "--sort", "name"], "--sort stands before the command; mtop get --help"),
        (["zzz"], "no such command 'zzz'; mtop --help says more"),
        (["get"], "missing argument '[NAMESPACE/]NAME'; mtop get --help says more"),
        (["--seed"], "option '--seed' requires an argument; mtop --help says more"),
        (["--seed", "x"], "--seed: expected a whole number from 0"),
        (["list", "-o", "xml"], "invalid value for '-o' / '--output': 'xml' is not one of"),
    ],
)
def test_every_complaint_about_the_command_line_is_one_line(monkeypatch, capsys, arguments, said):
    monkeypatch.setattr(sys, "argv", ["mtop", *arguments])
    assert main() == Exit.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"mtop: {said}")
    assert err.count("\n") == 1


def test_the_help_says_where_flags_may_stand(provider):
    assert "its own --help lists too may also follow" in " ".join(run("--help").stdout.split())
    for command in ("list", "get"):
        own = re.findall(r"(--[a-z]+)", run(command, "--help").stdout)
        assert "--namespace" in own
        assert not {"--refresh", "--theme"} & set(own)


def test_a_wrong_variable_exits_2_and_an_unknown_one_warns(provider, monkeypatch):
    monkeypatch.setenv("MTOP_SEDE", "1")
    done = run("list", "-o", "name")
    assert done.exit_code == 0
    assert done.stderr == (
        "mtop: MTOP_SEDE: not a setting of mtop, ignored; did you mean MTOP_SEED?\n"
    )
    monkeypatch.setenv("MTOP_SEED", "x")
    done = run("list", "-o", "name")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("mtop: MTOP_SEED=x: expected a whole number")


def test_a_source_that_breaks_is_one_line(provider, monkeypatch, capsys):
    provider.failure = RuntimeError("bad\x1b[2J")
    provider._queue.get_nowait()
    provider._queue.get_nowait()
    provider._queue.get_nowait()
    provider.end()
    monkeypatch.setattr(sys, "argv", ["mtop", "list"])
    assert main() == Exit.FAILED
    assert capsys.readouterr() == (
        "",
        "mtop: unexpected RuntimeError: bad␛; run again with --debug for more\n",
    )
    assert provider.closed


def test_debug_shows_the_traceback(monkeypatch):
    def fail(_loaded: object, *, hurry: bool = False) -> None:
        raise RuntimeError("why")

    monkeypatch.setattr(source, "open_fleet", fail)
    monkeypatch.setattr(sys, "argv", ["mtop", "list", "--debug"])
    with pytest.raises(RuntimeError, match="why"):
        main()


def test_an_interrupt_exits_130_quietly(monkeypatch, capsys):
    def interrupt(_loaded: object, *, hurry: bool = False) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(source, "open_fleet", interrupt)
    monkeypatch.setattr(sys, "argv", ["mtop", "list"])
    assert main() == 130
    assert capsys.readouterr().err.strip() == ""


@pytest.mark.parametrize(
    ("terminal", "lacking"), [(False, "stdin is not a terminal"), (True, "TERM is dumb")]
)
def test_without_a_terminal_the_commands_that_print_are_named(terminal, lacking):
    ours, theirs = pty.openpty()
    try:
        done = run_installed(
            stdin=theirs if terminal else subprocess.DEVNULL,
            stdout=theirs,
            stderr=subprocess.PIPE,
            capture_output=False,
            env=os.environ | {"TERM": "dumb"},
        )
    finally:
        os.close(theirs)
        os.close(ours)
    assert done.returncode == 2
    assert done.stderr == (
        f"mtop: cannot open the screen: {lacking}; "
        "use `mtop list` or `mtop get NAME`, which print and need no terminal\n"
    )


@pytest.mark.parametrize("arguments", [[], ["list"], ["get", "empty"]])
def test_an_unknown_theme_is_refused_by_every_command(monkeypatch, provider, arguments):
    monkeypatch.setattr(main_module, "_require_terminal", lambda: None)
    monkeypatch.setenv("MTOP_THEME", "neon")
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        "mtop: MTOP_THEME=neon: expected mtop-dark, mtop-light, mtop-contrast, "
        "mtop-colour-blind or mtop-ansi; unset it or set for instance MTOP_THEME=mtop-dark\n"
    )


def test_the_app_is_opened_with_what_was_set(monkeypatch, provider):
    import mtop_tui.app

    opened = []
    monkeypatch.setattr(main_module, "_require_terminal", lambda: None)
    monkeypatch.setattr(mtop_tui.app, "run", lambda *given, **_: opened.append(given) or 0)
    assert run("--refresh", "2", "--ascii").exit_code == 0
    ((loaded, given, store, clock, *_),) = opened
    assert loaded == load({"refresh": 2.0, "ascii": True})
    assert given is provider
    assert (type(store), type(clock)) == (FleetStore, ManualClock)


def test_a_service_that_was_removed_is_not_listed(provider, monkeypatch):
    gone = service("gone")
    scripted = Scripted([gone, service("here")], [Removed(at=START, ref=gone.ref), health()])
    fleet = source.Fleet(scripted, FleetStore(), ManualClock(START))
    monkeypatch.setattr(source, "open_fleet", lambda _, hurry: fleet)
    assert run("list", "-o", "name").stdout == "production/here\n"


def test_more_replicas_than_any_cluster_has_are_refused_by_their_field(tmp_path):
    big = {
        "apiVersion": "serving.kserve.io/v1alpha2",
        "kind": "LLMInferenceService",
        "metadata": {"name": "big", "namespace": "x"},
        "spec": {"model": {"uri": "hf://org/b-7b", "name": "b"}, "replicas": 2_000_000_000},
    }
    fine = {**big, "metadata": {"name": "fine", "namespace": "x"}}
    fine["spec"] = {**big["spec"], "replicas": 1}
    (tmp_path / "big.yaml").write_text(yaml.safe_dump(big))
    (tmp_path / "fine.yaml").write_text(yaml.safe_dump(fine))
    done = run_installed("list", "-o", "name", "--mocks", str(tmp_path))
    assert (done.returncode, done.stdout) == (0, "x/fine\n")
    assert "spec.replicas: expected 10000 at most, not 2000000000" in done.stderr


def test_an_objective_for_a_service_that_is_not_there_is_said(tmp_path):
    path = tmp_path / "slo.yaml"
    path.write_text(
        "version: prometheus/v1\nservice: nope\nslos:\n"
        "- name: slow\n  objective: 99.9\n  sli:\n    events:\n"
        "      error_query: sum(rate(vllm:time_to_first_token_seconds_count[{{.window}}])) -"
        " sum(rate(vllm:time_to_first_token_seconds_bucket{le='1.0'}[{{.window}}]))\n"
        "      total_query: sum(rate(vllm:time_to_first_token_seconds_count[{{.window}}]))\n"
    )
    done = run_installed("list", "-o", "name", "--slo", str(path))
    assert done.returncode == 0
    assert "no service nope is there" in done.stderr


def test_an_annotation_that_cannot_be_read_is_said(tmp_path):
    body = {
        "apiVersion": "serving.kserve.io/v1alpha2",
        "kind": "LLMInferenceService",
        "metadata": {
            "name": "fine",
            "namespace": "x",
            "annotations": {"mtop.dev/slo": "ttft<=1@99%%"},
        },
        "spec": {"model": {"uri": "hf://org/b-7b", "name": "b"}, "replicas": 1},
    }
    (tmp_path / "fine.yaml").write_text(yaml.safe_dump(body))
    done = run_installed("list", "--mocks", str(tmp_path))
    assert "x/fine: annotation mtop.dev/slo cannot be read: position 8" in done.stderr
