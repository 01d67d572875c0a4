"""What is made of the answers of a Prometheus: whose the figures are, and what they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mtop_tui.clock import ManualClock
from mtop_tui.domain import vocabulary as names
from mtop_tui.observations import ObjectRef, Replica, ServiceKey
from mtop_tui.providers.live.metrics.pods import KnownPods
from mtop_tui.providers.live.metrics.prometheus import MOST_PODS, Prometheus
from mtop_tui.providers.live.objects.pickers import PickerPods

START = 1_800_000_000.0


def vector(*found: tuple[dict[str, str], str]) -> dict[str, Any]:
    result = [{"metric": metric, "value": [START, value]} for metric, value in found]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


def scripted(names: dict[str, list[str]], answers: dict[str, dict[str, Any]]) -> Callable[..., Any]:
    """Answers by a word in the question; of names, by a word in the selector."""

    async def ask(path: str) -> bytes:
        parts = urlsplit(path)
        query = parse_qs(parts.query)
        if parts.path.endswith("/values"):
            (selector,) = query["match[]"]
            found = next((some for word, some in names.items() if word in selector), [])
            return json.dumps({"status": "success", "data": found}).encode()
        (question,) = query["query"]
        answer = next((one for word, one in answers.items() if word in question), vector())
        return json.dumps(answer).encode()

    return ask


def replica(ref: ObjectRef, service: ServiceKey) -> Replica:
    return Replica(at=START, ref=ref, service=service, role="main", phase="ready")


def pods(*replicas: Replica) -> KnownPods:
    known = KnownPods()
    known.note(replicas)
    return known


KV, TOKENS = "vllm:kv_cache_usage_perc", "vllm:generation_tokens_total"


async def test_series_that_name_pods_only_become_samples_of_replicas():
    prefixed = [f"kserve_{KV}", f"kserve_{TOKENS}"]
    pod = {"namespace": "shop", "pod": "chat-0"}
    ask = scripted(
        {'exported_pod="",pod!=""': prefixed},
        {
            "vector(time())": vector(({}, "1800000000")),
            "kv_cache": vector((pod, "0.5"), ({"namespace": "shop", "pod": "other"}, "0.1")),
            "generation_tokens": vector((pod, "600")),
        },
    )
    ref, key = ObjectRef("c", "shop", "Pod", "chat-0", "u"), ServiceKey("c", "shop", "chat")
    source = Prometheus(ask, cluster="c", clock=ManualClock(START), pods=pods(replica(ref, key)))
    (sample,) = await source.samples()
    assert (sample.ref, sample.service, sample.form) == (ref, key, "windowed")
    assert (sample.layout.counters, sample.cumulative) == (("generation_tokens",), (600.0,))
    assert (sample.layout.gauges, sample.gauges) == (("kv_usage",), (0.5,))


async def test_pools_of_a_service_are_told_apart_by_their_role():
    def of(role: str) -> dict[str, str]:
        return {"namespace": "shop", "llm_isvc_name": "chat", "llm_isvc_role": role}

    ask = scripted(
        {'{llm_isvc_name!=""}': [KV, TOKENS, "go_goroutines"]},
        {
            "vector(time())": vector(({}, "1800000000")),
            "kv_cache": vector((of("prefill"), "0.5"), (of("decode"), "0.2")),
            "generation_tokens": vector((of("prefill"), "6"), (of("decode"), "NaN")),
        },
    )
    found = await Prometheus(ask, cluster="c", clock=ManualClock(START)).samples()
    assert [(one.role, one.cumulative, one.gauges) for one in found] == [
        ("decode", (), (0.2,)),  # what is no number is not known, and not 0
        ("prefill", (6.0,), (0.5,)),
    ]


async def test_each_pod_has_figures_of_its_own_where_there_are_few():
    def of(pod: str) -> dict[str, str]:
        return {"namespace": "shop", "llm_isvc_name": "chat", "pod": pod}

    asked: list[str] = []
    answers = {
        "vector(time())": vector(({}, "1800000000")),
        "generation_tokens": vector((of("chat-0"), "60"), (of("chat-1"), "0"), (of("gone"), "9")),
    }
    ask = scripted({'{llm_isvc_name!=""}': [TOKENS]}, answers)

    async def asking(path: str) -> bytes:
        asked.append(path)
        return await ask(path)

    key = ServiceKey("c", "shop", "chat")
    refs = [ObjectRef("c", "shop", "Pod", f"chat-{number}", "u") for number in range(MOST_PODS)]
    few = pods(*(replica(ref, key) for ref in refs[:2]))
    found = await Prometheus(asking, cluster="c", clock=ManualClock(START), pods=few).samples()
    # What a pod counted that is gone was its own: it has no part in what others do.
    assert [(one.ref, one.cumulative) for one in found] == [(refs[0], (60.0,)), (refs[1], (0.0,))]
    assert "llm_isvc_role%2Cpod" in asked[-1]
    many = pods(*(replica(ref, key) for ref in refs), replica(refs[0]._replace(name="x"), key))
    await Prometheus(asking, cluster="c", clock=ManualClock(START), pods=many).samples()
    assert "llm_isvc_role%2Cpod" not in asked[-1]


async def test_of_pods_that_may_not_be_read_the_service_has_figures():
    series = {"namespace": "shop", "llm_isvc_name": "chat", "pod": "chat-0"}
    ask = scripted(
        {'{llm_isvc_name!=""}': [TOKENS]},
        {
            "vector(time())": vector(({}, "1800000000")),
            "generation_tokens": vector((series, "60"), ({**series, "pod": "chat-1"}, "30")),
        },
    )
    other = replica(ObjectRef("c", "lab", "Pod", "x", "u"), ServiceKey("c", "lab", "x"))
    source = Prometheus(ask, cluster="c", clock=ManualClock(START), pods=pods(other))
    (sample,) = await source.samples()
    assert (sample.ref.kind, sample.ref.name, sample.cumulative) == ("Pool", "chat", (90.0,))


@pytest.mark.parametrize("labelled", ["service", "pod"])
async def test_what_endpoint_pickers_say_is_of_their_services(labelled):
    queue, old = "llm_d_epp_flow_control_queue_size", "inference_pool_average_queue_size"
    new = "llm_d_epp_average_queue_size"
    series = {"namespace": "shop", "llm_isvc_name": "chat"}
    selector = '{llm_isvc_name!=""}'
    key, ref = ServiceKey("c", "shop", "chat"), ObjectRef("c", "shop", "Pod", "epp-0", "u")
    known = PickerPods()
    known.put(ref, key)
    if labelled == "pod":
        series, selector = {"namespace": "shop", "pod": "epp-0"}, 'exported_pod="",pod!=""'
    ask = scripted(
        {selector: [queue, old, new]},
        {
            "vector(time())": vector(({}, "1800000000")),
            queue: vector((series, "3")),
            # Newer pickers say the same by two names: it is read once.
            old: vector((series, "1.5")),
            new: vector((series, "1.5")),
        },
    )
    (sample,) = await Prometheus(
        ask, cluster="c", clock=ManualClock(START), pods=KnownPods(known)
    ).samples()
    assert (sample.subject, sample.service) == ("picker", key)
    levels = dict(zip(sample.layout.gauges, sample.gauges, strict=True))
    assert levels == {names.WAITING: 3.0, names.AVERAGE_WAITING: 1.5}
