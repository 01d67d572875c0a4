"""GPUs and MIG instances from DCGM exporter pages, under old and new names."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from mtop_tui.domain.exposition import Sample, parse
from mtop_tui.domain.gpus import MIB, Board, Gpu, Holder, boards, gpus

PAGES = Path(__file__).parent / "metrics_pages"
REAL = Path(__file__).parents[2].parent / "shared/data/serving/metrics"


def page(path: Path) -> Sequence[Sample]:
    text = path.read_text()
    return parse(text if text.endswith("\n") else text + "\n").samples


def one(name: str, value: float, **labels: str) -> Gpu:
    (gpu,) = gpus([line(name, value, **labels)])
    return gpu


def line(name: str, value: float, **labels: str) -> Sample:
    return Sample(name, tuple({"UUID": "GPU-a", "gpu": "0", **labels}.items()), value)


WHOLE = Gpu(
    host="n1",
    uuid="GPU-a",
    instance=None,
    profile=None,
    index="0",
    model="NVIDIA L40S",
    holders=(Holder("team", "p-0", "main"), Holder("team", "p-1", "main")),
    utilization=0.4,
    memory_used=1000 * MIB,
    memory_total=41_500 * MIB,
    power=120.5,
    energy=2500.0,
    temperature=55.0,
    last_xid=79,
    sm_active=0.5,
    tensor_active=0.125,
    dram_active=0.25,
)


def test_a_whole_gpu_under_its_old_names() -> None:
    assert gpus(page(PAGES / "dcgm_old.prom"))[0] == WHOLE


def test_a_whole_gpu_under_its_new_names() -> None:
    assert gpus(page(PAGES / "dcgm_new.prom")) == (dataclasses.replace(WHOLE, holders=()),)


def test_old_and_new_names_on_one_page_are_one_gpu() -> None:
    both = [*page(PAGES / "dcgm_old.prom"), *page(PAGES / "dcgm_new.prom")]
    assert gpus(both)[0] == WHOLE
    assert len(gpus(both)) == 3


def test_mig_instances_are_apart_and_one_without_a_pod_is_idle() -> None:
    _, busy, idle = gpus(page(PAGES / "dcgm_old.prom"))
    assert (busy.uuid, busy.instance, busy.profile) == ("GPU-b", "7", "1g.10gb")
    assert busy.utilization == 0.75
    assert busy.holders == (Holder("team", "q-0", "main"),)
    assert (idle.instance, idle.utilization, idle.holders) == ("8", 0.0, ())
    assert busy.memory_used is None, "a blank is not a number of bytes"
    assert (busy.last_xid, idle.last_xid) == (0, None)


def test_a_board_draws_what_its_slices_repeat_once() -> None:
    assert boards(gpus(page(PAGES / "dcgm_old.prom"))) == (
        Board("n1", "GPU-a", "NVIDIA L40S", 120.5, 2500.0, 55.0, 79),
        Board("n1", "GPU-b", "NVIDIA H100 80GB HBM3", 302.0, None, None, 0),
    )
    assert boards([]) == ()


@pytest.mark.parametrize(
    "value",
    [
        *(math.nan, math.inf, -math.inf, -1.0),
        *(9223372036854775792.0, 9223372036854775794.0, 9223372036854775807.0),
        *(140737488355328.0, 140737488355330.0, 2147483632.0, 2147483634.0),
    ],
)
def test_blanks_and_nonsense_are_not_known(value: float) -> None:
    gpu = one("DCGM_FI_DEV_POWER_USAGE", value)
    assert gpu.power is None
    (known,) = gpus([line("DCGM_FI_DEV_POWER_USAGE", 70.0), line("DCGM_FI_DEV_XID_ERRORS", value)])
    assert (known.power, known.last_xid) == (70.0, None)


@pytest.mark.parametrize(
    ("name", "value", "utilization"),
    [
        ("DCGM_FI_DEV_GPU_UTIL", 1.0, 0.01),
        ("DCGM_FI_DEV_GPU_UTIL", 100.0, 1.0),
        ("DCGM_FI_DEV_GPU_UTIL_RATIO", 1.0, 1.0),
        ("DCGM_FI_DEV_GPU_UTIL_RATIO", 0.4, 0.4),
        ("DCGM_FI_DEV_GPU_UTIL_RATIO", 40.0, 0.4),
        ("DCGM_FI_PROF_GR_ENGINE_UTIL_RATIO", 0.5, 0.5),
        ("DCGM_FI_PROF_GR_ENGINE_ACTIVE", 0.5, 0.5),
    ],
)
def test_utilization_is_a_ratio(name: str, value: float, utilization: float) -> None:
    assert one(name, value).utilization == pytest.approx(utilization)


def test_the_engines_share_is_read_only_without_a_utilization() -> None:
    engines = line("DCGM_FI_PROF_GR_ENGINE_ACTIVE", 0.9)
    (gpu,) = gpus([engines, line("DCGM_FI_DEV_GPU_UTIL", 50.0)])
    assert gpu.utilization == 0.5


@pytest.mark.parametrize(
    ("parts", "total"),
    [
        ({"FB_USED": 10.0, "FB_FREE": 90.0}, 100 * MIB),
        ({"FB_USED": 10.0, "FB_FREE": 90.0, "FB_RESERVED": 5.0}, 105 * MIB),
        ({"FB_USED_BYTES": 10.0, "FB_FREE_BYTES": 90.0, "FB_RESERVED_BYTES": 5.0}, 105.0),
        ({"FB_USED": 10.0, "FB_FREE": 90.0, "FB_TOTAL": 110.0}, 110 * MIB),
        ({"FB_USED": 10.0}, None),
        ({"FB_FREE": 10.0}, None),
    ],
)
def test_memory_is_the_capacity_or_the_sum_of_its_parts(
    parts: dict[str, float], total: float | None
) -> None:
    (gpu,) = gpus([line(f"DCGM_FI_DEV_{name}", value) for name, value in parts.items()])
    assert gpu.memory_total == total


def test_behind_prometheus_the_pod_is_the_exported_one() -> None:
    own = {"namespace": "monitoring", "pod": "dcgm-x", "container": "exporter"}
    workload = {"exported_namespace": "team", "exported_pod": "p", "exported_container": "main"}
    busy, idle = gpus(
        [
            line("DCGM_FI_DEV_GPU_UTIL", 5.0, **own, **workload),
            line("DCGM_FI_DEV_GPU_UTIL", 0.0, **{**own, "UUID": "GPU-b"}),
        ]
    )
    assert busy.holders == (Holder("team", "p", "main"),)
    assert idle.holders == (), "the exporter's own pod does not hold the GPU"


def test_hosts_are_apart_and_other_lines_are_passed_over() -> None:
    lines = [
        line("DCGM_FI_DEV_GPU_TEMP", 40.0, Hostname="a"),
        line("DCGM_FI_DEV_GPU_TEMP", 50.0, hostname="b"),
        line("node_load1", 3.0),
        Sample("DCGM_FI_DEV_NVSWITCH_TEMPERATURE_CURRENT", (("nvswitch", "0"),), 40.0),
    ]
    assert [(gpu.host, gpu.temperature) for gpu in gpus(lines)] == [("a", 40.0), ("b", 50.0)]
    assert gpus([]) == ()


def test_a_gpu_without_a_uuid_goes_by_its_index() -> None:
    (gpu,) = gpus([Sample("DCGM_FI_DEV_GPU_TEMP", (("gpu", "3"),), 40.0)])
    assert (gpu.uuid, gpu.index, gpu.host, gpu.model) == ("3", "3", "", None)


real_pages = pytest.mark.skipif(not REAL.is_dir(), reason="the shared metrics pages are not here")


@real_pages
def test_eight_real_a800_of_which_one_is_in_three_parts() -> None:
    found = gpus(page(REAL / "dcgm-a800x8-mig.prom"))
    assert [gpu.instance for gpu in found if gpu.index == "0"] == ["3", "5", "6"]
    assert len(found) == 10
    assert len(boards(found)) == 8
    first = found[0]
    assert (first.profile, first.model) == ("2g.20gb", "NVIDIA A800-SXM4-80GB")
    assert (first.memory_used, first.memory_total) == (10 * MIB, 19_967 * MIB)
    assert first.utilization is None
    assert boards(found)[0].energy == pytest.approx(257_858.316)
    second = next(gpu for gpu in found if gpu.index == "1")
    assert (second.utilization, second.memory_total) == (0.0, 81_228 * MIB)


@real_pages
def test_real_h100_slices_and_their_kserve_pods() -> None:
    found = gpus(page(REAL / "dcgm-h100-mig-kserve-pods.prom"))
    assert [gpu.instance for gpu in found] == ["7", "8", "9"]
    assert [holder.container for gpu in found for holder in gpu.holders] == ["kserve-container"] * 2
    assert found[1].holders == ()


@real_pages
@pytest.mark.parametrize(("name", "count"), [("dcgm-t4x4-clocks", 4), ("dcgm-v100x4-excerpt", 4)])
def test_real_gpus_of_which_little_is_told(name: str, count: int) -> None:
    found = gpus(page(REAL / f"{name}.prom"))
    assert len(found) == count
    assert {gpu.power for gpu in found} == {None}
