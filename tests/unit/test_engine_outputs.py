"""A running fleet writes logs and is read by exporters, consistent with what happens in it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from mtop_tui.domain.diagnosis.signatures import engine_stats, match
from mtop_tui.engine.demand import UNSTATED, Demand
from mtop_tui.engine.deployment import SimulatedService
from mtop_tui.engine.fleet import SimulatedFleet
from mtop_tui.engine.levers import Selector
from mtop_tui.engine.outputs.picker import LAYOUT
from mtop_tui.engine.serving.requests import Factors
from mtop_tui.observations import (
    GpuReading,
    LogLine,
    LogLines,
    MetricSample,
    Node,
    ObjectRef,
    Observation,
    Pool,
    Service,
    ServiceKey,
)

START = 1_800_000_000.0
KEY = ServiceKey("mock", "ns", "a")
ALL = Selector(names=("a",))


def service(name: str = "a", demand: Demand = UNSTATED, **facts: Any) -> SimulatedService:
    pools = (Pool(role="main", desired=2, gpus_per_replica=2),)
    facts = {"model": "meta-llama/Llama-3.1-8B", "model_uri": "hf://x/y", "pools": pools} | facts
    ref = ObjectRef("mock", "ns", "LLMInferenceService", name)
    return SimulatedService(Service(at=START, ref=ref, **facts), demand)


def node(name: str, gpus: int = 8, gpu_type: str = "H100", **labels: str) -> Node:
    ref = ObjectRef("mock", "", "Node", name)
    return Node(at=START, ref=ref, ready=True, gpus=gpus, gpu_type=gpu_type, labels=labels)


class Watched:
    """A fleet with its chronicle and exporter, and all it let be observed."""

    def __init__(self, *services: SimulatedService, on: tuple[Node, ...] = (node("n0"),)) -> None:
        self.fleet = SimulatedFleet(services, on, seed=1, start=START, history=0.0)
        self.chronicle = self.fleet.chronicle
        self.seen: list[Observation] = []
        self.until(0.0)

    def until(self, seconds: float) -> None:
        at = START + seconds
        self.seen += [record for batch in self.fleet.advance(at) for record in batch]

    def lines(self, container: str = "main", *, previous: bool = False) -> list[LogLine]:
        book = self.chronicle.book
        return [
            line
            for ring in book.rings(KEY, container=container)
            for line in ring.read(book.present, previous=previous).lines
        ]

    def said(self, container: str = "main", *, previous: bool = False) -> list[str]:
        found = [match(line.text) for line in self.lines(container, previous=previous)]
        return list(dict.fromkeys(one.signature for one in found if one is not None))

    def readings(self) -> dict[str, GpuReading]:
        return {one.ref.name: one for one in self.seen if isinstance(one, GpuReading)}


def test_a_start_is_logged_as_it_goes_from_download_to_open_port() -> None:
    one = Watched(service(demand=Demand(age=0.0)))
    one.until(400.0)
    assert "Model downloaded in" in one.lines("storage-initializer")[-1].text
    assert one.said() == ["weights-progress", "weights-took", "init-took", "serving"]
    replica = next(one.fleet.replicas())
    [opened] = [
        line.at for line in one.lines() if line.text.endswith("Application startup complete.")
    ][:1]
    assert opened == replica.life.stage.at
    [begun] = [line.at for line in one.lines() if "Automatically detected" in line.text][:1]
    [loaded] = [line.at for line in one.lines() if "Loading weights took" in line.text][:1]
    assert begun < loaded < opened


def test_statistics_agree_with_the_server() -> None:
    one = Watched(service(demand=Demand(requests_per_second=6.0)))
    one.until(100.0)
    stats = [found for line in one.lines() if (found := engine_stats(line.text))]
    assert len(stats) >= 16
    shown = [replica.server.page for replica in one.fleet.replicas() if replica.server]
    generated = sum(page.counters[4] for page in shown)
    said = 10.0 * sum(found.generation_rate or 0.0 for found in stats)
    assert said == pytest.approx(generated, rel=0.2)


def test_slower_weights_slow_the_bar_and_hung_ones_stop_it() -> None:
    one = Watched(service(demand=Demand(age=0.0)))
    while next(one.fleet.replicas()).life.stage.reason != "Downloading":
        one.until(one.fleet.world.now - START + 1.0)
    one.until(one.fleet.world.now - START + 4.0)
    one.fleet.levers.set_weights_rate(ALL, hangs=True)
    before = one.lines("storage-initializer")
    one.until(one.fleet.world.now - START + 300.0)
    assert one.lines("storage-initializer") == before
    one.fleet.levers.set_weights_rate(ALL, 1e9)
    one.until(one.fleet.world.now - START + 60.0)
    assert "Model downloaded in" in one.lines("storage-initializer")[-1].text


def test_a_crash_is_told_to_watchers_and_stays_in_the_previous_log() -> None:
    one = Watched(service())
    one.until(30.0)
    text = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.50 GiB."
    one.fleet.levers.crash_pods(ALL, message=text)
    one.until(60.0)
    records = [record for record in one.seen if isinstance(record, LogLines)]
    assert len(records) == 2
    found = [m for line in records[0].lines if (m := match(line.text))]
    assert found[0].signature == "cuda-oom"
    assert dict(found[0].values)["wanted"] == "1.50 GiB"
    assert "cuda-oom" in one.said(previous=True)
    assert "cuda-oom" not in one.said()


def test_what_somebody_does_between_two_moments_is_not_missed_by_who_follows() -> None:
    one = Watched(service())
    one.until(30.0)
    read_to = one.chronicle.book.present
    one.fleet.levers.log(ALL, ["now"])
    one.fleet.levers.crash_pods(ALL, message="it broke")
    one.until(31.0)
    present = one.chronicle.book.present
    for ring in one.chronicle.book.rings(KEY, container="main"):
        texts = [line.text for line in ring.read_after(read_to, present)]
        assert "now" in texts
        assert any("it broke" in text for text in texts)


def test_a_killed_container_says_nothing_and_its_kernel_does() -> None:
    one = Watched(service())
    one.until(30.0)
    one.fleet.levers.crash_pods(ALL, reason="OOMKilled", code=137)
    one.until(31.0)
    assert "engine-died" not in one.said()
    assert one.said("kernel") == ["host-oom"]
    assert not [record for record in one.seen if isinstance(record, LogLines)]


def test_a_hang_stops_tokens_and_the_core_complains() -> None:
    one = Watched(service(demand=Demand(requests_per_second=6.0)))
    one.until(30.0)
    one.fleet.levers.set_factors("hang", ALL, Factors(hung=True))
    one.until(200.0)
    assert "worker-stall" in one.said()
    late = [
        found for line in one.lines() if line.at > START + 60 if (found := engine_stats(line.text))
    ]
    assert not any(found.generation_rate for found in late)
    [*_, reading] = [r for r in one.readings().values() if r.service == KEY]
    assert (reading.utilization, reading.sm_active) == (1.0, 0.0)
    one.fleet.levers.set_factors("hang", ALL, None)
    one.until(400.0)
    stalls = [line.at for line in one.lines() if "shm_broadcast" in line.text]
    assert max(stalls) < START + 270


def test_deleted_pods_take_their_logs_along() -> None:
    one = Watched(service())
    one.until(30.0)
    book = one.chronicle.book
    first = {ring.ref for ring in book.rings(KEY)}
    one.fleet.levers.kill_pods(Selector(names=("a",), mode="one"))
    one.until(31.0)
    assert "shutdown" in one.said()
    one.until(400.0)
    refs = {ring.ref for ring in book.rings(KEY)}
    assert len(refs) == 2
    assert refs != first


def test_gpus_are_read_with_who_has_them() -> None:
    one = Watched(service(demand=Demand(requests_per_second=6.0)))
    one.until(60.0)
    readings = one.readings()
    assert len(readings) == 8
    mine = [reading for reading in readings.values() if reading.service == KEY]
    assert len(mine) == 4
    assert {reading.pod for reading in mine} == {r.ref.name for r in one.fleet.replicas()}
    assert all(reading.utilization > 0 and reading.power > 70 for reading in mine)
    assert all(reading.memory_used == 0.9 * reading.memory_total for reading in mine)
    idle = [reading for reading in readings.values() if reading.service is None]
    assert all(reading.utilization == 0 and reading.memory_used == 0 for reading in idle)


def test_faults_of_gpus_show_where_they_are() -> None:
    one = Watched(service())
    one.until(30.0)
    one.fleet.levers.throttle(ALL, "HwThermal", Factors(compute=0.5))
    one.fleet.levers.raise_xid("n0", 7, 79)
    one.until(200.0)
    readings = one.readings()
    hot = [reading for reading in readings.values() if reading.throttled]
    assert {reading.throttled for reading in hot} == {"HwThermal"}
    assert len(hot) == 4
    assert all(reading.temperature > 80 for reading in hot)
    lost = [reading for reading in readings.values() if reading.xid]
    assert [(reading.ref.name, reading.xid, reading.power) for reading in lost] == [
        ("n0-gpu-7", 79, None)
    ]


def test_mig_instances_and_time_slices_are_read_apart() -> None:
    small = (Pool(role="main", desired=3, gpus_per_replica=1),)
    tiny = service(model="Qwen/Qwen2.5-0.5B", pools=small)
    mig = Watched(tiny, on=(node("m", 14, "A100-80GB MIG-1g.10gb"),))
    mig.until(60.0)
    readings = mig.readings()
    assert len(readings) == 14
    assert {reading.profile for reading in readings.values()} == {"1g.10gb"}
    assert {reading.memory_total for reading in readings.values()} == {10 * 2.0**30}
    assert {"m-gpu-0-mig-1", "m-gpu-1-mig-7"} <= readings.keys()
    sliced = Watched(tiny, on=(node("s", 8, "L4", **{"nvidia.com/gpu.replicas": "4"}),))
    sliced.until(60.0)
    holders = [r.pod for name, r in sliced.readings().items() if name.startswith("s-gpu-0::")]
    assert len(holders) == 4
    assert len({pod for pod in holders if pod}) == 3


def test_a_picker_counts_what_came_and_never_less() -> None:
    one = Watched(service(demand=Demand(requests_per_second=6.0)))
    one.until(60.0)
    one.fleet.levers.kill_pods(ALL)
    one.until(120.0)
    samples = [r for r in one.seen if isinstance(r, MetricSample) and r.subject == "picker"]
    assert len(samples) >= 6
    pairs = pairwise(samples)
    assert all(
        now >= then for a, b in pairs for then, now in zip(a.cumulative, b.cumulative, strict=True)
    )
    counters = dict(zip(LAYOUT.counters, samples[-1].cumulative, strict=False))
    assert 300 < counters["requests"] <= one.fleet.world.services[KEY].arrived
    assert counters["failed_requests"] > 0
    endpoints = [dict(zip(LAYOUT.gauges, s.gauges, strict=True)) for s in samples]
    assert endpoints[0]["ready_endpoints"] == 2
    assert endpoints[-1]["ready_endpoints"] == 0


def test_the_seed_decides_all_of_it() -> None:
    def run() -> tuple[list[Observation], list[LogLine]]:
        one = Watched(service(demand=Demand(requests_per_second=6.0)))
        for step in range(1, 8):
            one.until(step * 10.0)
        return one.seen, one.lines()

    assert run() == run()
