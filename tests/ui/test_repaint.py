"""Only what changed is drawn: the deterministic guard behind the CPU figures."""

from __future__ import annotations

from collections import Counter

import pytest
from fleet_app import Fleet

from fleet_source import START, health, key, node, replica, sample, service, traffic
from mtop_tui.widgets.row_table import RowTable

SERVICES = 30
REPLICAS = [replica(key(f"model-{i:02}")) for i in range(SERVICES)]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    """How often each line of the table was drawn."""
    counts: Counter[int] = Counter()
    render_line = RowTable.render_line

    def counted(self: RowTable, y: int) -> object:
        counts[y] += 1
        return render_line(self, y)

    monkeypatch.setattr(RowTable, "render_line", counted)
    return counts


def steady() -> Fleet:
    records = [health(), node()]
    for one in REPLICAS:
        records += [service(one.service.name), one, *traffic(one, 10)]
    return Fleet(*records)


@pytest.mark.parametrize("changing", [0, 1, 3, SERVICES])
async def test_drawn_lines_equal_changed_rows_in_view(drawn: Counter[int], changing: int) -> None:
    fleet = steady()
    async with fleet.app.run_test(size=(160, 24)) as pilot:
        await fleet.settle(pilot)
        before = fleet.lines
        in_view = len(fleet.names)
        drawn.clear()
        await fleet.emit(
            pilot,
            *(
                sample(one, START + 1, requests=1210, tokens=121_000, waiting=7)
                for one in REPLICAS[:changing]
            ),
        )
        changed = sum(old != new for old, new in zip(before[3:-2], fleet.lines[3:-2], strict=True))
        assert changed == min(changing, in_view)
        assert sum(drawn.values()) == changed
        assert all(count == 1 for count in drawn.values())


async def test_a_tick_without_news_draws_nothing(drawn: Counter[int]) -> None:
    fleet = steady()
    async with fleet.app.run_test(size=(160, 24)) as pilot:
        await fleet.settle(pilot)
        drawn.clear()
        for _ in range(5):
            await fleet.settle(pilot)
        assert not drawn


async def test_moving_the_cursor_draws_two_rows(drawn: Counter[int]) -> None:
    fleet = steady()
    async with fleet.app.run_test(size=(160, 24)) as pilot:
        await fleet.settle(pilot)
        drawn.clear()
        await pilot.press("j")
        assert sum(drawn.values()) == 2
