"""Objects as received, checked and turned into what `schema` declares."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from mtop_tui.kserve.field_errors import FieldError, field_error
from mtop_tui.kserve.schema import (
    KSERVE_VERSIONS,
    NODE_VERSIONS,
    ClusterNode,
    LLMInferenceService,
    LLMInferenceServiceConfig,
    Metadata,
    Parallelism,
    Read,
    ServiceSpec,
)
from mtop_tui.kserve.templates import without_templates

_DNS_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_DNS_1035 = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_DNS_SUBDOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")

R = TypeVar("R", bound=Read)


def parse_service(body: Mapping[str, Any]) -> LLMInferenceService:
    """The service `body` describes.

    Raises:
        FieldError: a field of a wrong type or value, or an object Kubernetes would not accept.
    """
    _check_version(body, KSERVE_VERSIONS)
    service = _convert(body, LLMInferenceService)
    _check_name(service.metadata.name, _DNS_1035, "start with a letter, at most 63 characters")
    _check_namespace(service.metadata)
    if service.spec.model is not None and service.spec.model.uri is None:
        raise FieldError("spec.model.uri", 'is missing; add one such as "hf://org/model"')
    check_scaling(service.spec)
    return service


def parse_config(body: Mapping[str, Any]) -> LLMInferenceServiceConfig:
    """The config `body` describes. It may leave out anything and hold Go templates.

    Raises:
        FieldError: as `parse_service`.
    """
    _check_version(body, KSERVE_VERSIONS)
    config = _convert(without_templates(body), LLMInferenceServiceConfig)
    _check_name(config.metadata.name, _DNS_SUBDOMAIN, "at most 253 characters")
    _check_namespace(config.metadata)
    return config


def parse_node(body: Mapping[str, Any]) -> ClusterNode:
    """The node `body` describes.

    Raises:
        FieldError: as `parse_service`.
    """
    _check_version(body, NODE_VERSIONS)
    node = _convert(body, ClusterNode)
    _check_name(node.metadata.name, _DNS_SUBDOMAIN, "at most 253 characters")
    return node


def parse_spec(spec: Mapping[str, Any]) -> ServiceSpec:
    """A merged spec.

    Raises:
        FieldError: a field of a wrong type or value; its path starts with `spec`.
    """
    try:
        return msgspec.convert(spec, ServiceSpec)
    except msgspec.ValidationError as error:
        raise field_error(str(error).replace("`$", "`$.spec", 1), {"spec": spec}) from None


def check_scaling(spec: ServiceSpec) -> None:
    """Check what the schema says about replicas and scaling together.

    Raises:
        FieldError: both are given, or the scaling lacks a bound or what drives it.
    """
    for path, pool in (("spec", spec), ("spec.prefill", spec.prefill)):
        scaling = pool.scaling if pool is not None else None
        if pool is None or scaling is None:
            continue
        field = f"{path}.scaling"
        if pool.replicas is not None:
            raise FieldError(field, "cannot stand beside replicas; keep one of the two")
        if scaling.max_replicas is None:
            raise FieldError(f"{field}.maxReplicas", "is missing; add the largest replica count")
        if (scaling.wva is None) == (scaling.keda is None):
            raise FieldError(field, "needs exactly one of wva and keda; add or remove one")
        if (scaling.min_replicas or 1) > scaling.max_replicas:
            raise FieldError(
                f"{field}.minReplicas",
                f"{scaling.min_replicas} is above maxReplicas {scaling.max_replicas}; lower it",
            )


def _convert(body: Mapping[str, Any], kind: type[R]) -> R:
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise field_error(str(error), body) from None


def _check_version(body: Mapping[str, Any], known: tuple[str, ...]) -> None:
    version = body.get("apiVersion")
    if version not in known:
        found = "is missing" if version is None else f"mtop does not know {version!r}"
        raise FieldError("apiVersion", f"{found}; use {' or '.join(known)}")


def _check_name(name: str, legal: re.Pattern[str], rule: str) -> None:
    if not legal.fullmatch(name):
        raise FieldError(
            "metadata.name",
            f"{name!r} is no legal name; use a-z, 0-9 and '-', end with a letter or digit, {rule}",
        )


def _check_namespace(metadata: Metadata) -> None:
    namespace = metadata.namespace
    if namespace is not None and not _DNS_LABEL.fullmatch(namespace):
        raise FieldError(
            "metadata.namespace",
            f"{namespace!r} is no legal namespace; use a-z, 0-9 and '-', at most 63 characters",
        )


def check_parallelism(spec: ServiceSpec) -> None:
    """Check what KServe's webhook says about workers and parallelism.

    Raises:
        FieldError: data and pipeline parallelism together, half of data parallelism, or a worker
            without either.
    """
    for path, pool in (("spec", spec), ("spec.prefill", spec.prefill)):
        if pool is None:
            continue
        parallelism = pool.parallelism or Parallelism()
        pipeline, data, local = parallelism.pipeline, parallelism.data, parallelism.data_local
        if pipeline and (data or local):
            raise FieldError(
                f"{path}.parallelism",
                "pipeline cannot stand beside data or dataLocal; keep one of the two",
            )
        if (data is None) != (local is None):
            lacking = "data" if data is None else "dataLocal"
            raise FieldError(
                f"{path}.parallelism.{lacking}", "is missing; data and dataLocal go together"
            )
        if pool.worker is not None and not (pipeline or data):
            raise FieldError(
                f"{path}.worker", "needs parallelism; add pipeline, or data and dataLocal"
            )
