"""Settings as a TOML file and the environment say them, or all that is wrong with them."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsError,
    TomlConfigSettingsSource,
)

from consumer.environment import PREFIX, file_beside, near, unknown_names
from consumer.settings.secretfiles import with_secrets
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
    unread: list[str] = []
    try:
        settings: Settings = _sourced(Settings, config, unread)(**overrides)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsProblems([f"{config}: not TOML: {error}"]) from None
    except OSError as error:
        raise SettingsProblems([f"{config}: cannot be read: {error.strerror}"]) from None
    except SettingsError as error:
        raise SettingsProblems([f"environment: {error}; lists are written as JSON"]) from None
    except ValidationError as error:
        # A section whose secret cannot be read also lacks it: that is told once.
        rest = [one for one in error.errors() if not _follows(one, unread)]
        raise SettingsProblems([*unread, *map(_problem, rest)]) from None
    if unread:
        raise SettingsProblems(unread)
    return settings


def load_folders(config: Path | None) -> Folders | None:
    """Where the other files are, if the settings say that much in a form that can be read."""
    if config is not None and not config.is_file():
        return None
    try:
        return _sourced(Folders, config, [])()
    except (OSError, ValueError):  # not TOML, not UTF-8, not JSON, not valid
        return None


def _sourced(kind: type[F], config: Path | None, unread: list[str]) -> type[F]:
    """These settings, read from the file and the environment alone.

    Adds to `unread` what is wrong with the files that hold secrets.
    """

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
            said = (_WithSecrets(settings_cls, one, unread) for one in (env_settings, *file))
            return (init_settings, *said)

    return Sourced


class _WithSecrets(PydanticBaseSettingsSource):
    """A source of settings with the secrets that its files hold."""

    def __init__(
        self, kind: type[BaseSettings], source: PydanticBaseSettingsSource, unread: list[str]
    ) -> None:
        super().__init__(kind)
        self._source, self._unread = source, unread

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """What the source itself says of one setting, which nobody asks it for."""
        return self._source.get_field_value(field, field_name)

    def __call__(self) -> dict[str, Any]:
        """All that it says."""
        said = self._source()
        if isinstance(self._source, EnvSettingsSource):
            said = _files_named(self.settings_cls) | said
        return with_secrets(self.settings_cls, said, self._unread)


def _files_named(kind: type[BaseSettings]) -> dict[str, str]:
    """Files of secrets outside every section, such as MOC_LEDGER_URL_FILE: the source, which
    looks for settings by name, does not see them.
    """
    given = {name.upper(): value for name, value in os.environ.items()}
    files = filter(None, (file_beside(kind, name) for name in kind.model_fields))
    named = {name: given.get(PREFIX + name.upper(), "") for name in files}
    return {name: value for name, value in named.items() if value}


def _follows(error: Any, unread: list[str]) -> bool:
    place = ".".join(map(str, error["loc"]))
    return bool(place) and any(one.startswith(f"{place}.") for one in unread)


def _problem(error: Any) -> str:
    # Name and rule: pydantic's own text would quote the value, which may be a password.
    place = ".".join(map(str, error["loc"])) or "settings"
    if error["type"] == "extra_forbidden":
        meant = near(Settings, place)
        return f"{place}: no such setting" + (f"; did you mean {meant}?" if meant else "")
    return f"{place}: {error['msg'].removeprefix('Value error, ')}"
