"""The shapes of printers over HTTP: how they are, and what each verb takes.

What a verb takes is the payload of its request in the catalog, without `printer`, which the address names.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from callboard.catalog.printers import Outcome
from callboard.printing.asking import VERBS


def _says(text: str) -> Meta:
    return Meta(description=text)


class PrinterState(Struct):
    """What a printer is doing: an id for programs, a text for people."""

    id: str
    text: str


class HeaterInfo(Struct):
    """A heater, or a sensor, in °C."""

    actual: float | None
    target: float | None


class ProgressInfo(Struct):
    """How far a job is."""

    percent: float
    time: Annotated[float, _says("Seconds it has run, pauses left out.")]
    left: Annotated[float | None, _says("Seconds it will probably still take; null: nobody knows.")] = None
    left_origin: Annotated[str | None, _says("What that is guessed from.")] = None
    done: Annotated[int, _says("Bytes of the file that are printed.")] = 0
    size: int | None = None
    layer: int | None = None
    layers: int | None = None
    z: Annotated[float | None, _says("Height of the tool in mm.")] = None


class BedInfo(Struct):
    """Whether something may lie on a bed: a print began since somebody said that it is clear."""

    clear: bool
    file: Annotated[str | None, _says("What was printed; null: nothing, or nobody knows.")] = None
    since: Annotated[float | None, _says("When that began, in seconds since 1970.")] = None


class PrinterInfo(Struct, kw_only=True):
    """A printer, and how it is now."""

    name: str
    tags: list[str]
    configured_port: Annotated[str | None, _says("The port of its configuration; null: it is looked for.")]
    port: Annotated[str | None, _says("The port it is on; null while it is not connected.")]
    baudrate: Annotated[int | None, _says("Its speed, where it has one.")]
    reason: Annotated[str, _says("Why it is not connected, in a sentence; empty while it is.")]
    state: PrinterState
    temperatures: dict[str, HeaterInfo]
    job: Annotated[dict[str, Any] | None, _says("The file that prints, or is selected.")]
    progress: ProgressInfo | None
    bed: BedInfo
    position: Annotated[dict[str, Any] | None, _says("Where the tool is, as far as is known.")] = None
    firmware: Annotated[Any, _says("What the firmware says of itself.")] = None
    transfer: Annotated[Any, _says("The file that is being copied to the card.")] = None
    sd: Annotated[Any, _says("The card: `mounted`, `files`.")] = None
    prompt: Annotated[Any, _says("What the printer asks on its display: `text`, `choices`.")] = None
    resends: Annotated[int | UnsetType, _says("Lines that had to be sent again.")] = UNSET
    terminal: Annotated[list[str] | UnsetType, _says("The last lines both ways; with one printer only.")] = (
        UNSET
    )


class PrinterList(Struct):
    """All printers of the configuration, in its order."""

    printers: list[PrinterInfo]


Done = Outcome


def _body(verb: str) -> Any:
    fields = [
        (field.name, field.type, msgspec.UNSET) if not field.required else (field.name, field.type)
        for field in msgspec.structs.fields(VERBS[verb])
        if field.name != "printer"
    ]
    name = f"Printer{verb.capitalize()}"
    made = msgspec.defstruct(name, fields, kw_only=True, omit_defaults=True, forbid_unknown_fields=True)
    made.__doc__ = (VERBS[verb].__doc__ or "").replace("A wish", "What is wished:", 1)
    return made


BODIES: Final = {verb: _body(verb) for verb in VERBS if verb != "list"}
"""What each verb takes."""
