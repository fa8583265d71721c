"""Print events that today's hosts send and that the seed does not have.

Plugins of theirs add `plugin_<id>_<name>`, which no list can hold.
"""
# ruff: noqa: N815 - keys are named as they are on the wire

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, UnsetType

from callboard.catalog.job import HOST, JOB, Job, Name, Position, printed
from callboard.catalog.payload import PRINT_TODAY, Nothing, Payload, Topic, today

_SCRIPTS = (
    "AfterPrinterConnected",
    "BeforePrinterDisconnected",
    "BeforePrintStarted",
    "AfterPrintCancelled",
    "AfterPrintDone",
    "AfterPrintPaused",
    "BeforePrintResumed",
    "BeforeToolChange",
    "AfterToolChange",
)

Storage = Annotated[Literal["local", "sdcard"], today("Where the file lies.")]
StoredPath = Annotated[str, today("Its path inside the storage.")]


class PrinterState(Payload, frozen=True, kw_only=True):
    """A state of the printer."""

    state_id: Annotated[str, today("The state: OFFLINE, OPERATIONAL, PRINTING, PAUSED, ...")]
    state_string: Annotated[str, today("The state in words.")]


class PrinterReset(Payload, frozen=True, kw_only=True):
    """A restart of the printer."""

    idle: Annotated[bool, today("True when no job was running.")]


class Firmware(Payload, frozen=True, kw_only=True):
    """What the firmware says of itself."""

    name: Annotated[str, today("Its name.")]
    data: Annotated[dict[str, Any], today("All it reported, by key.")]


class WebUser(Payload, frozen=True, kw_only=True):
    """A user on a connection."""

    username: Annotated[str, today("The user.")]
    remoteAddress: Annotated[str, today("The client's IP address.")] | UnsetType = UNSET


class Reachable(Payload, frozen=True, kw_only=True):
    """Whether the internet can be reached."""

    old: Annotated[bool, today("Before.")]
    new: Annotated[bool, today("Now.")]


class StoredFile(Payload, frozen=True, kw_only=True):
    """A file in a storage."""

    storage: Storage
    path: StoredPath
    name: Name
    type: Annotated[list[str], today("Its kind, from coarse to fine: machinecode, gcode.")] | UnsetType = (
        UNSET
    )
    operation: Annotated[Literal["add", "copy", "move", "remove"], today("What was done.")] | UnsetType = (
        UNSET
    )


class Move(Payload, frozen=True, kw_only=True):
    """A file or folder that moved."""

    source_storage: Annotated[str, today("Where it lay.")]
    source_path: Annotated[str, today("Its path there.")]
    source_name: Annotated[str, today("Its name there.")]
    destination_storage: Annotated[str, today("Where it lies now.")]
    destination_path: Annotated[str, today("Its path now.")]
    destination_name: Annotated[str, today("Its name now.")]


class StoredStatistics(Payload, frozen=True, kw_only=True):
    """A file whose statistics changed."""

    storage: Storage
    path: StoredPath


class TransferFailed(Payload, frozen=True, kw_only=True):
    """A file that did not arrive on the printer's card."""

    local: Annotated[str, today("The file's name here.")]
    remote: Annotated[str, today("The file's name on the card.")]
    time: Annotated[float, today("How long it was tried, in seconds.")]


class PrintCancelling(Job, frozen=True, kw_only=True):
    """A job that is being called off."""

    firmwareError: Annotated[str, today("The fault that made the host do so.")] | UnsetType = UNSET


class ChartMark(Payload, frozen=True, kw_only=True):
    """A mark on the temperature chart."""

    type: Annotated[str, today("What it marks: print, done, cancel, pause, resume, ...")]
    label: Annotated[str, today("What stands beside it.")]
    time: Annotated[float, today("When, in seconds since 1970.")] | UnsetType = UNSET


class PositionUpdate(Position, frozen=True, kw_only=True):
    """Where the tool is, as the printer reported it."""

    reason: Annotated[str | None, today("Why it was asked: pause, cancel, ...")]


class ToolChange(Payload, frozen=True, kw_only=True):
    """A change of tools."""

    old: Annotated[int | None, today("The tool before.")]
    new: Annotated[int, today("The tool now.")]


class CommandSuppressed(Payload, frozen=True, kw_only=True):
    """A command that was not sent."""

    command: Annotated[str, today("The command.")]
    message: Annotated[str, today("Why not.")]
    severity: Annotated[Literal["info", "warn"], today("Whether somebody should look.")]


class InvalidTool(Payload, frozen=True, kw_only=True):
    """A tool that the printer does not have."""

    tool: Annotated[int, today("The tool that was asked for.")]
    fallback: Annotated[int, today("The tool that is used instead.")]


class RegisteredMessage(Payload, frozen=True, kw_only=True):
    """A line of the printer that somebody waits for."""

    key: Annotated[str, today("The name under which it is awaited.")]
    matched: Annotated[str, today("The line.")]
    outputs: Annotated[dict[str, Any], today("What was read out of it.")]


class CaptureFailed(Payload, frozen=True, kw_only=True):
    """A picture that was not taken."""

    file: Annotated[str, today("The picture's name, without folders.")]
    error: Annotated[str, today("What went wrong.")]


class PostRoll(Payload, frozen=True, kw_only=True):
    """The still end of a film."""

    postroll_duration: Annotated[float, today("Seconds of film.")]
    postroll_length: Annotated[int, today("Pictures.")]
    postroll_fps: Annotated[float, today("Pictures a second.")]


class SlicingProfile(Payload, frozen=True, kw_only=True):
    """A profile of a slicer."""

    slicer: Annotated[str, today("The slicer.")]
    profile: Annotated[str, today("The profile's key.")]


class PrinterProfile(Payload, frozen=True, kw_only=True):
    """A profile of a printer."""

    identifier: Annotated[str, today("The profile's key.")]


def _on(
    name: str, description: str, payload: type[Payload] = Nothing, example: dict[str, Any] | None = None
) -> Topic:
    return printed(name, description, PRINT_TODAY, payload, example or {}, by=HOST)


_FILE = {"storage": "local", "path": "parts/arm.gcode", "name": "arm.gcode", "type": ["machinecode", "gcode"]}
_FOLDER = {"storage": "local", "path": "parts", "name": "parts"}
_USER = {"username": "jane", "remoteAddress": "192.168.1.5"}
_MOVE = {
    "source_storage": "local",
    "source_path": "arm.gcode",
    "source_name": "arm.gcode",
    "destination_storage": "local",
    "destination_path": "parts/arm.gcode",
    "destination_name": "arm.gcode",
}
_TOOL = {"x": 120.5, "y": 84.2, "z": 3.6, "e": 812.4, "t": 0, "f": 3000.0}
_SLICER = {"slicer": "prusaslicer", "profile": "draft"}
_PRINTER = {"identifier": "mk3"}

TOPICS = (
    printed(
        "Shutdown",
        "The server is about to stop; its last event.",
        PRINT_TODAY,
        Nothing,
        {},
        by="the hub",
        since="0.1",
    ),
    _on("Connecting", "The host begins to talk to the printer."),
    _on("Disconnecting", "The host is about to close the link to the printer."),
    _on(
        "PrinterStateChanged",
        "The printer went from one state to the next.",
        PrinterState,
        {"state_id": "PRINTING", "state_string": "Printing"},
    ),
    _on("PrinterReset", "The printer restarted by itself.", PrinterReset, {"idle": True}),
    _on("ConnectivityChanged", "The internet came or went.", Reachable, {"old": False, "new": True}),
    _on(
        "FirmwareData",
        "The firmware said what it is.",
        Firmware,
        {"name": "Marlin 2.1.2", "data": {"MACHINE_TYPE": "mk3", "EXTRUDER_COUNT": "1"}},
    ),
    _on("ClientAuthed", "A client said who its user is.", WebUser, _USER),
    _on("ClientDeauthed", "A client has no user any more.", WebUser, _USER),
    _on("UserLoggedIn", "A user logged in.", WebUser, {"username": "jane"}),
    _on("UserLoggedOut", "A user logged out.", WebUser, {"username": "jane"}),
    _on("FileAdded", "A file came into a storage.", StoredFile, {**_FILE, "operation": "add"}),
    _on("FileRemoved", "A file left a storage.", StoredFile, {**_FILE, "operation": "remove"}),
    _on("FileMoved", "A file moved.", Move, _MOVE),
    _on("FolderAdded", "A folder was made.", StoredFile, _FOLDER),
    _on("FolderRemoved", "A folder was removed.", StoredFile, _FOLDER),
    _on("FolderMoved", "A folder moved.", Move, _MOVE),
    _on(
        "MetadataStatisticsUpdated",
        "A file's print statistics changed.",
        StoredStatistics,
        {"storage": "local", "path": "parts/arm.gcode"},
    ),
    _on(
        "TransferFailed",
        "A file could not be copied to the printer's card.",
        TransferFailed,
        {"local": "arm.gcode", "remote": "/arm~1.gco", "time": 12.5},
    ),
    _on("PrintCancelling", "A job is being called off; PrintCancelled follows.", PrintCancelling, {**JOB}),
    _on(
        "ChartMarked",
        "A mark was set on the temperature chart.",
        ChartMark,
        {"type": "done", "label": "Done"},
    ),
    _on("Dwelling", "G4 waits."),
    _on("FilamentChange", "M600, M701 or M702 changes the filament."),
    _on(
        "PositionUpdate", "The printer said where its tool is.", PositionUpdate, {**_TOOL, "reason": "pause"}
    ),
    _on("ToolChange", "Another tool was selected.", ToolChange, {"old": 0, "new": 1}),
    _on(
        "CommandSuppressed",
        "A command was kept from the printer.",
        CommandSuppressed,
        {"command": "M140 S60", "message": "This printer has no heated bed.", "severity": "warn"},
    ),
    _on("InvalidToolReported", "The printer refused a tool.", InvalidTool, {"tool": 3, "fallback": 0}),
    _on(
        "RegisteredMessageReceived",
        "The printer sent a line that somebody waits for.",
        RegisteredMessage,
        {"key": "door", "matched": "door: open", "outputs": {"door": "open"}},
    ),
    _on(
        "CaptureFailed",
        "A picture could not be taken; there is no CaptureDone then.",
        CaptureFailed,
        {"file": "arm_20261121081500-12.jpg", "error": "The camera did not answer within 5 s."},
    ),
    _on(
        "PostRollStart",
        "The still end of a film begins.",
        PostRoll,
        {"postroll_duration": 2.0, "postroll_length": 50, "postroll_fps": 25.0},
    ),
    _on("PostRollEnd", "The still end of a film is done."),
    _on("SlicingProfileAdded", "A slicing profile was added.", SlicingProfile, _SLICER),
    _on("SlicingProfileModified", "A slicing profile was changed.", SlicingProfile, _SLICER),
    _on("SlicingProfileDeleted", "A slicing profile was removed.", SlicingProfile, _SLICER),
    _on("PrinterProfileAdded", "A printer profile was added.", PrinterProfile, _PRINTER),
    _on("PrinterProfileModified", "A printer profile was changed.", PrinterProfile, _PRINTER),
    _on("PrinterProfileDeleted", "A printer profile was removed.", PrinterProfile, _PRINTER),
    _on("ConnectionsAutorefreshed", "The list of ports was read anew."),
    *(_on(f"GcodeScript{name}Running", f"The G-code script {name} begins.") for name in _SCRIPTS),
    *(_on(f"GcodeScript{name}Finished", f"The G-code script {name} is done.") for name in _SCRIPTS),
)
"""Topics in use that the seed lacks."""
