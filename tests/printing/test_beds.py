"""Beds: what a print may have left there, until somebody says that it is clear."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from callboard.printing.beds import BEDS, Beds
from callboard.printing.happening import Happening
from callboard.printing.streaming import Told
from tests.printing.test_host import PROGRAM, TOY, House, open_house

CLEAR = {"clear": True, "file": None, "since": None}


async def bed(house: House) -> dict[str, object]:
    """Return the bed as `list` tells it, which is as its state key does."""
    (listed,) = (await house.ask("list"))["printers"]
    assert house.hub.state.values("printers/")["printers/toy/bed"] == listed["bed"]
    return dict(listed["bed"])


async def printed(house: House) -> None:
    house.put("part.gcode")
    assert (await house.ask("print", file="part.gcode", if_clear=True))["success"]
    await house.until("PrintSettled")


async def test_a_printed_part_lies_on_the_bed_until_somebody_says_that_it_is_off(tmp_path: Path) -> None:
    async with open_house(tmp_path, TOY) as house:
        await house.ask("connect")
        assert await bed(house) == CLEAR
        await printed(house)
        left = await bed(house)
        assert (left["clear"], left["file"]) == (False, "part.gcode")
        refused = await house.ask("print", file="part.gcode", if_clear=True)
        assert refused == {
            "success": False,
            "message": "part.gcode may still lie on toy's bed: take it off, "
            "and say so with `callboard printers clear toy`.",
        }
        await house.ask("unselect")
        assert not (await bed(house))["clear"]
        assert await house.ask("clear") == {"success": True, "message": "toy's bed is clear."}
        assert await bed(house) == CLEAR
        await printed(house)


async def test_who_prints_by_hand_need_not_say_so(tmp_path: Path) -> None:
    async with open_house(tmp_path, TOY) as house:
        await house.ask("connect")
        await printed(house)
        assert (await house.ask("print", file="part.gcode"))["success"]
        await house.until("PrintSettled", 2)


async def test_a_bed_is_not_clear_while_its_printer_prints_nor_after_a_cancel(tmp_path: Path) -> None:
    async with open_house(tmp_path, TOY) as house:
        await house.ask("connect")
        house.put("long.gcode", PROGRAM + "G4 S4000\n" * 3)
        await house.ask("print", file="long.gcode")
        await house.until("LayerChange")
        assert await house.ask("clear") == {
            "success": False,
            "message": "toy prints: its bed is clear once that is over and taken off.",
        }
        refused = await house.ask("print", file="long.gcode", if_clear=True)
        assert (refused["success"], "bed" in refused["message"]) == (False, False)
        await house.ask("cancel")
        await house.until("PrintCancelled")
        assert (await bed(house))["file"] == "long.gcode"


async def test_a_bed_is_as_it_was_after_a_restart(tmp_path: Path) -> None:
    async with open_house(tmp_path, TOY) as house:
        await house.ask("connect")
        await printed(house)
        before = await bed(house)
    for _ in range(2):
        async with open_house(tmp_path, TOY) as house:
            assert await bed(house) == before
    async with open_house(tmp_path, TOY) as house:
        await house.ask("clear")
    async with open_house(tmp_path, TOY) as house:
        assert await bed(house) == CLEAR
    assert not (tmp_path / "files" / BEDS).exists()


async def test_what_a_full_disk_did_not_take_is_written_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callboard.printing.mark.AGAIN", 0.01)
    folder = tmp_path / "full"  # a folder that is not there yet refuses as a full disk does
    beds = Beds(folder, ["toy"], lambda *_: None)
    started = Told("toy", Happening("PrintStarted", {"path": "part.gcode"}))
    running = asyncio.create_task(beds.mark.run())
    with capture_logs() as logs:
        beds.hear(started)
        async with asyncio.timeout(30):
            while not logs:
                await asyncio.sleep(0.01)
            folder.mkdir()
            while not (folder / BEDS).exists():
                await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [line["reason"] for line in logs] == ["No such file or directory"], "told once"
    again = Beds(folder, ["toy"], lambda *_: None)
    again.read()
    assert again.of("toy")["file"] == "part.gcode"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"toy": 3}', b"\xff" * 100])
def test_a_mark_that_can_not_be_read_says_of_no_bed_that_it_is_clear(tmp_path: Path, content: bytes) -> None:
    (tmp_path / BEDS).write_bytes(content)
    shown: dict[str, object] = {}
    beds = Beds(tmp_path, ["toy"], shown.__setitem__)
    beds.read()
    beds.show()
    assert shown == {"toy": {"clear": False, "file": None, "since": None}}
