"""The loader: the only module here that reads files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from consumer.event import Envelope
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.example import Example, Unreadable, bare_envelope_of
from consumer.mapping.file import SchemaText, compile_file
from consumer.mapping.mapping import Mapping
from consumer.mapping.problem import MappingProblems, Problem, Report, hint
from consumer.mapping.proof import prove, prove_apart
from consumer.mapping.tree import MOST_CHARACTERS, meaning

# Below the mappings, and no mappings of this office: sample tables (design 9), and files to copy.
_ASIDE = ("tables", "starting-points")
_TESTS = ".tests"


@dataclass(frozen=True, slots=True)
class _Loaded:
    mapping: Mapping
    envelopes: list[Envelope]
    report: Report


def load_catalogue(mappings_dir: Path, schemas_dir: Path) -> Catalogue:
    """Every mapping below `mappings_dir`, proved by its examples.

    Raises MappingProblems with everything that is wrong with all of them.
    """
    # Before a byte is read: a change meanwhile shows as another version at the next look.
    version = mappings_version(mappings_dir, schemas_dir)
    problems = list(_strays(mappings_dir))
    loaded = []
    for file in _files(mappings_dir):
        report = Report(_label(file, mappings_dir))
        mapping = _compile(file, mappings_dir, schemas_dir, report)
        if mapping:
            envelopes = prove(mapping, list(examples_of(file)), report)
            loaded.append(_Loaded(mapping, envelopes, report))
        else:
            problems += report.problems
    catalogue = _catalogue(loaded, version, _meanings(mappings_dir))
    problems += [problem for each in loaded for problem in each.report.problems]
    if problems:
        raise MappingProblems(problems)
    return catalogue


def mappings_version(mappings_dir: Path, schemas_dir: Path) -> str:
    """A digest of every file that mappings are loaded from; blank while one cannot be read."""
    digest = hashlib.sha256()
    try:
        for folder, file in _sources(mappings_dir, schemas_dir):
            name = f"{folder.name}/{file.relative_to(folder).as_posix()}"
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            digest.update(f"{name}\0{content}\n".encode())
    except OSError:
        return ""
    return digest.hexdigest()[:16]


def _sources(mappings_dir: Path, schemas_dir: Path) -> Iterator[tuple[Path, Path]]:
    for file in _files(mappings_dir):
        yield mappings_dir, file
    for folder in _tests(mappings_dir):
        for file in sorted(folder.glob("*.json")):
            yield mappings_dir, file
    for file in sorted(schemas_dir.rglob("*.json")):
        yield schemas_dir, file


def load_some(mappings_dir: Path, schemas_dir: Path) -> tuple[Catalogue, list[Problem]]:
    """The mappings that can be read, unproved, and what is wrong with the others: to try events."""
    mappings, problems = [], []
    for file in _files(mappings_dir):
        report = Report(_label(file, mappings_dir))
        mapping = _compile(file, mappings_dir, schemas_dir, report)
        mappings += [mapping] if mapping else []
        problems += report.problems
    return Catalogue(mappings, "", _meanings(mappings_dir)), sorted(problems)


def find_mapping(name: str, mappings_dir: Path) -> Path:
    """The file of the mapping called `name`, as lms/event. Raises MappingProblems."""
    found = [file for file in _files(mappings_dir) if _name(file, mappings_dir) == name]
    if not found:
        names = [_name(file, mappings_dir) for file in _files(mappings_dir)]
        message = f"there is no mapping {name}{hint(name, names)}"
        raise MappingProblems([Problem(mappings_dir.name, 1, "", "no_such_mapping", message)])
    return found[0]


def mapping_files(mappings_dir: Path) -> list[Path]:
    """Every mapping file, in the order of their names."""
    return list(_files(mappings_dir))


def load_mapping(file: Path, mappings_dir: Path, schemas_dir: Path) -> Mapping:
    """One mapping without its examples, for trying it while it is written.

    Raises MappingProblems.
    """
    file, mappings_dir = file.resolve(), mappings_dir.resolve()
    if not file.is_relative_to(mappings_dir):
        message = f"a mapping's name is its path below {mappings_dir.name}; this file lies outside"
        raise MappingProblems([Problem(file.name, 1, "", "outside_mappings", message)])
    report = Report(_label(file, mappings_dir))
    mapping = _compile(file, mappings_dir, schemas_dir, report)
    if mapping is None:
        raise MappingProblems(report.problems)
    return mapping


def load_event(file: Path) -> Envelope:
    """The event in a file, wrapped as in an example or as the LMS sent it.

    Raises Stopped, or MappingProblems if the file cannot be read.
    """
    try:
        return bare_envelope_of(file.read_bytes())
    except Unreadable as error:
        message = str(error)
    except OSError as error:
        message = str(error.strerror)
    raise MappingProblems([Problem(str(file), 1, "", "event_unreadable", message)])


def _compile(file: Path, mappings_dir: Path, schemas_dir: Path, report: Report) -> Mapping | None:
    text = _text(file, report)
    if text is None:
        return None
    return compile_file(text, _name(file, mappings_dir), _schemas(schemas_dir), report)


def _name(file: Path, mappings_dir: Path) -> str:
    return file.relative_to(mappings_dir).with_suffix("").as_posix()


def _text(file: Path, report: Report) -> str | None:
    try:
        with file.open(encoding="utf-8") as opened:
            return opened.read(MOST_CHARACTERS + 1)
    except (OSError, UnicodeDecodeError):
        report.add(1, "", "unreadable", "cannot be read as UTF-8 text")
        return None


def _schemas(schemas_dir: Path) -> SchemaText:
    """Reads `schemas/…` below `schemas_dir`, and nothing outside it."""

    def read(named: str) -> bytes | None:
        below = Path(named)
        if below.parts[:1] != ("schemas",) or ".." in below.parts:
            return None
        try:
            return schemas_dir.joinpath(*below.parts[1:]).read_bytes()
        except OSError:
            return None

    return read


def _files(mappings_dir: Path) -> Iterator[Path]:
    for file in sorted(mappings_dir.rglob("*.y*ml")):
        if not _aside(file, mappings_dir) and file.suffix in (".yaml", ".yml"):
            yield file


def _tests(mappings_dir: Path) -> Iterator[Path]:
    for folder in sorted(mappings_dir.rglob("*" + _TESTS)):
        if not _aside(folder, mappings_dir):
            yield folder


def _aside(path: Path, mappings_dir: Path) -> bool:
    return path.relative_to(mappings_dir).parts[0] in _ASIDE


def _strays(mappings_dir: Path) -> Iterator[Problem]:
    """What looks like part of a mapping and would not be used: a silence nobody asked for."""
    if not mappings_dir.is_dir():
        yield Problem(str(mappings_dir), 1, "", "unreadable", "no such folder")
    names = [file.with_suffix("") for file in _files(mappings_dir)]
    for folder in _tests(mappings_dir):
        if folder.with_suffix("") not in names:
            label = _label(folder, mappings_dir)
            yield Problem(label, 1, "", "mapping_missing", "examples without a mapping")
    for name in sorted({name for name in names if names.count(name) > 1}):
        label = _label(name, mappings_dir)
        yield Problem(label, 1, "", "duplicate_mapping", "both .yaml and .yml are there")


def examples_of(file: Path) -> Iterator[Example]:
    """The examples beside a mapping file, by their names."""
    folder = file.with_suffix(_TESTS)
    names = {path.name.removesuffix(".event.json") for path in folder.glob("*.event.json")}
    names |= {path.name.removesuffix(".expect.json") for path in folder.glob("*.expect.json")}
    for name in sorted(names):
        yield Example(name, *(_bytes(folder / f"{name}.{k}.json") for k in ("event", "expect")))


def _bytes(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None


def _meanings(mappings_dir: Path) -> dict[str, str]:
    found = {}
    for file in _files(mappings_dir):
        if text := _text(file, Report("")):
            found[_name(file, mappings_dir)] = hashlib.sha256(meaning(text).encode()).hexdigest()[
                :16
            ]
    return found


def _catalogue(loaded: list[_Loaded], version: str, meanings: dict[str, str]) -> Catalogue:
    """The catalogue; an example that two mappings claim goes into the mapping's report."""
    catalogue = Catalogue([each.mapping for each in loaded], version, meanings)
    for each in loaded:
        for envelope in each.envelopes:
            if claimed := prove_apart(catalogue, each.mapping, envelope):
                each.report.add(1, "match", "ambiguous_mapping", f"an example is also {claimed}")
                break
    return catalogue


def _label(file: Path, mappings_dir: Path) -> str:
    """The file as people see it: from the mappings' folder on, wherever that lies."""
    return (Path(mappings_dir.name) / file.relative_to(mappings_dir)).as_posix()
