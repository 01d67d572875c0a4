"""Argo Rollouts: told what their own plugin tells them, and only where there are any."""

from __future__ import annotations

import pytest
from action_objects import NAME, intent, marked, patches, planned, refused, scene


@pytest.mark.parametrize("verb", ["pause", "resume", "promote", "abort", "undo"])
def test_a_rollout_of_kserve_s_own_is_not_turned_around_behind_its_back(verb):
    assert "KServe sets back what others change in its Deployment" in refused(intent(verb), scene())


def rollout(status=None, **spec):
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "roll", "namespace": "shop", "uid": "r", "resourceVersion": "3"},
        "spec": {"workloadRef": {"kind": "Deployment", "name": "assistant-kserve"}, **spec},
        "status": {"currentPodHash": "new", "stableRS": "old", **(status or {})},
    }


@pytest.mark.parametrize(
    ("verb", "body", "sent"),
    [
        ("pause", rollout(), [({"spec": {"paused": True}}, "")]),
        (
            "resume",
            rollout({"pauseConditions": [{"reason": "CanaryPauseStep"}]}, paused=True),
            [({"spec": {"paused": False}}, ""), ({"status": {"pauseConditions": None}}, "status")],
        ),
        ("promote", rollout(), [({"status": {"promoteFull": True}}, "status")]),
        ("abort", rollout(), [({"status": {"abort": True}}, "status")]),
    ],
)
def test_an_argo_rollout_is_told_as_its_plugin_tells_it(verb, body, sent):
    found = planned(intent(verb), scene(rollouts=(body,)))
    assert [(one.patch, one.subresource) for one in found.changes] == sent
    assert bool(found.loses) == (verb == "abort")


@pytest.mark.parametrize(
    ("verb", "body", "words"),
    [
        ("pause", rollout(paused=True), "paused already"),
        ("resume", rollout(), "is not paused"),
        ("abort", rollout({"abort": True}), "aborted already"),
        ("promote", rollout({"stableRS": "new"}), "nothing new to promote"),
        ("undo", rollout(), "is in a Deployment that KServe sets back"),
    ],
)
def test_an_argo_rollout_that_is_so_already_is_left_alone(verb, body, words):
    assert words in refused(intent(verb), scene(rollouts=(body,)))


def revision(number, image, uid="r"):
    """A ReplicaSet that a Rollout made."""
    labels = {"app.kubernetes.io/name": NAME, "rollouts-pod-template-hash": f"h{number}"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"image": image}]}}
    return {
        "metadata": {
            "name": f"roll-h{number}",
            "annotations": {"rollout.argoproj.io/revision": f"{number}"},
            "ownerReferences": [{"uid": uid}],
        },
        "spec": {"template": template},
    }


def own_template():
    """A Rollout of revision 3 that has a template of its own."""
    labels = {"app.kubernetes.io/name": NAME}
    template = {
        "metadata": {"labels": labels, "annotations": {"new": "yes"}},
        "spec": {"containers": [{"image": "v3"}]},
    }
    return marked(
        {**rollout(), "spec": {"template": template}},
        labels=labels,
        annotations={"rollout.argoproj.io/revision": "3"},
    )


def test_undoing_goes_back_to_the_template_of_the_revision_before():
    there = (revision(1, "v1"), revision(3, "v3"), revision(2, "v2"), revision(2, "other", "else"))
    found = planned(intent("undo"), scene(rollouts=(own_template(),), revisions=there))
    assert found.title == "undo to revision 2: Rollout roll of assistant"
    assert patches(found) == [
        (
            "roll",
            {
                "spec": {
                    "template": {
                        "metadata": {"annotations": None},
                        "spec": {"containers": [{"image": "v2"}]},
                    }
                }
            },
        )
    ]
    none = scene(rollouts=(own_template(),), revisions=(revision(3, "v3"),))
    assert "no version before that is still kept" in refused(intent("undo"), none)


def test_a_rollout_of_something_else_is_not_touched():
    other = {**rollout(), "spec": {"workloadRef": {"name": "else"}}}
    assert "no Argo Rollout rolls assistant" in refused(intent("pause"), scene(rollouts=(other,)))
    unread = scene(unread=("rollouts may not be read",))
    assert "rollouts may not be read" in refused(intent("pause"), unread)
