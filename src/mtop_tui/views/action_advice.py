"""What mtop would say to an action by what it knows itself: verdicts, and GPUs that are free."""

from __future__ import annotations

from typing import Final

from mtop_tui.actions.intents import Intent
from mtop_tui.domain.rollouts.canary import Verdict
from mtop_tui.observations import Pool
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.rollout import rollout_state
from mtop_tui.state.service import ServiceState
from mtop_tui.views.table import Cell

_MOVES_TRAFFIC: Final = frozenset({"weight", "promote", "abort"})
_NONE: Final = Cell("")


def advice(store: FleetStore, intent: Intent, now: float) -> Cell:
    """One sentence on whether it is wise; empty where nothing is known to say."""
    state = store.service(intent.service)
    if state is None or state.service is None:
        return _NONE
    if intent.verb in _MOVES_TRAFFIC:
        rollout = rollout_state(store, state, now)
        is_worse = rollout.compared is not None and rollout.compared.verdict is Verdict.WORSE
        return Cell(rollout.next_step, "bad" if is_worse else "normal")
    if intent.verb in {"scale", "start"}:
        pools = [one for one in state.service.pools if intent.role in {None, one.role}]
        return _on_gpus(store, state, pools[0], intent.number) if pools else _NONE
    return _NONE


def _on_gpus(store: FleetStore, state: ServiceState, pool: Pool, wanted: int | None) -> Cell:
    """Whether there are GPUs for more replicas."""
    replicas = [one for one in state.replicas.values() if one.role == pool.role]
    types = {one.gpu_type or "" for one in replicas if one.gpu_type} or {pool.gpu_type or ""}
    wanted = pool.desired if wanted is None else wanted
    if pool.gpus_per_replica is None or wanted is None or len(types) != 1 or types == {""}:
        return _NONE
    (gpu,) = types
    more = (wanted - len(replicas)) * pool.gpus_per_replica
    if more <= 0:
        return _NONE
    free = dict(store.free_gpus()).get(gpu, 0)
    said = f"{free} are" if free > 1 else "1 is" if free else "none is"
    words = f"it takes {more} more {gpu}, of which {said} free"
    return Cell(words, "bad" if more > free else "normal")
