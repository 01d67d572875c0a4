"""The layers that are text, the YAML file and the environment, checked by pydantic.

Imported only when one of them says something: pydantic costs more start-up time than all of the
command line. `Settings` stays the one place that knows fields, types and defaults; the model here
is made from it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, create_model
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from mtop_tui.config.settings import (
    ENV_PREFIX,
    FIELDS,
    LEGACY_MODE,
    Origin,
    Rule,
    Settings,
    SettingsError,
    flag_of,
    problem,
    rules,
)


def merge(file: Path | None, flags: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Origin]]:
    """The values some layer sets, the strongest layer's for each field, and their origins.

    Raises:
        SettingsError: naming file and line, variable or flag of each wrong value.
    """
    in_file: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    if file is not None:
        from mtop_tui.config.file import read  # noqa: PLC0415 - yaml only when there is a file

        entries = read(file)
        in_file = {name: entry.value for name, entry in entries.items()}
        origins = {name: Origin("file", f"{file}:{entry.line}") for name, entry in entries.items()}
    origins |= _environment_origins()
    origins |= {name: Origin("flag", flag_of(name)) for name in flags}

    class Layers(BaseSettings):
        model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, env_ignore_empty=True)

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            legacy = os.environ.get(LEGACY_MODE)
            return (
                init_settings,
                env_settings,
                _Given(settings_cls, {"mode": legacy} if legacy else {}),
                _Given(settings_cls, in_file),
            )

    defaults = Settings()
    described: dict[str, Any] = {
        name: (_checked_type(kind, rule), getattr(defaults, name))
        for name, (kind, rule) in rules().items()
    }
    model = create_model("LayeredSettings", __base__=Layers, **described)
    try:
        layered = model(**flags)
    except ValidationError as error:
        raise SettingsError(
            problem(field, origins[field], value) for field, value in _wrong(error).items()
        ) from error
    return {name: getattr(layered, name) for name in layered.model_fields_set}, origins


class _Given(PydanticBaseSettingsSource):
    """Values that have been read already."""

    def __init__(self, settings_cls: type[BaseSettings], values: Mapping[str, Any]) -> None:
        super().__init__(settings_cls)
        self._values = dict(values)

    def get_field_value(
        self,
        field: FieldInfo,  # noqa: ARG002
        field_name: str,
    ) -> tuple[Any, str, bool]:
        """The value of one field: pydantic-settings asks every source for this."""
        return self._values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return self._values


def _environment_origins() -> dict[str, Origin]:
    """Origins of what the environment sets; names match in any case, as pydantic matches them."""
    present = {name.upper(): name for name, value in os.environ.items() if value}
    origins: dict[str, Origin] = {}
    for field in FIELDS:
        names = [ENV_PREFIX + field.upper()] + ([LEGACY_MODE] if field == "mode" else [])
        for name in names:
            if name in present:
                origins[field] = Origin("environment", present[name])
                break
    return origins


def _checked_type(kind: Any, rule: Rule) -> Any:
    if kind == tuple[str, ...]:
        return Annotated[kind, NoDecode, BeforeValidator(_split)]
    if rule.least is None:
        return kind
    return Annotated[kind, Field(ge=rule.least, le=rule.most), BeforeValidator(_no_bool)]


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part for item in value.split(",") if (part := item.strip()))
    return value


def _no_bool(value: object) -> object:
    # pydantic would take YAML's `yes` for 1.
    if isinstance(value, bool):
        raise ValueError("not a number")
    return value


def _wrong(error: ValidationError) -> dict[str, object]:
    """The wrong value of each field that has one."""
    wrong: dict[str, object] = {}
    for fault in error.errors(include_url=False):
        wrong.setdefault(str(fault["loc"][0]), fault["input"])
    return wrong
