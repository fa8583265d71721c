"""Pictures of stored files: made once, kept under one name, and nothing else of anybody's is touched."""

from __future__ import annotations

from pathlib import Path

from callboard.slicing.pictures import Look
from tests.slicing.rooms import workshop

THREE = b"G28\nG1 F3000\n" + b"".join(
    b"G1 Z%d.2\nG1 X10 E%d\nG1 X0 Y%d E%d\n" % (z, 2 * z + 1, z + 1, 2 * z + 2) for z in range(3)
)


async def test_a_layer_above_the_last_is_the_picture_of_all(tmp_path: Path) -> None:
    async with workshop(tmp_path) as shop:
        await shop.here.upload("three.gcode", THREE)
        pictures = shop.room.pictures
        all_, highest = [await pictures.of("three.gcode", Look(layer=n)) for n in (0, 999)]
        assert all_ == highest == await pictures.of("three.gcode", Look(layer=3))
        assert len(list((tmp_path / "slicing" / "pictures").iterdir())) == 1
        assert await pictures.of("three.gcode", Look(layer=2)) != all_


async def test_a_layer_above_the_last_is_known_for_all_also_when_asked_for_first(tmp_path: Path) -> None:
    async with workshop(tmp_path) as shop:
        await shop.here.upload("three.gcode", THREE)
        for layer in (998, 999, 0):
            await shop.room.pictures.of("three.gcode", Look(layer=layer))
        assert len(list((tmp_path / "slicing" / "pictures").iterdir())) == 1


async def test_what_a_crash_left_is_swept_and_what_is_anybodys_own_stays(tmp_path: Path) -> None:
    folder = tmp_path / "slicing"
    left = [
        folder / "pictures" / ".0123456789abcdef.part",
        folder / "profiles" / "prusaslicer" / ".0123456789abcdef.part",
        folder / "work" / "0123456789ab" / "model.stl",
        folder / "running" / "0123456789ab.json",
    ]
    own = [
        folder / "pictures" / ".notes.part",
        folder / "work" / "thesis" / "thesis.tex",
        folder / "running" / "marathon.json",
    ]
    for path in (*left, *own):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("not whole")
    async with workshop(tmp_path):
        assert [path for path in left if path.exists()] == []
        assert [path for path in own if not path.exists()] == []
