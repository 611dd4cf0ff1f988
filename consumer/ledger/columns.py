"""What the tables share: how they are named, and columns that databases keep differently."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    TypeDecorator,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# A row's own number: SQLite counts only in its INTEGER, PostgreSQL needs the room of a BIGINT.
Number = BigInteger().with_variant(Integer(), "sqlite")


def milliseconds(moment: datetime) -> int:
    """As `Instant` keeps it."""
    return round(moment.timestamp() * 1000)


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime, kept as milliseconds since 1970: the same in every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else milliseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromtimestamp(value / 1000, UTC)


class FineInstant(TypeDecorator[datetime]):
    """As `Instant`, in microseconds: where a thousand requests leave in a second."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=value)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Sealed(LargeBinary):
    """Bytes that Seal sealed. What is kept sealed is declared so, and so resealing finds it."""


class SealedText(Text):
    """Text that Seal sealed, or blank."""


def sealed_columns() -> list[Column[Any]]:
    """Every sealed column of every table, in the order of the tables' names."""
    tables = sorted(metadata.tables.values(), key=lambda table: table.name)
    return [c for table in tables for c in table.c if isinstance(c.type, Sealed | SealedText)]
