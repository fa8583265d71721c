"""Columns as migrations name them. A revision is history: what is here stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Float, ForeignKey, Integer, Text
from sqlalchemy.types import TypeEngine

TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")
WHOLE: Final = Integer().with_variant(BigInteger(), "postgresql")
NUMBER: Final = Float()
YES_OR_NO: Final = Boolean()
TIME: Final = DateTime()
NAMES: Final = {
    "pk": "%(table_name)s_pkey",
    "fk": "%(table_name)s_%(column_0_name)s_fkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ix": "ix_%(table_name)s_%(column_0_name)s",
}
"""What constraints are called."""


def keys(*names: str) -> Iterator[Column[Any]]:
    """Yield columns of the primary key."""
    return (Column(name, TEXT, primary_key=True, nullable=False) for name in names)


def plain(kind: TypeEngine[Any], *names: str) -> Iterator[Column[Any]]:
    """Yield columns that hold values."""
    return (Column(name, kind) for name in names)


def loose(*names: str) -> Iterator[Column[Any]]:
    """Yield columns with the id of an entity of any table."""
    return (Column(name, TEXT, index=True) for name in names)


def pointing(table: str, *names: str) -> Iterator[Column[Any]]:
    """Yield columns with the id of a row of a table, which is looked for at the end of a transaction."""
    for name in names:
        yield Column(name, TEXT, ForeignKey(f"{table}.id", deferrable=True, initially="DEFERRED"), index=True)


def kind() -> Column[Any]:
    """Return the column with the type of a row, in tables that several types share."""
    return Column("kind", TEXT, nullable=False, index=True)
