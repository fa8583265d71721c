"""Lines, numbers, checksums and buffers, as Marlin has them."""

import pytest

from callboard.printing.virtual import Doubled, Faults, Virtual, VirtualPrinter
from tests.printing.virtual.talking import Talk, framed

RELAXED = Virtual(speed=1e6)


def test_it_greets_when_it_is_opened() -> None:
    printer = VirtualPrinter()
    printer.open(5.0)
    assert printer.outgoing(5.0).startswith(b"start\n")


def test_a_command_is_answered_with_ok() -> None:
    assert Talk().say("G90") == ["ok"]


def test_a_numbered_line_with_its_checksum_is_taken() -> None:
    talk = Talk()
    assert talk.say(framed(1, "G90")) == ["ok"]
    assert list(talk.printer.accepted) == ["G90"]


def test_a_wrong_number_is_refused_in_marlins_words() -> None:
    talk = Talk()
    talk.say(framed(1, "G90"))
    assert talk.say(framed(3, "G91")) == [
        "Error:Line Number is not Last Line Number+1, Last Line: 1",
        "Resend: 2",
        "ok",
    ]
    assert list(talk.printer.accepted) == ["G90"]


def test_a_wrong_checksum_is_refused_in_marlins_words() -> None:
    assert Talk().say("N1 G90*7") == ["Error:checksum mismatch, Last Line: 0", "Resend: 1", "ok"]


def test_a_number_without_a_checksum_is_refused() -> None:
    assert Talk().say("N1 G90")[0] == "Error:No Checksum with line number, Last Line: 0"


def test_after_a_bad_line_all_that_has_arrived_is_thrown_away() -> None:
    talk = Talk()
    assert talk.say("N1 G90*7", framed(2, "G91"), framed(3, "G90"))[1:] == ["Resend: 1", "ok"]
    assert talk.say(framed(1, "G90"), framed(2, "G91")) == ["ok", "ok"]


@pytest.mark.parametrize("number", [0, 41, -1, -7])
def test_m110_sets_the_number_even_a_negative_one(number: int) -> None:
    talk = Talk()
    assert talk.say(framed(number, f"M110 N{number}")) == ["ok"]
    assert talk.say(framed(number + 1, "G90")) == ["ok"]


def test_m110_as_printrun_sends_it_is_understood() -> None:
    talk = Talk()
    assert talk.say("N-1 M110 N-1*125") == ["ok"]
    assert talk.say(framed(0, "G90")) == ["ok"]


def test_what_comes_right_behind_m110_is_not_forgotten() -> None:
    talk = Talk()
    assert talk.say("N-1 M110 N-1*125", framed(0, "G90")) == ["ok", "ok"]
    assert talk.say(framed(1, "G91")) == ["ok"]


def test_a_bare_m110_is_understood_too() -> None:
    talk = Talk()
    assert talk.say("M110 N5") == ["ok"]
    assert talk.say(framed(6, "G90")) == ["ok"]


@pytest.mark.parametrize(
    ("doubled", "answer"),
    [
        (Doubled.DROP, []),
        (Doubled.ACCEPT, ["ok"]),
        (Doubled.REFUSE, ["Error:Line Number is not Last Line Number+1, Last Line: 1", "Resend: 2", "ok"]),
    ],
)
def test_a_line_that_comes_twice(doubled: Doubled, answer: list[str]) -> None:
    talk = Talk(Virtual(faults=Faults(doubled=doubled)))
    talk.say(framed(1, "G90"))
    assert talk.say(framed(1, "G90")) == answer


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n", b"\n\r", b"\n\n\n"])
def test_every_line_end_is_one(end: bytes) -> None:
    talk = Talk()
    assert talk.raw(b"G90" + end + b"G91" + end) == ["ok", "ok"]


def test_a_line_may_come_in_pieces() -> None:
    talk = Talk()
    assert [talk.raw(piece) for piece in (b"G", b"9", b"0", b"\n")] == [[], [], [], ["ok"]]


def test_empty_lines_and_comments_are_no_commands() -> None:
    talk = Talk()
    assert talk.raw(b"\n\n; only a comment\n\r\n") == []
    assert talk.say("G90 ; absolute") == ["ok"]
    assert list(talk.printer.accepted) == ["G90"]


def test_an_unknown_command_is_named_and_acknowledged() -> None:
    assert Talk().say("G777 X1") == ['echo:Unknown command: "G777 X1"', "ok"]


def test_what_the_receive_buffer_cannot_hold_is_lost() -> None:
    talk = Talk(Virtual(rx_buffer=64))
    talk.say("G4 S100")
    talk.say(*["M114"] * 3)  # the queue is full now
    talk.raw(b"M119\n" * 20)
    assert talk.printer.lost == 100 - 64
    talk.until("Reporting")
    talk.wait(1)
    assert list(talk.printer.accepted).count("M119") == 12
    assert talk.printer.accepted[-1] == "M119"


def test_what_fits_into_the_buffers_is_never_lost() -> None:
    talk = Talk()
    talk.say("G4 S1", *["M114"] * 20)
    assert talk.printer.lost == 0
    assert talk.until("X:")[0] == "ok"
    talk.wait(0.1)
    assert list(talk.printer.accepted).count("M114") == 20


def test_the_command_queue_holds_four() -> None:
    talk = Talk(Virtual(advanced_ok=True))
    assert talk.say("G90") == ["ok P15 B4"]
    assert talk.say("G4 P100", "M114", "M114") == []
    assert [line for line in talk.wait(1) if line.startswith("ok")] == ["ok P15 B2", "ok P15 B3", "ok P15 B4"]


def test_an_advanced_ok_tells_the_number() -> None:
    assert Talk(Virtual(advanced_ok=True)).say(framed(1, "G90")) == ["ok N1 P15 B4"]


def test_a_line_that_is_too_long_is_cut() -> None:
    talk = Talk()
    talk.say("M118 " + "x" * 200)
    assert talk.heard[-2] == "x" * 90
    assert talk.say(framed(1, "M118 " + "x" * 200))[0].startswith("Error:No Checksum")


def test_bytes_that_are_no_text_are_only_an_unknown_command() -> None:
    assert Talk().raw(b"\xff\xfe\x80\n")[-1] == "ok"


def test_numbers_can_be_required() -> None:
    talk = Talk(Virtual(force_numbers=True))
    assert talk.say("G90")[0].startswith("Error:No Checksum")
    assert talk.say(framed(1, "G90")) == ["ok"]


def test_m112_stops_it_for_good() -> None:
    talk = Talk()
    talk.say("M104 S200")
    assert talk.say("M112") == ["Error:Printer halted. kill() called!"]
    assert talk.say("G90", "M105") == []
    assert talk.wait(60) == []
    talk.printer.reset(talk.now)
    assert talk.hear()[0] == "start"
    assert " /0.00 B" in talk.say("M105")[0]


@pytest.mark.parametrize("line", ["G90 ; not M112", "M118 not M112", "; M112", "M1120", "XM112"])
def test_m112_inside_something_else_stops_nothing(line: str) -> None:
    talk = Talk()
    talk.say(line)
    assert talk.say("G90")[-1] == "ok"


def test_m112_overtakes_what_waits() -> None:
    talk = Talk()
    talk.say("G4 S100", *["G90"] * 8)
    assert talk.say("M112") == ["Error:Printer halted. kill() called!"]


def test_m112_is_found_with_a_number_and_in_pieces() -> None:
    talk = Talk()
    talk.say("G4 S100")
    assert [talk.raw(piece) for piece in (b"N1 M1", b"12*", b"34\r")][-1] != []


def test_without_an_emergency_parser_m112_waits_its_turn() -> None:
    talk = Talk(Virtual(emergency_parser=False))
    assert talk.say("G4 S10", "M112") == []
    assert talk.until("Error:")


def test_a_flood_takes_only_bounded_memory() -> None:
    talk = Talk()
    talk.raw(b"G1 X1 " * 100_000)
    assert talk.printer.room > 0
    talk.say("", "G4 S1000")
    talk.raw(b"G1 X1 \n" * 100_000)
    assert talk.printer.firmware.intake.room == 0
    assert len(talk.printer.firmware.queue) <= 4
