"""Settings: where they come from, what they refuse, and that no refusal shows a value."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from consumer.bus.connect import kafka_config, topic_specs
from consumer.candidate import YearPolicy
from consumer.clock import SystemClock
from consumer.parts import StartProblems, gather
from consumer.settings import Settings, SettingsProblems, load_settings

PASSWORD = "zebra-hunter2"
PROFILE = {
    "provider_id": "0009999",
    "name": "Example Academy of Medicine",
    "domain": "example.org",
    "url": "https://pars.example.org",
    "user": "reporter",
    "password": PASSWORD,
}


@pytest.fixture(autouse=True)
def no_settings_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set where the tests run is not theirs."""
    for name in [name for name in os.environ if name.upper().startswith("MOC_")]:
        monkeypatch.delenv(name)


def toml(folder: Path, text: str = "", **profile: Any) -> Path:
    rows = "".join(f"{key} = {value!r}\n" for key, value in (PROFILE | profile).items())
    file = folder / "moc.toml"
    file.write_text(f"{text}\n[profiles.main]\n{rows}", encoding="utf-8")
    return file


def problems(config: Path | None, **overrides: Any) -> tuple[str, ...]:
    with pytest.raises(SettingsProblems) as found:
        load_settings(config, **overrides)
    assert PASSWORD not in "".join([str(found.value), repr(found.value), *found.value.problems])
    return found.value.problems


# ---------------------------------------------------------------- sources


def test_a_file_with_one_profile_is_enough(tmp_path: Path) -> None:
    settings = load_settings(toml(tmp_path))
    assert settings.bus == "embedded"
    assert settings.profiles["main"].without_birth_year is YearPolicy.HOLD
    assert settings.keys_path == Path("data/keys.toml")
    assert settings.ledger_path.parent == settings.bus_path.parent == settings.data_dir


def test_the_environment_comes_before_the_file_and_overrides_before_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka = '[kafka]\nsecurity_protocol = "SSL"\nca_file = "ca.pem"\n'
    text = f'bus = "kafka"\n{kafka}[sending]\nworkers = 3'
    config = toml(tmp_path, text)
    assert load_settings(config).kafka.bootstrap_servers == "localhost:9092"
    monkeypatch.setenv("MOC_KAFKA__BOOTSTRAP_SERVERS", "environment:9092")
    monkeypatch.setenv("MOC_SENDING__WORKERS", "5")
    settings = load_settings(config, bus="embedded")
    assert settings.kafka.bootstrap_servers == "environment:9092"
    assert settings.sending.workers == 5
    assert settings.bus == "embedded"
    # What a nearer source does not say stays as the file has it.
    assert settings.kafka.ca_file == Path("ca.pem")


def test_a_password_may_come_from_the_environment_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOC_PROFILES__MAIN__PASSWORD", "from-outside")
    settings = load_settings(toml(tmp_path))
    assert settings.profiles["main"].password.get_secret_value() == "from-outside"


def test_everything_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PROFILE.items():
        monkeypatch.setenv(f"MOC_PROFILES__MAIN__{name.upper()}", value)
    assert load_settings(None).profiles["main"].domain == "example.org"


def test_settings_do_not_change_and_do_not_show_passwords(tmp_path: Path) -> None:
    settings = load_settings(toml(tmp_path))
    assert PASSWORD not in repr(settings) + str(settings.model_dump())
    with pytest.raises(ValueError, match="frozen"):
        settings.bus = "kafka"


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("colour = 'red'", "colour"),
        ("[kafka]\npasword = 'zebra-hunter2'", "kafka.pasword"),
        ("[kafka]\ngroup_instance_id = 'two words'", "kafka.group_instance_id"),
        ("[kafka]\ngroup_instance_id = '..'", "kafka.group_instance_id"),
        (f"[kafka]\ngroup_instance_id = '{'x' * 250}'", "kafka.group_instance_id"),
        ("[kafka]\nassignment = 'fair'", "kafka.assignment"),
        ("[kafka]\nwhen_events_are_gone = 'earliest'", "kafka.when_events_are_gone"),
        ("[kafka]\nleast_retention_hours = 0", "kafka.least_retention_hours"),
        ("[sending]\nworker = 3", "sending.worker"),
        ("bus = 'rabbit'", "bus"),
        ("pumps = []", "pumps"),
        ("pumps = ['intake', 'outtake']", "pumps.1"),
        ("[sending]\nworkers = 0", "sending.workers"),
        ("[sending]\nmax_tries = 1", "sending.max_tries"),
        ("[sending]\ngrace_seconds = 0", "sending.grace_seconds"),
        ("[intake]\ntopics = []", "intake.topics"),
        ("[intake]\npayload_limit_bytes = 10", "intake.payload_limit_bytes"),
        ("[follow]\nfirst_seconds = 'zebra-hunter2'", "follow.first_seconds"),
        ("[log]\nlevel = 'zebra-hunter2'", "log.level"),
    ],
)
def test_a_wrong_or_unknown_setting_is_refused_by_its_name(
    tmp_path: Path, text: str, place: str
) -> None:
    (found,) = problems(toml(tmp_path, text))
    assert found.startswith(f"{place}: ")


@pytest.mark.parametrize(
    ("profile", "place"),
    [
        ({"provider_id": "999"}, "profiles.main.provider_id"),
        ({"domain": "ccid:x"}, "profiles.main.domain"),
        ({"domain": ""}, "profiles.main.domain"),
        ({"name": ""}, "profiles.main.name"),
        ({"user": ""}, "profiles.main"),
        ({"requests_per_second": 0}, "profiles.main.requests_per_second"),
        ({"without_birth_year": "invent"}, "profiles.main.without_birth_year"),
        ({"pasword": PASSWORD}, "profiles.main.pasword"),
    ],
)
def test_a_wrong_profile_is_refused_by_its_name(
    tmp_path: Path, profile: dict[str, Any], place: str
) -> None:
    (found,) = problems(toml(tmp_path, **profile))
    assert found.startswith(f"{place}: ")


def test_all_errors_are_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOC_INTAKE__BATCH_SIZE", PASSWORD)
    found = problems(toml(tmp_path, "colour = 'red'\n[sending]\nworkers = 0", provider_id="1"))
    assert sorted(one.partition(":")[0] for one in found) == [
        "colour",
        "intake.batch_size",
        "profiles.main.provider_id",
        "sending.workers",
    ]


def test_the_lease_outlives_the_requests_made_under_it(tmp_path: Path) -> None:
    (found,) = problems(toml(tmp_path, "[sending]\nlease_seconds = 239"))
    assert found == "sending: lease_seconds must be at least 4 x request_timeout_seconds"
    assert load_settings(toml(tmp_path, "[sending]\nlease_seconds = 240"))


KAFKA_REFUSED = {
    "no credentials": (
        "security_protocol = 'SASL_SSL'",
        "sasl_mechanism, username, password: needed with security_protocol SASL_SSL",
    ),
    "no password": (
        "security_protocol = 'SASL_PLAINTEXT'\nsasl_mechanism = 'PLAIN'\nusername = 'lms'",
        "password: needed with security_protocol SASL_PLAINTEXT",
    ),
    "blank password": (
        "security_protocol = 'SASL_SSL'\nsasl_mechanism = 'PLAIN'\nusername = 'u'\npassword = ''",
        "password: needed with security_protocol SASL_SSL",
    ),
    "password unused": (
        "password = 'zebra-hunter2'",
        "password: of no use with security_protocol PLAINTEXT",
    ),
    "password unused with TLS": (
        "security_protocol = 'SSL'\nusername = 'u'\npassword = 'zebra-hunter2'",
        "username, password: of no use with security_protocol SSL",
    ),
    "authority unused": (
        "ca_file = 'ca.pem'",
        "ca_file: of no use with security_protocol PLAINTEXT",
    ),
    "half a certificate": (
        "security_protocol = 'SSL'\nkey_file = 'key.pem'",
        "cert_file and key_file: one is of no use without the other",
    ),
}


@pytest.mark.parametrize("case", KAFKA_REFUSED)
def test_kafka_settings_that_say_two_things_are_refused(tmp_path: Path, case: str) -> None:
    text, told = KAFKA_REFUSED[case]
    assert problems(toml(tmp_path, f"[kafka]\n{text}")) == (f"kafka: {told}",)


REGISTRY_REFUSED = {
    "no address": ("url = 'registry:8081'", "registry.url: must be http://host:port"),
    "no host": ("url = 'https://'", "registry.url: must be http://host:port"),
    "no port": ("url = 'https://a:zebra'", "registry.url: must be http://host:port"),
    "a password in it": ("url = 'https://u:zebra-hunter2@a'", "registry.url: only an address"),
    "a query": ("url = 'https://a?key=zebra-hunter2'", "registry.url: only an address"),
    "half a login": ("url = 'https://a'\nuser = 'u'", "registry: user and password: one is of no"),
    "the other half": (
        "url = 'https://a'\npassword = 'zebra-hunter2'",
        "registry: user and password: one is of no use without the other",
    ),
    "no url": ("user = 'u'\npassword = 'zebra-hunter2'", "registry: url: needed with user"),
    "authority unused": ("url = 'http://a'\nca_file = 'ca.pem'", "registry: ca_file: of no use"),
    "a long wait": ("url = 'http://a'\ntimeout_seconds = 60", "registry.timeout_seconds: "),
    "a typing error": ("uri = 'http://a'", "registry.uri: no such setting; did you mean"),
}


@pytest.mark.parametrize("case", REGISTRY_REFUSED)
def test_registry_settings_that_cannot_be_used_are_refused(tmp_path: Path, case: str) -> None:
    text, told = REGISTRY_REFUSED[case]
    (found,) = problems(toml(tmp_path, f"[registry]\n{text}"))
    assert found.startswith(told)


def test_a_registry_with_a_path_and_a_password_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOC_REGISTRY__PASSWORD", PASSWORD)
    text = "[registry]\nurl = 'https://apicurio.example/apis/ccompat/v7'\nuser = 'moc'"
    settings = load_settings(toml(tmp_path, text))
    assert settings.registry.password.get_secret_value() == PASSWORD
    assert PASSWORD not in str(settings.model_dump())


def test_a_certificate_authority_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    for file, told in ((tmp_path / "ca.pem", "No such file"), (empty, "NO_CERTIFICATE")):
        text = f"[registry]\nurl = 'https://a'\nca_file = '{file}'"
        with pytest.raises(StartProblems) as found:
            gather(load_settings(toml(tmp_path, text), tables_dir=tmp_path), SystemClock())
        assert [one for one in found.value.problems if told in one and "registry.ca_file" in one]


def test_forms_are_of_topics_that_are_heard(tmp_path: Path) -> None:
    heard = "[intake]\ntopics = ['a.b', 'c']\nforms = {'a.b' = 'form', c = 'cloudevents'}"
    assert load_settings(toml(tmp_path, heard)).intake.forms == {"a.b": "form", "c": "cloudevents"}
    (found,) = problems(toml(tmp_path, heard.replace("['a.b', 'c']", "['a.b']")))
    assert found == "intake: forms: not in topics: c"
    (found,) = problems(toml(tmp_path, heard.replace("'form'", "'xml'")))
    assert found.startswith("intake.forms.a.b: ")


def test_without_a_profile_nobody_reports() -> None:
    (found,) = problems(None)
    assert found.startswith("settings: profiles: at least one")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert problems(tmp_path / "nowhere.toml") == (f"{tmp_path}/nowhere.toml: no such file",)


@pytest.mark.parametrize(
    "raw",
    [b"bus = ", b"password = zebra-hunter2", b'password = "zebra-hunter2', b"bus = '\xff'"],
    ids=["no_value", "no_quotes", "no_end", "not_utf8"],
)
def test_a_file_that_is_not_toml_is_refused_without_its_text(tmp_path: Path, raw: bytes) -> None:
    config = tmp_path / "moc.toml"
    config.write_bytes(raw)
    (found,) = problems(config)
    assert found.startswith(f"{config}: not TOML")


@pytest.mark.parametrize(
    ("name", "place"),
    [("MOC_PUMPS", "pumps"), ("MOC_INTAKE__TOPICS", "intake"), ("MOC_PROFILES", "profiles")],
)
def test_a_list_in_the_environment_that_is_no_json_is_refused_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, place: str
) -> None:
    monkeypatch.setenv(name, PASSWORD)
    (found,) = problems(toml(tmp_path))
    assert place in found


def test_every_setting_says_what_it_is_for() -> None:
    def undescribed(model: Any, above: str = "") -> list[str]:
        found = []
        for name, field in model.model_fields.items():
            inner = getattr(field.annotation, "model_fields", None)
            if inner is not None:
                found += undescribed(field.annotation, f"{above}{name}.")
            elif not field.description:
                found.append(above + name)
        return found

    assert undescribed(Settings) == []


# ---------------------------------------------------------------- Kafka


def test_the_kafka_settings_reach_the_client(tmp_path: Path) -> None:
    text = (
        "stop_seconds = 40\n[kafka]\ngroup_instance_id = 'host-1'\nassignment = 'cooperative'\n"
        "when_events_are_gone = 'skip'\nleast_retention_hours = 1000"
    )
    settings = load_settings(toml(tmp_path, text))
    config = kafka_config(settings)
    assert config.group_instance_id == "host-1"
    assert config.assignment == "cooperative"
    assert config.when_events_are_gone == "skip"
    source, *ours = topic_specs(settings)
    assert source.least_retention_hours == source.retention_hours == 1000
    assert {one.least_retention_hours for one in ours} == {None}


@pytest.mark.parametrize("stop_seconds", [8.0, 20.0, 60.0])
def test_no_two_waits_for_kafka_outlast_a_stop(tmp_path: Path, stop_seconds: float) -> None:
    config = kafka_config(load_settings(toml(tmp_path, f"stop_seconds = {stop_seconds}")))
    last = config.close_timeout_seconds
    assert config.group_instance_id is None
    for wait in (
        config.connect_timeout_seconds,
        config.request_timeout_seconds,
        2 * config.delivery_timeout_seconds,
    ):
        assert wait + last < stop_seconds
