"""G-code scripts: what is sent, and what never is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callboard.config.printer import Printer, Scripts
from callboard.printing.scripts import Script, fill, heaters_off, lines
from callboard.printing.wishes import Print
from tests.printing.joined import Joined, program


def test_words_in_braces_are_filled_in() -> None:
    assert (
        fill("G1 X{x} Y{y} ; {file}", {"x": 1.5, "y": 20.0, "file": "a.gcode"})[0] == "G1 X1.5 Y20 ; a.gcode"
    )


def test_other_braces_stay_as_they_are() -> None:
    assert fill("M117 {} {X} {a b} }{", {}) == ("M117 {} {X} {a b} }{", "")


def test_an_unknown_word_is_named() -> None:
    assert fill("G1 Z{z}", {"z": None})[1] == "z"


@given(st.text())
def test_no_value_adds_a_line_or_a_comment(text: str) -> None:
    filled, _ = fill("M117 {file}", {"file": text})
    assert not any(mark in filled for mark in "\r\n\0;")
    assert len(filled) <= 205


def test_the_usual_cancel_script_knows_what_the_printer_has() -> None:
    printer = Printer(name="x", port="virtual", extruders=2, heated_bed=False, heated_chamber=True)
    assert heaters_off(printer) == ("M104 T0 S0", "M104 T1 S0", "M141 S0")
    assert lines(Script.AfterPrintCancelled, printer)[:3] == heaters_off(printer)
    assert lines(Script.AfterPrintDone, printer) == ()


def test_an_own_script_replaces_the_usual_one_even_if_it_is_empty() -> None:
    printer = Printer(name="x", port="virtual", scripts=Scripts(after_cancelled=""))
    assert lines(Script.AfterPrintCancelled, printer) == ()


def test_a_script_for_a_new_connection_is_sent() -> None:
    bench = Joined({"scripts": Scripts(after_connected="M117 hello {printer}")}).connect()
    bench.run(5)
    assert "M117 hello mk3" in bench.printer.accepted
    assert bench.follows("Connected", "GcodeScriptAfterPrinterConnectedRunning")
    assert "GcodeScriptAfterPrinterConnectedFinished" in bench.names


def test_an_empty_script_tells_nothing() -> None:
    bench = Joined().connect()
    bench.print("G28\n")
    bench.until("PrintSettled")
    assert not any(name.startswith("GcodeScript") for name in bench.names)


def test_a_line_with_an_unknown_word_is_left_out_and_told() -> None:
    bench = Joined({"scripts": Scripts(before_print="M117 {nothing}\nM117 {file}")}).connect()
    bench.do(Print(program("G28\n", "sub/evil;M112\nM112.gcode")))
    bench.until("PrintDone")
    assert bench.data("CommandSuppressed")["message"] == "{nothing} is not known here."
    assert "M117 sub/evil M112 M112.gcode" in bench.printer.accepted


def test_a_comment_in_a_script_is_no_line() -> None:
    bench = Joined({"scripts": Scripts(before_print="; warm up\n\nM117 go ; now")}).connect()
    bench.print("G28\n")
    bench.until("PrintDone")
    assert "M117 go" in bench.printer.accepted
