"""The JSON Schema of recipes: what editors complete and check while somebody writes one."""

from __future__ import annotations

from typing import Any

from mtop_tui.engine.faults.actions import Action
from mtop_tui.engine.faults.catalogue import FAULTS
from mtop_tui.engine.faults.operations import OPERATIONS
from mtop_tui.engine.faults.parameters import Parameter

DURATION_SCHEMA: dict[str, Any] = {
    "description": "Seconds, or text such as 90s, 10m or 1h30m",
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|[smhdw]))+$|^\d+(\.\d+)?$"},
    ],
}

_TYPES = {"number": "number", "whole": "integer", "text": "string", "flag": "boolean"}


def with_parameters(schema: dict[str, Any]) -> None:
    """Say in the schema of a step which faults and operations there are, and what they take."""
    properties = schema["properties"]
    rules = []
    for key, actions in (("fault", FAULTS), ("do", OPERATIONS)):
        properties[key] = {"enum": list(actions), "description": _listed(actions)}
        rules += [_rule(key, action) for action in actions.values()]
    schema["allOf"] = rules


def recipe_schema() -> dict[str, Any]:
    """The whole schema, as it ships in `recipes/recipe.schema.json`."""
    from mtop_tui.config.recipe import Recipe  # noqa: PLC0415 - it needs this module

    schema = Recipe.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema


def _rule(key: str, action: Action) -> dict[str, Any]:
    parameters = {one.name: _parameter(one) for one in action.parameters}
    then = {"type": "object", "properties": parameters, "additionalProperties": False}
    return {
        "if": {"properties": {key: {"const": action.name}}, "required": [key]},
        "then": {"properties": {"with": then}},
    }


def _parameter(one: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"description": f"{one.about}; {one.expected}"}
    if one.kind == "duration":
        schema["anyOf"] = DURATION_SCHEMA["anyOf"]
    elif one.kind == "choice":
        schema["enum"] = list(one.choices)
    else:
        schema["type"] = _TYPES[one.kind]
    if one.kind in {"number", "whole"}:
        schema["minimum"] = one.least
        if one.most != float("inf"):
            schema["maximum"] = one.most
    if one.default is not None:
        schema["default"] = one.default
    return schema


def _listed(actions: dict[str, Action]) -> str:
    return "; ".join(f"{one.name}: {one.changes}" for one in actions.values())
