"""One line of the printer -> one value: pure, linear in its length, total.

What a line means can hang on the lines before it (a list of files, a message in two parts); that is
judged where those are known, not here. Source: facts/print-host-facts.md 3.3, 3.4, 3.6, 3.7, 3.9.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeAlias

from msgspec import Struct

from callboard.printing import readings
from callboard.printing.cardreplies import CardReply, card
from callboard.printing.readings import Readings
from callboard.printing.reports import ActionAsked, Busy, FirmwareIs, PositionIs


class Ok(Struct, frozen=True, gc=False):
    """The firmware is done with a line.

    `number` is the line's, where it says so (`ok N12 P15 B4`, `ok 12`); `rest` is what was glued to it
    without belonging to it.
    """

    number: int | None = None
    readings: Readings | None = None
    position: PositionIs | None = None
    rest: str = ""


class Resend(Struct, frozen=True, gc=False):
    """The firmware wants the line with this number; None where the number can't be read."""

    number: int | None


class ErrorLine(Struct, frozen=True, gc=False):
    """An error, in the firmware's words; `last` is the last good line, where it says so."""

    text: str
    last: int | None = None
    fatal: bool = False


class Wait(Struct, frozen=True):
    """The firmware has nothing to do."""


class Start(Struct, frozen=True):
    """The firmware has started."""


class Reading(Struct, frozen=True, gc=False):
    """Temperatures in a line of their own."""

    readings: Readings


class Target(Struct, frozen=True, gc=False):
    """A target by itself, as Repetier says it."""

    name: str
    target: float


class Capability(Struct, frozen=True, gc=False):
    """One thing that the firmware can do, or can't."""

    name: str
    has: bool


class UnknownCommand(Struct, frozen=True, gc=False):
    """The firmware doesn't know this command; its ok follows."""

    command: str


class Skipped(Struct, frozen=True, gc=False):
    """The firmware had this line already (Repetier)."""

    number: int | None


class Text(Struct, frozen=True, gc=False):
    """Anything else. `damaged`: it looks like something that was hurt on its way, perhaps an ok."""

    text: str
    damaged: bool = False


Reply: TypeAlias = (
    Ok
    | Resend
    | ErrorLine
    | Wait
    | Start
    | Reading
    | Target
    | Capability
    | UnknownCommand
    | Skipped
    | Text
    | FirmwareIs
    | PositionIs
    | ActionAsked
    | Busy
    | CardReply
)

OK: Final = Ok()
_INTEGER: Final = re.compile(r"\d{1,18}")
_LAST: Final = re.compile(r"last line:? {0,2}(\d{1,18})", re.IGNORECASE)
_ADVANCED: Final = re.compile(r" ?N ?(\d{1,18})(?= |$)| (\d{1,18})$")
_KEY: Final = re.compile(r"(?<!\S)([A-Z][A-Z0-9_-]{0,63}+)([:.])")
_UNKNOWN: Final = re.compile(
    r"(?:echo:|// )?(?:unknown command|unsupported command|bad command):?[ -]*(.*)", re.IGNORECASE
)
_GLUED: Final = ("ok", "resend", "rs ", "error", "echo:", "//", "!!", "wait", "start", "begin file", "file ")


def parse(text: str) -> Reply:
    """Return what a line says; `text` has no line end."""
    text = text.strip()
    if text == "ok":
        return OK
    if text.startswith("ok"):
        return _ok(text[2:])
    first = text[:1]
    if first == "T":
        found = readings.temperatures(text)
        if found:
            return Reading(found)
    return _word(text, text.lower()) or _content(text)


def _ok(rest: str) -> Ok:
    lower = rest.lstrip().lower()
    if lower.startswith(_GLUED):
        return Ok(rest=rest.lstrip())
    found = _ADVANCED.match(rest)
    if found:
        return Ok(int(found[1] or found[2]), readings.temperatures(rest))
    return Ok(None, readings.temperatures(rest), readings.position(rest))


def _word(text: str, lower: str) -> Reply | None:
    """Return what a line says by its first word."""
    if lower in {"wait", "start"}:
        return Wait() if lower == "wait" else Start()
    if lower.startswith(("error", "!!", "fatal:")):
        return _error(text, lower)
    if lower.startswith(("resend", "rs ", "rs:")):
        found = _INTEGER.search(text) if text.isascii() and text.isprintable() else None
        return Resend(int(found[0]) if found else None)
    if lower.startswith(("echo:busy:", "busy:")):
        return Busy(text[lower.index("busy:") + 5 :].strip())
    if lower.startswith("//") and text[2:].lstrip().startswith("action:"):
        name, _, rest = text[2:].lstrip()[7:].strip().partition(" ")
        return ActionAsked(name, rest.strip())
    if lower.startswith("cap:"):
        return _capability(text[4:])
    if lower.startswith("skip "):
        found = _INTEGER.search(text)
        return Skipped(int(found[0]) if found else None)
    return None


def _error(text: str, lower: str) -> Reply | None:
    """`Error:`, `!!`, `fatal:`; a word that only begins so is none."""
    if lower.startswith("!!"):
        if not text.replace("\t", " ").isprintable():
            return None  # garbage begins like that by chance; who means it says it again for each command
        message = text[2:].strip()
    elif lower.startswith(("error:", "fatal:")):
        message = text[6:].strip()
    else:
        return None
    unknown = _UNKNOWN.match(message)
    if unknown:
        return UnknownCommand(unknown[1].strip('" '))
    last = _LAST.search(message)
    return ErrorLine(message, int(last[1]) if last else None, lower.startswith("fatal:"))


def _capability(rest: str) -> Reply | None:
    name, _, has = rest.strip().partition(":")
    if not name or has.strip() not in {"0", "1"}:
        return None
    return Capability(name.strip().upper(), has.strip() == "1")


def _content(text: str) -> Reply:
    """Return what a line says by what stands in it."""
    if "FIRMWARE_NAME" in text or text.startswith(("NAME.", "NAME:")):
        return firmware(text)
    found = readings.temperatures(text)
    if found:
        return Reading(found)
    about = card(text) or readings.position(text)
    if about:
        return about
    unknown = _UNKNOWN.match(text)
    if unknown:
        return UnknownCommand(unknown[1].strip('" '))
    target = readings.target(text)
    return Target(*target) if target else Text(text, damaged(text))


def firmware(text: str) -> FirmwareIs:
    """Return what M115 says: `KEY:value KEY:value`, values with spaces and addresses in them."""
    places = [found for found in _KEY.finditer(text) if found[2] == ":" or text.startswith("NAME.")]
    data: dict[str, str] = {}
    ends = [place.start() for place in places[1:]] + [len(text)]
    for place, end in zip(places, ends, strict=False):
        data.setdefault(place[1], text[place.end() : end].strip().rstrip(","))
    return FirmwareIs(_name(data), data)


def _name(data: Mapping[str, str]) -> str:
    return data.get("FIRMWARE_NAME") or data.get("NAME") or ""


def damaged(text: str) -> bool:
    """Return whether a line that says nothing could have been an ok or a Resend once."""
    return bool(text) and (
        len(text) <= 4
        or not text.isascii()
        or not text.isprintable()
        or text.endswith("ok")
        or "send" in text
    )
