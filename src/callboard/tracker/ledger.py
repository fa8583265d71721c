"""One transaction's rows: read once, changed in memory and in the database, and compared in the end.

What a row was when it was first touched, and what it is when the transaction ends, is what the
event tells: however many operations there were, there is one entry for each entity.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import (
    Connection,
    RowMapping,
    UniqueConstraint,
    and_,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from callboard.tracker.model import EntityType, Model
from callboard.tracker.tables import KIND, Tables

Values: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[str, ...]
Row: TypeAlias = Mapping[str, Any] | RowMapping

_AT_ONCE = 500
_SHOWN = 5
"""Names in a complaint."""


@dataclass(slots=True)
class Touched:
    """A row as it was, None when it is new, and as it is, None when it is gone."""

    table: str
    before: Values | None
    now: Values | None
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Late:
    """A row of which some columns are not in the database yet."""

    one: EntityType
    row: Values
    columns: set[str]


class Ledger:
    """The rows that one transaction has touched."""

    def __init__(self, connection: Connection, model: Model, tables: Tables, at: datetime) -> None:
        self._connection, self.model, self._tables, self.at = connection, model, tables, at
        self._rows: dict[tuple[str, Key], Touched] = {}
        self._new: dict[str, list[Values]] = {}
        self._late: dict[tuple[str, Key], Late] = {}
        self._order: list[Touched] = []
        self._guarded: dict[str, frozenset[str]] = {}

    def key(self, one: EntityType, values: Row) -> Key:
        """Return the primary key of a row."""
        return tuple(values[name] for name in one.key)

    def kind(self, one: EntityType, row: Row) -> EntityType:
        """Return the type of a row of that type's table."""
        return self.model[row[KIND]] if one.shared else one

    def load(self, one: EntityType, key: Key) -> Values | None:
        """Return a row as it is now; None when there is none."""
        held = self._rows.get((one.table, key))
        if held is None:
            table = self._tables.of(one)
            where = [table.c[name] == value for name, value in zip(one.key, key, strict=True)]
            found = self._connection.execute(select(table).where(*where).with_for_update()).mappings().first()
            held = self._hold(one, key, dict(found) if found is not None else None)
        return held.now

    def find(self, one: EntityType, by: str, values: Sequence[str]) -> list[Values]:
        """Return the rows of a type's table whose column has one of these values, as they are now."""
        self.flush()
        table = self._tables.of(one)
        found: list[Values] = []
        for start in range(0, len(values), _AT_ONCE):
            some = list(values[start : start + _AT_ONCE])
            for row in self._connection.execute(select(table).where(table.c[by].in_(some))).mappings():
                key = self.key(one, row)
                held = self._rows.get((one.table, key)) or self._hold(one, key, dict(row))
                if held.now is not None:
                    found.append(held.now)
        return found

    def read(self, mentioned: Mapping[str, Collection[str]]) -> None:
        """Read rows of tables by id in few statements, and remember which are not there."""
        for name, ids in mentioned.items():
            table = self._tables.metadata.tables[name]
            wanted = sorted(each for each in ids if (name, (each,)) not in self._rows)
            for start in range(0, len(wanted), _AT_ONCE):
                some = wanted[start : start + _AT_ONCE]
                statement = select(table).where(table.c["id"].in_(some)).order_by(table.c["id"])
                found = {
                    row["id"]: dict(row)
                    for row in self._connection.execute(statement.with_for_update()).mappings()
                }
                for each in some:
                    row = found.get(each)
                    before = dict(row) if row is not None else None
                    self._rows[name, (each,)] = Touched(name, before, row)

    def _hold(self, one: EntityType, key: Key, row: Values | None) -> Touched:
        held = Touched(one.table, dict(row) if row is not None else None, row)
        self._rows[one.table, key] = held
        return held

    def first(self, one: EntityType, column: str, where: Mapping[str, Any], *, last: bool = False) -> Any:
        """Return the least value of a column, or the greatest, among rows with some values."""
        self.flush()
        table = self._tables.of(one)
        order = table.c[column].desc() if last else table.c[column].asc()
        statement = select(table.c["id"], table.c[column]).order_by(order.nulls_last()).limit(1)
        statement = statement.where(*(table.c[name] == value for name, value in where.items()))
        return self._connection.execute(statement).first()

    def add(self, one: EntityType, row: Values) -> None:
        """Add a row; it reaches the database with others of its table, in one statement."""
        self._new.setdefault(one.table, []).append(row)
        held = self._rows[one.table, self.key(one, row)] = Touched(one.table, None, row, True)
        self._order.append(held)

    def change(self, one: EntityType, row: Values, values: Values) -> None:
        """Give a row other values; they reach the database with others of its table.

        At once where they must differ from other rows': two that swap their names do so by a third name.
        """
        changes = {name: value for name, value in values.items() if row.get(name) != value}
        if not changes:
            return
        key = self.key(one, row)
        if not self._guards(one).isdisjoint(changes):
            self.flush()
            with _naming([row | changes]):
                self._connection.execute(
                    update(self._tables.of(one)).where(self._is(one, [key])).values(changes)
                )
        else:
            self._late.setdefault((one.table, key), Late(one, row, set())).columns.update(changes)
        row.update(changes)
        self._note(self._rows[one.table, key])

    def _guards(self, one: EntityType) -> frozenset[str]:
        """Return the columns of a type's table in which rows must differ."""
        if one.table not in self._guarded:
            table = self._tables.of(one)
            unique = [each.columns for each in table.constraints if isinstance(each, UniqueConstraint)]
            unique += [each.columns for each in table.indexes if each.unique]
            named = {column.name for columns in unique for column in columns}
            self._guarded[one.table] = frozenset(named | set(one.key))
        return self._guarded[one.table]

    def remove(self, one: EntityType, rows: Sequence[Values]) -> None:
        """Remove rows of one table."""
        self.flush()
        keys = [self.key(one, row) for row in rows]
        for start in range(0, len(keys), _AT_ONCE):
            self._connection.execute(
                delete(self._tables.of(one)).where(self._is(one, keys[start : start + _AT_ONCE]))
            )
        for key in keys:
            held = self._rows[one.table, key]
            held.now = None
            self._note(held)

    def _is(self, one: EntityType, keys: Sequence[Key]) -> Any:
        table = self._tables.of(one)
        if len(one.key) == 1:
            return table.c[one.key[0]].in_([key[0] for key in keys])
        return or_(
            *(
                and_(*(table.c[name] == value for name, value in zip(one.key, key, strict=True)))
                for key in keys
            )
        )

    def _note(self, held: Touched) -> None:
        if not held.changed:
            held.changed = True
            self._order.append(held)

    def flush(self) -> None:
        """Bring new rows and other values to the database, each kind in one statement."""
        new, self._new = self._new, {}
        late, self._late = self._late, {}
        for table, rows in new.items():
            with _naming(rows):
                self._connection.execute(insert(self._tables.metadata.tables[table]), rows)
        there = {id(row) for rows in new.values() for row in rows}
        alike: dict[tuple[str, tuple[str, ...]], list[Late]] = {}
        for each in late.values():
            if id(each.row) not in there:  # a new row came with all that it is
                alike.setdefault((each.one.table, tuple(sorted(each.columns))), []).append(each)
        for (_, columns), some in alike.items():
            self._update(some[0].one, columns, [each.row for each in some])

    def _update(self, one: EntityType, columns: Sequence[str], rows: Sequence[Values]) -> None:
        table = self._tables.of(one)
        where = [table.c[name] == bindparam(f"is_{name}") for name in one.key]
        statement = update(table).where(*where).values({name: bindparam(f"to_{name}") for name in columns})
        values = [
            {f"is_{name}": row[name] for name in one.key} | {f"to_{name}": row[name] for name in columns}
            for row in rows
        ]
        self._connection.execute(statement, values)

    def changed(self) -> Iterator[Touched]:
        """Yield what is not as it was, in the order in which it was first changed."""
        return (held for held in self._order if held.before != held.now)

    def row(self, one: EntityType, id: str) -> Values | None:  # noqa: A002 - it is one
        """Return a row as it is, or as it was when this transaction removed it."""
        now = self.load(one, (id,))
        return now if now is not None else self._rows[one.table, (id,)].before


@contextlib.contextmanager
def _naming(rows: Sequence[Values]) -> Iterator[None]:
    """Have what the database refuses say which rows were sent, by name; those that come twice first."""
    try:
        yield
    except IntegrityError as error:
        named = Counter(
            f"{row.get(KIND) or ''} {str(name)[:80]!r}".strip()
            for row in rows
            if (name := row.get("name") or row.get("username") or row.get("key"))
        )
        names = [name for name, count in named.items() if count > 1] or list(named)
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        if names:
            error.add_detail(f"{'one of ' if names[1:] else ''}{', '.join(names[:_SHOWN])}{more}")
        raise
