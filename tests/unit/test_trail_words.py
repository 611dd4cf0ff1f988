"""Every word that the audit trail is written with has a sentence for whoever reads it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from consumer.desk.trailwords import MEANINGS
from tests.unit.test_architecture import MODULES, PACKAGE, imported

WORD = re.compile(r"[a-z]+\.[a-z_]+")
FILES = {
    "csv",
    "toml",
    "xlsx",
    "pdf",
    "db",
    "json",
    "yaml",
    "xml",
    "xsd",
    "html",
    "css",
    "js",
    "restoring",
}


def put_together(file: Path) -> set[str]:
    """What stands around the gaps of texts that would be a word once they are filled."""
    tree = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    texts = [node.values for node in tree if isinstance(node, ast.JoinedStr)]
    fixed = ("".join(str(v.value) for v in one if isinstance(v, ast.Constant)) for one in texts)
    return {one for one in fixed if re.fullmatch(r"[a-z]*\.[a-z_]*", one) and one[1:] not in FILES}


def literals(file: Path) -> set[str]:
    """All texts in a module that look like a word of the trail."""
    tree = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    texts = (n.value for n in tree if isinstance(n, ast.Constant) and isinstance(n.value, str))
    return {one for one in texts if WORD.fullmatch(one) and one.partition(".")[2] not in FILES}


WRITERS = {
    file.relative_to(PACKAGE).as_posix(): literals(file)
    for file in MODULES
    if "consumer.desk.trail" in imported(file)
}


@pytest.mark.parametrize("module", WRITERS)
def test_no_word_is_put_together(module: str) -> None:
    """Nobody could find it, and no test could know it."""
    assert put_together(PACKAGE / module) == set()


@pytest.mark.parametrize("module", WRITERS)
def test_every_word_that_is_written_has_a_sentence(module: str) -> None:
    assert WRITERS[module] - MEANINGS.keys() == set()


def test_every_sentence_is_of_a_word_that_is_written() -> None:
    written = set().union(*WRITERS.values())
    assert MEANINGS.keys() - written == set()


def test_a_sentence_reads_on_from_the_name_of_who_did_it() -> None:
    for word, says in MEANINGS.items():
        assert re.fullmatch(r"[a-z].*[^.]", says), word
