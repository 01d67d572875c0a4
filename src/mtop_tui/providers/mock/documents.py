"""YAML text as documents that know on which line each of their fields stands.

PyYAML's own constructor is not used: ours is faster, keeps timestamps as text (as Kubernetes does),
refuses duplicate keys, and cannot be made to expand a small file into gigabytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

MAX_VALUES = 500_000
"""Values in one document, counted as if every alias were written out."""
MAX_DEPTH = 100

_TAG = "tag:yaml.org,2002:"
_STRING, _NULL, _BOOL = f"{_TAG}str", f"{_TAG}null", f"{_TAG}bool"
_INT, _FLOAT, _MERGE = f"{_TAG}int", f"{_TAG}float", f"{_TAG}merge"
_AS_TEXT = frozenset({_STRING, f"{_TAG}timestamp", f"{_TAG}value"})
_COLLECTIONS = frozenset({f"{_TAG}map", f"{_TAG}seq"})

_MAYBE_DEEP = re.compile(r"(?:[-?:][ \t\r\n]+){50}")


class DocumentError(Exception):
    """What is wrong with a document, and on which line (from 1; 0 when it is not known)."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


class Document(msgspec.Struct, frozen=True):
    """One document of a file.

    Attributes:
        number: from 1.
        line: of its first value, from 1.
        body: plain mappings, lists and scalars; None when there is a flaw.
        flaw: why it cannot be used.
        node: what `line_of` looks into.
    """

    number: int
    line: int
    body: Any = None
    flaw: DocumentError | None = None
    node: Any = None

    def line_of(self, field: str) -> int:
        """The line of a field such as `spec.template.containers[0].name`.

        A field that is not there is looked for as far as it exists: the line is its parent's.
        """
        node, line = self.node, self.line
        rest = field
        while rest and node is not None:
            found = _step(node, rest)
            if found is None:
                break
            node, line, rest = found
        return line


def documents(text: str) -> list[Document]:
    """The documents of a YAML text, empty ones left out; it never raises.

    A syntax error ends the list with a document that has the flaw; what stands before it is kept.
    """
    try:
        _refuse_deep(text)
        return list(_documents(text))
    except DocumentError as flaw:
        return [Document(1, flaw.line, flaw=flaw)]


def _documents(text: str) -> Iterator[Document]:
    number = 0
    loader = None
    try:
        loader = _loader()(text)
        while loader.check_node():
            node = loader.get_node()
            number += 1
            document = _document(number, node)
            if document is not None:
                yield document
    except RecursionError:
        yield _flawed(number + 1, DocumentError(0, _too_deep()))
    except _yaml().YAMLError as error:
        yield _flawed(number + 1, _syntax_flaw(error, text))
    finally:
        if loader is not None:
            loader.dispose()


def _document(number: int, node: Any) -> Document | None:
    line = node.start_mark.line + 1
    try:
        body, _ = _Builder().build(node, 0)
    except DocumentError as flaw:
        return Document(number, flaw.line, flaw=flaw, node=node)
    return None if body is None else Document(number, line, body, node=node)


def _flawed(number: int, flaw: DocumentError) -> Document:
    return Document(number, flaw.line, flaw=flaw)


class _Builder:
    """Builds plain values from one document's nodes, each aliased node once."""

    def __init__(self) -> None:
        self._built: dict[int, tuple[Any, int]] = {}
        self._open: set[int] = set()

    def build(self, node: Any, depth: int) -> tuple[Any, int]:
        """The value of `node`, and how many values it holds when written out."""
        if isinstance(node.value, str):
            return _scalar(node), 1
        key = id(node)
        known = self._built.get(key)
        if known is not None:
            return known
        if key in self._open:
            raise DocumentError(_line(node), "an alias refers to what it stands in; write it out")
        if depth > MAX_DEPTH:
            raise DocumentError(_line(node), _too_deep())
        if node.tag not in _COLLECTIONS:
            raise DocumentError(_line(node), f"tag {node.tag!r} is not allowed here; remove it")
        self._open.add(key)
        is_list = node.tag.endswith("seq")
        built = self._list(node, depth) if is_list else self._mapping(node, depth)
        self._open.discard(key)
        if built[1] > MAX_VALUES:
            raise DocumentError(
                _line(node),
                f"more than {MAX_VALUES:,} values with its aliases written out; write less",
            )
        self._built[key] = built
        return built

    def _list(self, node: Any, depth: int) -> tuple[list[Any], int]:
        items, total = [], 1
        for child in node.value:
            value, size = self.build(child, depth + 1)
            items.append(value)
            total += size
        return items, total

    def _mapping(self, node: Any, depth: int) -> tuple[dict[str, Any], int]:
        mapping: dict[str, Any] = {}
        below: dict[str, Any] = {}
        total = 1
        for key_node, child in node.value:
            if key_node.tag == _MERGE:
                value, size = self.build(child, depth + 1)
                for one in reversed(value) if isinstance(value, list) else (value,):
                    if not isinstance(one, dict):
                        raise DocumentError(
                            _line(child), "`<<` expects a mapping; correct or remove it"
                        )
                    below |= one
                total += size
                continue
            key = key_node.value
            if not isinstance(key, str):
                raise DocumentError(_line(key_node), "a key must be text, not a list or mapping")
            if key in mapping:
                raise DocumentError(_line(key_node), f"key {key!r} stands here twice; remove one")
            mapping[key], size = self.build(child, depth + 1)
            total += size
        return (below | mapping if below else mapping), total


def _scalar(node: Any) -> Any:
    tag, text = node.tag, node.value
    if tag in _AS_TEXT:
        return text
    if tag == _NULL:
        return None
    if tag == _BOOL:
        return text.lower() in {"true", "yes", "on"}
    try:
        if tag == _INT:
            return _integer(text)
        if tag == _FLOAT:
            return _float(text)
    except ValueError:
        raise DocumentError(
            _line(node), f"{text[:40]!r} is no number mtop can read; put it in quotes"
        ) from None
    raise DocumentError(_line(node), f"tag {tag!r} is not allowed here; remove it")


def _integer(text: str) -> int | str:
    digits = text.replace("_", "").lower()
    if ":" in digits:
        # Kubernetes does not count in sixties: 12:30 is text.
        return text
    sign, digits = (-1, digits[1:]) if digits[:1] == "-" else (1, digits.removeprefix("+"))
    if digits.startswith("0") and digits[1:].isdigit():
        return sign * int(digits, 8)
    return sign * int(digits, 0)


def _float(text: str) -> float | str:
    digits = text.replace("_", "").lower()
    if ":" in digits:
        return text
    return float(digits.replace(".inf", "inf").replace(".nan", "nan"))


def _step(node: Any, field: str) -> tuple[Any, int, str] | None:
    """The node of the first part of `field`, its line, and the parts that are left."""
    if isinstance(node.value, str):
        return None
    if node.tag.endswith("seq"):
        index = re.match(r"\[(\d+)\]\.?", field)
        if index is None or int(index[1]) >= len(node.value):
            return None
        child = node.value[int(index[1])]
        return child, _line(child), field[index.end() :]
    best: tuple[Any, int, str] | None = None
    longest = 0
    # Keys may hold dots, so the longest key that the path starts with is meant.
    for key_node, child in node.value:
        key = key_node.value
        if isinstance(key, str) and len(key) >= longest and field.startswith(key):
            rest = field[len(key) :]
            if not rest or rest[0] in ".[":
                best, longest = (child, _line(key_node), rest.removeprefix(".")), len(key)
    return best


def _line(node: Any) -> int:
    line: int = node.start_mark.line + 1
    return line


def _too_deep() -> str:
    return f"more than {MAX_DEPTH} levels deep; no Kubernetes object is"


def _refuse_deep(text: str) -> None:
    """Raise for text nested so deeply that libyaml's recursion would end the process."""
    if text.count("[") + text.count("{") < 1_000 and not _MAYBE_DEEP.search(text):
        return
    depth = 0
    parser = _loader()(text)
    try:
        while parser.check_event():
            event = parser.get_event()
            if isinstance(event, _yaml().CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    raise DocumentError(_line(event), _too_deep())
            elif isinstance(event, _yaml().CollectionEndEvent):
                depth -= 1
    except _yaml().YAMLError:
        return
    finally:
        parser.dispose()


def _yaml() -> Any:
    import yaml  # noqa: PLC0415 - only who reads manifests pays for it

    return yaml


def _loader() -> Any:
    yaml = _yaml()
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _syntax_flaw(error: Any, text: str) -> DocumentError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    said = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    if mark is not None:
        return DocumentError(mark.line + 1, f"not YAML: {said}; correct it")
    position = getattr(error, "position", None)
    line = text.count("\n", 0, position) + 1 if isinstance(position, int) else 0
    return DocumentError(line, f"not YAML: {said}; correct it")
