"""What the slicing room can be asked for: `callboard.slicing.<verb>`, each a request with one reply."""
# ruff: noqa: N815 - keys are named as they are on the wire

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from callboard.catalog.asking import Answered, Asking, Wish
from callboard.catalog.payload import Payload, own

_Slicer = Annotated[str, Meta(max_length=80), own("The slicer: prusaslicer, curaengine or slic3r.")]
_Profile = Annotated[str, Meta(max_length=80), own("The profile's key.")]
_Printer = Annotated[str, Meta(max_length=200)]
_Name = Annotated[str, Meta(max_length=1024)]


class SlicingRequest(Wish, frozen=True, kw_only=True):
    """A wish to the slicing room."""


class Place(Payload, frozen=True, kw_only=True):
    """A place on the bed."""

    x: Annotated[float, Meta(ge=-10_000, le=10_000), own("In mm.")]
    y: Annotated[float, Meta(ge=-10_000, le=10_000), own("In mm.")]


class SliceRequest(SlicingRequest, frozen=True, kw_only=True):
    """A wish to slice a model, and maybe to print what comes out."""

    file: Annotated[_Name, own("The model's path, such as `parts/arm.stl`.")]
    to: (
        Annotated[_Name, own("The G-code's path; beside the model, with its name, unless said.")] | UnsetType
    ) = UNSET
    slicer: Annotated[_Slicer, own("The slicer; the default one unless said.")] | UnsetType = UNSET
    profile: Annotated[_Profile, own("Its profile; the default one unless said.")] | UnsetType = UNSET
    overrides: (
        Annotated[dict[str, Any], Meta(max_length=1000), own("Settings over those of the profile.")]
        | UnsetType
    ) = UNSET
    position: Annotated[Place, own("Where the model's middle shall be.")] | UnsetType = UNSET
    overwrite: (
        Annotated[bool, own("Whether G-code with this name is replaced: yes unless said.")] | UnsetType
    ) = UNSET
    select: Annotated[_Printer, own("The printer that shall select the G-code.")] | UnsetType = UNSET
    print: Annotated[_Printer, own("The printer that shall print the G-code.")] | UnsetType = UNSET
    if_clear: (
        Annotated[bool, own("Whether it is printed only if the bed is clear: yes unless said.")] | UnsetType
    ) = UNSET


class SlicingJobRequest(SlicingRequest, frozen=True, kw_only=True):
    """A wish about a job."""

    job: Annotated[str, Meta(max_length=64), own("The job's id.")]


class ProfileRequest(SlicingRequest, frozen=True, kw_only=True):
    """A wish about a profile."""

    slicer: _Slicer
    profile: _Profile


class SaveProfileRequest(ProfileRequest, frozen=True, kw_only=True):
    """A profile to store."""

    data: Annotated[dict[str, Any], Meta(max_length=1000), own("The slicer's settings, in its own words.")]
    displayName: Annotated[str, Meta(max_length=200), own("What it is called.")] | UnsetType = UNSET
    description: Annotated[str, Meta(max_length=2000), own("What it is good for.")] | UnsetType = UNSET
    default: Annotated[bool, own("Whether it is meant when none is named.")] | UnsetType = UNSET


class SlicingOutcome(Answered, frozen=True, kw_only=True):
    """What came of a wish to slice."""

    job: Annotated[dict[str, Any], own("The job, as GET /v1/slicing/jobs/{id} shows it.")] | UnsetType = UNSET


class SlicingListing(Answered, frozen=True, kw_only=True):
    """Slicers, or jobs, or profiles."""

    slicers: (
        Annotated[list[dict[str, Any]], own("The slicers, as GET /v1/slicing shows them.")] | UnsetType
    ) = UNSET
    jobs: Annotated[list[dict[str, Any]], own("The jobs, newest first.")] | UnsetType = UNSET
    profiles: Annotated[list[dict[str, Any]], own("The profiles, with their settings.")] | UnsetType = UNSET


_DRAFT = {"slicer": "prusaslicer", "profile": "draft"}
_JOB = {
    "id": "7f3a9c1e",
    "state": "slicing",
    "slicer": "prusaslicer",
    "profile": "draft",
    "source": "parts/arm.stl",
    "destination": "parts/arm.gcode",
    "progress": 0,
}


_asked = Asking(room="slicing", by="whoever may use printers", since="0.2").asked

TOPICS = (
    _asked(
        "slice",
        "A model shall be sliced, and maybe printed; the reply comes at once, events tell how it goes on.",
        SliceRequest,
        {"file": "parts/arm.stl", **_DRAFT, "overrides": {"layer_height": 0.3}, "print": "mk3"},
        "parts/arm.stl is being sliced to parts/arm.gcode.",
        reply=SlicingOutcome,
        more={"job": _JOB},
    ),
    _asked(
        "cancel",
        "A slicing job shall be called off.",
        SlicingJobRequest,
        {"job": "7f3a9c1e"},
        "The slicing of parts/arm.stl is called off.",
    ),
    _asked(
        "jobs",
        "The slicing jobs are asked for: those that wait or run, and the last that ended.",
        SlicingRequest,
        {},
        "1 job.",
        reply=SlicingListing,
        more={"jobs": [_JOB]},
    ),
    _asked(
        "list",
        "The slicers are asked for, and the names of their profiles.",
        SlicingRequest,
        {},
        "1 slicer.",
        reply=SlicingListing,
        more={"slicers": [{"key": "prusaslicer", "displayName": "PrusaSlicer", "profiles": ["draft"]}]},
    ),
    _asked(
        "profiles",
        "The profiles of all slicers are asked for, with their settings.",
        SlicingRequest,
        {},
        "1 profile.",
        reply=SlicingListing,
        more={"profiles": [{"slicer": "prusaslicer", "key": "draft", "data": {"layer_height": "0.3"}}]},
    ),
    _asked(
        "save-profile",
        "A profile shall be stored; one with this name is replaced.",
        SaveProfileRequest,
        {**_DRAFT, "data": {"layer_height": 0.3}},
        "prusaslicer has the profile draft.",
    ),
    _asked(
        "delete-profile",
        "A stored profile shall be removed.",
        ProfileRequest,
        _DRAFT,
        "The profile draft of prusaslicer is gone.",
    ),
)
"""Topics of the slicing room."""
