"""Many rows of one table, written at a driver's own speed.

SQLAlchemy compiles, copies and names every value of every row; where nothing has to come back from
the database, and all rows have the same columns, that took more time than the database itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Column, Connection, Dialect, LargeBinary, Table, exists, func, select, text


def insert_rows(
    db: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, new_only: bool = False
) -> None:
    """Write the rows, which all name the same columns; the others get the table's defaults.

    With `new_only` a row whose key is there already is left as it is.
    """
    if not rows:
        return
    columns = [column for column in table.c if column.name in rows[0] or column.default is not None]
    values = [_values(column, rows, db.dialect) for column in columns]
    db.exec_driver_sql(
        _statement(table, columns, db.dialect, new_only=new_only),
        list(zip(*values, strict=True)),
    )


def new_numbers(db: Connection, table: Table, count: int) -> Sequence[int]:
    """Numbers for so many new rows of `table`; in a writing transaction, which is alone."""
    if db.dialect.name == "sqlite":
        last: int = db.scalar(select(func.max(table.c.id))) or 0
        return range(last + 1, last + 1 + count)
    sequence = func.pg_get_serial_sequence(table.name, "id")
    each = func.generate_series(1, count).table_valued("one")
    return db.scalars(select(func.nextval(sequence)).select_from(each)).all()


def known_among(db: Connection, column: Column[Any], keys: Collection[str]) -> set[str]:
    """Those of the keys that stand in the column. It needs an index.

    They go to the database as one value, whatever their number: a list of parameters has limits.
    """
    if not keys:
        return set()
    if db.dialect.name == "sqlite":
        asked = func.json_each(text(":keys")).table_valued("value")
    else:
        asked = func.json_array_elements_text(text("CAST(:keys AS json)")).table_valued("value")
    query = select(asked.c.value).where(exists().where(column == asked.c.value))
    return set(db.scalars(query, {"keys": orjson.dumps([*keys]).decode()}))


def _values(
    column: Column[Any], rows: Sequence[Mapping[str, Any]], dialect: Dialect
) -> Sequence[Any]:
    """The column's value of each row, as the driver takes it."""
    process = column.type.dialect_impl(dialect).bind_processor(dialect)
    if column.name not in rows[0]:
        default: Any = column.default
        return [process(default.arg) if process else default.arg] * len(rows)
    values = [row[column.name] for row in rows]
    if process is None or isinstance(column.type, LargeBinary):  # both drivers take bytes
        return values
    # Most of what needs it, moments and days, is the same in every row of a batch.
    driver = {value: process(value) for value in set(values)}
    return [driver[value] for value in values]


def _statement(
    table: Table, columns: Sequence[Column[Any]], dialect: Dialect, *, new_only: bool
) -> str:
    quoted = dialect.identifier_preparer.quote
    names = ", ".join(quoted(column.name) for column in columns)
    places = ", ".join(["?" if dialect.paramstyle == "qmark" else "%s"] * len(columns))
    unless = " ON CONFLICT DO NOTHING" if new_only else ""
    return f"INSERT INTO {quoted(table.name)} ({names}) VALUES ({places}){unless}"  # noqa: S608  names of the schema
