"""The print vocabulary: the server, the printer and its jobs, as the seed names them.

Topics are `octoprint.<EventName>`. The printer, its tags and its job as they were when the event
fired stand in `source`; `data` has the seed's keys, and today's beside them.
"""
# ruff: noqa: N815 - keys are named as they are on the wire

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, UnsetType

from callboard.catalog.job import JOB, STOP, Job, Seconds, Stop, printed
from callboard.catalog.payload import PRINT, Nothing, Payload, own, seed, today

HUB = "the hub"
_SERVER = f"{PRINT}: Server"
_PRINTER = f"{PRINT}: Printer communication"
_PRINTING = f"{PRINT}: Printing"
_GCODE = f"{PRINT}: GCODE processing"


class WebClient(Payload, frozen=True, kw_only=True):
    """A connection to the server."""

    remoteAddress: Annotated[str, seed("The client's IP address.")]


class Connected(Payload, frozen=True, kw_only=True):
    """The link to the printer."""

    port: Annotated[str, seed("The port that answered, also when it was looked for.")]
    baudrate: Annotated[int, seed("The speed that worked, also when it was looked for.")]


class Error(Payload, frozen=True, kw_only=True):
    """What the firmware or the link said."""

    error: Annotated[str, seed("The fault, in the printer's words where it has some.")]
    reason: (
        Annotated[
            Literal[
                "firmware", "resend", "resend_loop", "timeout", "connection", "start_print", "autodetect"
            ],
            today("What kind of fault it is."),
        ]
        | UnsetType
    ) = UNSET
    consequence: (
        Annotated[Literal["emergency", "disconnect", "cancel"], today("What the host does about it.")]
        | UnsetType
    ) = UNSET
    logs: Annotated[list[str], today("The last lines on the link, at most 20.")] | UnsetType = UNSET


class Settings(Payload, frozen=True, kw_only=True):
    """What is set otherwise than before."""

    changed: Annotated[list[str], own("What is in use now and was not before, such as `log.keep`.")]
    restart: Annotated[list[str], own("The settings of the file that wait for a restart.")]


class PrintDone(Job, frozen=True, kw_only=True):
    """A finished job."""

    time: Seconds


class PrintFailed(Stop, frozen=True, kw_only=True):
    """A job that ended without success."""

    time: Annotated[float, today("How long it ran, in seconds, pauses left out.")] | UnsetType = UNSET
    reason: Annotated[Literal["cancelled", "error"], today("Why it ended.")] | UnsetType = UNSET
    error: Annotated[str, today("The fault, when there was one.")] | UnsetType = UNSET


class PrintCancelled(Stop, frozen=True, kw_only=True):
    """A job that was called off."""

    time: Annotated[float, today("How long it ran, in seconds, pauses left out.")] | UnsetType = UNSET


class ZChange(Payload, frozen=True, kw_only=True):
    """A height; the seed lists no payload."""

    new: Annotated[float, today("The height now, in mm.")]
    old: Annotated[float | None, today("The height before, in mm; null at the start of a job.")]


_CLIENT = {"remoteAddress": "192.168.1.5"}


TOPICS = (
    printed(
        "Startup", "The server is up; the first event of its life.", _SERVER, Nothing, {}, by=HUB, since="0.1"
    ),
    printed("ClientOpened", "A client has connected.", _SERVER, WebClient, _CLIENT, by=HUB, since="0.1"),
    printed("ClientClosed", "A client has gone.", _SERVER, WebClient, _CLIENT, by=HUB, since="0.1"),
    printed(
        "Connected",
        "The printer answered and can be used.",
        _PRINTER,
        Connected,
        {"port": "/dev/ttyACM0", "baudrate": 115200},
    ),
    printed(
        "Disconnected", "The link to the printer is closed; once for each Connected.", _PRINTER, Nothing, {}
    ),
    printed(
        "Error",
        "The printer or its link failed for good.",
        _PRINTER,
        Error,
        {
            "error": "Thermal Runaway, system stopped! Heater_ID: bed",
            "reason": "firmware",
            "consequence": "disconnect",
            "logs": ["Recv: Error:Thermal Runaway, system stopped! Heater_ID: bed"],
        },
    ),
    printed("PrintStarted", "A job begins; nothing of it was sent yet.", _PRINTING, Job, JOB),
    printed(
        "PrintFailed",
        "A job ended without success; follows PrintCancelled, and comes before Disconnected.",
        _PRINTING,
        PrintFailed,
        {**STOP, "time": 611.2, "reason": "cancelled"},
    ),
    printed("PrintDone", "The last line of a job was sent.", _PRINTING, PrintDone, {**JOB, "time": 2712.4}),
    printed(
        "PrintCancelled",
        "A job was called off; PrintFailed follows.",
        _PRINTING,
        PrintCancelled,
        {**STOP, "time": 611.2},
    ),
    printed("PrintPaused", "A job stands still, and the tool with it.", _PRINTING, Stop, STOP),
    printed("PrintResumed", "A paused job goes on.", _PRINTING, Job, JOB),
    printed("PowerOn", "M80 switches the printer's power on.", _GCODE, Nothing, {}),
    printed("PowerOff", "M81 switches the printer's power off.", _GCODE, Nothing, {}),
    printed("Home", "G28 sends the tool home.", _GCODE, Nothing, {}),
    printed(
        "ZChange",
        "The tool's height changes: a layer, or a hop (LayerChange tells layers from hops).",
        _GCODE,
        ZChange,
        {"new": 0.6, "old": 0.4},
    ),
    printed("Paused", "The G-code or the firmware paused the job; follows PrintPaused.", _GCODE, Nothing, {}),
    printed("Waiting", "M0, M1 or M226 waits for somebody.", _GCODE, Nothing, {}),
    printed("Cooling", "M245 switches the cooler on.", _GCODE, Nothing, {}),
    printed("Alert", "M300 beeps.", _GCODE, Nothing, {}),
    printed("Conveyor", "M240 moves the belt.", _GCODE, Nothing, {}),
    printed("Eject", "M40 ejects the part.", _GCODE, Nothing, {}),
    printed("EStop", "M112 stops the printer at once; only when somebody asked for it.", _GCODE, Nothing, {}),
    printed(
        "SettingsUpdated",
        "A changed configuration was taken into use.",
        f"{PRINT}: Settings",
        Settings,
        {"changed": ["events"], "restart": ["log.keep"]},
        by=HUB,
        since="0.1",
    ),
)
"""The seed's topics of server, printer, job and G-code."""
