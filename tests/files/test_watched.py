"""A watched folder: what is put in it comes in once it is quiet, and is gone from there."""

from __future__ import annotations

import asyncio
from pathlib import Path

from structlog.testing import capture_logs

from callboard.files.settling import Settling
from tests.files.rooms import PROGRAM, house


def test_a_file_settles_once_it_has_not_changed_for_a_while() -> None:
    settling: Settling[str] = Settling(1.0)
    assert settling.settled({"a": (1, 1)}, 0.0) == []
    assert settling.settled({"a": (2, 2), "b": (5, 5)}, 0.9) == []
    assert settling.settled({"a": (2, 2), "b": (5, 5)}, 1.8) == []
    assert settling.settled({"a": (2, 2), "b": (6, 5)}, 2.0) == ["a"]
    assert settling.waiting
    assert settling.settled({"b": (6, 5)}, 3.0) == ["b"]
    assert not settling.waiting


def test_what_went_meanwhile_begins_anew() -> None:
    settling: Settling[str] = Settling(1.0)
    settling.settled({"a": (1, 1)}, 0.0)
    settling.settled({}, 0.5)
    assert settling.settled({"a": (1, 1)}, 1.2) == []


async def test_a_file_is_taken_in_told_of_and_gone_from_the_folder(tmp_path: Path) -> None:
    watched = tmp_path / "drop"
    async with house(tmp_path, watched=watched) as here:
        await here.until(watched.exists)
        (watched / "a?rm.gcode").write_bytes(PROGRAM)
        (told,) = await here.told("Upload")
        assert (told["path"], told["print"]) == ("arm.gcode", False)
        assert here.names == ["FileAdded", "UpdatedFiles", "UpdatedFiles", "Upload"]
        await here.until(lambda: list(watched.iterdir()) == [])
        assert here.analysed == [("arm.gcode", True)]
        assert here.room.store.locate("arm.gcode").read_bytes() == PROGRAM


async def test_a_file_that_grows_is_left_until_it_is_quiet(tmp_path: Path) -> None:
    watched = tmp_path / "drop"
    async with house(tmp_path, watched=watched, quiet=0.3) as here:
        await here.until(watched.exists)
        with (watched / "arm.gcode").open("wb") as file:
            for _ in range(30):
                file.write(PROGRAM)
                file.flush()
                await asyncio.sleep(0.02)
            assert here.names == []
        await here.told("Upload")
        assert here.room.store.file("arm.gcode").size == 30 * len(PROGRAM)


async def test_other_files_are_left_alone_and_named_once(tmp_path: Path) -> None:
    watched = tmp_path / "drop"
    watched.mkdir()
    (watched / "notes.txt").write_text("x")
    (watched / ".hidden.gcode").write_text("x")
    (watched / "link.gcode").symlink_to(tmp_path / "elsewhere.gcode")
    (watched / "folder").mkdir()
    with capture_logs() as logs:
        async with house(tmp_path, watched=watched) as here:
            (watched / "arm.gcode").write_bytes(PROGRAM)
            await here.told("Upload")
            (watched / "arm2.gcode").write_bytes(PROGRAM)
            await here.told("Upload", 2)
    assert [line["file"] for line in logs if "left alone" in line["event"]] == ["notes.txt"]
    assert sorted(path.name for path in watched.iterdir()) == [
        ".hidden.gcode",
        "folder",
        "link.gcode",
        "notes.txt",
    ]


async def test_a_newer_file_of_the_same_name_takes_the_place_of_the_older(tmp_path: Path) -> None:
    watched = tmp_path / "drop"
    async with house(tmp_path, watched=watched) as here:
        await here.upload("arm.gcode")
        (watched / "arm.gcode").write_bytes(b"G29\n")
        await here.told("Upload", 2)
        assert here.room.store.locate("arm.gcode").read_bytes() == b"G29\n"


async def test_a_file_that_prints_is_replaced_once_it_has_ended(tmp_path: Path) -> None:
    watched = tmp_path / "drop"
    async with house(tmp_path, watched=watched) as here:
        await here.upload("arm.gcode")
        here.room.store.hold("arm.gcode", "mk3")
        with capture_logs() as logs:
            (watched / "arm.gcode").write_bytes(b"G29\n")
            await here.until(lambda: any("printing" in str(line.get("reason")) for line in logs))
        assert (watched / "arm.gcode").exists()
        here.room.store.release("arm.gcode", "mk3")
        await here.told("Upload", 2)
        assert here.room.store.locate("arm.gcode").read_bytes() == b"G29\n"


async def test_a_folder_that_cannot_be_watched_is_told_once_and_harms_nothing(tmp_path: Path) -> None:
    watched = tmp_path / "drop"
    watched.write_text("this is no folder")
    with capture_logs() as logs:
        async with house(tmp_path, watched=watched) as here:
            await here.until(lambda: any("can't be read" in line["event"] for line in logs))
            await here.upload("arm.gcode")
            await here.told("Upload")
    assert sum("can't be read" in line["event"] for line in logs) == 1
