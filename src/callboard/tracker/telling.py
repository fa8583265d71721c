"""What a transaction changed, as `ftrack.update` tells it. Source: seed, "ftrack.update"; facts 4.2."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from callboard.tracker.custom import TABLE, owner_type
from callboard.tracker.ledger import Ledger, Touched, Values
from callboard.tracker.model import EntityType, Model, Reference
from callboard.tracker.tables import KIND
from callboard.tracker.values import told

MOST = 10_000
"""Entities in one event: as many as its bytes allow, about, so that nothing enormous is encoded at once."""
_SILENT = frozenset({KIND, "id", "context_type", "system_type", "created_at"})
_OBJECT_TYPES = {"Timer": "timer"}
"""By this artists' tray applications know a timer. Source: facts, section 6."""
_UNTOLD = frozenset({TABLE, "status_change"})
"""Custom attributes are told with whose they are, and a change of status is one already."""
_FARTHEST = 60
"""Entities on the way up to the project that are told."""


class Account:
    """What is told of one transaction."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self._model = ledger, ledger.model
        self._tables = _by_table(ledger.model)

    def entries(self) -> list[dict[str, Any]]:
        """Return one entry for each entity that is not as it was; custom attributes are their context's."""
        made: dict[str, dict[str, Any]] = {}
        changed = list(self._ledger.changed())
        for each in changed:
            if each.table not in _UNTOLD:
                entry = self._entry(each)
                made[entry["entityId"]] = entry
        for each in changed:
            if each.table == TABLE:
                self._add_custom(made, each)
        return list(made.values())

    def _add_custom(self, made: dict[str, dict[str, Any]], touched: Touched) -> None:
        before, now = touched.before or {}, touched.now or {}
        value = now or before
        owner = self._model[owner_type(value[KIND])]
        row = self._ledger.row(owner, value["entity_id"])
        if row is None or before.get("value") == now.get("value"):
            return
        entry = made.get(row["id"])
        if entry is None:
            entry = made[row["id"]] = self._about(self._ledger.kind(owner, row), row, "update", {})
        entry["changes"][value["key"]] = {"old": before.get("value"), "new": now.get("value")}
        entry["keys"] = list(entry["changes"])

    def _entry(self, touched: Touched) -> dict[str, Any]:
        row = touched.now if touched.now is not None else touched.before
        assert row is not None
        one = self._kind(touched.table, row)
        changes = dict(self._changes(one, touched))
        return self._about(one, row, _action(touched, changes), changes)

    def _about(self, one: EntityType, row: Values, action: str, changes: dict[str, Any]) -> dict[str, Any]:
        way = list(self._way(one, row))
        return {
            "action": action,
            "entityId": self._id(one, row),
            "entityType": one.told,
            "entity_type": one.name,
            "objectTypeId": row.get("object_type_id") or _OBJECT_TYPES.get(one.name),
            "keys": list(changes),
            "changes": changes,
            "parentId": way[0]["parentId"],
            "parents": way,
        }

    def _kind(self, table: str, row: Mapping[str, Any]) -> EntityType:
        return self._ledger.kind(self._tables[table], row)

    def _id(self, one: EntityType, row: Mapping[str, Any]) -> str:
        return str(row["id"]) if "id" in row else "/".join(self._ledger.key(one, row))

    def _changes(self, one: EntityType, touched: Touched) -> Iterator[tuple[str, dict[str, Any]]]:
        before, now = touched.before or {}, touched.now or {}
        for scalar in one.scalars:
            name = scalar.stored
            old, new = before.get(name), now.get(name)
            if name not in _SILENT and old != new:
                yield scalar.told, {"old": told(old), "new": told(new)}

    def _way(self, one: EntityType, row: Values) -> Iterator[dict[str, Any]]:
        """Yield the entity itself, then what it belongs to, up to the project."""
        for _ in range(_FARTHEST):
            above = self._above(one, row)
            yield {
                "entityId": self._id(one, row),
                "entityType": one.told,
                "entity_type": one.name,
                "parentId": above[1]["id"] if above is not None else None,
            }
            if above is None:
                return
            one, row = above

    def _above(self, one: EntityType, row: Values) -> tuple[EntityType, Values] | None:
        """Return what an entity belongs to, None where that is nothing, or not known."""
        found = row.get(one.up) if one.up else None
        if found is None:
            return None
        for target in self._targets(one, row):
            above = self._ledger.row(target, found)
            if above is not None:
                return self._ledger.kind(target, above), above
        return None

    def _targets(self, one: EntityType, row: Values) -> Iterator[EntityType]:
        """Yield the types that an entity may belong to."""
        marked = row.get("parent_type")
        if marked in self._model.types:
            yield self._model[str(marked)]
            return
        for found in one.attributes.values():
            if isinstance(found, Reference) and found.by == one.up:
                yield from (self._model[each] for each in found.targets)


def _by_table(model: Model) -> dict[str, EntityType]:
    found: dict[str, EntityType] = {}
    for one in model.types.values():
        found.setdefault(one.table, one)
    return found


def _action(touched: Touched, changes: Mapping[str, Any]) -> str:
    if touched.before is None:
        return "add"
    if touched.now is None:
        return "remove"
    return "move" if touched.table == "context" and "parent_id" in changes else "update"


def parents_of(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the ids of all that entries lie in, each once."""
    return list(dict.fromkeys(each["entityId"] for entry in entries for each in entry["parents"][1:]))


def payloads(
    entries: list[dict[str, Any]], user: Mapping[str, Any], client: str | None, push: str | None
) -> Iterator[dict[str, Any]]:
    """Yield the data of the events that tell the entries: one, unless there are very many."""
    for start in range(0, len(entries), MOST):
        some = entries[start : start + MOST]
        yield {
            "entities": some,
            "parents": parents_of(some),
            "user": {"userid": user["id"], "name": user["username"]},
            "clientToken": client,
            "pushToken": push,
        }
