"""What is sent for each action, and why it is refused where it makes no sense."""

from __future__ import annotations

import shlex

import pytest
from action_objects import (
    NAME,
    intent,
    marked,
    member,
    merged,
    patches,
    planned,
    pod,
    refused,
    scene,
    service,
    stopped,
    workload,
)

from mtop_tui.actions.bodies import STOP
from mtop_tui.actions.differences import ABSENT, Difference, differences, merge_patch, not_taken
from mtop_tui.actions.plans import is_same
from mtop_tui.kserve.merge import STOP_ANNOTATION
from mtop_tui.observations import ObjectRef


def that_pod(number: int, uid: str = "") -> ObjectRef:
    return ObjectRef("c", "shop", "Pod", f"{NAME}-{number}", uid)


def test_scaling_changes_the_owner_and_says_from_where_to_where():
    found = planned(intent("scale", number=5), scene())
    assert patches(found) == [(NAME, {"spec": {"replicas": 5}})]
    assert found.title == "scale assistant from 3 to 5 replicas"
    assert found.loses == ""


def test_a_change_holds_for_the_state_it_was_planned_from():
    change = planned(intent("scale", number=5), scene()).changes[0]
    assert change.path == (
        "/apis/serving.kserve.io/v1alpha2/namespaces/shop/llminferenceservices/assistant"
    )
    sent = change.body(dry_run=False)
    assert sent["metadata"] == {"resourceVersion": "17", "uid": "uid-assistant"}
    assert sent["spec"] == {"replicas": 5}


def test_replicas_that_come_from_a_preset_are_read_from_the_workload():
    found = planned(intent("scale", number=2), scene(service()))
    assert found.title == "scale assistant from 3 to 2 replicas"
    assert "1 of 3 replicas end, with what they work on" in found.notes


def test_scaling_to_nothing_has_to_be_typed():
    found = planned(intent("scale", number=0), scene())
    assert found.loses == "all its replicas end: nobody serves"
    assert found.confirmed_by == NAME


def test_each_half_of_a_split_service_is_scaled_by_itself():
    split = scene(
        service(replicas=3, prefill={"replicas": 1}),
        workloads=(workload(3), workload(1, prefill=True)),
    )
    found = planned(intent("scale", role="prefill", number=2), split)
    assert patches(found) == [(NAME, {"spec": {"prefill": {"replicas": 2}}})]
    assert found.title == "scale prefill of assistant from 1 to 2 replicas"
    assert "no prefill pool" in refused(intent("scale", role="prefill", number=2), scene())


@pytest.mark.parametrize(
    ("number", "body", "words"),
    [
        (3, None, "spec.replicas is 3 already"),
        (-1, None, "expected 0 or more"),
        (None, None, "how many replicas?"),
        (5, service(scaling={"minReplicas": 1, "maxReplicas": 4}), "between 1 and 4 replicas"),
    ],
)
def test_scaling_is_refused_with_the_reason(number, body, words):
    assert words in refused(intent("scale", number=number), scene(body))


def test_an_autoscaler_that_a_config_brought_is_seen_too():
    scaler = {
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "assistant-kserve-hpa"},
        "spec": {
            "scaleTargetRef": {"name": "assistant-kserve"},
            "minReplicas": 2,
            "maxReplicas": 6,
        },
    }
    said = refused(intent("scale", number=5), scene(autoscalers=(scaler,)))
    assert said == (
        "HorizontalPodAutoscaler assistant-kserve-hpa is there: it keeps it between 2 and 6 "
        "replicas and would set another number back; change minReplicas and maxReplicas under "
        "spec.scaling in its manifest"
    )
    other = {**scaler, "spec": {"scaleTargetRef": {"name": "another"}}}
    planned(intent("scale", number=5), scene(autoscalers=(other,)))


def test_a_restart_marks_what_is_copied_to_the_pods():
    mark = {"annotations": {"kubectl.kubernetes.io/restartedAt": "2027-01-15T08:00:00Z"}}
    assert patches(planned(intent("restart"), scene())) == [(NAME, {"spec": mark})]
    split = scene(service(prefill={}), workloads=(workload(3), workload(1, prefill=True)))
    assert patches(planned(intent("restart"), split)) == [
        (NAME, {"spec": {**mark, "prefill": mark}})
    ]
    one_half = planned(intent("restart", role="prefill"), split)
    assert patches(one_half) == [(NAME, {"spec": {"prefill": mark}})]
    assert "nothing to restart" in refused(intent("restart"), scene(stopped(service())))


def test_stop_and_start_are_the_annotation():
    assert STOP == STOP_ANNOTATION
    found = planned(intent("stop"), scene())
    assert patches(found) == [(NAME, {"metadata": {"annotations": {STOP: "true"}}})]
    assert found.loses == "all its replicas end: 3 pods"
    assert found.changes[0].body(dry_run=False)["metadata"]["resourceVersion"] == "17"
    assert refused(intent("start"), scene()) == "assistant is not stopped"
    there = scene(stopped(service()))
    assert refused(intent("stop"), there) == "assistant is stopped already"
    assert patches(planned(intent("start"), there)) == [
        (NAME, {"metadata": {"annotations": {STOP: None}}})
    ]


def test_a_pod_is_deleted_only_if_it_is_the_one_that_was_seen():
    found = planned(intent("delete", pod=that_pod(1, "pod-1")), scene())
    assert found.confirmed_by == "assistant-1"
    assert found.changes[0].path == "/api/v1/namespaces/shop/pods/assistant-1"
    tried = found.changes[0].body(dry_run=True)
    assert (tried["preconditions"], tried["dryRun"]) == ({"uid": "pod-1"}, ["All"])
    assert "dryRun" not in found.changes[0].body(dry_run=False)
    assert "another one by now" in refused(intent("delete", pod=that_pod(1, "old")), scene())
    assert "not there any more" in refused(intent("delete", pod=that_pod(9)), scene())
    ending = (pod(1, deletionTimestamp="2027-01-15T08:00:00Z"),)
    assert "ending already" in refused(intent("delete", pod=that_pod(1)), scene(pods=ending))
    orphan = (pod(1, ownerReferences=[]),)
    assert "nothing would replace it" in refused(
        intent("delete", pod=that_pod(1)), scene(pods=orphan)
    )


def test_the_last_pod_that_serves_is_said_to_be_so():
    only = planned(intent("delete", pod=that_pod(0)), scene(pods=(pod(0), pod(1, ready=False))))
    assert any("nobody serves" in note for note in only.notes)


def test_weights_are_shares_of_the_group():
    around = scene(member(NAME, 10), members=(member("old", 90), service("alone")))
    found = planned(intent("weight", number=30), around)
    assert patches(found) == [(NAME, {"spec": {"router": {"route": {"weight": 30}}}})]
    assert found.title == "weigh assistant: old 75 %, assistant 25 %"
    assert "now: old 90 %, assistant 10 %" in found.notes
    assert found.loses == ""
    assert planned(intent("weight", number=0), around).loses == "assistant gets no more requests"


@pytest.mark.parametrize(
    ("number", "members", "words"),
    [
        (10, (member("old", 90),), "its weight is 10 already"),
        (2_000_000, (member("old", 90),), "expected 0 to 1000000"),
        (0, (member("old", 0),), "nobody would get the requests of route group chat"),
        (0, (stopped(member("old", 90)),), "nobody would get the requests"),
    ],
)
def test_weights_that_make_no_sense_are_refused(number, members, words):
    around = scene(member(NAME, 10), members=members)
    assert words in refused(intent("weight", number=number), around)


def test_a_weight_without_a_group_says_nothing():
    assert "is in no route group" in refused(intent("weight", number=5), scene())


def test_promoting_gives_before_it_takes():
    around = scene(member(NAME, 10), members=(member("old", 90), member("older", 0)))
    found = planned(intent("promote"), around)
    assert [
        (name, patch["spec"]["router"]["route"]["weight"]) for name, patch in patches(found)
    ] == [
        (NAME, 100),
        ("old", 0),
    ]
    assert found.title == "promote assistant: assistant 100 %, old 0 %, older 0 %"
    alone = scene(member(NAME, 10), members=(member("old", 0),))
    assert "all requests of chat already" in refused(intent("promote"), alone)
    out = scene(stopped(member(NAME, 10)), members=(member("old", 90),))
    assert "stopped and could not serve" in refused(intent("promote"), out)


def test_aborting_takes_all_its_requests_and_has_to_be_typed():
    around = scene(member(NAME, 10), members=(member("old", 90),))
    found = planned(intent("abort"), around)
    assert patches(found) == [(NAME, {"spec": {"router": {"route": {"weight": 0}}}})]
    assert found.loses
    gone = scene(member(NAME, 0), members=(member("old", 90),))
    assert "has no requests of chat" in refused(intent("abort"), gone)


def test_who_else_holds_the_object_is_said():
    body = marked(
        service(replicas=3),
        annotations={"argocd.argoproj.io/tracking-id": "app:x"},
        labels={"kustomize.toolkit.fluxcd.io/name": "apps"},
    )
    notes = planned(intent("scale", number=5), scene(body)).notes
    assert any(note.startswith("Argo CD manages this object") for note in notes)
    assert any(note.startswith("Flux manages this object") for note in notes)


def test_nothing_is_done_to_what_is_being_deleted():
    body = marked(service(), deletionTimestamp="2027-01-15T08:00:00Z")
    for verb in ("scale", "stop", "restart"):
        assert refused(intent(verb, number=1), scene(body)) == "assistant is being deleted"


def test_the_command_for_a_shell_says_the_same():
    body = marked(service(replicas=3), name="it's", namespace="shop")
    change = planned(intent("scale", number=5), scene(body)).changes[0]
    words = shlex.split(change.kubectl("my context"))
    assert words[:6] == ["kubectl", "--context", "my context", "-n", "shop", "patch"]
    assert words[6:] == ["llmisvc", "it's", "--type=merge", "-p", '{"spec":{"replicas":5}}']
    gone = planned(intent("delete", pod=that_pod(1)), scene()).changes[0]
    assert gone.kubectl("c") == "kubectl --context c -n shop delete pod assistant-1"


# Differences


def test_a_difference_is_told_field_by_field_without_the_server_s_bookkeeping():
    before = service(replicas=3)
    after = marked(
        service(replicas=5), resourceVersion="18", generation=3, annotations={STOP: "true"}
    )
    assert differences(before, after) == (
        Difference(f'metadata.annotations["{STOP}"]', ABSENT, '"true"'),
        Difference("spec.replicas", "3", "5"),
    )
    assert differences(before, {**before, "status": {"other": 1}}) == ()
    assert differences({"a": {"b": [1]}}, {"a": {}}) == (Difference("a.b", "[1]", ABSENT),)
    assert differences({}, {"a": {}}) == (Difference("a", ABSENT, "{}"),)


def test_a_merge_patch_leads_from_one_object_to_the_other():
    before = {"a": 1, "b": {"c": 1, "d": [1, 2]}, "e": {"f": 1}}
    after = {"b": {"c": 1, "d": [2]}, "e": {"f": 1}, "g": {"h": 1}}
    assert merge_patch(before, after) == {"a": None, "b": {"d": [2]}, "g": {"h": 1}}
    assert merge_patch(before, before) == {}
    assert merged(before, merge_patch(before, after)) == after


def test_what_a_server_drops_is_noticed():
    patch = {"spec": {"annotations": {"a": "b"}, "replicas": 5}}
    assert not_taken(patch, {"spec": {"replicas": 5}}) == ("spec.annotations.a",)
    assert not_taken(patch, {"spec": {"replicas": 5, "annotations": {"a": "b"}}}) == ()
    assert not_taken({"metadata": {"annotations": {STOP: None}}}, service()) == ()


def test_only_what_users_decide_makes_a_plan_out_of_date():
    body = service(replicas=3)
    assert is_same(body, marked(body, resourceVersion="18"))
    assert is_same(body, {**body, "status": {}})
    assert not is_same(body, service(replicas=4))
    assert not is_same(body, stopped(body))
    assert not is_same(body, marked(body, uid="another"))
