"""A query's conditions as SQL: names come from the model alone, values are always bound.

A reference in a path is an outer join, made once for each path; a collection is an EXISTS, so that
`children.name is x` asks whether one of the children has that name; `ancestors` and `descendants` are
one walk through the whole tree, from those that meet the condition. Two values only: what is missing
equals nothing, and `not` is true of it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypeAlias, cast

from sqlalchemy import (
    ColumnElement,
    Float,
    FromClause,
    Select,
    and_,
    case,
    exists,
    false,
    func,
    null,
    or_,
    select,
    true,
)
from sqlalchemy import cast as convert

from callboard.tracker.language import (
    Comparison,
    Condition,
    Inner,
    Junction,
    Negation,
    Path,
    Query,
    Step,
    Within,
)
from callboard.tracker.model import (
    Attribute,
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
from callboard.tracker.refusals import BadQuery, Invalid, Unsupported
from callboard.tracker.tables import KIND, Tables
from callboard.tracker.values import compared, number_of

Clause: TypeAlias = ColumnElement[bool]
Alias: TypeAlias = FromClause

NEWEST = "is_latest_version"
_NUMBER = r"^-?[0-9]{1,20}([.][0-9]{1,20})?(e[-+]?[0-9]{1,2})?$"
"""What every database takes for a number."""
_ORDERED = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class Scope:
    """One table that conditions are about, and what has been joined to it."""

    def __init__(self, model: Model, tables: Tables, one: EntityType) -> None:
        self._model, self._tables, self.type = model, tables, one
        self.alias: Alias = tables.of(one).alias()
        self.source: FromClause = self.alias
        self._joined: dict[Path, tuple[EntityType, Alias]] = {}

    def belongs(self) -> Clause:
        """Return the condition that a row is of the type that was asked for."""
        return self._of_type(self.type, self.alias)

    def _of_type(self, one: EntityType, alias: Alias) -> Clause:
        return alias.c[KIND].in_(self._model.below[one.name]) if one.shared else true()

    def clause(self, condition: Condition) -> Clause:
        """Return a condition as SQL; raises what is wrong with its names and values."""
        match condition:
            case Junction(every, children):
                clauses = [self.clause(child) for child in children]
                return and_(*clauses) if every else or_(*clauses)
            case Negation(child):
                return ~func.coalesce(self.clause(child), false())
            case Comparison(path, comparing, value):
                return self._at(path, lambda scope, one, rest: scope._compare(one, rest, comparing, value))
            case Within(path, values, negated):
                return self._at(path, lambda scope, one, rest: scope._within(one, rest, values, negated))
            case Inner(path, inner):
                return self._inner(path, inner)

    def column(self, path: Path) -> ColumnElement[Any]:
        """Return the column to order by; raises Unsupported for paths through collections."""
        one, alias, rest = self._walk(path[:-1])
        if rest:
            raise Unsupported(f"A query can't be ordered through the collection {rest[0].name!r}.")
        return self._value(self._scalar(one, path[-1].name), alias)

    def _value(self, scalar: Scalar, alias: Alias) -> ColumnElement[Any]:
        if scalar.name == NEWEST:
            return case((self._newest(alias, "asset_id", "version"), true()), else_=false())
        return alias.c[scalar.stored]

    def _newest(self, alias: Alias, by: str, greatest: str) -> Clause:
        """Return the condition that no other row has a greater number beside this one."""
        return is_newest(self._tables.of(self._model["AssetVersion"]), alias, by, greatest)

    def _at(self, path: Path, make: Any) -> Clause:
        """Return a condition on the last name of a path, wherever it leads."""
        one, alias, rest = self._walk(path[:-1])
        if not rest:
            return make(_Place(self, one, alias), one, path[-1])  # type: ignore[no-any-return]
        return self._related(one, alias, rest[0], lambda scope: scope._at((*rest[1:], path[-1]), make))

    def _inner(self, path: Path, inner: Condition | None) -> Clause:
        one, alias, rest = self._walk(path[:-1])
        if rest:
            return self._related(
                one, alias, rest[0], lambda scope: scope._inner((*rest[1:], path[-1]), inner)
            )
        return self._related(
            one, alias, path[-1], lambda scope: true() if inner is None else scope.clause(inner)
        )

    def _walk(self, path: Path) -> tuple[EntityType, Alias, Path]:
        """Follow references as far as they go; returns what is left from the first collection on."""
        one, alias = self.type, self.alias
        for index, step in enumerate(path):
            attribute = self._model.seen(one, step.name, relation=True)
            if isinstance(attribute, Scalar):
                raise Invalid(f"{one.name}.{step.name} is a value: nothing comes after it in a path.")
            if not isinstance(attribute, Reference):
                return one, alias, path[index:]
            one, alias = self._join(path[: index + 1], alias, attribute, step.cast)
        return one, alias, ()

    def _join(self, path: Path, alias: Alias, found: Reference, cast: str) -> tuple[EntityType, Alias]:
        if path not in self._joined:
            target = self._target(found, cast)
            other = self._tables.of(target).alias()
            on = and_(alias.c[found.by] == other.c.id, self._of_type(target, other))
            self.source = self.source.outerjoin(other, on)
            self._joined[path] = (target, other)
        return self._joined[path]

    def _target(self, found: Attribute, cast: str) -> EntityType:
        assert not isinstance(found, Scalar)
        if cast or found.target:
            return self._model[cast or found.target]
        if isinstance(found, Reference) and len(found.among) == 1:
            return self._model[found.among[0]]
        raise Unsupported(f"`{found.name}` may be of any type: say which, as in `{found.name}[Task]`.")

    def _related(self, one: EntityType, alias: Alias, step: Step, make: Callable[[Scope], Clause]) -> Clause:
        """Return the condition that an entity of a relation meets what `make` says of it."""
        found = self._model.seen(one, step.name, relation=True)
        if isinstance(found, Scalar):
            raise Invalid(f"{one.name}.{step.name} is a value: `has` and `any` are for relations.")
        scope = Scope(self._model, self._tables, self._target(found, step.cast))
        inner = make(scope)
        match found:
            case Reference(by=by):
                return scope._exists(scope.alias.c.id == alias.c[by], inner)
            case Collection(by=by):
                return scope._exists(scope.alias.c[by] == alias.c.id, inner)
            case Newest(by=by, greatest=greatest):
                newest = self._newest(scope.alias, by, greatest)
                return scope._exists(scope.alias.c[by] == alias.c.id, and_(newest, inner))
            case Through():
                return self._joined_by(found, alias, scope, inner)
            case Line(up=up):
                return scope._in_line(alias, inner, up)

    def _joined_by(self, found: Through, alias: Alias, scope: Scope, inner: Clause) -> Clause:
        link = self._tables.of(self._model[found.link]).alias()
        source = scope.source.join(link, link.c[found.far] == scope.alias.c.id)
        near = link.c[found.near] == alias.c.id
        return exists(select(1).select_from(source).where(near, scope.belongs(), inner))

    def _in_line(self, alias: Alias, inner: Clause, up: bool) -> Clause:
        """Return the condition that one of those above, or below, is in this scope and meets `inner`."""
        table = self._tables.of(self.type)
        first, next_ = table.alias(), table.alias()
        if up:
            source = self.source.join(first, first.c.parent_id == self.alias.c.id)
            start = select(first.c.id.label("id")).select_from(source).where(self.belongs(), inner)
            line = start.cte(recursive=True)
            line = line.union(select(next_.c.id).where(next_.c.parent_id == line.c.id))
        else:
            start = select(self.alias.c.parent_id.label("id")).select_from(self.source)
            line = start.where(self.belongs(), inner, self.alias.c.parent_id.is_not(None)).cte(recursive=True)
            above = select(next_.c.parent_id).where(next_.c.id == line.c.id, next_.c.parent_id.is_not(None))
            line = line.union(above)
        return alias.c.id.in_(select(line.c.id))

    def _exists(self, link: Clause, inner: Clause) -> Clause:
        return exists(select(1).select_from(self.source).where(link, self.belongs(), inner))

    def _scalar(self, one: EntityType, name: str) -> Scalar:
        """Return what is compared; a relation's name means its id, a collection's nothing."""
        found = self._model.seen(one, name)
        if isinstance(found, Reference):
            return one.scalar(found.by) if found.by in one.attributes else Scalar(found.by)
        if not isinstance(found, Scalar):
            raise Invalid(f"{one.name}.{name} is a collection: ask `{name} any (...)`.")
        if found.kind is Kind.OBJECT:
            raise Unsupported(f"{one.name}.{name} can be read, and not asked for in a condition.")
        return found


class _Place(Scope):
    """A type and its alias inside a scope, once the path to it has been walked."""

    def __init__(self, scope: Scope, one: EntityType, alias: Alias) -> None:
        self._model, self._tables, self.type, self.alias = scope._model, scope._tables, one, alias

    def _compare(self, one: EntityType, step: Any, comparing: str, value: str | None) -> Clause:
        scalar = self._scalar(one, step.name)
        column = self._value(scalar, self.alias)
        if value is None:
            if comparing not in ("=", "!="):
                raise BadQuery(f"`none` is compared by `is` and `is_not`, not by `{comparing}`.")
            return column.is_(None) if comparing == "=" else column.is_not(None)
        if comparing in ("like", "not_like"):
            return self._like(one, scalar, column, value, comparing == "not_like")
        if scalar.kind is Kind.ANY and comparing in _ORDERED:
            return _in_order(column, comparing, value)
        bound = compared(one.name, scalar, value)
        if comparing == "!=":
            return or_(column != bound, column.is_(None))
        return column == bound if comparing == "=" else cast(Clause, _ORDERED[comparing](column, bound))

    def _like(
        self, one: EntityType, scalar: Scalar, column: ColumnElement[Any], value: str, negated: bool
    ) -> Clause:
        if scalar.kind not in (Kind.TEXT, Kind.ANY):
            raise Unsupported(f"`like` compares text, and {one.name}.{scalar.name} is none.")
        found = column.ilike(_pattern(value), escape="\\")
        return or_(~found, column.is_(None)) if negated else found

    def _within(self, one: EntityType, step: Any, values: tuple[str, ...] | Query, negated: bool) -> Clause:
        scalar = self._scalar(one, step.name)
        column = self._value(scalar, self.alias)
        among: Any
        if isinstance(values, Query):
            among = found_by(self._model, self._tables, values)
        else:
            among = [compared(one.name, scalar, value) for value in values]
        return or_(column.not_in(among), column.is_(None)) if negated else column.in_(among)


def _in_order(column: ColumnElement[Any], comparing: str, value: str) -> Clause:
    """Return how values of any kind, which are stored as text, stand to another one.

    To a number as numbers, those that are none aside; to anything else by their bytes, as dates are in order.
    """
    number = number_of(value)
    if number is None:
        return cast(Clause, _ORDERED[comparing](column, value))
    found = case((column.regexp_match(_NUMBER), convert(column, Float)), else_=null())
    return cast(Clause, _ORDERED[comparing](found, number))


def is_newest(table: FromClause, alias: Alias, by: str, greatest: str) -> Clause:
    """Return the condition that no row of a table with the same `by` has more of `greatest`."""
    later = table.alias()
    return ~exists(select(1).where(later.c[by] == alias.c[by], later.c[greatest] > alias.c[greatest]))


def _pattern(value: str) -> str:
    """Return a pattern that ends with no lone backslash: what that means, databases don't agree on."""
    return value + "\\" if (len(value) - len(value.rstrip("\\"))) % 2 else value


def found_by(model: Model, tables: Tables, query: Query) -> Select[Any]:
    """Return an inner query as SQL: one value a row."""
    if len(query.projections) != 1:
        raise BadQuery("A query inside another one selects one attribute.")
    scope = Scope(model, tables, model[query.entity])
    column = scope.column(query.projections[0])
    condition = scope.clause(query.where) if query.where is not None else true()
    return select(column).select_from(scope.source).where(scope.belongs(), condition)
