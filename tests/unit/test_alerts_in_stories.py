"""A shipped story raises the alerts that it should, and they are over when it is."""

from __future__ import annotations

from mtop_tui.cli.story import BEGIN, open_story
from mtop_tui.config.settings import load
from mtop_tui.observations import ServiceKey
from mtop_tui.providers.mock.provider import CLUSTER
from mtop_tui.state.alerts import AlertKey, Alerts
from mtop_tui.views.alert_words import alert_words

ANSWERS = ServiceKey(CLUSTER, "search", "answers")
SPIKE = (120.0, 240.0)
END = 900.0


async def test_a_spike_fires_while_it_lasts_and_is_over_in_the_end() -> None:
    fleet = open_story(load({}), "traffic-spike", hurry=True)
    store, alerts = fleet.store, Alerts()
    store.alerts = alerts
    began: dict[str, float] = {}
    said: dict[str, str] = {}
    async for batch in fleet.provider.observe():
        store.apply(batch)
        now = (store.latest or BEGIN) - BEGIN
        for alert in alerts.take_begun():
            began.setdefault(alert.key.rule, now)
            said.setdefault(alert.key.rule, alert_words(store, alert, now + BEGIN))
        if now >= END:
            break
    await fleet.provider.close()

    start, end = SPIKE
    assert start < began["slo-page"] < end
    assert said["slo-page"].startswith("ttft<=2s@95%: burn ")
    assert said["slo-page"].endswith("% left")
    assert start + 120 <= began["queue-above-capacity"] < end + 60
    assert "requests wait" in said["queue-above-capacity"]
    assert said["queue-above-capacity"].endswith("allowed 2.00 s")
    (queued,) = alerts.ended(AlertKey("queue-above-capacity", ANSWERS))
    assert end < queued.ended_at - BEGIN < END
    assert set(began) <= {"slo-page", "slo-ticket", "queue-above-capacity"}


async def test_before_anything_happens_there_is_no_alert() -> None:
    fleet = open_story(load({}), "traffic-spike", hurry=True)
    store, alerts = fleet.store, Alerts()
    store.alerts = alerts
    async for batch in fleet.provider.observe():
        store.apply(batch)
        if (store.latest or BEGIN) - BEGIN >= SPIKE[0]:
            break
    await fleet.provider.close()
    assert [one for one in alerts.all() if one.phase == "firing"] == []
