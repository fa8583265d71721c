"""What trouble there is: the words of `!!DEBUG:`, of scripts and of tests, and what each does.

The words that OctoPrint's virtual printer knows mean the same here (facts 7), and there are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING

from callboard.printing.virtual.saying import ok, refuse, request

if TYPE_CHECKING:
    from callboard.printing.virtual.firmware import Firmware

MOST = 1000
"""How many of anything may wait to happen."""

_CHECKSUM = "checksum mismatch, Last Line: "


def _number(argument: str, default: float, most: float = 1e6) -> float:
    """Return the number that an argument is."""
    plain = argument.replace(".", "", 1)
    return min(float(argument), most) if plain.isascii() and plain.isdigit() and len(plain) < 20 else default


def _says(*lines: str) -> Callable[[Firmware, str], None]:
    """Return an action that says lines; {} is the argument."""

    def action(firmware: Firmware, argument: str) -> None:
        for line in lines:
            firmware.say(line.replace("{}", argument))

    return action


def _kills(*lines: str) -> Callable[[Firmware, str], None]:
    """Return an action that stops the firmware with these errors."""

    def action(firmware: Firmware, argument: str) -> None:  # noqa: ARG001
        firmware.kill(*lines)

    return action


def _silence(firmware: Firmware, argument: str) -> None:
    """Say nothing for so many seconds, or ever again; hear all the same."""
    firmware.out.silent_until = firmware.now + _number(argument, inf)


def _awol(firmware: Firmware, argument: str) -> None:  # noqa: ARG001
    """Neither hear nor say anything."""
    firmware.out.silent_until = inf
    firmware.alive = False


def _unplug(firmware: Firmware, argument: str) -> None:
    """Pull the cable; with a number it comes back after so many seconds, with `renamed` as another port."""
    seconds, _, how = argument.partition(" ")
    back_after = _number(seconds, -1.0)
    firmware.troubles.unplug(back_after if back_after >= 0 else None, how.strip() == "renamed")


def _reset(firmware: Firmware, argument: str) -> None:  # noqa: ARG001
    firmware.reset()


def _for_oks(kind: str) -> Callable[[Firmware, str], None]:
    def action(firmware: Firmware, argument: str) -> None:
        firmware.troubles.oks.extend([kind] * int(_number(argument, 1, MOST)))

    return action


def _for_resends(kind: str) -> Callable[[Firmware, str], None]:
    def action(firmware: Firmware, argument: str) -> None:
        firmware.troubles.resends.extend([kind] * int(_number(argument, 1, MOST)))

    return action


def _for_lines(kind: str) -> Callable[[Firmware, str], None]:
    def action(firmware: Firmware, argument: str) -> None:
        if len(firmware.hearing.next_line) < MOST:
            firmware.hearing.next_line += [kind] * int(_number(argument, 1, MOST))

    return action


def _refuse(firmware: Firmware, argument: str) -> None:
    """Refuse the next lines although they are good."""
    firmware.troubles.refusals = int(_number(argument, 1, MOST))


def _bad_number(firmware: Firmware, argument: str) -> None:  # noqa: ARG001
    last = firmware.intake.last
    refuse(firmware, f"Line Number is not Last Line Number+1, Last Line: {last}")


def _bad_checksum(firmware: Firmware, argument: str) -> None:  # noqa: ARG001
    refuse(firmware, f"{_CHECKSUM}{firmware.intake.last}")


def _no_checksum(firmware: Firmware, argument: str) -> None:  # noqa: ARG001
    refuse(firmware, f"No Checksum with line number, Last Line: {firmware.intake.last}")


def _no_number(firmware: Firmware, argument: str) -> None:  # noqa: ARG001
    """The error without a resend request."""
    firmware.say(f"Error:No Line Number with checksum, Last Line: {firmware.intake.last}")


def _again(firmware: Firmware, argument: str) -> None:  # noqa: ARG001
    """Ask for the last line once more."""
    last = firmware.intake.last
    firmware.intake.last = last - 1
    request(firmware, last)


def _prepare(firmware: Firmware, argument: str) -> None:
    firmware.troubles.prepared.append(argument or "ok")


def _extra_ok(firmware: Firmware, argument: str) -> None:  # noqa: ARG001
    answered = firmware.answered
    ok(firmware, None)
    firmware.answered = answered


def _sleep(firmware: Firmware, argument: str) -> None:
    """Hang for so many seconds: say nothing, and then go on."""
    firmware.hang(_number(argument, 1.0))


def _sleep_after(always: bool) -> Callable[[Firmware, str], None]:
    def action(firmware: Firmware, argument: str) -> None:
        """Hang for so many seconds after a command."""
        code, _, seconds = argument.partition(" ")
        if len(firmware.troubles.sleeps) < MOST:
            firmware.troubles.sleeps[code[:8]] = (_number(seconds.strip(), 1.0), always)

    return action


def _ratio(firmware: Firmware, argument: str) -> None:
    """Refuse so many percent of the lines."""
    firmware.troubles.resend_ratio = _number(argument, 0.0, 100.0) / 100


def _klipper(firmware: Firmware, argument: str) -> None:  # noqa: ARG001
    """Klipper loses its board; with FIRMWARE_RESTART, or this again, it finds it."""
    if firmware.alive:
        firmware.say_all(["// Klipper state: Disconnect", "!! Lost communication with MCU 'mcu'"])
        firmware.alive = False
    else:
        firmware.reset()
        firmware.say("// Klipper state: Ready")


def _runaway(firmware: Firmware, argument: str) -> None:  # noqa: ARG001
    firmware.kill("Error:Thermal Runaway, system stopped! Heater_ID: 0")


def _stuck(firmware: Firmware, argument: str) -> None:
    """The first hot end's sensor says this from now on, or the truth again."""
    firmware.heaters.run(firmware.now)
    firmware.heaters.hotends[0].stuck = _number(argument, 0.0) if argument else None


def _ambient(firmware: Firmware, argument: str) -> None:
    firmware.heaters.run(firmware.now)
    firmware.heaters.ambient(_number(argument, 21.3, 500.0))


def _unbusy(firmware: Firmware, argument: str) -> None:  # noqa: ARG001
    firmware.go_on()


def _garbage(firmware: Firmware, argument: str) -> None:
    """Say bytes that are no text."""
    count = int(_number(argument, 16, MOST))
    firmware.out.raw(bytes(firmware.random.choices(b"\x00\x80\xfe\xff\xc3\x28", k=count)))


def _runout(firmware: Firmware, argument: str) -> None:  # noqa: ARG001
    """The filament is at its end: the firmware gives itself M600."""
    firmware.inject("M600")


def _insert_sd(firmware: Firmware, argument: str) -> None:  # noqa: ARG001
    firmware.card.present = firmware.card.mounted = True
    firmware.say_all(["//action:sd_inserted", "echo:SD card ok"])


def _eject_sd(firmware: Firmware, argument: str) -> None:  # noqa: ARG001
    firmware.card.restart()
    firmware.card.present = firmware.card.mounted = False
    firmware.say_all(["//action:sd_ejected", "echo:SD card released"])


def _select_sd(firmware: Firmware, argument: str) -> None:
    """Somebody chooses a file at the printer's screen."""
    if firmware.card.select(argument):
        firmware.say(f"File opened: {firmware.card.selected} Size: {firmware.card.size}")
        firmware.say("File selected")


def _start_sd(firmware: Firmware, argument: str) -> None:
    if argument:
        _select_sd(firmware, argument)
    firmware.card.start()


def _cancel_sd(firmware: Firmware, argument: str) -> None:  # noqa: ARG001
    firmware.card.stop()


TROUBLES: Mapping[str, Callable[[Firmware, str], None]] = MappingProxyType(
    {
        # As OctoPrint's virtual printer names them.
        "action_pause": _says("//action:pause"),
        "action_resume": _says("//action:resume"),
        "action_disconnect": _says("//action:disconnect"),
        "action_custom": _says("//action:{}"),
        "dont_answer": _silence,
        "go_awol": _awol,
        "trigger_resend_lineno": _bad_number,
        "trigger_resend_checksum": _bad_checksum,
        "trigger_missing_checksum": _no_checksum,
        "trigger_missing_lineno": _no_number,
        "trigger_fatal_error_marlin": _kills("Error:Thermal Runaway, system stopped! Heater_ID: bed"),
        "trigger_fatal_error_repetier": _kills("fatal: Heater/sensor error - Printer stopped"),
        "mintemp_error": _kills("Error:MINTEMP triggered, system stopped! Heater_ID: 0"),
        "maxtemp_error": _kills("Error:MAXTEMP triggered, system stopped! Heater_ID: 0"),
        "drop_connection": _unplug,
        "prepare_ok": _prepare,
        "rerequest_last": _again,
        "sleep": _sleep,
        "sleep_after": _sleep_after(True),
        "sleep_after_next": _sleep_after(False),
        "resend_ratio": _ratio,
        "toggle_klipper_connection": _klipper,
        "start_sd": _start_sd,
        "select_sd": _select_sd,
        "cancel_sd": _cancel_sd,
        "send": _says("{}"),
        "set_ambient": _ambient,
        "reset": _reset,
        "unbusy": _unbusy,
        # Ours.
        "silent": _silence,
        "kill": _kills(),
        "thermal_runaway": _runaway,
        "stuck_sensor": _stuck,
        "unplug": _unplug,
        "lose_ok": _for_oks("lose_ok"),
        "double_ok": _for_oks("double_ok"),
        "late_ok": _for_oks("late_ok"),
        "extra_ok": _extra_ok,
        "wrong_resend": _for_resends("wrong_resend"),
        "short_resend": _for_resends("short_resend"),
        "refuse": _refuse,
        "corrupt": _for_lines("corrupt"),
        "drop": _for_lines("drop"),
        "duplicate": _for_lines("duplicate"),
        "merge": _for_lines("merge"),
        "split": _for_lines("split"),
        "lose": _for_lines("lose"),
        "garbage": _garbage,
        "runout": _runout,
        "insert_sd": _insert_sd,
        "eject_sd": _eject_sd,
    }
)
"""Each word and what it does."""
