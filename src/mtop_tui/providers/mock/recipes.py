"""Recipe files: where they are, what they say, and on which line each field stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mtop_tui import resources
from mtop_tui.config.settings import DEFAULT_SEED, DEFAULT_SPEED, nearest
from mtop_tui.providers.mock.documents import Document, documents
from mtop_tui.providers.mock.files import Problem, manifest_text

if TYPE_CHECKING:
    from mtop_tui.config.recipe import Recipe
    from mtop_tui.config.recipe_errors import Fault

FOLDER = "recipes"
TOPOLOGIES = ("canary", "rolling", "bluegreen", "shadow")
"""Recipes about one service of the simulated cluster, which `--target` names."""

_TARGET = "${target}"
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


class UnusableRecipeError(Exception):
    """A recipe that cannot be used; nothing of it was begun.

    Attributes:
        problems: each with file, line and field.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class RecipeFile(NamedTuple):
    """A recipe and where it is from."""

    path: Path
    document: Document
    recipe: Recipe

    @property
    def name(self) -> str:
        """What it is called: its file without the ending."""
        return self.path.stem

    def problem(self, field: str, message: str) -> Problem:
        """Something wrong with one of its fields."""
        return Problem(str(self.path), self.document.line_of(field), field, message)


def shipped() -> list[Path]:
    """The recipes that come with mtop: stories by name, then topologies."""
    found = resources.path(FOLDER).glob("*.yaml")
    return sorted(found, key=lambda path: (path.stem in TOPOLOGIES, path.stem))


def find_recipe(name: str) -> Path:
    """The file of a shipped recipe, or the path itself.

    Raises:
        UnusableRecipeError: neither is there.
    """
    path = Path(name)
    if path.suffix.lower() in {".yaml", ".yml"} or "/" in name:
        return path
    there = shipped()
    for found in there:
        if found.stem == name:
            return found
    names = [found.stem for found in there]
    hint = nearest(name, names) or f"; there are {', '.join(names)}, or give a path to a YAML file"
    raise UnusableRecipeError([Problem(name, 0, "", f"no such recipe{hint}")])


def read_recipe(
    path: Path, *, target: str | None = None, settings: Iterable[tuple[str, Any]] = ()
) -> RecipeFile:
    """The recipe in a file.

    Args:
        path: of a YAML file with one document.
        target: the service that `${target}` stands for, in place of the recipe's own.
        settings: values to put in place of what the file says, by field such as
            `scenario[0].with.error_rate`.

    Raises:
        UnusableRecipeError: it cannot be read, or its fields are not those of a recipe.
    """
    from mtop_tui.config.recipe_errors import RecipeError, recipe_of  # noqa: PLC0415 - pydantic

    document = _document(path)
    body = document.body
    problems: list[Problem] = []
    for field, value in settings:
        if not _set(body, field, value):
            problems.append(Problem(str(path), 0, field, "cannot be set: it is not in the recipe"))
    if problems:
        raise UnusableRecipeError(problems)
    if isinstance(body, dict):
        if target is not None:
            if body.get("target") is None:
                message = "this recipe has no target; leave --target out"
                raise UnusableRecipeError([Problem(str(path), 0, "target", message)])
            body["target"] = target
        if isinstance(body.get("target"), str):
            body = _with_target(body, body["target"])
    try:
        recipe = recipe_of(body)
    except RecipeError as error:
        raise UnusableRecipeError(
            Problem(str(path), document.line_of(one.field), one.field, one.message)
            for one in _roots(error.faults)
        ) from None
    return RecipeFile(path, document, recipe)


def _roots(faults: Sequence[Fault]) -> Sequence[Fault]:
    """What is wrong, without what follows from a target that is wrong wherever it is put in."""
    return [one for one in faults if one.field == "target"] or faults


class Outline(NamedTuple):
    """What a recipe says of itself: its name, a sentence, and what can be set of it."""

    name: str
    summary: str
    settings: dict[str, Any]


def outlines() -> Iterator[Outline]:
    """Outlines of all shipped recipes; the rest of what they say is not checked."""
    for path in shipped():
        body = _document(path).body
        if not isinstance(body, dict):
            continue
        settings = {
            "seed": body.get("seed", DEFAULT_SEED),
            "speed": body.get("speed", DEFAULT_SPEED),
        }
        if "target" in body:
            settings["target"] = body["target"]
        yield Outline(path.stem, str(body.get("summary", "")), settings)


def _document(path: Path) -> Document:
    problems: list[Problem] = []
    text = manifest_text(path, problems)
    if text is None:
        raise UnusableRecipeError(problems)
    found = documents(text)
    for document in found:
        if document.flaw is not None:
            flaw = document.flaw
            raise UnusableRecipeError([Problem(str(path), flaw.line, "", flaw.message)])
    if not found:
        raise UnusableRecipeError([Problem(str(path), 0, "", "is empty; see docs/recipes.md")])
    if len(found) != 1:
        message = f"expected one recipe, got {len(found)} documents; see docs/recipes.md"
        raise UnusableRecipeError([Problem(str(path), 0, "", message)])
    return found[0]


def _with_target(value: Any, target: str) -> Any:
    if isinstance(value, str):
        return value.replace(_TARGET, target)
    if isinstance(value, list):
        return [_with_target(one, target) for one in value]
    if isinstance(value, dict):
        return {_with_target(key, target): _with_target(one, target) for key, one in value.items()}
    return value


def _set(body: Any, field: str, value: Any) -> bool:
    """Put a value at a field; its parent must be there."""
    steps = [int(index) if index else name for index, name in _STEP.findall(field)]
    if not steps:
        return False
    for step in steps[:-1]:
        body = _below(body, step)
    last = steps[-1]
    if isinstance(body, list) and isinstance(last, int) and last < len(body):
        body[last] = value
        return True
    if isinstance(body, dict) and isinstance(last, str):
        body[last] = value
        return True
    return False


def _below(body: Any, step: int | str) -> Any:
    if isinstance(body, list) and isinstance(step, int):
        return body[step] if step < len(body) else None
    return body.get(step) if isinstance(body, dict) else None
