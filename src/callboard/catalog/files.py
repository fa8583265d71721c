"""What printing leaves behind: stored files, films, sliced models, as the seed names their events."""
# ruff: noqa: N815 - keys are named as they are on the wire

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, UnsetType

from callboard.catalog.job import File, Job, Name, Path, Seconds, printed
from callboard.catalog.payload import PRINT, Nothing, Payload, own, seed, today

_FILES = f"{PRINT}: File handling"
_FILMS = f"{PRINT}: Timelapses"
_SLICING = f"{PRINT}: Slicing"


class Upload(Payload, frozen=True, kw_only=True):
    """A file that came in."""

    file: File
    target: Annotated[Literal["local", "sdcard"], seed("Where it was stored.")]
    name: Name | UnsetType = UNSET
    path: Path | UnsetType = UNSET
    select: Annotated[bool, today("Whether it was to be selected.")] | UnsetType = UNSET
    print: Annotated[bool, today("Whether it was to be printed at once.")] | UnsetType = UNSET
    effective_select: Annotated[bool, today("Whether it was selected.")] | UnsetType = UNSET
    effective_print: Annotated[bool, today("Whether its print began.")] | UnsetType = UNSET
    userdata: Annotated[dict[str, Any], today("What the uploader sent along.")] | UnsetType = UNSET


class UpdatedFiles(Payload, frozen=True, kw_only=True):
    """A list of files."""

    type: Annotated[
        Literal["printables", "gcode"], seed("Which list; `gcode` is the old name of the same one.")
    ]


class Analysis(Payload, frozen=True, kw_only=True):
    """A file that is analysed."""

    file: File
    name: Name | UnsetType = UNSET
    path: Path | UnsetType = UNSET
    origin: Annotated[Literal["local", "sdcard"], today("Where the file lies.")] | UnsetType = UNSET
    type: Annotated[str, today("The file's kind: gcode.")] | UnsetType = UNSET


class AnalysisDone(Analysis, frozen=True, kw_only=True):
    """A file that was analysed."""

    result: Annotated[
        dict[str, Any],
        seed("What was found: estimatedPrintTime (s), filament by tool, printingArea, dimensions (mm)."),
    ]


class Selection(Job, frozen=True, kw_only=True):
    """The selected file."""


class TransferStarted(Payload, frozen=True, kw_only=True):
    """A file on its way to the printer's card."""

    local: Annotated[str, seed("The file's name here.")]
    remote: Annotated[str, seed("The file's name on the card.")]


class TransferDone(TransferStarted, frozen=True, kw_only=True):
    """A file that has arrived on the printer's card."""

    time: Seconds


class Capture(Payload, frozen=True, kw_only=True):
    """A picture."""

    file: Annotated[str, seed("The picture's name, without folders.")]
    path: Annotated[str, own("The picture's path inside the timelapse folder.")] | UnsetType = UNSET


class Movie(Payload, frozen=True, kw_only=True):
    """A film."""

    gcode: Annotated[str, seed("The name of the printed file, without folders.")]
    movie: Annotated[str, seed("The film's path.")]
    movie_basename: Annotated[str, seed("The film's name, without folders.")]
    movie_prefix: Annotated[str, today("The part of the name that its pictures share.")] | UnsetType = UNSET


class MovieFailed(Movie, frozen=True, kw_only=True):
    """A film that could not be made."""

    returncode: Annotated[int, seed("What ffmpeg returned; 0 when it was not started, 255 when it broke.")]
    reason: (
        Annotated[Literal["returncode", "no_frames", "unknown"], today("What went wrong.")] | UnsetType
    ) = UNSET
    out: Annotated[str | list[str], today("What ffmpeg printed.")] | UnsetType = UNSET
    error: Annotated[str | list[str], today("What ffmpeg complained of.")] | UnsetType = UNSET


class Slicing(Payload, frozen=True, kw_only=True):
    """A model and the G-code it becomes."""

    stl: Annotated[str, seed("The model's file name.")]
    gcode: Annotated[str, seed("The G-code's file name.")]
    slicer: Annotated[str, today("The slicer.")] | UnsetType = UNSET
    stl_location: Annotated[str, today("Where the model lies.")] | UnsetType = UNSET
    gcode_location: Annotated[str, today("Where the G-code goes.")] | UnsetType = UNSET
    job: Annotated[str, own("The slicing job, as /v1/slicing/jobs has it.")] | UnsetType = UNSET


class SlicingStarted(Slicing, frozen=True, kw_only=True):
    """A model whose slicing begins."""

    progressAvailable: Annotated[bool, seed("Whether the state `slicingProgress` tells how far it is.")]


class SlicingDone(Slicing, frozen=True, kw_only=True):
    """A sliced model."""

    time: Seconds
    warnings: Annotated[list[str], own("What to look at before printing.")] | UnsetType = UNSET


class SlicingFailed(Slicing, frozen=True, kw_only=True):
    """A model that could not be sliced."""

    reason: Annotated[str, seed("Why it failed.")]


_FILE = {"file": "parts/arm.gcode", "name": "arm.gcode", "path": "parts/arm.gcode"}
_ANALYSIS = {**_FILE, "origin": "local", "type": "gcode"}
_RESULT = {
    "estimatedPrintTime": 2690.5,
    "filament": {"tool0": {"length": 4120.7, "volume": 9.9}},
    "dimensions": {"width": 62.0, "depth": 31.5, "height": 18.2},
}
_SELECTED = {**_FILE, "origin": "local", "size": 1843200}
_TRANSFER = {"local": "arm.gcode", "remote": "/arm~1.gco"}
_CAPTURE = {
    "file": "arm_20261121081500-12.jpg",
    "path": "unrendered/arm_20261121081500/arm_20261121081500-12.jpg",
}
_MOVIE = {
    "gcode": "arm.gcode",
    "movie": "/var/lib/callboard/timelapse/arm_20261121081500.mp4",
    "movie_basename": "arm_20261121081500.mp4",
    "movie_prefix": "arm_20261121081500",
}
_SLICE = {"stl": "arm.stl", "gcode": "arm.gcode", "slicer": "prusaslicer", "job": "7f3a9c1e"}
_ANALYSED = {**_ANALYSIS, "result": _RESULT}

TOPICS = (
    printed("Upload", "A file was uploaded.", _FILES, Upload, {**_FILE, "target": "local", "print": False}),
    printed(
        "UpdatedFiles",
        "A list of files changed; fires twice, first as printables, then as gcode.",
        _FILES,
        UpdatedFiles,
        {"type": "printables"},
    ),
    printed("MetadataAnalysisStarted", "The analysis of a file begins.", _FILES, Analysis, _ANALYSIS),
    printed("MetadataAnalysisFinished", "The analysis of a file is done.", _FILES, AnalysisDone, _ANALYSED),
    printed(
        "MetadataAnalaysisFinished",
        "MetadataAnalysisFinished once more, as the seed spells it; a hook on either runs once.",
        _FILES,
        AnalysisDone,
        _ANALYSED,
    ),
    printed("FileSelected", "A file was selected for printing.", _FILES, Selection, _SELECTED),
    printed("FileDeselected", "No file is selected for printing any more.", _FILES, Nothing, {}),
    printed(
        "TransferStarted", "A file is being copied to the printer's card.", _FILES, TransferStarted, _TRANSFER
    ),
    printed(
        "TransferDone",
        "A file was copied to the printer's card.",
        _FILES,
        TransferDone,
        {**_TRANSFER, "time": 312.9},
    ),
    printed("CaptureStart", "A picture is about to be taken.", _FILMS, Capture, _CAPTURE),
    printed("CaptureDone", "A picture was taken and stored.", _FILMS, Capture, _CAPTURE),
    printed("MovieRendering", "A film is about to be made of the pictures.", _FILMS, Movie, _MOVIE),
    printed("MovieDone", "A film is ready.", _FILMS, Movie, _MOVIE),
    printed(
        "MovieFailed",
        "A film could not be made; its pictures are kept.",
        _FILMS,
        MovieFailed,
        {**_MOVIE, "returncode": 1, "reason": "returncode", "error": ["No space left on device"]},
    ),
    printed(
        "SlicingStarted",
        "A model is being sliced.",
        _SLICING,
        SlicingStarted,
        {**_SLICE, "progressAvailable": True},
    ),
    printed("SlicingDone", "A model was sliced.", _SLICING, SlicingDone, {**_SLICE, "time": 14.6}),
    printed(
        "SlicingCancelled",
        "Slicing was called off, by hand or by a new one to the same file.",
        _SLICING,
        Slicing,
        _SLICE,
    ),
    printed(
        "SlicingFailed",
        "A model could not be sliced.",
        _SLICING,
        SlicingFailed,
        {**_SLICE, "reason": "The model is larger than the bed."},
    ),
)
"""The seed's topics of files, films and slicing."""
