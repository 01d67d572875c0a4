"""Proxies to pods and Services: what runs there answers, where something does."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from aiohttp import web

from mtop_tui.engine.pods import SimulatedReplica
from mtop_tui.engine.serving.replica import ReplicaServer
from mtop_tui.observations import ServiceKey
from mtop_tui.serve import pages
from mtop_tui.serve.answers import headers
from mtop_tui.serve.entries import Entry
from mtop_tui.serve.objects.meta import address
from mtop_tui.serve.requests import RequestInfo
from mtop_tui.serve.resources import Registry
from mtop_tui.serve.simulation import Simulation
from mtop_tui.serve.status import bad_request, not_found, unavailable

ENGINE_PORT, PICKER_PORT = 8000, 9090
_SCHEMES = frozenset({"", "http", "https"})
_SCHEDULER = "llminferenceservice-router-scheduler"


class Target(NamedTuple):
    """What stands in a proxy's path: `[scheme:]name[:port]`."""

    scheme: str
    name: str
    port: str


def read_target(text: str) -> Target:
    """What a proxy leads to.

    Raises:
        StatusError: it cannot be read.
    """
    parts = text.split(":")
    if len(parts) == 1:
        return Target("", text, "")
    if len(parts) == 2:
        return Target("", *parts)
    if len(parts) == 3 and parts[0] in _SCHEMES:
        return Target(*parts)
    raise bad_request(f'invalid pod request "{text}"')


class Proxies:
    """Answers for what runs in pods.

    Args:
        simulation: where it runs.
        registry: names resources in errors.
    """

    def __init__(self, simulation: Simulation, registry: Registry) -> None:
        self._simulation, self._registry = simulation, registry

    def pod(self, info: RequestInfo) -> web.Response:
        """What a pod answers."""
        target = read_target(info.name)
        entry = self._simulation.store.collection("pods").get(f"{info.namespace}/{target.name}")
        if entry is None:
            raise not_found(self._registry.stored("", "pods"), target.name)
        return self._answer(entry, target.port, info.rest)

    def service(self, info: RequestInfo) -> web.Response:
        """What one of a Service's pods answers."""
        store = self._simulation.store
        target = read_target(info.name)
        key = f"{info.namespace}/{target.name}"
        service = store.collection("services").get(key)
        if service is None:
            raise not_found(self._registry.stored("", "services"), target.name)
        ports = {one["name"]: str(one["port"]) for one in service.body["spec"]["ports"]}
        port = ports.get(target.port, target.port) or next(iter(ports.values()))
        if port not in ports.values():
            raise unavailable(f'no service port "{port}" found for service "{target.name}"')
        endpoints = store.collection("endpoints").get(key)
        subsets = endpoints.body.get("subsets", ()) if endpoints else ()
        ready = [one["targetRef"]["name"] for part in subsets for one in part.get("addresses", ())]
        if not ready:
            raise unavailable(f'no endpoints available for service "{target.name}"')
        # Any of them will do; the first is as good as another, and the same each time.
        pod = store.collection("pods").get(f"{info.namespace}/{ready[0]}")
        assert pod is not None
        return self._answer(pod, port, info.rest)

    def _answer(self, pod: Entry, port: str, path: str) -> web.Response:
        found: web.Response | None = None
        if pod.identity.get("app.kubernetes.io/component") == _SCHEDULER:
            if port in {"", str(PICKER_PORT)}:
                found = self._picker(pod, path)
        elif port in {"", str(ENGINE_PORT)}:
            found = self._engine(pod, path)
        if found is None:
            raise _refused(pod, port)
        return found

    def _engine(self, pod: Entry, path: str) -> web.Response | None:
        replica = self._replica(pod)
        server = replica.server if replica is not None else None
        if replica is None or server is None or replica.unreachable:
            return None
        model = self._simulation.fleet.world.services[replica.service].service.model
        match path:
            case "metrics":
                if isinstance(server, ReplicaServer) and server.at < self._simulation.now:
                    server.advance(self._simulation.now)
                return _text(pages.engine_page(model, server.page.values()))
            case "health" | "ping":
                return web.Response(headers=headers())
            case "v1/models":
                return _json({"object": "list", "data": [_model(model, replica)]})
            case "version":
                return _json({"version": "0.11.0"})
            case _:
                return _not_there()

    def _picker(self, pod: Entry, path: str) -> web.Response | None:
        if path != "metrics":
            return _not_there()
        exporter = self._simulation.fleet.exporter
        if exporter is None:
            return None
        return _text(pages.picker_page(exporter.picker_values(self._service_of(pod))))

    def _replica(self, pod: Entry) -> SimulatedReplica | None:
        """The replica whose leader a pod is."""
        run = self._simulation.fleet.world.services.get(self._service_of(pod))
        for pool in run.pools if run else ():
            for replica in pool.replicas:
                if replica.ref.uid == pod.uid:
                    return replica
        return None

    def _service_of(self, pod: Entry) -> ServiceKey:
        name = pod.identity.get("app.kubernetes.io/name", "")
        return ServiceKey(self._simulation.cluster, pod.namespace, name)


def _refused(pod: Entry, port: str) -> Exception:
    where = f"{address(pod.uid)}:{port or '80'}"
    return unavailable(
        f"error trying to reach service: proxy error from egress.sock while dialing {where}, "
        "code 502: 502 Bad Gateway"
    )


def _model(name: str, replica: SimulatedReplica) -> dict[str, object]:
    return {
        "id": name,
        "object": "model",
        "created": int(replica.life.created_at),
        "owned_by": "vllm",
    }


def _text(page: bytes) -> web.Response:
    return web.Response(body=page, headers={**headers(), "Content-Type": pages.CONTENT_TYPE})


def _json(body: dict[str, object]) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body), content_type="application/json", headers=headers()
    )


def _not_there() -> web.Response:
    """What a program answers on a path it does not know."""
    return web.Response(
        status=404, body=b'{"detail":"Not Found"}', content_type="application/json",
        headers=headers(),
    )  # fmt: skip
