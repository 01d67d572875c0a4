"""Readings of simulated GPUs follow from what runs on them."""

import pytest

from mtop_tui.engine.hardware import A100_80, GPUS, H100
from mtop_tui.engine.models import model_named
from mtop_tui.engine.outputs.cards import card_of
from mtop_tui.engine.outputs.gpu_work import Work, engine_memory, work_of
from mtop_tui.engine.outputs.gpus import AMBIENT, Ailment, GpuMeters, Slot, gpu_interval
from mtop_tui.engine.serving.profiles import serving_profile
from mtop_tui.engine.serving.replica import ReplicaStats
from mtop_tui.observations import GpuReading, ServiceKey

AT = 1_800_000_000.0
KEY = ServiceKey("mock", "prod", "llama")
LLAMA = model_named("llama-2-70b")
COSTS = serving_profile(LLAMA, A100_80, 4).costs
CARD = card_of(A100_80)
TOTAL = A100_80.memory


def work(stats: ReplicaStats, **changed) -> Work:
    return work_of(KEY, "llama-0", stats, COSTS, memory=engine_memory(TOTAL, 35e9), **changed)


NOTHING = work(ReplicaStats(0, 0, 0.0, 0.0, 0.0, 0.0))
DECODING = work(ReplicaStats(1, 0, 0.01, 11.0, 40.0, 0.0))
FULL = work(ReplicaStats(200, 50, 0.95, 4_000.0, 2_500.0, 0.0))
READING = work(ReplicaStats(4, 50, 0.5, 6_000.0, 40.0, 0.0))
HUNG = work(ReplicaStats(30, 50, 0.5, 0.0, 0.0, 0.0), hung=True)


def read(one: Work | None, *, after: float = 0.0, ailment: Ailment | None = None) -> GpuReading:
    meters = GpuMeters("mock", 7)
    ailments = {0: ailment} if ailment else None
    reading = meters.readings(AT, "n", CARD, [Slot(0, work=one)])[0]
    for step in range(1, int(after // 15) + 1):
        [reading] = meters.readings(AT + 15 * step, "n", CARD, [Slot(0, work=one)], ailments)
    return reading


def test_decoding_and_reading_prompts_draw_about_what_was_measured() -> None:
    # Splitwise (MIT): A100 decode Llama-2-70B at 0.59 to 0.64 of their TDP, and read near it.
    assert read(DECODING).power == pytest.approx(0.62 * CARD.tdp, rel=0.1)
    assert read(READING).power > 0.8 * CARD.tdp
    assert read(HUNG).power < 0.3 * CARD.tdp


def test_power_rises_with_what_is_done_and_stays_between_idle_and_tdp() -> None:
    powers = [read(one).power for one in (None, DECODING, FULL)]
    assert powers == sorted(powers)
    assert powers[0] == CARD.idle
    assert powers[-1] <= CARD.tdp
    assert read(READING).power > read(DECODING).power


def test_decoding_streams_and_reading_prompts_computes() -> None:
    decoding, reading = read(DECODING), read(READING)
    assert decoding.dram_active > 0.3
    assert decoding.sm_active < 0.1
    assert reading.sm_active > 0.5 > reading.dram_active
    assert decoding.utilization == pytest.approx(1.0, abs=0.1)
    assert read(NOTHING).utilization == read(None).utilization == 0.0


@pytest.mark.parametrize("one", [NOTHING, DECODING, FULL, READING, HUNG, None])
def test_shares_are_shares(one: Work | None) -> None:
    found = read(one)
    for share in (found.utilization, found.sm_active, found.dram_active):
        assert 0.0 <= share <= 1.0
    assert 0.0 <= found.memory_used <= found.memory_total == TOTAL


def test_a_hang_is_busy_and_cool() -> None:
    found = read(HUNG)
    assert found.utilization == 1.0
    assert found.sm_active == found.dram_active == 0.0
    assert found.power < read(DECODING).power


def test_an_engine_takes_its_share_of_memory_once_weights_are_read() -> None:
    assert read(FULL).memory_used == read(NOTHING).memory_used == 0.9 * TOTAL
    assert engine_memory(TOTAL, 35e9, loaded=0.5) == 17.5e9
    assert engine_memory(TOTAL, 35e9, utilization=0.8) == 0.8 * TOTAL
    assert read(None).memory_used == 0.0


def test_temperature_follows_power_slowly_and_alike_however_often_one_looks() -> None:
    meters, others = GpuMeters("mock", 7), GpuMeters("mock", 7)
    idle, busy = [Slot(0)], [Slot(0, work=FULL)]
    for one in (meters, others):
        assert one.readings(AT, "n", CARD, idle)[0].temperature < AMBIENT + 10
    seen = [meters.readings(AT + at, "n", CARD, busy)[0].temperature for at in (15, 30, 60, 400)]
    assert seen == sorted(seen)
    assert seen[0] < seen[-1] - 5
    assert 60 < seen[-1] < 80
    assert others.readings(AT + 60, "n", CARD, busy)[0].temperature == pytest.approx(
        seen[2], abs=0.2
    )


def test_throttling_is_said_and_felt() -> None:
    hot = read(FULL, after=300, ailment=Ailment(throttled="HwThermal"))
    assert hot.throttled == "HwThermal"
    assert hot.temperature > 85
    capped = read(READING, after=300, ailment=Ailment(throttled="SwPowerCap"))
    assert capped.power <= 0.6 * CARD.tdp < read(READING, after=300).power
    assert capped.temperature < 80


def test_xids_stay_and_a_lost_gpu_says_nothing_else() -> None:
    assert read(FULL, after=30, ailment=Ailment(xid=48)).xid == 48
    assert read(FULL).xid == 0
    lost = read(FULL, after=30, ailment=Ailment(xid=79, lost=True))
    assert lost.xid == 79
    figures = (lost.utilization, lost.memory_used, lost.memory_total, lost.power, lost.temperature)
    assert figures == (None,) * 5
    assert lost.ref == read(FULL).ref


def test_mig_instances_are_apart_but_share_a_board() -> None:
    small, other = 10 * 2.0**30, KEY._replace(name="other")
    slots = [
        Slot(0, "1g.10gb", 1, small, Work(KEY, "a", 1.0, 0.2, 0.8, 0.9 * small)),
        Slot(0, "1g.10gb", 2, small, Work(other, "b", 0.5, 0.1, 0.2, 0.9 * small)),
        Slot(0, "2g.20gb", 3, 2 * small),
    ]
    first, second, idle = GpuMeters("mock", 7).readings(AT, "n", CARD, slots)
    assert len({one.ref for one in (first, second, idle)}) == 3
    assert (first.utilization, second.utilization, idle.utilization) == (1.0, 0.5, 0.0)
    assert (first.pod, second.pod, idle.pod) == ("a", "b", "")
    assert (first.service, second.service, idle.service) == (KEY, other, None)
    assert first.memory_total == small
    assert first.memory_used == 0.9 * small
    assert first.power == second.power == idle.power < 0.4 * CARD.tdp


def test_time_slices_have_several_holders_and_one_gpu() -> None:
    slots = [
        Slot(0, part=0, work=Work(KEY, "a", 0.5, 0.1, 0.3, 0.4 * TOTAL)),
        Slot(0, part=1, work=Work(KEY, "b", 0.7, 0.1, 0.5, 0.4 * TOTAL)),
        Slot(1, work=None),
    ]
    first, second, whole = GpuMeters("mock", 7).readings(AT, "n", CARD, slots)
    assert (first.pod, second.pod, whole.pod) == ("a", "b", "")
    assert first.utilization == second.utilization == 1.0
    assert first.memory_used == second.memory_used == 0.8 * TOTAL
    assert first.ref != second.ref
    assert whole.power == CARD.idle


def test_boards_are_called_what_dcgm_calls_them() -> None:
    assert card_of(H100).model == "NVIDIA H100 80GB HBM3"
    assert all(card_of(one).model for one in GPUS)
    assert all(card_of(one).idle < card_of(one).tdp for one in GPUS)


def test_large_fleets_are_read_less_often() -> None:
    assert gpu_interval(100) == 15.0
    assert gpu_interval(30_000) == 30.0
