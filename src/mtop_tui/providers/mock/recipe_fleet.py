"""The cluster of a recipe: its nodes, its services and what they are asked to do."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mtop_tui import resources
from mtop_tui.engine.demand import demand_of
from mtop_tui.engine.hardware import gpu_named
from mtop_tui.engine.workload.traces import Trace, TraceError, read_trace
from mtop_tui.kserve.field_errors import FieldError
from mtop_tui.kserve.parse import parse_node, parse_service
from mtop_tui.kserve.schema import DEFAULT_NAMESPACE, ClusterNode
from mtop_tui.observations import ServiceKey
from mtop_tui.providers.mock.files import Problem
from mtop_tui.providers.mock.inline import (
    Body,
    asked,
    merged,
    node_bodies,
    service_body,
    split_name,
)
from mtop_tui.providers.mock.manifests import Manifest, Manifests, ServiceManifest, check_size, load
from mtop_tui.providers.mock.recipes import RecipeFile

if TYPE_CHECKING:
    from mtop_tui.config.recipe_scenario import Selector, TraceFile


_LISTED = 6
"""Services named where one is not there."""


class Replay(msgspec.Struct, frozen=True):
    """A trace that takes the place of a service's own workload.

    `start` is where in the trace to begin, in its seconds; `speed` its seconds per second.
    """

    trace: Trace
    start: float
    speed: float
    repeat: bool


class RecipeFleet:
    """What a recipe says its cluster consists of, and all that is wrong with the recipe so far.

    Args:
        file: the recipe.
        cluster: the name of the simulated cluster.
    """

    def __init__(self, file: RecipeFile, cluster: str) -> None:
        self._file = file
        self._recipe = file.recipe
        self._cluster = cluster
        self.services: dict[str, tuple[Body, str]] = {}
        self.problems: list[Problem] = []
        self.groups: dict[str, str] = {}
        self._split: dict[str, bool] = {}
        self._labels: dict[str, dict[str, str]] = {}
        self.nodes: tuple[Manifest[ClusterNode], ...] = ()
        self.manifests = self._read()
        self.replays = dict(self._replays())

    def wrong(self, field: str, message: str) -> None:
        """Note that a field of the recipe cannot be used."""
        self.problems.append(self._file.problem(field, message))

    def _read(self) -> Manifests:
        found = self._folder()
        self._collect(found)
        self._check_nodes()
        nodes = tuple(
            Manifest(body, parse_node(body), str(self._file.path), 0)
            for pool in self._recipe.environment.nodes
            for body in node_bodies(pool)
        )
        services = tuple(self._parsed())
        if not services and not self.problems:
            self.wrong("fleet", "no service is in it; add services, or patterns to mocks")
        clones = self._recipe.fleet.clones
        if clones is not None and clones < len(services):
            said = f"expected at least the {len(services)} services of the recipe, got {clones}"
            self.wrong("fleet.clones", said)
        self.nodes = nodes or found.nodes
        return msgspec.structs.replace(found, services=services, nodes=self.nodes)

    def _check_nodes(self) -> None:
        seen: set[str] = set()
        for index, pool in enumerate(self._recipe.environment.nodes):
            field = f"environment.nodes[{index}]"
            if pool.pool in seen:
                self.wrong(f"{field}.pool", f"pool {pool.pool} is already there; rename one")
            seen.add(pool.pool)
            gpu = gpu_named(pool.gpu)
            if pool.mig and gpu is None:
                self.wrong(f"{field}.mig", "needs a gpu that is cut; add gpu")
            elif pool.mig and gpu is not None and not gpu.can_be_cut(pool.mig):
                self.wrong(f"{field}.mig", f"{pool.gpu} cannot be cut into {pool.mig}")

    def _folder(self) -> Manifests:
        shipped = resources.path("mocks")
        folder = shipped
        if stated := self._recipe.environment.mocks:
            folder = self._file.path.parent / Path(stated)
            if not folder.is_dir():
                self.wrong("environment.mocks", f"expected a folder, {folder} is none")
                folder = shipped
        return load(folder, shipped)

    def _collect(self, found: Manifests) -> None:
        """Services by name: those taken from the folder, those stated, and what is merged over."""
        there = {_name_of(one.body): one.body for one in found.services}
        target = self._recipe.target
        if target is not None and "/".join(split_name(target)) not in there:
            self.wrong("target", self._no_service(target, [*there]))
            return
        for index, pattern in enumerate(self._recipe.fleet.mocks):
            taken = [name for name in there if fnmatchcase(name, pattern)]
            if not taken:
                self.wrong(f"fleet.mocks[{index}]", f"no service of the folder fits {pattern}")
            for name in taken:
                self.services[name] = (there[name], f"fleet.mocks[{index}]")
        for index, spec in enumerate(self._recipe.fleet.services):
            field = f"fleet.services[{index}]"
            name = "/".join(split_name(spec.name))
            if name in self.services:
                self.wrong(f"{field}.name", f"service {name} is already there; rename one")
                continue
            copied = None
            if spec.copy_of is not None:
                source = "/".join(split_name(spec.copy_of))
                copied = self.services.get(source, (there.get(source), ""))[0]
                if copied is None:
                    self.wrong(f"{field}.copy", self._no_service(source, [*there]))
                    continue
            self.services[name] = (service_body(spec, copied), field)
        for name, patch in self._recipe.fleet.overrides.items():
            if found_name := self.known(name, f"fleet.overrides.{name}"):
                body, field = self.services[found_name]
                self.services[found_name] = (dict(merged(body, patch)), field)
        for name, asks in self._recipe.workload.items():
            if found_name := self.known(name, f"workload.{name}"):
                body, field = self.services[found_name]
                self.services[found_name] = (asked(body, asks), field)

    def _parsed(self) -> Iterator[ServiceManifest]:
        for name, (body, field) in self.services.items():
            try:
                service = parse_service(body)
                check_size(service.spec)
            except FieldError as error:
                self.wrong(field, f"{name}: {error.field}: {error.message}")
                continue
            if _name_of(body) != name:
                self.wrong(
                    field, f"{name}: is renamed to {_name_of(body)}; leave its name as it is"
                )
            demand, wrong = demand_of(service.metadata.annotations or {})
            for hint, message in wrong.items():
                self.wrong(field, f"{name}: metadata.annotations.{hint}: {message}")
            router = service.spec.router
            if router and router.route and router.route.group:
                self.groups[name] = router.route.group
            self._split[name] = service.spec.prefill is not None
            self._labels[name] = service.metadata.labels or {}
            line = self._file.document.line_of(field)
            yield ServiceManifest(body, service, str(self._file.path), line, demand)

    def _replays(self) -> Iterator[tuple[ServiceKey, Replay]]:
        for name, load_ in self._recipe.workload.items():
            if load_.trace is not None:
                said = load_.trace
                field = f"workload.{name}.trace"
                trace = self._trace(said, f"{field}.file")
                if trace is not None and said.start >= trace.span:
                    late = f"is after its end; the trace lasts {trace.span:g} s"
                    self.wrong(f"{field}.start", late)
                elif trace is not None:
                    yield self.key(name), Replay(trace, said.start, said.speed, said.repeat)

    def _trace(self, said: TraceFile, field: str) -> Trace | None:
        path = self._file.path.parent / Path(said.file).expanduser()
        try:
            if path.exists() and not path.is_file():
                raise OSError(0, "it is no regular file")
            with path.open(encoding="utf-8") as lines:
                return read_trace(lines, str(path))
        except TraceError as error:
            self.problems.append(Problem(error.name, error.line, error.field, error.message))
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            self.wrong(field, f"{path} cannot be read: {why}; give a CSV file of requests")
        return None

    def known(self, name: str, field: str) -> str | None:
        """The full name of a service that is there; what is wrong is noted."""
        full = "/".join(split_name(name))
        if full in self.services:
            return full
        self.wrong(field, self._no_service(full, [*self.services]))
        return None

    def misfit(self, on: Selector) -> str:
        """What of a selector fits none of its services: a label, or a pool; empty when all fits."""
        names = ["/".join(split_name(name)) for name in on.services] or [*self._labels]
        there = [name for name in names if name in self._labels]
        if on.role is not None and not any(
            self._split[name] == (on.role != "main") for name in there
        ):
            return "role"
        wanted = on.labels.items()
        if wanted and not any(wanted <= self._labels[name].items() for name in there):
            return "labels"
        return ""

    def _no_service(self, name: str, there: list[str]) -> str:
        from mtop_tui.config.settings import nearest  # noqa: PLC0415 - only to word an error

        listed = f"; there are {', '.join(sorted(there)[:_LISTED])}" if there else ""
        more = f" and {len(there) - _LISTED} more" if len(there) > _LISTED else ""
        return f"no service {name} is there{nearest(name, there) or listed + more}"

    def key(self, name: str) -> ServiceKey:
        """What a service is called in records."""
        return ServiceKey(self._cluster, *split_name(name))


def _name_of(body: Body) -> str:
    metadata = body["metadata"]
    return f"{metadata.get('namespace') or DEFAULT_NAMESPACE}/{metadata['name']}"
