"""What is known of files: kept over a crash, set aside when it is broken, counted once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from callboard.files import metadata
from callboard.files.metadata import MAX_HISTORY, SHEET, Print, Record, statistics


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def test_records_come_back_as_they_were(folder: int, tmp_path: Path) -> None:
    record = Record(
        size=1,
        modified=1_795_260_888_450_216_312,
        sha256="ab",
        display="Ä?.gcode",
        analysis={"filament": {"tool0": {"length": 1.5}}},
        history=(Print(timestamp=1.5, success=True, print_time=2.5, printer="mk3", event="e1"),),
        data={"x": [1, None]},
    )
    metadata.write(folder, {"a.gcode": record})
    assert metadata.read(folder) == {"a.gcode": record}
    assert [path.name for path in tmp_path.iterdir()] == [SHEET]


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b'{"files": {"a": 3}}', b"\xff\xfe", b"[" * 100_000, b"null"]
)
def test_a_broken_sheet_is_set_aside_named_and_taken_for_none(
    folder: int, tmp_path: Path, text: bytes
) -> None:
    (tmp_path / SHEET).write_bytes(text)
    with capture_logs() as logs:
        assert metadata.read(folder, "parts") == {}
    assert (tmp_path / f"{SHEET}.broken-1").read_bytes() == text
    assert [(line["folder"], line["aside"]) for line in logs] == [("parts", f"{SHEET}.broken-1")]
    metadata.change(folder, {"a": Record(size=1, modified=2)})
    assert list(metadata.read(folder)) == ["a"]


def test_broken_sheets_do_not_fill_the_folder(folder: int, tmp_path: Path) -> None:
    for _ in range(20):
        (tmp_path / SHEET).write_bytes(b"{")
        metadata.read(folder)
    assert len(list(tmp_path.iterdir())) == 9


def test_a_sheet_that_cannot_be_written_leaves_the_one_before(folder: int, tmp_path: Path) -> None:
    metadata.write(folder, {"a": Record(size=1, modified=2)})
    with pytest.raises(TypeError):
        metadata.write(folder, {"a": Record(size=1, modified=2, data={"x": object()})})
    assert list(metadata.read(folder)) == ["a"]
    assert [path.name for path in tmp_path.iterdir()] == [SHEET]


def test_a_print_that_is_told_twice_counts_once() -> None:
    one = Print(timestamp=1.0, success=True, event="e1")
    record = Record(size=1, modified=2).printed(one)
    assert record.printed(one) is record
    assert len(record.printed(Print(timestamp=1.0, success=True, event="e2")).history) == 2


@given(st.lists(st.builds(Print, timestamp=st.floats(0, 1e9), success=st.booleans()), max_size=250))
def test_the_history_keeps_the_newest_and_is_bounded(prints: list[Print]) -> None:
    record = Record(size=1, modified=2)
    for one in prints:
        record = record.printed(one)
    assert record.history == tuple(prints[-MAX_HISTORY:])


def test_averages_are_over_successful_prints_of_each_printer() -> None:
    prints = [
        Print(timestamp=1.0, success=True, print_time=10.0, printer="a"),
        Print(timestamp=2.0, success=True, print_time=20.0, printer="a"),
        Print(timestamp=3.0, success=False, print_time=3.0, printer="a"),
        Print(timestamp=4.0, success=True, print_time=7.0, printer="b"),
        Print(timestamp=5.0, success=True, printer="b"),
    ]
    found = statistics(prints)
    assert found.average_print_time == {"a": 15.0, "b": 7.0}
    assert found.last_print_time == {"a": 20.0, "b": 7.0}
