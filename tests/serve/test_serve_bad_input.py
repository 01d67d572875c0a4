"""Whatever a client sends, it gets a Status or a plain 404: never a traceback, never a hang."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import Served

from mtop_tui.serve.go_json import GoJsonError, loads
from mtop_tui.serve.requests import read_request

KSERVE = "/apis/serving.kserve.io/v1alpha2"
SERVICES = f"{KSERVE}/namespaces/team-01/llminferenceservices"
ONE = f"{SERVICES}/llm-00001"
DEPLOYMENT = "/apis/apps/v1/namespaces/team-01/deployments/llm-00001-kserve"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
SERVICE: dict[str, Any] = {
    "apiVersion": "serving.kserve.io/v1alpha2",
    "kind": "LLMInferenceService",
    "metadata": {"name": "fresh"},
    "spec": {"model": {"uri": "hf://org/model"}},
}


def but(**changes: Any) -> dict[str, Any]:
    """A new service, but for some of its parts."""
    return {**SERVICE, **changes}


BAD, INVALID, MEDIA = "BadRequest", "Invalid", "UnsupportedMediaType"
UNAVAILABLE = "ServiceUnavailable"
JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
CORE = "/api/v1/namespaces/team-01"
UNREADY = "/api/v1/namespaces/team-00/services/llm-00000-kserve-workload-svc"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
HEAVY = {"spec": {"router": {"route": {"weight": 10**7}}}}
NAMELESS = [{"op": "remove", "path": "/no/way"}]
NOWHERE = SERVICES.replace("team-01", "none")
ELSEWHERE = but(metadata={"name": "a", "namespace": "b"})
CASES: list[tuple[str, str, Any, str, int, str, str]] = [
    # Paths and verbs
    ("GET", "/nothing", None, "", 404, "", "404 page not found"),
    ("GET", "/apis/apps/v1/things", None, "", 404, "", "404 page not found"),
    ("GET", "/apis/apps/v9/deployments", None, "", 404, "", "404 page not found"),
    ("GET", f"{ONE}/nothing", None, "", 404, "", "404 page not found"),
    ("GET", "/openapi/v2", None, "", 404, "", "404 page not found"),
    ("POST", "/version", {}, "", 405, "MethodNotAllowed", "does not allow this method"),
    ("DELETE", "/api/v1/nodes/node-01", None, "", 405, "MethodNotAllowed", "this method"),
    ("PROPFIND", SERVICES, None, "", 405, "MethodNotAllowed", "this method"),
    # Parameters
    ("GET", f"{SERVICES}?limit=some", None, "", 400, BAD, "invalid syntax"),
    ("GET", f"{SERVICES}?continue=%25%25", None, "", 400, BAD, "not valid"),
    ("GET", f"{SERVICES}?labelSelector=a%20b", None, "", 400, BAD, "unable to parse"),
    ("GET", f"{SERVICES}?fieldSelector=spec.x%3D1", None, "", 400, BAD, "not supported: spec.x"),
    ("GET", f"{SERVICES}?resourceVersion=99999999", None, "", 504, "Timeout", "Too large"),
    ("GET", f"{SERVICES}?resourceVersion=x", None, "", 500, "", "strconv.ParseUint"),
    ("GET", f"{SERVICES}?resourceVersionMatch=Exact", None, "", 422, INVALID, "forbidden unless"),
    ("GET", f"{SERVICES}?watch=1&timeoutSeconds=x", None, "", 400, BAD, "invalid syntax"),
    ("GET", f"{SERVICES}?watch=1&resourceVersionMatch=Exact", None, "", 422, INVALID, "for watch"),
    ("PATCH", f"{ONE}?dryRun=Some", {}, MERGE, 422, INVALID, 'supported values: "All"'),
    # Media types and broken bodies
    ("PATCH", ONE, {}, "text/html", 415, MEDIA, "unknown format"),
    ("PATCH", ONE, {}, APPLY, 415, MEDIA, "unknown format"),
    ("PATCH", ONE, {}, STRATEGIC, 415, MEDIA, "unknown"),
    ("PATCH", ONE, b"{", MERGE, 400, BAD, "unexpected end"),
    ("PATCH", ONE, b"{x}", MERGE, 400, BAD, "beginning of object key"),
    ("PATCH", ONE, b"[1]", MERGE, 400, BAD, "cannot unmarshal array"),
    ("PATCH", ONE, b"\xff\xfe", MERGE, 400, BAD, "invalid character"),
    ("PATCH", ONE, [{"op": "fly"}], JSON_PATCH, 422, INVALID, "Unexpected kind"),
    ("PATCH", ONE, NAMELESS, JSON_PATCH, 422, INVALID, "missing path"),
    ("POST", SERVICES, b"{", JSON, 400, BAD, "couldn't get version/kind"),
    ("POST", SERVICES, [], JSON, 400, BAD, "unrecognized"),
    ("POST", SERVICES, {}, "text/html", 415, MEDIA, "unknown format"),
    # Objects that cannot be
    ("PATCH", ONE, {"spec": {"replicas": "two"}}, MERGE, 422, INVALID, 'integer: "string"'),
    ("PATCH", ONE, HEAVY, MERGE, 422, INVALID, "or equal"),
    ("PATCH", ONE, {"spec": 3}, MERGE, 422, INVALID, "must be of type object"),
    ("PATCH", ONE, {"spec": {"template": {"containers": 7}}}, MERGE, 422, INVALID, "spec.template"),
    ("PATCH", ONE, {"metadata": {"labels": {"a": 1}}}, MERGE, 422, INVALID, "metadata.labels"),
    ("PATCH", ONE, {"metadata": {"name": "other"}}, MERGE, 400, BAD, "does not match"),
    ("PATCH", ONE, {"metadata": {"resourceVersion": "1"}}, MERGE, 409, "Conflict", "modified"),
    ("PATCH", ONE, {"metadata": None}, MERGE, 200, "", ""),
    ("PATCH", DEPLOYMENT, {"spec": {"replicas": -1}}, MERGE, 422, INVALID, "or equal to 0"),
    ("PATCH", f"{DEPLOYMENT}/scale", {"spec": {"replicas": "x"}}, MERGE, 422, INVALID, "integer"),
    ("PATCH", f"{DEPLOYMENT}/scale", {"spec": 4}, MERGE, 200, "", ""),
    ("PUT", ONE, but(metadata={"uid": "x"}), "", 409, "Conflict", "Precondition failed"),
    ("POST", SERVICES, but(metadata={}), "", 422, INVALID, "name or generateName is required"),
    ("POST", SERVICES, but(kind="Pod"), "", 400, BAD, "cannot be handled"),
    ("POST", SERVICES, but(apiVersion="v9"), "", 400, BAD, "does not match"),
    ("POST", SERVICES, but(spec={"model": {}}), "", 422, INVALID, "spec.model.uri: Required value"),
    ("POST", SERVICES, but(metadata={"name": "llm-00001"}), "", 409, "AlreadyExists", "already"),
    ("POST", NOWHERE, SERVICE, "", 404, "NotFound", 'namespaces "none" not found'),
    ("POST", SERVICES, ELSEWHERE, "", 400, BAD, "does not match"),
    ("DELETE", f"{SERVICES}/none", None, "", 404, "NotFound", '"none" not found'),
    # Logs and proxies
    ("GET", f"{CORE}/pods/none/log", None, "", 404, "NotFound", 'pods "none" not found'),
    ("GET", f"{CORE}/pods/a:b:c:d/proxy/x", None, "", 400, BAD, "invalid pod request"),
    ("GET", f"{CORE}/services/none/proxy/x", None, "", 404, "NotFound", "services"),
    ("GET", f"{UNREADY}:8000/proxy/x", None, "", 503, UNAVAILABLE, "no endpoints available"),
    # Reviews
    ("POST", REVIEWS, {"spec": {}}, "", 422, INVALID, "exactly one of"),
]  # fmt: skip


@pytest.mark.parametrize(
    "case",
    CASES,
    ids=[f"{case[0]}-{case[4]}-{case[6] or 'ok'}" for case in CASES],
)
async def test_what_makes_no_sense(fleet: Served, case: tuple[str, str, Any, str, int, str, str]):
    method, path, body, kind, code, reason, says = case
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    headers = {"Content-Type": kind or "application/json"}
    async with fleet.request(method, path, data=data, headers=headers) as answer:
        text = await answer.text()
        assert answer.status == code, text
        assert says in (json.loads(text).get("message", "") if reason else text)
        if reason:
            status = json.loads(text)
            assert (status["kind"], status["reason"], status["code"]) == ("Status", reason, code)


async def test_unusable_formats_of_answers(fleet: Served):
    for accept in ("application/vnd.kubernetes.protobuf", "text/html"):
        async with fleet.request("GET", ONE, headers={"Accept": accept}) as answer:
            assert answer.status == 406
            assert (await answer.json())["reason"] == "NotAcceptable"
    accept = "application/vnd.kubernetes.protobuf, */*"
    async with fleet.request("GET", ONE, headers={"Accept": accept}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Basic YTpi", "nonsense", "Bearer \xe4"])
async def test_tokens_that_are_none(fleet: Served, header: str):
    headers = {"Authorization": header}
    async with fleet.request("GET", ONE, user=None, headers=headers) as answer:
        assert answer.status == 401
        assert (await answer.json())["message"] == "Unauthorized"


async def test_nobody_in_particular_sees_only_that_it_is_there(fleet: Served):
    assert (await fleet.get("/version", user=None))["minor"] == "36"
    code, body = await fleet.send("GET", ONE, user=None)
    assert (code, body["reason"]) == (403, "Forbidden")
    assert 'User "system:anonymous" cannot get resource' in body["message"]
    code, body = await fleet.send("GET", "/apis", user=None)
    assert 'cannot get path "/apis"' in body["message"]


async def test_a_client_that_leaves_is_no_trouble(fleet: Served):
    async with fleet.watch(f"{KSERVE}/llminferenceservices?watch=1&resourceVersion=0") as events:
        await anext(events)
    await asyncio.sleep(0)
    assert (await fleet.patch(ONE, {"metadata": {"annotations": {"a": "b"}}}))[0] == 200


@given(st.text(alphabet='{}[]",:0123456789truefalsn\\ -.eE\n', max_size=30))
def test_go_and_python_agree_on_what_json_is(text: str):
    try:
        wanted = json.loads(text)
    except ValueError:
        with pytest.raises(GoJsonError) as error:
            loads(text.encode())
        assert str(error.value)
    else:
        assert loads(text.encode()) == wanted


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "unexpected end of JSON input"),
        (b'{"a"', "unexpected end of JSON input"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a":1 "b"}', "invalid character '\"' after object key:value pair"),
        (b"[1 2]", "invalid character '2' after array element"),
        (b"{}x", "invalid character 'x' after top-level value"),
        (b"{'a':1}", "invalid character '\\'' looking for beginning of object key string"),
        (b"i\xb7", "invalid character 'i' looking for beginning of value"),
    ],
)
def test_broken_json_is_told_in_the_words_of_go(text: bytes, says: str):
    with pytest.raises(GoJsonError) as error:
        loads(text)
    assert str(error.value) == says


@given(
    st.sampled_from(["GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "TRACE"]),
    st.lists(
        st.sampled_from(["api", "apis", "v1", "apps", "namespaces", "pods", "a", "", "proxy"])
    ),
)
def test_any_path_can_be_read(method: str, parts: list[str]):
    info = read_request(method, "/" + "/".join(parts), {})
    assert info.verb
    assert not info.plural or info.resource
