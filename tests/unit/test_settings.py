"""Layers of settings: who wins, where each value came from, and what a wrong one says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mtop_tui.config import settings as module
from mtop_tui.config.settings import Loaded, Origin, Settings, SettingsError, load

COLUMNS = ("name", "state", "ttft")


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write the configuration file and point MTOP_CONFIG to it."""

    def write_file(text: str | bytes) -> Path:
        file = tmp_path / "config.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        monkeypatch.setenv("MTOP_CONFIG", str(file))
        return file

    return write_file


def problems(**flags) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(flags, lambda: COLUMNS)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_defaults():
    loaded = load()
    assert loaded.settings == Settings()
    assert set(loaded.origins) == set(module.FIELDS)
    assert set(loaded.origins.values()) == {Origin("default")}
    assert loaded.warnings == ()


def test_later_layers_win_and_origins_tell_which(write, monkeypatch):
    file = write("refresh: 2\nseed: 3\n\ntheme: mtop-dark\nnamespaces: [a, b]\n")
    monkeypatch.setenv("MTOP_SEED", "4")
    monkeypatch.setenv("MTOP_THEME", "mtop-dark")
    settings, origins, _ = load({"theme": "mtop-light"})
    assert (settings.refresh, settings.seed, settings.theme) == (2.0, 4, "mtop-light")
    assert settings.namespaces == ("a", "b")
    assert origins["refresh"] == Origin("file", f"{file}:1")
    assert origins["namespaces"] == Origin("file", f"{file}:5")
    assert origins["seed"] == Origin("environment", "MTOP_SEED")
    assert origins["theme"] == Origin("flag", "--theme")
    assert origins["mode"] == Origin("default")


def test_a_wrong_value_below_a_right_one_does_not_matter(write, monkeypatch):
    write("refresh: never\n")
    monkeypatch.setenv("MTOP_REFRESH", "5")
    assert load().settings.refresh == 5.0


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("MTOP_REFRESH", "0.25", "refresh", 0.25),
        ("MTOP_REFRESH", "60", "refresh", 60.0),
        ("MTOP_NAMESPACES", "a, b,,c ", "namespaces", ("a", "b", "c")),
        ("MTOP_COLUMNS", "name,state", "columns", ("name", "state")),
        ("MTOP_ASCII", "yes", "ascii", True),
        ("MTOP_ASCII", "0", "ascii", False),
        ("MTOP_SERVICES", "1000", "services", 1000),
        ("MTOP_SORT", "-ttft", "sort", "-ttft"),
        ("MTOP_MODE", "mock", "mode", "mock"),
        ("LLD_MODE", "mock", "mode", "mock"),
        ("mtop_seed", "9", "seed", 9),
        ("MTOP_NOTIFY", "bell, osc9", "notify", ("bell", "osc9")),
        ("MTOP_ALERTS", "xid off", "alerts", "xid off"),
    ],
)
def test_the_environment(monkeypatch, variable, text, field, value):
    monkeypatch.setenv(variable, text)
    loaded = load(column_ids=lambda: COLUMNS)
    assert getattr(loaded.settings, field) == value
    assert loaded.origins[field] == Origin("environment", variable)
    assert loaded.warnings == ()


def test_empty_variables_count_as_unset(write, monkeypatch):
    for name in ("MTOP_MODE", "MTOP_REFRESH", "MTOP_SEED", "MTOP_MOCKS", "LLD_MODE"):
        monkeypatch.setenv(name, "")
    assert load().settings == Settings()
    write("seed: 8\n")
    assert load().settings.seed == 8


def test_the_legacy_mode_gives_way(monkeypatch):
    monkeypatch.setenv("LLD_MODE", "replay")
    monkeypatch.setenv("MTOP_MODE", "mock")
    assert load().origins["mode"] == Origin("environment", "MTOP_MODE")
    monkeypatch.setenv("MTOP_MODE", "")
    assert problems() == (
        "LLD_MODE=replay: replay is not in this version; expected mock or live; "
        "unset it or set for instance LLD_MODE=live",
    )


def test_later_modes_are_refused_plainly():
    assert problems(mode="replay") == (
        "--mode: replay is not in this version; expected mock or live",
    )


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        (
            "MTOP_REFRESH",
            "abc",
            "MTOP_REFRESH=abc: expected a number of seconds from 0.25 to 60; "
            "unset it or set for instance MTOP_REFRESH=1",
        ),
        ("MTOP_REFRESH", "0.2", "expected a number of seconds from 0.25 to 60"),
        ("MTOP_REFRESH", "nan", "expected a number of seconds from 0.25 to 60"),
        ("MTOP_SERVICES", "0", "expected a whole number from 1 to 100000"),
        ("MTOP_SEED", "-1", "expected a whole number from 0"),
        ("MTOP_ASCII", "perhaps", "expected true or false"),
        ("MTOP_MODE", "mokc", "MTOP_MODE=mokc: expected mock"),
        ("MTOP_MOCKS", "/does/not/exist", "expected an existing folder"),
        (
            "MTOP_THEME",
            "nord",
            "MTOP_THEME=nord: expected mtop-dark, mtop-light, ",
        ),
        ("MTOP_SORT", "tftt", "no column tftt; did you mean ttft?"),
        ("MTOP_COLUMNS", "name,q", "no column q; there are name, state, ttft"),
        ("MTOP_NOTIFY", "bel", "no way to tell bel; did you mean bell?"),
        ("MTOP_NOTIFY", "none,bell", "none stands alone"),
        ("MTOP_ALERTS", "xid >= 3", "position 5: xid has no threshold"),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch, variable, text, said):
    monkeypatch.setenv(variable, text)
    (line,) = problems()
    assert line.startswith(f"{variable}={text}: ")
    assert said in line
    assert f"unset it or set for instance {variable}=" in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "theme: mtop-dark\nrefresh: abc",
            "2: refresh: expected a number of seconds from 0.25 to 60",
        ),
        ("refresh: yes", "1: refresh: expected a number"),
        ("refresh: [1]", "1: refresh: expected a number"),
        ("seed: 1.5", "1: seed: expected a whole number"),
        ("services: true", "1: services: expected a whole number"),
        (
            "theme: 5",
            "1: theme: expected mtop-dark, mtop-light, ",
        ),
        ("namespaces: [a, 1]", "1: namespaces: expected names of namespaces"),
        ("namespaces: {a: b}", "1: namespaces: expected names of namespaces"),
        ("alerts: not-redy off", "1: alerts: position 1: there is no rule 'not-redy'"),
        ("notify: [bell, buzz]", "1: notify: no way to tell buzz; there are none, toast, bell"),
        ("mode: replay", "1: mode: replay is not in this version"),
        ("\n\nrefersh: 1", "3: refersh: not a setting of mtop; did you mean refresh?"),
        ("zzz: 1", "1: zzz: not a setting of mtop; there are mode, refresh"),
        ("seed: 1\nseed: 2", "2: seed: already set on line 1"),
        ("refresh: [\n", "2: not YAML: "),
        ("seed: 1\n\tx", "2: not YAML: "),
        ("- refresh", "1: expected `name: value` lines"),
        ("just words", "1: expected `name: value` lines"),
        ("seed: !!python/object:os.system x", "1: seed: could not determine a constructor"),
        (
            "theme: dracula",
            "1: theme: expected mtop-dark, mtop-light, ",
        ),
        ("mocks: nowhere", "1: mocks: expected an existing folder"),
        ("columns: nmae", "1: columns: no column nmae; did you mean name?"),
        ("? {a: b}\n: 1", "1: "),
    ],
)
def test_a_wrong_file_is_named_with_its_line(write, text, said):
    file = write(text)
    (line,) = problems()
    assert line.startswith(f"{file}:{said}")
    assert "\n" not in line


def test_a_file_of_no_text(write):
    file = write(b"seed: \xff\n")
    assert problems() == (f"{file}: not UTF-8 text (byte 6); save it as UTF-8",)
    file = write(b"seed: \x00\n")
    (line,) = problems()
    assert line.startswith(f"{file}: not YAML: ")
    assert "\n" not in line


@pytest.mark.parametrize("text", ["", "# only a comment\n", "seed:\ntheme: null\n", "---\n"])
def test_a_file_that_sets_nothing(write, text):
    write(text)
    assert load() == Loaded(Settings(), dict.fromkeys(module.FIELDS, Origin("default")))


def test_a_file_that_is_not_there(monkeypatch, tmp_path):
    missing = tmp_path / "no.yaml"
    monkeypatch.setenv("MTOP_CONFIG", str(missing))
    (line,) = problems()
    assert line.startswith(f"{missing}: cannot be read: No such file or directory")
    monkeypatch.setenv("MTOP_CONFIG", str(tmp_path))
    (line,) = problems()
    assert line.startswith(f"{tmp_path}: cannot be read: Is a directory")


def test_the_usual_place_of_the_file(monkeypatch, tmp_path):
    file = tmp_path / "mtop" / "config.yaml"
    file.parent.mkdir()
    file.write_text("seed: 12\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert load().origins["seed"] == Origin("file", f"{file}:1")
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    assert load().settings.seed == 7
    (tmp_path / ".config").mkdir()
    (tmp_path / ".config" / "mtop").symlink_to(file.parent)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load().settings.seed == 12


def test_mocks_in_the_file_are_relative_to_it(write, tmp_path, monkeypatch):
    (tmp_path / "cluster").mkdir()
    write("mocks: cluster\n")
    assert load().settings.mocks == tmp_path / "cluster"
    monkeypatch.setenv("HOME", str(tmp_path))
    write("mocks: ~/cluster\n")
    assert load().settings.mocks == tmp_path / "cluster"


def test_all_wrong_values_are_told_at_once(write, monkeypatch):
    write("refresh: abc\nservices: 0\n")
    monkeypatch.setenv("MTOP_SEED", "x")
    assert len(problems()) == 3


def test_unknown_variables_are_a_warning(monkeypatch):
    monkeypatch.setenv("MTOP_REFESH", "2")
    monkeypatch.setenv("MTOP_REQUIRE_TOOLS", "1")
    loaded = load()
    assert loaded.settings == Settings()
    assert loaded.warnings == (
        "MTOP_REFESH: not a setting of mtop, ignored; did you mean MTOP_REFRESH?",
    )


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("MTOP_SORTS", "MTOP_SORT"),
        ("MTOP_REFESH", "MTOP_REFRESH"),
        ("MTOP_NAMESPACE", "MTOP_NAMESPACES"),
        ("MTOP_CONFG", "MTOP_CONFIG"),
        ("MTOP_FOO", None),
        ("MTOP_MODEL_URL", None),
    ],
)
def test_only_a_variable_of_nearly_that_name_is_suggested(monkeypatch, variable, meant):
    monkeypatch.setenv(variable, "2")
    hint = f"; did you mean {meant}?" if meant else ""
    assert load().warnings == (f"{variable}: not a setting of mtop, ignored{hint}",)


def test_the_themes_are_those_the_app_has():
    from mtop_tui.themes import THEMES

    assert tuple(theme.name for theme in THEMES) == module.THEME_NAMES


def test_columns_are_asked_for_only_when_one_is_named():
    def fail():
        raise AssertionError("not needed")

    load({"seed": 1}, fail)
    assert load({"columns": ("x",)}).settings.columns == ("x",)


def test_a_problem_found_later_names_the_source(write):
    file = write("sort: name\n")
    line = load().problem("sort", "nothing to sort")
    assert line == f"{file}:1: sort: nothing to sort"


def test_every_setting_has_a_rule_and_documents_itself():
    rules = module.rules()
    assert set(rules) == set(module.FIELDS)
    source = Path(module.__file__).read_text()
    for name, (_, rule) in rules.items():
        assert rule.expected
        assert rule.example
        body = source[source.index(f"\n    {name}: ") :]
        assert '\n    """' in body[: body.index("\n\n")], f"{name} has no docstring below it"


@pytest.mark.parametrize("flags", ["{}", "{'seed': 3, 'columns': ('a',)}"])
def test_pydantic_is_not_imported_for_defaults_and_flags(flags):
    code = (
        "import sys; from mtop_tui.config.settings import load; "
        f"load({flags}); import os; os.environ['MTOP_SEED'] = os.environ['LLD_MODE'] = ''; "
        f"load({flags}); print({{'pydantic', 'yaml', 'click'}} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
