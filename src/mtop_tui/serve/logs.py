"""Logs of containers, as the kubelet hands them out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from mtop_tui.engine import lifecycle
from mtop_tui.engine.outputs.container import MAIN, STORAGE_INITIALIZER
from mtop_tui.engine.outputs.ring import LogRing
from mtop_tui.observations import LogLine, ServiceKey
from mtop_tui.serve.entries import Entry
from mtop_tui.serve.requests import flag
from mtop_tui.serve.simulation import Simulation
from mtop_tui.serve.status import bad_options, bad_request

LOOK = 0.25
"""Seconds of the machine's time between two looks for new lines."""

_WAITING = {"ImagePullBackOff": "trying and failing to pull image"}


class LogRequest:
    """What is asked of a container's log.

    Args:
        simulation: whose containers they are.
        pod: of the container.
        query: parameters of the request.

    Raises:
        StatusError: a parameter makes no sense, or there is no such container or log.
    """

    def __init__(self, simulation: Simulation, pod: Entry, query: Mapping[str, str]) -> None:
        self._simulation, self._pod = simulation, pod
        self._scale = simulation.scale
        self._follow = flag(query, "follow")
        self._timestamps = flag(query, "timestamps")
        self._previous = flag(query, "previous")
        self._tail = _number(query, "tailLines", least=0)
        self._limit = _number(query, "limitBytes", least=1)
        self._since = self._beginning(query)
        self._container = self._named(query.get("container", ""))
        self._ring = self._find()

    async def lines(self) -> AsyncIterator[bytes]:
        """The log, then, if it is followed, what is written until the container ends."""
        left = self._limit
        present = self._simulation.fleet.logbook.present
        async for part in self._parts(present):
            if left is None:
                yield part
                continue
            yield part[:left]
            left -= len(part)
            if left <= 0:
                return

    async def _parts(self, present: float) -> AsyncIterator[bytes]:
        ring = self._ring
        if ring is not None:
            page = ring.read(present, since=self._since, tail=self._tail, previous=self._previous)
            for part in self._written(page.lines):
                yield part
        last = present
        while self._follow and not self._previous and self._goes_on():
            await asyncio.sleep(LOOK)
            present = self._simulation.fleet.logbook.present
            ring = self._ring or self._find()
            if ring is None or present <= last:
                continue
            for part in self._written(ring.read_after(last, present)):
                yield part
            last = present

    def _goes_on(self) -> bool:
        """Whether the container may still write: a follower is let go when it ends."""
        collection = self._simulation.store.collection("pods")
        now = collection.get(self._pod.key)
        if now is None or now.uid != self._pod.uid:
            return False
        return _restarts(now.body, self._container) == _restarts(self._pod.body, self._container)

    def _written(self, lines: Sequence[LogLine]) -> Iterator[bytes]:
        for line in lines:
            text = line.text
            if self._timestamps:
                text = f"{self._scale.fine_stamp(line.at)} {text}"
            yield f"{text}\n".encode("utf-8", "replace")

    def _beginning(self, query: Mapping[str, str]) -> float | None:
        seconds = _number(query, "sinceSeconds", least=1)
        moment = query.get("sinceTime", "")
        if seconds is not None and moment:
            raise bad_request("at most one of `sinceTime` or `sinceSeconds` may be specified")
        if seconds is not None:
            now = self._scale.wall(self._simulation.now)
            return self._scale.simulated(now - seconds)
        if not moment:
            return None
        try:
            return self._scale.simulated(datetime.fromisoformat(moment).timestamp())
        except ValueError as error:
            raise bad_request(f'parsing time "{moment}": cannot parse as RFC 3339') from error

    def _named(self, stated: str) -> str:
        spec = self._pod.body["spec"]
        mains = [one["name"] for one in spec["containers"]]
        initial = [one["name"] for one in spec.get("initContainers", ())]
        name = self._pod.name
        if stated:
            if stated not in (*mains, *initial):
                raise bad_request(f"container {stated} is not valid for pod {name}")
            return stated
        if len(mains) == 1:
            return str(mains[0])
        raise bad_request(
            f"a container name must be specified for pod {name}, choose one of: "
            f"[{' '.join(mains)}]"
            + (f" or one of the init containers: [{' '.join(initial)}]" if initial else "")
        )

    def _find(self) -> LogRing | None:
        """The ring of the container; None for one that runs and has nothing to say."""
        body = self._pod.body
        status = _status_of(body, self._container)
        name = self._pod.name
        where = f'container "{self._container}" in pod "{name}"'
        if self._previous and not status.get("lastState"):
            raise bad_request(f"previous terminated {where} not found")
        waiting = status.get("state", {}).get("waiting")
        if not status:
            raise bad_request(f"{where} is waiting to start: ContainerCreating")
        if waiting and not self._previous and waiting["reason"] != lifecycle.CRASH_LOOP:
            why = waiting["reason"]
            raise bad_request(f"{where} is waiting to start: {_WAITING.get(why, why)}")
        if self._container not in {MAIN, STORAGE_INITIALIZER}:
            return None
        labels = self._pod.identity
        key = ServiceKey(
            self._simulation.cluster, self._pod.namespace, labels["app.kubernetes.io/name"]
        )
        worker = labels.get("leaderworkerset.sigs.k8s.io/worker-index", "0")
        pod = name if worker == "0" else name.rpartition("-")[0]
        rings = self._simulation.fleet.logbook.rings(key, pod, self._container)
        return next((ring for ring in rings if ring.ref.kind == "Pod"), None)


def _status_of(body: Mapping[str, Any], container: str) -> dict[str, Any]:
    status = body["status"]
    found = [*status.get("containerStatuses", ()), *status.get("initContainerStatuses", ())]
    return next((one for one in found if one["name"] == container), {})


def _restarts(body: Mapping[str, Any], container: str) -> int:
    return int(_status_of(body, container).get("restartCount", 0))


def _number(query: Mapping[str, str], name: str, *, least: int) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    try:
        number = int(text)
    except ValueError as error:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from error
    if number < least:
        problem = f"Invalid value: {number}: must be greater than or equal to {least}"
        raise bad_options("PodLogOptions", name, problem, "FieldValueInvalid")
    return number
