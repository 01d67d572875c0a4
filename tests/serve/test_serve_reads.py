"""Lists, watches, selectors and tables, as clients see them."""

from __future__ import annotations

import pytest
from serving import TABLE, Served

SERVICES = "/apis/serving.kserve.io/v1alpha2/llminferenceservices"
PODS = "/api/v1/pods"


async def test_pages_make_up_the_list_at_one_version(fleet: Served):
    whole = await fleet.names(PODS)
    paged, token, versions = [], "", set()
    while True:
        page = await fleet.get(f"{PODS}?limit=4&continue={token}")
        paged += [one["metadata"]["name"] for one in page["items"]]
        versions.add(page["metadata"]["resourceVersion"])
        if not (token := page["metadata"].get("continue", "")):
            break
        assert page["metadata"]["remainingItemCount"] == len(whole) - len(paged)
        # What happens between two pages is not in them.
        await fleet.advance(1)
    assert paged == whole
    assert len(versions) == 1


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("team=team-01", ["llm-00001"]),
        ("team in (team-01,team-03)", ["llm-00001", "llm-00003"]),
        ("team notin (team-01,team-03),tier=silver", ["llm-00000"]),
        ("tier!=gold", ["llm-00000", "llm-00003"]),
        ("!team", []),
        ("team,tier==gold", ["llm-00001", "llm-00002", "llm-00004", "llm-00005"]),
    ],
)
async def test_label_selectors(fleet: Served, selector: str, expected: list[str]):
    assert await fleet.names(SERVICES, params={"labelSelector": selector}) == expected


async def test_field_selectors(fleet: Served):
    async def names(path: str, fields: str) -> list[str]:
        return await fleet.names(path, params={"fieldSelector": fields})

    assert await names(SERVICES, "metadata.name=llm-00002") == ["llm-00002"]
    assert "llm-00002" not in await names(SERVICES, "metadata.name!=llm-00002")
    placed = await fleet.get(PODS)
    node = placed["items"][-1]["spec"]["nodeName"]
    there = [
        one["metadata"]["name"]
        for one in placed["items"]
        if one["spec"]["nodeName"] == node and one["status"]["phase"] == "Running"
    ]
    assert await names(PODS, f"spec.nodeName={node},status.phase=Running") == there


async def test_a_watch_tells_what_changed_since_a_list(fleet: Served):
    version = (await fleet.get(PODS))["metadata"]["resourceVersion"]
    query = f"watch=1&resourceVersion={version}&timeoutSeconds=3&allowWatchBookmarks=true"
    async with fleet.watch(f"{PODS}?{query}") as events:
        found = [one async for one in events]
    assert [one["type"] for one in found] == ["BOOKMARK", "BOOKMARK"]
    assert int(found[-1]["object"]["metadata"]["resourceVersion"]) >= int(version)


async def test_a_table_has_the_columns_of_the_kind(fleet: Served):
    table = await fleet.get(f"{SERVICES}?limit=2", headers={"Accept": TABLE})
    assert [one["name"] for one in table["columnDefinitions"]] == [
        *("Name", "URL", "Ready", "Reason", "Age", "URLs"),
    ]
    assert [row["cells"][0] for row in table["rows"]] == ["llm-00000", "llm-00001"]
    assert {row["object"]["kind"] for row in table["rows"]} == {"PartialObjectMetadata"}
