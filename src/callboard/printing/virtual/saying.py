"""The firmware's standing answers: ok, resend requests, positions, the card's progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callboard.printing.virtual.dialect import Style
from callboard.printing.virtual.settings import ResendOk

if TYPE_CHECKING:
    from callboard.printing.virtual.firmware import Firmware


def ok(firmware: Firmware, number: int | None, more: str = "") -> None:
    """Say the ok of a command, with everything that can go wrong with it."""
    firmware.answered = True
    prepared = firmware.troubles.prepared
    line = prepared.popleft() if prepared else _ok(firmware, number) + more
    faults, draw = firmware.settings.faults, firmware.random.random
    once = firmware.troubles.ok_trouble()
    if once == "lose_ok" or (faults.lost_ok and draw() < faults.lost_ok):
        return
    if once == "late_ok" or (faults.late_ok and draw() < faults.late_ok):
        firmware.out.say_at(line, firmware.now + faults.late_by)
        return
    firmware.out.say(line, firmware.now)
    if once == "double_ok" or firmware.dialect.double_ok or (faults.double_ok and draw() < faults.double_ok):
        firmware.out.say(line, firmware.now)


def _ok(firmware: Firmware, number: int | None) -> str:
    text = firmware.settings.faults.ok_text
    if text or firmware.settings.advanced_ok:
        said = f"ok N{number}" if number is not None else "ok"
        free = firmware.settings.command_buffer - len(firmware.queue)
        planner = firmware.planner.free(firmware.now)
        last = str(firmware.intake.last if number is None else number)
        filled = text.replace("{number}", last).replace("{buffer}", str(free))
        return filled.replace("{planner}", str(planner)) or f"{said} P{planner} B{free}"
    if firmware.dialect.ok_number and number is not None:
        return "ok" + firmware.dialect.ok_number.format(number)
    return "ok"


def refuse(firmware: Firmware, error: str) -> None:
    """Refuse a line: the error, and which line is to come again."""
    firmware.say(f"{firmware.dialect.error}{error}")
    request(firmware, firmware.intake.last + 1)


def request(firmware: Firmware, number: int) -> None:
    """Ask for a line, with everything that can go wrong with that."""
    where = _where(firmware)
    if where is ResendOk.BEFORE:
        firmware.say("ok")
    firmware.say(firmware.dialect.resend.format(_asked(firmware, number)))
    if where is ResendOk.AFTER:
        firmware.say("ok")


def _where(firmware: Firmware) -> ResendOk:
    if not firmware.dialect.resend_ok:
        return ResendOk.MISSING
    return firmware.settings.faults.resend_ok


def _asked(firmware: Firmware, number: int) -> str:
    """Return the number that is asked for, or what becomes of it."""
    faults, draw = firmware.settings.faults, firmware.random.random
    digits = str(number)
    if firmware.dialect.digits:
        digits = digits[-firmware.dialect.digits :]
    once = firmware.troubles.resend_trouble()
    if once == "wrong_resend" or (faults.wrong_resend and draw() < faults.wrong_resend):
        return str(max(number + firmware.random.choice((-3, -2, -1, 1, 2, 1000)), 0))
    if once == "short_resend" or (faults.short_resend and draw() < faults.short_resend):
        return digits[1:] or "0"
    return digits


def position(firmware: Firmware) -> str:
    """Return the position as M114 and M154 say it: where the planned moves lead."""
    x, y, z, e = firmware.machine.logical()
    if firmware.dialect.style is Style.REPRAP:
        at = f"X:{x:.3f} Y:{y:.3f} Z:{z:.3f}"
        return f"{at} E:{e:.3f} E0:{e:.1f} Count {x * 80:.0f} {y * 80:.0f} {z * 400:.0f}"
    steps = " ".join(f"{axis}:{round(at * 80)}" for axis, at in zip("XYZ", (x, y, z), strict=True))
    return f"X:{x:.2f} Y:{y:.2f} Z:{z:.2f} E:{e:.2f} Count {steps}"


def sd_status(firmware: Firmware) -> str:
    """Return how far the print from the card is."""
    card = firmware.card
    if not card.selected:
        return "Not SD printing"
    return f"SD printing byte {card.position}/{card.size}" if card.running else "Not SD printing"
