"""A load server and an app that watches it, each in a process of its own, and what passes."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from bench.terminal import Terminal

PATIENCE = 60.0


class Server:
    """The load server.

    Attributes:
        folder: has its kubeconfig and its certificate.
        ready_at: Unix seconds.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self._asking = ThreadPoolExecutor(1)
        self.start()

    def start(self) -> None:
        """Begin to serve, at the same port as before."""
        command = [sys.executable, "-m", "bench.live_load.server", str(self.folder)]
        self._process = subprocess.Popen(
            [*command, str(self.port)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        url = self._process.stdout.readline().strip()
        assert url, "the load server did not start"
        self.ready_at = time.time()
        self.port = int(url.rpartition(":")[2])
        self._url = url
        self._trust = ssl.create_default_context(cafile=str(self.folder / "server.pem"))

    def stop(self) -> None:
        """End it, as a crash does."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def freeze(self, frozen: bool) -> None:
        """Half-open: connections stay, and nobody answers."""
        self._process.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    def ask(self, path: str, **body: Any) -> Future[Any]:
        """What stands at a path, or what comes of a request with a body."""
        return self._asking.submit(self._ask, path, body)

    def _ask(self, path: str, body: dict[str, Any]) -> Any:
        data = json.dumps(body).encode() if path != "state" else None
        with urlopen(
            Request(f"{self._url}/load/{path}", data), context=self._trust, timeout=PATIENCE
        ) as answer:
            return json.load(answer)


class App:
    """mtop in a terminal, with its probe."""

    def __init__(self, server: Server) -> None:
        self._report = server.folder / "report.json"
        command = [sys.executable, "-m", "bench.live_load.watcher", str(self._report)]
        self.started = time.time()
        self.terminal = Terminal(command, environment(server.folder))
        self.terminal.until(b"llm-0")  # its probe listens from then on

    def report(self, *, in_full: bool = False) -> dict[str, Any]:
        """What the probe says, in full with digests; waits are since it was last asked."""
        self._report.unlink(missing_ok=True)
        os.kill(self.terminal.pid, signal.SIGUSR2 if in_full else signal.SIGUSR1)
        self.draw(self._report.exists)
        said: dict[str, Any] = json.loads(self._report.read_text())
        return said

    def draw(self, until: Callable[[], object], patience: float = PATIENCE) -> None:
        """Let it draw until something is so."""
        end = time.monotonic() + patience
        while not until():
            assert time.monotonic() < end, "it never came to be"
            self.terminal.drain(0.02)

    def reading_since(self, since: float, patience: float = PATIENCE) -> tuple[float, float]:
        """When all kinds were first read again after a time, and its CPU seconds then."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            for at, cpu, state, reading in self.report()["changes"]:
                if at >= since and state == "live" and reading:
                    return at, cpu
            self.terminal.drain(0.25)
        raise AssertionError("it is not live again")

    def said_since(self, since: float, state: str, patience: float = PATIENCE) -> float:
        """When the source was first said to be in a state after a time."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            for at, _, said, _ in self.report()["changes"]:
                if at >= since and said == state:
                    return float(at)
            self.terminal.drain(0.25)
        raise AssertionError(f"it is never {state}")


def environment(folder: Path) -> dict[str, str]:
    """For an mtop that watches the load server, and no settings of whoever measures."""
    return {
        "KUBECONFIG": str(folder / "kubeconfig"),
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }


@contextmanager
def cores_apart(server: Server, app: App) -> Iterator[None]:
    """The app on a core of its own, everybody else on the others, where there are several."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(app.terminal.pid, {cores[0]})
        for other in (server.pid, 0):
            os.sched_setaffinity(other, set(cores[1:]))
    try:
        yield
    finally:
        for one in (server.pid, app.terminal.pid, 0):
            os.sched_setaffinity(one, set(cores))
