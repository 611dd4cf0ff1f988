"""Paths: JMESPath's syntax, limited to names, indexes and one filter, compiled to closures.

`body.user.id`, `headers."content-type"`, `body.items[0].id` and
`body.fields[?key=='abim'].value | [0]`. Where JMESPath yields a value, so does a path, and the
same one; what JMESPath would guess (the first of several) is a fault here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from consumer.event import Envelope
from consumer.mapping.fault import Fault, missing

ROOTS = ("body", "item", "headers", "key")
_MOST_CHARACTERS = 1000
_LIMITS = "a path may hold names, [n] and one filter: fields[?key=='abim'].value | [0]"

Find = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Filter:
    """Keeps the items of a list whose member `name` equals `wanted`."""

    name: str
    wanted: str


Step = str | int | Filter


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path. `find` yields the value, None where there is none, or raises Fault."""

    text: str
    root: str
    steps: tuple[Step, ...]
    find: Callable[[Envelope], Any]

    @property
    def filtered(self) -> bool:
        """Whether the path holds a filter, and so may find more than one value."""
        return any(isinstance(step, Filter) for step in self.steps)

    def has(self, envelope: Envelope) -> bool:
        """Whether there is anything here, one value or several."""
        try:
            return not missing(self.find(envelope))
        except Fault:
            return True


class PathSyntax(Exception):
    """The text is not a path we take; says what is wrong with it."""


def parse(text: str) -> Path:
    """The compiled path. Raises PathSyntax."""
    if len(text) > _MOST_CHARACTERS:
        raise PathSyntax(f"a path may hold {_MOST_CHARACTERS} characters")
    try:
        tree: Any = jmespath.compile(text).parsed
    except JMESPathError:
        raise PathSyntax("not readable as a path; quote names that hold - / or :") from None
    root, *steps = _whole(tree)
    if not _rooted(root, steps):
        raise PathSyntax("a path is body.…, item.…, headers.NAME or key")
    return Path(text, str(root), tuple(steps), _compile(str(root), tuple(steps)))


def parse_list(text: str) -> Path:
    """The compiled path of a list in the body, or of the body itself. Raises PathSyntax."""
    path = Path("body", "body", (), lambda envelope: envelope.body)
    if text != path.text:
        path = parse(text)
    if path.root != "body" or path.filtered:
        raise PathSyntax("takes body, or a path of names in it such as body.data")
    return path


def _rooted(root: Step, steps: Sequence[Step]) -> bool:
    if root == "headers":
        return len(steps) == 1 and isinstance(steps[0], str)
    if root == "item":
        return True
    return bool(steps) if root == "body" else root == "key" and not steps


def _whole(tree: dict[str, Any]) -> list[Step]:
    if tree["type"] != "pipe":
        return _chain(tree)
    left, right = tree["children"]
    if left["type"] != "filter_projection" or _chain(right) != [0]:
        raise PathSyntax(_LIMITS)
    base, rest, condition = left["children"]
    return [*_chain(base), _filter(condition), *_chain(rest)]


def _chain(tree: dict[str, Any]) -> list[Step]:
    kind, children = tree["type"], tree["children"]
    if kind in ("field", "index"):
        return [tree["value"]]
    if kind in ("subexpression", "index_expression"):
        return [step for child in children for step in _chain(child)]
    if kind == "identity":
        return []
    if kind == "filter_projection":
        raise PathSyntax("a filter must end with | [0]")
    raise PathSyntax(_LIMITS)


def _filter(tree: dict[str, Any]) -> Filter:
    if tree["type"] != "comparator" or tree["value"] != "eq":
        raise PathSyntax(_LIMITS)
    name, wanted = tree["children"]
    if name["type"] != "field" or wanted["type"] != "literal" or type(wanted["value"]) is not str:
        raise PathSyntax("a filter compares one name with one text: [?key=='abim']")
    return Filter(name["value"], wanted["value"])


def _compile(root: str, steps: tuple[Step, ...]) -> Callable[[Envelope], Any]:
    if root == "key":
        return lambda envelope: envelope.key
    if root == "headers":
        return _header(str(steps[0]))
    if root == "body" and (short := _SHORT.get(len(steps))) and all(map(_is_name, steps)):
        return short(*steps)
    find = _follow(steps)
    if root == "item":
        return lambda envelope: find(envelope.item)
    return lambda envelope: find(envelope.body)


def _is_name(step: Step) -> bool:
    return isinstance(step, str)


def _header(name: str) -> Callable[[Envelope], Any]:
    return lambda envelope: envelope.headers.get(name)


# Nearly every path of a mapping is one of these: written out, they take half of the loop's time.
def _one(a: Any) -> Callable[[Envelope], Any]:
    def find(envelope: Envelope) -> Any:
        try:
            return envelope.body[a]
        except (KeyError, TypeError):
            return None

    return find


def _two(a: Any, b: Any) -> Callable[[Envelope], Any]:
    def find(envelope: Envelope) -> Any:
        try:
            return envelope.body[a][b]
        except (KeyError, TypeError):
            return None

    return find


def _three(a: Any, b: Any, c: Any) -> Callable[[Envelope], Any]:
    def find(envelope: Envelope) -> Any:
        try:
            return envelope.body[a][b][c]
        except (KeyError, TypeError):
            return None

    return find


_SHORT: dict[int, Callable[..., Callable[[Envelope], Any]]] = {1: _one, 2: _two, 3: _three}


def _follow(steps: Sequence[Step]) -> Find:
    for place, step in enumerate(steps):
        if isinstance(step, Filter):
            return _pick(_follow(steps[:place]), step, _follow(steps[place + 1 :]))
    if all(isinstance(step, str) for step in steps):
        return _names(steps)
    return _names_and_indexes(steps)


def _names(names: Sequence[Any]) -> Find:
    def find(value: Any) -> Any:
        try:
            for name in names:
                value = value[name]
        except (KeyError, TypeError):
            return None
        return value

    return find


def _names_and_indexes(steps: Sequence[Any]) -> Find:
    def find(value: Any) -> Any:
        for step in steps:
            # Not by trying: text has an index too, and its first letter is not the first item.
            if not isinstance(value, list if isinstance(step, int) else dict):
                return None
            try:
                value = value[step]
            except (KeyError, IndexError):
                return None
        return value

    return find


def _pick(base: Find, kept: Filter, rest: Find) -> Find:
    def find(value: Any) -> Any:
        items = base(value)
        if not isinstance(items, list):
            return None
        found = [
            rest(item)
            for item in items
            if isinstance(item, dict) and item.get(kept.name) == kept.wanted
        ]
        found = [each for each in found if each is not None]
        if len(found) > 1:
            raise Fault("ambiguous_value")
        return found[0] if found else None

    return find
