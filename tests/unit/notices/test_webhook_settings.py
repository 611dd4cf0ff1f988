"""The settings of webhooks and daily files: what they refuse, and that secrets stay masked."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from consumer.settings import SettingsProblems, load_settings
from consumer.settings.telling import OutcomesSettings, WebhookSettings
from consumer.webhook.signing import NoSecret, secrets_in

SECRET = "whsec_" + "emVicmEtaHVudGVy" * 3
HOOK = {"url": "https://crm.example.org/zebra", "secret": SECRET}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"url": "http://crm.example.org"}, "must begin with https://"),
        ({"url": "https://u:p@crm.example.org"}, "without credentials"),
        ({"secret": ""}, "one of them is needed"),
        ({"secret_file": "f"}, "and not both"),
        ({"secret": "whsec_c2hvcnQ="}, "24 to 64 bytes in Base64"),
        ({"secret": "whsec_no base64"}, "24 to 64 bytes in Base64"),
        ({"lms_ids": True}, "sources must say whose IDs"),
        ({"timeout_seconds": 21}, "less than or equal to 20"),
        ({"keep_days": 0}, "greater than or equal to 1"),
    ],
)
def test_what_is_refused(said: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        WebhookSettings.model_validate(HOOK | said)


def test_secrets_and_the_address_are_masked() -> None:
    said = WebhookSettings.model_validate(HOOK)
    assert "zebra" not in repr(said) + said.model_dump_json()
    assert SECRET not in repr(said) + said.model_dump_json()


def test_a_name_is_plain() -> None:
    profile = {"provider_id": "0009999", "name": "A", "domain": "a.example", "by_file": True}
    with pytest.raises(SettingsProblems, match=r"webhooks\.My CRM"):
        load_settings(None, profiles={"main": profile}, webhooks={"My CRM": HOOK})


def test_a_zone_that_is_none() -> None:
    with pytest.raises(ValidationError, match="time zone such as"):
        OutcomesSettings.model_validate({"zone": "Mars/Olympus"})


@pytest.mark.parametrize("text", ["", "\n", "hunter2", f"{SECRET}\nhunter2"])
def test_a_file_without_a_usable_secret(tmp_path: Path, text: str) -> None:
    file = tmp_path / "secret"
    file.write_text(text)
    with pytest.raises(NoSecret) as refused:
        secrets_in(file)
    assert "hunter2" not in str(refused.value)
