"""Commands that heat: set a temperature, wait for it, report it."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from callboard.printing.virtual.heaters import Heater
from callboard.printing.virtual.saying import ok
from callboard.printing.virtual.timers import Report
from callboard.printing.virtual.waits import Task, Wait
from callboard.printing.virtual.words import Words

if TYPE_CHECKING:
    from callboard.printing.virtual.firmware import Firmware

_LOOK = 0.25
_SOONEST = 0.001
_HOTTEST = 500.0


def hotend(firmware: Firmware, said: Words) -> Task | None:
    """M104 sets a hot end's target, M109 waits for it."""
    number = said.numbers()
    place = int(number.get("T", firmware.machine.tool))
    hotends = firmware.heaters.hotends
    if not 0 <= place < firmware.settings.hotends:
        firmware.say(f"echo:{said.code} Invalid extruder {place}")
        return None
    return _heat(firmware, hotends[place % len(hotends)], said, "M109")


def bed(firmware: Firmware, said: Words) -> Task | None:
    """M140, M190."""
    return _heat(firmware, firmware.heaters.bed, said, "M190")


def chamber(firmware: Firmware, said: Words) -> Task | None:
    """M141, M191."""
    return _heat(firmware, firmware.heaters.chamber, said, "M191")


def _heat(firmware: Firmware, heater: Heater | None, said: Words, waits: str) -> Task | None:
    if heater is None:
        firmware.say(firmware.dialect.unknown.format(said.text))
        return None
    firmware.heaters.run(firmware.now)
    number = said.numbers()
    target = number.get("S", number.get("R"))
    if target is not None:
        heater.set(min(target, _HOTTEST))
        if firmware.dialect.echo_targets:
            name = "TargetBed" if heater.name == "B" else f"TargetExtr{heater.name[1:]}"
            firmware.say(f"{name}:{heater.target:.0f}")
    return reached(firmware, heater, "R" in number) if said.code == waits else None


def reached(firmware: Firmware, heater: Heater, cooling: bool) -> Task:
    """Wait for a heater, telling the temperature every second, until it is there or M108 comes."""
    firmware.heating = True
    step = max(_LOOK / firmware.settings.speed, _SOONEST)
    said_at = firmware.now
    while firmware.heating:
        firmware.heaters.run(firmware.now)
        left = heater.left(cooling)
        if left == 0:
            break
        if firmware.now >= said_at:
            said_at = firmware.now + 1.0
            if Report.TEMPERATURES not in firmware.timers.every:
                rest = "?" if left is None else str(ceil(left))
                firmware.say(f" {firmware.temperatures()} W:{rest}")
        yield Wait(min(firmware.now + step, said_at))
    firmware.heating = False


def all_reached(firmware: Firmware, said: Words) -> Task:  # noqa: ARG001
    """M116: wait for all heaters."""
    for heater in firmware.heaters.all():
        if heater.target > 0:
            yield from reached(firmware, heater, False)


def temperature(firmware: Firmware, said: Words) -> None:  # noqa: ARG001
    """M105: the temperatures stand in the ok itself."""
    queued = firmware.current
    if queued is None or queued.from_card:
        firmware.say(f"ok {firmware.temperatures()}")
        return
    if firmware.settings.faults.stray_reports:
        firmware.say(f" {firmware.temperatures()}")
    ok(firmware, queued.number, f" {firmware.temperatures()}")


def report_temperatures(firmware: Firmware, said: Words) -> None:
    """M155 S: tell the temperatures every so many seconds."""
    firmware.timers.report(Report.TEMPERATURES, said.number("S", 0.0), firmware.now)


def fan(firmware: Firmware, said: Words) -> None:
    """M106 S, M107: the fan turns faster or slower, or not at all."""
    firmware.machine.fan = int(min(max(said.number("S", 255.0), 0.0), 255.0)) if said.code == "M106" else 0


def turns(firmware: Firmware, said: Words) -> None:  # noqa: ARG001
    """M123: how fast the fan turns."""
    firmware.say(f"E0:{firmware.machine.fan * 5000 // 255} RPM")
