"""What a service would cost and how it would fare, in the words that a user reads."""

from __future__ import annotations

import math
from decimal import Decimal

import msgspec
import pytest

from fleet_source import START, key, node, replica, service, traffic
from mtop_tui.config.prices import bundled_prices
from mtop_tui.domain.capacity.answers import NotKnown
from mtop_tui.domain.capacity.forecast import Forecast, Lengths, Placement, Settled
from mtop_tui.engine.forecasting import settled
from mtop_tui.observations import Observation, Pool
from mtop_tui.state.fleet import FleetStore
from mtop_tui.views.what_if import (
    Plan,
    RightSize,
    Situation,
    change,
    right_size,
    situation,
    usd_per_hour,
)
from mtop_tui.views.what_if_lines import lines

CHAT = key("chat")
NODE_USD = Decimal("55.04")
NOW = Situation(
    plan=Plan("H100", 2, 4),
    placement=Placement(("llama",), "H100", 2),
    ready=4,
    usd=Decimal(40),
    usd_per_gpu={"H100": Decimal(6), "L4": Decimal(1)},
    free={"H100": 1, "L4": 16},
    most_gpus={"H100": 8, "L4": 8},
    lengths=Lengths(500, 200, 0.25),
    rate=8.0,
    peak=12.0,
    waiting=0.0,
    ttft=0.2,
    tpot=0.01,
    limits=(math.inf, math.inf),
)


def linear(placement: Placement, lengths: Lengths, rate: float) -> Settled | NotKnown:
    """A model in which a replica serves 4 requests a second, on an L4 one."""
    del lengths
    capacity = 1.0 if placement.gpu == "L4" else 4.0
    used = rate / capacity
    return Settled(0.1 * (1 + used), 0.01 * (1 + used), used, 0.5, 0.25, "by hand")


def said(at: Situation, plan: Plan) -> str:
    found = lines(at, change(at, plan, linear), right_size(at, plan, linear), 200)
    return "\n".join("".join(cell.text for cell in line).rstrip() for line in found)


def row(text: str, label: str) -> list[str]:
    return next(line for line in text.splitlines() if line.startswith(f" {label}")).split()


def test_fewer_replicas_cost_less_and_carry_more() -> None:
    found = said(NOW, Plan("H100", 2, 3))
    assert row(found, "replicas")[1:] == ["4", "3", "-1"]
    assert row(found, "USD per hour")[3:] == ["$40.00", "$30.00", "-$10.00"]
    assert row(found, "USD per month")[3:] == ["$29,200.00", "$21,900.00", "-$7,300.00"]
    assert row(found, "load of capacity")[3:] == ["about", "50%", "about", "67%"]
    assert " ".join(row(found, "TPOT")[1:]) == "10 ms 11 ms (8.3 ms to 14 ms) +1.1 ms"
    assert row(found, "TTFT p95")[2:4] == ["200", "ms"]
    assert "typical error of TTFT 50%, of TPOT 25% (by hand)" in found
    assert "8.0 req/s of 500 tokens in and 200 out, 25% cached" in found


def test_as_it_is_nothing_is_forecast() -> None:
    found = said(NOW, NOW.plan)
    assert row(found, "TTFT p95")[2:] == ["200", "ms", "--"]
    assert row(found, "USD per hour")[-1] == "$0.00"


def test_another_gpu_costs_what_nodes_with_it_cost_here() -> None:
    assert usd_per_hour(NOW, Plan("L4", 2, 4)) == 8
    assert usd_per_hour(NOW, Plan("H100", 4, 1)) == 24
    assert usd_per_hour(NOW, Plan("T4", 1, 1)) is None
    assert usd_per_hour(NOW._replace(usd=None), NOW.plan) == 48
    found = said(NOW, Plan("T4", 1, 4))
    assert row(found, "USD per hour")[3:] == ["$40.00", "--", "--"]
    assert "none of the nodes with T4 has one" in found


def test_what_would_be_too_much_is_refused() -> None:
    found = said(NOW, Plan("L4", 2, 4))
    assert "no forecast: the queue would grow: the load is 2 x the capacity" in found
    assert row(found, "TPOT")[-1] == "--"
    assert "no node here has 16 L4" in said(NOW, Plan("L4", 16, 4))


def test_gpus_that_are_not_free_are_missing() -> None:
    assert "needs 2 more H100; 1 are free here" in said(NOW, Plan("H100", 2, 5))
    assert "more H100" not in said(NOW, Plan("H100", 2, 4))
    assert "needs 40 more L4; 16 are free here" in said(NOW, Plan("L4", 2, 20))


def test_without_load_there_is_a_price_and_no_forecast() -> None:
    idle = NOW._replace(lengths=None, rate=math.nan, peak=math.nan)
    found = said(idle, Plan("H100", 2, 3))
    assert row(found, "USD per hour")[4] == "$30.00"
    assert "no forecast: no request was served in the last minute" in found
    assert "right size no request was served" in found


def test_requests_that_wait_are_more_load_than_is_seen() -> None:
    assert "214 requests wait now" in said(NOW._replace(waiting=214.0), NOW.plan)


def test_the_right_size_serves_the_peak_with_headroom_even_if_the_model_is_wrong() -> None:
    sized = right_size(NOW, NOW.plan, linear)
    assert isinstance(sized, RightSize)
    assert sized.replicas == math.ceil(12 * 1.2 / (4 * 0.75)) == 5
    assert sized.saving == -10
    assert "5 replicas of H100 x2 for the peak" in said(NOW, NOW.plan)
    calm = NOW._replace(peak=4.0)
    assert right_size(calm, NOW.plan, linear)._replace(error=0) == RightSize(  # type: ignore[union-attr]
        "H100", 2, Decimal(20), Decimal(0), 0
    )
    assert "saves $20.00 per hour, $14,600 per month" in said(calm, NOW.plan)


def test_a_saving_by_another_gpu_is_told_apart() -> None:
    calm = NOW._replace(peak=4.0)
    sized = right_size(calm, Plan("L4", 2, 4), linear)
    assert isinstance(sized, RightSize)
    assert sized.replicas == 7
    assert sized.saving == 40 - 14
    assert sized.hardware == 20 - 14
    assert "$6.00 of it per hour by the other GPU" in said(calm, Plan("L4", 2, 4))


def test_objectives_are_kept_by_the_right_size() -> None:
    strict = NOW._replace(peak=4.0, limits=(math.inf, 0.008))
    sized = right_size(strict, strict.plan, linear)
    assert isinstance(sized, RightSize)
    assert sized.replicas == math.ceil(4 * 1.2 / (4 * 0.2 * 0.75)) == 8
    assert "with TPOT within 8.0 ms" in said(strict, strict.plan)
    never = right_size(NOW._replace(limits=(0.001, 0.001)), NOW.plan, linear)
    assert isinstance(never, NotKnown)
    assert "no load keeps its objectives" in never.reason


def test_no_size_is_right_where_the_model_is_not_what_is_measured() -> None:
    odd = right_size(NOW._replace(tpot=0.1), NOW.plan, linear)
    assert isinstance(odd, NotKnown)
    assert "it does not hold" in odd.reason
    overloaded = NOW._replace(rate=20.0, peak=20.0, tpot=0.02, limits=(1.0, math.inf))
    sized = right_size(overloaded, NOW.plan, linear)
    assert isinstance(sized, NotKnown)
    assert "the queue grows now" in sized.reason


# From a fleet


def fleet(*more: Observation, model: str = "meta-llama/Llama-3.1-8B") -> FleetStore:
    store = FleetStore(bundled_prices())
    store.apply([node(), service("chat", gpus=1, model=model), *more])
    return store


def found(store: FleetStore) -> Situation | NotKnown:
    state = store.service(CHAT)
    assert state is not None
    return situation(store, state, START)


def test_a_fleet_says_what_a_service_holds_costs_and_serves() -> None:
    two = [replica(CHAT, 0), replica(CHAT, 1)]
    load = [one for each in two for one in traffic(each, 5, per_prompt=500, itl=0.007, waiting=3)]
    load.sort(key=lambda one: one.at)
    store = fleet(*two)
    for one in load:
        store.apply([one])
    at = found(store)
    assert isinstance(at, Situation)
    assert at.plan == Plan("H100", 1, 2)
    assert at.usd == NODE_USD / 4
    assert at.usd_per_gpu == {"H100": NODE_USD / 8}
    assert at.free == {"H100": 6}
    assert at.rate == pytest.approx(10)
    assert at.peak == pytest.approx(10)
    assert at.waiting == 6
    assert at.lengths == pytest.approx(Lengths(500, 100, 0))
    expected = change(at, Plan("H100", 1, 4), settled).forecast
    assert isinstance(expected, Forecast)
    assert at.tpot is not None
    assert expected.tpot.value < at.tpot


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ([], "no replica on a node"),
        ([replica(CHAT, node=None)], "no replica on a node"),
        ([replica(CHAT, 0), replica(CHAT, 1, gpus=2)], "differ in their number of GPUs"),
        ([replica(CHAT, gpus=0)], "no GPU that is known"),
        (
            [replica(CHAT), msgspec.structs.replace(replica(CHAT, 1), gpu_type="L4")],
            "its replicas are on H100 and L4",
        ),
        (
            [
                msgspec.structs.replace(
                    service("chat"), pools=(Pool(role="prefill"), Pool(role="decode"))
                ),
                replica(CHAT),
            ],
            "prefill and decode pools",
        ),
    ],
)
def test_what_no_what_if_can_begin_from_is_said(records: list[Observation], reason: str) -> None:
    at = found(fleet(*records))
    assert isinstance(at, NotKnown)
    assert reason in at.reason


def test_without_traffic_nothing_is_divided() -> None:
    one = replica(CHAT)
    at = found(fleet(one, *traffic(one, 0)))
    assert isinstance(at, Situation)
    assert at.lengths is None
    assert isinstance(change(at, Plan("H100", 1, 3), settled).forecast, NotKnown)
