"""The metrics page of a simulated endpoint picker, under the names of llm-d's router.

As with the engines, the page is a flat list of values that goes through the same translation as a
real one. Only its counters and the averages of its pool are there, no histogram with buckets: what
requests feel is read from the engines.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from mtop_tui.domain.engines import Series, translation
from mtop_tui.domain.engines.endpoint_picker import ENDPOINT_PICKER
from mtop_tui.engine import naming
from mtop_tui.observations import (
    HistogramLayout,
    MetricSample,
    ObjectRef,
    SampleLayout,
    ServiceKey,
)

SERIES: Final = (
    Series("llm_d_epp_request_total"),
    Series("llm_d_epp_request_error_total", (("error_code", "InferencePoolResourceExhausted"),)),
    Series("llm_d_epp_request_error_total", (("error_code", "Internal"),)),
    Series("llm_d_epp_request_error_total", (("error_code", "ModelServerError"),)),
    Series("llm_d_epp_request_input_tokens_sum"),
    Series("llm_d_epp_request_input_tokens_count"),
    Series("llm_d_epp_request_output_tokens_sum"),
    Series("llm_d_epp_request_output_tokens_count"),
    Series("llm_d_epp_scheduler_attempts_total", (("status", "failure"),)),
    Series("llm_d_epp_scheduler_attempts_total", (("status", "success"),)),
    Series("llm_d_epp_disagg_decision_total", (("decision_type", "decode-only"),)),
    Series("llm_d_epp_disagg_decision_total", (("decision_type", "prefill-decode"),)),
    Series("llm_d_epp_request_running"),
    Series("llm_d_epp_average_kv_cache_utilization"),
    Series("llm_d_epp_average_queue_size"),
    Series("llm_d_epp_ready_endpoints"),
)

TRANSLATION: Final = translation(ENDPOINT_PICKER, SERIES)

LAYOUT: Final = SampleLayout(
    engine=TRANSLATION.engine,
    counters=TRANSLATION.counters,
    gauges=TRANSLATION.gauges,
    histograms=tuple(HistogramLayout(name, bounds) for name, bounds in TRANSLATION.histograms),
)
"""The one layout of all simulated endpoint pickers."""


class Endpoint(NamedTuple):
    """What the picker knows of one ready replica."""

    running: float
    waiting: float
    kv_usage: float


class PickerPage:
    """What the endpoint picker of a service has counted since it started.

    Args:
        service: whose it is.
        seed: of the fleet, which gives the picker its UID.

    Attributes:
        ref: the picker's deployment, as KServe names it.
        requests: all that came.
        failed: those that an engine, or the lack of one, ended with HTTP 5xx.
        refused: of these, those for which there was no endpoint, or none with room.
        rejected: those that an engine answered with HTTP 400.
        input_tokens, output_tokens: of those that ended well, of which there were `answered`.
        remote_prefills: requests whose prompt a prefill replica read.
    """

    __slots__ = (
        "answered",
        "failed",
        "input_tokens",
        "output_tokens",
        "ref",
        "refused",
        "rejected",
        "remote_prefills",
        "requests",
        "service",
    )

    def __init__(self, service: ServiceKey, seed: int) -> None:
        self.service = service
        name = naming.child_name(service.name, "-kserve-router-scheduler")
        ref = ObjectRef(service.cluster, service.namespace, "Deployment", name)
        self.ref = naming.identified(seed, ref)
        self.requests = self.failed = self.refused = self.rejected = self.answered = 0.0
        self.input_tokens = self.output_tokens = self.remote_prefills = 0.0

    def count(
        self,
        *,
        requests: float,
        refused: float,
        failed: float,
        rejected: float,
        answered: float,
        split: bool,
    ) -> None:
        """Bring its counts up to date; none of them falls.

        `split`: every prompt is read by a prefill replica.
        """
        self.requests = max(self.requests, float(requests))
        self.refused = max(self.refused, float(refused))
        self.failed = max(self.failed, float(failed))
        self.rejected = max(self.rejected, float(rejected))
        self.answered = max(self.answered, float(answered))
        if split:
            self.remote_prefills = self.requests - self.refused

    def values(self, endpoints: Sequence[Endpoint]) -> list[float]:
        """All series in the page's order. With no endpoint the averages are 0, as the picker has
        them, and `ready_endpoints` says why.
        """
        count = max(1, len(endpoints))
        return [
            self.requests,
            self.refused,
            self.failed - self.refused,
            self.rejected,
            self.input_tokens,
            self.answered,
            self.output_tokens,
            self.answered,
            self.refused,
            self.requests - self.refused,
            self.requests - self.refused - self.remote_prefills,
            self.remote_prefills,
            sum(one.running for one in endpoints),
            sum(one.kv_usage for one in endpoints) / count,
            sum(one.waiting for one in endpoints) / count,
            float(len(endpoints)),
        ]

    def sample(
        self, at: float, endpoints: Sequence[Endpoint], *, analytic: bool = False
    ) -> MetricSample:
        """One reading; `endpoints` are the replicas that are ready, `analytic` as in the record."""
        values = self.values(endpoints)
        return MetricSample(
            at=at,
            ref=self.ref,
            service=self.service,
            layout=LAYOUT,
            cumulative=TRANSLATION.cumulative(values),
            gauges=TRANSLATION.gauge_values(values),
            subject="picker",
            analytic=analytic,
        )
