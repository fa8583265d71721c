"""Commands that ask, tell or configure: M110, M114, M115, M117, M118, M503 and their kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callboard.printing.virtual.dialect import describe
from callboard.printing.virtual.moving import drained, lasting
from callboard.printing.virtual.saying import position, request
from callboard.printing.virtual.timers import Report
from callboard.printing.virtual.waits import Task
from callboard.printing.virtual.words import Words

if TYPE_CHECKING:
    from callboard.printing.virtual.firmware import Firmware

_MACHINE = "Callboard virtual"


def silent(firmware: Firmware, said: Words) -> None:
    """A command that this printer takes without a word: fans, lights, sounds, motor currents."""


def line_number(firmware: Firmware, said: Words) -> None:
    """M110 N: the number of this very line; a negative one is fine.

    A numbered M110 counted when it arrived: counting it again now would forget the lines behind it.
    """
    number = said.numbers()
    if "N" in number and (firmware.current is None or firmware.current.number is None):
        firmware.intake.last = int(number["N"])


def where(firmware: Firmware, said: Words) -> None:  # noqa: ARG001
    """M114."""
    firmware.say(position(firmware))


def report_position(firmware: Firmware, said: Words) -> None:
    """M154 S: tell the position every so many seconds."""
    firmware.timers.report(Report.POSITION, said.number("S", 0.0), firmware.now)


def progress(firmware: Firmware, said: Words) -> None:
    """M73 P: how far the print is, in percent."""
    number = said.numbers()
    if "P" in number:
        firmware.machine.progress = min(max(number["P"], 0.0), 100.0) / 100


def keep_alive(firmware: Firmware, said: Words) -> None:
    """M113 S: say `busy` every so many seconds."""
    if "S" in said.numbers():
        firmware.timers.busy_every = min(max(said.number("S", 2.0), 0.0), 60.0)
    else:
        firmware.say(f"echo:M113 S{firmware.timers.busy_every:.0f}")


def who(firmware: Firmware, said: Words) -> None:  # noqa: ARG001
    """M115."""
    settings = firmware.settings
    can = {
        "CHAMBER_TEMPERATURE": settings.chamber,
        "EMERGENCY_PARSER": settings.emergency_parser,
        "BUSY_PROTOCOL": settings.busy > 0,
        "SDCARD": settings.has_sd,
    }
    has = firmware.dialect.capabilities
    differing = {name: value and has[name] for name, value in can.items() if name in has}
    if settings.chamber and has:
        differing["CHAMBER_TEMPERATURE"] = True
    differing |= settings.capabilities
    lines = describe(firmware.dialect, _MACHINE, settings.hotends, differing)
    if "ARCS" in firmware.dialect.capabilities:
        x, y, z = settings.size
        full = f"{{min:{{x:0.0000,y:0.0000,z:0.0000}},max:{{x:{x:.4f},y:{y:.4f},z:{z:.4f}}}}}"
        lines.append(f"area:{{full:{full}, work:{full}}}")
    firmware.say_all(lines)


def show(firmware: Firmware, said: Words) -> None:
    """M117: a message on the screen, which a host hears of."""
    if firmware.dialect.capabilities.get("HOST_ACTION_COMMANDS"):
        firmware.say(f"//action:notification {said.rest}")


def echo(firmware: Firmware, said: Words) -> None:
    """M118: say something; E1 as an echo, A1 as a comment for the host."""
    text, before = said.rest, ""
    while text[:2] in {"E1", "A1", "P0", "P1"}:
        before = {"E1": "echo:", "A1": "//"}.get(text[:2], before)
        text = text[2:].lstrip()
    firmware.say(f"{before}{text}")


def end_stops(firmware: Firmware, said: Words) -> None:  # noqa: ARG001
    """M119."""
    machine = firmware.machine
    states = [f"{axis}_min: {'TRIGGERED' if getattr(machine, axis) <= 0 else 'open'}" for axis in "xyz"]
    firmware.say_all(["Reporting endstop status", *states, "filament: open"])


def settings(firmware: Firmware, said: Words) -> None:  # noqa: ARG001
    """M503."""
    lasting_ones = firmware.settings
    firmware.say_all(
        [
            "echo:; Linear Units:",
            "echo:  G21 ; (mm)",
            "echo:; Steps per unit:",
            "echo:  M92 X80.00 Y80.00 Z400.00 E93.00",
            "echo:; Max feedrates (units/s):",
            "echo:  M203 X300.00 Y300.00 Z15.00 E80.00",
            "echo:; Acceleration (units/s2) (P<print-accel> R<retract-accel> T<travel-accel>):",
            f"echo:  M204 P{lasting_ones.acceleration:.2f} R{lasting_ones.acceleration:.2f}"
            f" T{lasting_ones.acceleration:.2f}",
            "echo:; Home offset:",
            "echo:  M206 X0.00 Y0.00 Z0.00",
            "echo:; Hotend PID:",
            "echo:  M301 P21.73 I1.54 D76.55",
        ]
    )


def stored(firmware: Firmware, said: Words) -> None:
    """M500, M501, M502, M504."""
    told = {
        "M500": "Settings Stored (636 bytes; crc 46412)",
        "M501": "V86 stored settings retrieved (636 bytes; crc 46412)",
        "M504": "EEPROM OK",
    }
    firmware.say(f"echo:{told.get(said.code, 'Hardcoded Default Settings Loaded')}")


def lock(firmware: Firmware, said: Words) -> None:  # noqa: ARG001
    """M510: take no command but M511 any more."""
    firmware.machine.locked = True


def unlock(firmware: Firmware, said: Words) -> None:
    """M511 P: with the right passcode, 1234 at first."""
    if said.rest.lstrip("P").strip() == firmware.machine.passcode:
        firmware.machine.locked = False
    else:
        firmware.say("echo:Incorrect passcode")


def print_time(firmware: Firmware, said: Words) -> None:  # noqa: ARG001
    """M31."""
    firmware.say("echo:Print time: 0s")


def statistics(firmware: Firmware, said: Words) -> None:  # noqa: ARG001
    """M78."""
    firmware.say("Stats: Prints: 1, Finished: 1, Failed: 0")
    firmware.say("Stats: Total time: 0s, Longest job: 0s")


def go_on(firmware: Firmware, said: Words) -> None:  # noqa: ARG001
    """M108: on arrival it ends a wait, if there is an emergency parser; from the queue it comes too late."""
    firmware.heating = firmware.asking = False


def answer(firmware: Firmware, said: Words) -> None:
    """M876: P1 says that the host shows questions, S answers one."""
    if "S" in said.numbers():
        firmware.asking = False


def stop(firmware: Firmware, said: Words) -> None:  # noqa: ARG001
    """M112."""
    firmware.kill()


def restart(firmware: Firmware, said: Words) -> None:  # noqa: ARG001
    """M999: firmwares of old ask for a line after it."""
    request(firmware, firmware.intake.last + 1)
    firmware.answered = True


def load(firmware: Firmware, said: Words) -> Task:  # noqa: ARG001
    """M701, M702: filament in, or out."""
    yield from drained(firmware)
    yield from lasting(firmware, 12.0)
