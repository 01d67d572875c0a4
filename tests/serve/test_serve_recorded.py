"""Answers are those of a genuine API server, exchange by exchange."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from exchanges import VECTORS, comparable, expected, recorded
from serving import TABLE, Served

from mtop_tui.engine.levers import Selector

RECORDED: dict[str, dict[str, Any]] = json.loads(VECTORS.read_text())
KSERVE = "/apis/serving.kserve.io/v1alpha2"
ALL = f"{KSERVE}/llminferenceservices"
ONE = f"{KSERVE}/namespaces/team-01/llminferenceservices/llm-00001"
NOBODY, ONE_NAMESPACE = "mtop-nobody", "mtop-nsviewer"
ABSENT = "/apis/absent.example.com/v1/things"
MORE = (
    # The status of the recorded services was written by hand; a controller writes all of this.
    *("status.addresses[]", "status.appliedConfigs", "status.router", "status.workloads"),
    # So were the pods and Events: a kubelet says these too, and presets differ in what they mount.
    *("status.hostIPs", "involvedObject.fieldPath", "source.host", "spec.initContainers[]"),
)
"""Where keys may be that were not recorded."""


async def answer(fleet: Served, method: str, path: str, **more: Any) -> dict[str, Any]:
    """What of an answer is compared."""
    headers = {"User-Agent": "curl/8.0", **more.pop("headers", {})}
    async with fleet.request(method, path, headers=headers, **more) as found:
        body = await found.text()
        told = {name.lower(): value for name, value in found.headers.items()}
        return expected(found.status, told, body)


def same(found: dict[str, Any], name: str) -> None:
    """Fail unless an answer is as it was recorded."""
    wanted = RECORDED[name]
    for part in ("status", "content_type", "retry_after", "error", "text", "kind"):
        assert comparable(found.get(part)) == comparable(wanted.get(part)), part
    same_keys(found.get("keys", []), wanted.get("keys", []))
    assert [one["type"] for one in found.get("events", [])] == [
        one["type"] for one in wanted.get("events", [])
    ]
    for ours, theirs in zip(found.get("events", []), wanted.get("events", []), strict=True):
        assert comparable(ours.get("error")) == comparable(theirs.get("error"))
        same_keys(ours.get("keys", []), theirs.get("keys", []))


def same_keys(found: list[str], wanted: list[str]) -> None:
    """All keys that were recorded are there, and no others but those that are known to be more."""
    assert set(wanted) - set(found) == set()
    others = [key.removeprefix("items[].") for key in found if key not in wanted]
    assert [key for key in others if not key.startswith(MORE)] == []


GETS = {
    "version": ("/version", {}),
    "discovery-apis": ("/apis", {}),
    "discovery-kserve": ("/apis/serving.kserve.io", {}),
    "discovery-kserve-v1alpha2": (KSERVE, {}),
    "list-page-1": (f"{ALL}?limit=2", {}),
    "list-bad-continue": (f"{ALL}?limit=2&continue=abc", {}),
    "list-table": (f"{ALL}?limit=2", {"headers": {"Accept": TABLE}}),
    "list-pods-selector": (
        "/api/v1/namespaces/team-01/pods?limit=3"
        "&labelSelector=app.kubernetes.io/name%3Dllm-00001,kserve.io/component%3Dworkload",
        {},
    ),
    "watch-too-old": (f"{ALL}?watch=1&resourceVersion=1&timeoutSeconds=1", {}),
    "watch-after-restart-410": (f"{ALL}?watch=1&resourceVersion=2&timeoutSeconds=1", {}),
    "watch-future": (f"{ALL}?watch=1&resourceVersion=99999999&timeoutSeconds=1", {}),
    "absent-group": (ABSENT, {}),
    "forbidden": (ALL, {"user": NOBODY}),
    "forbidden-cluster-wide-allowed-namespace": (ALL, {"user": ONE_NAMESPACE}),
    "allowed-namespace": (
        f"{KSERVE}/namespaces/team-00/llminferenceservices",
        {"user": ONE_NAMESPACE},
    ),
    "unauthorized": (ALL, {"token": "none"}),
    "not-found": (f"{KSERVE}/namespaces/team-00/llminferenceservices/nope", {}),
    "scale-get": ("/apis/apps/v1/namespaces/team-01/deployments/llm-00001-kserve/scale", {}),
}


@pytest.mark.parametrize("name", GETS)
async def test_what_is_read(fleet: Served, name: str):
    path, more = GETS[name]
    same(await answer(fleet, "GET", path, **more), name)


async def test_a_group_that_is_absent_is_forbidden_to_nobody(fleet: Served):
    fleet.api.registry.leave_out(["leaderworkerset.x-k8s.io"])
    path = "/apis/leaderworkerset.x-k8s.io/v1/leaderworkersets"
    same(await answer(fleet, "GET", path), "absent-group")
    same(await answer(fleet, "GET", path, user=NOBODY), "forbidden-absent-group")


async def test_the_second_page(fleet: Served):
    first = await fleet.get(f"{ALL}?limit=2")
    token = first["metadata"]["continue"]
    same(await answer(fleet, "GET", f"{ALL}?limit=2&continue={token}"), "list-page-2")


async def test_events(fleet: Served):
    await fleet.patch(ONE, {"spec": {"replicas": 3}})
    await fleet.advance(2)
    same(await answer(fleet, "GET", "/api/v1/namespaces/team-01/events"), "list-events")


async def test_a_watch_of_services(fleet: Served):
    version = (await fleet.get(f"{ALL}?limit=1"))["metadata"]["resourceVersion"]
    fresh = {
        "apiVersion": "serving.kserve.io/v1alpha2",
        "kind": "LLMInferenceService",
        "metadata": {
            "name": "fresh",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
        },
        "spec": {"model": {"name": "org/model", "uri": "hf://org/model"}, "replicas": 1},
    }
    assert (await fleet.patch(ONE, {"metadata": {"annotations": {"note": "one"}}}))[0] == 200
    gone = f"{KSERVE}/namespaces/team-05/llminferenceservices/llm-00005"
    assert (await fleet.send("DELETE", gone))[0] == 200
    made = f"{KSERVE}/namespaces/team-01/llminferenceservices"
    assert (await fleet.send("POST", made, fresh))[0] == 201
    query = f"watch=1&allowWatchBookmarks=true&resourceVersion={version}&timeoutSeconds=3"
    same(await answer(fleet, "GET", f"{ALL}?{query}"), "watch-stream")


async def test_a_watch_of_pods_from_the_beginning(fleet: Served):
    path = (
        "/api/v1/namespaces/team-03/pods?watch=1&allowWatchBookmarks=true&resourceVersion=0"
        "&timeoutSeconds=1"
    )
    same(await answer(fleet, "GET", path), "watch-pods-stream")


async def review(fleet: Served, kind: str, spec: dict[str, Any], user: str) -> dict[str, Any]:
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
    path = f"/apis/authorization.k8s.io/v1/{kind.lower()}s"
    headers = {"Content-Type": "application/json"}
    data = json.dumps(body).encode()
    return await answer(fleet, "POST", path, data=data, headers=headers, user=user)


PROXY = {"namespace": "team-00", "verb": "get", "resource": "pods", "subresource": "proxy"}


async def test_reviews_of_rights(fleet: Served):
    access, rules = "SelfSubjectAccessReview", "SelfSubjectRulesReview"
    asked = {"resourceAttributes": PROXY}
    same(await review(fleet, access, asked, "mtop-admin"), "ssar-allowed")
    same(await review(fleet, access, asked, ONE_NAMESPACE), "ssar-viewer")
    same(await review(fleet, rules, {"namespace": "team-00"}, ONE_NAMESPACE), "ssrr-nsviewer")


@pytest.fixture
async def pod(fleet: Served) -> str:
    """The path of a pod that serves."""
    selector = "app.kubernetes.io/name=llm-00001,llm-d.ai/role=decode"
    path = "/api/v1/namespaces/team-01/pods"
    found = await fleet.names(path, params={"labelSelector": selector})
    return f"{path}/{found[0]}"


async def test_logs(fleet: Served, pod: str):
    await fleet.advance(30)
    found = await answer(fleet, "GET", f"{pod}/log?tailLines=5&timestamps=true")
    same(found, "log-tail-timestamps")
    same(await answer(fleet, "GET", f"{pod}/log?container=nope"), "log-bad-container")
    fleet.simulation.levers.crash_pods(_selector(pod))
    fleet.simulation.act()
    await fleet.advance(15)
    same(await answer(fleet, "GET", f"{pod}/log?previous=true"), "log-previous")


async def test_a_followed_log_ends_with_its_container(fleet: Served, pod: str):
    asking = answer(fleet, "GET", f"{pod}/log?follow=true&timestamps=true")
    same(await _while(asking, lambda: _crash(fleet, pod)), "log-follow")


async def test_proxies(fleet: Served, pod: str):
    secure = pod.replace("/pods/", "/pods/https:")
    same(await answer(fleet, "GET", f"{secure}:8000/proxy/metrics"), "pod-proxy-metrics")
    same(await answer(fleet, "GET", f"{pod}:1/proxy/metrics"), "pod-proxy-refused")


async def test_patches(fleet: Served):
    kind = {"Content-Type": "application/merge-patch+json"}
    scaled = json.dumps({"spec": {"replicas": 2}}).encode()
    path = f"{ONE}?dryRun=All"
    same(await answer(fleet, "PATCH", path, data=scaled, headers=kind), "patch-dry-run")
    wrong = json.dumps({"spec": {"replicas": -1}}).encode()
    same(await answer(fleet, "PATCH", ONE, data=wrong, headers=kind), "patch-invalid")


def test_no_exchange_is_left_out():
    folder = Path(__file__).parent
    tests = "".join(
        (folder / f"test_serve_{name}.py").read_text() for name in ("recorded", "faults")
    )
    assert [name for name in RECORDED if f'"{name}"' not in tests] == []


def test_the_vectors_are_those_of_the_recordings(shared: Path):
    folder = shared / "data" / "kube-api"
    assert {path.stem: recorded(path) for path in sorted(folder.glob("*.http"))} == RECORDED


def _selector(pod: str) -> Any:
    return Selector(pods=(pod.rpartition("/")[2],))


async def _crash(fleet: Served, pod: str) -> None:
    fleet.simulation.levers.crash_pods(_selector(pod))
    fleet.simulation.act()
    await fleet.advance(15)


async def _while(
    asking: Awaitable[dict[str, Any]], deed: Callable[[], Awaitable[None]]
) -> dict[str, Any]:
    task = asyncio.ensure_future(asking)
    await asyncio.sleep(0.1)
    await deed()
    return await task
