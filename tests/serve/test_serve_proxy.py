"""What runs in pods answers through the proxies, and nothing else does."""

from __future__ import annotations

import json

from serving import Served

from mtop_tui.domain.exposition import parse
from mtop_tui.engine.levers import Selector

SPACE = "/api/v1/namespaces/team-01"
SERVICE, PICKER = "llm-00001-kserve-workload-svc", "llm-00001-epp-service"


async def read(fleet: Served, path: str, **more: object) -> tuple[int, str]:
    async with fleet.request("GET", f"{SPACE}/{path}", **more) as answer:
        return answer.status, await answer.text()


async def engines(fleet: Served) -> list[str]:
    query = "labelSelector=app.kubernetes.io/name%3Dllm-00001,llm-d.ai/role"
    return await fleet.names(f"{SPACE}/pods?{query}")


async def total(fleet: Served, path: str, name: str) -> float:
    status, page = await read(fleet, path)
    assert status == 200, page
    return sum(one.value for one in parse(page).samples if one.name == name)


async def test_metrics_are_live_by_both_schemes(fleet: Served):
    name = (await engines(fleet))[0]
    paths = [f"pods/{scheme}{name}:8000/proxy/metrics" for scheme in ("https:", "http:", "")]
    before = [await total(fleet, path, "vllm:generation_tokens_total") for path in paths]
    assert len(set(before)) == 1
    await fleet.advance(300)
    after = [await total(fleet, path, "vllm:generation_tokens_total") for path in paths]
    assert len(set(after)) == 1
    assert after[0] > before[0]


async def test_other_paths_of_an_engine(fleet: Served):
    name = (await engines(fleet))[0]
    assert await read(fleet, f"pods/{name}:8000/proxy/health") == (200, "")
    _, models = await read(fleet, f"pods/{name}:8000/proxy/v1/models")
    assert json.loads(models)["data"][0]["id"] == "meta-llama/Llama-3.1-70B-Instruct"
    assert (await read(fleet, f"pods/{name}:8000/proxy/nothing"))[0] == 404


async def test_services_lead_to_who_is_ready(fleet: Served):
    await fleet.advance(300)
    for target in (f"https:{SERVICE}:8000", f"https:{SERVICE}:https", SERVICE):
        assert await total(
            fleet, f"services/{target}/proxy/metrics", "vllm:generation_tokens_total"
        )
    ready = "llm_d_epp_ready_endpoints"
    assert await total(fleet, f"services/{PICKER}:9090/proxy/metrics", ready) == 2
    assert (await read(fleet, f"services/{SERVICE}:9999/proxy/metrics"))[0] == 503
    fleet.simulation.levers.crash_pods(Selector(names=("llm-00001",)))
    fleet.simulation.act()
    status, said = await read(fleet, f"services/{SERVICE}:8000/proxy/metrics")
    assert status == 503
    assert f'no endpoints available for service \\"{SERVICE}\\"' in said
    assert await total(fleet, f"services/{PICKER}:metrics/proxy/metrics", ready) == 0


async def test_a_process_that_is_gone_refuses(fleet: Served):
    name = (await engines(fleet))[0]
    fleet.simulation.levers.crash_pods(Selector(pods=(name,)))
    fleet.simulation.act()
    status, said = await read(fleet, f"pods/https:{name}:8000/proxy/metrics")
    assert status == 503
    assert json.loads(said)["reason"] == "ServiceUnavailable"


async def test_only_who_may_gets_through(fleet: Served):
    name = (await engines(fleet))[0]
    path = f"pods/https:{name}:8000/proxy/metrics"
    for user in ("mtop-viewer", "mtop-nsviewer", "mtop-nobody"):
        status, said = await read(fleet, path, user=user)
        assert status == 403
        assert 'resource \\"pods/proxy\\"' in said
