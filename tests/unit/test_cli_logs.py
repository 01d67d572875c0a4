"""`mtop logs`: what it prints, what it says on stderr, and how it ends."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from click.testing import CliRunner, Result

from fleet_source import START, ScriptedProvider, health, replica, service
from mtop_tui.cli import source
from mtop_tui.cli.log_output import TerminalLines
from mtop_tui.cli.main import cli
from mtop_tui.clock import ManualClock
from mtop_tui.observations import LogLine, LogLines, ObjectRef
from mtop_tui.providers.base import LogQuery, Offer
from mtop_tui.state.fleet import FleetStore

CHAT, OTHER = service("chat-70b", desired=2), service("chat-70b", "staging", uid="other")
FIRST = replica(CHAT.key)


class Script:
    """What a source has of logs, and what was asked of it."""

    def __init__(self) -> None:
        self.offers: frozenset[Offer] = frozenset({"logs"})
        self.records: list[LogLines] = []
        self.queries: list[LogQuery] = []
        self.opened: list[Speaking] = []


class Speaking(ScriptedProvider):
    """A source whose logs a script has."""

    def __init__(self, script: Script) -> None:
        super().__init__([CHAT, OTHER, FIRST], [health()])
        self.offers, self._script = script.offers, script
        script.opened.append(self)

    async def read_logs(self, query: LogQuery) -> AsyncIterator[LogLines]:
        self._script.queries.append(query)
        for record in self._script.records:
            yield record


@pytest.fixture
def provider(monkeypatch) -> Script:
    script = Script()

    def opened(_loaded: object, *, hurry: bool = False) -> source.Fleet:
        return source.Fleet(Speaking(script), FleetStore(), ManualClock(START))

    monkeypatch.setattr(source, "open_fleet", opened)
    return script


def told(*lines: str, of: ObjectRef = FIRST.ref, container: str = "main", **more) -> LogLines:
    made = tuple(LogLine(START + number / 8, text) for number, text in enumerate(lines))
    return LogLines(at=START, ref=of, container=container, lines=made, **more)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["logs", *arguments])


def test_lines_say_all_by_themselves_where_there_is_no_terminal(provider):
    provider.records = [told("INFO one"), told("a\x1b[2Jb", container="storage-initializer")]
    done = run("production/chat-70b")
    pod = FIRST.ref.name
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == f"{pod} main INFO one\n{pod} storage-initializer a␛b\n"
    assert provider.queries == [LogQuery(CHAT.key)]
    assert provider.opened[0].closed
    stamped = run("production/chat-70b", "--timestamps").stdout.split()[2]
    assert stamped.startswith("20")
    assert ".000" in stamped


def test_json_is_one_object_per_line(provider):
    provider.records = [
        told("ERROR it broke", "  at the second line"),
        told("NVRM: Xid 79", of=ObjectRef("test", "", "Node", "node-1", "n1"), container="kernel"),
    ]
    done = run("production/chat-70b", "-o", "json")
    first, second, kernel = map(json.loads, done.stdout.splitlines())
    assert first == {
        "time": first["time"],
        "cluster": CHAT.ref.cluster,
        "namespace": "production",
        "service": "chat-70b",
        "pod": FIRST.ref.name,
        "node": None,
        "container": "main",
        "level": "error",
        "text": "ERROR it broke",
    }
    assert first["time"].endswith("+00:00")
    assert second["level"] == "error"
    assert (kernel["pod"], kernel["node"], kernel["level"]) == (None, "node-1", None)


def test_what_is_asked_for_reaches_the_source(provider):
    provider.records = [told("x")]
    run("production/chat-70b", "--since", "15m", "--tail", "3", "--pod", FIRST.ref.name, "-c", "a")
    run("production/chat-70b", "-f")
    run("production/chat-70b", "-f", "--since", "2026-08-02T12:00:00Z")
    run("production/chat-70b", "--previous")
    asked, followed, since, previous = provider.queries
    assert asked == LogQuery(CHAT.key, since=START - 900, tail=3, pod=FIRST.ref.name, container="a")
    assert followed == LogQuery(CHAT.key, tail=100, follow=True)
    assert (since.since, since.tail) == (1_785_672_000.0, None)
    assert previous.previous


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["nobody"], 3, "nobody: no such service; `mtop list -o name` prints the names there are"),
        (["chat-70b"], 2, "say which: production/chat-70b, staging/chat-70b"),
        (["production/chat-70b", "--pod", "x"], 3, f"no pod x; there is: {FIRST.ref.name}"),
        (["production/chat-70b", "-f", "-p"], 2, "-f or -p, not both"),
        (["production/chat-70b", "--since", "soon"], 2, "--since: 'soon' is neither a duration"),
        (["production/chat-70b", "--since", "1h..30m"], 2, "--since expected one time"),
    ],
)
def test_what_cannot_be_done_is_said_with_what_to_do(provider, arguments, code, says):
    done = run(*arguments)
    assert done.exit_code == code
    assert says in (done.stderr or str(done.exception))
    assert done.stdout == ""


def test_a_log_that_cannot_be_read_is_a_failure_and_one_to_come_is_not(provider):
    provider.records = [
        told("here", dropped=12),
        told(container="second", said="it waits to start (ContainerCreating)"),
    ]
    done = run("production/chat-70b")
    place = f"production/{FIRST.ref.name}"
    assert done.exit_code == 0
    assert done.stderr.splitlines() == [
        f"mtop: {place}/main: 12 lines before these are lost",
        f"mtop: {place}/second: it waits to start (ContainerCreating)",
    ]
    provider.records.append(told(said="the connection broke", failed=True))
    assert run("production/chat-70b").exit_code == 1
    provider.records.append(told())  # it came back
    assert run("production/chat-70b").exit_code == 0


def test_what_fails_for_all_containers_is_said_once_and_so_is_its_end(provider):
    gone = "https://10.0.0.1 cannot be reached"
    provider.records = [
        told("here"),
        told(said=gone, failed=True),
        told(container="second", said=gone, failed=True),
        told(),
        told(container="second"),
    ]
    done = run("production/chat-70b", "-f")
    assert done.exit_code == 0
    assert done.stderr.splitlines() == [
        f"mtop: production/{FIRST.ref.name}/main: {gone}",
        "mtop: production/chat-70b: read again",
    ]


def test_nothing_at_all_has_a_reason(provider):
    done = run("staging/chat-70b")
    assert done.exit_code == 0
    assert done.stderr == "mtop: staging/chat-70b: there is no replica that could write a line\n"
    done = run("production/chat-70b", "--previous")
    assert "no container has been restarted" in done.stderr


def test_a_source_without_logs_says_so(provider):
    provider.offers = frozenset()
    done = run("production/chat-70b")
    assert done.exit_code == 2
    assert "has no logs" in done.stderr


def test_on_a_terminal_pods_are_told_apart_by_colour_and_by_few_letters():
    lines = TerminalLines(timestamps=False, coloured=True)
    one, two = told("x"), told("y", of=FIRST.ref._replace(name="chat-70b-kserve-zzzzz"))
    first, second = lines.text(one), lines.text(two)
    assert first.startswith("\x1b[36m")
    assert second == "\x1b[33mzzzzz\x1b[0m y\n"
    plain = TerminalLines(timestamps=False, coloured=False)
    assert "\x1b" not in plain.text(one)
