"""A query as the official clients want its answer: entities with the attributes that they named.

One statement finds the rows, then one for each relation in the projections, whatever the number of rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Connection, FromClause, select, true

from callboard.tracker.conditions import NEWEST, Scope, is_newest
from callboard.tracker.custom import configurations, is_value, typed, unset
from callboard.tracker.language import Query
from callboard.tracker.model import (
    Collection,
    EntityType,
    Kind,
    Line,
    Model,
    Newest,
    Reference,
    Scalar,
    Through,
)
from callboard.tracker.projecting import Tree, narrowed, projected, shown_by_default, weight
from callboard.tracker.refusals import Refused
from callboard.tracker.surroundings import Row, Surroundings, up
from callboard.tracker.tables import KIND, Tables
from callboard.tracker.values import shown

Entity: TypeAlias = dict[str, Any]
Pairs: TypeAlias = list[tuple[Row, Entity]]
"""Rows, and what is made of them."""

MOST_ROWS = 10_000
"""Rows of one answer; the rest is at the offset in its metadata."""
MOST_ENTITIES = 100_000
"""Entities in one answer, those in relations included."""
MOST_CHARACTERS = 128 << 20
"""Of an answer, entities counted each time they are shown: `children.parent.children` shows all for each."""
_AT_ONCE = 500
"""Ids in one statement."""


class Selection:
    """Answers queries over one connection."""

    def __init__(self, connection: Connection, model: Model, tables: Tables) -> None:
        self._connection, self._model, self._tables = connection, model, tables
        self._around = Surroundings(model, self._rows, MOST_ENTITIES)
        self._left, self._room = MOST_ENTITIES, MOST_CHARACTERS

    def answer(self, query: Query) -> dict[str, Any]:
        """Return the result of a `query` operation."""
        one = self._model[query.entity]
        limit = min(query.limit if query.limit is not None else MOST_ROWS, MOST_ROWS)
        scope = Scope(self._model, self._tables, one)
        condition = scope.clause(query.where) if query.where is not None else true()
        order: list[ColumnElement[Any]] = [
            column.desc().nulls_last() if down else column.asc().nulls_first()
            for column, down in ((scope.column(path), down) for path, down in query.order)
        ]
        order += _natural(one, scope.alias) if not order else [scope.alias.c[key] for key in one.key]
        statement = select(scope.alias).select_from(scope.source).where(scope.belongs(), condition)
        statement = statement.order_by(*order).limit(limit + 1).offset(query.offset)
        tree = projected(self._model, one, query.projections)
        rows = self._connection.execute(statement).mappings().all()
        following = query.offset + limit if len(rows) > limit and limit else None
        data = self.entities(one, rows[:limit], tree)
        self._room -= weight(data)
        if self._room < 0:
            raise Refused(f"This answer is larger than {MOST_CHARACTERS >> 20} MiB: ask for less at once.")
        return {"action": "query", "data": data, "metadata": {"next": {"offset": following}}}

    def entities(self, one: EntityType, rows: Sequence[Row], tree: Tree) -> list[Entity]:
        """Return rows of a table as entities with the attributes of a tree, where their type has them."""
        self._count(len(rows))
        kinds: dict[str, Pairs] = defaultdict(list)
        made: list[Entity] = []
        for row in rows:
            kind = row[KIND] if one.shared else one.name
            made.append({"__entity_type__": kind, **{key: row[key] for key in one.key}})
            kinds[kind].append((row, made[-1]))
        for kind, pairs in kinds.items():
            for name, inner in narrowed(self._model, kind, tree).items():
                self._fill(self._model[kind], name, inner, pairs)
        return made

    def _count(self, more: int) -> None:
        self._left -= more
        if self._left < 0:
            raise Refused(f"This answer has more than {MOST_ENTITIES} entities: ask for less at once.")

    def _fill(self, one: EntityType, name: str, inner: Tree, pairs: Pairs) -> None:
        """Give the entities of one type one attribute, if that type has it."""
        match one.attributes.get(name):
            case None:
                return
            case Scalar(derived=True) as scalar:
                self._derive(one, scalar.name, pairs)
            case Scalar() as scalar:
                for row, made in pairs:
                    made[name] = self._shown(one, scalar, row)
            case (Reference() | Newest()) as found:
                self._fill_one(found, inner, pairs)
            case found:
                members = self._several(one, found, inner, pairs)
                for row, made in pairs:
                    made[name] = members.get(row["id"], [])

    def _fill_one(self, found: Reference | Newest, inner: Tree, pairs: Pairs) -> None:
        if isinstance(found, Reference):
            others = self._by_id(found.targets, {row[found.by] for row, _ in pairs}, inner)
            for row, made in pairs:
                made[found.name] = others.get(row[found.by])
        else:
            newest = self._newest(found, [row["id"] for row, _ in pairs], inner)
            for row, made in pairs:
                made[found.name] = newest.get(row["id"])

    def _several(
        self, one: EntityType, found: Collection | Through | Line, inner: Tree, pairs: Pairs
    ) -> Mapping[str, list[Entity]]:
        """Return the members of a relation to several, by the id of who has it."""
        ids = [row["id"] for row, _ in pairs]
        match found:
            case Through():
                return self._linked(found, ids, inner)
            case Line():
                return self._in_line(found, [row for row, _ in pairs], inner)
            case Collection() if is_value(found.target):
                return self._customs(one, found, [row for row, _ in pairs], inner)
            case Collection():
                return self._members(found, ids, inner)

    def _shown(self, one: EntityType, scalar: Scalar, row: Row) -> Any:
        value = row[scalar.stored]
        if is_value(one.name) and scalar.kind is Kind.ANY:
            return typed(self._configured.get(row["configuration_id"]), value)
        return shown(value)

    @cached_property
    def _configured(self) -> dict[str, Mapping[str, Any]]:
        return configurations(self._connection, self._model, self._tables)

    def _by_id(
        self, targets: Iterable[str], ids: Iterable[str | None], tree: Tree
    ) -> dict[str | None, Entity]:
        """Return entities of some types by id; ids are looked for in each type until they are found."""
        found: dict[str | None, Entity] = {}
        left = {each for each in ids if each is not None}
        for target in targets:
            one = self._model[target]
            rows = list(self._rows(one, "id", sorted(left))) if left else []
            found |= {entity["id"]: entity for entity in self.entities(one, rows, tree)}
            left -= found.keys()
        return found

    def _members(self, found: Collection, ids: list[str], tree: Tree) -> dict[str, list[Entity]]:
        """Return the entities of a collection by the id of who has it."""
        one = self._model[found.target]
        if found.mapped and not tree:
            tree = shown_by_default(one)
        rows = list(self._rows(one, found.by, ids))
        return _grouped((row[found.by] for row in rows), self.entities(one, rows, tree))

    def _linked(self, found: Through, ids: list[str], tree: Tree) -> dict[str, list[Entity]]:
        links = list(self._rows(self._model[found.link], found.near, ids))
        one = self._model[found.target]
        rows = list(self._rows(one, "id", sorted({row[found.far] for row in links})))
        others = {entity["id"]: entity for entity in self.entities(one, rows, tree)}
        ranks = {row["id"]: row.get("sort") or 0 for row in rows}
        members: dict[str, list[Entity]] = defaultdict(list)
        for row in sorted(links, key=lambda row: ranks.get(row[found.far], 0)):
            if row[found.far] in others:
                members[row[found.near]].append(others[row[found.far]])
        return members

    def _in_line(self, found: Line, rows: Sequence[Row], tree: Tree) -> dict[str, list[Entity]]:
        one = self._model[found.target]
        if found.up:
            known = self._around.above(rows)
            lines = {row["id"]: [*up(known, row["parent_id"])][::-1] for row in rows}
        else:
            lines = self._around.below(one, [row["id"] for row in rows])
        kept = {each["id"]: each for line in lines.values() for each in line}
        wanted = [each for each in kept.values() if each[KIND] in self._model.below[one.name]]
        made = {each["id"]: each for each in self.entities(one, wanted, tree)}
        return {id_: [made[each["id"]] for each in line if each["id"] in made] for id_, line in lines.items()}

    def _newest(self, found: Newest, ids: Sequence[str], tree: Tree) -> dict[str, Entity]:
        one = self._model[found.target]
        rows = list(self._newest_rows(found, ids))
        return {
            row[found.by]: entity for row, entity in zip(rows, self.entities(one, rows, tree), strict=True)
        }

    def _newest_rows(self, found: Newest, ids: Sequence[str]) -> Iterator[Row]:
        table = self._tables.of(self._model[found.target])
        newest = is_newest(table, table, found.by, found.greatest)
        for start in range(0, len(ids), _AT_ONCE):
            statement = select(table).where(table.c[found.by].in_(ids[start : start + _AT_ONCE]), newest)
            yield from self._connection.execute(statement).mappings()

    def _derive(self, one: EntityType, name: str, pairs: Pairs) -> None:
        """Give entities what is no column of theirs."""
        if name == NEWEST:
            found = Newest("", one.name, "asset_id", "version")
            ids = sorted({row["asset_id"] for row, _ in pairs})
            newest = {row["id"] for row in self._newest_rows(found, ids)}
            for row, made in pairs:
                made[name] = row["id"] in newest
        else:
            links = self._around.links(one, [row for row, _ in pairs])
            for row, made in pairs:
                made[name] = links[row["id"]]

    def _customs(
        self, one: EntityType, found: Collection, rows: Sequence[Row], tree: Tree
    ) -> dict[str, list[Entity]]:
        """Return custom attributes, those that were never set too, by the id of who has them."""
        members = self._members(found, [row["id"] for row in rows], tree)
        if not self._configured:
            return members
        subjects = self._around.subjects(one, rows)
        above = sorted({each for subject in subjects.values() for each in subject.above})
        inherited = (
            self._set(above) if any(each["is_hierarchical"] for each in self._configured.values()) else {}
        )
        for id_, subject in subjects.items():
            there = members.setdefault(id_, [])
            more = list(unset(self._configured.values(), subject, there, found.target, inherited))
            self._count(len(more))
            there += more
        return members

    def _set(self, contexts: Sequence[str]) -> dict[tuple[str, str], str | None]:
        """Return the values of hierarchical attributes that contexts were given, by attribute and context."""
        rows = self._rows(self._model["ContextCustomAttributeValue"], "entity_id", contexts)
        return {
            (row["configuration_id"], row["entity_id"]): row["value"]
            for row in rows
            if self._configured[row["configuration_id"]]["is_hierarchical"]
        }

    def _rows(self, one: EntityType, by: str, ids: Sequence[str]) -> Iterator[Row]:
        """Yield the rows of a type whose column has one of these values, in their natural order."""
        table = self._tables.of(one)
        of_type = table.c[KIND].in_(self._model.below[one.name]) if one.shared else true()
        order = _natural(one, table)
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            statement = select(table).where(table.c[by].in_(some), of_type).order_by(*order)
            yield from self._connection.execute(statement).mappings()


def _natural(one: EntityType, table: FromClause) -> list[ColumnElement[Any]]:
    """Return what rows are ordered by when nobody says: words as their studio sorted them, then the key."""
    keys: list[ColumnElement[Any]] = [table.c[key] for key in one.key]
    sorts = "sort" in one.attributes and not one.shared  # contexts are many, and only paged through
    return [table.c.sort.asc().nulls_first(), *keys] if sorts else keys


def _grouped(keys: Iterable[str], entities: Iterable[Entity]) -> dict[str, list[Entity]]:
    members: dict[str, list[Entity]] = defaultdict(list)
    for key, entity in zip(keys, entities, strict=True):
        members[key].append(entity)
    return members
