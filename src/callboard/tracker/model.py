"""What an entity type is: its attributes, where they are stored, and what events call them.

    Scalar       one column
    Reference    another entity, by a column of ids that is an attribute too (`status`, `status_id`)
    Collection   the entities whose reference points here
    Through      the entities on the other side of entities that link two (`items` of a list)
    Line         the contexts above, or below
    Newest       the one of a collection with the greatest number

Types with a `parent` type share its table; each row names its own type in the column `kind`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import TypeAlias

from callboard.tracker.refusals import Invalid, hint


class Kind(StrEnum):
    """What a scalar holds, as schemas call it."""

    TEXT = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIME = "date-time"
    OBJECT = "object"
    ANY = "variable"


class Fate(Enum):
    """What becomes of an entity when the one that it points to is deleted."""

    REFUSES = "the other can't be deleted"
    CLEARS = "it stays, and points to nothing"
    GOES = "it is deleted too"


class Default(Enum):
    """A value that the tracker makes when none is given."""

    ID = "a fresh id"
    NOW = "the time"
    USER = "the id of who makes it"
    FIRST = "the first entity of the other type, by `sort`"


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. `legacy` is its name in events; `column` its column where another type has its name."""

    name: str
    kind: Kind = Kind.TEXT
    legacy: str = ""
    column: str = ""
    default: object = None
    required: bool = False
    fixed: bool = False
    """May be given at creation only."""
    computed: bool = False
    """The tracker alone says it."""
    derived: bool = False
    """It is no column: it is worked out when it is asked for."""

    @property
    def stored(self) -> str:
        """The name of its column."""
        return self.column or self.name

    @property
    def told(self) -> str:
        """Its name in events."""
        return self.legacy or self.name


@dataclass(frozen=True, slots=True)
class Reference:
    """Another entity of type `target`, else of a type `among` several, whose id is in the scalar `by`."""

    name: str
    target: str
    by: str
    fate: Fate = Fate.REFUSES
    among: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[str, ...]:
        """The types that it may point to."""
        return (self.target,) if self.target else self.among


@dataclass(frozen=True, slots=True)
class Collection:
    """The entities of type `target` whose scalar `by` is this one's id; `mapped`: shown as key and value.

    `marked` is the scalar of theirs that then holds this one's type, for `by` of any type.
    """

    name: str
    target: str
    by: str
    mapped: bool = False
    marked: str = ""


@dataclass(frozen=True, slots=True)
class Through:
    """The entities of type `target` that entities of type `link` join to this one.

    The scalar `near` of a link has this one's id, `far` that of the other.
    """

    name: str
    target: str
    link: str
    near: str
    far: str


@dataclass(frozen=True, slots=True)
class Line:
    """The entities of type `target` above this one, from the project down, or below it, nearest first."""

    name: str
    target: str
    up: bool


@dataclass(frozen=True, slots=True)
class Newest:
    """The entity of type `target` whose scalar `by` is this one's id, and whose scalar `greatest` is that."""

    name: str
    target: str
    by: str
    greatest: str


Attribute: TypeAlias = Scalar | Reference | Collection | Through | Line | Newest


@dataclass(frozen=True, slots=True)
class EntityType:
    """One type of entity; `up` is the scalar with the id of what it belongs to, towards the project."""

    name: str
    table: str
    attributes: Mapping[str, Attribute]
    key: tuple[str, ...] = ("id",)
    legacy: str = ""
    projections: tuple[str, ...] = ()
    parent: str = ""
    abstract: bool = False
    up: str = ""
    unique: tuple[tuple[str, ...], ...] = ()
    object_type: str = ""
    shared: bool = False
    """True when the table holds several types."""
    indexed: frozenset[str] = field(init=False)
    """The columns of text that stand in an index, where a database bounds their length."""

    def __post_init__(self) -> None:
        loose = {each.by for each in self.attributes.values() if isinstance(each, Reference)}
        object.__setattr__(self, "indexed", loose.union(self.key, *self.unique))

    @property
    def told(self) -> str:
        """Its type in events."""
        return self.legacy or self.name.lower()

    @property
    def scalars(self) -> Iterator[Scalar]:
        """Its scalars that are stored."""
        return (one for one in self.attributes.values() if isinstance(one, Scalar) and not one.derived)

    def scalar(self, name: str) -> Scalar:
        """Return one of its scalars, known to be one."""
        found = self.attributes[name]
        assert isinstance(found, Scalar)
        return found

    def attribute(self, name: str) -> Attribute:
        """Return an attribute by name; raises Invalid with the nearest name there is."""
        found = self.attributes.get(name)
        if found is None:
            raise Invalid(f"{self.name} has no attribute {name[:80]!r}{hint(name, self.attributes)}")
        return found


@dataclass(frozen=True)
class Model:
    """All types by name."""

    types: Mapping[str, EntityType]
    below: Mapping[str, tuple[str, ...]] = field(init=False)
    """The types that a query for one finds: itself and those under it, the abstract ones aside."""

    def __post_init__(self) -> None:
        below: dict[str, list[str]] = {name: [] for name in self.types}
        for name, one in self.types.items():
            if not one.abstract:
                for over in self._line(name):
                    below[over].append(name)
        object.__setattr__(self, "below", {name: tuple(found) for name, found in below.items()})

    def _line(self, name: str) -> Iterator[str]:
        while name:
            yield name
            name = self.types[name].parent

    def __getitem__(self, name: str) -> EntityType:
        """Return a type by name; raises Invalid with the nearest name there is."""
        found = self.types.get(name)
        if found is None:
            raise Invalid(f"There is no entity type {name[:80]!r}{hint(name, self.types)}")
        return found

    def seen(self, one: EntityType, name: str, *, relation: bool = False) -> Attribute:
        """Return an attribute of a type, or of a type under it that has one of this name.

        `relation`: one that leads to others is meant where there are both (`status` of Task and Project).
        """
        types = (one, *(self.types[under] for under in self.below[one.name]))
        named = [each.attributes[name] for each in types if name in each.attributes]
        if relation:
            named.sort(key=lambda each: isinstance(each, Scalar))
        return named[0] if named else one.attribute(name)

    def pointing(self, table: str) -> Iterator[tuple[EntityType, str, Fate]]:
        """Yield the types, and their scalars, that may point to rows of a table, and their fate."""
        seen: set[tuple[str, str]] = set()
        for one in self.types.values():
            for found in one.attributes.values():
                if isinstance(found, Reference):
                    tables = {self.types[each].table for each in found.targets} or {table}
                    if table in tables and (one.table, found.by) not in seen:
                        seen.add((one.table, found.by))
                        yield one, found.by, found.fate


def attributes(*given: Attribute | Iterable[Attribute]) -> dict[str, Attribute]:
    """Return attributes by name; later ones replace earlier ones."""
    flat: list[Attribute] = []
    for each in given:
        flat += [each] if isinstance(each, Attribute) else list(each)
    return {one.name: one for one in flat}
