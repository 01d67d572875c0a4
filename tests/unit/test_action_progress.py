"""How far an action has got, by what the cluster says."""

from __future__ import annotations

import pytest
from action_objects import (
    NAME,
    intent,
    marked,
    member,
    merged,
    planned,
    pod,
    scene,
    service,
    stopped,
    workload,
)
from msgspec.structs import replace

from mtop_tui.actions.progress import Progress, progress
from mtop_tui.observations import ObjectRef

SCALED = planned(intent("scale", number=5), scene())
EMPTIED = planned(intent("scale", number=0), scene())
RESTARTED = planned(intent("restart"), scene())
STOPPED = planned(intent("stop"), scene())
STARTED = planned(intent("start"), scene(stopped(service(replicas=3)), pods=()))
DELETED = planned(intent("delete", pod=ObjectRef("c", "shop", "Pod", "assistant-1")), scene())
WEIGHED = planned(
    intent("promote"), scene(member(NAME, 10), members=(member("old", 90),), pods=(), workloads=())
)

NEW = tuple(pod(number) for number in range(10, 13))
UNSEEN = marked(service(replicas=5), generation=3)
STUCK = {
    "conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "m"}]
}


@pytest.mark.parametrize(
    ("what", "around", "state", "words"),
    [
        (SCALED, scene(UNSEEN), "going", "KServe has not seen the change yet"),
        (SCALED, scene(replicas=3), "going", "its workload has another number yet"),
        (SCALED, scene(workloads=(workload(5, there=5, ready=4),)), "going", "4 of 5 ready"),
        (SCALED, scene(replicas=5), "done", "5 of 5 ready"),
        (SCALED, scene(workloads=(workload(5, there=6),)), "going", "1 still end, 6 of 5 ready"),
        (SCALED, scene(workloads=(workload(5, **STUCK),)), "failed", "does not get further: m"),
        (SCALED, scene(workloads=()), "going", "its workload has another number yet"),
        (EMPTIED, scene(replicas=0, pods=(pod(1),)), "going", "1 pod still ends"),
        (EMPTIED, scene(replicas=0), "done", "no pod is left"),
        (RESTARTED, scene(), "going", "3 pods from before are left, 3 of 3 ready"),
        (RESTARTED, scene(pods=(pod(1), *NEW)), "going", "1 pod from before is left"),
        (RESTARTED, scene(pods=NEW, workloads=(workload(3, ready=2),)), "going", "2 of 3 ready"),
        (RESTARTED, scene(pods=NEW), "done", "3 of 3 ready"),
        (STOPPED, scene(stopped(service())), "going", "3 pods still end"),
        (STOPPED, scene(stopped(service()), pods=()), "done", "no pod is left"),
        (STARTED, scene(workloads=()), "going", "its workloads are not there yet"),
        (STARTED, scene(workloads=(workload(3, ready=1),)), "going", "1 of 3 ready"),
        (STARTED, scene(), "done", "3 of 3 ready"),
        (STARTED, scene(replicas=0), "done", "its spec wants 0 replicas"),
        (STARTED, scene(service(), workloads=(workload(0),)), "going", "0 of 0 ready"),
        (DELETED, scene(), "going", "it still ends"),
        (
            DELETED,
            scene(pods=NEW, workloads=(workload(3, ready=2),)),
            "going",
            "it is gone, 2 of 3",
        ),
        (DELETED, scene(pods=NEW), "done", "3 of 3 ready"),
        (SCALED, scene(marked(service(), deletionTimestamp="x")), "failed", "being deleted"),
    ],
)
def test_how_far_it_is(what, around, state, words):
    there = merged(around.service, what.changes[0].patch)
    found = progress(what, replace(around, service=there))
    assert found.state == state, found
    assert words in found.text


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (SCALED, "somebody has set spec.replicas of assistant back"),
        (RESTARTED, "somebody has set spec.annotations"),
        (STOPPED, 'somebody has set metadata.annotations["serving.kserve.io/stop"]'),
    ],
)
def test_who_sets_a_change_back_is_noticed(what, words):
    found = progress(what, scene())
    assert (found.state, words in found.text) == ("failed", True), found


def test_what_holds_replicas_up_is_said_and_counted():
    full = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."
    unplaced = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    pending = {"status": {"conditions": [{**unplaced, "message": full}]}}
    pulling = {"state": {"waiting": {"reason": "ImagePullBackOff"}}}
    pods = (
        pod(0),
        {**pod(1), **pending},
        {**pod(2), **pending},
        {**pod(3), "status": {"containerStatuses": [pulling]}},
        pod(4, ready=False),
    )
    around = scene(service(replicas=5), pods=pods, workloads=(workload(5, ready=1),))
    assert progress(SCALED, around).text == (
        f"1 of 5 ready; 2 cannot be placed: {full}, 1 in ImagePullBackOff"
    )


def routed(mine: int, other: int, said: int | None = None):
    status = None
    if said is not None:
        group = [{"name": NAME, "weight": said}, {"name": "old", "weight": 0}]
        status = {"router": {"group": {"name": "chat", "members": group}}}
    return scene(member(NAME, mine, status=status), members=(member("old", other),), pods=())


def test_weights_are_in_force_once_the_group_says_so():
    assert progress(WEIGHED, routed(100, 0, said=10)).state == "going"
    assert progress(WEIGHED, routed(100, 0, said=100)) == Progress(
        "done", "the weights of chat are in force"
    )
    assert progress(WEIGHED, routed(100, 0)).state == "done"
    back = progress(WEIGHED, routed(10, 0))
    assert (back.state, back.text) == (
        "failed",
        "somebody has set spec.router.route.weight of assistant back",
    )


def test_only_the_half_that_was_scaled_counts():
    split = service(replicas=3, prefill={"replicas": 1})
    halves = (workload(3), workload(1, prefill=True))
    what = planned(intent("scale", role="prefill", number=2), scene(split, workloads=halves))
    after = (workload(3, ready=0), workload(2, prefill=True))
    split = merged(split, what.changes[0].patch)
    assert progress(what, scene(split, workloads=after)) == Progress("done", "2 of 2 ready")
