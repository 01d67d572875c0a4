"""The rules, by kind. Each is a function of the facts; order breaks ties between equal depths."""

from __future__ import annotations

from collections.abc import Callable

from mtop_tui.domain.diagnosis.causes import (
    control,
    hardware,
    placement,
    process,
    rollout,
    scaling,
    serving,
    startup,
    state,
)
from mtop_tui.domain.diagnosis.facts import ServiceFacts
from mtop_tui.domain.diagnosis.findings import Finding

Rule = Callable[[ServiceFacts], Finding | None]

RULES: tuple[Rule, ...] = (
    state.stale_source,
    state.stale_samples,
    state.stopped,
    control.config_broken,
    hardware.node_lost,
    hardware.xid,
    hardware.throttled,
    hardware.peer_memory,
    rollout.stuck_on_gpus,
    rollout.bad_canary_errors,
    rollout.bad_canary_slow,
    placement.quota,
    placement.volume_pending,
    placement.no_gpu,
    placement.no_memory_or_cpu,
    placement.placement_rules,
    startup.image_pull,
    startup.weights_refused,
    startup.probe_kills_loader,
    startup.image_slow,
    startup.weights_slow,
    startup.probe_near,
    process.gpu_oom,
    process.host_oom,
    process.engine_failure,
    process.nccl_hang,
    process.engine_died,
    process.crash_loop,
    control.revision_failed,
    startup.starting,
    control.router_broken,
    control.reconcile_error,
    scaling.scaling_broken,
    rollout.stuck,
    rollout.aborted,
    rollout.paused,
    control.group_degraded,
    control.route_split,
    control.not_observed,
    scaling.flapping,
    scaling.pinned,
    scaling.unmet,
    serving.prefix_collapse,
    serving.slow_replica,
    serving.disaggregation_imbalance,
    serving.kv_transfer,
    serving.front_end_bound,
    serving.kv_saturation,
    serving.queue_growth,
    serving.high_errors,
    serving.high_tpot,
    serving.high_ttft,
    control.not_ready,
    control.in_progress,
    state.no_traffic,
)
