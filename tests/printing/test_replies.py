"""One line of the printer -> one value."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.printing import cardreplies, readings
from callboard.printing.cardreplies import ListBegins, ListEnds
from callboard.printing.faults import Joining, Severity, about_number, severity
from callboard.printing.incoming import BACKLOG, LONGEST, Incoming
from callboard.printing.replies import (
    Capability,
    ErrorLine,
    Ok,
    Reading,
    Reply,
    Resend,
    Skipped,
    Start,
    Target,
    Text,
    UnknownCommand,
    Wait,
    parse,
)
from callboard.printing.reports import (
    ActionAsked,
    Busy,
    FirmwareIs,
    PositionIs,
    SdDeleted,
    SdDone,
    SdEntry,
    SdFailed,
    SdInserted,
    SdNotPrinting,
    SdOpened,
    SdProgress,
    SdRemoved,
    SdSaved,
    SdSelected,
    SdWriting,
)

LINES: list[tuple[str, Reply]] = [
    ("ok", Ok()),
    ("ok \r", Ok()),
    ("ok N12 P15 B4", Ok(12)),
    ("ok 12", Ok(12)),
    ("ok T:21.5 /0.0 B:20.0 /60.0 @:0", Ok(None, {"T": (21.5, 0.0), "B": (20.0, 60.0)})),
    ("ok X:1.00 Y:2.00 Z:3.00 E:4.00", Ok(None, None, PositionIs(1.0, 2.0, 3.0, 4.0))),
    ("okok", Ok(rest="ok")),
    ("ok Resend: 12", Ok(rest="Resend: 12")),
    ("Resend: 12", Resend(12)),
    ("Resend:12", Resend(12)),
    ("Resend:N12", Resend(12)),
    ("rs 12", Resend(12)),
    ("rs N12", Resend(12)),
    ("resend: 034497", Resend(34497)),
    ("Resend: 55\u00b36", Resend(None)),
    ("Resend:", Resend(None)),
    ("wait", Wait()),
    ("start", Start()),
    ("skip 12", Skipped(12)),
    ("echo:busy: processing", Busy("processing")),
    ("busy: paused for user", Busy("paused for user")),
    ("Error:checksum mismatch, Last Line: 7", ErrorLine("checksum mismatch, Last Line: 7", 7)),
    ("!! Printer is shut down", ErrorLine("Printer is shut down")),
    ("!!\x18\x82 noise", Text("!!\x18\x82 noise", damaged=True)),
    ("fatal:Printer stopped", ErrorLine("Printer stopped", None, True)),
    ('echo:Unknown command: "G999"', UnknownCommand("G999")),
    ('// Unknown command:"FOO"', UnknownCommand("FOO")),
    ("error:Unsupported command - G999", UnknownCommand("G999")),
    ("Cap:EMERGENCY_PARSER:1", Capability("EMERGENCY_PARSER", True)),
    (" T:20.5 /210.0 B:60 /60", Reading({"T": (20.5, 210.0), "B": (60.0, 60.0)})),
    ("B:0.0 /0.0 T0:21.3 /0.0", Reading({"B": (0.0, 0.0), "T0": (21.3, 0.0)})),
    ("T:-15 E:0 W:?", Reading({"T": (-15.0, None)})),
    ("TargetExtr0:210", Target("T0", 210.0)),
    ("TargetBed:60", Target("B", 60.0)),
    ("X:0.00 Y:127.00 Z:145.00 E:0.00 Count X: 0 Y:10160", PositionIs(0.0, 127.0, 145.0, 0.0)),
    ("X:1.0 Y:2.0 Z:3.0 E0:5.0", PositionIs(1.0, 2.0, 3.0, 5.0)),
    ("//action:pause", ActionAsked("pause", "")),
    ("// action:prompt_begin Filament runs out", ActionAsked("prompt_begin", "Filament runs out")),
    ("// just a comment", Text("// just a comment")),
    ("oj", Text("oj", True)),
    ("\u0094k", Text("\u0094k", True)),
    ("echo:Marlin 2.1", Text("echo:Marlin 2.1")),
    ("", Text("")),
    ("Begin file list", ListBegins()),
    ("End file list", ListEnds()),
    ("File opened:part.gco Size:1234", SdOpened("part.gco", 1234)),
    ("File opened: PART.GCO Size: 1234", SdOpened("PART.GCO", 1234)),
    ("File opened:part.gco", SdOpened("part.gco", None)),
    ("File selected", SdSelected()),
    ("SD printing byte 12/345", SdProgress(12, 345)),
    ("Not SD printing", SdNotPrinting()),
    ("Done printing file", SdDone()),
    ("Writing to file: a.gco", SdWriting("a.gco")),
    ("Done saving file.", SdSaved()),
    ("File deleted:a.gcook", SdDeleted("a.gco")),
    ("open failed, File: a.gco.", SdFailed("open failed, File: a.gco.")),
    ("echo:SD card ok", SdInserted()),
    ("SD init fail", SdRemoved()),
    ("echo:No media", SdRemoved()),
]


@pytest.mark.parametrize(("text", "reply"), LINES, ids=[text or "nothing" for text, _ in LINES])
def test_each_form_means_what_the_facts_say(text: str, reply: Reply) -> None:
    assert parse(text) == reply


def test_a_firmware_says_who_it_is_with_spaces_and_addresses_in_its_values() -> None:
    said = parse(
        "FIRMWARE_NAME:Marlin 2.1 (Jan  1 2024 12:00:00) SOURCE_CODE_URL:https://github.com/x UUID:cede-1"
    )
    assert isinstance(said, FirmwareIs)
    assert said.name == "Marlin 2.1 (Jan  1 2024 12:00:00)"
    assert said.data["SOURCE_CODE_URL"] == "https://github.com/x"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("NAME. Malyan VER. 3.7 MODEL. M200", "Malyan"),
        ("NAME: Malyan VER: 2.9", "Malyan"),
        ("FIRMWARE_NAME:Smoothieware, FIRMWARE_URL:http%3A//x, X-SYSTEM_MCU:LPC1769", "Smoothieware"),
        ("FIRMWARE_NAME: RepRapFirmware for Duet 2 FIRMWARE_VERSION: 3.4.6", "RepRapFirmware for Duet 2"),
    ],
)
def test_every_firmware_has_a_name(text: str, name: str) -> None:
    said = parse(text)
    assert isinstance(said, FirmwareIs)
    assert said.name == name


@pytest.mark.parametrize(
    ("text", "tool", "expected"),
    [
        ("T:20 /0", 1, {"T1"}),
        ("T:20 /0 T0:20 /0 T1:30 /0", 1, {"T0", "T1"}),
        ("T:20 /0 T1:30 /0", 0, {"T0", "T1"}),
        ("T:20 /0 B:30 /0 C:40 P:22.5", 0, {"T0", "B", "C", "P"}),
        ("T0:20 X:1 Y:2 A:3 B:4 C:5", 0, {"T0"}),
    ],
)
def test_readings_get_the_names_of_their_tools(text: str, tool: int, expected: set[str]) -> None:
    found = readings.temperatures(text)
    assert found is not None
    assert set(readings.by_tool(found, tool)) == expected


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("PART.GCO", SdEntry("PART.GCO")),
        ("PART.GCO 123", SdEntry("PART.GCO", 123)),
        ('PART~1.GCO 123 "A long name.gcode"', SdEntry("PART~1.GCO", 123, None, "A long name.gcode")),
        ("PART~1.GCO 123 A long name.gcode", SdEntry("PART~1.GCO", 123, None, "A long name.gcode")),
        ("a.gcode 5 0x58215a3a", SdEntry("a.gcode", 5, 1704107872)),
        ("a.gcode 5 0x28215a3a b.gcode", SdEntry("a.gcode", 5, None, "b.gcode")),
        ("two words.gco", SdEntry("two words.gco")),
        ("README.TXT 12", None),
        ("wait", None),
        (" T:20.0 /0.0", None),
        ("stra\u00dfe.gco 5", None),
    ],
)
def test_a_line_of_the_cards_list_is_a_file_or_nothing(text: str, entry: SdEntry | None) -> None:
    assert cardreplies.entry(text) == entry


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Error:Line Number is not Last Line Number+1, Last Line: 3", Severity.REFUSAL),
        ("Error:checksum mismatch, Last Line: 3", Severity.REFUSAL),
        ("Error:chebksum mismatch, Last Line: 3", Severity.REFUSAL),
        ("Error:No Checks", Severity.REFUSAL),
        ("Error:No Line Number with checksum, Last Line: 3", Severity.UNNUMBERED),
        ("Error:volume.init failed", Severity.CARD),
        ("Error:Printer halted. kill() called!", Severity.KILLED),
        ("fatal: stopped", Severity.KILLED),
        ("Error:Thermal Runaway, system stopped! Heater_ID: bed", Severity.OTHER),
        ("!! Move out of range", Severity.OTHER),
    ],
)
def test_errors_are_as_bad_as_the_facts_say(text: str, expected: Severity) -> None:
    error = parse(text)
    assert isinstance(error, ErrorLine)
    assert severity(error) is expected


def test_only_a_wrong_number_can_be_an_echo() -> None:
    assert about_number(ErrorLine("Line Number is not Last Line Number+1, Last Line: 3", 3))
    assert about_number(ErrorLine("expected line 4 got 5 "))
    assert not about_number(ErrorLine("checksum mismatch, Last Line: 3", 3))
    assert not about_number(ErrorLine("No Line Number with checksum, Last Line: 3", 3))


def test_a_message_in_two_lines_is_one() -> None:
    joining = Joining(0.1)
    joining.hold(ErrorLine("0"), 1.0)
    assert joining.join(": Extruder switched off. MINTEMP triggered !", refused=False) == ErrorLine(
        "Extruder switched off. MINTEMP triggered !"
    )
    joining.hold(ErrorLine("Printer halted. kill() called!"), 1.0)
    assert joining.join("Heating failed", refused=False) == ErrorLine(
        "Printer halted. kill() called! - Heating failed", None, True
    )
    joining.hold(ErrorLine("MAXTEMP"), 1.0)
    assert joining.late(1.05) is None
    assert joining.late(1.2) == ErrorLine("MAXTEMP")


def test_an_error_with_a_request_behind_it_was_a_refusal() -> None:
    joining = Joining(0.1)
    joining.hold(ErrorLine("Xine Nzmber"), 1.0)
    assert joining.join("Resend: 5", refused=True) is None


@given(st.text(max_size=300))
def test_any_line_has_a_meaning(text: str) -> None:
    parse(text)
    cardreplies.entry(text)


WORDS = st.sampled_from(
    [
        "ok",
        "T:",
        "T0:",
        "B:",
        "X:",
        "Y:",
        "N12",
        "Resend:",
        "Error:",
        "Last Line: ",
        "Cap:",
        "//action:",
        "-",
        " /",
        "File opened:",
        "Size:",
        "FIRMWARE_NAME:",
        "SD printing byte ",
        "1e30",
        "99999999999999999999",
        "nan",
        " ",
    ]
)


@given(st.lists(WORDS | st.text(max_size=5), max_size=30).map("".join))
def test_any_mixture_of_words_has_a_meaning(text: str) -> None:
    parse(text)


@pytest.mark.parametrize("text", ["T", "T:", "A", " ", "ok", "//", "X:Y:", "1", "N1 ", "A_", "Error:", '"'])
def test_a_long_line_costs_no_more_than_its_length(text: str) -> None:
    """Twice as long must not be four times as slow; with a wide margin for a busy machine."""

    def seconds(size: int) -> float:
        line = (text * size)[:size]
        begun = time.process_time()
        for _ in range(5):
            parse(line)
        return time.process_time() - begun

    assert min(seconds(40_000) for _ in range(3)) < 40 * min(seconds(4_000) for _ in range(3)) + 0.05


# Bytes -> lines


def lines(*chunks: bytes) -> list[str]:
    incoming = Incoming()
    found: list[str] = []
    for chunk in chunks:
        incoming.feed(chunk)
        found += incoming.lines(1000)
    return found


def test_lines_end_at_line_feeds_and_nowhere_else() -> None:
    assert lines(b"o", b"k\r\nT:2", b"0\x0b\x1c\n", b"rest") == ["ok", "T:20\x0b\x1c"]


def test_what_is_no_utf8_is_latin1_and_nuls_are_left_out() -> None:
    assert lines(b"\xe4\n\xc3\xa4\n\x00o\x00k\n") == ["\xe4", "\xe4", "ok"]


def test_a_line_without_end_is_cut() -> None:
    assert [len(line) for line in lines(b"x" * 5000, b"x" * 5000)] == [5000, 5000] or all(
        len(line) <= LONGEST for line in lines(b"x" * 5000)
    )


def test_a_flood_is_bounded() -> None:
    incoming = Incoming()
    incoming.feed(b"ok\n" * 100_000)
    assert incoming.lost == 300_000 - BACKLOG
    assert len(incoming.lines(500)) == 500
    assert incoming.waiting()


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_however_bytes_are_cut_the_lines_are_the_same(chunks: list[bytes]) -> None:
    assert lines(*chunks) == lines(b"".join(chunks))
