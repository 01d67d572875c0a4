"""The catalogue of faults: one row each, with the cause it changes and where that must lead.

Names are Chaos Mesh's (chaos-mesh @608b61e) and Litmus' (chaos-charts @b2662c2, both Apache-2.0)
where they have the fault, and of the same style where only LLM serving has it. `docs/faults.md`
is made from this table.
"""

from __future__ import annotations

from mtop_tui.engine.faults import effects
from mtop_tui.engine.faults.actions import Action, table
from mtop_tui.engine.faults.parameters import Parameter
from mtop_tui.engine.serving.requests import Factors

_RESTART = Parameter(
    "restart", "replace the replicas at once: only what starts feels it", "flag", True
)
_CUDA_OOM = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.96 GiB. GPU 0 has a total "
    "capacity of 79.11 GiB of which 1.02 GiB is free."
)

FAULTS = table(
    # Processes
    Action(
        "pod-kill",
        "pods are deleted; their owner makes new ones",
        effects.kill_pods,
        leads_to=("starting", "queue-growth"),
        mode="one",
        kin="Chaos Mesh PodChaos pod-kill, Litmus pod-delete",
    ),
    Action(
        "pod-failure",
        "containers end whenever they have come up",
        effects.keep_crashing,
        leads_to=("crash-loop", "engine-died"),
        mode="one",
        kin="Chaos Mesh PodChaos pod-failure",
    ),
    Action(
        "container-kill",
        "the container gets SIGKILL",
        effects.crash("Error", 137),
        leads_to=("killed",),
        mode="one",
        kin="Chaos Mesh PodChaos container-kill, Litmus container-kill",
    ),
    Action(
        "pod-memory-hog",
        "host memory reaches its limit and the kernel ends the process",
        effects.crash("OOMKilled", 137),
        leads_to=("host-oom",),
        mode="one",
        kin="Litmus pod-memory-hog, Chaos Mesh StressChaos memory",
    ),
    Action(
        "cuda-oom",
        "an activation spike does not fit into GPU memory",
        effects.crash("Error", 1, _CUDA_OOM),
        leads_to=("gpu-oom",),
        mode="one",
    ),
    # Nodes
    Action(
        "node-stop",
        "a node is off without a word",
        effects.stop_node,
        effects.recover_nodes,
        leads_to=("node-lost",),
        acts_on="nodes",
        mode="one",
        kin="Chaos Mesh AWSChaos ec2-stop, Litmus node-poweroff",
    ),
    Action(
        "node-drain",
        "a node takes nothing new, and its pods are evicted",
        effects.drain_node,
        effects.uncordon_nodes,
        leads_to=("starting", "no-gpu", "placement-rules"),
        acts_on="nodes",
        mode="one",
        kin="Litmus node-drain",
    ),
    Action(
        "node-taint",
        "a node takes nothing new",
        effects.cordon_node,
        effects.uncordon_nodes,
        leads_to=("no-gpu", "placement-rules"),
        acts_on="nodes",
        mode="one",
        kin="Litmus node-taint",
    ),
    Action(
        "spot-reclaim",
        "the cloud takes a node back after a notice",
        effects.reclaim_node,
        parameters=(
            Parameter(
                "notice", "warning before it goes", "duration", 120.0, 0.0, 3_600.0, (30, 120)
            ),
        ),
        leads_to=("node-lost",),
        acts_on="nodes",
        mode="one",
    ),
    Action(
        "slow-node",
        "the host of a node is slow: a lost PCIe lane, a noisy neighbour",
        effects.slow_node,
        effects.sound_node,
        parameters=(
            Parameter("times", "host time per step", "number", 8.0, 1.0, 100.0, (5.0, 20.0)),
        ),
        leads_to=("slow-replica",),
        acts_on="nodes",
        mode="one",
        kin="Litmus node-cpu-hog",
    ),
    # GPUs
    Action(
        "gpu-xid",
        "a GPU reports an error",
        effects.raise_xid,
        effects.recover_nodes,
        parameters=(
            Parameter(
                "code",
                "XID: 79 off the bus, 48 ECC, 94/95 contained or not, 31 page fault, 13 engine",
                "choice",
                "79",
                choices=("79", "48", "94", "95", "31", "13"),
            ),
            Parameter("gpu", "which GPU of the node", "whole", 0, 0, 63),
        ),
        leads_to=("xid", "node-lost"),
        acts_on="nodes",
        mode="one",
    ),
    Action(
        "gpu-throttle",
        "core clocks are held down",
        effects.throttle,
        effects.let_go,
        parameters=(
            Parameter("clock", "share of the usual clock", "number", 0.4, 0.05, 1.0, (0.15, 0.5)),
            Parameter(
                "reason",
                "why, as DCGM says",
                "choice",
                "HwThermal",
                choices=("SwThermal", "HwThermal", "HwSlowdown", "SwPowerCap"),
            ),
        ),
        leads_to=("gpu-throttle", "slow-replica"),
        mode="one",
    ),
    Action(
        "nccl-hang",
        "one rank of a collective stalls, and all wait for it",
        effects.changed(lambda _: Factors(hung=True)),
        effects.unchanged,
        leads_to=("nccl-hang",),
        mode="one",
    ),
    Action(
        "mig-neighbour",
        "somebody else takes turns on the same GPU",
        effects.changed(effects.share_gpu),
        effects.unchanged,
        parameters=(
            Parameter("share", "of the time it takes", "number", 0.5, 0.0, 0.95, (0.4, 0.8)),
        ),
        leads_to=("slow-replica", "high-tpot"),
    ),
    # The engine
    Action(
        "kv-pressure",
        "less memory is left for the KV cache",
        effects.changed(lambda run: Factors(kv=run.number("left"))),
        effects.unchanged,
        parameters=(
            Parameter("left", "share of the KV cache", "number", 0.1, 0.005, 1.0, (0.02, 0.1)),
        ),
        leads_to=("kv-saturation", "queue-growth"),
    ),
    Action(
        "prefix-flush",
        "prefix caches are emptied, and routing no longer finds what fills them",
        effects.flush_prefixes,
        effects.unchanged,
        parameters=(
            Parameter("hits", "share of the usual hits", "number", 0.0, 0.0, 1.0, (0.0, 0.3)),
        ),
        leads_to=("prefix-collapse",),
        acts_on="services",
    ),
    Action(
        "stress-cpu",
        "the host's cores are taken",
        effects.changed(lambda run: Factors(overhead=1.0 / (1.0 - run.number("load")))),
        effects.unchanged,
        parameters=(Parameter("load", "share taken", "number", 0.9, 0.0, 0.98, (0.85, 0.97)),),
        leads_to=("slow-replica", "front-end-bound", "high-tpot"),
        kin="Chaos Mesh StressChaos cpu, Litmus pod-cpu-hog",
    ),
    Action(
        "network-delay",
        "packets take longer",
        effects.changed(lambda run: Factors(network=run.number("latency"))),
        effects.unchanged,
        parameters=(
            Parameter("latency", "added to a request", "duration", 2.0, 0.0, 600.0, (1.0, 8.0)),
        ),
        leads_to=("high-ttft",),
        kin="Chaos Mesh NetworkChaos delay, Litmus pod-network-latency",
    ),
    Action(
        "network-bandwidth",
        "the link that carries KV caches from prefill to decode is narrow",
        effects.changed(lambda run: Factors(link=run.number("share"))),
        effects.unchanged,
        parameters=(
            Parameter("share", "of the usual bandwidth", "number", 0.02, 1e-5, 1.0, (0.005, 0.05)),
        ),
        leads_to=("kv-transfer", "high-ttft"),
        kin="Chaos Mesh NetworkChaos bandwidth, Litmus pod-network-rate-limit",
    ),
    Action(
        "network-loss",
        "KV caches do not arrive at the decode half, and their requests fail",
        effects.changed(lambda run: Factors(transfer_errors=run.number("rate"))),
        effects.unchanged,
        parameters=(Parameter("rate", "share of transfers", "number", 0.3, 0.0, 1.0, (0.1, 0.6)),),
        leads_to=("kv-transfer", "high-errors"),
        kin="Chaos Mesh NetworkChaos loss, Litmus pod-network-loss",
    ),
    Action(
        "http-abort",
        "requests fail",
        effects.changed(lambda run: Factors(error_rate=run.number("rate"))),
        effects.unchanged,
        parameters=(Parameter("rate", "share of requests", "number", 0.3, 0.0, 1.0, (0.1, 0.6)),),
        leads_to=("high-errors",),
        kin="Chaos Mesh HTTPChaos abort, Litmus pod-http-status-code",
    ),
    Action(
        "canary-regression",
        "a new build is worse",
        effects.changed(effects.regress),
        effects.unchanged,
        parameters=(
            Parameter("tpot_times", "time of a step", "number", 1.0, 1.0, 20.0, (1.6, 3.0)),
            Parameter("error_rate", "share of requests", "number", 0.0, 0.0, 1.0, (0.05, 0.4)),
        ),
        leads_to=("bad-canary-errors", "bad-canary-slow", "high-errors"),
    ),
    # Load
    Action(
        "traffic-spike",
        "more requests come",
        effects.change_load,
        parameters=(
            Parameter("rate", "times the usual", "number", 4.0, 0.0, 1_000.0, (3.0, 8.0)),
            Parameter("rise", "until it is reached", "duration", 0.0, 0.0, 86_400.0),
            Parameter("fall", "until it is over", "duration", 0.0, 0.0, 86_400.0),
        ),
        leads_to=("more-load", "queue-growth", "kv-saturation", "autoscaler-pinned", "high-ttft"),
        acts_on="services",
        kin="Litmus k6-loadgen",
    ),
    Action(
        "traffic-stop",
        "no requests come",
        effects.stop_load,
        leads_to=("no-traffic",),
        acts_on="services",
    ),
    Action(
        "traffic-shift",
        "other requests come: longer, or with less in common",
        effects.change_load,
        parameters=(
            Parameter("prompt", "times the usual prompt", "number", 1.0, 0.01, 100.0, (3.0, 6.0)),
            Parameter("output", "times the usual answer", "number", 1.0, 0.01, 100.0, (2.0, 4.0)),
            Parameter("cached", "times what was seen before", "number", 1.0, 0.0, 1.0, (0.5, 1.0)),
        ),
        leads_to=("more-load", "queue-growth", "kv-saturation", "high-ttft"),
        acts_on="services",
    ),
    # Starts
    Action(
        "slow-weights",
        "weights are read slowly",
        effects.slow_weights,
        effects.usual_weights,
        parameters=(
            Parameter("gbps", "gigabytes per second", "number", 0.02, 0.0001, 100.0, (0.005, 0.05)),
            _RESTART,
        ),
        leads_to=("weights-slow", "starting", "probe-near"),
        mode="one",
    ),
    Action(
        "weights-hang",
        "the download of weights stands still",
        effects.hang_weights,
        effects.usual_weights,
        parameters=(_RESTART,),
        leads_to=("weights-slow", "starting", "probe-near", "probe-kills-loader"),
        mode="one",
    ),
    Action(
        "image-pull",
        "a new image comes slowly, or not at all",
        effects.slow_pull,
        effects.usual_pull,
        parameters=(
            Parameter("gbps", "gigabytes per second; 0: the pull fails", "number", 0.0, 0.0, 100.0),
            Parameter("image", "to roll out", "text", "ghcr.io/llm-d/llm-d-cuda:v0.6.1"),
        ),
        leads_to=("image-pull", "image-slow", "rollout-stuck"),
        acts_on="services",
    ),
    Action(
        "start-failure",
        "a new revision's engine ends while it loads",
        effects.fail_start,
        effects.undo,
        parameters=(
            Parameter(
                "says",
                "its last words",
                "text",
                "vllm: error: unrecognized arguments: --enable-chunked-prefil",
            ),
        ),
        leads_to=("bad-argument", "crash-loop", "rollout-stuck"),
        acts_on="services",
    ),
    Action(
        "quota-exhausted",
        "a namespace may not ask for more GPUs",
        effects.exhaust_quota,
        effects.free_quota,
        parameters=(
            Parameter("gpus", "that it may ask for", "whole", 0, 0, 1_000_000),
            _RESTART,
        ),
        leads_to=("quota",),
        acts_on="services",
    ),
)
