"""What commands ask the tracker, over its own door `/api`, with the caller's key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from callboard.errors import CallboardError, Gone, Unauthenticated

if TYPE_CHECKING:
    from callboard.client.http import Http

Entity: TypeAlias = dict[str, Any]

MOST_ROWS = 10_000
"""Rows of one answer of the tracker's."""
_NO_TRACKER = "This hub has no tracker: write `tracker:` into its configuration and start it again."
_TYPED = (
    "id, name, parent_id, description, bid, start_date, end_date, status_id, type_id, priority_id, "
    "assignments.resource_id"
)


class Production:
    """Asks and writes."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def check(self) -> None:
        """Raise a sentence that says so where the hub has no tracker."""
        try:
            await self._http.ask("OPTIONS", "/api")
        except (Gone, Unauthenticated):
            raise
        except CallboardError:
            raise CallboardError(_NO_TRACKER) from None

    async def query(self, expression: str) -> list[Entity]:
        """Return what a query finds, all of it."""
        found: list[Entity] = []
        while True:
            more, following = await self.page(expression, len(found))
            found += more
            if following is None:
                return found

    async def page(self, expression: str, offset: int = 0) -> tuple[list[Entity], int | None]:
        """Return one answer to a query, and where the next one begins."""
        text = f"{expression} offset {offset}" if offset else expression
        (answer,) = await self.write([{"action": "query", "expression": text}])
        return answer["data"], answer["metadata"]["next"]["offset"]

    async def write(self, batch: Sequence[Entity]) -> list[Any]:
        """Return the results of operations: all of them are done, or none."""
        results: list[Any] = await self._http.ask("POST", "/api", list(batch))
        return results


@dataclass(frozen=True, slots=True)
class Words:
    """What cells name: statuses and the like by name, people by username, custom attributes by key."""

    statuses: dict[str, str]
    types: dict[str, str]
    priorities: dict[str, str]
    users: dict[str, str]
    customs: list[Entity]


@dataclass(frozen=True, slots=True)
class Known:
    """What there is already of the projects that a list names."""

    words: Words
    projects: dict[str, Entity]
    """By name."""
    contexts: dict[tuple[str, str, str], Entity] = field(default_factory=dict)
    """By parent, type and name."""
    customs: dict[tuple[str, str], Any] = field(default_factory=dict)
    """Values that were set, by configuration and entity."""


def select(shown: str, entity: str, where: str = "") -> str:
    """Return a query in the tracker's language."""
    return " ".join(filter(None, ("select", shown, "from", entity, where and f"where {where}")))


async def words(production: Production) -> Words:
    """Return what cells may name."""
    statuses, types, priorities = [
        {each["name"]: each["id"] for each in await production.query(select("id, name", entity))}
        for entity in ("Status", "Type", "Priority")
    ]
    people = await production.query(select("id, username", "User"))
    described = "key, type.name, entity_type, object_type.name, project_id, is_hierarchical"
    customs = await production.query(select(described, "CustomAttributeConfiguration"))
    return Words(statuses, types, priorities, {each["username"]: each["id"] for each in people}, customs)


async def known(production: Production, projects: Iterable[str], customs: bool) -> Known:
    """Return what there is of some projects, with their custom attributes if those are asked for."""
    asked = select("id, name, start_date, end_date", "Project")
    there = {each["name"]: each for each in await production.query(asked)}
    found = Known(await words(production), {name: there[name] for name in projects if name in there})
    for project in found.projects.values():
        inside = f"project_id is {project['id']}"
        for each in await production.query(select(_TYPED, "TypedContext", inside)):
            found.contexts[each["parent_id"], each["__entity_type__"], each["name"]] = each
        if customs:
            asked = select("id", "TypedContext", inside)
            owned = f"entity_id in ({asked}) or entity_id is {project['id']}"
            for each in await production.query(select("value", "ContextCustomAttributeValue", owned)):
                found.customs[each["configuration_id"], each["entity_id"]] = each["value"]
    return found
