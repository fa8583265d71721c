"""A query as the official clients want its answer: entities with the attributes that they named.

One statement finds the rows, then one for each relation in the projections, whatever the number of rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias

from sqlalchemy import Connection, RowMapping, select, true

from callboard.tracker.conditions import Scope
from callboard.tracker.custom import VALUE, configurations, typed, unset
from callboard.tracker.language import Path, Query
from callboard.tracker.model import Collection, EntityType, Kind, Model, Reference, Scalar
from callboard.tracker.refusals import Invalid, Refused, Unsupported
from callboard.tracker.tables import KIND, Tables
from callboard.tracker.values import shown

Row: TypeAlias = Mapping[str, Any] | RowMapping
Entity: TypeAlias = dict[str, Any]
Tree: TypeAlias = dict[str, "Tree"]
"""Projections by their first name."""

MOST_ROWS = 10_000
"""Rows of one answer; the rest is at the offset in its metadata."""
MOST_ENTITIES = 100_000
"""Entities in one answer, those in relations included."""
_AT_ONCE = 500
"""Ids in one statement."""
LINK = "link"


class Selection:
    """Answers queries over one connection."""

    def __init__(self, connection: Connection, model: Model, tables: Tables) -> None:
        self._connection, self._model, self._tables = connection, model, tables
        self._left = MOST_ENTITIES

    def answer(self, query: Query) -> dict[str, Any]:
        """Return the result of a `query` operation."""
        one = self._model[query.entity]
        limit = min(query.limit if query.limit is not None else MOST_ROWS, MOST_ROWS)
        scope = Scope(self._model, self._tables, one)
        condition = scope.clause(query.where) if query.where is not None else true()
        order = [
            column.desc() if down else column.asc()
            for column, down in ((scope.column(path), down) for path, down in query.order)
        ]
        order += [scope.alias.c[key].asc() for key in one.key]
        statement = select(scope.alias).select_from(scope.source).where(scope.belongs(), condition)
        statement = statement.order_by(*order).limit(limit + 1).offset(query.offset)
        rows = self._connection.execute(statement).mappings().all()
        following = query.offset + limit if len(rows) > limit and limit else None
        tree = tree_of(query.projections) or {name: {} for name in one.projections}
        data = self.entities(one, rows[:limit], tree)
        return {"action": "query", "data": data, "metadata": {"next": {"offset": following}}}

    def entities(self, one: EntityType, rows: Sequence[Row], tree: Tree) -> list[Entity]:
        """Return rows of a table as entities with the attributes of a tree."""
        self._left -= len(rows)
        if self._left < 0:
            raise Refused(f"This answer has more than {MOST_ENTITIES} entities: ask for less at once.")
        self._check(one, tree)
        kinds: dict[str, list[tuple[Row, Entity]]] = defaultdict(list)
        made: list[Entity] = []
        for row in rows:
            kind = row[KIND] if one.shared else one.name
            made.append({"__entity_type__": kind, **{key: row[key] for key in one.key}})
            kinds[kind].append((row, made[-1]))
        for kind, pairs in kinds.items():
            for name, inner in tree.items():
                self._fill(self._model[kind], name, inner, pairs)
        return made

    def _check(self, one: EntityType, tree: Tree) -> None:
        for name, inner in tree.items():
            found = self._model.seen(one, name)
            if isinstance(found, Scalar) and inner:
                raise Invalid(f"{one.name}.{name} is a value: nothing comes after it in a projection.")
            if not isinstance(found, Scalar) and not found.target:
                raise Unsupported(
                    f"{one.name}.{name} may be of any type and can't be selected yet: select `{found.by}`."
                )

    def _fill(self, one: EntityType, name: str, inner: Tree, pairs: list[tuple[Row, Entity]]) -> None:
        """Give the entities of one type one attribute, if that type has it."""
        match one.attributes.get(name):
            case Scalar() if name == LINK:
                self._link(pairs)
            case Scalar() as scalar:
                for row, made in pairs:
                    made[name] = self._shown(one, scalar, row)
            case Reference() as found:
                others = self._by_id(found.target, {row[found.by] for row, _ in pairs}, inner)
                for row, made in pairs:
                    made[name] = others.get(row[found.by])
            case Collection() as found:
                self._gather(found, inner, pairs)

    def _gather(self, found: Collection, inner: Tree, pairs: list[tuple[Row, Entity]]) -> None:
        """Give entities the members of a collection, custom attributes those that were never set too."""
        members = self._members(found, [made["id"] for _, made in pairs], inner)
        for row, made in pairs:
            made[found.name] = members.get(made["id"], [])
            if found.target == VALUE:
                made[found.name] += unset(self._configured.values(), row, made[found.name])

    def _shown(self, one: EntityType, scalar: Scalar, row: Row) -> Any:
        value = row[scalar.stored]
        if one.name == VALUE and scalar.kind is Kind.ANY:
            return typed(self._configured.get(row["configuration_id"]), value)
        return shown(value)

    @cached_property
    def _configured(self) -> dict[str, Mapping[str, Any]]:
        return configurations(self._connection, self._model, self._tables)

    def _by_id(self, target: str, ids: Iterable[str | None], tree: Tree) -> dict[str | None, Entity]:
        one = self._model[target]
        rows = list(self._rows(one, "id", sorted(each for each in ids if each is not None)))
        return {entity["id"]: entity for entity in self.entities(one, rows, tree)}

    def _members(self, found: Collection, ids: list[str], tree: Tree) -> dict[str, list[Entity]]:
        """Return the entities of a collection by the id of who has it."""
        one = self._model[found.target]
        if found.mapped and not tree:
            tree = {name: {} for name in one.projections}
        rows = list(self._rows(one, found.by, ids))
        members: dict[str, list[Entity]] = defaultdict(list)
        for row, entity in zip(rows, self.entities(one, rows, tree), strict=True):
            members[row[found.by]].append(entity)
        return members

    def _rows(self, one: EntityType, by: str, ids: Sequence[str]) -> Iterator[Row]:
        """Yield the rows of a type whose column has one of these values, in the order of their keys."""
        table = self._tables.of(one)
        of_type = table.c[KIND].in_(self._model.below[one.name]) if one.shared else true()
        order = [table.c[key] for key in one.key]
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            statement = select(table).where(table.c[by].in_(some), of_type).order_by(*order)
            yield from self._connection.execute(statement).mappings()

    def _link(self, pairs: list[tuple[Row, Entity]]) -> None:
        """Give contexts the way from the project down to themselves."""
        known: dict[str, Row] = {made["id"]: row for row, made in pairs}
        wanted = {row["parent_id"] for row in known.values()} - {None}
        context = self._model["Context"]
        while missing := sorted(wanted - known.keys()):
            found = {row["id"]: row for row in self._rows(context, "id", missing)}
            known |= found
            wanted = {row["parent_id"] for row in found.values()} - {None}
        for _, made in pairs:
            made[LINK] = _way(known, made["id"])


def _way(known: Mapping[str, Row], lowest: str) -> list[dict[str, str]]:
    way: list[dict[str, str]] = []
    row = known.get(lowest)
    while row is not None and len(way) < len(known):
        kind = "Project" if row[KIND] == "Project" else "TypedContext"
        way.append({"type": kind, "id": row["id"], "name": row["name"]})
        row = known.get(row["parent_id"])
    return way[::-1]


def tree_of(projections: Iterable[Path]) -> Tree:
    """Return projections by their first name, then the second; raises Unsupported for narrowed types."""
    tree: Tree = {}
    for path in projections:
        inner = tree
        for step in path:
            if step.cast:
                raise Unsupported(f"`{step.name}[{step.cast}]` in a projection is not there yet.")
            inner = inner.setdefault(step.name, {})
    return tree
