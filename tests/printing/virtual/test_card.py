"""The SD card keeps what is written to it and prints it."""

from pathlib import Path

import pytest

from callboard.printing.virtual import Faults, Virtual
from tests.printing.virtual.talking import Talk, framed

PROGRAM = b"G28\nM104 S50\nG1 X10 F3000 ; there\n\n; and back\nG1 X0\nM117 done\n"


@pytest.fixture(params=["memory", "folder"])
def talk(request: pytest.FixtureRequest, tmp_path: Path) -> Talk:
    return Talk(Virtual(speed=1000, sd=tmp_path if request.param == "folder" else None))


def test_files_are_listed_with_their_sizes(talk: Talk) -> None:
    talk.printer.card.put("CUBE.GCO", PROGRAM)
    assert talk.say("M20") == ["Begin file list", f"CUBE.GCO {len(PROGRAM)}", "End file list", "ok"]


def test_long_names_are_listed_on_request_and_stand_for_the_short_ones(talk: Talk) -> None:
    talk.printer.card.put("a long name.gcode", PROGRAM)
    talk.printer.card.put("a long nose.gcode", b"G28\n")
    said = talk.say("M20 L")
    assert said[1] == f"ALONGN~1.GCO {len(PROGRAM)} a long name.gcode"
    assert said[2] == "ALONGN~2.GCO 4 a long nose.gcode"
    assert talk.say("M33 alongn~2.gco")[0] == "/a long nose.gcode"
    assert "File opened: ALONGN~1.GCO Size: " in talk.say("M23 ALONGN~1.GCO")[1]


def test_times_are_listed_on_request(talk: Talk) -> None:
    talk.printer.card.put("CUBE.GCO", PROGRAM)
    name, size, stamp = talk.say("M20 T")[1].split()
    assert (name, size, stamp[:2]) == ("CUBE.GCO", str(len(PROGRAM)), "0x")
    assert 1980 + (int(stamp, 16) >> 25) >= 2024


def test_files_in_folders_have_paths(talk: Talk) -> None:
    talk.printer.card.put("parts/CUBE.GCO", PROGRAM)
    assert talk.say("M20")[1].startswith("PARTS/CUBE.GCO ")
    assert talk.say("M23 /PARTS/CUBE.GCO")[-2:] == ["File selected", "ok"]


def test_a_missing_file_is_refused(talk: Talk) -> None:
    assert "open failed, File: NONE.GCO." in talk.say("M23 NONE.GCO")
    assert talk.say("M30 NONE.GCO")[0] == "Deletion failed, File: NONE.GCO."
    assert talk.say("M24") == ["ok"]


def test_a_file_is_printed_with_all_its_commands(talk: Talk) -> None:
    talk.printer.card.put("CUBE.GCO", PROGRAM)
    talk.say("M23 CUBE.GCO")
    talk.say("M24")
    said = talk.until("Done printing file")
    assert list(talk.printer.ran) == ["G28", "M104 S50", "G1 X10 F3000", "G1 X0", "M117 done", "M1001"]
    assert "//action:notification done" in said
    assert talk.say("M27")[0] == "Not SD printing"


def test_a_print_from_the_card_takes_its_time_and_tells_how_far_it_is() -> None:
    talk = Talk()
    talk.printer.card.put("LONG.GCO", b"".join(b"G1 X%d F600\n" % (n % 2 * 100) for n in range(40)))
    talk.say("M23 LONG.GCO", "M24", "M27 S2")
    told = [line for line in talk.wait(60) if line.startswith("SD printing byte")]
    assert len(told) == 30
    done = [int(line.split()[-1].split("/")[0]) for line in told]
    assert done == sorted(done)
    assert 0 < done[-1] < 500


def test_pausing_and_going_on(talk: Talk) -> None:
    talk.printer.card.put("LONG.GCO", b"G4 P100\n" * 100)
    talk.say("M23 LONG.GCO")
    talk.say("M24")
    talk.wait(0.002, step=0.001)
    talk.say("M25")
    talk.wait(1)
    ran = len(talk.printer.ran)
    talk.wait(1)
    assert 0 < ran == len(talk.printer.ran) < 100
    assert talk.say("M27")[0].startswith("SD printing byte")
    talk.say("M24")
    talk.until("Done printing file")
    assert list(talk.printer.ran).count("G4 P100") == 100


def test_a_print_can_be_ended(talk: Talk) -> None:
    talk.printer.card.put("LONG.GCO", b"G4 S1000\n" * 100)
    talk.say("M23 LONG.GCO")
    talk.say("M24")
    talk.say("M524")
    talk.wait(10)
    assert talk.say("M27")[0] == "Not SD printing"


def test_seeking_skips_what_is_before(talk: Talk) -> None:
    talk.printer.card.put("A.GCO", b"M117 one\nM117 two\n")
    talk.say("M23 A.GCO")
    talk.say("M26 S9")
    assert "Done printing file" in talk.say("M24")
    assert list(talk.printer.ran) == ["M117 two", "M1001"]


def test_the_wire_is_answered_while_the_card_prints() -> None:
    talk = Talk()
    talk.printer.card.put("LONG.GCO", b"G1 X100 F6000\nG1 X0\n" * 100)
    talk.say("M23 LONG.GCO", "M24")
    talk.wait(5)
    talk.say("M105")
    assert talk.until("ok T:", patience=10)


def test_written_lines_are_kept_each_on_its_own(talk: Talk) -> None:
    talk.say(framed(1, "M28 NEW.GCO"))
    assert "Writing to file: NEW.GCO" in talk.heard
    for number, line in enumerate(["G28", "G1 X10 F3000", "M104 S50"], 2):
        assert talk.say(framed(number, line)) == ["ok"]
    assert talk.say(framed(5, "M29")) == ["Done saving file.", "ok"]
    assert talk.printer.card.content("NEW.GCO") == b"G28\nG1 X10 F3000\nM104 S50\n"
    assert talk.say("M105")[0].startswith("ok T:21.30 /0.00")
    talk.say("M23 NEW.GCO")
    talk.say("M24")
    talk.until("Done printing file")
    assert list(talk.printer.ran) == ["G28", "G1 X10 F3000", "M104 S50", "M1001"]


def test_a_line_without_number_is_refused_while_a_file_is_written(talk: Talk) -> None:
    talk.say(framed(1, "M28 NEW.GCO"))
    assert talk.say("G28")[0].startswith("Error:No Checksum with line number")
    assert talk.say("M29")[0] == "Done saving file."


def test_a_firmware_may_forget_the_ok_of_m29() -> None:
    talk = Talk(Virtual(faults=Faults(saved_ok=False)))
    talk.say("M28 NEW.GCO")
    assert talk.say("M29") == ["Done saving file."]


def test_a_file_is_deleted(talk: Talk) -> None:
    talk.printer.card.put("CUBE.GCO", PROGRAM)
    assert talk.say("M30 cube.gco") == ["File deleted:cube.gco", "ok"]
    assert talk.say("M20") == ["Begin file list", "End file list", "ok"]


@pytest.mark.parametrize("name", ["../out.gco", "a/../../out.gco", "", "/"])
def test_nothing_is_written_outside_the_card(name: str, tmp_path: Path) -> None:
    card = tmp_path / "card"
    card.mkdir()
    talk = Talk(Virtual(sd=card))
    talk.say(f"M28 {name}")
    talk.say(framed(1, "G28"))
    talk.say("M29")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_card_may_be_missing_or_pulled() -> None:
    talk = Talk(Virtual(has_sd=False))
    assert talk.say("M21")[0] == "echo:No media"
    assert talk.say("!!DEBUG:insert_sd")[0] == "//action:sd_inserted"
    assert talk.say("M21")[0] == "echo:SD card ok"
    assert talk.say("!!DEBUG:eject_sd")[0] == "//action:sd_ejected"
    assert talk.say("M20") == ["echo:No media", "ok"]
