"""What gateways say: weights in force, copies of requests, conditions of routes and pools."""

from __future__ import annotations

from typing import Any

import msgspec
from test_live_kinds import last, named
from test_live_objects import AT, LATER, WORKLOAD, change, gone, service, told

from mtop_tui.observations import RouteGroup, Service
from mtop_tui.providers.live.handover import Change
from mtop_tui.providers.live.objects.fleet import Fleet


def route(name: str, *weights: tuple[str, int], accepted: str = "True", **more: Any) -> Change:
    backends = [
        {"kind": "InferencePool", "name": f"{one}-inference-pool", "weight": weight}
        for one, weight in weights
    ]
    parent = {"parentRef": {"name": "gate"}, "conditions": [
        {"type": "Accepted", "status": accepted, "reason": "Accepted", "message": "m",
         "lastTransitionTime": LATER}]}  # fmt: skip
    rule = {"backendRefs": backends, **more.pop("rule", {})}
    return change("HTTPRoute", name, spec={"rules": [rule]}, status={"parents": [parent]}, **more)


def grouped(name: str, weight: int, **more: Any) -> Change:
    return named(name, spec={"router": {"route": {"group": "chat", "weight": weight}}}, **more)


def weights(fleet: Fleet) -> dict[str, int]:
    return {one.service: one.weight for one in last(fleet, RouteGroup).members}


def test_weights_of_a_group_are_those_that_the_gateway_has():
    fleet = Fleet("c")
    fleet.apply([grouped("a", 80), grouped("b", 20)], AT)
    assert weights(fleet) == {"a": 80, "b": 20}
    fleet.apply([route("r", ("a", 90), ("b", 10))], AT)
    assert weights(fleet) == {"a": 90, "b": 10}
    fleet.apply([], AT)
    assert last(fleet, Service, "b").notes == ("weight 20 is asked for, the gateway has 10",)
    fleet.apply([route("r", ("a", 80), ("b", 20))], AT)
    fleet.apply([], AT)
    assert last(fleet, Service, "b").notes == ()
    fleet.apply([gone(route("r"))], AT)
    assert weights(fleet) == {"a": 80, "b": 20}


def test_of_several_routes_the_oldest_that_is_accepted_counts():
    older = {"creationTimestamp": "2026-05-28T19:00:00Z"}
    fleet = Fleet("c")
    fleet.apply([grouped("a", 1), grouped("b", 1)], AT)
    fleet.apply(
        [route("new", ("a", 7), ("b", 3)), route("old", ("a", 6), ("b", 4), metadata=older)], AT
    )
    assert weights(fleet) == {"a": 6, "b": 4}
    fleet.apply([route("old", ("a", 6), ("b", 4), accepted="False", metadata=older)], AT)
    assert weights(fleet) == {"a": 7, "b": 3}


def test_a_route_written_by_hand_is_a_group_of_its_own():
    fleet = Fleet("c")
    fleet.apply([named("a"), named("b"), route("split", ("a", 95), ("b", 5), ("stranger", 1))], AT)
    assert last(fleet, RouteGroup).ref.name == "split"
    assert weights(fleet) == {"a": 95, "b": 5}
    fleet.apply([gone(named("b"))], AT)
    assert last(fleet, RouteGroup) is None


def test_conditions_of_routes_and_pools_are_those_of_their_service():
    refused = {"type": "ResolvedRefs", "status": "False", "reason": "InvalidExtensionRef"}
    waiting = {"type": "Accepted", "status": "Unknown"}
    pool, older = (
        change("InferencePool", "llm-inference-pool", WORKLOAD, uid=f"uid-{field}", status={
            field: [{"parentRef": {"name": "gate"}, "conditions": [one]}]})
        for field, one in (("parents", refused), ("parent", waiting))
    )  # fmt: skip
    found = told(service(), route("llm-kserve-route", ("llm", 1)), pool, older, kind=Service)
    said = {(one.about, one.type, one.status) for one in found.conditions}
    assert said == {
        ("HTTPRoute llm-kserve-route", "Accepted", "True"),
        ("InferencePool llm-inference-pool", "ResolvedRefs", "False"),
        ("InferencePool llm-inference-pool", "Accepted", "Unknown"),
    }


def test_a_pool_with_a_shortened_name_leads_to_its_service():
    fleet = Fleet("c")
    hashed = {"kind": "InferencePool", "name": "ll-8f3a", "weight": 9}
    split = route("r", ("b", 1))
    split.body.spec.rules[0].backend_refs.append(
        msgspec.convert(hashed, type(split.body.spec.rules[0].backend_refs[0]))
    )
    fleet.apply([service(), named("b"), split], AT)
    assert last(fleet, RouteGroup) is None
    fleet.apply([change("InferencePool", "ll-8f3a", WORKLOAD)], AT)
    assert weights(fleet) == {"llm": 9, "b": 1}


def test_a_mirror_is_a_shadow():
    copies = {"filters": [{"type": "RequestMirror", "requestMirror": {
        "backendRef": {"kind": "InferencePool", "name": "b-inference-pool"}}}]}  # fmt: skip
    fleet = Fleet("c")
    fleet.apply([named("a"), named("b"), route("r", ("a", 1), rule=copies)], AT)
    assert last(fleet, Service, "a").mirrors_to == "b"
    assert last(fleet, Service, "b").mirrors_to == ""
