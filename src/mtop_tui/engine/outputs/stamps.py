"""Times as the engines, uvicorn and the kernel write them, in UTC, and who asks for what."""

from __future__ import annotations

from datetime import UTC, datetime
from zlib import crc32

_PORTS, _FIRST_PORT = 28_000, 32_768


def short(at: float) -> str:
    """vLLM's, which has neither year nor zone: "08-02 09:19:29"."""
    return datetime.fromtimestamp(at, UTC).strftime("%m-%d %H:%M:%S")


def full(at: float) -> str:
    """SGLang's: "2026-08-02 09:19:29"."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def precise(at: float) -> str:
    """Python's logging with milliseconds: "2026-08-02 09:19:29.125"."""
    return datetime.fromtimestamp(at, UTC).isoformat(" ", "milliseconds").partition("+")[0]


def kernel(at: float) -> str:
    """`dmesg --time-format iso`: "2026-08-02T09:19:29,125000+00:00"."""
    return datetime.fromtimestamp(at, UTC).isoformat("T", "microseconds").replace(".", ",")


def glog(at: float) -> str:
    """That of PyTorch's C++ side: "0802 09:19:29.125000000"."""
    return datetime.fromtimestamp(at, UTC).strftime("%m%d %H:%M:%S.%f") + "000"


def elapsed(seconds: float) -> str:
    """tqdm's "01:47"."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes:02}:{rest:02}"


def peer(name: str, at: float) -> str:
    """Address and port from which something asks: the same for a name, another port each time."""
    host = crc32(name.encode())
    port = _FIRST_PORT + (host + int(at * 7)) % _PORTS
    return f"10.42.{host % 250}.{host // 250 % 250}:{port}"


def phase(name: str) -> float:
    """A place in [0, 1) that spreads what happens regularly over the pods."""
    return crc32(name.encode()) % 997 / 997
