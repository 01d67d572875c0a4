"""What the lines of a container are about: the facts its figures follow from."""

from __future__ import annotations

from typing import Literal, NamedTuple
from zlib import crc32

import msgspec

Speaker = Literal["vllm", "sglang", "storage-initializer", "kernel"]
"""Who writes the lines, and so in which format."""

MAIN, STORAGE_INITIALIZER, KERNEL = "main", "storage-initializer", "kernel"
"""Names of containers; the kernel is that of a node, which has one stream."""

DEFAULT_VERSION = "0.11.0"


class ContainerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the figures in a container's lines follow from.

    One object serves all replicas of a revision, so that a line costs a replica no memory.

    Attributes:
        speaker: whose format the lines have.
        model: as it is served, for instance "meta-llama/Llama-3.1-8B-Instruct".
        uri: where the weights come from.
        version: of the engine.
        weights: bytes of all weights.
        layers: of the model.
        ranks: GPUs of one replica, each with a worker of its own when there are several.
        kv_tokens: tokens the KV cache of the replica holds.
        kv_bytes: bytes of the KV cache on one GPU.
        max_model_len: longest request in tokens.
        gpu_memory: bytes of one GPU.
        gpu_memory_utilization: share of it the engine takes.
        port: of the server.
    """

    speaker: Speaker = "vllm"
    model: str = ""
    uri: str = ""
    version: str = DEFAULT_VERSION
    weights: float = 0.0
    layers: int = 32
    ranks: int = 1
    kv_tokens: int = 0
    kv_bytes: float = 0.0
    max_model_len: int = 8192
    gpu_memory: float = 80.0 * 2**30
    gpu_memory_utilization: float = 0.9
    port: int = 8000


class Container(NamedTuple):
    """One container of one pod: its facts and what tells it from its siblings."""

    facts: ContainerFacts
    pod: str

    @property
    def pid(self) -> int:
        """The process that runs the engine; the server is the container's first, 1."""
        return 150 + crc32(self.pod.encode()) % 350

    def worker_pid(self, rank: int) -> int:
        """The process of one rank."""
        return self.pid + 134 + rank


def speaker_of(image: str) -> Speaker:
    """Whose format the lines of a serving container have, by its image."""
    return "sglang" if "sglang" in image.lower() else "vllm"


def version_of(image: str) -> str:
    """The version an image's tag states ("v0.11.0", "v0.11.0-cuda12"), or a usual one."""
    tag = image.rpartition(":")[2].removeprefix("v").partition("-")[0]
    parts = tag.split(".")
    return tag if len(parts) >= 2 and all(part.isdigit() for part in parts) else DEFAULT_VERSION
