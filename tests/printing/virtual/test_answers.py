"""What the printer says when it is asked, and each firmware's own way of it."""

import pytest

from callboard.printing.virtual import Faults, Identity, Virtual
from tests.printing.virtual.talking import Talk, framed


def test_m115_says_who_it_is_and_what_it_can() -> None:
    said = Talk().say("M115")
    assert said[0].startswith("FIRMWARE_NAME:Marlin 2")
    assert "Cap:AUTOREPORT_TEMP:1" in said
    assert "Cap:EMERGENCY_PARSER:1" in said
    assert said[-2].startswith("area:{full:{min:")
    assert said[-1] == "ok"


def test_capabilities_can_be_others() -> None:
    said = Talk(Virtual(capabilities={"AUTOREPORT_TEMP": False, "NOVEL": True})).say("M115")
    assert "Cap:AUTOREPORT_TEMP:0" in said
    assert "Cap:NOVEL:1" in said


def test_what_it_lacks_it_does_not_claim() -> None:
    said = Talk(Virtual(emergency_parser=False, has_sd=False, busy=0)).say("M115")
    assert {"Cap:EMERGENCY_PARSER:0", "Cap:SDCARD:0", "Cap:BUSY_PROTOCOL:0"} <= set(said)


@pytest.mark.parametrize("firmware", Identity)
def test_every_firmware_prints(firmware: Identity) -> None:
    talk = Talk(Virtual(firmware=firmware, speed=1e6, wait=0))
    talk.say("M115", framed(1, "G28"), framed(2, "M104 S200"), framed(3, "G1 X1 F3000"))
    talk.wait(1)
    assert list(talk.printer.accepted) == ["M115", "G28", "M104 S200", "G1 X1 F3000"]
    greeted = talk.printer.firmware.dialect.greeting.count("ok")
    oks = sum(line.startswith("ok") for line in talk.heard) - greeted
    assert oks == (8 if firmware is Identity.CREALITY else 4)


def test_klipper_looks_at_no_numbers_and_shouts() -> None:
    talk = Talk(Virtual(firmware=Identity.KLIPPER))
    assert talk.say("N7 G90*1") == ["ok"]
    assert talk.say("G777") == ['// Unknown command:"G777"', "ok"]
    assert talk.say("M112")[0] == "!! Printer is shut down"


def test_repetier_numbers_its_oks_and_waits_aloud() -> None:
    talk = Talk(Virtual(firmware=Identity.REPETIER))
    assert talk.say(framed(1, "G90")) == ["ok 1"]
    assert talk.wait(5.5).count("wait") == 5
    assert talk.say(framed(9, "G90"))[1] == "Resend:2"
    talk.say("G4 S5")
    assert "busy:processing" in talk.wait(3)


def test_teacup_asks_without_an_ok() -> None:
    assert Talk(Virtual(firmware=Identity.TEACUP)).say("N1 G90*1")[1:] == ["rs N1"]


def test_prusa_writes_names_in_small_letters() -> None:
    talk = Talk(Virtual(firmware=Identity.PRUSA))
    talk.printer.card.put("A.GCO", b"G28\n")
    assert talk.say("M20")[1] == "/a.gco 4"


def test_creality_says_ok_twice_and_cuts_numbers() -> None:
    talk = Talk(Virtual(firmware=Identity.CREALITY))
    talk.say(framed(134495, "M110 N134495"))
    assert talk.say(framed(134498, "G90"))[1] == "Resend: 34496"


def test_malyan_has_a_name_of_another_kind() -> None:
    assert Talk(Virtual(firmware=Identity.MALYAN)).say("M115")[0].startswith("NAME. Malyan")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("M118 hello", "hello"),
        ("M118 E1 hello", "echo:hello"),
        ("M118 A1 action:pause", "//action:pause"),
        ("M117 Layer 3", "//action:notification Layer 3"),
        ("M119", "Reporting endstop status"),
        ("M503", "echo:; Linear Units:"),
        ("M500", "echo:Settings Stored (636 bytes; crc 46412)"),
        ("M113", "echo:M113 S2"),
        ("M27", "Not SD printing"),
        ("M31", "echo:Print time: 0s"),
    ],
)
def test_what_is_said_to_a_question(line: str, said: str) -> None:
    talk = Talk()
    answer = talk.say(line)
    assert answer[0] == said
    assert answer[-1] == "ok"


@pytest.mark.parametrize(
    "line",
    ["M73 P10 R5", "M75", "M76", "M77", "M84", "M106 S255", "M107", "M300 S440", "M876 P1"],
)
def test_what_is_taken_without_a_word(line: str) -> None:
    assert Talk().say(line) == ["ok"]


def test_m154_tells_the_position_again_and_again() -> None:
    talk = Talk()
    talk.say("M154 S1")
    assert [line[:6] for line in talk.wait(3.5)] == ["X:0.00"] * 3


def test_reports_may_stand_inside_other_answers() -> None:
    talk = Talk(Virtual(faults=Faults(stray_reports=True)))
    talk.printer.card.put("A.GCO", b"G28\n")
    assert [line[:5] for line in talk.say("M20")] == ["Begin", " T:21", "A.GCO", "End f", "ok"]


def test_lines_may_end_as_on_other_boards() -> None:
    talk = Talk(Virtual(faults=Faults(line_end="\r\n")), opened=False)
    talk.printer.receive(b"G90\n", talk.now)
    assert talk.printer.outgoing(talk.now) == b"ok\r\n"


def test_a_locked_printer_takes_nothing_but_its_passcode() -> None:
    talk = Talk()
    talk.say("M510")
    assert talk.say("G1 X10") == ["echo:Printer locked! (Unlock with M511 or LCD)", "ok"]
    assert talk.say("M511 P1") == ["echo:Incorrect passcode", "ok"]
    assert talk.say("M511 P1234") == ["ok"]
    assert talk.say("G1 X10") == ["ok"]


def test_the_fan_tells_how_fast_it_turns() -> None:
    talk = Talk()
    talk.say("M106 S255")
    assert talk.say("M123")[0] == "E0:5000 RPM"


def test_reprap_writes_positions_its_own_way() -> None:
    assert Talk(Virtual(firmware=Identity.REPRAP)).say("M114")[0] == (
        "X:0.000 Y:0.000 Z:0.000 E:0.000 E0:0.0 Count 0 0 0"
    )
