"""The installed `mtop` in a real terminal: what a user sees, types, and is left with."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote

import pytest

from terminal import POLL, Terminal, environment

MTOP = str(Path(sys.executable).parent / "mtop")
CLOCK = re.compile(r"\d\d:\d\d:\d\d")
SERVICES = 30
"""How many the shipped manifests describe: all of them fit on 43 lines."""

ALTERNATE_SCREEN, CURSOR, PASTE, WRAP, FOCUS = 1049, 25, 2004, 7, 1004
MOUSE = (1000, 1002, 1003, 1006, 1015, 1016)


def rows(screen: list[str]) -> list[str]:
    """The lines of the table, without its titles."""
    try:
        titles = next(i for i, line in enumerate(screen) if "MODEL" in line)
        end = next(i for i, line in enumerate(screen) if line.startswith(" why"))
    except StopIteration:
        return []
    return [line for line in screen[titles + 1 : end] if line]


def names(screen: list[str]) -> list[str]:
    return [line[3:].split()[0] for line in rows(screen)]


def selected(screen: list[str]) -> str | None:
    """The row that carries the cursor mark."""
    return next((line[3:].split()[0] for line in rows(screen) if line.startswith(">")), None)


def titles(screen: list[str]) -> str:
    return next((line for line in screen if "MODEL" in line), "")


def is_whole(screen: list[str]) -> bool:
    """Every service is in the table; a screen may be looked at while it is half drawn."""
    return len(rows(screen)) == SERVICES and bool(selected(screen))


def clock(screen: list[str]) -> str:
    found = CLOCK.search(screen[0])
    return found.group() if found else ""


def open_filter(terminal: Terminal) -> None:
    terminal.press("/")
    terminal.wait_for("words, or such as")


def open_help_then_palette(terminal: Terminal) -> None:
    for key, shown in (("?", "Page down"), (":", "Search for")):
        terminal.press(key)
        terminal.wait_for(shown)
        terminal.press("esc")
        terminal.wait_for(
            lambda screen, shown=shown: (
                is_whole(screen) and not any(shown in line for line in screen)
            )
        )


@contextmanager
def mtop(
    *flags: str, columns: int = 200, lines: int = 43, **variables: str | None
) -> Iterator[Terminal]:
    """mtop with its table on the screen."""
    with Terminal([MTOP, *flags], columns, lines, variables=variables) as terminal:
        terminal.wait_for(selected)
        yield terminal


@contextmanager
def mtop_in_a_shell(command: str = MTOP) -> Iterator[Terminal]:
    """mtop started by a shell that says the state of the terminal before and after."""
    script = (
        'echo "before=$(stty -g)"; '
        f"sh -c 'echo pid=$$; exec {command}'; "
        'echo "exit=$?"; echo "after=$(stty -g)"'
    )
    with Terminal(["bash", "-c", script], 120, 40) as terminal:
        terminal.wait_for(selected)
        yield terminal


def said(terminal: Terminal, name: str) -> str:
    return terminal.wait_for_bytes(rb"%s=([\w:]+)\r" % name.encode())[1].decode()


def assert_terminal_is_as_before(terminal: Terminal) -> None:
    assert said(terminal, "after") == said(terminal, "before")
    modes = terminal.modes
    assert not modes[ALTERNATE_SCREEN]
    assert modes[CURSOR]
    assert modes[WRAP]
    assert not modes[PASTE]
    assert not modes[FOCUS]
    assert [mode for mode in MOUSE if modes.get(mode)] == []
    pushed, popped = (terminal.bytes_out.count(part) for part in (b"\x1b[>", b"\x1b[<u"))
    assert pushed == popped, "the keyboard protocol is as it was"
    assert terminal.is_plain
    assert b"Traceback" not in terminal.bytes_out


# Using it


def test_keys_move_sort_and_reverse():
    with mtop() as terminal:
        screen = terminal.wait_for(lambda screen: is_whole(screen) and "…" not in names(screen)[0])
        first, second = names(screen)[:2]
        assert selected(screen) == first
        terminal.press("j")
        terminal.wait_for(lambda screen: selected(screen) == second)
        terminal.press("k")
        terminal.wait_for(lambda screen: selected(screen) == first)

        terminal.press("s")
        screen = terminal.wait_for(
            lambda screen: "MODEL▲" in titles(screen) and names(screen) == sorted(names(screen))
        )
        assert selected(screen) == first, "the cursor stays on its service"
        terminal.press("R")
        screen = terminal.wait_for(
            lambda screen: (
                "MODEL▼" in titles(screen) and names(screen) == sorted(names(screen), reverse=True)
            )
        )
        assert selected(screen) == first

        terminal.press("G")
        terminal.wait_for(lambda screen: selected(screen) == names(screen)[-1])
        terminal.press("g")
        terminal.wait_for(lambda screen: selected(screen) == names(screen)[0])


def test_the_filter_narrows_as_one_types_and_esc_clears_it():
    with mtop() as terminal:
        terminal.wait_for(is_whole)
        open_filter(terminal)
        terminal.press("re")
        few = len(rows(terminal.wait_for(lambda screen: 0 < len(rows(screen)) < SERVICES)))
        terminal.press("search")
        screen = terminal.wait_for(
            lambda screen: rows(screen) and all("research" in row for row in rows(screen))
        )
        assert len(rows(screen)) < few
        terminal.press("esc")
        terminal.wait_for(is_whole)
        open_filter(terminal)
        terminal.press("no such thing at all")
        terminal.wait_for(lambda screen: not rows(screen))
        terminal.press("esc")
        terminal.wait_for(is_whole)


def test_what_is_typed_in_one_burst_reaches_the_filter():
    with mtop() as terminal:
        terminal.press("/research")
        screen = terminal.wait_for(
            lambda screen: any(line.strip() == "research" for line in screen)
        )
        assert any("deepseek-r1" in line for line in screen)


def test_what_is_typed_after_enter_in_one_burst_reaches_the_table():
    with mtop() as terminal:
        terminal.press("/llama\rq")
        assert terminal.wait_for_end() == 0


def test_a_kept_filter_stays_on_the_screen_with_what_it_leaves():
    with mtop(columns=80, lines=24) as terminal:
        terminal.press("/llama\rG")
        screen = terminal.wait_for(
            lambda screen: f" of {SERVICES} " in screen[0] and selected(screen) == names(screen)[-1]
        )
        assert f"/llama  {len(rows(screen))} of {SERVICES}" in screen[0]


def test_help_and_palette_open_and_esc_leaves_them():
    with mtop() as terminal:
        open_help_then_palette(terminal)
        assert is_whole(terminal.screen)


def test_pause_holds_the_clock_and_resume_lets_it_go_on():
    with mtop() as terminal:
        start = clock(terminal.screen)
        terminal.wait_for(lambda screen: clock(screen) != start)
        terminal.press("p")
        screen = terminal.wait_for(lambda screen: "paused" in screen[0])
        held = clock(screen)
        assert {clock(screen) for screen in terminal.watch(2.2)} == {held}
        terminal.press("p")
        terminal.wait_for(lambda screen: "paused" not in screen[0] and clock(screen) > held)


def test_every_size_is_survived_and_drawn_right():
    with mtop(columns=160) as terminal:
        for columns, lines in ((80, 24), (40, 10), (20, 5)):
            terminal.resize(columns, lines)
            screen = terminal.wait_for(
                lambda screen: screen[0].startswith(" mtop") and "? help" in screen[-1]
            )
            assert not any("Traceback" in line for line in screen)
        terminal.resize(1, 1)
        terminal.wait_for(lambda screen: screen in ([">"], [""], [" "]))
        terminal.resize(120, 40)
        terminal.wait_for(
            lambda screen: (
                is_whole(screen)
                and clock(screen)
                and "ready" in screen[1]
                and "REQ/S" in titles(screen)
                and "q quit" in screen[-1]
            )
        )
        assert b"Traceback" not in terminal.bytes_out
        terminal.press("q")
        assert terminal.wait_for_end() == 0


# Leaving it


@pytest.mark.parametrize("key", ["q", "^c"])
def test_quitting_leaves_the_terminal_as_it_was(key: str):
    with mtop_in_a_shell() as terminal:
        terminal.press("j", key)
        assert terminal.wait_for_end() == 0
        assert said(terminal, "exit") == "0"
        assert_terminal_is_as_before(terminal)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_the_terminal_as_it_was(number: signal.Signals, tmp_path: Path):
    errors = tmp_path / "stderr"
    with mtop_in_a_shell(f"{quote(MTOP)} 2>{quote(str(errors))}") as terminal:
        os.kill(int(said(terminal, "pid")), number)
        terminal.wait_for_end()
        expected = 0 if number == signal.SIGINT else 128 + number
        assert said(terminal, "exit") == str(expected)
        assert_terminal_is_as_before(terminal)
    assert errors.read_text() == ""


def test_it_ends_with_its_window_and_complains_to_nobody(tmp_path: Path):
    errors = tmp_path / "stderr"
    with Terminal(["sh", "-c", f"exec {quote(MTOP)} 2>{quote(str(errors))}"]) as terminal:
        terminal.wait_for(selected)
        terminal.hang_up()
    assert errors.read_text() == ""


def test_stopped_it_gives_the_terminal_back_and_continued_it_draws_again():
    with mtop() as terminal:
        before = names(terminal.screen)
        os.kill(terminal.pid, signal.SIGTSTP)
        terminal.wait_for_stop()
        assert not terminal.modes[ALTERNATE_SCREEN]
        assert terminal.modes[CURSOR]
        drawn = len(terminal.bytes_out)
        os.kill(terminal.pid, signal.SIGCONT)
        terminal.wait_for(lambda _: before[0].encode() in terminal.bytes_out[drawn:])
        assert terminal.modes[ALTERNATE_SCREEN]
        terminal.press("j")
        terminal.wait_for(lambda screen: selected(screen) != before[0])
        terminal.press("q")
        assert terminal.wait_for_end() == 0


# Without a terminal that can show it


@pytest.mark.parametrize(
    ("redirection", "lacking"),
    [
        ("</dev/null", "stdin is not a terminal"),
        (">/dev/null", "stdout is not a terminal"),
    ],
)
def test_without_a_terminal_it_says_so_and_names_what_works(redirection: str, lacking: str):
    with Terminal(["bash", "-c", f'{quote(MTOP)} {redirection}; echo "exit=$?"'], 200) as terminal:
        terminal.wait_for("exit=2")
        assert any(lacking in line and "mtop list" in line for line in terminal.screen)
        assert terminal.modes == {}


def test_in_a_pipeline_it_says_so_and_names_what_works():
    ended = subprocess.run(
        [MTOP], check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30
    )
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "not a terminal" in ended.stderr
    assert "`mtop list`" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_dumb_terminal_is_told_what_works():
    with Terminal([MTOP], 200, variables={"TERM": "dumb"}) as terminal:
        terminal.wait_for("mtop list")
        assert terminal.wait_for_end() == 2
        assert "TERM is dumb" in terminal.screen[0]
        assert b"\x1b" not in terminal.bytes_out


# What is sent to the terminal


def hues(written: bytes) -> set[str]:
    """The colours set that are not grey, as written."""
    found = set()
    for match in re.finditer(rb"\x1b\[([\d;]*)m", written):
        codes = [int(code or 0) for code in match[1].split(b";")]
        while codes:
            code = codes.pop(0)
            if code in (38, 48) and codes[:1] == [5]:
                if not 232 <= codes[1] <= 255 and codes[1] not in (0, 7, 8, 15, 16, 231):
                    found.add(f"palette {codes[1]}")
                del codes[:2]
            elif code in (38, 48):
                if len(set(codes[1:4])) > 1:
                    found.add(f"rgb {codes[1:4]}")
                del codes[:4]
            elif code in {*range(31, 37), *range(41, 47), *range(91, 97), *range(101, 107)}:
                found.add(f"colour {code}")
    return found


def test_without_colour_no_hue_is_sent_and_the_selection_is_still_marked():
    with mtop() as terminal:
        assert hues(terminal.bytes_out), "the test can tell colours"
    with mtop(NO_COLOR="1") as terminal:
        before = selected(terminal.screen)
        terminal.press("j")
        screen = terminal.wait_for(lambda screen: selected(screen) not in (None, before))
        assert sum(line.startswith(">") for line in screen) == 1
        open_help_then_palette(terminal)
        assert hues(terminal.bytes_out) == set()


def test_ascii_sends_ascii_on_every_page():
    with mtop("--ascii", columns=120) as terminal:
        terminal.press("s")
        terminal.wait_for(lambda screen: "MODEL^" in titles(screen))
        open_help_then_palette(terminal)
        open_filter(terminal)
        terminal.press("llama")
        terminal.wait_for(lambda screen: 0 < len(rows(screen)) < SERVICES)
        terminal.press("enter")
        terminal.wait_for(lambda screen: any(line.startswith(" why") for line in screen[-5:-1]))
        assert 0 < len(rows(terminal.screen)) < SERVICES
        terminal.press("q")
        assert terminal.wait_for_end() == 0
        assert {byte for byte in terminal.bytes_out if byte > 127} == set()


SERVICE = """
apiVersion: serving.kserve.io/v1alpha2
kind: LLMInferenceService
metadata:
  name: %s
  namespace: lab
spec:
  model: {uri: "hf://org/model", name: org/model}
  replicas: 1
"""


def test_one_broken_file_is_named_on_stderr_and_the_rest_is_shown(tmp_path: Path):
    mocks, errors = tmp_path / "mocks", tmp_path / "stderr"
    mocks.mkdir()
    (mocks / "fine.yaml").write_text(SERVICE % "all-is-well")
    (mocks / "broken.yaml").write_text("kind: LLMInferenceService\nmetadata: [unclosed\n")
    command = f"exec {quote(MTOP)} --mocks {quote(str(mocks))} 2>{quote(str(errors))}"
    with Terminal(["sh", "-c", command], 120) as terminal:
        terminal.wait_for(lambda screen: names(screen) == ["all-is-well"])
        terminal.wait_for(lambda screen: "1 error" in screen[0])
        terminal.press("q")
        assert terminal.wait_for_end() == 0
    (line,) = errors.read_text().splitlines()
    assert line.startswith("mtop: ")
    assert "broken.yaml" in line


HOSTILE = r"\e]52;c;cHduZWQ=\a\e]0;pwned\a\e[2J\x9d0;pwned\x9c\x9b31m\u202edrow\u200b\x07"
"""Title, clipboard, clearing the screen, in 7 and 8 bits, a bidi override, the bell."""

HOSTILE_SERVICE = f"""
apiVersion: serving.kserve.io/v1alpha2
kind: LLMInferenceService
metadata:
  name: hostile
  namespace: lab
  annotations:
    note: "{HOSTILE}"
    sim.mtop.dev/fault: image-pull
  labels: {{team: "{HOSTILE}"}}
spec:
  model: {{uri: "hf://org/{HOSTILE}", name: "{HOSTILE}"}}
  replicas: 1
  template:
    nodeSelector: {{}}
    containers:
      - name: main
        image: "{HOSTILE}"
        resources:
          limits: {{nvidia.com/gpu: "1"}}
status:
  conditions:
    - {{type: Ready, status: "False", reason: "{HOSTILE}", message: "{HOSTILE}"}}
"""


def test_no_hostile_byte_of_a_manifest_reaches_the_terminal(tmp_path: Path):
    (tmp_path / "fine.yaml").write_text(SERVICE % "all-is-well")
    (tmp_path / "hostile.yaml").write_text(HOSTILE_SERVICE)
    # Of this one a hint is refused: the complaint quotes the value and the name of the file.
    (tmp_path / "refused\x1b]0;pwned\x07.yaml").write_text(
        HOSTILE_SERVICE.replace("image-pull", HOSTILE)
        .replace("name: hostile", "name: other")
        .replace("nodeSelector: {}", f'nodeSelector: {{nvidia.com/gpu.product: "{HOSTILE}"}}')
    )
    with mtop("--mocks", str(tmp_path)) as terminal:
        screen = terminal.wait_for(lambda screen: {"hostile", "other"} <= set(names(screen)))
        terminal.wait_for(lambda screen: any("␛" in row for row in rows(screen)))  # the GPU type
        for name in ("hostile", "other"):  # what is said of each may quote its texts
            while selected(screen) != name:
                before = selected(screen)
                terminal.press("j")
                screen = terminal.wait_for(lambda screen, before=before: selected(screen) != before)
            terminal.wait_for(f" why  {name}: not ready")
        terminal.press("q")
        assert terminal.wait_for_end() == 0
        text = terminal.bytes_out.decode()
    assert "mtop: " in text, "the refused hint was complained about"
    # Textual itself sets the shape of the mouse pointer (OSC 22), and nothing else of this kind.
    assert set(re.findall(r"\x1b[\]PX^_][^\x07\x1b]*", text)) <= {"\x1b]22;default"}
    assert "\x07" not in text.replace("\x1b]22;default\x07", "")
    assert "\x1b[2J" not in text
    assert re.findall("[\x80-\x9f\u202a-\u202e\u2066-\u2069\u200b]", text) == []


# In a terminal of somebody else's making


def test_in_tmux(requires_tool: Callable[[str], str], tmp_path: Path):
    program = [requires_tool("tmux"), "-u", "-S", str(tmp_path / "tmux"), "-f", "/dev/null"]

    def tmux(*arguments: str) -> str:
        return subprocess.run(
            [*program, *arguments],
            check=True,
            capture_output=True,
            text=True,
            timeout=30,
            env=environment({}),
        ).stdout

    def wait_for(fulfilled: Callable[[list[str]], object]) -> list[str]:
        deadline = time.monotonic() + 15
        while not fulfilled(screen := tmux("capture-pane", "-p").split("\n")):
            assert time.monotonic() < deadline, "\n".join(screen)
            time.sleep(POLL)
        return screen

    tmux(
        "new-session", "-d", "-x", "120", "-y", "40", f"{quote(MTOP)}; echo left with $?; exec cat"
    )
    try:
        screen = wait_for(is_whole)
        first = selected(screen)
        tmux("send-keys", "j")
        wait_for(lambda screen: selected(screen) not in (None, first))
        tmux("resize-window", "-x", "80", "-y", "24")
        wait_for(
            lambda screen: (
                0 < len(rows(screen)) < SERVICES and screen[23:24] and "q quit" in screen[23]
            )
        )
        tmux("send-keys", "q")
        wait_for(lambda screen: "left with 0" in screen)
        shown = tmux("display-message", "-p", "#{alternate_on} #{mouse_any_flag} #{cursor_flag}")
        assert shown.split() == ["0", "0", "1"]
    finally:
        tmux("kill-server")
