"""What the service is made of: locked, with hashes, under licences that are allowed."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.unit.licences import FILE, LOCK, ROOT, TRACING, allowed, licence_of, locked, made

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
WANTED = [Requirement(one) for one in PROJECT["project"]["dependencies"]]
BUILD = ROOT / "deploy/build.lock"
EXTRA = [Requirement(one) for one in PROJECT["project"]["optional-dependencies"]["tracing"]]
LOCKED, TRACED = locked(), locked(TRACING)


def test_the_lock_holds_what_the_project_asks_for() -> None:
    for one in WANTED:
        version = LOCKED.get(canonicalize_name(one.name))
        assert version, f"{one.name} is not locked: make lock"
        assert one.specifier.contains(version, prereleases=True), f"{one} is not {version}"


def test_who_wants_traces_gets_the_same_and_what_they_need() -> None:
    assert LOCKED.items() <= TRACED.items()
    for one in EXTRA:
        version = TRACED.get(canonicalize_name(one.name))
        assert version, f"{one.name} is not locked: make lock"
        assert one.specifier.contains(version)
        assert canonicalize_name(one.name) not in LOCKED, "nobody else is to have it"


@pytest.mark.parametrize("lock", [LOCKED, TRACED], ids=["default", "traces"])
def test_the_lock_holds_what_its_packages_ask_for(lock: dict[str, str]) -> None:
    missing = []
    extras = {canonicalize_name(one.name): one.extras for one in WANTED}
    for name in lock:
        wanted = extras.get(name, set()) or {""}
        for one in map(Requirement, _asks(name)):
            marked = one.marker is None or any(one.marker.evaluate({"extra": e}) for e in wanted)
            if marked and canonicalize_name(one.name) not in lock:
                missing.append(f"{name}: {one}")
    assert missing == []


def _asks(name: str) -> list[str]:
    try:
        return requires(name) or []
    except PackageNotFoundError:
        return []


@pytest.mark.parametrize("lock", [LOCK, TRACING, BUILD], ids=lambda file: file.name)
def test_every_package_is_pinned_with_hashes(lock: Path) -> None:
    entries = re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8").strip())
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9.-]+==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry


def test_the_build_is_locked_too() -> None:
    text = BUILD.read_text(encoding="utf-8")
    for one in map(Requirement, PROJECT["build-system"]["requires"]):
        (version,) = re.findall(rf"^{one.name}==(\S+)", text, re.MULTILINE)
        assert one.specifier.contains(version)


@pytest.mark.parametrize("name", TRACED)
def test_every_package_has_a_licence_that_is_allowed(name: str) -> None:
    assert allowed(licence_of(name)), f"{name}: {licence_of(name) or 'no licence'}"


def test_no_other_licence_is_allowed() -> None:
    for licence in ("", "GPL-3.0-only", "MIT AND AGPL-3.0-only", "Proprietary"):
        assert not allowed(licence)


def test_the_list_of_licences_is_as_it_should_be() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert made(text) == text, "make guide"


def test_no_host_of_a_package_registry_is_named() -> None:
    hosts = "|".join(map(re.escape, _hosts()))
    files = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    naming = []
    for name in filter(None, files):
        file = ROOT / name
        if file.is_file() and re.search(hosts, file.read_bytes().decode(errors="replace")):
            naming.append(name)
    assert naming == []


def _hosts() -> list[str]:
    # Put together, as this file is looked through as well.
    return [".".join(parts) for parts in (
        ("pypi", "org"), ("pythonhosted", "org"), ("registry", "npmjs"), ("repo1", "maven"),
        ("deb", "debian"), ("crates", "io"), ("proxy", "golang"),
    )]  # fmt: skip
