"""Commands that move: lines, arcs, homing, waiting for the motors."""

from __future__ import annotations

from math import atan2, cos, hypot, pi, sin
from typing import TYPE_CHECKING

from callboard.printing.virtual.saying import position
from callboard.printing.virtual.trail import Trail
from callboard.printing.virtual.waits import Busy, Task, Wait
from callboard.printing.virtual.words import Words, numbers

if TYPE_CHECKING:
    from callboard.printing.virtual.firmware import Firmware
    from callboard.printing.virtual.settings import Virtual

_HOMING = 40.0
"""Millimetres a second."""


class Machine:
    """Where the tool is, in millimetres of the machine, and in which way numbers are meant."""

    __slots__ = (
        "e", "factor", "fan", "feed", "homed", "inches", "locked", "offset", "passcode", "progress",
        "relative", "relative_e", "retracted", "size", "tool", "trail", "x", "y", "z",
    )  # fmt: skip

    def __init__(self, settings: Virtual) -> None:
        self.x = self.y = self.z = self.e = 0.0
        self.offset = (0.0, 0.0, 0.0)
        self.size = settings.size
        self.relative = self.relative_e = self.inches = self.homed = self.retracted = False
        self.feed, self.factor = 50.0, 1.0
        self.tool = self.fan = 0
        self.locked = False
        self.passcode = "1234"
        self.progress: float | None = None
        self.trail: Trail | None = Trail() if settings.draw else None

    def logical(self) -> tuple[float, float, float, float]:
        """Return the position as the host counts it."""
        dx, dy, dz = self.offset
        return self.x - dx, self.y - dy, self.z - dz, self.e


def move(firmware: Firmware, rest: str) -> Task | None:
    """G0, G1: plan a line, at once if the planner has room."""
    if firmware.planner.free(firmware.now) > 0:
        _line(firmware, rest)
        return None
    return _move_later(firmware, rest)


def _move_later(firmware: Firmware, rest: str) -> Task:
    while firmware.planner.free(firmware.now) < 1:
        yield Wait(firmware.planner.room_at())
    _line(firmware, rest)


def _line(firmware: Firmware, rest: str) -> None:
    said = numbers(rest)
    machine = firmware.machine
    if "F" in said:
        machine.feed = max(said["F"], 0.0) / 60.0 * (25.4 if machine.inches else 1.0)
    x, y, z, e = machine.x, machine.y, machine.z, machine.e
    to_x, to_y, to_z, to_e = _target(machine, said)
    if to_e != e and _is_cold(firmware):
        firmware.say("echo: cold extrusion prevented")
        machine.e = e = to_e
    firmware.planner.plan(firmware.now, to_x - x, to_y - y, to_z - z, to_e - e, machine.feed * machine.factor)
    if machine.trail is not None and to_e > e and (to_x != x or to_y != y):
        machine.trail.add(x, y, to_z, to_x, to_y)
    machine.x, machine.y, machine.z, machine.e = to_x, to_y, to_z, to_e


def _target(machine: Machine, said: dict[str, float]) -> tuple[float, float, float, float]:
    """Return where a move leads, within the machine's limits, as its software end stops see to."""
    if machine.inches:
        said = {letter: value * 25.4 for letter, value in said.items()}
    get, size = said.get, machine.size
    base = (machine.x, machine.y, machine.z) if machine.relative else machine.offset
    x, y, z = get("X"), get("Y"), get("Z")
    to_x = machine.x if x is None else min(max(x + base[0], 0.0), size[0])
    to_y = machine.y if y is None else min(max(y + base[1], 0.0), size[1])
    to_z = machine.z if z is None else min(max(z + base[2], 0.0), size[2])
    e = get("E")
    if e is None:
        return to_x, to_y, to_z, machine.e
    return to_x, to_y, to_z, e + machine.e if machine.relative_e else e


def _is_cold(firmware: Firmware) -> bool:
    least = firmware.settings.min_extrude
    if least <= 0:
        return False
    firmware.heaters.run(firmware.now)
    hotends = firmware.heaters.hotends
    return hotends[firmware.machine.tool % len(hotends)].temperature < least


def arc(firmware: Firmware, said: Words) -> Task:
    """G2, G3: plan an arc, as short lines."""
    machine, number = firmware.machine, said.numbers()
    x, y, z, e = machine.x, machine.y, machine.z, machine.e
    to_x, to_y, to_z, to_e = _target(machine, number)
    radius, start, sweep = _swept(number, (x, y), (to_x, to_y), said.code == "G2")
    centre_x, centre_y = x - radius * cos(start), y - radius * sin(start)
    steps = int(min(max(abs(sweep) * radius, 4.0), 64.0))
    feed = f"F{number['F']:.3f}" if "F" in number else ""
    was = machine.relative, machine.relative_e, machine.inches, machine.offset
    for step in range(1, steps + 1):
        while firmware.planner.free(firmware.now) < 1:
            yield Wait(firmware.planner.room_at())
        part = step / steps
        at = start + sweep * part
        ends = (centre_x + radius * cos(at), centre_y + radius * sin(at)) if step < steps else (to_x, to_y)
        machine.relative, machine.relative_e, machine.inches, machine.offset = False, False, False, (0, 0, 0)
        along = (z + (to_z - z) * part, e + (to_e - e) * part)
        _line(firmware, f"X{ends[0]:.4f} Y{ends[1]:.4f} Z{along[0]:.4f} E{along[1]:.5f} {feed}")
        machine.relative, machine.relative_e, machine.inches, machine.offset = was


def _swept(
    number: dict[str, float], start: tuple[float, float], end: tuple[float, float], clockwise: bool
) -> tuple[float, float, float]:
    """Return an arc's radius, the angle where it begins, and how far it turns (rad)."""
    i, j = number.get("I", 0.0), number.get("J", 0.0)
    if "R" in number:
        dx, dy = end[0] - start[0], end[1] - start[1]
        chord = max(hypot(dx, dy), 1e-9)
        radius = max(abs(number["R"]), chord / 2)
        height = (radius * radius - chord * chord / 4) ** 0.5
        side = height if clockwise != (number["R"] < 0) else -height
        i, j = dx / 2 + dy / chord * side, dy / 2 - dx / chord * side
    radius = min(hypot(i, j), 1e4)
    first = atan2(-j, -i)
    last = atan2(end[1] - start[1] - j, end[0] - start[0] - i)
    sweep = (last - first) % (2 * pi)
    if min(sweep, 2 * pi - sweep) < 1e-9:  # back to where it began: a whole circle
        sweep = 0.0 if clockwise else 2 * pi
    if clockwise:
        sweep -= 2 * pi
    return radius, first, sweep


def drained(firmware: Firmware) -> Task:
    """Wait until all planned moves are done."""
    while firmware.planner.empty_at() > firmware.now:
        yield Wait(firmware.planner.empty_at())


def finish(firmware: Firmware, said: Words) -> Task:  # noqa: ARG001
    """M400: wait for the motors."""
    yield from drained(firmware)


def dwell(firmware: Firmware, said: Words) -> Task:
    """G4: wait P milliseconds or S seconds after the last move."""
    yield from drained(firmware)
    number = said.numbers()
    seconds = number["S"] if "S" in number else number.get("P", 0.0) / 1000
    yield from lasting(firmware, seconds)


def lasting(firmware: Firmware, seconds: float) -> Task:
    """Let seconds of the printer pass."""
    end = firmware.now + max(seconds, 0.0) / firmware.settings.speed
    while firmware.now < end:
        yield Wait(end)


def home(firmware: Firmware, said: Words) -> Task:
    """G28: drive to the end stops; all axes if none is named."""
    yield from drained(firmware)
    machine = firmware.machine
    axes = [axis for axis in "XYZ" if said.has(axis)] or list("XYZ")
    way = sum(max(getattr(machine, axis.lower()), 20.0) for axis in axes)
    yield from lasting(firmware, way / _HOMING + 1.5 * len(axes))
    for axis in axes:
        setattr(machine, axis.lower(), 0.0)
    if len(axes) == 3:
        machine.offset, machine.homed = (0.0, 0.0, 0.0), True
        if machine.trail is not None:
            machine.trail.clear()
    firmware.say(position(firmware))


def level(firmware: Firmware, said: Words) -> Task:  # noqa: ARG001
    """G29, G33, M48: probe the bed, for half a minute."""
    yield from drained(firmware)
    for point in range(9):
        yield from lasting(firmware, 3.0)
        x, y = firmware.machine.size[0] * (point % 3) / 2, firmware.machine.size[1] * (point // 3) / 2
        firmware.say(f"Bed X: {x:.3f} Y: {y:.3f} Z: {sin(point) / 20:.3f}")


def set_position(firmware: Firmware, said: Words) -> None:
    """G92: call the present place something else."""
    machine, number = firmware.machine, said.numbers()
    if machine.inches:
        number = {letter: value * 25.4 for letter, value in number.items()}
    if not number:
        number = {"X": 0.0, "Y": 0.0, "Z": 0.0, "E": 0.0}
    dx, dy, dz = machine.offset
    machine.offset = (
        machine.x - number["X"] if "X" in number else dx,
        machine.y - number["Y"] if "Y" in number else dy,
        machine.z - number["Z"] if "Z" in number else dz,
    )
    machine.e = number.get("E", machine.e)


def absolute(firmware: Firmware, said: Words) -> None:
    """G90, G91: both kinds of axes, as Marlin does."""
    firmware.machine.relative = firmware.machine.relative_e = said.code == "G91"


def absolute_e(firmware: Firmware, said: Words) -> None:
    """M82, M83."""
    firmware.machine.relative_e = said.code == "M83"


def units(firmware: Firmware, said: Words) -> None:
    """G20 is inches, G21 millimetres."""
    firmware.machine.inches = said.code == "G20"


def retract(firmware: Firmware, said: Words) -> Task | None:
    """G10, G11: pull the filament back, or push it again."""
    if firmware.machine.retracted == (said.code == "G10"):
        return None
    firmware.machine.retracted = said.code == "G10"
    e = firmware.machine.e
    task = move(firmware, f"F2700 E{(0.0 if firmware.machine.relative_e else e):.3f}")
    firmware.machine.e = e
    return task


def feedrate(firmware: Firmware, said: Words) -> None:
    """M220: percent of the speed."""
    firmware.machine.factor = min(max(said.number("S", 100.0), 1.0), 999.0) / 100


def tool(firmware: Firmware, said: Words) -> Task | None:
    """T0, T1 ...: choose a tool that there is."""
    wanted = int(said.code[1:])
    if wanted >= firmware.settings.hotends:
        firmware.say(f"echo:T{wanted} Invalid extruder")
        return None
    return _change(firmware, wanted)


def _change(firmware: Firmware, wanted: int) -> Task:
    yield from drained(firmware)
    firmware.machine.tool = wanted
    firmware.say(f"echo:Active Extruder: {wanted}")


def stop(firmware: Firmware, said: Words) -> None:  # noqa: ARG001
    """M410: forget all planned moves."""
    firmware.planner.clear()


def pause(firmware: Firmware, said: Words) -> Task:
    """M0, M1, M226: wait for somebody, or for S seconds or P milliseconds."""
    yield from drained(firmware)
    number = said.numbers()
    seconds = number.get("S", number.get("P", 0.0) / 1000)
    text = said.rest if said.rest and not number else "M0/1 Break Called"
    if not seconds:
        prompt(firmware, text, "Continue")
    yield from asked(firmware, seconds)


def change_filament(firmware: Firmware, said: Words) -> Task:  # noqa: ARG001
    """M600: park, wait for somebody, load, go on."""
    yield from drained(firmware)
    firmware.say("//action:paused filament_change")
    yield from lasting(firmware, 3.0)
    prompt(firmware, "Nozzle Parked", "Continue")
    yield from asked(firmware, 0.0)
    yield from lasting(firmware, 5.0)
    firmware.say("//action:resumed")


def prompt(firmware: Firmware, text: str, *buttons: str) -> None:
    """Show a question on the host's screen."""
    firmware.say("//action:prompt_end")
    firmware.say(f"//action:prompt_begin {text}")
    for button in buttons:
        firmware.say(f"//action:prompt_button {button}")
    firmware.say("//action:prompt_show")


def asked(firmware: Firmware, seconds: float) -> Task:
    """Wait for somebody's answer: M108, M876, the button, or the time."""
    settings = firmware.settings
    lasts = seconds or settings.user
    end = firmware.now + lasts / settings.speed if lasts is not None else float("inf")
    firmware.asking = True
    while firmware.asking and firmware.now < end:
        yield Wait(end, Busy.USER)
    firmware.asking = False
    if not seconds:
        firmware.say("//action:prompt_end")
