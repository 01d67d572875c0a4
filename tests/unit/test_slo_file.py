"""Files of objectives."""

from pathlib import Path

import pytest
import yaml
from slo_documents import slo, sloth

from mtop_tui.config.slo_file import MAX_BYTES, SloFileError, read_slo_file
from mtop_tui.domain.slo.periods import CalendarWindow


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_file_names_itself_in_origins_and_complaints(tmp_path: Path) -> None:
    path = write(tmp_path / "team.yaml", yaml.safe_dump_all([slo(), sloth()]))
    read = read_slo_file(path)
    assert [one.origin.text for one in read.objectives] == [
        f"--slo {path}, document 2",
        f"--slo {path}, document 1",
    ]
    write(path, yaml.safe_dump(sloth(objective=100)))
    with pytest.raises(SloFileError) as caught:
        read_slo_file(path)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{path}: document 1, slos[0].objective: a target of 100 %")


def test_a_calendar_start_may_be_a_yaml_timestamp(tmp_path: Path) -> None:
    calendar = "{startTime: 2026-01-01 00:00:00, timeZone: UTC}"
    text = yaml.safe_dump(slo(timeWindow="absent")).replace(
        "spec:\n  budget",
        f"spec:\n  timeWindow: [{{duration: 1M, calendar: {calendar}}}]\n  budget",
    )
    (objective,) = read_slo_file(write(tmp_path / "a.yaml", text)).objectives
    assert isinstance(objective.window, CalendarWindow)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"\xff\xfe\x00", "not UTF-8 text (byte 0)"),
        ("a: [", "a.yaml:1: not YAML"),
        ("a: b: c", "a.yaml:1: not YAML"),
        ("a: \x00", "not YAML"),
        ("a: " + "9" * 5000, "not YAML"),
        ("a: !!python/object:os.system {}", "not YAML"),
        ("a: &a {x: 1}\nb: {<<: *a}", "a.yaml:2: not YAML: expected no merge key `<<`"),
        ("- " * 20_000, "nested too deep"),
        ("a: " + "x" * MAX_BYTES, "larger than 300 kB"),
    ],
    ids=["bytes", "open list", "colons", "NUL", "digits", "tag", "merge", "deep", "large"],
)
def test_files_that_cannot_be_read(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(SloFileError) as caught:
        read_slo_file(write(tmp_path / "a.yaml", text))
    (problem,) = caught.value.problems
    assert str(tmp_path / "a.yaml") in problem
    assert said in problem


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SloFileError, match="cannot be read: No such file"):
        read_slo_file(tmp_path / "gone.yaml")


def test_aliases_that_would_be_endless_are_complained_about_briefly(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    text = "\n".join([*lines, "apiVersion: *a59"])
    with pytest.raises(SloFileError) as caught:
        read_slo_file(write(tmp_path / "a.yaml", text))
    assert len(str(caught.value)) < 300


def test_an_empty_file_says_that_it_is(tmp_path: Path) -> None:
    path = write(tmp_path / "a.yaml", "# nothing yet\n")
    assert read_slo_file(path).warnings == (f"{path}: has no objectives",)
