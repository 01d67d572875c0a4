"""Whose logs are read where there are too many, and what it means when there is none."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mtop_tui.providers.live.logs.choice import choose, containers_of, life_of
from mtop_tui.providers.live.logs.refusals import meaning_of, sentence
from mtop_tui.providers.live.objects.schema import Pod
from mtop_tui.providers.live.problems import Refusal, Unreachable

RUNS: dict[str, Any] = {"running": {"startedAt": "2026-06-01T09:00:00Z"}}
READY = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-06-01T09:01:00Z"}


def pod(
    name: str,
    state: dict[str, Any] | None = RUNS,
    *,
    ready: bool = True,
    restarts: int = 0,
    phase: str = "Running",
    node: str | None = "n",
) -> Pod:
    status = {"name": "main", "state": state, "restartCount": restarts}
    fetched = {"terminated": {"exitCode": 0}}
    return msgspec.convert(
        {
            "metadata": {"name": name, "namespace": "team", "uid": name},
            "spec": {
                "nodeName": node,
                "containers": [{"name": "main"}],
                "initContainers": [
                    {"name": "storage-initializer"},
                    {"name": "sidecar", "restartPolicy": "Always"},
                ],
            },
            "status": {
                "phase": phase,
                "conditions": [READY] if ready else [],
                "containerStatuses": [status],
                "initContainerStatuses": [
                    {"name": "storage-initializer", "state": fetched},
                    {"name": "sidecar", "state": fetched},
                ],
            },
        },
        Pod,
    )


WAITS = {"waiting": {"reason": "CrashLoopBackOff"}}


def test_those_in_trouble_are_read_first():
    pods = [
        pod("b-well"),
        pod("a-well"),
        pod("restarted", restarts=2),
        pod("starts", ready=False),
        pod("crashes", WAITS, restarts=9),
        pod("nowhere", None, node=None, phase="Pending"),
    ]
    names = [one.metadata.name for one in choose(pods, (), 9)]
    assert names == ["crashes", "starts", "restarted", "a-well", "b-well", "nowhere"]
    assert [one.metadata.name for one in choose(pods, (), 2)] == names[:2]


def test_whose_turn_it_was_stays():
    pods = [pod("crashes", WAITS), pod("well"), pod("other")]
    assert [one.metadata.name for one in choose(pods, {"well", "gone"}, 2)] == ["well", "crashes"]


def test_all_containers_of_a_pod_are_read_in_the_order_they_start():
    assert containers_of(pod("a"), None) == ["storage-initializer", "sidecar", "main"]
    assert containers_of(pod("a"), "main") == ["main"]


@pytest.mark.parametrize(
    ("found", "container", "life"),
    [
        (None, "main", "gone"),
        (pod("a"), "main", "running"),
        (pod("a", WAITS), "main", "waiting"),
        (pod("a", {}), "main", "waiting"),
        (pod("a", {"terminated": {"exitCode": 1}}), "main", "waiting"),
        (pod("a", {"terminated": {"exitCode": 1}}, phase="Failed"), "main", "over"),
        (pod("a"), "storage-initializer", "over"),
        (pod("a"), "sidecar", "waiting"),
        (pod("a"), "unheard-of", "waiting"),
    ],
)
def test_where_a_container_is_in_its_life(found: Pod | None, container: str, life: str):
    assert life_of(found, container) == life


def bad(message: str) -> Refusal:
    return Refusal(400, message, "BadRequest")


@pytest.mark.parametrize(
    ("problem", "meaning", "says"),
    [
        (
            Refusal(403, 'pods "a" is forbidden: User "me" cannot get resource "pods/log"'),
            "forbidden",
            "logs in namespace team may not be read; ask for the right to `get` pods/log, `mtop"
            ' doctor --role` prints all that mtop needs; the server says: User "me" cannot get'
            ' resource "pods/log"',
        ),
        (Refusal(404, 'pods "a" not found'), "gone", "its pod is gone, and its log with it"),
        (
            bad('container "main" in pod "a" is waiting to start: PodInitializing'),
            "waiting",
            "it waits to start (PodInitializing); its log begins when it does",
        ),
        (
            bad('container "main" in pod "a" is waiting to start - no logs yet'),
            "waiting",
            "it waits to start; its log begins when it does",
        ),
        (
            bad("pod a does not have a host assigned"),
            "waiting",
            "it is not on a node yet, so there is no log",
        ),
        (bad("so it is"), "waiting", "the API server has no log of it: so it is"),
        (
            bad('previous terminated container "main" in pod "a" not found'),
            "not restarted",
            "it has not been restarted, so it has no predecessor",
        ),
        (
            Refusal(500, 'Get "https://10.1.1.1:10250/containerLogs/a": dial tcp: refused'),
            "passing",
            "the API server does not reach the kubelet of its node: tcp: refused",
        ),
        (Refusal(500, "boom"), "passing", "the API server answered 500: boom"),
        (Unreachable("network", "the connection broke"), "passing", "the connection broke"),
    ],
)
def test_why_there_is_no_log(problem: Refusal | Unreachable, meaning: str, says: str):
    assert meaning_of(problem) == meaning
    assert sentence(problem, "team") == says
