"""The file given with `--slo`: YAML text handed to `domain.slo` as plain documents.

A file comes from somebody else, so it is read in pure Python with what can grow without end left
out: merge keys, and files longer than any list of objectives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from mtop_tui.domain.slo.burn_alerts import Catalogue
from mtop_tui.domain.slo.importing import import_documents
from mtop_tui.domain.slo.objectives import DEFAULT_WINDOW, Objective
from mtop_tui.domain.slo.periods import RollingWindow

MAX_BYTES = 300_000
"""A larger file is not read: reading it would take seconds."""


class SloFileError(Exception):
    """A file that cannot be used: one line per problem, each naming the file."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class SloFile(NamedTuple):
    """What a file said: objectives, alert windows by period in seconds, and lines to show."""

    objectives: tuple[Objective, ...]
    catalogues: Mapping[float, Catalogue]
    warnings: tuple[str, ...]


def read_slo_file(path: Path, sloth_window: RollingWindow = DEFAULT_WINDOW) -> SloFile:
    """The objectives of an OpenSLO or Sloth file; `sloth_window` is the period of Sloth's.

    Raises:
        SloFileError: it cannot be read, is not YAML, or a document of it is wrong. Each problem
            names file, document, field and what was expected.
    """
    imported = import_documents(_documents(path, _text(path)), str(path), sloth_window)
    if imported.errors:
        raise SloFileError(f"{path}: {complaint}" for complaint in imported.errors)
    warnings = [f"{path}: {complaint}" for complaint in imported.warnings]
    if not (imported.objectives or imported.catalogues or warnings):
        warnings.append(f"{path}: has no objectives")
    return SloFile(imported.objectives, imported.catalogues, tuple(warnings))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise SloFileError([f"{path}: larger than {MAX_BYTES // 1000} kB; split it"])
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SloFileError(
            [f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8"]
        ) from error
    except OSError as error:
        raise SloFileError(
            [f"{path}: cannot be read: {error.strerror}; expected an OpenSLO or Sloth file"]
        ) from error


def _documents(path: Path, text: str) -> list[Any]:
    documents: list[Any] = []
    try:
        documents.extend(yaml.load_all(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SloFileError([f"{path}:{line}: not YAML: {error.problem}"]) from error
    except RecursionError as error:
        raise SloFileError([f"{path}: nested too deep to be an SLO document"]) from error
    except (yaml.YAMLError, ValueError) as error:
        said = " ".join(str(error).split())
        raise SloFileError([f"{path}: not YAML: {said}"]) from error
    return documents


class _Loader(yaml.SafeLoader):
    """Plain values only, without merge keys: nested ones multiply."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(
                    None, None, "expected no merge key `<<`; write the fields out", key.start_mark
                )
