"""Actions on a served cluster: planned, tried, sent, watched to their end, and written down."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import re
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio
import yaml
from acting_fleet import PATH, SPACE, carried, intent, objects, prepared, time_passes
from msgspec.structs import replace
from serving import Served, folder_of, served

from mtop_tui.actions.differences import Difference
from mtop_tui.actions.plans import Change, Refused
from mtop_tui.clock import ManualClock, WallClock
from mtop_tui.observations import ObjectRef
from mtop_tui.providers.live.acting.actions import LiveActions
from mtop_tui.providers.live.acting.audit import Audit
from mtop_tui.providers.live.acting.client import WritingClient
from mtop_tui.providers.live.acting.sending import Sender
from mtop_tui.providers.live.client import ReadOnlyClient
from mtop_tui.providers.live.kubeconfig import connection
from mtop_tui.serve.faults import read_fault
from mtop_tui.serve.kubeconfig import write_tokens

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Acted(NamedTuple):
    """A cluster, what acts on it, and where that is written down."""

    cluster: Served
    actions: LiveActions
    log: Path

    async def spec(self, name: str) -> dict:
        return (await self.cluster.get(f"{PATH}/{name}"))["spec"]

    async def pods(self, name: str) -> list[dict]:
        selector = f"app.kubernetes.io/name%3D{name},kserve.io/component%3Dworkload"
        path = f"/api/v1/namespaces/{SPACE}/pods?labelSelector={selector}"
        return (await self.cluster.get(path))["items"]

    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def acted(tmp_path_factory) -> AsyncIterator[Acted]:
    """One cluster for all: each test leaves its services as it found them, or takes its own."""
    folder = tmp_path_factory.mktemp("acted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(folder / "kubeconfig"))
        manifests = folder_of(folder / "manifests", objects())
        async with served(manifests, seed=2, kubeconfig=folder / "kubeconfig") as cluster:
            await cluster.advance(1)
            log = folder / "state" / "actions.log"
            actions = LiveActions(WallClock(), log=log, every=0.05)
            yield Acted(cluster, actions, log)
            await actions.close()


async def test_scaling_is_tried_first_then_done_and_watched_to_its_end(acted: Acted):
    plan = await prepared(acted.actions, intent("scale", number=3))
    assert plan.tried == ((Difference("spec.replicas", "2", "3"),),)
    assert plan.who.startswith("mtop-admin in context admin, https://127.0.0.1:")
    assert plan.commands == (
        "kubectl --context admin -n shop patch llmisvc plain --type=merge -p "
        """'{"spec":{"replicas":3}}'""",
    )
    assert (await acted.spec("plain"))["replicas"] == 2  # a dry run changes nothing
    said = await carried(acted.actions, plan, acted.cluster)
    assert [one.state for one in said[:-1]] == ["going"] * (len(said) - 1)
    assert said[0].text == "the API server took it"
    assert "2 of 3 ready" in [one.text for one in said]
    assert (said[-1].state, said[-1].text) == ("done", "3 of 3 ready")
    assert len(await acted.pods("plain")) == 3


async def test_what_was_sent_is_written_down_for_the_owner_only(acted: Acted):
    before = len(acted.lines()) if acted.log.exists() else 0
    plan = await prepared(acted.actions, intent("scale", number=2))
    await carried(acted.actions, plan, acted.cluster)
    sending, done, ended = acted.lines()[before:]
    assert [one["answer"] for one in (sending, done, ended)] == ["sending", "done", "ended"]
    assert ended["said"] == "done: 2 of 2 ready"
    for line in (sending, done, ended):
        assert (line["context"], line["as"]) == ("admin", "mtop-admin")
        assert line["object"] == "LLMInferenceService shop/plain"
        assert line["body"]["spec"] == {"replicas": 2}
        assert line["user"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", line["at"])
    assert stat.S_IMODE(acted.log.stat().st_mode) == 0o600


async def test_an_action_that_cannot_be_written_down_is_not_taken(acted: Acted, tmp_path: Path):
    (tmp_path / "file").write_text("")
    actions = LiveActions(WallClock(), log=tmp_path / "file" / "actions.log")
    plan = await prepared(actions, intent("scale", number=4))
    (said,) = [one async for one in actions.carry_out(plan)]
    await actions.close()
    assert said.state == "failed"
    assert "it cannot be written down" in said.text
    assert "nothing was sent" in said.text
    assert (await acted.spec("plain"))["replicas"] == 2


async def test_restarting_replaces_every_pod(acted: Acted):
    before = {one["metadata"]["uid"] for one in await acted.pods("plain")}
    plan = await prepared(acted.actions, intent("restart"))
    (found,) = plan.tried[0]
    assert found.path == 'spec.annotations["kubectl.kubernetes.io/restartedAt"]'
    said = await carried(acted.actions, plan, acted.cluster)
    assert said[-1].state == "done"
    assert any("from before" in one.text for one in said)
    path = f"/apis/apps/v1/namespaces/{SPACE}/deployments/plain-kserve"
    template = (await acted.cluster.get(path))["spec"]["template"]
    assert "kubectl.kubernetes.io/restartedAt" in template["metadata"]["annotations"]
    assert before.isdisjoint(one["metadata"]["uid"] for one in await acted.pods("plain"))


async def test_a_deleted_pod_is_replaced_and_its_successor_awaited(acted: Acted):
    pod = (await acted.pods("plain"))[0]["metadata"]
    ref = ObjectRef("admin", SPACE, "Pod", pod["name"], pod["uid"])
    plan = await prepared(acted.actions, intent("delete", pod=ref))
    assert plan.tried == ((Difference(f"Pod {pod['name']}", "is there", "is deleted"),),)
    assert pod["uid"] in {one["metadata"]["uid"] for one in await acted.pods("plain")}
    said = await carried(acted.actions, plan, acted.cluster)
    assert said[-1].state == "done"
    assert pod["uid"] not in {one["metadata"]["uid"] for one in await acted.pods("plain")}
    again = await acted.actions.prepare(intent("delete", pod=ref))
    assert again == Refused(f"pod {pod['name']} is not there any more")


async def test_stopping_and_starting(acted: Acted):
    plan = await prepared(acted.actions, intent("stop"))
    assert plan.plan.confirmed_by == "plain"
    said = await carried(acted.actions, plan, acted.cluster)
    assert (said[-1].state, said[-1].text) == ("done", "no pod is left")
    assert await acted.pods("plain") == []
    assert isinstance(await acted.actions.prepare(intent("stop")), Refused)
    said = await carried(
        acted.actions, await prepared(acted.actions, intent("start")), acted.cluster
    )
    assert (said[-1].state, said[-1].text) == ("done", "2 of 2 ready")


async def test_what_is_scaled_while_it_is_stopped_has_that_many_once_started(acted: Acted):
    plan = await prepared(acted.actions, intent("scale", "idle", number=2))
    assert "it is stopped: this holds once it is started" in plan.plan.notes
    said = await carried(acted.actions, plan, acted.cluster)
    assert (said[-1].state, said[-1].text) == ("done", "written; it is stopped")
    assert await acted.pods("idle") == []
    plan = await prepared(acted.actions, intent("start", "idle"))
    said = await carried(acted.actions, plan, acted.cluster)
    assert (said[-1].state, said[-1].text) == ("done", "2 of 2 ready")


async def test_promoting_moves_all_requests_and_aborting_takes_them_back(acted: Acted):
    plan = await prepared(acted.actions, intent("promote", "canary"))
    assert [one.name for one in plan.plan.changes] == ["canary", "stable"]
    said = await carried(acted.actions, plan, acted.cluster)
    assert (said[-1].state, said[-1].text) == ("done", "the weights of chat are in force")
    assert (await acted.spec("stable"))["router"]["route"]["weight"] == 0
    back = await prepared(acted.actions, intent("weight", "stable", number=90))
    assert (await carried(acted.actions, back, acted.cluster))[-1].state == "done"
    abort = await prepared(acted.actions, intent("abort", "canary"))
    assert (await carried(acted.actions, abort, acted.cluster))[-1].state == "done"
    assert (await acted.spec("canary"))["router"]["route"]["weight"] == 0
    again = await prepared(acted.actions, intent("weight", "canary", number=10))
    assert (await carried(acted.actions, again, acted.cluster))[-1].state == "done"


async def test_what_an_autoscaler_keeps_is_not_scaled(acted: Acted):
    found = await acted.actions.prepare(intent("scale", "scaled", number=3))
    assert isinstance(found, Refused)
    assert "between 1 and 4 replicas" in found.sentence


async def test_without_argo_a_pause_is_refused_with_the_reason(acted: Acted):
    found = await acted.actions.prepare(intent("pause"))
    assert isinstance(found, Refused)
    assert "no Argo Rollout rolls plain" in found.reason


async def test_what_somebody_else_decided_meanwhile_is_not_overwritten(acted: Acted):
    plan = await prepared(acted.actions, intent("scale", number=4))
    await acted.cluster.patch(f"{PATH}/plain", {"metadata": {"labels": {"team": "else"}}})
    (said,) = [one async for one in acted.actions.carry_out(plan)]
    assert said.state == "failed"
    assert said.text == (
        "somebody else changed plain since it was read (409); nothing was changed: look at it "
        'again: metadata.labels.team is "else" by now'
    )
    assert (await acted.spec("plain"))["replicas"] == 2
    assert acted.lines()[-1]["answer"] == "refused"


async def test_what_would_be_another_action_by_now_is_not_taken(acted: Acted):
    plan = await prepared(acted.actions, intent("promote", "canary"))
    route = {"spec": {"router": {"route": {"weight": 70}}}}
    await acted.cluster.patch(f"{PATH}/stable", route)
    (said,) = [one async for one in acted.actions.carry_out(plan)]
    assert said.state == "failed"
    assert said.text.startswith("it would be another action by now (promote canary: ")
    assert (await acted.spec("canary"))["router"]["route"]["weight"] == 10


async def test_without_an_answer_nobody_claims_to_know(acted: Acted):
    plan = await prepared(acted.actions, intent("scale", number=4))
    await acted.cluster.server.switch_on(read_fault("reset:verb=patch"))
    try:
        (said,) = [one async for one in acted.actions.carry_out(plan)]
    finally:
        acted.cluster.server.switch_off("reset")
    assert said.state == "failed"
    assert said.text.endswith("whether plain was changed is not known: look at it again")
    assert acted.lines()[-1]["answer"] == "not known"


async def test_what_only_a_controller_wrote_meanwhile_does_not_stand_in_the_way(acted: Acted):
    plan = await prepared(acted.actions, intent("weight", "canary", number=20))
    change = plan.plan.changes[0]
    known = acted.cluster.simulation.projection
    version = change.before["metadata"]["resourceVersion"]
    for key, one in known.services.items():
        if key.name == "canary":
            known.show(one)  # as when its status is written again
    now = await acted.cluster.get(f"{PATH}/canary")
    assert now["metadata"]["resourceVersion"] != version
    said = await carried(acted.actions, plan, acted.cluster)
    assert said[-1].state == "done"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("forbidden:verb=patch", "`mtop doctor --mode live --allow-actions` prints the rights"),
        ("unauthorized", "log in again"),
    ],
)
async def test_who_may_not_is_told_so_and_nothing_is_changed(acted: Acted, fault: str, words: str):
    await acted.cluster.server.switch_on(read_fault(fault))
    try:
        found = await acted.actions.prepare(intent("scale", number=5))
    finally:
        acted.cluster.server.switch_off(fault.partition(":")[0])
    assert isinstance(found, Refused)
    assert words in found.sentence
    assert (await acted.spec("plain"))["replicas"] == 2


async def test_a_service_that_is_not_there_is_no_riddle(acted: Acted):
    found = await acted.actions.prepare(intent("stop", "absent"))
    assert isinstance(found, Refused)
    assert "not found" in found.reason


async def test_the_client_that_looks_cannot_send_changes(acted: Acted):
    reading = ReadOnlyClient(connection("admin"), WallClock())
    before = (await acted.cluster.get(f"{PATH}/plain"))["metadata"]["resourceVersion"]
    try:
        for method in ("PATCH", "DELETE", "PUT", "POST"):
            with pytest.raises(ValueError, match="this client only reads"):
                await reading._answered(method, f"{PATH}/plain", None, timeout=None)
        assert await reading.head(f"{PATH}/plain") is not None
        writing = WritingClient(connection("admin"), WallClock())
        for method, path in (("POST", PATH), ("PUT", f"{PATH}/plain")):
            with pytest.raises(ValueError, match="this client only reads"):
                await writing._answered(method, path, None, timeout=None)
        await writing.close()
    finally:
        await reading.close()
    assert (await acted.cluster.get(f"{PATH}/plain"))["metadata"]["resourceVersion"] == before
    assert not hasattr(reading, "send")


async def test_another_pod_of_the_same_name_is_left_alone(acted: Acted):
    pod = (await acted.pods("plain"))[0]
    writing = WritingClient(connection("admin"), WallClock())
    other = {**pod, "metadata": {**pod["metadata"], "uid": "another"}}
    change = Change({"apiVersion": "v1", "kind": "Pod", **other}, method="delete")
    try:
        for dry_run in (True, False):
            answer = await writing.send(change, dry_run=dry_run)
            assert answer.status == 409
            assert "UID in precondition: another" in answer.message
    finally:
        await writing.close()
    await acted.cluster.advance(1)
    assert pod["metadata"]["uid"] in {one["metadata"]["uid"] for one in await acted.pods("plain")}


async def test_what_was_done_of_several_changes_is_said(acted: Acted):
    plan = (await prepared(acted.actions, intent("promote", "canary"))).plan
    first, second = plan.changes
    metadata = {**second.before["metadata"], "uid": "another"}
    second = replace(second, before={**second.before, "metadata": metadata})
    client = WritingClient(connection("admin"), WallClock())
    try:
        said = await Sender(client, Audit(acted.log), WallClock()).send((first, second))
    finally:
        await client.close()
    assert said.endswith("; 1 of 2 changes were made")
    wanted = first.patch["spec"]["router"]["route"]["weight"]
    assert (await acted.spec("canary"))["router"]["route"]["weight"] == wanted
    assert (await acted.spec("stable"))["router"]["route"]["weight"] > 0


async def test_what_takes_too_long_is_left_open(acted: Acted, tmp_path: Path):
    clock = ManualClock(WallClock().now())
    actions = LiveActions(clock, log=tmp_path / "log", every=0.01)
    wanted = len(await acted.pods("plain")) + 1
    course = actions.carry_out(await prepared(actions, intent("scale", number=wanted)))
    async for one in course:
        if "ready" in one.text:  # simulated time stands still: it will not get further
            clock.advance(1801)
    assert one.state == "open"
    assert one.text == f"not done after 30m, watched no more: {wanted - 1} of {wanted} ready"
    await actions.close()


async def test_a_login_that_is_renewed_while_it_is_watched_is_taken_up(
    acted: Acted, tmp_path: Path
):
    own = tmp_path / "kubeconfig"
    renewed = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    of_before = copy.deepcopy(renewed)
    (user,) = (one["user"] for one in of_before["users"] if one["name"] == "mtop-admin")
    user["token"] = Path(user.pop("tokenFile")).read_text()
    own.write_text(yaml.safe_dump(of_before))
    actions = LiveActions(WallClock(), log=tmp_path / "log", every=0.01, kubeconfig=own)
    wanted = len(await acted.pods("plain")) + 1
    course = actions.carry_out(await prepared(actions, intent("scale", number=wanted)))
    await anext(course)
    acted.cluster.api.access.rotate()
    write_tokens(Path(os.environ["KUBECONFIG"]), acted.cluster.api.access.tokens)
    async with asyncio.timeout(20):
        while "log in again" not in (await anext(course)).text:
            pass
    own.write_text(yaml.safe_dump(renewed))
    async with time_passes(acted.cluster), asyncio.timeout(20):
        said = [one async for one in course]
    assert said[-1].state == "done"
    await actions.close()


async def test_who_leaves_ends_the_watching_only(acted: Acted):
    plan = await prepared(acted.actions, intent("scale", number=1))
    course = acted.actions.carry_out(plan)
    await anext(course)
    await course.aclose()
    assert (await acted.spec("plain"))["replicas"] == 1
