"""What a client sends with a creation or an update, read as its type has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from callboard.tracker.ledger import Key, Values
from callboard.tracker.model import Collection, EntityType, Line, Newest, Reference, Scalar, Through
from callboard.tracker.refusals import Invalid, Missing
from callboard.tracker.values import stored

_TYPE = "__entity_type__"
_LONGEST = 255
"""Characters of what is looked up by: names, keys, ids."""


@dataclass(frozen=True, slots=True)
class Given:
    """Values by column, members by collection, and what the tracker itself says: that must be the same."""

    values: Values = field(default_factory=dict)
    collections: dict[Collection | Through, Any] = field(default_factory=dict)
    claims: Values = field(default_factory=dict)

    def check_claims(self, one: EntityType, row: Values) -> None:
        """Raise Invalid where a client says otherwise of what the tracker makes: project, object type."""
        for name, value in self.claims.items():
            if value != row.get(name) or name not in row:
                raise Invalid(f"{one.name}.{name} is made by the tracker and can't be set to that.")


def given(one: EntityType, data: Mapping[str, Any]) -> Given:
    """Return what a client sent; raises Invalid for unknown names and for values of another kind."""
    sent = Given()
    for name, value in data.items():
        if name == _TYPE:
            continue
        match one.attribute(name):
            case Scalar(derived=True) | Line() | Newest():
                raise Invalid(f"{one.name}.{name} is made by the tracker and can't be set.")
            case Scalar() as scalar:
                said = value if scalar.computed else stored(one.name, scalar, value)
                (sent.claims if scalar.computed else sent.values)[scalar.stored] = said
                if isinstance(said, str) and len(said) > _LONGEST and scalar.stored in one.indexed:
                    raise Invalid(f"{one.name}.{name} has at most {_LONGEST} characters.")
            case Reference() as found:
                into = sent.claims if one.scalar(found.by).computed else sent.values
                into[found.by] = _reference(one, name, value)
            case (Collection() | Through()) as found:
                sent.collections[found] = value
    return sent


def missing(entity: str, key: Sequence[Any]) -> Missing:
    """Return the error for an entity that is not there."""
    return Missing(f"There is no {entity} {'/'.join(str(each) for each in key)[:200]}.")


def key_of(one: EntityType, key: Sequence[Any]) -> Key:
    """Return a primary key as a client sent it; raises Invalid when it is none."""
    if len(key) != len(one.key) or not all(isinstance(each, str) for each in key):
        raise Invalid(f"The key of a {one.name} is {', '.join(one.key)}, as text.")
    return tuple(key)


def keys_of(target: EntityType, found: Collection | Through, members: Any) -> list[Key]:
    """Return the keys of a collection's members as a client sent them; raises Invalid for anything else."""
    if members is None:
        return []
    if not isinstance(members, list) or not all(isinstance(each, Mapping) for each in members):
        raise Invalid(f"{found.name} takes a list of entities.")
    return [key_of(target, _members_key(target, found, each)) for each in members]


def _reference(one: EntityType, name: str, value: Any) -> str | None:
    """Return the id in a reference as clients write it: `{"__entity_type__": ..., "id": ...}`."""
    if value is None:
        return None
    id_ = value.get("id") if isinstance(value, Mapping) else None
    if not isinstance(id_, str):
        raise Invalid(f"{one.name}.{name} takes an entity, as a JSON object with its `id`, or null.")
    return id_


def _members_key(target: EntityType, found: Collection | Through, member: Mapping[str, Any]) -> list[Any]:
    missing = [name for name in target.key if name not in member]
    if missing:
        raise Invalid(f"An entity in {found.name} is named by {', '.join(target.key)}.")
    return [member[name] for name in target.key]
