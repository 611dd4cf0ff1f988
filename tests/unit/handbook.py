"""The parts of docs/configuration.md and docs/commands.md that the program says of itself.

`make guide` writes them anew; a test fails where they say something else.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click

from consumer.cli import main
from consumer.cli.output import FAILED, WRONG
from consumer.environment import names_of
from consumer.ledger.outbox import PASSED_ON
from consumer.resources import shipped
from consumer.settings import Settings
from tests.commands import below

DOCS = Path(__file__).parents[2] / "docs"
FILES = (DOCS / "configuration.md", DOCS / "commands.md")
_PART = re.compile(r"(<!-- made: (\w+) -->\n).*?(<!-- made -->\n)", re.DOTALL)
_UNITS = ("seconds", "minutes", "hours", "days", "bytes", "percent")
_LONGEST_PATTERN = 24
_ANY = "*"

EXITS = {
    0: "done; for `ready` and `verify`: all is well",
    FAILED: "something failed or is away, or what was asked is not so: try again, or read on",
    WRONG: "wrong settings, tables, mappings or usage: a person must put that right first",
    130: "left at once at the second Ctrl-C (SIGINT)",
    143: "left at once at the second SIGTERM; safe, what was under way is asked about",
}
"""Every exit code there is, and what it means."""


# ---------------------------------------------------------------- settings


@cache
def settings_schema() -> dict[str, Any]:
    """All settings as JSON Schema, which says kinds, bounds and defaults alike."""
    return Settings.model_json_schema()


def rows(schema: dict[str, Any], whole: dict[str, Any], above: str = "") -> Iterator[list[Any]]:
    """Each setting as [name, schema, section], sections after what stands beside them."""
    sections = []
    for name, said in schema.get("properties", {}).items():
        kind, star = _section(said, whole)
        if kind is None:
            needed = name in schema.get("required", ())
            yield [above + name, _resolved(said, whole) | {"needed": needed}, above]
        else:
            sections.append((f"{above}{name}{star}.", kind))
    for inner, kind in sections:
        yield from rows(kind, whole, inner)


def _section(said: dict[str, Any], whole: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    for one in (said, *said.get("anyOf", ())):
        found = _resolved(one, whole)
        if "properties" in found:
            return found, ""
        of_each = one.get("additionalProperties") or next(
            iter(one.get("patternProperties", {}).values()), None
        )
        if isinstance(of_each, dict) and "properties" in (found := _resolved(of_each, whole)):
            return found, f".{_ANY}"
    return None, ""


def _resolved(said: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    name = said.get("$ref", "").rpartition("/")[2]
    return whole["$defs"][name] | {k: v for k, v in said.items() if k != "$ref"} if name else said


def _settings() -> Iterator[str]:
    whole = settings_schema()
    section = None
    for name, said, above in rows(whole, whole):
        if above != section:
            section = above
            yield from ("", f"### {_titled(above)}", "")
            yield from ("| setting, environment | value | default | meaning |", "|---|---|---|---|")
        cells = (_named(name), _value(name, said), _default(said), _meaning(name, said))
        yield f"| {' | '.join(cells)} |"


def _titled(above: str) -> str:
    return f"`[{above[:-1].replace(_ANY, 'NAME')}]`" if above else "Outside every section"


def _named(name: str) -> str:
    return f"`{name.rpartition('.')[2]}`<br>`{variable(name)}`"


def variable(name: str) -> str:
    """The environment's name of a setting; NAME stands for what the office calls it."""
    return "MOC_" + name.replace(_ANY, "name").replace(".", "__").upper()


def _meaning(name: str, said: dict[str, Any]) -> str:
    secret = "**secret**: " if _is_secret(said) else ""
    own = {one.removesuffix("_file") for one in names_of(Settings) if one.endswith("_file")}
    by_file = " (or a file: `_file`)" if secret and name in own else ""
    return _cell(f"{secret}{said['description']}{by_file}")


def _is_secret(said: dict[str, Any]) -> bool:
    return any(one.get("writeOnly") for one in (said, *said.get("anyOf", ())))


def _value(name: str, said: dict[str, Any]) -> str:
    options = [one for one in said.get("anyOf", [said]) if one.get("type") != "null"]
    one = _resolved(options[0], settings_schema())
    words = one.get("enum") or ([one["const"]] if "const" in one else [])
    if words:
        return ", ".join(f"`{word}`" for word in words)
    unit = next((unit for unit in _UNITS if name.endswith(f"_{unit}")), "")
    if name.endswith("requests_per_second"):
        unit = "per second"
    kind = unit if unit and _kind(one) == "number" else f"{_kind(one)} {unit}".strip()
    return ", ".join(filter(None, (kind, _bounds(one))))


def _kind(one: dict[str, Any]) -> str:
    named = {"string": "text", "boolean": "true or false", "integer": "whole number"}
    named |= {"array": "list", "object": "table"}
    formats = {"path": "path", "time": "time of day"}
    if one.get("format") in formats:
        return formats[one["format"]]
    return named.get(one.get("type", ""), one.get("type", "text"))


def _bounds(one: dict[str, Any]) -> str:
    signs = {"exclusiveMinimum": "> {}", "minimum": "≥ {}", "maximum": "≤ {}"}
    signs |= {"minItems": "≥ {} of them", "maxItems": "≤ {} of them"}
    signs |= {"minLength": "≥ {} long", "maxLength": "≤ {} long"}
    said = [sign.format(f"{one[key]:g}") for key, sign in signs.items() if key in one]
    pattern = one.get("pattern", "")
    if pattern and len(pattern) <= _LONGEST_PATTERN:
        said.append(f"`{_cell(pattern)}`")
    return ", ".join(said)


def _default(said: dict[str, Any]) -> str:
    value = said.get("default")
    if said["needed"]:
        return "needed"
    if isinstance(value, str) and value.startswith(str(shipped("mappings").parent)):
        return "those that ship with it"
    if value in (None, "", [], {}):
        return ""
    return f"`{_cell(json.dumps(value) if not isinstance(value, str) else value)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


# ---------------------------------------------------------------- commands


def every(group: click.Group, before: str = "moc-consumer") -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by what is typed."""
    for name, command in below(group):
        if isinstance(command, click.Group):
            yield from every(command, f"{before} {name}")
            if not command.invoke_without_command:
                continue
        yield f"{before} {name}", command


def _commands() -> Iterator[str]:
    for called, command in sorted(every(main)):
        yield from ("", f"### {called}", "")
        yield f"    {' '.join([called, *_pieces(command)])}"
        yield from ("", _prose(command.help or ""))
        options = [one for one in command.params if isinstance(one, click.Option)]
        if options:
            yield from ("", "| option | does |", "|---|---|")
        for one in options:
            yield f"| {_option(one)} | {_cell(_flat(one.help or ''))}{_said(one)} |"


def _pieces(command: click.Command) -> list[str]:
    return command.collect_usage_pieces(click.Context(command))


def _prose(text: str) -> str:
    paragraphs = inspect.cleandoc(text).replace("\b\n", "").split("\n\n")
    return "\n\n".join(map(_flat, paragraphs)).replace("<", "&lt;")


def _flat(text: str) -> str:
    return " ".join(text.split())


def _option(one: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in (*one.opts, *one.secondary_opts))
    if one.is_flag or one.count:
        return names
    return f"{names} {_cell(one.make_metavar(click.Context(main)))}"


def _said(one: click.Option) -> str:
    said = ["Needed."] if one.required else []
    said += ["May be given several times."] if one.multiple else []
    said += [f"Environment: `{one.envvar}`."] if one.envvar else []
    return "".join(f" {it}" for it in said)


def _exits() -> Iterator[str]:
    yield from ("| exit code | means |", "|---|---|")
    for code, means in EXITS.items():
        yield f"| {code} | {means} |"


# ---------------------------------------------------------------- headers


def _letter_headers() -> Iterator[str]:
    schema = json.loads((shipped("schemas") / "dead-letter.json").read_text(encoding="utf-8"))
    yield from ("| header | always | holds |", "|---|---|---|")
    for name, said in schema["properties"].items():
        always = "yes" if name in schema["required"] else ""
        yield f"| `{name}` | {always} | {_header(name, said)} |"


def _header(name: str, said: dict[str, Any]) -> str:
    if name in PASSED_ON:
        return "as the LMS sent it, if it can hold nobody's name"
    words = ", ".join(f"`{word}`" for word in said.get("enum", [said.get("const")]) if word)
    kinds = {"#/$defs/instant": "a time, UTC", "#/$defs/count": "a number", "#/$defs/text": "text"}
    what = said.get("description") or kinds.get(said.get("$ref", ""), "text")
    return _cell(f"{what}: {words}" if words else what)


# ---------------------------------------------------------------- the documents

PARTS: dict[str, Callable[[], Iterator[str]]] = {
    "settings": _settings,
    "commands": _commands,
    "exits": _exits,
    "letter_headers": _letter_headers,
}


def made(text: str) -> str:
    """The document with those parts as they should be. Raises KeyError for one that is unknown."""
    return _PART.sub(
        lambda part: part[1] + "".join(f"{line}\n" for line in PARTS[part[2]]()) + part[3], text
    )


if __name__ == "__main__":
    for file in FILES:
        file.write_text(made(file.read_text(encoding="utf-8")), encoding="utf-8")
