"""The types that others choose from (statuses, types, places), and what descriptions are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from callboard.tracker.model import (
    Attribute,
    Collection,
    Default,
    EntityType,
    Fate,
    Kind,
    Reference,
    Scalar,
    attributes,
)

STATUS_CHANGE = "StatusChange"
"""What the tracker notes of each new status: who gave it, when, and which one was there before."""
CUSTOM_VALUE = "CustomAttributeValue"
CUSTOM_OWNERS = ("Context", "AssetVersion", "Asset", "User", "List")
"""The types that have custom attributes, each with a type for their values (`UserCustomAttributeValue`)."""

ID = Scalar("id", default=Default.ID, fixed=True)
NAME = Scalar("name", required=True)
SORT = Scalar("sort", Kind.NUMBER)
COLOR = Scalar("color")
CREATED = Scalar("created_at", Kind.TIME, default=Default.NOW, fixed=True)
METADATA = Collection("metadata", "Metadata", "parent_id", mapped=True, marked="parent_type")


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


STATUS_CHANGES = Collection("status_changes", STATUS_CHANGE, "parent_id")


def custom(owner: str) -> Collection:
    """Return the custom attributes of a type."""
    return Collection("custom_attributes", f"{owner}{CUSTOM_VALUE}", "entity_id", mapped=True)


def pair(
    name: str, near: tuple[str, str], far: tuple[str, str], *more: Attribute, by: str = "", up: str = ""
) -> EntityType:
    """Return a type that joins two others, and goes with either; `by` is the scalar of the far one."""
    first, second = f"{near[0]}_id", by or f"{far[0]}_id"
    return EntityType(
        name,
        _table(name),
        attributes(
            to(*near, Fate.GOES, required=True, fixed=True),
            to(*far, Fate.GOES, by=second, required=True, fixed=True),
            *more,
        ),
        key=(first, second),
        projections=(first, second),
        up=up,
    )


def _table(name: str) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name).strip("_")


def _simple(name: str, *more: Attribute | Iterable[Attribute], shown: tuple[str, ...] = ()) -> EntityType:
    return EntityType(name, _table(name), attributes(ID, NAME, *more), projections=("id", "name", *shown))


LOOKUPS = (
    _simple(
        "Location",
        Scalar("label"),
        Scalar("description"),
        Collection("location_components", "ComponentLocation", "location_id"),
        shown=("label", "description"),
    ),
    _simple("State", Scalar("short"), shown=("short",)),
    _simple("Status", COLOR, SORT, to("state", "State", default=Default.FIRST), shown=("color", "sort")),
    _simple("Type", COLOR, SORT, shown=("color", "sort")),
    _simple("Priority", COLOR, SORT, Scalar("value", Kind.NUMBER), shown=("color", "sort", "value")),
    _simple("ObjectType", SORT, shown=("sort",)),
    _simple("AssetType", Scalar("short"), shown=("short",)),
    _simple("CustomAttributeType", SORT),
    EntityType(
        "Setting",
        "setting",
        attributes(
            Scalar("name", required=True, fixed=True),
            Scalar("group", required=True, fixed=True),
            Scalar("value"),
        ),
        key=("name", "group"),
        projections=("name", "group", "value"),
    ),
)
