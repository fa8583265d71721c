"""The entity types there are, as the official clients know them. Source: facts, sections 4.2 and 5."""

from __future__ import annotations

from typing import Any

from callboard.tracker.lookups import ID, LOOKUPS, NAME, SORT, to
from callboard.tracker.model import (
    Attribute,
    Collection,
    Default,
    EntityType,
    Fate,
    Kind,
    Model,
    Reference,
    Scalar,
    attributes,
)

CREATED = Scalar("created_at", Kind.TIME, default=Default.NOW, fixed=True)
METADATA = Collection("metadata", "Metadata", "parent_id", mapped=True, marked="parent_type")
NOTES = Collection("notes", "Note", "parent_id", marked="parent_type")

_USER_WHO: dict[str, Any] = {"default": Default.USER, "fixed": True, "legacy": "created_by_id"}

_CONTEXT = attributes(
    ID,
    NAME,
    Scalar("context_type", computed=True),
    Scalar("link", Kind.OBJECT, computed=True),
    to("thumbnail", "Component", Fate.CLEARS, legacy="thumbid"),
    CREATED,
    to("created_by", "User", Fate.CLEARS, **_USER_WHO),
    to("parent", "Context", Fate.GOES, legacy="parent_id"),
    Collection("children", "TypedContext", "parent_id"),
    Collection("assets", "Asset", "context_id"),
    Collection("custom_attributes", "ContextCustomAttributeValue", "entity_id", mapped=True),
    METADATA,
    NOTES,
)
_TYPED = attributes(
    _CONTEXT.values(),
    Scalar("description"),
    SORT,
    Scalar("bid", Kind.NUMBER),
    Scalar("start_date", Kind.TIME, "startdate"),
    Scalar("end_date", Kind.TIME, "enddate"),
    Scalar("project_id", legacy="showid", computed=True),
    Reference("project", "Project", "project_id", Fate.GOES),
    to("object_type", "ObjectType", legacy="object_typeid", computed=True),
    to("status", "Status", default=Default.FIRST),
    to("type", "Type", default=Default.FIRST),
    to("priority", "Priority", default=Default.FIRST),
    Collection("assignments", "Appointment", "context_id"),
)
_PROJECT = attributes(
    _CONTEXT.values(),
    Scalar("full_name", legacy="fullname"),
    Scalar("root"),
    Scalar("status", column="project_status", default="active"),
    Scalar("color"),
    Scalar("is_private", Kind.BOOLEAN, default=False),
    Scalar("start_date", Kind.TIME, "startdate"),
    Scalar("end_date", Kind.TIME, "enddate"),
    to("project_schema", "ProjectSchema", default=Default.FIRST, legacy="taskschemeid"),
    Collection("descendants", "TypedContext", "project_id"),
    Collection("lists", "List", "project_id"),
)
_SHOWN = ("id", "name", "parent_id", "project_id", "status_id", "type_id", "link")


def _context(name: str, found: dict[str, Attribute], **more: Any) -> EntityType:
    return EntityType(
        name,
        "context",
        found,
        up="parent_id",
        shared=True,
        unique=(("parent_id", "name", "kind"),),
        **{"legacy": "task", "projections": _SHOWN, "parent": "TypedContext", **more},
    )


_COMPONENT = attributes(
    ID,
    NAME,
    Scalar("file_type", legacy="filetype"),
    Scalar("size", Kind.NUMBER),
    Scalar("system_type", computed=True),
    to("version", "AssetVersion", Fate.GOES),
    to("container", "Component", Fate.GOES),
    Collection("component_locations", "ComponentLocation", "component_id"),
    METADATA,
)
_MEMBERS = Collection("members", "Component", "container_id")


def _component(name: str, *more: Attribute, **said: Any) -> EntityType:
    return EntityType(
        name,
        "component",
        attributes(_COMPONENT.values(), *more),
        legacy="component",
        projections=("id", "name", "file_type", "size", "version_id", "container_id"),
        up="version_id",
        shared=True,
        **{"parent": "Component", **said},
    )


_LIST = attributes(
    ID,
    NAME,
    Scalar("is_open", Kind.BOOLEAN, "isopen", default=True),
    Scalar("date", Kind.TIME),
    SORT,
    to("project", "Project", Fate.GOES, legacy="showid", required=True),
    to("owner", "User", Fate.CLEARS, default=Default.USER),
    Collection("list_objects", "ListObject", "list_id"),
    METADATA,
    NOTES,
)


def _list(name: str, **said: Any) -> EntityType:
    return EntityType(
        name,
        "list",
        dict(_LIST),
        legacy="list",
        projections=("id", "name", "project_id", "is_open"),
        up="project_id",
        shared=True,
        **{"parent": "List", **said},
    )


TYPES = (
    _context(
        "Context",
        dict(_CONTEXT),
        parent="",
        abstract=True,
        projections=("id", "name", "parent_id", "link", "context_type"),
    ),
    _context(
        "Project", dict(_PROJECT), parent="Context", legacy="show", projections=("id", "name", "full_name")
    ),
    _context("TypedContext", dict(_TYPED), parent="Context", abstract=True),
    *(
        _context(name, dict(_TYPED), object_type=name)
        for name in ("Folder", "Episode", "Sequence", "Shot", "AssetBuild", "Milestone", "Task")
    ),
    EntityType(
        "Appointment",
        "appointment",
        attributes(
            ID,
            Scalar("type", default="assignment"),
            Scalar("start_date", Kind.TIME, "startdate"),
            Scalar("end_date", Kind.TIME, "enddate"),
            to("context", "Context", Fate.GOES, legacy="context_id", required=True),
            to("resource", "User", Fate.GOES, legacy="resource_id", required=True),
        ),
        projections=("id", "type", "context_id", "resource_id"),
        up="context_id",
        unique=(("context_id", "resource_id", "type"),),
    ),
    EntityType(
        "Asset",
        "asset",
        attributes(
            ID,
            NAME,
            to("type", "AssetType", default=Default.FIRST),
            to("parent", "Context", Fate.GOES, by="context_id", legacy="taskid", required=True),
            Collection("versions", "AssetVersion", "asset_id"),
            METADATA,
        ),
        projections=("id", "name", "context_id", "type_id"),
        up="context_id",
        unique=(("context_id", "name", "type_id"),),
    ),
    EntityType(
        "AssetVersion",
        "asset_version",
        attributes(
            ID,
            Scalar("version", Kind.INTEGER),
            Scalar("comment"),
            Scalar("date", Kind.TIME, default=Default.NOW),
            Scalar("is_published", Kind.BOOLEAN, "ispublished", default=True),
            to("asset", "Asset", Fate.GOES, required=True),
            to("task", "Task", Fate.CLEARS),
            to("user", "User", Fate.CLEARS, default=Default.USER),
            to("status", "Status", default=Default.FIRST),
            to("thumbnail", "Component", Fate.CLEARS, legacy="thumbid"),
            Collection("components", "Component", "version_id"),
            METADATA,
            NOTES,
        ),
        legacy="assetversion",
        projections=("id", "version", "asset_id", "task_id", "status_id", "comment"),
        up="asset_id",
        unique=(("asset_id", "version"),),
    ),
    _component("Component", abstract=True, parent=""),
    _component("FileComponent"),
    _component("SequenceComponent", Scalar("padding", Kind.INTEGER), _MEMBERS),
    _component("ContainerComponent", _MEMBERS),
    EntityType(
        "ComponentLocation",
        "component_location",
        attributes(
            ID,
            Scalar("resource_identifier"),
            to("component", "Component", Fate.GOES, legacy="component_id", required=True),
            to("location", "Location", legacy="location_id", required=True),
        ),
        projections=("id", "component_id", "location_id", "resource_identifier"),
        up="component_id",
        unique=(("component_id", "location_id"),),
    ),
    EntityType(
        "User",
        "user",
        attributes(
            ID,
            Scalar("username", required=True),
            Scalar("first_name", legacy="firstname"),
            Scalar("last_name", legacy="lastname"),
            Scalar("email"),
            Scalar("is_active", Kind.BOOLEAN, "isactive", default=True),
            CREATED,
            Collection("assignments", "Appointment", "resource_id"),
            METADATA,
        ),
        projections=("id", "username", "first_name", "last_name", "email", "is_active"),
        unique=(("username",),),
    ),
    *LOOKUPS,
    EntityType(
        "Note",
        "note",
        attributes(
            ID,
            Scalar("content", legacy="text", required=True),
            Scalar("date", Kind.TIME, default=Default.NOW),
            Scalar("parent_id"),
            Scalar("parent_type"),
            Reference("parent", "", "parent_id", Fate.GOES),
            to("author", "User", Fate.CLEARS, default=Default.USER, legacy="userid", by="user_id"),
            to("in_reply_to", "Note", Fate.GOES, legacy="noteparentid"),
            Collection("replies", "Note", "in_reply_to_id"),
            METADATA,
        ),
        projections=("id", "content", "date", "parent_id", "parent_type", "user_id"),
        up="parent_id",
    ),
    _list("List", parent="", abstract=True),
    _list("AssetVersionList"),
    _list("TypedContextList"),
    EntityType(
        "ListObject",
        "list_object",
        attributes(
            ID,
            to("list", "List", Fate.GOES, required=True),
            Scalar("entity_id", legacy="entityid", required=True),
            Reference("entity", "", "entity_id", Fate.GOES),
            CREATED,
        ),
        projections=("id", "list_id", "entity_id"),
        up="list_id",
        unique=(("list_id", "entity_id"),),
    ),
    EntityType(
        "Metadata",
        "metadata",
        attributes(
            Scalar("parent_id", required=True, fixed=True),
            Scalar("key", required=True, fixed=True),
            Scalar("parent_type"),
            Scalar("value"),
            Reference("parent", "", "parent_id", Fate.GOES),
        ),
        key=("parent_id", "key"),
        projections=("parent_id", "key", "value"),
        up="parent_id",
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
            SORT,
            to("type", "CustomAttributeType", default=Default.FIRST, fixed=True),
            to("project", "Project", Fate.GOES, legacy="showid", fixed=True),
            to("object_type", "ObjectType", legacy="object_typeid", fixed=True),
        ),
        projections=("id", "key", "label", "entity_type", "project_id", "object_type_id", "is_hierarchical"),
        unique=(("key", "entity_type", "project_id", "object_type_id"),),
    ),
    EntityType(
        "ContextCustomAttributeValue",
        "context_custom_attribute_value",
        attributes(
            to("configuration", "CustomAttributeConfiguration", Fate.GOES, required=True, fixed=True),
            to("entity", "Context", Fate.GOES, required=True, fixed=True),
            Scalar("key", computed=True),
            Scalar("value", Kind.ANY),
        ),
        key=("configuration_id", "entity_id"),
        projections=("configuration_id", "entity_id", "key", "value"),
        up="entity_id",
    ),
)
MODEL = Model({one.name: one for one in TYPES})
