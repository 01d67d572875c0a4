"""A simulated endpoint picker's page becomes a sample as a real one does."""

from mtop_tui.domain import vocabulary as neutral
from mtop_tui.engine.outputs.picker import LAYOUT, Endpoint, PickerPage
from mtop_tui.observations import ServiceKey, decode, encode

KEY = ServiceKey("mock", "prod", "llama")


def counted() -> PickerPage:
    page = PickerPage(KEY, 7)
    page.requests, page.failed, page.refused, page.answered = 1_000, 30, 10, 960
    page.input_tokens, page.output_tokens, page.remote_prefills = 96_000, 192_000, 250
    return page


def test_counters_and_pool_averages_arrive_under_neutral_names() -> None:
    sample = counted().sample(5.0, [Endpoint(10, 4, 0.5), Endpoint(20, 0, 0.9)])
    counters = dict(zip(LAYOUT.counters, sample.cumulative, strict=False))
    gauges = dict(zip(LAYOUT.gauges, sample.gauges, strict=True))
    assert counters == {
        neutral.REQUESTS: 1_000, neutral.FAILED_REQUESTS: 30, neutral.SCHEDULING_FAILURES: 10,
        neutral.PROMPT_TOKENS: 96_000, neutral.GENERATION_TOKENS: 192_000,
        neutral.REMOTE_PREFILLS: 250,
    }  # fmt: skip
    assert gauges == {
        neutral.RUNNING: 30, neutral.AVERAGE_KV_USAGE: 0.7, neutral.AVERAGE_WAITING: 2,
        neutral.READY_ENDPOINTS: 2,
    }  # fmt: skip
    assert sample.subject == "picker"
    assert sample.service == KEY
    assert decode(encode(sample)) == sample


def test_mean_lengths_are_of_requests_that_were_answered() -> None:
    sample = counted().sample(5.0, [])
    lengths = sample.cumulative[len(LAYOUT.counters) :]
    assert [one.name for one in LAYOUT.histograms] == [
        neutral.PROMPT_LENGTH, neutral.GENERATION_LENGTH,
    ]  # fmt: skip
    assert lengths == (96_000, 960, 192_000, 960)


def test_without_endpoints_there_is_nothing_to_average() -> None:
    gauges = dict(zip(LAYOUT.gauges, counted().sample(5.0, []).gauges, strict=True))
    assert gauges[neutral.READY_ENDPOINTS] == 0
    assert gauges[neutral.AVERAGE_WAITING] == 0


def test_it_is_an_object_of_its_own() -> None:
    page = PickerPage(KEY, 7)
    assert page.ref.kind == "Deployment"
    assert page.ref.name == "llama-kserve-router-scheduler"
    assert page.ref == PickerPage(KEY, 7).ref
    assert page.ref.uid
