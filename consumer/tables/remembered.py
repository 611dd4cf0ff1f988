"""What an office said about its columns, kept beside the table for the next time."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from consumer.durable import write_whole
from consumer.tables.csvfile import TableProblem, TableProblems
from consumer.tables.heading import Said
from consumer.tables.kind import TableKind

_HEAD = "# What your spreadsheets call the columns; moc-consumer table import keeps it.\n"


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    columns: dict[str, str] = Field(default_factory=dict)
    ignore: list[str] = Field(default_factory=list)
    ignore_others: bool = False


def remembered(folder: Path, kind: TableKind) -> Said:
    """What was said before; nothing when nothing was. Raises TableProblems for a broken file."""
    path = _path(folder, kind)
    try:
        told = _File.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except FileNotFoundError:
        return Said()
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError):
        message = "cannot be read: mend it, or delete it and say the columns again"
        raise TableProblems([TableProblem(path.name, 0, "", message)]) from None
    return Said(told.columns | dict.fromkeys(told.ignore, ""), told.ignore_others)


def remember(folder: Path, kind: TableKind, said: Said) -> bool:
    """Keep what was said, over what was said before; whether anything was new."""
    before = remembered(folder, kind)
    after = Said({**before.columns, **said.columns}, before.ignore_others or said.ignore_others)
    if after == before:
        return False
    told = {
        "columns": {name: column for name, column in after.columns.items() if column},
        "ignore": [name for name, column in after.columns.items() if not column],
        "ignore_others": after.ignore_others,
    }
    text = yaml.safe_dump({k: v for k, v in told.items() if v}, allow_unicode=True, sort_keys=False)
    write_whole(_path(folder, kind), (_HEAD + text).encode())
    return True


def _path(folder: Path, kind: TableKind) -> Path:
    return folder / f"{kind.name}.columns.yaml"
