"""What a printer can be asked for: `callboard.printer.<verb>`, and what comes back.

The types here are those that the print host reads a request with; only it refuses unknown keys.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from callboard.catalog.asking import Answered, Asking
from callboard.catalog.payload import OWN, Payload, Topic, own

PREFIX = "callboard.printer."
"""How the topic of each request begins."""

MISSED = "callboard.printers.missed"
"""The topic of an honest gap; no request begins like that."""

File = Annotated[str, Meta(min_length=1, max_length=4096), own("The file's path inside its storage.")]
Origin = Annotated[Literal["local", "sdcard"], own("Where the file lies: local (unless said) or sdcard.")]
GcodeLine = Annotated[str, Meta(max_length=1024)]
Axis = Literal["x", "y", "z"]
Distance = Annotated[float, Meta(ge=-10_000, le=10_000)]
Speed = Annotated[float, Meta(gt=0, le=100_000)]
Degrees = Annotated[float, Meta(ge=0, le=1000)]


class PrinterRequest(Payload, frozen=True, kw_only=True):
    """A wish to a printer."""

    printer: Annotated[
        str, own("The printer's name, or an expression over `name` and `tags` that may mean several.")
    ]
    deadline: (
        Annotated[float, Meta(gt=0, le=86400), own("Seconds after which it is too late: 30 unless said.")]
        | UnsetType
    ) = UNSET


class ConnectRequest(PrinterRequest, frozen=True, kw_only=True):
    """A wish to open the link to a printer."""

    port: Annotated[str, own("The port; the configured one if left out.")] | UnsetType = UNSET
    baudrate: (
        Annotated[int, Meta(ge=300, le=12_000_000), own("The speed; found out if left out.")] | UnsetType
    ) = UNSET


class SelectRequest(PrinterRequest, frozen=True, kw_only=True):
    """A wish to select a file."""

    file: File
    origin: Origin | UnsetType = UNSET


class PrintRequest(SelectRequest, frozen=True, kw_only=True):
    """A wish to print a file."""

    if_clear: (
        Annotated[bool, own("Only if the bed is clear since its last print: somebody said so with `clear`.")]
        | UnsetType
    ) = UNSET


class GcodeRequest(PrinterRequest, frozen=True, kw_only=True):
    """A wish to send commands to a printer."""

    commands: Annotated[
        list[GcodeLine],
        Meta(min_length=1, max_length=1000),
        own("The lines of G-code, in order; no line holds a line break."),
    ]


class JogRequest(PrinterRequest, frozen=True, kw_only=True):
    """A wish to move the tool."""

    x: Annotated[Distance, own("By how much, or where to, in mm.")] | UnsetType = UNSET
    y: Annotated[Distance, own("By how much, or where to, in mm.")] | UnsetType = UNSET
    z: Annotated[Distance, own("By how much, or where to, in mm.")] | UnsetType = UNSET
    speed: Annotated[Speed, own("In mm/min; a careful one unless said.")] | UnsetType = UNSET
    absolute: Annotated[bool, own("Whether the numbers are places: no unless said.")] | UnsetType = UNSET


class HomeRequest(PrinterRequest, frozen=True, kw_only=True):
    """A wish to send axes home."""

    axes: (
        Annotated[list[Axis], Meta(max_length=3), own("Which of x, y and z; all unless said.")] | UnsetType
    ) = UNSET


class TemperatureRequest(PrinterRequest, frozen=True, kw_only=True):
    """A wish to heat, or to let cool."""

    targets: Annotated[
        dict[str, Degrees],
        Meta(min_length=1, max_length=32),
        own("Targets in °C by heater: tool0, tool1, bed, chamber; 0 is off."),
    ]


class ExtrudeRequest(PrinterRequest, frozen=True, kw_only=True):
    """A wish to push filament, or to pull it back."""

    amount: Annotated[float, Meta(ge=-500, le=500), own("How much in mm; below 0 it is pulled back.")]
    speed: Annotated[Speed, own("In mm/min; 300 unless said.")] | UnsetType = UNSET
    tool: Annotated[int, Meta(ge=0, le=15), own("Which tool; the one in use unless said.")] | UnsetType = (
        UNSET
    )


class TransferRequest(PrinterRequest, frozen=True, kw_only=True):
    """A wish to copy a file to the printer's card."""

    file: File
    remote: (
        Annotated[str, Meta(min_length=1, max_length=64), own("Its name there; one in 8.3 form unless said.")]
        | UnsetType
    ) = UNSET


class SdRequest(PrinterRequest, frozen=True, kw_only=True):
    """A wish about the printer's card."""

    action: Annotated[
        Literal["refresh", "mount", "release", "delete"],
        own("refresh: read its list of files; mount, release: take it in use or out of it; delete a file."),
    ]
    file: Annotated[str, Meta(max_length=255), own("Which file, to delete it.")] | UnsetType = UNSET


class ReplyRequest(PrinterRequest, frozen=True, kw_only=True):
    """The answer to what a printer asks on its display."""

    choice: Annotated[int, Meta(ge=0, le=100), own("The number of the choice; the first is 0.")]


class ListRequest(Payload, frozen=True, kw_only=True):
    """A question for the printers there are."""

    printer: Annotated[str, own("Only these: a name, or an expression; all unless said.")] | UnsetType = UNSET
    deadline: (
        Annotated[float, Meta(gt=0, le=86400), own("Seconds after which it is too late.")] | UnsetType
    ) = UNSET


class Missed(Payload, frozen=True, kw_only=True):
    """Events of a printer that were not kept."""

    printer: Annotated[str, own("The printer's name.")]
    missed: Annotated[int, own("How many events there were before the next one.")]


class Outcome(Answered, frozen=True, kw_only=True):
    """What came of a wish."""

    printers: (
        Annotated[
            dict[str, Answered], own("Where an expression was asked for: what came of it at each printer.")
        ]
        | UnsetType
    ) = UNSET


class Listing(Answered, frozen=True, kw_only=True):
    """The printers that were asked for."""

    printers: Annotated[
        list[dict[str, Any]],
        own("Each with name, tags, state, port, temperatures, job and progress; see docs/printers.md."),
    ]


_MK3 = {"printer": "mk3"}
_ARM = {"printer": "mk3", "file": "parts/arm.gcode"}
_DONE = {"success": True}
_STATE = {"id": "OPERATIONAL", "text": "Operational"}


_asked = Asking(room="printer", by="whoever may use printers", since="0.1", reply=Outcome).asked

TOPICS = (
    _asked(
        "connect", "A printer's link shall be opened.", ConnectRequest, _MK3, "mk3 answers on /dev/ttyACM0."
    ),
    _asked(
        "disconnect", "A printer's link shall be closed.", PrinterRequest, _MK3, "The link to mk3 is closed."
    ),
    _asked(
        "select",
        "A file shall be selected for printing.",
        SelectRequest,
        _ARM,
        "parts/arm.gcode is selected.",
    ),
    _asked("unselect", "No file shall be selected.", PrinterRequest, _MK3, "Nothing is selected."),
    _asked(
        "start", "The selected file shall be printed.", PrinterRequest, _MK3, "mk3 prints parts/arm.gcode."
    ),
    _asked("print", "A printer shall print a file.", PrintRequest, _ARM, "mk3 prints parts/arm.gcode."),
    _asked("pause", "A printer's job shall pause.", PrinterRequest, _MK3, "mk3 pauses."),
    _asked("resume", "A printer's paused job shall go on.", PrinterRequest, _MK3, "mk3 goes on."),
    _asked(
        "cancel",
        "A printer's job, or its transfer, shall be called off.",
        PrinterRequest,
        _MK3,
        "mk3's job is called off.",
    ),
    _asked(
        "gcode",
        "Lines of G-code shall be sent to a printer, at most once.",
        GcodeRequest,
        {"printer": "mk3", "commands": ["M117 Ready", "G28"]},
        "2 lines were sent to mk3.",
    ),
    _asked("jog", "The tool shall move.", JogRequest, {"printer": "mk3", "x": 10.0}, "The tool moves."),
    _asked(
        "home", "Axes shall go home.", HomeRequest, {"printer": "mk3", "axes": ["x", "y"]}, "x, y go home."
    ),
    _asked(
        "temperature",
        "Heaters shall get other targets.",
        TemperatureRequest,
        {"printer": "mk3", "targets": {"tool0": 210.0, "bed": 60.0}},
        "tool0 210 °C, bed 60 °C.",
    ),
    _asked(
        "extrude",
        "Filament shall be pushed, or pulled back.",
        ExtrudeRequest,
        {"printer": "mk3", "amount": 5.0},
        "5 mm are pushed.",
    ),
    _asked(
        "transfer",
        "A file shall be copied to the printer's card.",
        TransferRequest,
        _ARM,
        "parts/arm.gcode is copied to the card.",
    ),
    _asked(
        "sd",
        "Something shall be done about the printer's card.",
        SdRequest,
        {"printer": "mk3", "action": "refresh"},
        "The card is read.",
    ),
    _asked(
        "reply",
        "What a printer asks on its display shall be answered.",
        ReplyRequest,
        {"printer": "mk3", "choice": 0},
        "mk3 has the answer.",
    ),
    _asked("clear", "What was printed is off the bed.", PrinterRequest, _MK3, "mk3's bed is clear."),
    _asked("stop", "A printer shall stop at once (M112).", PrinterRequest, _MK3, "mk3 was stopped."),
    Topic(
        name=MISSED,
        description="Events of a printer could not be kept, since the log refused for too long.",
        source=OWN,
        published_by="the print host",
        payload=Missed,
        example={"printer": "mk3", "missed": 120},
        since="0.1",
    ),
    _asked(
        "list",
        "Which printers there are, and how they are.",
        ListRequest,
        {},
        "1 printer.",
        reply=Listing,
        more={"printers": [{"name": "mk3", "tags": ["left-wall"], "state": _STATE}]},
    ),
)
"""The requests that the print host answers."""
