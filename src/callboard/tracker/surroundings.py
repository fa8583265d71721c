"""What is around entities in the tree of the production: the contexts above and below them.

Read level by level, one statement each, whatever the number of entities.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import RowMapping

from callboard.tracker.custom import Subject, entity_type
from callboard.tracker.model import EntityType, Model
from callboard.tracker.refusals import Refused
from callboard.tracker.tables import KIND

Row: TypeAlias = Mapping[str, Any] | RowMapping
Reading: TypeAlias = Callable[[EntityType, str, Sequence[str]], Iterable[Row]]
"""Gives the rows of a type whose column has one of some values."""

DEEPEST = 100
"""Levels of a production."""


class Surroundings:
    """Finds what is above and below, by a function that reads rows."""

    def __init__(self, model: Model, rows: Reading, most: int) -> None:
        self._model, self._rows, self._most = model, rows, most

    def above(self, rows: Iterable[Row]) -> dict[str, Row]:
        """Return contexts, and all that are above them, by id."""
        known: dict[str, Row] = {row["id"]: row for row in rows}
        wanted = {row["parent_id"] for row in known.values()} - {None}
        while missing := sorted(wanted - known.keys()):
            found = {row["id"]: row for row in self._rows(self._model["Context"], "id", missing)}
            known |= found
            wanted = {row["parent_id"] for row in found.values()} - {None}
        return known

    def below(self, one: EntityType, ids: Sequence[str]) -> dict[str, list[Row]]:
        """Return what is below contexts, nearest first; raises Refused for far too many."""
        children: dict[str, list[Row]] = defaultdict(list)
        level, seen = list(ids), set(ids)
        while level:
            found = [row for row in self._rows(one, "parent_id", level) if row["parent_id"] is not None]
            for row in found:
                children[row["parent_id"]].append(row)
            level = [row["id"] for row in found if row["id"] not in seen]
            seen.update(level)
            if len(seen) > self._most:
                raise Refused(f"There are more than {self._most} entities below these: ask for fewer.")
        return {each: list(_levels(children, each)) for each in ids}

    def links(self, one: EntityType, rows: Sequence[Row]) -> dict[str, list[dict[str, str]]]:
        """Return the way from the project down to each entity, by its id; a version itself is the last."""
        if one.table == "context":
            known = self.above(rows)
            return {row["id"]: _way(known, row["id"]) for row in rows}
        places = dict(zip((row["id"] for row in rows), self._places(one, rows), strict=True))
        known = self.above(self._contexts(places.values()))
        assets = self._rows(self._model["Asset"], "id", sorted({row["asset_id"] for row in rows}))
        names = {each["id"]: each["name"] for each in assets}
        return {
            row["id"]: [*_way(known, places[row["id"]]), _version(row, names.get(row["asset_id"]))]
            for row in rows
        }

    def subjects(self, one: EntityType, rows: Sequence[Row]) -> dict[str, Subject]:
        """Return entities with custom attributes as their configurations look at them, by id."""
        contexts = {row["id"]: where for row, where in zip(rows, self._places(one, rows), strict=True)}
        known = self.above(self._contexts(contexts.values()))
        return {row["id"]: self._subject(one, row, contexts[row["id"]], known) for row in rows}

    def _subject(self, one: EntityType, row: Row, context: str | None, known: Mapping[str, Row]) -> Subject:
        way = [each["id"] for each in up(known, context)]
        is_context = one.table == "context"
        return Subject(
            id=row["id"],
            entity_type=entity_type(one.table, project=is_context and row[KIND] == "Project"),
            project=way[-1] if way else row.get("project_id"),
            object_type=row["object_type_id"] if is_context else None,
            above=tuple(way[1:] if is_context else way),
        )

    def _contexts(self, ids: Iterable[str | None]) -> Iterable[Row]:
        return self._rows(self._model["Context"], "id", sorted({each for each in ids if each is not None}))

    def _places(self, one: EntityType, rows: Sequence[Row]) -> Iterator[str | None]:
        """Yield the context that each entity is, or belongs to."""
        if one.table == "asset_version":
            ids = sorted({row["asset_id"] for row in rows})
            assets = {each["id"]: each["context_id"] for each in self._rows(self._model["Asset"], "id", ids)}
            yield from (assets.get(row["asset_id"]) for row in rows)
        else:
            by = {"context": "id", "asset": "context_id"}.get(one.table)
            yield from (row[by] if by is not None else None for row in rows)


def _way(known: Mapping[str, Row], lowest: str | None) -> list[dict[str, str]]:
    return [_named(each) for each in up(known, lowest)][::-1]


def _named(row: Row) -> dict[str, str]:
    kind = "Project" if row[KIND] == "Project" else "TypedContext"
    return {"type": kind, "id": row["id"], "name": row["name"]}


def _version(row: Row, asset: str | None) -> dict[str, str]:
    return {"type": "AssetVersion", "id": row["id"], "name": f"{asset} v{row['version'] or 0:03d}"}


def up(known: Mapping[str, Row], lowest: str | None) -> Iterator[Row]:
    """Yield a context, then what is above it, up to the project."""
    row = known.get(lowest) if lowest is not None else None
    for _ in range(DEEPEST):
        if row is None:
            return
        yield row
        row = known.get(row["parent_id"])


def _levels(children: Mapping[str, Sequence[Row]], top: str) -> Iterator[Row]:
    level, seen = list(children.get(top, ())), {top}
    while level:
        yield from level
        seen.update(row["id"] for row in level)
        level = [row for above in level for row in children.get(above["id"], ()) if row["id"] not in seen]
