"""What each fault does to the levers when it begins, and takes back when it ends.

A fault changes a cause only: a rate, a capacity, a process, a place. No metric, event or condition
is written here; what follows is the simulation's.
"""

from __future__ import annotations

from collections.abc import Callable

from mtop_tui.engine.faults.stage import Running, Stage
from mtop_tui.engine.levers import LeverError, Selector
from mtop_tui.engine.serving.requests import Factors
from mtop_tui.engine.workload.changes import LoadChange

Effect = Callable[[Stage, Running], None]

_CRASH_EVERY = 15.0
"""Seconds between two looks whether a container that is held down has come up again."""

_HBM_SHARE = 0.1
"""How much of a lost core clock memory bandwidth loses. Power-capped GPUs: prompts take 1.3 times
as long, tokens 1.0 times (Splitwise, power rows)."""


def changed(factors: Callable[[Running], Factors]) -> Effect:
    """An effect that changes what replicas can do while it lasts."""

    def start(stage: Stage, run: Running) -> None:
        for selector in run.target.selectors():
            stage.levers.set_factors(run.name, selector, factors(run))

    return start


def unchanged(stage: Stage, run: Running) -> None:
    """Take back what `changed` did."""
    for selector in run.target.selectors():
        stage.levers.set_factors(run.name, selector, None)


def kill_pods(stage: Stage, run: Running) -> None:
    """Delete pods once."""
    for selector in run.target.selectors():
        stage.levers.kill_pods(selector)


def crash(reason: str, code: int, message: str = "") -> Effect:
    """An effect that ends containers once."""

    def start(stage: Stage, run: Running) -> None:
        for selector in run.target.selectors():
            stage.levers.crash_pods(selector, reason, code, message)

    return start


def keep_crashing(stage: Stage, run: Running) -> None:
    """End containers now, and whenever they have come up again."""
    for selector in run.target.selectors():
        try:
            stage.levers.crash_pods(selector, "Error", 1)
        except LeverError:
            continue  # nothing runs: it is down already

    def again() -> None:
        if run.active:
            keep_crashing(stage, run)

    stage.levers.at(stage.levers.now + _CRASH_EVERY, again)


# Nodes


def stop_node(stage: Stage, run: Running) -> None:
    """Lose nodes without a word."""
    run.nodes = stage.nodes_of(run.target)
    for node in run.nodes:
        stage.levers.fail_node(node)


def recover_nodes(stage: Stage, run: Running) -> None:
    """The nodes come back."""
    for node in run.nodes:
        stage.levers.recover_node(node)


def drain_node(stage: Stage, run: Running) -> None:
    """Let nothing new onto nodes, and delete what is there."""
    run.nodes = stage.nodes_of(run.target)
    for node in run.nodes:
        stage.levers.cordon(node)
        try:
            stage.levers.kill_pods(Selector(nodes=(node,)))
        except LeverError:
            continue  # an empty node is drained


def cordon_node(stage: Stage, run: Running) -> None:
    """Let nothing new onto nodes."""
    run.nodes = stage.nodes_of(run.target)
    for node in run.nodes:
        stage.levers.cordon(node)


def uncordon_nodes(stage: Stage, run: Running) -> None:
    """Let pods onto them again."""
    for node in run.nodes:
        stage.levers.cordon(node, False)


def reclaim_node(stage: Stage, run: Running) -> None:
    """The cloud takes nodes back after a notice."""
    for node in stage.nodes_of(run.target):
        stage.levers.reclaim_node(node, run.number("notice"))


def slow_node(stage: Stage, run: Running) -> None:
    """The hosts of all replicas on nodes get slow."""
    run.nodes = stage.nodes_of(run.target)
    factors = Factors(overhead=run.number("times"))
    for node in run.nodes:
        stage.levers.set_factors(run.name, Selector(nodes=(node,)), factors)


def sound_node(stage: Stage, run: Running) -> None:
    """Take back what `slow_node` did."""
    for node in run.nodes:
        stage.levers.set_factors(run.name, Selector(nodes=(node,)), None)


def raise_xid(stage: Stage, run: Running) -> None:
    """A GPU of each node reports an error."""
    for node in stage.nodes_of(run.target):
        stage.levers.raise_xid(node, int(run.number("gpu")), int(run.text("code")))


# GPUs and engines


def throttle(stage: Stage, run: Running) -> None:
    """Hold down core clocks: arithmetic suffers, memory hardly."""
    clock = run.number("clock")
    factors = Factors(compute=clock, bandwidth=1.0 - (1.0 - clock) * _HBM_SHARE)
    for selector in run.target.selectors():
        stage.levers.throttle(selector, run.text("reason"), factors)


def let_go(stage: Stage, run: Running) -> None:
    """Give the clocks back."""
    for selector in run.target.selectors():
        stage.levers.throttle(selector, run.text("reason"), None)


def flush_prefixes(stage: Stage, run: Running) -> None:
    """Empty prefix caches, and find only a share of the usual hits while it lasts."""
    for key in stage.keys(run.target):
        stage.levers.prefix_flush(key)
    changed(lambda one: Factors(hit=one.number("hits")))(stage, run)


def regress(run: Running) -> Factors:
    """A worse engine build: every part of a step takes longer, and requests fail."""
    times = run.number("tpot_times")
    return Factors(
        compute=1.0 / times,
        bandwidth=1.0 / times,
        overhead=times,
        error_rate=run.number("error_rate"),
    )


def share_gpu(run: Running) -> Factors:
    """A neighbour on the same GPU takes its turns."""
    left = 1.0 - run.number("share")
    return Factors(compute=left, bandwidth=left)


# Load


def change_load(stage: Stage, run: Running) -> None:
    """Other requests while it lasts: more or fewer, longer or shorter."""
    values = {"rate": 1.0, "prompt": 1.0, "output": 1.0, "cached": 1.0, "rise": 0.0, "fall": 0.0}
    values |= {name: run.number(name) for name in values if name in run.values}
    for key in stage.streams(run.target):
        stage.levers.set_workload_change(key, LoadChange(stage.levers.now, run.until, **values))


def stop_load(stage: Stage, run: Running) -> None:
    """Nobody calls while it lasts."""
    for key in stage.streams(run.target):
        stage.levers.set_workload_change(key, LoadChange(stage.levers.now, run.until, rate=0.0))


# Starts


def _restart_some(stage: Stage, run: Running) -> None:
    """Replace replicas, since only what starts feels it."""
    if run.flag("restart"):
        for selector in run.target.selectors():
            stage.levers.kill_pods(selector)


def slow_weights(stage: Stage, run: Running) -> None:
    """Weights come slowly."""
    for selector in run.target.selectors():
        stage.levers.set_weights_rate(selector, run.number("gbps") * 1e9)
    _restart_some(stage, run)


def hang_weights(stage: Stage, run: Running) -> None:
    """The download of weights hangs."""
    for selector in run.target.selectors():
        stage.levers.set_weights_rate(selector, hangs=True)
    _restart_some(stage, run)


def usual_weights(stage: Stage, run: Running) -> None:
    """Weights come as usual."""
    for selector in run.target.selectors():
        stage.levers.set_weights_rate(selector)


def slow_pull(stage: Stage, run: Running) -> None:
    """Images come slowly, or not at all when the rate is 0."""
    rate = run.number("gbps") * 1e9
    for selector in run.target.selectors():
        stage.levers.set_pull(selector, rate or None, fails=not rate)
    for key in stage.keys(run.target):
        # An image that nodes have is not pulled again, so a new one it is.
        stage.levers.roll_out(key, run.target.role, image=run.text("image"))


def usual_pull(stage: Stage, run: Running) -> None:
    """Images come as usual."""
    for selector in run.target.selectors():
        stage.levers.set_pull(selector)


def exhaust_quota(stage: Stage, run: Running) -> None:
    """Bound the GPUs of namespaces below what is in use, and replace replicas."""
    for namespace in sorted({key.namespace for key in stage.keys(run.target)}):
        stage.levers.set_quota(namespace, int(run.number("gpus")))
    _restart_some(stage, run)


def free_quota(stage: Stage, run: Running) -> None:
    """Lift the bound."""
    for namespace in sorted({key.namespace for key in stage.keys(run.target)}):
        stage.levers.set_quota(namespace, None)


def fail_start(stage: Stage, run: Running) -> None:
    """Roll out a revision whose engine ends while it loads."""
    for key in stage.keys(run.target):
        stage.levers.roll_out(key, run.target.role, start_fails=run.text("says"))


def undo(stage: Stage, run: Running) -> None:
    """Go back to the revision before."""
    for key in stage.keys(run.target):
        stage.levers.undo(key)
