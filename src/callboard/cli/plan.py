"""What an import will do: a shot list against what there is -> operations, and the changes they make.

Entities are known by their place: the same name under the same parent is the same entity, so that a list
can be imported again and again. Parents are made as needed. What a list does not say stays as it is.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from callboard.cli.meaning import Meant, custom, meant, moment, people, text
from callboard.cli.production import Entity, Known
from callboard.cli.shotlist import KINDS, Cell, Faults, Row, ShotList, near

Step: TypeAlias = tuple[str, str]
"""A type and a name."""
Place: TypeAlias = tuple[Step, ...]

_OF_PROJECTS = frozenset({"start", "end"})
_DEEPEST = 40


@dataclass(slots=True)
class Node:
    """What a list says of one entity, and where it says it."""

    place: Place
    cells: dict[str, tuple[Cell, Row]] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Its type."""
        return self.place[-1][0]

    @property
    def path(self) -> str:
        """Where it is, for a person."""
        return "/".join(name for _, name in self.place)


@dataclass(frozen=True, slots=True)
class Change:
    """One entity that is created or updated; `values` are told to a person: what they were, what they are."""

    action: str
    kind: str
    path: str
    values: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Plan:
    """Operations in order, and what they come to."""

    operations: list[Entity] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    unchanged: int = 0

    def count(self, action: str) -> int:
        """Return how many entities are created, or updated."""
        return sum(change.action == action for change in self.changes)


def nodes(listed: ShotList, project: str, faults: Faults) -> list[Node]:
    """Return the entities that a list speaks of, parents first; `project` is that of rows without one."""
    found: dict[Place, Node] = {}
    for row in listed.rows:
        place = _place(row, project, faults)
        for depth in range(1, len(place) + 1):
            found.setdefault(place[:depth], Node(place[:depth]))
        if place:
            _take(found[place], row, faults)
    return list(found.values())


def projects(given: Iterable[Node]) -> list[str]:
    """Return the names of the projects that a list speaks of."""
    return [node.place[0][1] for node in given if len(node.place) == 1]


def _place(row: Row, project: str, faults: Faults) -> Place:
    steps = [("Project", project)] if project and "project" not in row.cells else []
    for column, kind in KINDS.items():
        name = text(row.cells[column]) if column in row.cells else ""
        parts = name.split("/") if kind == "Folder" else [name]
        steps += [(kind, part.strip()) for part in parts if part.strip()]
    if not steps or steps[0][0] != "Project":
        faults.add(
            row.place, "project", f"the row names none: fill it in, or pass --project NAME{_mistaken(row)}."
        )
    elif "shot" in row.cells and "asset build" in row.cells:
        faults.add(row.place, "asset build", "a row is about a shot or about an asset build, not both.")
    elif len(steps) > _DEEPEST:
        faults.add(row.place, "folder", f"folders are at most {_DEEPEST} deep.")
    else:
        return tuple(steps)
    return ()


def _mistaken(row: Row) -> str:
    """Return the end of a sentence: which column of a row has nearly the name `project`, if one has."""
    found = next((column for column in row.cells if near(column, ["project"]) != "."), "")
    return f"; call the column {found[:40]!r} 'project' if it is that" if found else ""


def _take(node: Node, row: Row, faults: Faults) -> None:
    for column, cell in row.cells.items():
        if column in KINDS:
            continue
        said, where = node.cells.setdefault(column, (cell, row))
        if said != cell:
            told = f"{text(cell)[:40]!r} for {node.path}, and {text(said)[:40]!r} on {where.place}."
            faults.add(row.place, column, told)


class Planner:
    """Compares what a list says with what there is."""

    def __init__(self, known: Known, faults: Faults) -> None:
        self._known, self._faults = known, faults
        self._ids: dict[Place, str] = {}
        self._plan = Plan()
        self._unchanged = 0

    def plan(self, given: Iterable[Node]) -> Plan:
        """Return the plan; what can't be is noted among the faults."""
        for node in given:
            self._add(node)
        return Plan(self._plan.operations, self._plan.changes, self._unchanged)

    def _add(self, node: Node) -> None:
        there = self._there(node)
        self._ids[node.place] = id_ = there["id"] if there is not None else str(uuid.uuid4())
        values = list(self._values(node))
        customs = list(self._customs(node))
        told: dict[str, tuple[str, str]] = {}
        data = self._changed(there, values, told)
        after = [*self._assigned(node, id_, there, told), *self._customized(id_, customs, told)]
        if there is None:
            self._do(_create(node.kind, self._first(node, id_) | data))
        elif data:
            self._do(_update(node.kind, [id_], data))
        self._plan.operations.extend(after)
        if there is None or told:
            action = "created" if there is None else "updated"
            self._plan.changes.append(Change(action, node.kind, node.path, told))
        else:
            self._unchanged += 1

    def _do(self, operation: Entity) -> None:
        self._plan.operations.append(operation)

    def _there(self, node: Node) -> Entity | None:
        kind, name = node.place[-1]
        if len(node.place) == 1:
            return self._known.projects.get(name)
        return self._known.contexts.get((self._ids[node.place[:-1]], kind, name))

    def _first(self, node: Node, id_: str) -> Entity:
        """Return what a new entity begins with."""
        name = node.place[-1][1]
        above = {"parent_id": self._ids[node.place[:-1]]} if len(node.place) > 1 else {"full_name": name}
        return {"id": id_, "name": name, **above}

    def _values(self, node: Node) -> Iterator[Meant]:
        for column, (cell, row) in node.cells.items():
            if column == "assignee" or column not in _COLUMNS:
                continue
            if node.kind == "Project" and column not in _OF_PROJECTS:
                self._faults.add(row.place, column, "a project has none; name a shot or a task in this row.")
                continue
            try:
                yield meant(self._known.words, column, cell)
            except ValueError as error:
                self._faults.add(row.place, column, str(error))

    def _changed(
        self, there: Entity | None, values: Iterable[Meant], told: dict[str, tuple[str, str]]
    ) -> Entity:
        """Return the values that are not as they are to be."""
        data: Entity = {}
        for each in values:
            old = there.get(each.attribute) if there is not None else None
            old = moment(old) if isinstance(each.value, datetime) else old
            if old != each.value:
                told[each.attribute.removesuffix("_id")] = (self._said(each.attribute, old), each.said)
                data[each.attribute] = _sent(each.value)
        return data

    def _said(self, attribute: str, old: Any) -> str:
        """Return a value of the tracker's as a person knows it."""
        words = self._known.words
        named = {"status_id": words.statuses, "type_id": words.types, "priority_id": words.priorities}
        if attribute in named:
            return next((name for name, id_ in named[attribute].items() if id_ == old), "")
        if isinstance(old, datetime):
            return old.date().isoformat()
        return "" if old is None else text(old)

    def _assigned(
        self, node: Node, id_: str, there: Entity | None, told: dict[str, tuple[str, str]]
    ) -> Iterator[Entity]:
        """Yield what makes the assignments those of the list, if it speaks of them."""
        if "assignee" not in node.cells:
            return
        cell, row = node.cells["assignee"]
        if node.kind == "Project":
            self._faults.add(
                row.place, "assignee", "nobody is assigned to a project; name a task in this row."
            )
            return
        try:
            wanted = people(self._known.words, cell)
        except ValueError as error:
            self._faults.add(row.place, "assignee", str(error))
            return
        now = {each["resource_id"]: each["id"] for each in (there or {}).get("assignments", ())}
        if wanted.keys() == now.keys():
            return
        users = {each: name for name, each in self._known.words.users.items()}
        told["assignee"] = (", ".join(users.get(each, each) for each in now), ", ".join(wanted.values()))
        for user in wanted.keys() - now.keys():
            yield _create("Appointment", {"context_id": id_, "resource_id": user, "type": "assignment"})
        for user in now.keys() - wanted.keys():
            yield {"action": "delete", "entity_type": "Appointment", "entity_key": [now[user]]}

    def _customs(self, node: Node) -> Iterator[tuple[Entity, Meant]]:
        for column, (cell, row) in node.cells.items():
            if column in _COLUMNS:
                continue
            configuration = self._configuration(node, column)
            if configuration is None:
                self._faults.add(row.place, column, self._unknown(node, column))
                continue
            try:
                yield configuration, custom(configuration, cell)
            except ValueError as error:
                self._faults.add(row.place, column, str(error))

    def _configuration(self, node: Node, key: str) -> Entity | None:
        """Return the custom attribute of a key that is for this entity, that of its own project first."""
        project = self._ids[node.place[:1]]
        fitting = [
            each
            for each in self._known.words.customs
            if each["key"].lower() == key.lower()
            and each["project_id"] in (None, project)
            and _is_for(each, node)
        ]
        return min(fitting, key=lambda each: each["project_id"] is None, default=None)

    def _unknown(self, node: Node, column: str) -> str:
        customs = self._known.words.customs
        others = sorted({_for_whom(each) for each in customs if each["key"].lower() == column.lower()})
        if others:
            return f"a {node.kind} has no such custom attribute: it is for {', '.join(others)}."
        known = (*_COLUMNS, *KINDS, *(each["key"] for each in customs))
        return f"is no column that an import knows, and no custom attribute{near(column, known)}"

    def _customized(
        self, id_: str, customs: Iterable[tuple[Entity, Meant]], told: dict[str, tuple[str, str]]
    ) -> Iterator[Entity]:
        for configuration, each in customs:
            old = self._known.customs.get((configuration["id"], id_))
            if old != each.value:
                told[each.attribute] = ("" if old is None else text(old), each.said)
                key = [configuration["id"], id_]
                yield _update("ContextCustomAttributeValue", key, {"value": each.value})


_COLUMNS = frozenset({"type", "status", "priority", "assignee", "description", "bid", "start", "end"})


def _is_for(configuration: Entity, node: Node) -> bool:
    if configuration["is_hierarchical"]:
        return True
    if node.kind == "Project":
        return bool(configuration["entity_type"] == "show")
    return configuration["entity_type"] == "task" and _for_whom(configuration) == node.kind


def _for_whom(configuration: Entity) -> str:
    named = (configuration.get("object_type") or {}).get("name")
    return str(
        named or ("Project" if configuration["entity_type"] == "show" else configuration["entity_type"])
    )


def _sent(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"__type__": "datetime", "value": value.isoformat()}
    return value


def _create(kind: str, data: Entity) -> Entity:
    return {"action": "create", "entity_type": kind, "entity_key": [], "entity_data": data}


def _update(kind: str, key: list[str], data: Entity) -> Entity:
    return {"action": "update", "entity_type": kind, "entity_key": key, "entity_data": data}
