"""Served clusters for the tests of `mtop serve`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from recorded_fleet import objects
from serving import Served, folder_of, served


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Served]:
    """The fleet of the recorded exchanges; its time stands still."""
    manifests = folder_of(tmp_path / "manifests", objects())
    # With this seed, ReplicaSets have names that sort as those of the recordings do.
    async with served(manifests, seed=2, kubeconfig=tmp_path / "kubeconfig") as found:
        yield found
