"""What the files in deploy/ say fits the program: settings, ports, probes, time to stop, locks."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.applications import Starlette
from starlette.routing import Route

from consumer.cli.ready import ready
from consumer.clock import SystemClock
from consumer.console.pages import signing
from consumer.settings import Settings, load_settings
from consumer.telemetry.health import application
from consumer.telemetry.readiness import Readiness
from tests.conftest import do_without

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
OURS = ("prepare", "simulator", "consumer", "console")
SECRETS = {"ledger_url": "postgresql://moc@db.example.org/moc"}
"""Secrets that must have a form; others are any word."""


@pytest.fixture(autouse=True)
def no_settings_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set where the tests run is not theirs."""
    for name in [name for name in os.environ if name.upper().startswith("MOC_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def handed_over(tmp_path: Path) -> Callable[[str], str]:
    """Puts a secret where the text says `/.../NAME` and gives the text back with that path."""

    def hand(text: str) -> str:
        for path in re.findall(r"(?:/run/secrets|%d|/etc/moc-consumer/secrets)[\w/]*", text):
            file = tmp_path / Path(path).name
            file.write_text(SECRETS.get(file.name, "a-secret") + "\n")
            text = text.replace(path, str(file), 1)
        return text

    return hand


def port_of(listen: str) -> int:
    return int(listen.rpartition(":")[2])


def routes(app: Starlette) -> set[str]:
    return {one.path for one in app.routes if isinstance(one, Route)}


ANSWERED = routes(application(Readiness(SystemClock()), 300))


# ---------------------------------------------------------------- Kubernetes


def documents() -> Iterator[dict[str, Any]]:
    folder = DEPLOY / "kubernetes"
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    assert {*listed} == {file.name for file in folder.glob("*.yaml")} - {"kustomization.yaml"}
    for name in listed:
        yield from yaml.safe_load_all((folder / name).read_text(encoding="utf-8"))


KINDS: dict[str, list[dict[str, Any]]] = {}
for document in documents():
    KINDS.setdefault(document["kind"], []).append(document)
PODS = {one["metadata"]["name"]: one["spec"]["template"]["spec"] for one in KINDS["Deployment"]}
SETTINGS = KINDS["ConfigMap"][0]["data"]["moc-consumer.toml"]


@pytest.fixture
def settings(tmp_path: Path, handed_over: Callable[[str], str]) -> Settings:
    """The settings of the cluster."""
    config = tmp_path / "moc-consumer.toml"
    config.write_text(handed_over(SETTINGS))
    return load_settings(config)


@pytest.mark.parametrize("name", PODS)
def test_pods_are_nobodys_root_and_write_nothing_but_their_volumes(name: str) -> None:
    pod = PODS[name]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] >= 10_000
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    volumes = {one["name"] for one in pod["volumes"]}
    assert volumes == {one["name"] for one in container["volumeMounts"]}


@pytest.mark.parametrize("name", PODS)
def test_a_pod_has_longer_to_stop_than_the_service_takes(settings: Settings, name: str) -> None:
    assert PODS[name]["terminationGracePeriodSeconds"] > settings.stop_seconds


def test_the_probes_ask_what_the_service_answers(settings: Settings) -> None:
    (container,) = PODS["moc-consumer"]["containers"]
    (port,) = container["ports"]
    assert port["containerPort"] == port_of(settings.health.listen)
    asked = {
        kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")
    }
    assert {one["port"] for one in asked.values()} == {port["name"]}
    assert {kind: one["path"] for kind, one in asked.items()} == {
        "startup": "/startup",
        "liveness": "/live",
        "readiness": "/ready",
    }
    assert {one["path"] for one in asked.values()} <= ANSWERED


def test_the_console_is_asked_by_its_name_and_over_tls(settings: Settings) -> None:
    (container,) = PODS["moc-console"]["containers"]
    listen = container["args"][container["args"].index("--listen") + 1]
    assert container["ports"][0]["containerPort"] == port_of(listen)
    assert settings.console.why_not(listen) == ""
    assert settings.console.own_tls
    for kind in ("startup", "liveness", "readiness"):
        get = container[f"{kind}Probe"]["httpGet"]
        assert get["scheme"] == "HTTPS"
        assert f"https://{get['httpHeaders'][0]['value']}" == settings.console.public_url
        assert get["path"] in {one.path for one in signing.PAGES}


def test_two_serve_and_one_of_them_stays() -> None:
    (deployment,) = (x for x in KINDS["Deployment"] if x["metadata"]["name"] == "moc-consumer")
    (budget,) = KINDS["PodDisruptionBudget"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["replicas"] == 2
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["selector"]["matchLabels"] == labels
    assert deployment["spec"]["selector"]["matchLabels"] == labels


def test_what_several_processes_need_is_set(settings: Settings) -> None:
    assert settings.on_server
    assert settings.bus == "kafka"


@pytest.mark.parametrize("name", PODS)
def test_every_file_the_settings_name_is_mounted(name: str) -> None:
    (container,) = PODS[name]["containers"]
    mounted = [one["mountPath"] for one in container["volumeMounts"]]
    named = re.findall(r'"(/[\w/.]+)"', SETTINGS)
    if name == "moc-consumer":  # it serves no console
        named = [one for one in named if "/console/" not in one]
    assert [one for one in named if not any(one.startswith(there) for there in mounted)] == []


def test_no_secret_stands_in_a_manifest() -> None:
    assert "Secret" not in KINDS
    assert re.findall(r"^\s*(?:\w*password|\w*secret|ledger_url)\s*=", SETTINGS, re.MULTILINE) == []


# ---------------------------------------------------------------- Docker


def environment_of(service: str) -> dict[str, str]:
    said: dict[str, str] = COMPOSE["services"][service]["environment"]
    return said


@pytest.mark.parametrize("service", ["consumer", "console", "prepare"])
def test_compose_names_settings_that_are_good(
    service: str, handed_over: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment_of(service).items():
        monkeypatch.setenv(name, handed_over(value))
        if "/run/secrets/" in value:
            assert Path(value).name in COMPOSE["services"][service]["secrets"]
    settings = load_settings(None)
    assert settings.bus == "kafka"
    assert settings.on_server
    assert settings.kafka.bootstrap_servers == "kafka:9092"
    assert settings.profiles["main"].provider_id == "0009999"
    assert settings.console.why_not(settings.console.listen) == ""


@pytest.mark.parametrize("service", OURS)
def test_our_containers_may_do_little(service: str) -> None:
    one = COMPOSE["services"][service]
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    published = [port.split(":")[0] for port in one.get("ports", [])]
    assert {*published} <= {"127.0.0.1"}


@pytest.mark.parametrize("service", ["consumer", "console"])
def test_a_container_has_longer_to_stop_than_the_service_takes(service: str) -> None:
    grace = COMPOSE["services"][service]["stop_grace_period"]
    assert float(grace.removesuffix("s")) > Settings.model_fields["stop_seconds"].default


def test_the_secrets_of_compose_are_files_that_are_there() -> None:
    for name, said in COMPOSE["secrets"].items():
        assert (ROOT / said["file"]).is_file(), name


DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")


def test_the_image_runs_as_nobody_and_says_how_it_is() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    # Docker Swarm replaces what this calls ill: only what a restart can mend, not PARS or Kafka.
    (check,) = re.findall(r"^HEALTHCHECK .* CMD (.+)$", last, re.MULTILINE)
    assert json.loads(check) == ["moc-consumer", "ready", "--live"]
    assert "--live" in {one for option in ready.params for one in option.opts}
    assert "MOC_HEALTH__LISTEN=127.0.0.1:8791" in last
    assert "STOPSIGNAL SIGTERM" in last


def test_the_image_takes_only_what_is_locked() -> None:
    installs = re.findall(r"pip [^&\n]*install[^&\n]*", DOCKERFILE)
    assert len(installs) == 3
    for one in installs:
        assert "--require-hashes" in one or {"--no-deps", "--no-index"} <= {*one.split()}


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines()}
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        for name in line.split()[:-1]:
            assert (ROOT / name).exists()
            assert name in let_in


# ---------------------------------------------------------------- systemd

UNIT = (DEPLOY / "systemd/moc-consumer.service").read_text(encoding="utf-8")


def said(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)


def test_the_unit_gives_longer_to_stop_than_the_service_takes() -> None:
    assert float(said("TimeoutStopSec")[0]) > Settings.model_fields["stop_seconds"].default
    assert said("RestartPreventExitStatus") == ["2"]


def test_the_unit_hands_over_the_secrets_that_its_settings_name() -> None:
    given = {line.partition(":")[0] for line in said("LoadCredential")}
    taken = {*re.findall(r"=%d/(\w+)", "\n".join(said("Environment")))}
    assert given == taken != set()


def test_the_unit_is_hardened() -> None:
    assert said("User") == ["moc"]
    assert said("CapabilityBoundingSet") == [""]
    assert said("ProtectSystem") == ["strict"]
    for name in ("NoNewPrivileges", "PrivateTmp", "PrivateDevices", "MemoryDenyWriteExecute"):
        assert said(name) == ["yes"]


def test_the_settings_beside_the_unit_are_good(
    tmp_path: Path, handed_over: Callable[[str], str]
) -> None:
    config = tmp_path / "moc.toml"
    config.write_text(handed_over((DEPLOY / "systemd/moc-consumer.toml").read_text()))
    settings = load_settings(config)
    assert settings.bus == "embedded"
    assert not settings.on_server
    (home,) = said("WorkingDirectory")
    assert {home} == {str(one.parent) for one in (settings.data_dir, settings.tables_dir)}
    assert settings.console.why_not(settings.console.listen) == ""


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        do_without("systemd-analyze", FileNotFoundError("apt-get install systemd"))
    for file in (DEPLOY / "systemd").glob("*.[st]*[er]"):
        text = file.read_text().replace("/opt/moc-consumer/bin/moc-consumer", sys.executable)
        (tmp_path / file.name).write_text(text)
    units = sorted(map(str, tmp_path.iterdir()))
    assert len(units) == 3
    told = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stderr) == (0, "")
