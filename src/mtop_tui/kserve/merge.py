"""What a service is once its configs are merged in, as KServe's controller merges them.

A stored LLMInferenceService holds only what its owner wrote: image, GPUs and replicas may all come
from presets, which the controller picks by the shape of the deployment, or from `baseRefs`.
Precedence, lowest first: presets, baseRefs in their order, the service's own spec.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from mtop_tui.kserve.field_errors import FieldError
from mtop_tui.kserve.parse import check_parallelism, check_scaling, parse_spec
from mtop_tui.kserve.schema import DEFAULT_NAMESPACE, GROUP, ServiceSpec
from mtop_tui.kserve.strategic import strategic_merge
from mtop_tui.kserve.templates import fill

PRESET_NAMESPACE = "kserve"
PRESET_PREFIX = "kserve-"
STOP_ANNOTATION = f"{GROUP}/stop"

_TOKENIZER_PLUGINS = frozenset({"token-producer", "precise-prefix-cache-scorer"})
_LATENCY_PLUGIN = "predicted-latency-producer"
_CLEARED_WHEN_EMPTY = frozenset({"image", "value", "uri", "name"})

FindConfig = Callable[[str, str], Mapping[str, Any] | None]
"""Namespace and name to the config's body, or None when there is none."""


class Applied(NamedTuple):
    """One config that went into a service."""

    namespace: str
    name: str
    source: Literal["Preset", "UserRef"]


class Combined(msgspec.Struct, frozen=True):
    """A service's effective spec, or why there is none.

    Attributes:
        spec: the merged spec, without values that hold a Go template mtop does not evaluate. The
            service's own spec when `complete` is False.
        typed: the same, read; None when the merged spec has a field of a wrong type.
        unknown: paths in `spec` that were left out for their template.
        applied: configs that went in, lowest precedence first.
        complete: whether everything was merged. What is absent from a spec that is not complete
            is unknown, not unset.
        reason, message: of condition PresetsCombined when it is False, else empty.
    """

    spec: dict[str, Any]
    typed: ServiceSpec | None
    unknown: frozenset[str] = frozenset()
    applied: tuple[Applied, ...] = ()
    complete: bool = True
    reason: str = ""
    message: str = ""


class _ConfigNotFoundError(LookupError):
    def __init__(self, name: str, namespace: str) -> None:
        super().__init__(
            f'LLMInferenceServiceConfig "{name}" not found in namespaces '
            f"[{namespace} {PRESET_NAMESPACE}]"
        )


def combine(service: Mapping[str, Any], find_config: FindConfig) -> Combined:
    """Merge the configs of `service`, an object as received that `parse_service` accepts.

    Failures are what the controller makes of them: a result that is not complete with reason
    `ConfigNotFound` or `InvalidRenderedConfig` (`Stopped` when the service is stopped).
    """
    metadata = _mapping(service, "metadata")
    own = _stated(_mapping(service, "spec"))
    namespace = str(metadata.get("namespace") or DEFAULT_NAMESPACE)
    own = _with_model_name(own, str(metadata.get("name", "")))
    try:
        layers, applied = _layers(service, own, namespace, find_config)
    except _ConfigNotFoundError as error:
        return _uncombined(service, own, "ConfigNotFound", str(error))
    merged: dict[str, Any] = {}
    for layer in layers:
        merged = strategic_merge(merged, layer)
    filled = fill(merged, _names(metadata, namespace, merged))
    try:
        typed = parse_spec(filled.value)
        check_scaling(typed)
        check_parallelism(typed)
    except FieldError as error:
        return _uncombined(service, own, "InvalidRenderedConfig", str(error), applied)
    return Combined(filled.value, typed, filled.unknown, applied)


def _uncombined(
    service: Mapping[str, Any],
    own: dict[str, Any],
    reason: str,
    message: str,
    applied: tuple[Applied, ...] = (),
) -> Combined:
    metadata = _mapping(service, "metadata")
    namespace = str(metadata.get("namespace") or DEFAULT_NAMESPACE)
    filled = fill(own, _names(metadata, namespace, own))
    if is_stopped(metadata):
        reason, message = "Stopped", f"Service is stopped with warning: {message}"
    try:
        typed = parse_spec(filled.value)
    except FieldError:
        typed = None
    return Combined(filled.value, typed, filled.unknown, applied, False, reason, message)


def is_stopped(metadata: Mapping[str, Any]) -> bool:
    """Whether the owner stopped the service by annotation."""
    return str(_mapping(metadata, "annotations").get(STOP_ANNOTATION)).lower() == "true"


def presets(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Suffixes of the presets that apply to a spec with its baseRefs merged in, in order."""
    return tuple(_presets(spec))


def _layers(
    service: Mapping[str, Any], own: dict[str, Any], namespace: str, find_config: FindConfig
) -> tuple[list[dict[str, Any]], tuple[Applied, ...]]:
    references = [
        str(reference["name"])
        for reference in own.get("baseRefs") or ()
        if isinstance(reference, dict) and "name" in reference
    ]
    user_layers = [_layer(_config(name, namespace, find_config)[1]) for name in references]
    resolved = own
    for layer in user_layers:
        resolved = strategic_merge(resolved, layer)
    if name := _mapping(resolved, "model").get("name"):
        # The controller lets a config's model name win: the service's may be a mere default.
        own = strategic_merge(own, {"model": {"name": name}})
    pinned = _mapping(_mapping(service, "status"), "annotations")
    layers: list[dict[str, Any]] = []
    applied: list[Applied] = []
    for suffix in presets(resolved):
        found_in, body, preset = _preset(suffix, pinned, namespace, find_config)
        layers.append(_layer(body))
        applied.append(Applied(found_in, preset, "Preset"))
    for reference, layer in zip(references, user_layers, strict=True):
        layers.append(layer)
        found_in, _ = _config(reference, namespace, find_config)
        applied.append(Applied(found_in, reference, "UserRef"))
    return [*layers, own], tuple(applied)


def _presets(spec: Mapping[str, Any]) -> Iterator[str]:
    router = _mapping(spec, "router")
    if "scheduler" in router:
        scheduler = _mapping(router, "scheduler")
        if not _mapping(_mapping(scheduler, "pool"), "ref").get("name"):
            yield "config-llm-scheduler"
        plugins = _plugins(scheduler)
        if "tokenizer" in scheduler or plugins & _TOKENIZER_PLUGINS:
            yield "config-llm-tokenizer"
        if _LATENCY_PLUGIN in plugins:
            yield "config-llm-scheduler-latency-predictor"
    if "route" in router and not _mapping(_mapping(router, "route"), "http").get("refs"):
        yield "config-llm-router-route"
    if "tracing" in spec:
        yield "config-llm-tracing"
    if "prefill" in spec:
        yield from _workload_preset(_mapping(spec, "prefill"), "prefill-")
        yield from _workload_preset(spec, "decode-")
    else:
        yield from _workload_preset(spec, "")


def _workload_preset(pool: Mapping[str, Any], half: str) -> Iterator[str]:
    parallelism = _mapping(pool, "parallelism")
    if "worker" not in pool:
        yield f"config-llm-{half}template"
    elif parallelism.get("data") or parallelism.get("dataLocal"):
        yield f"config-llm-{half}worker-data-parallel"
    elif parallelism.get("pipeline"):
        yield f"config-llm-{half}worker-pipeline-parallel"


def _plugins(scheduler: Mapping[str, Any]) -> frozenset[str]:
    inline = _mapping(_mapping(scheduler, "config"), "inline")
    plugins = inline.get("plugins")
    return frozenset(
        str(plugin.get("type"))
        for plugin in (plugins if isinstance(plugins, list) else ())
        if isinstance(plugin, dict)
    )


def _preset(
    suffix: str, pinned: Mapping[str, Any], namespace: str, find_config: FindConfig
) -> tuple[str, Mapping[str, Any], str]:
    plain = f"{PRESET_PREFIX}{suffix}"
    name = str(pinned.get(f"{GROUP}/{suffix}") or plain)
    if name != plain:
        # A service keeps the preset version it started with; a folder of manifests may only have
        # the current one, which is nearer to the truth than none.
        try:
            return *_config(name, namespace, find_config), name
        except _ConfigNotFoundError:
            pass
    return *_config(plain, namespace, find_config), plain


def _config(name: str, namespace: str, find_config: FindConfig) -> tuple[str, Mapping[str, Any]]:
    for place in (namespace, PRESET_NAMESPACE):
        body = find_config(place, name)
        if body is not None:
            return place, body
    raise _ConfigNotFoundError(name, namespace)


def _layer(config: Mapping[str, Any]) -> dict[str, Any]:
    layer: dict[str, Any] = _stated(_mapping(config, "spec"))
    return layer


def _stated(value: Any) -> Any:
    """What an object states. The controller cannot tell null and empty lists from absent ones."""
    if isinstance(value, dict):
        return {
            key: _stated(item)
            for key, item in value.items()
            if item is not None
            and not (item == [] and isinstance(item, list))
            and not (item == "" and key in _CLEARED_WHEN_EMPTY)
        }
    if isinstance(value, list):
        return [_stated(item) for item in value]
    return value


def _with_model_name(own: dict[str, Any], name: str) -> dict[str, Any]:
    if _mapping(own, "model").get("name"):
        return own
    return strategic_merge(own, {"model": {"name": name}})


def _names(metadata: Mapping[str, Any], namespace: str, spec: Mapping[str, Any]) -> dict[str, str]:
    name = str(metadata.get("name", ""))
    names = {
        ".Name": name,
        ".ObjectMeta.Name": name,
        ".Namespace": namespace,
        ".ObjectMeta.Namespace": namespace,
    }
    model = _mapping(spec, "model").get("name")
    if isinstance(model, str) and "{{" not in model:
        names[".Spec.Model.Name"] = model
    return names


def _mapping(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = body.get(key)
    return value if isinstance(value, dict) else {}
