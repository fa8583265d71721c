"""The tracker as the studio's rooms use it: batches of its operations, on behalf of somebody.

    async def answer(batch, user, trace, also) -> results     all is done and told, or nothing

Nothing of the tracker is imported here: where there is none, SQLAlchemy need not be there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from callboard.errors import CallboardError
from callboard.event import Event

Row = Mapping[str, Any]
Where = Mapping[str, str | Sequence[str]]
"""What is looked for: values, or lists of them, by attribute."""


class NoTracker(CallboardError):
    """This needs the tracker: add `tracker:` to the configuration, see docs/tracker.md."""


class NoSuchEntity(CallboardError):
    """There is no such entity in the tracker: `callboard tracker tree` shows what there is."""


class Answering(Protocol):
    """What answers batches; raises CallboardError with the reason why nothing was done."""

    async def __call__(
        self,
        batch: Sequence[Mapping[str, Any]],
        user: str,
        trace: Mapping[str, Any] | None,
        also: Sequence[Event] = (),
    ) -> list[Any]:
        """Return the results of operations in their order; `also` is told once they are done, never lost."""


class Production:
    """The tracker for one caller; `trace` is what led to it, as `source.trace` tells it."""

    def __init__(self, answer: Answering | None, user: str, trace: Mapping[str, Any] | None = None) -> None:
        self._answer, self._user, self._trace = answer, user, trace

    async def find(
        self, entity: str, shown: str, where: Where, *, order: str = "", most: int | None = None
    ) -> list[Row]:
        """Return the entities whose attributes have these values, or one of several.

        Raises NoTracker, or the tracker's Refused.
        """
        conditions = " and ".join(_condition(name, value) for name, value in where.items())
        query = f"select {shown} from {entity}"  # noqa: S608 - the tracker's own language, and values are quoted
        query += f" where {conditions}" if conditions else ""
        query += f" order by {order}" if order else ""
        query += f" limit {most}" if most is not None else ""
        (found,) = await self.do([{"action": "query", "expression": query}])
        rows: list[Row] = found["data"]
        return rows

    async def first(self, entity: str, shown: str, where: Where, *, order: str = "") -> Row | None:
        """Return the first that `find` finds."""
        rows = await self.find(entity, shown, where, order=order, most=1)
        return rows[0] if rows else None

    async def do(self, batch: Sequence[Mapping[str, Any]], also: Sequence[Event] = ()) -> list[Any]:
        """Do operations, all or none, and tell `also` behind them with the source that their changes have."""
        if self._answer is None:
            raise NoTracker
        return await self._answer(batch, self._user, self._trace, also)


def _condition(name: str, value: str | Sequence[str]) -> str:
    if isinstance(value, str):
        return f"{name} is {quoted(value)}"
    return f"{name} in ({', '.join(map(quoted, value))})"


def quoted(text: str) -> str:
    """Return a text as a value in a query."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def created(entity: str, **data: Any) -> dict[str, Any]:
    """Return the operation that creates an entity; what is None is left out."""
    said = {key: value for key, value in data.items() if value is not None}
    return {"action": "create", "entity_type": entity, "entity_data": {"__entity_type__": entity, **said}}


def updated(entity: str, id_: str, **data: Any) -> dict[str, Any]:
    """Return the operation that changes an entity."""
    said = {"__entity_type__": entity, **data}
    return {"action": "update", "entity_type": entity, "entity_key": [id_], "entity_data": said}
