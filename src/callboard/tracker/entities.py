"""The entity types there are, as the official clients know them. Source: facts, sections 4.2 and 5.

A change of what is stored needs a migration: `python -m callboard.tracker.migrations "What changes"`.
"""

from __future__ import annotations

from typing import Any

from callboard.tracker.customizing import CUSTOMIZING
from callboard.tracker.lookups import (
    CREATED,
    ID,
    LOOKUPS,
    METADATA,
    NAME,
    SORT,
    STATUS_CHANGES,
    custom,
    pair,
    to,
)
from callboard.tracker.model import (
    Attribute,
    Collection,
    Default,
    EntityType,
    Fate,
    Kind,
    Line,
    Model,
    Newest,
    Reference,
    Scalar,
    Through,
    attributes,
)
from callboard.tracker.notes import NOTES as NOTE_TYPES
from callboard.tracker.people import PEOPLE
from callboard.tracker.workflows import WORKFLOWS

NOTES = Collection("notes", "Note", "parent_id", marked="parent_type")

_USER_WHO: dict[str, Any] = {"default": Default.USER, "fixed": True, "legacy": "created_by_id"}

_CONTEXT = attributes(
    ID,
    NAME,
    Scalar("context_type", computed=True),
    Scalar("link", Kind.OBJECT, computed=True, derived=True),
    to("thumbnail", "Component", Fate.CLEARS, legacy="thumbid"),
    CREATED,
    to("created_by", "User", Fate.CLEARS, **_USER_WHO),
    to("parent", "Context", Fate.GOES, legacy="parent_id"),
    Collection("children", "TypedContext", "parent_id"),
    Collection("assets", "Asset", "context_id"),
    Collection("timelogs", "Timelog", "context_id"),
    Collection("appointments", "Appointment", "context_id"),
    custom("Context"),
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
    STATUS_CHANGES,
    Line("ancestors", "TypedContext", up=True),
    Line("descendants", "TypedContext", up=False),
    Collection("incoming_links", "TypedContextLink", "to_id"),
    Collection("outgoing_links", "TypedContextLink", "from_id"),
    Through("lists", "TypedContextList", "ListObject", "entity_id", "list_id"),
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
    Line("descendants", "TypedContext", up=False),
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
    Scalar("name", required=True, default="main"),  # create_component(path) sends none
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
    custom("List"),
    METADATA,
    NOTES,
)


def _list(name: str, *more: Attribute, **said: Any) -> EntityType:
    return EntityType(
        name,
        "list",
        attributes(_LIST.values(), *more),
        legacy="list",
        projections=("id", "name", "project_id", "is_open"),
        up="project_id",
        shared=True,
        **{"parent": "List", **said},
    )


def _between(name: str, target: str, legacy: str = "") -> EntityType:
    """Return the type of a dependency between two entities of a type."""
    found = attributes(
        ID,
        Scalar("type"),
        to("from", target, Fate.GOES, legacy="from_id", required=True, fixed=True),
        to("to", target, Fate.GOES, legacy="to_id", required=True, fixed=True),
        METADATA,
    )
    table = "asset_version_link" if target == "AssetVersion" else "typed_context_link"
    unique = (("from_id", "to_id"),)
    shown = ("id", "from_id", "to_id")
    return EntityType(name, table, found, legacy=legacy, projections=shown, up="to_id", unique=unique)


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
        "Asset",
        "asset",
        attributes(
            ID,
            NAME,
            to("type", "AssetType", default=Default.FIRST),
            to("parent", "Context", Fate.GOES, by="context_id", legacy="taskid", required=True),
            Collection("versions", "AssetVersion", "asset_id"),
            Newest("latest_version", "AssetVersion", "asset_id", "version"),
            custom("Asset"),
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
            Scalar("is_latest_version", Kind.BOOLEAN, computed=True, derived=True),
            Scalar("link", Kind.OBJECT, computed=True, derived=True),
            STATUS_CHANGES,
            Collection("components", "Component", "version_id"),
            Collection("incoming_links", "AssetVersionLink", "to_id"),
            Collection("outgoing_links", "AssetVersionLink", "from_id"),
            Through("uses_versions", "AssetVersion", "AssetVersionUse", "user_version_id", "used_version_id"),
            Through(
                "used_in_versions", "AssetVersion", "AssetVersionUse", "used_version_id", "user_version_id"
            ),
            Through("lists", "AssetVersionList", "ListObject", "entity_id", "list_id"),
            custom("AssetVersion"),
            METADATA,
            NOTES,
        ),
        legacy="assetversion",
        projections=("id", "version", "asset_id", "task_id", "status_id", "comment"),
        up="asset_id",
        unique=(("asset_id", "version"),),
    ),
    pair("AssetVersionUse", ("user_version", "AssetVersion"), ("used_version", "AssetVersion")),
    _between("AssetVersionLink", "AssetVersion"),
    _between("TypedContextLink", "TypedContext", legacy="dependency"),
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
    *LOOKUPS,
    *WORKFLOWS,
    *PEOPLE,
    *NOTE_TYPES,
    _list("List", parent="", abstract=True),
    _list("AssetVersionList", Through("items", "AssetVersion", "ListObject", "list_id", "entity_id")),
    _list("TypedContextList", Through("items", "TypedContext", "ListObject", "list_id", "entity_id")),
    EntityType(
        "ListObject",
        "list_object",
        attributes(
            ID,
            to("list", "List", Fate.GOES, required=True),
            Scalar("entity_id", legacy="entityid", required=True),
            Reference("entity", "", "entity_id", Fate.GOES, ("Context", "AssetVersion")),
            CREATED,
        ),
        projections=("id", "list_id", "entity_id"),
        up="list_id",
        unique=(("list_id", "entity_id"),),
    ),
    *CUSTOMIZING,
)
MODEL = Model({one.name: one for one in TYPES})
