"""The tables of a model: one for each group of types that share one, and the outbox beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeEngine

from callboard.tracker.migrations.columns import NAMES
from callboard.tracker.model import EntityType, Kind, Model, Reference, Scalar

KIND = "kind"
"""The column with the type of a row, in tables that several types share."""

_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Compared and ordered by bytes in either database, whatever the language of the server is."""
_WHOLE = Integer().with_variant(BigInteger(), "postgresql")
"""SQLite's integers have 64 bits anyway."""
_TYPES: dict[Kind, TypeEngine[Any]] = {
    Kind.TEXT: _TEXT,
    Kind.INTEGER: _WHOLE,
    Kind.NUMBER: Float(),
    Kind.BOOLEAN: Boolean(),
    Kind.TIME: DateTime(),
    Kind.ANY: _TEXT,
}
_LATE = "thumbnail_id"

TOPIC = "ftrack.update"
"""What events in the outbox are, unless they say otherwise."""


@dataclass(frozen=True)
class Tables:
    """The tables by name; times are stored in UTC, without a zone."""

    metadata: MetaData
    outbox: Table

    def of(self, one: EntityType) -> Table:
        """Return the table of a type."""
        return self.metadata.tables[one.table]


def tables_of(model: Model) -> Tables:
    """Return the tables that hold a model's entities; nothing is made in a database yet."""
    metadata = MetaData(naming_convention=NAMES)
    for name in dict.fromkeys(one.table for one in model.types.values()):
        types = [one for one in model.types.values() if one.table == name]
        Table(name, metadata, *_columns(model, types), *_uniques(types))
    return Tables(metadata, _outbox(metadata))


def _columns(model: Model, types: list[EntityType]) -> Iterator[Column[object] | Index]:
    targets = {
        found.by: model[found.target].table
        for one in types
        for found in one.attributes.values()
        if isinstance(found, Reference) and found.target
    }
    loose = {
        found.by
        for one in types
        for found in one.attributes.values()
        if isinstance(found, Reference) and not found.target
    }
    scalars = {scalar.stored: scalar for one in types for scalar in one.scalars}
    key = types[0].key
    for name, scalar in scalars.items():
        yield _column(scalar, targets.get(name), name in key, name in loose)
    if types[0].shared:
        yield Column(KIND, _TEXT, nullable=False, index=True)


def _column(scalar: Scalar, target: str | None, is_key: bool, loose: bool) -> Column[object]:
    """Return a column; what points elsewhere is checked at the end, since the order is the client's."""
    kind = _TYPES[scalar.kind]
    if is_key:
        return Column(scalar.stored, kind, primary_key=True, nullable=False)
    if target is None:
        return Column(scalar.stored, kind, index=loose)
    late = scalar.stored == _LATE  # made when all tables are there: they point in circles through it
    pointing = ForeignKey(f"{target}.id", deferrable=True, initially="DEFERRED", use_alter=late)
    return Column(scalar.stored, kind, pointing, index=True)


def _uniques(types: list[EntityType]) -> Iterator[UniqueConstraint]:
    for names in dict.fromkeys(each for one in types for each in one.unique):
        yield UniqueConstraint(*names)


def _outbox(metadata: MetaData) -> Table:
    return Table(
        "outbox",
        metadata,
        Column("id", _WHOLE, primary_key=True, autoincrement=True),
        Column("event", _TEXT, nullable=False, unique=True),
        Column("topic", _TEXT, nullable=False, server_default=TOPIC),
        Column("data", _TEXT, nullable=False),
        Column("source", _TEXT, nullable=False),
        sqlite_autoincrement=True,
    )
