"""Who else holds an object to a state of its own, and would set a change back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mtop_tui.actions.bodies import items, section
from mtop_tui.actions.intents import Body

_MARKS: Final = (
    ("argocd.argoproj.io/tracking-id", "Argo CD"),
    ("argocd.argoproj.io/instance", "Argo CD"),
    ("kustomize.toolkit.fluxcd.io/name", "Flux"),
    ("helm.toolkit.fluxcd.io/name", "Flux"),
    ("meta.helm.sh/release-name", "Helm"),
)
"""Labels and annotations by which tools mark what they manage."""


def keepers(body: Body) -> Iterator[str]:
    """A sentence for each tool or owner that may set a change of an object back."""
    metadata = {
        **section(body, "metadata", "labels"),
        **section(body, "metadata", "annotations"),
    }
    tools = dict.fromkeys(tool for mark, tool in _MARKS if mark in metadata)
    for tool in tools:
        when = "with its next upgrade" if tool == "Helm" else "unless it is changed there too"
        yield f"{tool} manages this object: it sets it back {when}"
    for owner in items(body, "metadata", "ownerReferences"):
        if owner.get("controller"):
            yield f"{owner.get('kind')} {owner.get('name')} owns this object and may set it back"
