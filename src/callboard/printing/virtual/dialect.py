"""How each firmware says things: its name, its oks, its errors, its temperatures. Source: facts 3.11."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from types import MappingProxyType

from msgspec import Struct

from callboard.printing.virtual.heaters import Heater, Heaters
from callboard.printing.virtual.settings import Doubled, Identity

_CAPABILITIES: Mapping[str, bool] = MappingProxyType(
    {
        "SERIAL_XON_XOFF": False,
        "BINARY_FILE_TRANSFER": False,
        "EEPROM": True,
        "VOLUMETRIC": True,
        "AUTOREPORT_POS": True,
        "AUTOREPORT_TEMP": True,
        "PROGRESS": False,
        "PRINT_JOB": True,
        "AUTOLEVEL": False,
        "RUNOUT": True,
        "Z_PROBE": False,
        "LEVELING_DATA": False,
        "BUILD_PERCENT": True,
        "SOFTWARE_POWER": True,
        "EMERGENCY_PARSER": True,
        "HOST_ACTION_COMMANDS": True,
        "PROMPT_SUPPORT": True,
        "SDCARD": True,
        "SD_WRITE": True,
        "AUTOREPORT_SD_STATUS": True,
        "LONG_FILENAME": True,
        "LFN_WRITE": False,
        "EXTENDED_M20": True,
        "THERMAL_PROTECTION": True,
        "ARCS": True,
        "BUSY_PROTOCOL": True,
        "CHAMBER_TEMPERATURE": False,
    }
)


class Style(Enum):
    """How temperatures are written."""

    MARLIN = auto()
    SMOOTHIE = auto()
    KLIPPER = auto()
    REPETIER = auto()
    REPRAP = auto()


class Dialect(Struct, frozen=True, kw_only=True):
    """One firmware's words and habits."""

    name: str
    """The answer to M115; {machine} and {hotends} are filled in."""
    capabilities: Mapping[str, bool] = _CAPABILITIES
    greeting: tuple[str, ...] = ()
    style: Style = Style.MARLIN
    doubled: Doubled = Doubled.DROP
    numbered: bool = True
    ok_number: str = ""
    """What an ok says of the line's number: "ok 12", "ok N12"."""
    double_ok: bool = False
    error: str = "Error:"
    resend: str = "Resend: {}"
    unknown: str = 'echo:Unknown command: "{}"'
    busy: str = "echo:busy: {}"
    fatal: tuple[str, ...] = ("Error:Printer halted. kill() called!",)
    wait: float = 0.0
    resend_ok: bool = True
    digits: int | None = None
    """Resend requests keep only so many digits of the number."""
    sd_slash: str = ""
    sd_lower: bool = False
    echo_targets: bool = False


def _has(**changes: bool) -> Mapping[str, bool]:
    return MappingProxyType({**_CAPABILITIES, **{name.upper(): has for name, has in changes.items()}})


_NONE: Mapping[str, bool] = MappingProxyType({})

DIALECTS: Mapping[Identity, Dialect] = MappingProxyType(
    {
        Identity.MARLIN: Dialect(
            name="FIRMWARE_NAME:Marlin 2.1.2.4 (Jan  1 2024 12:00:00) "
            "SOURCE_CODE_URL:github.com/MarlinFirmware/Marlin PROTOCOL_VERSION:1.0 "
            "MACHINE_TYPE:{machine} EXTRUDER_COUNT:{hotends} UUID:cede2a2f-41a2-4748-9b12-c55c62f367ff",
            greeting=("start", "echo:Marlin 2.1.2.4", "echo: Last Updated: 2024-01-01"),
        ),
        Identity.MARLIN1: Dialect(
            name="FIRMWARE_NAME:Marlin 1.1.9 (Github) "
            "SOURCE_CODE_URL:https://github.com/MarlinFirmware/Marlin PROTOCOL_VERSION:1.0 "
            "MACHINE_TYPE:{machine} EXTRUDER_COUNT:{hotends} "
            "UUID:cede2a2f-41a2-4748-9b12-c55c62f367ff",
            capabilities=_has(autoreport_pos=False, extended_m20=False, busy_protocol=False),
            greeting=("start", "echo:Marlin 1.1.9", "", "echo: Last Updated: 2018-07-31 | Author: (none)"),
            doubled=Doubled.REFUSE,
        ),
        Identity.PRUSA: Dialect(
            name="FIRMWARE_NAME:Prusa-Firmware 3.13.3 based on Marlin "
            "FIRMWARE_URL:https://github.com/prusa3d/Prusa-Firmware PROTOCOL_VERSION:1.0 "
            "MACHINE_TYPE:Prusa i3 MK3S EXTRUDER_COUNT:{hotends} UUID:00000000-0000-0000-0000-000000000000",
            capabilities=_has(extended_m20=True, busy_protocol=False),
            greeting=(
                "start",
                "echo: 3.13.3-7094",
                "echo: Last Updated: Jan  1 2024 12:00:00 | Author: (none)",
            ),
            doubled=Doubled.REFUSE,
            sd_slash="/",
            sd_lower=True,
        ),
        Identity.REPETIER: Dialect(
            name="FIRMWARE_NAME:Repetier_1.0.4 FIRMWARE_URL:https://github.com/repetier/Repetier-Firmware/ "
            "PROTOCOL_VERSION:1.0 MACHINE_TYPE:{machine} EXTRUDER_COUNT:{hotends} REPETIER_PROTOCOL:3",
            capabilities=MappingProxyType(
                {"PROGRESS": False, "AUTOREPORT_TEMP": True, "EEPROM": True, "SOFTWARE_POWER": True}
            ),
            greeting=("start", "Info:PowerUp", "Free RAM:4511"),
            style=Style.REPETIER,
            ok_number=" {}",
            resend="Resend:{}",
            unknown="Unknown command:{}",
            busy="busy:{}",
            fatal=("fatal:Printer stopped and heaters disabled. Fix the error and restart with M999.",),
            wait=1.0,
            echo_targets=True,
        ),
        Identity.KLIPPER: Dialect(
            name="FIRMWARE_NAME:Klipper FIRMWARE_VERSION:v0.12.0-85-gd785b396",
            capabilities=_NONE,
            style=Style.KLIPPER,
            numbered=False,
            unknown='// Unknown command:"{}"',
            error="!! ",
            fatal=("!! Printer is shut down", "// Klipper state: Shutdown"),
            busy="",
        ),
        Identity.SMOOTHIE: Dialect(
            name="FIRMWARE_NAME:Smoothieware, FIRMWARE_URL:http%3A//smoothieware.org, "
            "X-SOURCE_CODE_HASH:edge-3332442, FIRMWARE_VERSION:edge-3332442, X-SYSTEM_MCU:LPC1769",
            capabilities=_NONE,
            greeting=("Smoothie", "ok"),
            style=Style.SMOOTHIE,
            resend="rs N{}",
            unknown="error:Unsupported command - {}",
            error="error:",
            fatal=("ALARM: Abort during cycle", "!!"),
            busy="",
        ),
        Identity.REPRAP: Dialect(
            name="FIRMWARE_NAME: RepRapFirmware for Duet 2 WiFi/Ethernet FIRMWARE_VERSION: 3.4.6 "
            "ELECTRONICS: Duet WiFi 1.02 or later FIRMWARE_DATE: 2023-07-21",
            capabilities=_NONE,
            style=Style.REPRAP,
            resend="rs {}",
            unknown="Error: Unknown command: {}",
            error="Error: ",
            fatal=("Error: Emergency stop, reset the controller to continue",),
            busy="",
        ),
        Identity.TEACUP: Dialect(
            name="FIRMWARE_NAME:Teacup FIRMWARE_URL:http://github.com/traumflug/Teacup_Firmware/ "
            "PROTOCOL_VERSION:1.0 MACHINE_TYPE:{machine} EXTRUDER_COUNT:{hotends} TEMP_SENSOR_COUNT:2",
            capabilities=_NONE,
            greeting=("start",),
            resend="rs N{}",
            resend_ok=False,
            unknown="E: Bad command: {}",
            busy="",
        ),
        Identity.MALYAN: Dialect(
            name="NAME. Malyan VER. 3.7 MODEL. M200 HW. HA02",
            capabilities=_NONE,
            greeting=("start",),
            doubled=Doubled.REFUSE,
            busy="",
        ),
        Identity.CREALITY: Dialect(
            name="FIRMWARE_NAME:Marlin Ver 1.0.1.3 (Jun  4 2021 10:46:53) "
            "SOURCE_CODE_URL:https://github.com/MarlinFirmware/Marlin PROTOCOL_VERSION:1.0 "
            "MACHINE_TYPE:Ender-3 V2 EXTRUDER_COUNT:{hotends} UUID:cede2a2f-41a2-4748-9b12-c55c62f367ff",
            greeting=("start", "echo:Marlin Ver 1.0.1.3"),
            doubled=Doubled.REFUSE,
            double_ok=True,
            digits=5,
        ),
        Identity.ULTIMAKER2: Dialect(
            name="FIRMWARE_NAME:Marlin Ultimaker2; Sprinter/grbl mashup for gen6 "
            "FIRMWARE_URL:http://github.com/Ultimaker PROTOCOL_VERSION:1.0 MACHINE_TYPE:Ultimaker "
            "EXTRUDER_COUNT:{hotends}",
            capabilities=_NONE,
            greeting=("start", "echo:Marlin 1.0.0"),
            doubled=Doubled.REFUSE,
            busy="",
        ),
    }
)
"""Each firmware's habits. Its greeting is what it says after a reset."""


def describe(dialect: Dialect, machine: str, hotends: int, differing: Mapping[str, bool]) -> list[str]:
    """Return the answer to M115: who it is, and what it can do."""
    said = [dialect.name.format(machine=machine, hotends=hotends)]
    capabilities = {**dialect.capabilities, **differing}
    return said + [f"Cap:{name}:{int(has)}" for name, has in capabilities.items()]


def temperatures(dialect: Dialect, heaters: Heaters, tool: int) -> str:
    """Return the temperatures as this firmware writes them, without anything before or after."""
    return _STYLES[dialect.style](heaters, tool)


def _pair(heater: Heater) -> str:
    return f"{heater.reading:.2f} /{heater.target:.2f}"


def _marlin(heaters: Heaters, tool: int) -> str:
    hotends, others = heaters.hotends, [h for h in (heaters.bed, heaters.chamber) if h]
    said = [f"T:{_pair(hotends[tool])}"] + [f"{h.name}:{_pair(h)}" for h in others]
    if len(hotends) > 1:
        said += [f"{h.name}:{_pair(h)}" for h in hotends]
    said.append(f"@:{hotends[tool].power}")
    said += [f"{h.name}@:{h.power}" for h in others]
    if len(hotends) > 1:
        said += [f"@{number}:{h.power}" for number, h in enumerate(hotends)]
    return " ".join(said)


def _smoothie(heaters: Heaters, tool: int) -> str:  # noqa: ARG001
    names = [("T" if n == 0 else f"T{n}", h) for n, h in enumerate(heaters.hotends)]
    names += [(h.name, h) for h in (heaters.bed, heaters.chamber) if h]
    return " ".join(f"{name}:{h.reading:.1f} /{h.target:.1f} @{h.power}" for name, h in names)


def _klipper(heaters: Heaters, tool: int) -> str:  # noqa: ARG001
    first = [h for h in (heaters.bed, heaters.chamber) if h]
    return " ".join(f"{h.name}:{h.reading:.1f} /{h.target:.1f}" for h in [*first, *heaters.hotends])


def _repetier(heaters: Heaters, tool: int) -> str:
    said = [f"T:{heaters.hotends[tool].reading:.2f} /{heaters.hotends[tool].target:.0f}"]
    if heaters.bed:
        said.append(f"B:{heaters.bed.reading:.2f} /{heaters.bed.target:.0f} B@:{heaters.bed.power}")
    said.append(f"@:{heaters.hotends[tool].power}")
    if len(heaters.hotends) > 1:
        said += [
            f"{h.name}:{h.reading:.2f} /{h.target:.0f} @{n}:{h.power}" for n, h in enumerate(heaters.hotends)
        ]
    return " ".join(said)


def _reprap(heaters: Heaters, tool: int) -> str:
    hotends, others = heaters.hotends, [h for h in (heaters.bed, heaters.chamber) if h]
    named = [("T", hotends[tool])] + [(h.name, h) for h in [*hotends, *others]]
    return " ".join(f"{name}:{h.reading:.1f} /{h.target:.1f}" for name, h in named)


_STYLES: Mapping[Style, Callable[[Heaters, int], str]] = MappingProxyType(
    {
        Style.MARLIN: _marlin,
        Style.SMOOTHIE: _smoothie,
        Style.KLIPPER: _klipper,
        Style.REPETIER: _repetier,
        Style.REPRAP: _reprap,
    }
)
