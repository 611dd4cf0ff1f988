"""Apache Kafka's jars, fetched once by Maven into a cache that every clone shares."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

POM = Path(__file__).with_name("pom.xml")
MAVEN_TIMEOUT_SECONDS = 900
LEAST_JAVA = 17


class NoJars(Exception):
    """Apache Kafka cannot be started from jars here; the text says why."""


def version() -> str:
    """The Apache Kafka version that the pom names, e.g. "4.4.0"."""
    found = re.search("<kafka.version>(.+)</kafka.version>", POM.read_text())
    assert found, f"{POM} names no kafka.version"
    return found[1]


def java() -> str:
    """Path of a Java that can run the broker. Raises NoJars."""
    path = shutil.which("java")
    if path is None:
        raise NoJars("no java")
    told = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=60).stderr
    found = re.search(r'version "(\d+)', told)
    if found is None or int(found[1]) < LEAST_JAVA:
        raise NoJars(f"java is older than {LEAST_JAVA}")
    return path


def classpath() -> str:
    """What `java -cp` needs; fetches the jars the first time. Raises NoJars."""
    home = _cache() / f"kafka-{version()}-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"
    if not home.is_dir():
        with (_cache() / "kafka.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not home.is_dir():  # another run may have fetched them while this one waited
                _fetch(home)
    return f"{home}/*"


def _cache() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "moc-consumer"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _fetch(home: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise NoJars("no Maven (mvn) to fetch Apache Kafka with")
    half_done = Path(tempfile.mkdtemp(prefix="fetching-", dir=home.parent))
    try:
        _run_maven(maven, half_done)
        half_done.rename(home)  # whole or not at all: a killed run leaves no half cache
    finally:
        shutil.rmtree(half_done, ignore_errors=True)


def _run_maven(maven: str, folder: Path) -> None:
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
    command = [maven, "--batch-mode", "--quiet", "--no-transfer-progress", "-f", str(POM), *goal]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=MAVEN_TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise NoJars(f"Maven was not done in {MAVEN_TIMEOUT_SECONDS} s") from None
    if done.returncode != 0:
        last = (done.stdout + done.stderr).strip().splitlines()[:1]
        raise NoJars(f"Maven could not fetch Apache Kafka {version()}: {' '.join(last)}")
