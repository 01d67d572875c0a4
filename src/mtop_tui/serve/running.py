"""From a simulated cluster to a server that is ready, until it is told to end."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from mtop_tui.clock import Clock
from mtop_tui.providers.mock.manifests import Manifests
from mtop_tui.providers.mock.provider import MockProvider
from mtop_tui.serve.access import Access, users
from mtop_tui.serve.api import Api
from mtop_tui.serve.faults import Fault
from mtop_tui.serve.kubeconfig import remove_kubeconfig, write_kubeconfig, write_tokens
from mtop_tui.serve.resources import Registry
from mtop_tui.serve.server import Server
from mtop_tui.serve.simulation import Simulation
from mtop_tui.serve.timescale import Timescale


class Cluster(msgspec.Struct, frozen=True):
    """A simulated cluster that is to be served.

    Attributes:
        provider: the simulation.
        manifests: what it was made from.
        seed: of it.
        scale: from its time to the machine's.
        wall: the machine's clock.
    """

    provider: MockProvider
    manifests: Manifests
    seed: int
    scale: Timescale
    wall: Clock

    @property
    def first_namespace(self) -> str:
        """The namespace of its first service by name: the one the namespace viewer sees."""
        names = {one.parsed.metadata.namespace or "default" for one in self.manifests.services}
        return min(names, default="default")


async def run(
    cluster: Cluster,
    *,
    port: int,
    kubeconfig: Path,
    say: Callable[[str], None],
    faults: Sequence[Fault] = (),
) -> None:
    """Serve a cluster until the process is told to end.

    Args:
        cluster: to serve.
        port: to listen on; 0 takes a free one.
        kubeconfig: file to write; it is taken away at the end.
        say: is told where the server is, once it is ready.
        faults: switched on from the beginning.

    Raises:
        ServerError: the port cannot be had.
        KubeconfigError: the kubeconfig cannot be written.
    """
    simulation = Simulation(
        cluster.provider, cluster.manifests, seed=cluster.seed, scale=cluster.scale
    )
    access = Access(users(cluster.first_namespace))
    api = Api(simulation, Registry(), access, cluster.wall)
    server = Server(
        api,
        port=port,
        wall=cluster.wall,
        rotated=lambda: write_tokens(kubeconfig, access.tokens),
    )
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    simulating = asyncio.create_task(simulation.run())
    waiting = [asyncio.create_task(simulation.ready.wait()), asyncio.create_task(told.wait())]
    try:
        await asyncio.wait({simulating, *waiting}, return_when=asyncio.FIRST_COMPLETED)
        if simulating.done():
            simulating.result()
        if not told.is_set():
            # What stands by now stays; going through it again and again would only stall answers.
            gc.collect()
            gc.freeze()
            gc.set_threshold(50_000, 20, 50)
            await server.start()
            try:
                write_kubeconfig(
                    kubeconfig,
                    server.address,
                    server.certificate.pem,
                    access.tokens,
                    namespace=cluster.first_namespace,
                )
                for fault in faults:
                    await server.switch_on(fault)
                say(f"{cluster.provider.name} at {server.address}")
                say(f"export KUBECONFIG={kubeconfig.absolute()}")
                await asyncio.wait({simulating, waiting[1]}, return_when=asyncio.FIRST_COMPLETED)
                if simulating.done():
                    simulating.result()
            finally:
                # Nobody writes tokens any more once it is closed.
                await server.close()
                remove_kubeconfig(kubeconfig, access.tokens)
    finally:
        for task in (simulating, *waiting):
            task.cancel()
        await asyncio.gather(simulating, *waiting, return_exceptions=True)
