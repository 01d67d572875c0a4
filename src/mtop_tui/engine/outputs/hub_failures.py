"""How a download of weights fails, in the words of `huggingface_hub`, `requests` and the OS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from mtop_tui.engine.outputs.container import Container
from mtop_tui.observations import LogLine

_HUB: Final = "https://huggingface.co"


def _failed(at: float, *texts: str) -> Iterator[LogLine]:
    yield LogLine(at, "Traceback (most recent call last):")
    yield LogLine(
        at, '  File "/storage-initializer/scripts/initializer-entrypoint", line 24, in <module>'
    )
    for text in texts:
        yield LogLine(at, text)


def gated(container: Container, at: float, stop: float) -> Iterator[LogLine]:
    """Token missing, or the model's terms not accepted: HTTP 401."""
    del stop
    model = container.facts.model
    return _failed(
        at,
        "huggingface_hub.errors.GatedRepoError: 401 Client Error.",
        f"Cannot access gated repo for url {_HUB}/{model}/resolve/main/config.json.",
        f"Access to model {model} is restricted. You must have access to it and be authenticated "
        "to access it. Please log in.",
    )


def rate_limit(container: Container, at: float, stop: float) -> Iterator[LogLine]:
    """Too many pods ask at once: HTTP 429."""
    del stop
    url = f"{_HUB}/api/models/{container.facts.model}/revision/main"
    return _failed(
        at,
        "huggingface_hub.errors.HfHubHTTPError: 429 Client Error: Too Many Requests for url: "
        f"{url}",
    )


def not_found(container: Container, at: float, stop: float) -> Iterator[LogLine]:
    """The hub does not know the model: HTTP 404."""
    del stop
    url = f"{_HUB}/api/models/{container.facts.model}/revision/main"
    return _failed(
        at,
        "huggingface_hub.errors.RepositoryNotFoundError: 404 Client Error.",
        f"Repository Not Found for url: {url}.",
    )


def unreachable(container: Container, at: float, stop: float) -> Iterator[LogLine]:
    """No way to the source of the weights."""
    del stop
    path = f"/api/models/{container.facts.model}/revision/main"
    return _failed(
        at,
        "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='huggingface.co', port=443):"
        f" Max retries exceeded with url: {path} (Caused by NewConnectionError: [Errno 111] "
        "Connection refused)",
    )


def disk_full(container: Container, at: float, stop: float) -> Iterator[LogLine]:
    """The volume for the weights has no room left."""
    del container, stop
    return _failed(at, "OSError: [Errno 28] No space left on device")


STAGES: Final[Mapping[str, Callable[..., Iterator[LogLine]]]] = {
    "hub-gated": gated,
    "hub-rate-limit": rate_limit,
    "hub-not-found": not_found,
    "hub-unreachable": unreachable,
    "disk-full": disk_full,
}
