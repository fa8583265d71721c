"""What is said of things: notes with labels and recipients, and metadata."""

from __future__ import annotations

from callboard.tracker.lookups import COLOR, CUSTOM_OWNERS, ID, METADATA, NAME, SORT, pair, to
from callboard.tracker.model import Collection, Default, EntityType, Fate, Kind, Reference, Scalar, attributes

_NOTED = ("Context", "AssetVersion", "List")
_DESCRIBED = (*CUSTOM_OWNERS, "Component", "Note", "Group", "Timelog")

NOTES = (
    EntityType(
        "Note",
        "note",
        attributes(
            ID,
            Scalar("content", legacy="text", required=True),
            Scalar("date", Kind.TIME, default=Default.NOW),
            Scalar("is_todo", Kind.BOOLEAN, "istodo", default=False),
            Scalar("completed_at", Kind.TIME),
            Scalar("frame_number", Kind.INTEGER),
            Scalar("parent_id"),
            Scalar("parent_type"),
            Reference("parent", "", "parent_id", Fate.GOES, _NOTED),
            to("author", "User", Fate.CLEARS, default=Default.USER, legacy="userid", by="user_id"),
            to("completed_by", "User", Fate.CLEARS),
            to("in_reply_to", "Note", Fate.GOES, legacy="noteparentid"),
            to("category", "NoteLabel", Fate.CLEARS, legacy="categoryid"),
            Collection("replies", "Note", "in_reply_to_id"),
            Collection("recipients", "Recipient", "note_id"),
            Collection("note_label_links", "NoteLabelLink", "note_id"),
            METADATA,
        ),
        projections=("id", "content", "date", "parent_id", "parent_type", "user_id"),
        up="parent_id",
    ),
    EntityType(
        "NoteLabel",
        "note_label",
        attributes(ID, NAME, COLOR, SORT),
        projections=("id", "name", "color", "sort"),
        unique=(("name",),),
    ),
    pair("NoteLabelLink", ("note", "Note"), ("label", "NoteLabel"), up="note_id"),
    EntityType(
        "Recipient",
        "recipient",
        attributes(
            Scalar("note_id", required=True, fixed=True),
            Scalar("resource_id", required=True, fixed=True),
            Scalar("text_mentioned"),
            Reference("note", "Note", "note_id", Fate.GOES),
            Reference("recipient", "", "resource_id", Fate.GOES, ("User", "Group")),
            Reference("user", "User", "resource_id", Fate.GOES),
        ),
        key=("note_id", "resource_id"),
        projections=("note_id", "resource_id"),
        up="note_id",
    ),
    EntityType(
        "Metadata",
        "metadata",
        attributes(
            Scalar("parent_id", required=True, fixed=True),
            Scalar("key", required=True, fixed=True),
            Scalar("parent_type"),
            Scalar("value"),
            Reference("parent", "", "parent_id", Fate.GOES, _DESCRIBED),
        ),
        key=("parent_id", "key"),
        projections=("parent_id", "key", "value"),
        up="parent_id",
    ),
)
