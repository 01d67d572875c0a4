"""Commands on nodes, their GPUs, and who may have how many of these."""

from __future__ import annotations

from mtop_tui.engine.control.commands.meant import Commands, names_of
from mtop_tui.engine.levers import LeverError


class NodeCommands(Commands):
    """See `Levers` for what each does."""

    def cordon(self, node: str, unschedulable: bool = True) -> tuple[str, ...]:
        """Let no new pods onto a node, or let them again."""
        self._nodes.cordon(self._node(node), unschedulable)
        return (node,)

    def fail_node(self, node: str) -> tuple[str, ...]:
        """A node is lost without a word."""
        self._nodes.fail(self._node(node))
        return (node,)

    def recover_node(self, node: str) -> tuple[str, ...]:
        """A node comes back, with sound GPUs."""
        self._nodes.recover(self._node(node))
        return (node,)

    def reclaim_node(self, node: str, notice: float = 120.0) -> tuple[str, ...]:
        """The cloud takes a spot node back."""
        self._nodes.reclaim(self._node(node), notice)
        return (node,)

    def raise_xid(self, node: str, gpu_index: int, code: int) -> tuple[str, ...]:
        """A GPU reports an XID error."""
        host = self._world.cluster.hosts[self._node(node)]
        if not 0 <= gpu_index < host.built_in // host.shares:
            raise LeverError(f"{node} has no GPU {gpu_index}")
        return (node, *names_of(self._nodes.raise_xid(node, gpu_index, code)))

    def set_quota(self, namespace: str, gpus: int | None) -> tuple[str, ...]:
        """Bound the GPUs that a namespace may request."""
        self._world.quotas.limit(namespace, gpus)
        for run in self._world.services.values():
            for pool in run.pools:
                if run.key.namespace == namespace and pool.refused:
                    self._workloads.changed(pool)
        return (namespace,)
