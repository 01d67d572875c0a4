"""Lines of a log: how grave each is, and what of it is shown.

Engines, their servers and the kernel each write levels in their own way. What is recognised: vLLM
and uvicorn (`INFO 08-02 ...`, `INFO:     ...`), SGLang (which writes none, so its exceptions are
known by their form), klog and glog (`E0802 09:19:29`), TensorRT-LLM (`[E]`, `[ERROR]`), kernel
(`kern  :err   :`), logfmt (`level=error`) and JSON objects.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Any, NamedTuple

import msgspec

from mtop_tui.text import safe


class Level(IntEnum):
    """How grave a line is. UNKNOWN is a line that does not say so; it counts as INFO."""

    UNKNOWN = 0
    DEBUG = 1
    INFO = 2
    WARN = 3
    ERROR = 4
    FATAL = 5


LETTERS = " DIWEF"
"""One letter per level, as klog writes it."""


class Line(NamedTuple):
    """One line as it is shown. `number` counts all lines of the log, those let go included."""

    number: int
    at: float
    origin: int
    level: int
    text: str


_NAMES = {
    "trace": Level.DEBUG,
    "debug": Level.DEBUG,
    "d": Level.DEBUG,
    "info": Level.INFO,
    "information": Level.INFO,
    "notice": Level.INFO,
    "i": Level.INFO,
    "warn": Level.WARN,
    "warning": Level.WARN,
    "w": Level.WARN,
    "err": Level.ERROR,
    "error": Level.ERROR,
    "e": Level.ERROR,
    "fatal": Level.FATAL,
    "critical": Level.FATAL,
    "crit": Level.FATAL,
    "panic": Level.FATAL,
    "dpanic": Level.FATAL,
    "alert": Level.FATAL,
    "emerg": Level.FATAL,
    "emergency": Level.FATAL,
    "f": Level.FATAL,
}

_NAMES |= {name.upper(): level for name, level in _NAMES.items()}

_NUMBERED = (*[Level.DEBUG] * 3, Level.INFO, Level.WARN, Level.ERROR, Level.FATAL)
"""Tens, as pino and bunyan count: 20 debug, 30 info, 40 warn, 50 error, 60 fatal."""

_HEAD = 120
"""Characters within which a line says its level; later the words are part of what it tells."""

_UPPER = re.compile(
    r"(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERR(?:OR)?|FATAL|CRITICAL|PANIC)(?![\w.=-])"
)
_GLOG = re.compile(r"(?:\[rank\d{1,6}\]:\[)?([DIWEF])\d{3,4} \d\d:\d\d:\d\d")
_BRACKET = re.compile(r"\[([DIWEF])\] ")
_KERNEL = re.compile(r"kern +:([a-z]+) *: ")
_LOGFMT = re.compile(r"(?<![\w.])(?:level|lvl|severity)=\"?([A-Za-z]+)")
_JSON = re.compile(
    r'"(?:level|lvl|levelname|log\.level|loglevel|log_level|severity)" ?: ?(?:"([A-Za-z]+)"|(\d+))'
)
_PREFIX = re.compile(r"\([^()]{1,60}\) |\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[^\]]{0,20}\] ")
"""Who of vLLM's processes writes, or SGLang's time and rank."""

_FAILS = re.compile(
    r"Traceback \(most recent call last\)|[\w.]*(?:Error|Exception)(?::|$)"
    r"|.{0,60}(?:died unexpectedly|hit an exception|[Ss]egmentation fault|core dumped)"
)
_INDENT = (" ", "␉")


def level_of(text: str, before: int = Level.UNKNOWN) -> int:
    """How grave a line is.

    Args:
        text: the line, made safe.
        before: level of the line before it in the same container: an indented line without a level
            of its own goes on with that line, as those of a traceback do.
    """
    if text.startswith("{"):
        return _json_level(text)
    found = _UPPER.search(text, 0, _HEAD)
    while found is not None:
        start = found.start()
        if start == 0 or not (text[start - 1].isalnum() or text[start - 1] in "_-./"):
            return _NAMES[found.group()]
        found = _UPPER.search(text, found.end(), _HEAD)
    if (short := _GLOG.match(text) or _BRACKET.search(text, 0, _HEAD)) is not None:
        return _NAMES[short.group(1)]
    if (named := _KERNEL.match(text) or _LOGFMT.search(text, 0, 4 * _HEAD)) is not None:
        return _NAMES.get(named.group(1).lower(), Level.UNKNOWN)
    prefix = _PREFIX.match(text)
    start = 0 if prefix is None else prefix.end()
    if text.startswith(_INDENT, start):
        return before
    return Level.ERROR if _FAILS.match(text, start) else Level.UNKNOWN


def _json_level(text: str) -> int:
    found = _JSON.search(text)
    if found is None:
        return Level.UNKNOWN
    name, number = found.groups()
    if name is not None:
        return _NAMES.get(name.lower(), Level.UNKNOWN)
    return _NUMBERED[min(int(number[:4]) // 10, len(_NUMBERED) - 1)]


_MESSAGE_KEYS = ("msg", "message", "event", "text", "error")
_LEVEL_KEYS = ("level", "lvl", "levelname", "log.level", "loglevel", "log_level", "severity")
_TIME_KEYS = ("ts", "time", "timestamp", "@timestamp", "asctime")
_COLUMN_KEYS = frozenset((*_LEVEL_KEYS, *_TIME_KEYS))
"""What stands in columns of its own."""


_STAMP = r"(?:\d{4}-\d\d-\d\d[T ]|\d\d-\d\d )\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"
_WHO = re.compile(r"\(([^() ]{1,40})(?: pid=\d{1,9})?\) ")
_RANKED = re.compile(rf"\[{_STAMP}((?: [A-Z]{{1,4}}\d{{1,4}}){{0,4}})\] ")
_KLOG = re.compile(r"[DIWEF]\d{4} \d\d:\d\d:\d\d\.\d{1,9} +\d{1,9} (?=[\w.-]{1,60}:\d{1,6}\])")
_TOKEN = re.compile(
    rf"(?:{_STAMP}|(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL):?)"
    r"(?: +[-|] +| *(?= )(?= *\S) )"
)


def shown(text: str) -> str:
    """What is shown of a line: it without the time and the level that stand in columns beside it.

    Of a JSON object, it is the message and the other fields.
    """
    if text.startswith("{"):
        return _fields(text) or text
    who = _WHO.match(text)
    lead, at = ("", 0) if who is None else (f"({who.group(1)}) ", who.end())
    start = at
    if (ranked := _RANKED.match(text, at)) is not None:
        at = ranked.end()
        lead += f"[{ranked.group(1).strip()}] " if ranked.group(1) else ""
    elif (klog := _KLOG.match(text, at)) is not None:
        at = klog.end()
        lead += "["
    elif (kernel := _KERNEL.match(text, at)) is not None:
        at = kernel.end()
        lead += "kernel "
    while (token := _TOKEN.match(text, at)) is not None:
        at = token.end()
    return lead + text[at:] if at > start or who is not None else text


def _fields(text: str) -> str:
    """Message and fields of a JSON object; empty when it is none."""
    try:
        fields = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return ""
    message = next((key for key in _MESSAGE_KEYS if isinstance(fields.get(key), str)), None)
    words = [] if message is None else [fields.pop(message)]
    words += [f"{key}={_value(value)}" for key, value in fields.items() if key not in _COLUMN_KEYS]
    # A JSON string may spell out control characters that were plain letters before.
    return safe("  ".join(words))


def _value(value: object) -> str:
    if isinstance(value, str):
        return f'"{value}"' if " " in value else value
    try:
        return msgspec.json.encode(value).decode()
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return "..."


def short_origins(origins: list[tuple[str, str]]) -> list[str]:
    """Pods and containers in as few characters as tell them apart, each in a name of its own.

    A pod is called by the end of its name that no other pod has; a container is named where a pod
    has several, or where it is not called as the most are.
    """
    pods = list(dict.fromkeys(pod for pod, _ in origins))
    ends = dict(zip(pods, _ends(pods), strict=True))
    usual = "main"
    names = {container for _, container in origins}
    if len(names) == 1:
        usual = names.pop()
    return [
        ends[pod] if container == usual else f"{ends[pod]}/{container}"
        for pod, container in origins
    ]


def _ends(pods: list[str]) -> list[str]:
    parts = [pod.split("-") for pod in pods]
    for count in range(1, max(map(len, parts), default=1) + 1):
        ends = ["-".join(part[-count:]) for part in parts]
        if len(set(ends)) == len(ends):
            return ends
    return pods
