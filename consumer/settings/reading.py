"""Settings as a TOML file and the environment say them, or all that is wrong with them."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsError,
    TomlConfigSettingsSource,
)

from consumer.environment import near, unknown_names
from consumer.settings.whole import Folders, Settings

F = TypeVar("F", bound="Folders")


class SettingsProblems(Exception):
    """The settings cannot be used; holds every problem, none with a value."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


def load_settings(config: Path | None, **overrides: Any) -> Settings:
    """Settings of the TOML file, over them the environment, over both `overrides`.

    Raises SettingsProblems with all of them.
    """
    strange = unknown_names(Settings, os.environ)
    try:
        settings = _read(config, overrides)
    except SettingsProblems as found:
        raise SettingsProblems([*strange, *found.problems]) from None
    if strange:
        raise SettingsProblems(strange)
    return settings


def _read(config: Path | None, overrides: dict[str, Any]) -> Settings:
    if config is not None and not config.is_file():
        raise SettingsProblems([f"{config}: no such file"])
    try:
        return _sourced(Settings, config)(**overrides)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsProblems([f"{config}: not TOML: {error}"]) from None
    except OSError as error:
        raise SettingsProblems([f"{config}: cannot be read: {error.strerror}"]) from None
    except SettingsError as error:
        raise SettingsProblems([f"environment: {error}; lists are written as JSON"]) from None
    except ValidationError as error:
        raise SettingsProblems([_problem(one) for one in error.errors()]) from None


def load_folders(config: Path | None) -> Folders | None:
    """Where the other files are, if the settings say that much in a form that can be read."""
    if config is not None and not config.is_file():
        return None
    try:
        return _sourced(Folders, config)()
    except (OSError, ValueError):  # not TOML, not UTF-8, not JSON, not valid
        return None


def _sourced(kind: type[F], config: Path | None) -> type[F]:
    """These settings, read from the file and the environment alone."""

    class Sourced(kind):  # type: ignore[misc, valid-type]
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            file = () if config is None else (TomlConfigSettingsSource(settings_cls, config),)
            return (init_settings, env_settings, *file)

    return Sourced


def _problem(error: Any) -> str:
    # Name and rule: pydantic's own text would quote the value, which may be a password.
    place = ".".join(map(str, error["loc"])) or "settings"
    if error["type"] == "extra_forbidden":
        meant = near(Settings, place)
        return f"{place}: no such setting" + (f"; did you mean {meant}?" if meant else "")
    return f"{place}: {error['msg'].removeprefix('Value error, ')}"
