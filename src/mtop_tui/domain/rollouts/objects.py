"""Reading Kubernetes objects that may be strange: what is missing or of another type is unknown."""

from __future__ import annotations

from collections.abc import Mapping

Object = Mapping[str, object]
"""An object or a part of one, as the API server sends it."""

STOP_ANNOTATION = "serving.kserve.io/stop"


def at(value: object, *path: str) -> Object:
    """The mapping at a path; empty if there is none."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def items(value: Object, key: str) -> list[Object]:
    """The mappings in a list; empty if there is none."""
    found = value.get(key)
    if not isinstance(found, list):
        return []
    return [item for item in found if isinstance(item, Mapping)]


def text(value: Object, key: str) -> str | None:
    """A text that is not empty."""
    found = value.get(key)
    return found if isinstance(found, str) and found else None


def number(value: Object, key: str) -> float | None:
    """A number, whole or not; a truth value is none."""
    found = value.get(key)
    return None if isinstance(found, bool) or not isinstance(found, int | float) else float(found)


def count(value: Object, key: str) -> int | None:
    """A whole number; a truth value is none."""
    found = value.get(key)
    return None if isinstance(found, bool) or not isinstance(found, int) else found


def whole(digits: str | None) -> int | None:
    """The whole number that a text states, as annotations do; None for any other text."""
    return int(digits) if digits and len(digits) < 19 and digits.isdecimal() else None


def name_of(value: Object) -> str:
    """`metadata.name`, or nothing."""
    return text(at(value, "metadata"), "name") or ""


def label(value: Object, key: str) -> str | None:
    """The value of a label."""
    return text(at(value, "metadata", "labels"), key)


def annotation(value: Object, key: str) -> str | None:
    """The value of an annotation."""
    return text(at(value, "metadata", "annotations"), key)


def unseen(workload: Object) -> bool:
    """Whether the controller's generation is behind; Argo writes it as text, once as a hash."""
    generation = count(at(workload, "metadata"), "generation")
    status = at(workload, "status")
    observed = count(status, "observedGeneration")
    if observed is None:
        observed = whole(text(status, "observedGeneration"))
    return generation is not None and observed is not None and observed < generation


def condition(status: Object, kind: str) -> Object:
    """The condition of a type in a status; empty if there is none."""
    return next((c for c in items(status, "conditions") if text(c, "type") == kind), {})
