"""What a studio adds to types of entities: configurations of custom attributes, and their values."""

from __future__ import annotations

from callboard.tracker.lookups import CUSTOM_OWNERS, CUSTOM_VALUE, ID, NAME, SORT, to
from callboard.tracker.model import Collection, Default, EntityType, Fate, Kind, Reference, Scalar, attributes


def _values(name: str, among: tuple[str, ...], parent: str = CUSTOM_VALUE) -> EntityType:
    """Return the type of values of some types; all of them share a table, so that one query finds any."""
    return EntityType(
        name,
        "custom_attribute_value",
        attributes(
            Scalar("entity_id", required=True, fixed=True),  # first in the key: values are read by entity
            to("configuration", "CustomAttributeConfiguration", Fate.GOES, required=True, fixed=True),
            Scalar("key", computed=True),
            Scalar("value", Kind.ANY),
            Reference("entity", "", "entity_id", Fate.GOES, among),
        ),
        key=("configuration_id", "entity_id"),
        projections=("configuration_id", "entity_id", "key", "value"),
        up="entity_id",
        parent=parent,
        abstract=not parent,
        shared=True,
    )


CUSTOMIZING = (
    EntityType(
        "CustomAttributeGroup",
        "custom_attribute_group",
        attributes(ID, NAME, SORT),
        projections=("id", "name"),
    ),
    EntityType(
        "CustomAttributeConfiguration",
        "custom_attribute_configuration",
        attributes(
            ID,
            Scalar("key", required=True, fixed=True),
            Scalar("label"),
            Scalar("entity_type", default="task", fixed=True),
            Scalar("is_hierarchical", Kind.BOOLEAN, default=False, fixed=True),
            Scalar("default", Kind.ANY),
            Scalar("config"),
            Scalar("core", Kind.BOOLEAN, default=False),
            SORT,
            to("type", "CustomAttributeType", default=Default.FIRST, fixed=True),
            to("group", "CustomAttributeGroup", Fate.CLEARS),
            to("project", "Project", Fate.GOES, legacy="showid", fixed=True),
            to("object_type", "ObjectType", legacy="object_typeid", fixed=True),
            Collection("values", CUSTOM_VALUE, "configuration_id"),
        ),
        projections=("id", "key", "label", "entity_type", "project_id", "object_type_id", "is_hierarchical"),
        unique=(("key", "entity_type", "project_id", "object_type_id"),),
    ),
    _values(CUSTOM_VALUE, CUSTOM_OWNERS, ""),
    *(_values(f"{owner}{CUSTOM_VALUE}", (owner,)) for owner in CUSTOM_OWNERS),
)
