"""The printer's card: its list, its files, a print of it that the host only watches."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.config.printer import Scripts
from callboard.printing.virtual import Virtual
from callboard.printing.wishes import Cancel, DeleteSd, Pause, RefreshSd, Resume, SelectSd, Start
from tests.printing.joined import Joined, moves, terminal_events

PROGRAM = "G90\nG28\nM300 S1\n" + moves(600)


def bench_with(*files: str, content: str = PROGRAM, settings: dict[str, Any] | None = None) -> Joined:
    bench = Joined(settings, Virtual(speed=20.0, draw=False))
    for name in files:
        bench.printer.card.put(name, content.encode())
    return bench.connect()


def names(bench: Joined) -> list[str]:
    return [each["name"] for each in bench.machine.status(bench.now)["sd"]["files"]]


@pytest.fixture
def bench() -> Joined:
    return bench_with("cube.gco", "other.gco")


def select(bench: Joined, path: str = "cube.gco") -> None:
    assert bench.do(SelectSd(path)).success
    bench.until("FileSelected")


def start(bench: Joined) -> None:
    select(bench)
    assert bench.do(Start()).success
    bench.until(lambda: bench.state == "PRINTING")


def test_the_list_of_files_is_read_after_connecting(bench: Joined) -> None:
    assert sorted(name.lower().lstrip("/") for name in names(bench)) == ["cube.gco", "other.gco"]
    assert bench.adjacent("UpdatedFiles", "UpdatedFiles")
    types = [each.data["type"] for _, each in bench.happenings if each.name == "UpdatedFiles"]
    assert types == ["printables", "gcode"]


def test_a_refresh_tells_that_the_list_was_updated(bench: Joined) -> None:
    bench.printer.card.put("new.gco", b"G28\n")
    bench.do(RefreshSd())
    bench.until("UpdatedFiles")
    assert len(names(bench)) == 3


def test_a_selected_file_is_told_once_the_card_has_opened_it(bench: Joined) -> None:
    select(bench)
    selected = bench.data("FileSelected")
    assert (selected["origin"], selected["file"].lower(), selected["size"]) == (
        "sdcard",
        "cube.gco",
        len(PROGRAM),
    )


def test_a_file_that_is_not_there_is_refused_with_a_sentence(bench: Joined) -> None:
    answer = bench.do(SelectSd("nothing.gco"))
    assert not answer.success
    assert "nothing.gco" in answer.message


def test_the_card_prints_and_the_host_tells_it(bench: Joined) -> None:
    start(bench)
    assert bench.machine.status(bench.now)["state"]["text"] == "Printing from SD"
    done = bench.until("PrintDone")
    bench.until("PrintSettled")
    assert bench.follows(
        "state STARTING", "PrintStarted", "> M24", "state PRINTING", "PrintDone", "PrintSettled"
    )
    assert done["origin"] == "sdcard"
    assert done["time"] > 0
    assert bench.job("PrintDone")["progress"] == 100
    assert [line for line in bench.printer.ran if line != "M1001"][-1] == PROGRAM.splitlines()[-1]


def test_lines_that_the_card_prints_make_no_events(bench: Joined) -> None:
    start(bench)
    bench.until("PrintSettled")
    assert not {"Home", "Alert", "ZChange"} & set(bench.names)


def test_progress_is_what_the_card_says(bench: Joined) -> None:
    start(bench)
    bench.until(lambda: 30 < bench.machine.status(bench.now)["progress"]["percent"] < 70)
    bench.until("PrintDone")


def test_a_card_s_print_is_paused_with_m25_and_resumed_with_m24(bench: Joined) -> None:
    start(bench)
    bench.run(5)
    bench.do(Pause())
    bench.until(lambda: bench.state == "PAUSED")
    assert bench.follows("state PAUSING", "> M25", "> M400", "PrintPaused", "state PAUSED")
    assert "Paused" not in bench.names
    assert bench.data("PrintPaused")["position"]["f"] is None
    ran = len(bench.printer.ran)
    bench.run(60)
    assert len(bench.printer.ran) == ran
    bench.do(Resume())
    bench.until("PrintDone")
    assert terminal_events(bench.names) == ["PrintDone"]
    assert [line for line in bench.printer.ran if line.startswith("G1")] == moves(600).splitlines()


def test_a_card_s_print_is_cancelled_with_m25_and_rewound() -> None:
    bench = bench_with("cube.gco", settings={"scripts": Scripts(after_cancelled="M117 bye")})
    start(bench)
    bench.run(5)
    bench.do(Cancel())
    bench.until("PrintFailed")
    assert bench.follows("PrintCancelling", "PrintCancelled", "> M25", "> M117 bye", "PrintFailed")
    ran = len(bench.printer.ran)
    bench.run(60)
    assert len(bench.printer.ran) == ran


def test_a_print_that_somebody_stops_at_the_printer_is_cancelled(bench: Joined) -> None:
    start(bench)
    bench.run(5)
    bench.trouble("cancel_sd")
    bench.until("PrintFailed", limit=30)
    assert bench.follows("PrintCancelling", "PrintCancelled", "PrintFailed")


def test_a_very_short_print_is_started_before_it_is_done() -> None:
    bench = bench_with("cube.gco", content="G28\n")
    select(bench)
    bench.do(Start())
    bench.until("PrintSettled")
    assert bench.follows("PrintStarted", "state PRINTING", "state FINISHING", "PrintDone", "PrintSettled")


def test_a_file_deleted_from_the_card_is_no_longer_selected(bench: Joined) -> None:
    select(bench)
    assert bench.do(DeleteSd("cube.gco")).success
    bench.until("UpdatedFiles")
    assert len(names(bench)) == 1
    assert "FileDeselected" in bench.names


def test_a_card_that_is_taken_out_has_no_files(bench: Joined) -> None:
    select(bench)
    bench.trouble("eject_sd")
    bench.until("FileDeselected")
    assert names(bench) == []
    bench.trouble("insert_sd")
    bench.until("UpdatedFiles")
    assert len(names(bench)) == 2


def test_a_file_can_be_called_by_its_long_name() -> None:
    bench = bench_with("a long name.gcode")
    [entry] = bench.machine.status(bench.now)["sd"]["files"]
    assert entry["long"] == "a long name.gcode"
    select(bench, "a long name.gcode")
    bench.do(Start())
    bench.until("PrintDone")
    assert bench.data("PrintDone")["file"] == entry["name"].lstrip("/")


def test_select_and_print_in_one(bench: Joined) -> None:
    assert bench.do(SelectSd("CUBE.GCO", user="jane", then_print=True)).success
    bench.until("PrintDone")
    assert bench.follows("FileSelected", "PrintStarted", "PrintDone")
    assert bench.data("PrintStarted")["user"] == "jane"


def test_a_file_that_vanishes_before_the_start_fails_the_job(bench: Joined) -> None:
    select(bench)
    bench.printer.card.delete("cube.gco")
    bench.do(Start())
    failed = bench.until("PrintFailed", limit=60)
    assert failed["reason"] == "error"
    assert "could not open" in failed["error"]
    assert bench.state == "OPERATIONAL"


def test_no_name_can_hold_a_second_command(bench: Joined) -> None:
    assert not bench.do(SelectSd("a.gco\nM112")).success
    assert not bench.do(DeleteSd("a.gco\nM112")).success


def test_a_print_that_somebody_starts_at_the_printer_is_a_job_too(bench: Joined) -> None:
    bench.trouble("start_sd cube.gco")
    bench.until("PrintStarted", limit=60)
    assert bench.follows("FileSelected", "state STARTING", "PrintStarted", "state PRINTING")
    bench.until("PrintDone")
    assert terminal_events(bench.names) == ["PrintDone"]


def test_a_print_that_somebody_pauses_at_the_printer_is_paused(bench: Joined) -> None:
    start(bench)
    bench.run(3)
    bench.trouble("action_custom paused")
    bench.until(lambda: bench.state == "PAUSED")
    assert bench.adjacent("PrintPaused", "Paused")
    bench.trouble("action_custom resumed")
    bench.until("PrintDone")


def test_a_silent_printer_is_not_stopped_while_its_card_prints(bench: Joined) -> None:
    start(bench)
    bench.run(3)
    bench.trouble("silent")
    bench.until("Error", limit=1200)
    assert "> M112" not in bench.story
    assert terminal_events(bench.names) == ["PrintFailed"]
