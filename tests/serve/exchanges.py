"""What of the recorded exchanges with a genuine API server an answer is held to.

`exchanges.json` carries it: status, content type, Retry-After, the Status with its details, and
which keys are where. `python tests/serve/exchanges.py FOLDER` makes it anew from the recordings.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).with_name("exchanges.json")
DEPTH = 5
FREE = frozenset({"fieldsV1", "labels", "annotations", "nodeSelector"})
"""Mappings whose keys are data."""
STATUS = ("reason", "code", "message", "details")


def recorded(path: Path) -> dict[str, Any]:
    """What a recording says of an answer."""
    head, _, body = path.read_text().partition("\n\n")
    first, *lines = head.splitlines()
    headers = dict(line.split(": ", 1) for line in lines)
    return expected(int(first.split()[1]), headers, body)


def expected(code: int, headers: Mapping[str, str], body: str) -> dict[str, Any]:
    """What an answer is compared by."""
    content_type = headers["content-type"]
    found: dict[str, Any] = {"status": code, "content_type": content_type}
    if "retry-after" in headers:
        found["retry_after"] = headers["retry-after"]
    if content_type.startswith("text/"):
        return found | ({"text": body.strip()} if code >= 400 else {})
    lines = [line for line in body.splitlines() if line]
    if lines and lines[0].startswith('{"type":'):
        events = [json.loads(line) for line in lines]
        found["events"] = [{"type": one["type"], **_of_object(one["object"])} for one in events]
        return found
    return found | (_of_object(json.loads(body)) if body.strip() else {"events": []})


def _of_object(body: dict[str, Any]) -> dict[str, Any]:
    if body.get("kind") == "Status":
        return {"error": {name: body[name] for name in STATUS if name in body}}
    return {"kind": body.get("kind", ""), "keys": sorted(set(paths(body)))}


def paths(value: Any, at: str = "", depth: int = DEPTH) -> Iterator[str]:
    """Where keys are in a JSON value, down to a depth; the items of a list are all one."""
    if isinstance(value, dict):
        for name, item in value.items():
            inner = f"{at}.{name}" if at else name
            yield inner
            if name not in FREE and depth > 1:
                yield from paths(item, inner, depth - 1)
    elif isinstance(value, list):
        for item in value:
            yield from paths(item, f"{at}[]", depth)


def comparable(value: Any) -> Any:
    """A value without what differs from run to run: versions, pod names, addresses."""
    text = json.dumps(value, sort_keys=True)
    text = re.sub(r"too old resource version: \d+ \(\d+\)", "too old resource version: N", text)
    text = re.sub(r"\b\d+\.\d+\.\d+\.\d+:", "ADDRESS:", text)
    text = re.sub(r"(for pod )[a-z0-9-]+", r"\1POD", text)
    return json.loads(text)


def main() -> None:
    """Write the vectors from a folder of recordings."""
    found = {path.stem: recorded(path) for path in sorted(Path(sys.argv[1]).glob("*.http"))}
    VECTORS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
