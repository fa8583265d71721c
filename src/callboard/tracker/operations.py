"""Create, update and delete, as the official clients send them, inside one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from callboard.tracker.custom import CONFIGURATION, is_value, owner_of
from callboard.tracker.deleting import Deletion
from callboard.tracker.given import given, key_of, keys_of, missing
from callboard.tracker.ledger import Key, Ledger, Values
from callboard.tracker.lookups import CUSTOM_VALUE, STATUS_CHANGE, STATUS_CHANGES
from callboard.tracker.model import (
    Collection,
    Default,
    EntityType,
    Model,
    Reference,
    Scalar,
    Through,
)
from callboard.tracker.refusals import Duplicate, Invalid, Missing
from callboard.tracker.seeding import object_type
from callboard.tracker.tables import KIND

_LONGEST_ID = 200


class Operations:
    """The operations of one batch, on behalf of one user."""

    def __init__(self, ledger: Ledger, user_id: str | None) -> None:
        self._ledger, self._user_id = ledger, user_id
        self._model: Model = ledger.model
        self._firsts: dict[str, str | None] = {}
        self._all_columns: dict[str, tuple[Scalar, ...]] = {}
        self._all_pointing: dict[str, Mapping[str, tuple[str, tuple[str, ...]]]] = {}

    def create(self, entity: str, data: Mapping[str, Any]) -> tuple[EntityType, Values]:
        """Make an entity and return its row."""
        one = self._model[self._meant(entity, data)]
        if one.abstract:
            kinds = ", ".join(self._model.below[entity])
            raise Invalid(f"{entity} is no type that can be created: choose one of {kinds}.")
        sent = given(one, data)
        row = self._completed(one, sent.values)
        self._check_references(one, row)
        self._derive(one, row)
        sent.check_claims(one, row)
        key = self._ledger.key(one, row)
        made = "id" in row and "id" not in sent.values  # by us, just now
        if not made and self._ledger.load(one, key) is not None:
            raise Duplicate(f"There is a {entity} {'/'.join(key)} already.")
        self._ledger.add(one, row)
        self._collect(one, row, sent.collections)
        return one, row

    def update(self, entity: str, key: Sequence[Any], data: Mapping[str, Any]) -> tuple[EntityType, Values]:
        """Change an entity and return its row."""
        asked = self._model[entity]
        row = self._ledger.load(asked, key_of(asked, key))
        if row is None and is_value(entity):  # clients change what they were shown a default of
            return self.create(entity, {**dict(zip(asked.key, key, strict=True)), **data})
        if row is None or not self._is_of(asked, row):
            raise missing(entity, key)
        one = self._ledger.kind(asked, row)
        sent = given(one, data)
        changes = self._allowed(one, row, sent.values)
        self._check_references(one, changes)
        if one.up == "parent_id" and one.table == "context" and "parent_id" in changes:
            changes |= self._moved(one, row, changes["parent_id"])
        self._note_status(one, row, changes)
        self._ledger.change(one, row, changes)
        sent.check_claims(one, row)
        self._collect(one, row, sent.collections)
        return one, row

    def _note_status(self, one: EntityType, row: Values, changes: Values) -> None:
        """Keep that a status is another one now, for those who ask how long things took."""
        new = changes.get("status_id")
        if new is None or new == row["status_id"] or STATUS_CHANGES.name not in one.attributes:
            return
        told = {"parent_id": row["id"], "parent_type": one.name, "status_id": new}
        note = self._model[STATUS_CHANGE]
        self._ledger.add(note, self._completed(note, {**told, "from_status_id": row["status_id"]}))

    def delete(self, entity: str, key: Sequence[Any]) -> None:
        """Delete an entity and all that belongs to it; raises InUse where others point to it."""
        one = self._model[entity]
        row = self._ledger.load(one, key_of(one, key))
        if row is None or not self._is_of(one, row):
            raise missing(entity, key)
        Deletion(self._ledger).delete(one, row)

    def _meant(self, entity: str, data: Mapping[str, Any]) -> str:
        """Return the type to create: clients leave it to the configuration whose values they make."""
        if entity != CUSTOM_VALUE:
            return entity
        id_ = data.get("configuration_id")
        found = self._ledger.load(self._model[CONFIGURATION], (id_,)) if isinstance(id_, str) else None
        if found is None:
            raise Missing("There is no such CustomAttributeConfiguration: give its id as configuration_id.")
        return owner_of(found)

    def _is_of(self, one: EntityType, row: Values) -> bool:
        return not one.shared or row[KIND] in self._model.below[one.name]

    def _completed(self, one: EntityType, values: Values) -> Values:
        row: Values = {KIND: one.name} if one.shared else {}
        for scalar in self._columns(one):
            value = values.get(scalar.stored)
            if value is None and scalar.default is not None:
                value = self._default(one, scalar)
            row[scalar.stored] = value
        for scalar in one.scalars:
            if scalar.required and row[scalar.stored] in (None, ""):
                raise Invalid(f"{one.name} needs {scalar.name}.")
            if scalar.name in one.key and len(str(row[scalar.stored])) > _LONGEST_ID:
                raise Invalid(f"{one.name}.{scalar.name} has at most {_LONGEST_ID} characters.")
        return row

    def _columns(self, one: EntityType) -> Iterable[Scalar]:
        """All columns of a type's table, so that rows of its types can be added in one statement."""
        if one.name not in self._all_columns:
            self._all_columns[one.name] = tuple(self._made_columns(one))
        return self._all_columns[one.name]

    def _made_columns(self, one: EntityType) -> Iterable[Scalar]:
        others = (other for other in self._model.types.values() if other.table == one.table)
        foreign = {
            scalar.stored: Scalar(scalar.name, column=scalar.stored)
            for other in others
            for scalar in other.scalars
        }
        return (foreign | {scalar.stored: scalar for scalar in one.scalars}).values()

    def _default(self, one: EntityType, scalar: Scalar) -> Any:
        match scalar.default:
            case Default.ID:
                return str(uuid.uuid4())
            case Default.NOW:
                return self._ledger.at
            case Default.USER:
                return self._user_id
            case Default.FIRST:
                return self._first(one, scalar)
            case value:
                return value

    def _first(self, one: EntityType, scalar: Scalar) -> str | None:
        found = next(
            each for each in one.attributes.values() if isinstance(each, Reference) and each.by == scalar.name
        )
        if found.target not in self._firsts:
            target = self._model[found.target]
            row = self._ledger.first(target, "sort" if "sort" in target.attributes else "name", {})
            self._firsts[found.target] = row[0] if row is not None else None
        return self._firsts[found.target]

    def _check_references(self, one: EntityType, values: Values) -> None:
        for by, (name, found) in self._pointing(one).items():
            id_ = values.get(by)
            if id_ is None or not found or self._stands(found, id_):
                continue
            raise Missing(
                f"{one.name}.{name} points to the {' or '.join(found)} {id_[:80]}, which is not there."
            )

    def _stands(self, targets: Iterable[str], id_: str) -> bool:
        for each in targets:
            target = self._model[each]
            row = self._ledger.load(target, (id_,))
            if row is not None and self._is_of(target, row):
                return True
        return False

    def _pointing(self, one: EntityType) -> Mapping[str, tuple[str, tuple[str, ...]]]:
        """Return the columns of a type that clients may point elsewhere with: their names, and where to."""
        if one.name not in self._all_pointing:
            found: dict[str, tuple[str, tuple[str, ...]]] = {}
            for each in one.attributes.values():
                if isinstance(each, Reference) and not one.scalar(each.by).computed:
                    name, targets = found.get(each.by, (each.name, ()))
                    found[each.by] = (name, (*targets, *each.targets))
            self._all_pointing[one.name] = found
        return self._all_pointing[one.name]

    def _derive(self, one: EntityType, row: Values) -> None:
        """Say what the tracker itself knows of a new entity."""
        if one.table == "context":
            row["context_type"] = one.told
            if one.object_type:
                row["object_type_id"] = object_type(one.object_type)
                row["project_id"] = self._project_of(one, row["parent_id"])
            elif row["parent_id"] is not None:
                raise Invalid("A Project has no parent.")
            else:
                self._check_project_name(one, row)
        elif one.table == "component":
            row["system_type"] = one.name.removesuffix("Component").lower()
        elif one.name == "AssetVersion" and row["version"] is None:
            last = self._ledger.first(one, "version", {"asset_id": row["asset_id"]}, last=True)
            row["version"] = (last[1] or 0) + 1 if last is not None else 1
        elif is_value(one.name):
            found = self._ledger.load(self._model[CONFIGURATION], (row["configuration_id"],))
            row["key"] = found["key"] if found is not None else None

    def _check_project_name(self, one: EntityType, row: Values) -> None:
        same = [each for each in self._ledger.find(one, "name", [row["name"]]) if each[KIND] == "Project"]
        if same:
            raise Duplicate(f"There is a Project {row['name'][:80]!r} already.")

    def _project_of(self, one: EntityType, parent_id: str | None) -> str:
        parent = self._ledger.load(one, (parent_id,)) if parent_id is not None else None
        if parent is None:
            raise Invalid(f"{one.name} needs a parent: a Project, or what is in one.")
        return cast(str, parent["id"] if parent[KIND] == "Project" else parent["project_id"])

    def _allowed(self, one: EntityType, row: Values, values: Values) -> Values:
        for scalar in one.scalars:
            name = scalar.stored
            if name not in values or values[name] == row[name]:
                continue
            if scalar.fixed or scalar.name in one.key:
                raise Invalid(f"{one.name}.{scalar.name} can't be changed once the entity is there.")
            if scalar.required and values[name] in (None, ""):
                raise Invalid(f"{one.name} needs {scalar.name}.")
        return values

    def _moved(self, one: EntityType, row: Values, parent_id: str | None) -> Values:
        """Return the other values that change with a new parent, and have those below follow."""
        if not one.object_type:
            raise Invalid("A Project has no parent.")
        above: str | None = parent_id
        while above is not None:
            if above == row["id"]:
                raise Invalid(f"{one.name} {row['name'][:80]!r} can't be moved into itself.")
            higher = self._ledger.load(one, (above,))
            above = higher["parent_id"] if higher is not None else None
        project = self._project_of(one, parent_id)
        if project == row["project_id"]:
            return {}
        below = self._ledger.find(one, "parent_id", [row["id"]])
        while below:
            for each in below:
                self._ledger.change(one, each, {"project_id": project})
            below = self._ledger.find(one, "parent_id", [each["id"] for each in below])
        return {"project_id": project}

    def _collect(self, one: EntityType, row: Values, collections: Mapping[Collection | Through, Any]) -> None:
        """Have the members of collections point to their owner, and those that are no longer in them not."""
        for found, members in collections.items():
            if is_value(found.target):
                continue  # named before they are there; the values come by themselves
            target = self._model[found.target]
            wanted = keys_of(target, found, members)
            if isinstance(found, Through):
                self._link(found, row, [key[0] for key in wanted])
                continue
            for key in wanted:
                self._join(target, found, one, row, key)
            for each in self._ledger.find(target, found.by, [row["id"]]):
                if self._ledger.key(target, each) not in wanted and not found.mapped:
                    self._part(self._ledger.kind(target, each), found, each)

    def _link(self, found: Through, row: Values, wanted: list[str]) -> None:
        """Make the links that are missing, and delete those that are no longer wanted."""
        link = self._model[found.link]
        there = {each[found.far]: each for each in self._ledger.find(link, found.near, [row["id"]])}
        for id_ in dict.fromkeys(wanted):
            if id_ not in there:
                self.create(found.link, {found.near: row["id"], found.far: id_})
        gone = [each for far, each in there.items() if far not in wanted]
        if gone:
            self._ledger.remove(link, gone)

    def _join(self, target: EntityType, found: Collection, one: EntityType, row: Values, key: Key) -> None:
        member = self._ledger.load(target, key)
        if member is None:
            raise missing(found.target, key)
        kind = self._ledger.kind(target, member)
        if found.by == "parent_id" and kind.table == "context" and member["parent_id"] != row["id"]:
            self.update(kind.name, key, {"parent_id": row["id"]})
        marked = {found.marked: one.name} if found.marked else {}
        self._ledger.change(kind, member, {found.by: row["id"], **marked})

    def _part(self, kind: EntityType, found: Collection, member: Values) -> None:
        scalar = kind.scalar(found.by)
        if scalar.required or scalar.fixed or scalar.computed or kind.table == "context":
            raise Invalid(f"{kind.name} needs {found.by}: delete it, or give it to another.")
        self._ledger.change(kind, member, {found.by: None})
