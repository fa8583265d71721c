"""What the studio room can be asked for: `callboard.studio.<verb>`, each a request with one reply."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from callboard.catalog.asking import Answered, Asking, Wish
from callboard.catalog.payload import own

_Id = Annotated[str, Meta(min_length=1, max_length=200)]
_Name = Annotated[str, Meta(min_length=1, max_length=200)]
_Text = Annotated[str, Meta(max_length=20_000)]
_Path = Annotated[str, Meta(min_length=1, max_length=4096)]
_ONCE = "A name of this wish: what was done under it is not done again, and told as it was."


class FetchRequest(Wish, frozen=True, kw_only=True):
    """A wish to have a component's file where files are printed from: say one of task, version, component."""

    task: Annotated[_Id, own("The task whose newest version is meant.")] | UnsetType = UNSET
    version: Annotated[_Id, own("The asset version.")] | UnsetType = UNSET
    component: Annotated[_Id, own("The component.")] | UnsetType = UNSET
    file_type: (
        Annotated[
            Annotated[str, Meta(min_length=1, max_length=20)],
            own("The type of file that is wanted, such as `.stl`; unless said a model, or else G-code."),
        ]
        | UnsetType
    ) = UNSET
    to: (
        Annotated[_Path, own("Its path among the files; `studio/<task or version>/` and a name unless said.")]
        | UnsetType
    ) = UNSET


class PublishRequest(Wish, frozen=True, kw_only=True):
    """A wish to make a new version of an asset out of a file: say task or parent, and file or film."""

    task: Annotated[_Id, own("The task that it was made for; its parent has the asset.")] | UnsetType = UNSET
    parent: Annotated[_Id, own("The shot, project ... that has the asset.")] | UnsetType = UNSET
    file: Annotated[_Path, own("A path among the files.")] | UnsetType = UNSET
    film: Annotated[_Path, own("A film's name.")] | UnsetType = UNSET
    asset: Annotated[_Name, own("The asset's name; the task's unless said.")] | UnsetType = UNSET
    type: Annotated[_Name, own("The type of an asset that is new: Model, Film, Print ...")] | UnsetType = (
        UNSET
    )
    name: Annotated[_Name, own("The component's name; `main` unless said.")] | UnsetType = UNSET
    comment: Annotated[_Text, own("What is new in this version.")] | UnsetType = UNSET
    note: (
        Annotated[_Text, own("A note on the task, or on the version where there is no task.")] | UnsetType
    ) = UNSET
    status: Annotated[_Name, own("The name of the status that the task gets.")] | UnsetType = UNSET
    location: Annotated[_Name, own("The file location; the first unless said.")] | UnsetType = UNSET
    once: Annotated[_Name, own(_ONCE)] | UnsetType = UNSET


class NoteRequest(Wish, frozen=True, kw_only=True):
    """A wish to tell something of a task: a note, a status, or both."""

    task: Annotated[_Id, own("The task.")]
    note: Annotated[_Text, own("The note.")] | UnsetType = UNSET
    status: Annotated[_Name, own("The name of the status that the task gets.")] | UnsetType = UNSET
    once: Annotated[_Name, own(_ONCE)] | UnsetType = UNSET


class FetchOutcome(Answered, frozen=True, kw_only=True):
    """Where a component's file is now."""

    path: Annotated[str, own("Its path among the files.")] | UnsetType = UNSET
    component: Annotated[str, own("The component's id.")] | UnsetType = UNSET
    version: Annotated[str, own("The version's id.")] | UnsetType = UNSET
    number: Annotated[int, own("The version's number.")] | UnsetType = UNSET
    asset: Annotated[str, own("The asset's name.")] | UnsetType = UNSET
    task: Annotated[str | None, own("The id of the version's task.")] | UnsetType = UNSET
    location: Annotated[str, own("The location that it came from.")] | UnsetType = UNSET
    sha256: Annotated[str, own("Of its bytes, in hexadecimal.")] | UnsetType = UNSET


class PublishOutcome(Answered, frozen=True, kw_only=True):
    """The version that was made."""

    version: Annotated[str, own("The version's id.")] | UnsetType = UNSET
    number: Annotated[int, own("The version's number.")] | UnsetType = UNSET
    asset: Annotated[str, own("The asset's id.")] | UnsetType = UNSET
    component: Annotated[str, own("The component's id.")] | UnsetType = UNSET
    location: Annotated[str, own("The location that has the file.")] | UnsetType = UNSET
    path: Annotated[str, own("The file's path inside of that location.")] | UnsetType = UNSET
    size: Annotated[int, own("Its bytes.")] | UnsetType = UNSET
    sha256: Annotated[str, own("Of its bytes, in hexadecimal.")] | UnsetType = UNSET


_TASK = "eb16970c-5fc6-11e2-bb9a-f23c91df25eb"
_VERSION = "0a3c1c52-27a4-4a2c-8d5f-0a580ae40a16"
_COMPONENT = "e2dc0524-b576-11d3-9612-080027331d74"
_SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

_asked = Asking(room="studio", by="whoever may use the tracker", since="0.1").asked

TOPICS = (
    _asked(
        "fetch",
        "A component's file shall be among the files, to be sliced or printed.",
        FetchRequest,
        {"task": _TASK, "file_type": ".stl"},
        f"hero v003 is studio/{_TASK}/hero_v003_main.stl now.",
        reply=FetchOutcome,
        more={
            "path": f"studio/{_TASK}/hero_v003_main.stl",
            "component": _COMPONENT,
            "version": _VERSION,
            "number": 3,
            "asset": "hero",
            "task": _TASK,
            "location": "london",
            "sha256": _SHA,
        },
    ),
    _asked(
        "publish",
        "A file or a film shall be a new version of an asset.",
        PublishRequest,
        {"task": _TASK, "film": "hero_v003_main_20261121081500.mp4", "note": "Printed on mk3."},
        "print the hero v001 is opera/sh010/print_the_hero/v001/main.mp4 in london.",
        reply=PublishOutcome,
        more={
            "version": _VERSION,
            "number": 1,
            "asset": "5671dcb0-66de-11e1-8e6e-f23c91df25eb",
            "component": _COMPONENT,
            "location": "london",
            "path": "opera/sh010/print_the_hero/v001/main.mp4",
            "size": 1843200,
            "sha256": _SHA,
        },
    ),
    _asked(
        "note",
        "A task shall get a note, a status, or both.",
        NoteRequest,
        {"task": _TASK, "note": "No printer is free.", "status": "On hold"},
        "print the hero is On hold now, with a note.",
    ),
)
"""Topics of the studio room."""
