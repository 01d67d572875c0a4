"""Lines in the format of a node's kernel log: NVIDIA driver errors and the OOM killer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from mtop_tui.engine.outputs.container import Container
from mtop_tui.engine.outputs.stamps import kernel
from mtop_tui.observations import LogLine

_SLOTS: Final = ("18", "2a", "3a", "5d", "9a", "ab", "ba", "db")
"""PCI buses of eight GPUs, as a usual board has them."""

XID_TEXTS: Final[Mapping[int, str]] = {
    13: "Graphics SM Warp Exception on (GPC 1, TPC 3, SM 0): Out Of Range Address",
    31: "Ch 00000008, intr 00000000. MMU Fault: ENGINE GRAPHICS faulted @ 0x7f4a_20000000. "
    "Fault is of type FAULT_PDE ACCESS_TYPE_VIRT_READ",
    43: "Ch 00000008",
    45: "Ch 00000008, preemptive removal",
    48: "An uncorrectable double bit error (DBE) has been detected on GPU in the framebuffer",
    63: "Row Remapper: New row marked for remapping, reset gpu to activate.",
    64: "Row Remapper: failed to remap a row",
    74: "NVLink: fatal error detected on link 2",
    79: "GPU has fallen off the bus.",
    92: "High single-bit ECC error rate",
    94: "Contained: memory error, the channel was removed",
    95: "Uncontained: memory error, all channels were removed",
    119: "Timeout after 6s of waiting for RPC response from GPU GSP",
}
"""What the driver adds to the codes of simulated errors; the codes are NVIDIA's catalogue's."""


def _says(at: float, text: str, level: str = "warn") -> LogLine:
    return LogLine(at, f"kern  :{level:<5} : {kernel(at)} {text}")


def xid(
    container: Container,
    at: float,
    stop: float,
    *,
    gpu: float,
    code: float,
    pid: float = 0.0,
    process: str = "VLLM::EngineCor",
) -> Iterator[LogLine]:
    """The driver reports error `code` of the GPU with the index `gpu`; `pid` 0 is not known."""
    del container, stop
    slot = _SLOTS[int(gpu) % len(_SLOTS)]
    of = f"pid={int(pid)}, name={process}" if pid else "pid='<unknown>', name=<unknown>"
    text = XID_TEXTS.get(int(code), "see the catalogue")
    yield _says(at, f"NVRM: Xid (PCI:0000:{slot}:00): {int(code)}, {of}, {text}")


def host_oom(
    container: Container,
    at: float,
    stop: float,
    *,
    pid: float,
    process: str = "python3",
    resident: float = 0.0,
) -> Iterator[LogLine]:
    """The kernel kills a process of `resident` bytes, since its container is at its limit."""
    del container, stop
    resident_kb = int(resident / 1024)
    yield _says(
        at,
        f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=kubepods,mems_allowed=0-1,"
        f"task={process},pid={int(pid)},uid=0",
    )
    yield _says(
        at,
        f"Memory cgroup out of memory: Killed process {int(pid)} ({process}) "
        f"total-vm:{2 * resident_kb}kB, anon-rss:{resident_kb}kB, file-rss:0kB, shmem-rss:0kB",
        "err",
    )


STAGES: Final[Mapping[str, Callable[..., Iterator[LogLine]]]] = {"xid": xid, "host-oom": host_oom}
