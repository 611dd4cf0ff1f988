"""Every setting with its unit, bounds and meaning; read from a TOML file and the environment."""

from consumer.settings.profile import CredentialFields, ProviderProfile
from consumer.settings.reading import SettingsProblems, load_folders, load_settings
from consumer.settings.registry import RegistrySettings
from consumer.settings.sections import (
    ALL_PUMPS,
    FollowSettings,
    HealthSettings,
    IntakeSettings,
    KafkaSettings,
    LogSettings,
    OutboxSettings,
    PumpName,
    Section,
    SendingSettings,
)
from consumer.settings.whole import Folders, Settings

__all__ = [
    "ALL_PUMPS",
    "CredentialFields",
    "Folders",
    "FollowSettings",
    "HealthSettings",
    "IntakeSettings",
    "KafkaSettings",
    "LogSettings",
    "OutboxSettings",
    "ProviderProfile",
    "PumpName",
    "RegistrySettings",
    "Section",
    "SendingSettings",
    "Settings",
    "SettingsProblems",
    "load_folders",
    "load_settings",
]
