"""Commands of the SD card. Source: facts 3.9, Marlin's texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callboard.printing.virtual.moving import drained
from callboard.printing.virtual.saying import sd_status
from callboard.printing.virtual.timers import Report
from callboard.printing.virtual.waits import Task
from callboard.printing.virtual.words import Words

if TYPE_CHECKING:
    from callboard.printing.virtual.firmware import Firmware


def mount(firmware: Firmware, said: Words) -> None:  # noqa: ARG001
    """M21."""
    firmware.card.mounted = firmware.card.present
    firmware.say("echo:SD card ok" if firmware.card.mounted else "echo:No media")


def release(firmware: Firmware, said: Words) -> None:  # noqa: ARG001
    """M22."""
    firmware.card.restart()
    firmware.card.mounted = False
    firmware.say("echo:SD card released")


def list_files(firmware: Firmware, said: Words) -> None:
    """M20: the files; L adds their long names, T their times."""
    if not firmware.card.mounted:
        firmware.say("echo:No media")
        return
    extended = firmware.dialect.capabilities.get("EXTENDED_M20", False)
    long, stamps = extended and said.has("L"), extended and said.has("T")
    lines = ["Begin file list"]
    for entry in firmware.card.entries():
        name = entry.short.lower() if firmware.dialect.sd_lower else entry.short
        line = f"{firmware.dialect.sd_slash}{name} {entry.size}"
        line += f" 0x{entry.stamp:08X}" if stamps else ""
        lines.append(f"{line} {_quoted(firmware, entry.long)}" if long else line)
    firmware.say_all([*lines, "End file list"])


def _quoted(firmware: Firmware, name: str) -> str:
    return f'"{name}"' if firmware.dialect.sd_lower else name


def select(firmware: Firmware, said: Words) -> None:
    """M23."""
    if _select(firmware, said.rest):
        firmware.say("File selected")


def _select(firmware: Firmware, name: str) -> bool:
    firmware.say(f"echo:Now fresh file: {name}")
    if not firmware.card.select(name):
        firmware.say(f"open failed, File: {name}.")
        return False
    firmware.say(f"File opened: {firmware.card.selected} Size: {firmware.card.size}")
    return True


def select_and_start(firmware: Firmware, said: Words) -> None:
    """M32: select and print."""
    if _select(firmware, said.rest.strip("!# ")):
        firmware.card.start()


def start(firmware: Firmware, said: Words) -> None:  # noqa: ARG001
    """M24: start or go on."""
    firmware.card.start()


def pause(firmware: Firmware, said: Words) -> None:  # noqa: ARG001
    """M25."""
    if firmware.card.running:
        firmware.card.printing = False
        firmware.say("//action:paused")


def seek(firmware: Firmware, said: Words) -> None:
    """M26 S."""
    firmware.card.seek(int(said.number("S", 0.0)))


def status(firmware: Firmware, said: Words) -> None:
    """M27: how far; S asks for it again and again, C for the name."""
    if "S" in said.numbers():
        firmware.timers.report(Report.SD, said.number("S", 0.0), firmware.now)
    elif said.has("C"):
        firmware.say(f"Current file: {firmware.card.selected or '(no file)'}")
    else:
        firmware.say(sd_status(firmware))


def write(firmware: Firmware, said: Words) -> None:
    """M28: what follows is stored, until M29."""
    if firmware.card.write(said.rest):
        firmware.say(f"echo:Now fresh file: {said.rest}")
        firmware.say(f"Writing to file: {said.rest}")
    else:
        firmware.say(f"open failed, File: {said.rest}.")


def end_of_write(firmware: Firmware, said: Words) -> None:
    """M29 when nothing was being written."""


def delete(firmware: Firmware, said: Words) -> None:
    """M30."""
    deleted = firmware.card.delete(said.rest)
    firmware.say(f"File deleted:{said.rest}" if deleted else f"Deletion failed, File: {said.rest}.")


def long_name(firmware: Firmware, said: Words) -> None:
    """M33: a file's long name."""
    entry = firmware.card.find(said.rest)
    firmware.say(f"/{entry.long}" if entry else f"open failed, File: {said.rest}.")


def abort(firmware: Firmware, said: Words) -> None:  # noqa: ARG001
    """M524: end the print from the card."""
    if firmware.card.running:
        firmware.card.stop()
        firmware.planner.clear()
        firmware.say("//action:cancel")


def done(firmware: Firmware, said: Words) -> Task | None:  # noqa: ARG001
    """M1001, which Marlin gives itself at the end of a file."""
    return _done(firmware) if firmware.card.running else None


def _done(firmware: Firmware) -> Task:
    yield from drained(firmware)
    firmware.card.stop()
    firmware.say("Done printing file")
