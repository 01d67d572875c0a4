"""Views of the fleet that are saved under a name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtop_tui.config.saved_views import MOST, read_views, save_view
from mtop_tui.config.settings import SettingsError
from mtop_tui.views.columns import COLUMN_IDS
from mtop_tui.views.fleet import FleetQuery
from mtop_tui.views.groups import WAYS

NAMES = st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1, max_size=20)
QUERIES = st.builds(
    FleetQuery,
    sort=st.sampled_from((*COLUMN_IDS, "label:team", "running")),
    reversed=st.booleans(),
    filter=st.sampled_from(("", "ttft>500ms and not ns=prod*", "llama: #1 'x'")),
    namespaces=st.lists(NAMES, max_size=2).map(tuple),
    columns=st.lists(st.sampled_from(COLUMN_IDS), max_size=3).map(tuple),
    group=st.sampled_from(("", *WAYS, "label:app.kubernetes.io/team")),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.dictionaries(NAMES, QUERIES, max_size=3))
def test_views_come_back_as_they_were_saved(
    tmp_path_factory: pytest.TempPathFactory, views: dict[str, FleetQuery]
) -> None:
    path = tmp_path_factory.mktemp("views") / "new" / "views.yaml"
    for name, query in views.items():
        save_view(path, name, query)
    assert read_views(path) == views
    for name in views:
        save_view(path, name, None)
    assert read_views(path) == {}


def test_without_a_file_there_are_no_views(tmp_path: Path) -> None:
    assert read_views(tmp_path / "views.yaml") == {}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a:\n  sort: -tftt\n", ":2: sort: no column tftt"),
        ("a:\n  filter: ttft>\n", ":2: filter: column 6: expected a value after `>`"),
        ("a:\n  group: colour\n", ":2: group: expected namespace, gpu, model, route or label:KEY"),
        ("a:\n  columns: name\n", ":2: columns: expected a list"),
        ("a:\n  colums: [name]\n", ":2: colums: not a field of a view; did you mean columns?"),
        ("a: ttft\n", ":1: a: expected fields, such as sort: -ttft"),
        ("a:\n  sort: name\na:\n  sort: ttft\n", ":3: a: there is another view of that name"),
        (f"{'a' * 41}:\n  sort: name\n", "a name has at most 40 characters"),
        ("- a\n", ":1: expected the names of views, each with its fields"),
        ("a: [\n", ":2: not YAML"),
    ],
)
def test_a_file_that_is_wrong_says_where_and_is_never_overwritten(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "views.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError) as error:
        read_views(path)
    assert complaint in error.value.problems[0]
    assert str(path) in error.value.problems[0]
    with pytest.raises(SettingsError):
        save_view(path, "mine", FleetQuery())
    assert path.read_text() == text


@pytest.mark.parametrize("name", ["", " a", "a\n", "x" * 41, "\x1b[31m"])
def test_a_name_that_cannot_be_shown_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "views.yaml"
    with pytest.raises(ValueError, match="name"):
        save_view(path, name, FleetQuery())
    assert not path.exists()


def test_there_is_an_end_to_views(tmp_path: Path) -> None:
    path = tmp_path / "views.yaml"
    path.write_text("".join(f"v{number}:\n  sort: name\n" for number in range(MOST)))
    with pytest.raises(ValueError, match="remove one first"):
        save_view(path, "one more", FleetQuery())
    assert len(save_view(path, "v1", FleetQuery(sort="ttft"))) == MOST


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(SettingsError, match="Not a directory"):
        save_view(blocked / "views.yaml", "mine", FleetQuery())
    assert list(tmp_path.iterdir()) == [blocked]
