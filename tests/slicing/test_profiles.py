"""Profiles: what is refused is not stored, what is stored can be read, and of two changes none is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import pytest

from callboard.config import SlicingProfile
from callboard.slicing import profiles
from callboard.slicing.profiles import Profile
from callboard.slicing.room import Slicing
from tests.slicing.rooms import Workshop, workshop

DRAFT = {"slicer": "prusaslicer", "profile": "draft"}


def stored(shop: Workshop) -> list[str]:
    return sorted(path.name for path in (shop.folder / "slicing" / "profiles").rglob("*"))


async def test_a_profile_that_could_not_be_read_again_is_not_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "_LARGEST", 1000)
    async with workshop(tmp_path) as shop:
        reply = await shop.ask("save-profile", **DRAFT, data={"notes": "\x01" * 900})
        assert (reply["success"], "larger than profiles are" in reply["message"]) == (False, True)
        assert stored(shop) == []


async def test_a_default_beside_that_of_the_configuration_is_refused_and_not_stored(tmp_path: Path) -> None:
    known = SlicingProfile(slicer="prusaslicer", name="std", default=True)
    async with workshop(tmp_path, profiles=(known,)) as shop:
        reply = await shop.ask("save-profile", **DRAFT, data={"layer_height": 0.3}, default=True)
        assert (reply["success"], "configuration" in reply["message"]) == (False, True)
        assert stored(shop) == []


async def test_a_slicer_has_so_many_profiles_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "MOST", 2)
    async with workshop(tmp_path) as shop:
        said = [
            await shop.ask("save-profile", slicer="slic3r", profile=f"p{n}", data={"a": n}) for n in range(3)
        ]
        assert [reply["success"] for reply in said] == [True, True, False]
        assert (await shop.ask("save-profile", slicer="slic3r", profile="p0", data={"a": 9}))["success"]
        assert (await shop.ask("list"))["slicers"][2]["profiles"] == ["p0", "p1"]


async def test_of_many_changes_at_once_none_is_lost(tmp_path: Path) -> None:
    def with_(key: str, known: Profile) -> Profile:
        return msgspec.structs.replace(known, data={**known.data, key: "1"})

    def change(room: Slicing, by: Callable[[Profile], Profile]) -> asyncio.Task[Profile]:
        return asyncio.create_task(room.change_profile("prusaslicer", "draft", by))

    async with workshop(tmp_path) as shop:
        await shop.ask("save-profile", **DRAFT, data={"a": 0})
        await asyncio.gather(*(change(shop.room, partial(with_, f"k{n}")) for n in range(10)))
        (found,) = (await shop.ask("profiles"))["profiles"]
        assert len(found["data"]) == 11


async def test_settings_are_bounded_together(tmp_path: Path) -> None:
    async with workshop(tmp_path) as shop:
        many = {f"k{n}": "x" * 3000 for n in range(100)}
        reply = await shop.ask("slice", file="arm.stl", overrides=many)
        assert (reply["success"], "256 KiB together" in reply["message"]) == (False, True)
        assert shop.told == []


async def test_without_its_default_a_slicer_with_profiles_does_not_slice_with_others_unnoticed(
    tmp_path: Path,
) -> None:
    async with workshop(tmp_path) as shop:
        for key in ("draft", "fine"):
            await shop.ask("save-profile", slicer="prusaslicer", profile=key, data={"layer_height": 0.3})
        await shop.ask("delete-profile", **DRAFT)
        reply = await shop.ask("slice", file="arm.stl")
        assert reply["message"].startswith(
            "None of the profiles of prusaslicer is its default: name one (fine)"
        )
        await shop.ask("delete-profile", slicer="prusaslicer", profile="fine")
        assert (await shop.ask("slice", file="arm.stl"))["success"]


async def test_a_profile_of_another_slicer_is_said_to_be_there(tmp_path: Path) -> None:
    async with workshop(tmp_path) as shop:
        await shop.ask("save-profile", slicer="slic3r", profile="my draft", data={"layer_height": 0.3})
        reply = await shop.ask("slice", file="arm.stl", profile="my draft")
        assert (
            reply["message"] == "prusaslicer has no profile 'my draft'; there are: none yet. slic3r has it."
        )
