"""A folder of Kubernetes manifests as the objects of a simulated cluster.

Whatever is wrong with one document is a `Problem`, and everything else is still read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from mtop_tui.engine.demand import UNSTATED, Demand, demand_of
from mtop_tui.kserve.field_errors import FieldError
from mtop_tui.kserve.merge import PRESET_NAMESPACE, PRESET_PREFIX
from mtop_tui.kserve.origins import Stated, stated
from mtop_tui.kserve.parse import parse_config, parse_node, parse_service
from mtop_tui.kserve.schema import (
    CONFIG_KIND,
    DEFAULT_NAMESPACE,
    NODE_KIND,
    SERVICE_KIND,
    ClusterNode,
    LLMInferenceService,
    LLMInferenceServiceConfig,
    Metadata,
    ServiceSpec,
)
from mtop_tui.providers.mock.documents import Document, documents
from mtop_tui.providers.mock.files import Problem, manifest_files, manifest_text
from mtop_tui.text import safe

FALLBACK_FOLDERS = ("config", "nodes")
"""Where in the fallback the configs and the nodes are."""

MOST_REPLICAS = 10_000
"""Of one pool: more are a slip of the pen, and all of them would be simulated."""

_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml")
_PRESET_NAMES = f"{PRESET_PREFIX}config-llm-"

T = TypeVar("T")


class Manifest(msgspec.Struct, Generic[T], frozen=True):
    """One object: as received, as read, and where it stands."""

    body: dict[str, Any]
    parsed: T
    file: str
    line: int


class ServiceManifest(Manifest[LLMInferenceService], frozen=True):
    """One service, with what the simulation shall ask of it."""

    demand: Demand = UNSTATED


class Manifests(msgspec.Struct, frozen=True, dict=True):
    """What a folder holds. No services at all is the only outcome that cannot be shown.

    Attributes:
        services, configs, nodes: in the order of files and documents.
        skipped: objects of kinds mtop does not read, counted by kind.
        problems: what could not be read or used, and why.
    """

    services: tuple[ServiceManifest, ...] = ()
    configs: tuple[Manifest[LLMInferenceServiceConfig], ...] = ()
    nodes: tuple[Manifest[ClusterNode], ...] = ()
    skipped: Mapping[str, int] = msgspec.field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def find_config(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        """The body of a config, or None; what `kserve.merge.combine` asks."""
        return self._config_bodies.get((namespace, name))

    def stated_by(self, namespace: str, name: str) -> Stated:
        """What a config states of pools."""
        return self._stated.get((namespace, name), frozenset())

    @cached_property
    def _stated(self) -> dict[tuple[str, str], Stated]:
        return {
            (config_namespace(one.parsed.metadata), one.parsed.metadata.name): stated(
                one.parsed.spec
            )
            for one in self.configs
        }

    @cached_property
    def _config_bodies(self) -> dict[tuple[str, str], Mapping[str, Any]]:
        return {
            (config_namespace(config.parsed.metadata), config.parsed.metadata.name): config.body
            for config in self.configs
        }


def config_namespace(metadata: Metadata) -> str:
    """Where a config belongs. Presets are published without a namespace: theirs is KServe's."""
    if metadata.namespace:
        return metadata.namespace
    return PRESET_NAMESPACE if metadata.name.startswith(_PRESET_NAMES) else DEFAULT_NAMESPACE


def load(folder: Path, fallback: Path | None = None) -> Manifests:
    """Read every manifest below `folder`; it never raises for what is in there.

    Args:
        folder: read with everything below it, hidden files and folders left out.
        fallback: gives the presets that the folder lacks, and the nodes when it has none.
    """
    found = _Found()
    for path in manifest_files(folder, found.problems):
        _read(path, found)
    if fallback is not None and fallback != folder:
        _fill_in(found, fallback)
    return found.manifests()


class _Found:
    """What has been read so far."""

    def __init__(self) -> None:
        self.services: dict[tuple[str, str], ServiceManifest] = {}
        self.configs: dict[tuple[str, str], Manifest[LLMInferenceServiceConfig]] = {}
        self.nodes: dict[str, Manifest[ClusterNode]] = {}
        self.skipped: Counter[str] = Counter()
        self.problems: list[Problem] = []

    def manifests(self) -> Manifests:
        return Manifests(
            tuple(self.services.values()),
            tuple(self.configs.values()),
            tuple(self.nodes.values()),
            dict(sorted(self.skipped.items())),
            tuple(self.problems),
        )


def _fill_in(found: _Found, fallback: Path) -> None:
    shipped = _Found()
    for name in FALLBACK_FOLDERS:
        if name != "nodes" or not found.nodes:
            for path in manifest_files(fallback / name, shipped.problems):
                _read(path, shipped)
    for key, config in shipped.configs.items():
        if key[0] == PRESET_NAMESPACE:
            found.configs.setdefault(key, config)
    if not found.nodes:
        found.nodes = shipped.nodes
    found.problems.extend(shipped.problems)


def _read(path: Path, found: _Found) -> None:
    text = manifest_text(path, found.problems)
    if text is None:
        return
    for document in documents(text):
        if document.flaw is not None:
            found.problems.append(
                Problem(str(path), document.flaw.line, "", document.flaw.message, document.number)
            )
        elif path.name.lower().endswith(_KUSTOMIZATIONS) and "kind" not in (document.body or ()):
            found.skipped["Kustomization"] += 1
        else:
            _sort_in(_Place(str(path), document), document.body, found)


class _Place(msgspec.Struct, frozen=True):
    """Where an object stands: a document, or an item of a document that is a list."""

    file: str
    document: Document
    prefix: str = ""

    @property
    def line(self) -> int:
        return self.document.line_of(self.prefix.removesuffix("."))

    def problem(self, field_path: str, message: str) -> Problem:
        path = f"{self.prefix}{field_path}"
        line = self.document.line_of(path)
        return Problem(self.file, line, path, message, self.document.number)


def _sort_in(place: _Place, body: Any, found: _Found) -> None:
    if not isinstance(body, dict):
        found.problems.append(place.problem("", "expected a mapping such as a Kubernetes object"))
        return
    kind = body.get("kind")
    if not isinstance(kind, str) or not kind:
        wrong = "is missing" if kind is None else "is no text"
        found.problems.append(
            place.problem("kind", f"{wrong}; add one such as kind: {SERVICE_KIND}")
        )
        return
    items = body.get("items")
    if isinstance(items, list) and kind.endswith("List"):
        for index, item in enumerate(items):
            item_place = _Place(place.file, place.document, f"{place.prefix}items[{index}].")
            _sort_in(item_place, item, found)
        return
    try:
        if kind == SERVICE_KIND:
            _add_service(place, body, found)
        elif kind == CONFIG_KIND:
            _add_config(place, body, found)
        elif kind == NODE_KIND:
            _add_node(place, body, found)
        else:
            found.skipped[safe(kind)] += 1
    except FieldError as error:
        found.problems.append(place.problem(error.field, error.message))


def _add_service(place: _Place, body: dict[str, Any], found: _Found) -> None:
    service = parse_service(body)
    check_size(service.spec)
    metadata = service.metadata
    demand, wrong = demand_of(metadata.annotations or {})
    for name, message in wrong.items():
        found.problems.append(
            place.problem(f"metadata.annotations.{name}", f"{message}; the hint is ignored")
        )
    key = (metadata.namespace or DEFAULT_NAMESPACE, metadata.name)
    manifest = ServiceManifest(body, service, place.file, place.line, demand)
    first = found.services.setdefault(key, manifest)
    if first is not manifest:
        found.problems.append(_duplicate(place, "service", "/".join(key), first))


def check_size(spec: ServiceSpec) -> None:
    """Refuse more replicas than a cluster has pods: they would all be simulated.

    Raises:
        FieldError: naming the field that asks for them.
    """
    for path, pool in (("spec", spec), ("spec.prefill", spec.prefill)):
        if pool is None:
            continue
        least = pool.scaling.min_replicas if pool.scaling is not None else None
        for field, count in (("replicas", pool.replicas), ("scaling.minReplicas", least)):
            if count is not None and count > MOST_REPLICAS:
                raise FieldError(
                    f"{path}.{field}", f"expected {MOST_REPLICAS} at most, not {count}; lower it"
                )


def _add_config(place: _Place, body: dict[str, Any], found: _Found) -> None:
    config = parse_config(body)
    key = (config_namespace(config.metadata), config.metadata.name)
    manifest = Manifest(body, config, place.file, place.line)
    first = found.configs.setdefault(key, manifest)
    if first is not manifest:
        found.problems.append(_duplicate(place, "config", "/".join(key), first))


def _add_node(place: _Place, body: dict[str, Any], found: _Found) -> None:
    node = parse_node(body)
    manifest = Manifest(body, node, place.file, place.line)
    first = found.nodes.setdefault(node.metadata.name, manifest)
    if first is not manifest:
        found.problems.append(_duplicate(place, "node", node.metadata.name, first))


def _duplicate(place: _Place, what: str, name: str, first: Manifest[Any]) -> Problem:
    return place.problem(
        "metadata.name",
        f"{what} {name} is already in {first.file}:{first.line}, which stays; rename or remove one",
    )
