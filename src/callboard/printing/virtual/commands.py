"""Which command does what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from callboard.printing.virtual import filing, heating, moving, telling
from callboard.printing.virtual.waits import Task
from callboard.printing.virtual.words import Words

if TYPE_CHECKING:
    from callboard.printing.virtual.firmware import Firmware

Handler = Callable[["Firmware", Words], Task | None]


def _move(firmware: Firmware, said: Words) -> Task | None:
    return moving.move(firmware, said.rest)


_SILENT = (
    "M16 M17 M18 M42 M75 M76 M77 M80 M81 M84 M85 M92 M150 M200 M201 M202 M203 M204 M205 "
    "M206 M207 M208 M209 M211 M217 M218 M221 M240 M245 M250 M280 M300 M301 M302 M304 M305 M355 M401 M402 "
    "M403 M412 M413 M420 M425 M428 M486 M569 M572 M575 M593 M603 M605 M665 M666 M851 M862 M871 M900 M906 "
    "M907 M913 M914 M928 M40 G17 G27 G30 G60 G61 G80"
)

COMMANDS: Mapping[str, Handler] = MappingProxyType(
    {
        **dict.fromkeys(_SILENT.split(), telling.silent),
        **dict.fromkeys((f"T{number}" for number in range(100)), moving.tool),
        **dict.fromkeys(("G0", "G1"), _move),
        **dict.fromkeys(("G2", "G3"), moving.arc),
        "G4": moving.dwell,
        **dict.fromkeys(("G10", "G11"), moving.retract),
        **dict.fromkeys(("G20", "G21"), moving.units),
        "G28": moving.home,
        **dict.fromkeys(("G29", "G33", "M48"), moving.level),
        **dict.fromkeys(("G90", "G91"), moving.absolute),
        "G92": moving.set_position,
        **dict.fromkeys(("M82", "M83"), moving.absolute_e),
        **dict.fromkeys(("M0", "M1", "M226"), moving.pause),
        "M220": moving.feedrate,
        "M400": moving.finish,
        "M410": moving.stop,
        "M600": moving.change_filament,
        **dict.fromkeys(("M701", "M702"), telling.load),
        **dict.fromkeys(("M104", "M109"), heating.hotend),
        **dict.fromkeys(("M140", "M190"), heating.bed),
        **dict.fromkeys(("M141", "M191"), heating.chamber),
        "M105": heating.temperature,
        "M123": heating.turns,
        **dict.fromkeys(("M106", "M107"), heating.fan),
        "M116": heating.all_reached,
        "M155": heating.report_temperatures,
        "M20": filing.list_files,
        "M21": filing.mount,
        "M22": filing.release,
        "M23": filing.select,
        "M24": filing.start,
        "M25": filing.pause,
        "M26": filing.seek,
        "M27": filing.status,
        "M28": filing.write,
        "M29": filing.end_of_write,
        "M30": filing.delete,
        "M32": filing.select_and_start,
        "M33": filing.long_name,
        "M524": filing.abort,
        "M1001": filing.done,
        "M31": telling.print_time,
        "M73": telling.progress,
        "M78": telling.statistics,
        "M108": telling.go_on,
        "M110": telling.line_number,
        "M112": telling.stop,
        "M113": telling.keep_alive,
        "M114": telling.where,
        "M115": telling.who,
        "M117": telling.show,
        "M118": telling.echo,
        "M119": telling.end_stops,
        "M154": telling.report_position,
        **dict.fromkeys(("M500", "M501", "M502", "M504"), telling.stored),
        "M510": telling.lock,
        "M511": telling.unlock,
        "M503": telling.settings,
        "M876": telling.answer,
        "M999": telling.restart,
    }
)
"""Each command's handler: it returns nothing when it is over, or a task that takes its time."""
