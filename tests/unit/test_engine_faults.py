"""Faults and stories: what they may be told, when they happen, and what they pull at."""

from __future__ import annotations

import math
import re
from pathlib import Path
from random import Random

import pytest

from mtop_tui.engine.faults.actions import Action
from mtop_tui.engine.faults.catalogue import FAULTS
from mtop_tui.engine.faults.director import Director
from mtop_tui.engine.faults.operations import OPERATIONS
from mtop_tui.engine.faults.parameters import (
    Parameter,
    ParameterError,
    drawn_values,
    read_values,
)
from mtop_tui.engine.faults.stage import Stage, Target
from mtop_tui.engine.faults.workflow import Deed, Parallel, Serial, Step, Suspend, timeline
from mtop_tui.engine.levers import LeverError
from mtop_tui.observations import (
    Annotation,
    ObjectRef,
    Replica,
    RouteShare,
    Service,
    ServiceKey,
)

CHAT = ServiceKey("mock", "shop", "chat")
CANARY = ServiceKey("mock", "shop", "canary")
DIAGNOSES = Path(__file__).parents[2] / "docs" / "diagnosis.md"


class RecordedLevers:
    """Levers that only remember who pulled at what."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pulled: list[tuple[str, tuple, dict]] = []
        self.later: list[tuple[float, object]] = []
        self.refuse: set[str] = set()

    def at(self, when, action):
        self.later.append((when, action))

    def __getattr__(self, name):
        def pull(*args, **options):
            if name in self.refuse:
                raise LeverError("no replica fits")
            self.pulled.append((name, args, options))
            return ()

        return pull

    @property
    def names(self) -> list[str]:
        return [name for name, *_ in self.pulled]


class StillFleet:
    """A fleet in which nothing happens by itself."""

    def __init__(self, records=()) -> None:
        self.levers = RecordedLevers()
        self._records = list(records)

    def advance(self, until):
        self.levers.now = until
        if self._records:
            yield self._records
            self._records = []

    def next_due(self):
        return None


def service(key: ServiceKey, group: str | None = None) -> Service:
    ref = ObjectRef(*key[:2], "LLMInferenceService", key.name, "u")
    route = RouteShare(group, 1) if group else None
    return Service(at=0.0, ref=ref, model="m", route=route)


def replica(name: str, node: str, key: ServiceKey = CHAT) -> Replica:
    ref = ObjectRef("mock", key.namespace, "Pod", name)
    return Replica(at=0.0, ref=ref, service=key, role="main", phase="ready", nodes=(node,))


def deed(name: str, *, lasts: float | None = None, target: Target | None = None, **given) -> Deed:
    action = FAULTS.get(name) or OPERATIONS[name]
    on = target or Target((CHAT,), mode=action.mode)
    return Deed(action, on, read_values(action.parameters, given), lasts)


def run(steps, records=(), until: float = 1000.0, duration: float = 1000.0):
    fleet = StillFleet([service(CHAT), replica("a", "n1"), replica("b", "n2"), *records])
    director = Director(fleet, timeline(steps, duration), start=0.0)
    marks = [one for batch in director.advance(until) for one in batch]
    return fleet.levers, [one for one in marks if isinstance(one, Annotation)], director


# What an action may be told


@pytest.mark.parametrize("action", [*FAULTS.values(), *OPERATIONS.values()], ids=lambda a: a.name)
def test_every_default_lies_within_its_bounds_and_is_drawn_from_within_them(action: Action):
    for one in action.parameters:
        if one.default is not None:
            assert one.read(one.default) == one.default
        assert one.drawn is None or one.least <= one.drawn[0] < one.drawn[1] <= one.most


def test_faults_lead_to_causes_that_the_diagnosis_knows():
    known = set(re.findall(r"^\| `([a-z-]+)` \|", DIAGNOSES.read_text(), re.MULTILINE))
    for fault in FAULTS.values():
        assert fault.leads_to, fault.name
        assert set(fault.leads_to) <= known, fault.name


def test_the_catalogue_has_the_faults_of_the_field_by_name():
    wanted = {"pod-kill", "container-kill", "node-drain", "gpu-xid", "gpu-throttle", "nccl-hang"}
    wanted |= {"kv-pressure", "prefix-flush", "slow-weights", "image-pull", "canary-regression"}
    wanted |= {"spot-reclaim", "mig-neighbour", "quota-exhausted", "traffic-spike"}
    assert wanted <= FAULTS.keys()
    assert len(FAULTS) >= 20


def test_a_drawn_strength_lies_in_the_range_of_the_catalogue_and_is_the_seeds():
    for fault in FAULTS.values():
        drawn = drawn_values(fault.parameters, Random(3))
        assert drawn == drawn_values(fault.parameters, Random(3))
        assert read_values(fault.parameters, drawn).keys() == drawn.keys()


RATE = Parameter("rate", "share", "number", 0.5, 0.0, 1.0)


@pytest.mark.parametrize(
    ("given", "name", "words"),
    [
        ({"rate": 2}, "rate", "expected a number from 0 to 1, got 2"),
        ({"rate": "0.5"}, "rate", 'expected a number from 0 to 1, got "0.5"'),
        ({"rate": True}, "rate", "got true"),
        ({"rate": math.nan}, "rate", "got nan"),
        ({"speed": 1}, "speed", "no such parameter; there are rate"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_was_expected(given, name, words):
    with pytest.raises(ParameterError) as raised:
        read_values((RATE,), given)
    assert raised.value.name == name
    assert words in raised.value.message


def test_a_parameter_without_a_default_must_be_given():
    with pytest.raises(ParameterError, match="is missing; expected a whole number"):
        read_values(OPERATIONS["scale"].parameters, {})


def test_durations_may_be_written_with_units():
    spot = FAULTS["spot-reclaim"].parameters
    assert read_values(spot, {"notice": "1m30s"}) == {"notice": 90.0}
    with pytest.raises(ParameterError, match="a duration such as 90s"):
        read_values(spot, {"notice": "-3s"})


# When it happens


def times(steps, duration: float = 1000.0):
    planned = timeline(steps, duration)
    return [(one.deed.action.name, one.at, one.until) for one in planned]


def test_what_lasts_ends_and_what_does_not_stays():
    steps = [Step(deed("nccl-hang", lasts=30.0), at=10.0), Step(deed("pod-kill"), at=5.0)]
    assert times(steps) == [("pod-kill", 5.0, math.inf), ("nccl-hang", 10.0, 40.0)]


def test_steps_in_series_wait_for_each_other_and_for_suspensions():
    serial = Serial(
        (
            Step(deed("nccl-hang", lasts=30.0)),
            Step(Suspend(20.0)),
            Step(deed("scale", replicas=2)),
            Step(deed("pod-kill"), at=5.0),
        )
    )
    assert [at for _, at, _ in times([Step(serial, at=100.0)])] == [100.0, 150.0, 155.0]


def test_steps_in_parallel_begin_together_and_end_with_the_last():
    both = Parallel((Step(deed("nccl-hang", lasts=30.0)), Step(deed("http-abort", lasts=60.0))))
    steps = [Step(Serial((Step(both), Step(deed("pod-kill")))))]
    assert [at for _, at, _ in times(steps)] == [0.0, 0.0, 60.0]


def test_a_deadline_ends_what_lasts_longer_and_drops_what_has_not_begun():
    serial = Serial((Step(deed("nccl-hang", lasts=50.0)), Step(deed("http-abort", lasts=50.0))))
    assert times([Step(serial, deadline=40.0)]) == [("nccl-hang", 0.0, 40.0)]
    endless = Parallel((Step(deed("http-abort")),))
    assert times([Step(endless, deadline=40.0)]) == [("http-abort", 0.0, 40.0)]


def test_a_step_repeats_until_it_was_often_enough_or_the_story_ends():
    again = Step(deed("pod-kill"), at=10.0, every=30.0, times=3)
    assert [at for _, at, _ in times([again])] == [10.0, 40.0, 70.0]
    endless = Step(deed("pod-kill"), every=40.0)
    assert [at for _, at, _ in times([endless], duration=100.0)] == [0.0, 40.0, 80.0]


def test_nothing_begins_at_or_after_the_end():
    assert times([Step(deed("pod-kill"), at=100.0)], duration=100.0) == []


# What it pulls at


def test_a_fault_is_taken_back_under_its_own_name():
    steps = [
        Step(deed("http-abort", rate=0.2, lasts=60.0), at=10.0),
        Step(deed("http-abort", rate=0.5, lasts=60.0), at=20.0),
    ]
    levers, _, _ = run(steps)
    first, second, undone, undone_too = (args for _, args, _ in levers.pulled)
    assert (first[2].error_rate, second[2].error_rate) == (0.2, 0.5)
    assert (undone[0], undone[2]) == (first[0], None)
    assert (undone_too[0], undone_too[2]) == (second[0], None)
    assert first[0] != second[0]


def test_deeds_happen_at_their_own_time_and_are_marked():
    levers, marks, _ = run([Step(deed("gpu-throttle", clock=0.4, lasts=60.0), "hot", at=10.0)])
    assert levers.names == ["throttle", "throttle"]
    assert [(mark.at, mark.until) for mark in marks] == [(10.0, 70.0), (70.0, None)]
    assert marks[0].text == "hot: shop/chat (one), clock 0.4, reason HwThermal"
    assert marks[0].target is not None
    assert marks[0].target.name == "chat"


def test_a_slower_clock_hits_arithmetic_and_hardly_memory():
    levers, _, _ = run([Step(deed("gpu-throttle", clock=0.4))])
    factors = levers.pulled[0][1][2]
    assert factors.compute == pytest.approx(0.4)
    assert factors.bandwidth > 0.9


def test_a_node_fault_finds_the_node_of_a_service_and_brings_the_same_one_back():
    levers, _, _ = run([Step(deed("node-stop", lasts=60.0), at=1.0)], [replica("c", "n2")])
    assert levers.pulled == [("fail_node", ("n2",), {}), ("recover_node", ("n2",), {})]


def test_draining_evicts_what_runs_there_and_nothing_else():
    levers, _, _ = run([Step(deed("node-drain", target=Target(nodes=("n1",))))])
    assert levers.names == ["cordon", "kill_pods"]
    assert levers.pulled[1][1][0].nodes == ("n1",)


def test_members_of_a_group_share_one_load_so_it_changes_once():
    target = Target((CHAT, CANARY))
    members = [service(CHAT, "g"), service(CANARY, "g")]
    levers, _, _ = run([Step(deed("traffic-spike", target=target, lasts=9.0), at=5.0)], members)
    ((_, (key, change), _),) = levers.pulled
    assert key == CHAT
    assert (change.at, change.until, change.rate) == (5.0, 14.0, 4.0)


def test_a_failing_pod_is_ended_again_while_the_fault_lasts():
    fleet = StillFleet([service(CHAT), replica("a", "n1")])
    plan = timeline([Step(deed("pod-failure", lasts=100.0))], 1000.0)
    director = Director(fleet, plan, start=0.0)
    list(director.advance(10.0))
    (_, again), *_ = fleet.levers.later
    again()
    assert fleet.levers.names == ["crash_pods", "crash_pods"]
    list(director.advance(200.0))
    again()
    assert len(fleet.levers.pulled) == 2


def test_more_can_happen_in_a_story_that_has_begun():
    fleet = StillFleet([service(CHAT), replica("a", "n1")])
    director = Director(fleet, timeline([Step(deed("pod-kill"), at=90.0)], 1000.0), start=0.0)
    list(director.advance(10.0))
    director.add(timeline([Step(deed("stop"), at=20.0)], 1000.0))
    assert director.next_due() == 20.0
    list(director.advance(100.0))
    assert fleet.levers.names == ["stop", "kill_pods"]


def test_what_cannot_be_done_is_said_and_the_story_goes_on():
    fleet = StillFleet([service(CHAT)])
    fleet.levers.refuse = {"kill_pods"}
    steps = [Step(deed("pod-kill"), at=1.0), Step(deed("stop"), at=2.0)]
    director = Director(fleet, timeline(steps, 100.0), start=0.0)
    marks = [one for batch in director.advance(50.0) for one in batch]
    texts = [one.text for one in marks if isinstance(one, Annotation)]
    assert texts == ["pod-kill could not be done: no replica fits", "stop: shop/chat"]
    assert director.failures == ["pod-kill: no replica fits"]


@pytest.mark.parametrize("name", [*FAULTS])
def test_every_fault_begins_and_ends_on_a_service(name):
    levers, marks, director = run([Step(deed(name, lasts=20.0), at=1.0)], [service(CANARY, "g")])
    assert levers.pulled
    assert director.failures == []
    assert len(marks) == 2


def test_the_weight_of_a_service_is_set_in_its_own_group():
    grouped = [service(CANARY, "g")]
    step = Step(deed("set-weight", target=Target((CANARY,)), weight=30), at=1.0)
    levers, _, _ = run([step], grouped)
    assert levers.pulled == [("set_weights", ("shop", "g", {"canary": 30}), {})]


def test_a_percentage_of_nodes_is_rounded_up_and_named_ones_are_taken():
    stage = Stage(RecordedLevers())
    stage.see([replica("a", "n1"), replica("b", "n2"), replica("c", "n3")])
    assert stage.nodes_of(Target((CHAT,), mode="fixed-percent", value=50)) == ("n1", "n2")
    assert stage.nodes_of(Target((CHAT,), nodes=("n9",))) == ("n9",)
    with pytest.raises(LeverError, match="no replica is on any node"):
        stage.nodes_of(Target((CANARY,)))
