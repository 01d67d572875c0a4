"""Without --allow-actions, or on a source that takes none, mtop says so and offers nothing."""

from __future__ import annotations

import pytest
from opening import SCREENS

from mtop_tui.commands import ACTIONS
from mtop_tui.screens.acting import NOT_HERE, OFF


@pytest.mark.parametrize(("may_act", "said"), [(False, OFF), (True, NOT_HERE)])
async def test_the_key_says_why_nothing_can_be_done(fleet, may_act: bool, said: str):
    async with fleet.app.run_test(size=(80, 24), notifications=True) as pilot:
        fleet.app.may_act = may_act
        await fleet.settle(pilot)
        for name in ("fleet", "service", "rollout"):
            fleet.app.clear_notifications()
            fleet.app._toasts.clear()
            await pilot.press(*SCREENS[name], "A")
            await fleet.settle(pilot)
            assert [one.message for one in fleet.app._notifications] == [said]
            assert fleet.app.screen.acts == fleet.app.screen.menu_key == ()
            await pilot.press("escape")
    assert len({one.keys for one in ACTIONS}) == len(ACTIONS)
