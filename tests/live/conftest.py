"""A served cluster with a kubeconfig, and live mode watching it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from recorded_fleet import objects
from serving import Served, folder_of, served
from watching import Watched, watching


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    return tmp_path / "kubeconfig"


@pytest.fixture
async def cluster(tmp_path: Path, kubeconfig: Path) -> AsyncIterator[Served]:
    """Services, pods and all else; its time stands still."""
    manifests = folder_of(tmp_path / "manifests", objects())
    async with served(manifests, seed=2, kubeconfig=kubeconfig) as found:
        yield found


@pytest.fixture
async def watched(cluster: Served, kubeconfig: Path, monkeypatch) -> AsyncIterator[Watched]:
    """The same, all of it on the screen."""
    async with watching(kubeconfig, monkeypatch) as live:
        await live.live()
        yield Watched(cluster, live)
