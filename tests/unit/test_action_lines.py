"""The page of an action: whole at any width, whatever stands in the objects."""

from __future__ import annotations

import pytest
from action_objects import intent, marked, planned, scene, service
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.actions.contract import Prepared
from mtop_tui.actions.differences import Difference
from mtop_tui.actions.plans import Refused
from mtop_tui.actions.progress import Progress
from mtop_tui.text import UNSAFE
from mtop_tui.views.action import prepared_lines, refusal_lines
from mtop_tui.views.table import Cell
from mtop_tui.views.words import cells


def texts(lines) -> list[str]:
    return ["".join(cell.text for cell in line) for line in lines]


def page(note: str, width: int, course=()) -> list[str]:
    body = marked(service(replicas=3), ownerReferences=[{"kind": note, "controller": True}])
    plan = planned(intent("stop"), scene(body))
    tried = ((Difference("spec.replicas", "3", note),),)
    return texts(prepared_lines(Prepared(plan, note, tried, (note,)), course, Cell(note), width))


@given(note=st.text(max_size=300), width=st.integers(30, 200))
def test_nothing_is_wider_than_the_page_or_acts_on_the_terminal(note: str, width: int):
    course = [(0.0, Progress("failed", note))]
    for line in (
        *page(note, width),
        *page(note, width, course),
        *texts(refusal_lines(Refused(note, note), width)),
    ):
        assert cells(line) <= width
        assert not UNSAFE.search(line)


def test_what_is_lost_and_how_to_do_it_come_first():
    lines = page("someone", 80)
    assert lines[:2] == [
        " will      stop assistant",
        " loses     all its replicas end: 3 pods",
    ]
    assert lines[3] == " to do it  press y, then type assistant; watched for 10m at most"


def test_what_became_of_it_takes_the_place_of_the_question():
    lines = page("someone", 80, [(0.0, Progress("going", "1 pod still ends"))])
    assert not any("press y" in line for line in lines)
    assert any(line.endswith("1 pod still ends") for line in lines)


@pytest.mark.parametrize(("state", "begin"), [("done", "done: "), ("failed", "failed: ")])
def test_how_it_ended_is_said_in_words(state, begin):
    lines = page("someone", 80, [(0.0, Progress(state, "said"))])
    assert any(line.endswith(f"{begin}said") for line in lines)
