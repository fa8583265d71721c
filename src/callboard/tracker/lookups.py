"""The types that others choose from (statuses, types, places), and what descriptions are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from callboard.tracker.model import Attribute, Default, EntityType, Fate, Kind, Reference, Scalar, attributes

ID = Scalar("id", default=Default.ID, fixed=True)
NAME = Scalar("name", required=True)
SORT = Scalar("sort", Kind.NUMBER)
COLOR = Scalar("color")


def to(
    name: str,
    target: str,
    fate: Fate = Fate.REFUSES,
    *,
    by: str = "",
    **more: Any,
) -> Iterator[Attribute]:
    """Yield a reference and the scalar that holds its id; `more` is said of the scalar."""
    by = by or f"{name}_id"
    yield Scalar(by, **{"legacy": by.replace("_id", "id"), **more})
    yield Reference(name, target, by, fate)


def _simple(name: str, *more: Attribute | Iterable[Attribute], shown: tuple[str, ...] = ()) -> EntityType:
    table = "".join(f"_{each.lower()}" if each.isupper() else each for each in name).strip("_")
    return EntityType(name, table, attributes(ID, NAME, *more), projections=("id", "name", *shown))


LOOKUPS = (
    _simple("Location", Scalar("label"), Scalar("description"), shown=("label", "description")),
    _simple("State", Scalar("short"), shown=("short",)),
    _simple("Status", COLOR, SORT, to("state", "State", default=Default.FIRST), shown=("color", "sort")),
    _simple("Type", COLOR, SORT, shown=("color", "sort")),
    _simple("Priority", COLOR, SORT, Scalar("value", Kind.NUMBER), shown=("color", "sort", "value")),
    _simple("ObjectType", SORT, shown=("sort",)),
    _simple("ProjectSchema"),
    _simple("AssetType", Scalar("short"), shown=("short",)),
    _simple("CustomAttributeType", SORT),
)
