"""Deleting an entity: what goes with it, what stays and points elsewhere, and what must not be left alone."""

from __future__ import annotations

from collections.abc import Mapping

from callboard.tracker.ledger import Key, Ledger, Values
from callboard.tracker.model import EntityType, Fate
from callboard.tracker.refusals import InUse, Refused

MOST_DELETED = 50_000
"""Entities that one operation may delete, with all that belongs to them."""


class Deletion:
    """Deletes one entity and all that belongs to it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self._model = ledger, ledger.model

    def delete(self, one: EntityType, row: Values) -> None:
        """Delete what a row stands for; raises InUse where others point to it, Refused for far too many."""
        doomed = self._doomed(one, row)
        self._release(doomed)
        for table, rows in doomed.items():
            self._ledger.remove(self._of_table(table), list(rows.values()))

    def _of_table(self, table: str) -> EntityType:
        return next(one for one in self._model.types.values() if one.table == table)

    def _doomed(self, one: EntityType, row: Values) -> dict[str, dict[Key, Values]]:
        """Return all that goes with an entity, by table and key."""
        doomed: dict[str, dict[Key, Values]] = {one.table: {self._ledger.key(one, row): row}}
        wave = {one.table: [row]}
        while wave:
            following: dict[str, list[Values]] = {}
            for table, rows in wave.items():
                for kind, by, fate in self._model.pointing(table):
                    if fate is Fate.GOES and "id" in rows[0]:
                        for each in self._ledger.find(kind, by, [above["id"] for above in rows]):
                            self._doom(doomed, following, kind, each)
            wave = following
        return doomed

    def _doom(
        self,
        doomed: dict[str, dict[Key, Values]],
        following: dict[str, list[Values]],
        kind: EntityType,
        row: Values,
    ) -> None:
        known = doomed.setdefault(kind.table, {})
        key = self._ledger.key(kind, row)
        if key in known:
            return
        if sum(map(len, doomed.values())) >= MOST_DELETED:
            raise Refused(f"This would delete more than {MOST_DELETED} entities: delete what is in it first.")
        known[key] = row
        following.setdefault(kind.table, []).append(row)

    def _release(self, doomed: Mapping[str, Mapping[Key, Values]]) -> None:
        """Have those that stay no longer point to what goes; raises InUse where they must."""
        for table, rows in list(doomed.items()):
            ids = [row["id"] for row in rows.values() if "id" in row]
            for kind, by, fate in self._model.pointing(table):
                if fate is Fate.GOES:
                    continue
                gone = doomed.get(kind.table, {})
                staying = [
                    each
                    for each in self._ledger.find(kind, by, ids)
                    if self._ledger.key(kind, each) not in gone
                ]
                if staying and fate is Fate.REFUSES:
                    name = self._ledger.kind(kind, staying[0]).name
                    raise InUse(
                        f"{len(staying)} entities ({name} first) point to this by {by}: change them first."
                    )
                for each in staying:
                    self._ledger.change(kind, each, {by: None})
