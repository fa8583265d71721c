"""A new project: checked by the tracker's own types, shown to who has rules for it, then created.

    fields, by the names of events --> record --ftrack.validate--> verdict --> Project

Imported only where there is a tracker. Source: seed, "ftrack.validate".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from callboard.bus import Bus
from callboard.errors import CallboardError
from callboard.event import caused_by
from callboard.studio.asking import Asker, Fault
from callboard.studio.production import Answering, Production, created
from callboard.studio.questions import Verdict, validating, verdict
from callboard.tracker.entities import MODEL
from callboard.tracker.given import given
from callboard.tracker.model import Scalar
from callboard.tracker.refusals import Invalid, hint

PROJECT: Final = "Project"
_ELSEWHERE: Final = frozenset({"id", "parent_id", "thumbnail_id"})
"""What a new project can't say of itself."""


class NotValid(CallboardError):
    """These values are refused: `errors` says for each field why."""

    def __init__(
        self,
        errors: Mapping[str, str],
        changes: Mapping[str, Any] | None = None,
        faults: Sequence[Fault] = (),
    ) -> None:
        self.errors, self.changes, self.faults = dict(errors), dict(changes or {}), tuple(faults)
        super().__init__(" ".join(f"{field}: {said}" for field, said in sorted(errors.items()))[:2000])


class Created(Struct, frozen=True):
    """A new project: its fields, its id among them, and which of them listeners changed."""

    project: Mapping[str, Any]
    changes: Mapping[str, Any]
    faults: tuple[Fault, ...]


def fields() -> dict[str, Scalar]:
    """Return what a new project may say of itself, by the names that events call it."""
    return {
        one.told: one
        for one in MODEL[PROJECT].scalars
        if not (one.computed or one.fixed or one.name in _ELSEWHERE)
    }


async def create(
    bus: Bus, asker: Asker, tracker: Answering, given: Mapping[str, Any], deadline: float
) -> Created:
    """Create a project unless a listener refuses; what listeners change is changed first.

    Raises NotValid, or what the tracker refuses.
    """
    known = fields()
    record = _record(given)
    _check(known, record)
    event = validating(asker, record)
    said = await verdict(bus, event, deadline)
    changes, faults = _usable(known, said)
    if said.errors:
        raise NotValid(said.errors, changes, faults)
    final = {**record, **changes}
    _check(known, final)
    data = {known[name].name: value for name, value in final.items()}
    production = Production(tracker, asker.username, caused_by(event))
    (result,) = await production.do([created(PROJECT, **data)])
    return Created({"id": result["data"]["id"], **final}, changes, faults)


def _record(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what listeners are asked about: the seed's four fields are always there."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    usual = {
        "fullname": given.get("name"),
        "status": "active",
        "startdate": today.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    return {**usual, **{name: value for name, value in given.items() if value is not None}}


def _check(known: Mapping[str, Scalar], record: Mapping[str, Any]) -> None:
    """Raise NotValid with what is wrong with each field."""
    errors = {name: said for name, value in record.items() if (said := _wrong(known, name, value))}
    if "name" not in errors and not str(record.get("name") or "").strip():
        errors["name"] = "A project needs a name."
    if errors:
        raise NotValid(errors)


def _wrong(known: Mapping[str, Scalar], name: str, value: Any) -> str:
    """Return what is wrong with a field, a sentence; empty for nothing."""
    if name not in known:
        return f"A project has no field {name[:80]!r}{hint(name, known)}"
    try:
        given(MODEL[PROJECT], {known[name].name: value})
    except Invalid as error:
        return str(error)
    return ""


def _usable(known: Mapping[str, Scalar], said: Verdict) -> tuple[dict[str, Any], tuple[Fault, ...]]:
    """Return the changes of fields that there are; others are faults."""
    changes = {name: value for name, value in said.changes.items() if name in known}
    unknown = [name for name in said.changes if name not in known]
    more = tuple(
        Fault("", "", f"A project has no field {name[:80]!r} to change{hint(name, known)}")
        for name in unknown[:10]
    )
    return changes, (*said.faults, *more)
