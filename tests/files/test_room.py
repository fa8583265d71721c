"""The files room on a real hub: the events, their order and keys, requests, prints that are followed."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from callboard import catalog
from callboard.event import Event
from callboard.files.incoming import Wish
from callboard.files.refusals import Busy
from callboard.files.stored import StoredFile
from callboard.hub.hub import Hub
from callboard.hub.hubbus import HubBus
from callboard.hub.log import Log
from callboard.hub.principal import Principal
from callboard.logs import open_log
from tests.files.rooms import PROGRAM, house

UPDATED = ["UpdatedFiles", "UpdatedFiles"]


@contextlib.asynccontextmanager
async def on(log: Log) -> AsyncIterator[Log]:
    """Close a log in the end."""
    try:
        yield log
    finally:
        await log.close()


def printed(name: str = "PrintDone", **more: Any) -> Event:
    data = {"file": "arm.gcode", "path": "arm.gcode", "origin": "local", "time": 12.5, **more}
    return Event(f"octoprint.{name}", data, {"printer": "mk3"})


async def test_an_upload_is_told_in_the_order_of_the_vocabulary_with_exactly_its_keys(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        await here.upload("parts/arm.gcode")
        await here.told("Upload")
        assert here.names == ["FileAdded", *UPDATED, "Upload"]
        assert here.data("UpdatedFiles") == [{"type": "printables"}, {"type": "gcode"}]
        file = {"path": "parts/arm.gcode", "name": "arm.gcode"}
        kind = {"storage": "local", "type": ["machinecode", "gcode"], "operation": "add"}
        assert here.data("FileAdded") == [{**file, **kind}]
        flags = dict.fromkeys(("select", "print", "effective_select", "effective_print"), False)
        assert here.data("Upload") == [{**file, "file": "parts/arm.gcode", "target": "local", **flags}]
        assert here.analysed == [("parts/arm.gcode", True)]
        assert {event.source["user"]["username"] for event in here.events} == {"jane"}


async def test_a_wish_to_print_is_asked_of_the_printer_before_the_upload_is_told(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        asked: list[Any] = []
        host = HubBus(here.hub, Principal("host"))

        def answer(event: Event) -> dict[str, Any]:
            asked.append(event.data)
            host.publish(Event("octoprint.FileSelected"))
            host.publish(Event("octoprint.PrintStarted"))
            return {"success": True, "message": "mk3 prints."}

        host.subscribe('topic="callboard.printer.print"', answer)
        _, effect = await here.upload("arm.gcode", wish=Wish(print=True, printer="mk3", userdata={"x": 1}))
        assert (effect.select, effect.effective_select, effect.effective_print) == (False, True, True)
        assert {key: asked[0][key] for key in ("printer", "file", "origin")} == {
            "printer": "mk3",
            "file": "arm.gcode",
            "origin": "local",
        }
        await here.told("Upload")
        assert here.names == ["FileAdded", *UPDATED, "FileSelected", "PrintStarted", "Upload"]
        assert here.data("Upload")[0]["userdata"] == {"x": 1}
        await host.close()


@pytest.mark.parametrize("reply", [None, {"success": False, "message": "It is not ready."}])
async def test_a_printer_that_is_not_ready_is_no_fault_of_the_upload(tmp_path: Path, reply: Any) -> None:
    async with house(tmp_path) as here:
        host = HubBus(here.hub, Principal("host"))
        if reply is not None:
            host.subscribe("topic=callboard.printer.*", lambda _: reply)
        stored, effect = await here.upload("arm.gcode", wish=Wish(select=True, print=True, printer="mk3"))
        assert (stored.path, effect.effective_select, effect.effective_print) == ("arm.gcode", False, False)
        (told,) = await here.told("Upload")
        assert (told["select"], told["print"], told["effective_print"]) == (True, True, False)
        await host.close()


async def test_a_model_is_taken_and_neither_printed_nor_analysed(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        _, effect = await here.upload("arm.stl", b"solid", Wish(print=True, printer="mk3"))
        assert not effect.effective_print
        assert (await here.told("FileAdded"))[0]["type"] == ["model"]
        assert here.analysed == []


async def test_what_is_moved_copied_and_removed_is_told(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        await here.upload("arm.gcode")
        await here.room.make_folder("old")
        await here.room.move("arm.gcode", "old/")
        await here.room.copy("old", "new")
        await here.room.move("new", "newer")
        await here.room.remove("newer/arm.gcode")
        await here.room.remove("old", recursive=True)
        await here.told("FolderRemoved")
        names = [name for name in here.names if name != "UpdatedFiles"]
        assert names == [
            *("FileAdded", "Upload", "FolderAdded", "FileMoved"),
            *("FolderAdded", "FileAdded", "FolderMoved", "FileRemoved", "FolderRemoved"),
        ]
        assert here.data("FileMoved") == [
            {
                "source_storage": "local",
                "source_path": "arm.gcode",
                "source_name": "arm.gcode",
                "destination_storage": "local",
                "destination_path": "old/arm.gcode",
                "destination_name": "arm.gcode",
            }
        ]
        assert here.data("FolderMoved")[0]["destination_path"] == "newer"
        assert here.data("FileRemoved")[0]["operation"] == "remove"
        assert here.data("FileAdded")[1]["operation"] == "copy"
        assert here.names.count("UpdatedFiles") == 2 * 7


async def test_the_lists_are_always_updated_in_one_order_next_to_each_other(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        for number in range(5):
            await here.upload(f"{number}.gcode")
            await here.room.remove(f"{number}.gcode")
        await here.told("FileRemoved", 5)
        await here.told("UpdatedFiles", 20)
        at = [place for place, name in enumerate(here.names) if name == "UpdatedFiles"]
        pairs = list(zip(at[::2], at[1::2], strict=True))
        assert all(second == first + 1 for first, second in pairs)
        assert all(here.events[first].data == {"type": "printables"} for first, _ in pairs)
        assert all(here.events[second].data == {"type": "gcode"} for _, second in pairs)


async def test_no_key_of_an_event_is_unknown_to_the_catalog(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        await here.upload("arm.gcode", wish=Wish(userdata=1))
        await here.bus.publish(printed())
        await here.room.move("arm.gcode", "b/arm.gcode")
        await here.room.remove("b", recursive=True)
        await here.told("FolderRemoved")
        await here.told("MetadataStatisticsUpdated")
        for event in here.events:
            assert set(event.data) <= catalog.keys(event.topic), event.topic


async def test_each_print_is_noted_once_however_often_it_is_told(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        await here.upload("arm.gcode")
        done = printed()
        await here.bus.publish(done)
        await here.bus.publish(done)
        await here.bus.publish(printed("PrintCancelled"))
        await here.bus.publish(printed("PrintFailed", reason="cancelled"))
        assert (
            await here.told("MetadataStatisticsUpdated", 2) == [{"storage": "local", "path": "arm.gcode"}] * 2
        )
        stored = here.room.store.file("arm.gcode")
        assert [(one.success, one.print_time, one.printer) for one in stored.history] == [
            (True, 12.5, "mk3"),
            (False, 12.5, "mk3"),
        ]
        assert stored.statistics.average_print_time == {"mk3": 12.5}


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {"origin": "sdcard", "path": "arm.gcode"},
        {"origin": "local"},
        {"path": 3},
        {"path": "../arm.gcode"},
        {"path": "missing.gcode"},
        {"path": "arm.gcode", "time": "long"},
        {"path": "arm.gcode", "time": -1},
        {"file": "arm.gcode", "time": 1e300},
    ],
)
async def test_prints_of_other_files_and_odd_payloads_do_no_harm(tmp_path: Path, data: Any) -> None:
    async with house(tmp_path) as here:
        await here.upload("arm.gcode")
        await here.bus.publish(Event("octoprint.PrintDone", data, {"printer": ["x"]}))
        await here.bus.publish(printed())
        await here.until(lambda: len(here.room.store.metadata("arm.gcode").history) > 0)
        await here.until(lambda: here.room.store.metadata("arm.gcode").history[-1].print_time == 12.5)
        assert all(one.print_time in {None, 12.5} for one in here.room.store.metadata("arm.gcode").history)


async def test_a_print_that_ended_while_the_room_was_away_is_noted_later(tmp_path: Path) -> None:
    async with on(await open_log(tmp_path / "events.db")) as log, house(tmp_path, log=log) as here:
        await here.upload("arm.gcode")
        await here.bus.publish(printed())
        await here.told("MetadataStatisticsUpdated")
    async with on(await open_log(tmp_path / "events.db")) as log, Hub(log) as hub:
        await HubBus(hub, Principal("host")).publish(printed("PrintFailed"))
    async with on(await open_log(tmp_path / "events.db")) as log, house(tmp_path, log=log) as here:
        await here.told("MetadataStatisticsUpdated")
        history = here.room.store.file("arm.gcode").history
        assert [one.success for one in history] == [True, False]


async def test_files_put_in_by_hand_are_picked_up_and_those_removed_by_hand_are_told(tmp_path: Path) -> None:
    (tmp_path / "files" / "par;ts").mkdir(parents=True)
    (tmp_path / "files" / "par;ts" / "a?rm.gcode").write_bytes(PROGRAM)
    (tmp_path / "files" / "notes.txt").write_text("x")
    async with house(tmp_path) as here:
        (added,) = await here.told("FileAdded")
        assert added["path"] == "parts/arm.gcode"
        stored = here.room.store.file("parts/arm.gcode")
        assert stored.sha256
        assert stored.display == "a?rm.gcode"
        await here.until(lambda: here.analysed == [("parts/arm.gcode", False)])
        (here.base / "later.gcode").write_bytes(PROGRAM)
        assert (await here.told("FileAdded", 2))[1]["path"] == "later.gcode"
        (here.base / "later.gcode").unlink()
        assert (await here.told("FileRemoved"))[0]["path"] == "later.gcode"
        assert (here.base / "notes.txt").exists()


async def test_what_was_not_analysed_is_analysed_after_a_restart(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        await here.upload("a.gcode")
        await here.upload("b.gcode")
        here.room.store.update("a.gcode", analysis={"layers": 1})
    async with house(tmp_path) as here:
        await here.until(lambda: here.analysed == [("b.gcode", False)])


REQUESTS: list[tuple[str, Any, bool]] = [
    ("list", {}, True),
    ("list", {"path": "parts", "recursive": True}, True),
    ("list", {"path": "missing"}, False),
    ("info", {"path": "parts/arm.gcode"}, True),
    ("info", {"path": "../arm.gcode"}, False),
    ("info", {"path": 3}, False),
    ("info", None, False),
    ("create-folder", {"path": "new/inner"}, True),
    ("create-folder", {"path": "parts"}, False),
    ("move", {"path": "parts/arm.gcode", "destination": "arm2.gcode"}, True),
    ("move", {"path": "parts/arm.gcode"}, False),
    ("move", {"path": "parts", "destination": "parts/inner"}, False),
    ("copy", {"path": "parts/arm.gcode", "destination": "/"}, True),
    ("delete", {"path": "parts"}, False),
    ("delete", {"path": "parts", "recursive": True}, True),
    ("delete", {"path": "", "recursive": True}, False),
    ("analyse", {"path": "parts/arm.gcode"}, True),
    ("analyse", {"path": "parts"}, False),
    ("info", {"path": "parts/arm.gcode", "deadline": -1.0}, False),
]


@pytest.mark.parametrize(("verb", "data", "success"), REQUESTS)
async def test_each_request_is_answered_with_a_sentence(
    tmp_path: Path, verb: str, data: Any, success: bool
) -> None:
    async with house(tmp_path) as here:
        await here.upload("parts/arm.gcode")
        outcome = await here.ask(verb, data)
        assert outcome["success"] is success
        assert outcome["message"].endswith(".")


async def test_a_request_has_its_effect_and_its_trace(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        await here.upload("arm.gcode")
        outcome = await here.ask("move", {"path": "arm.gcode", "destination": "old/"})
        assert outcome["file"]["path"] == "old/arm.gcode"
        assert isinstance(here.room.store.get("old/arm.gcode"), StoredFile)
        await here.told("FileMoved")
        moved = next(event for event in here.events if event.topic.endswith("FileMoved"))
        assert moved.source["trace"]["hops"] == 1
        assert moved.source["user"] == {"username": "tester"}


async def test_a_request_that_is_too_old_is_not_carried_out(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        await here.upload("arm.gcode")
        outcome = await here.ask("delete", {"path": "arm.gcode", "deadline": 0.0})
        assert outcome == {"success": False, "message": "This request came too late; nothing was done."}
        assert here.room.store.file("arm.gcode").size == len(PROGRAM)


async def test_a_file_that_prints_stays(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        await here.upload("parts/arm.gcode")
        here.room.store.hold("parts/arm.gcode", "mk3")
        with pytest.raises(Busy):
            await here.upload("parts/arm.gcode", b"G29\n")
        outcome = await here.ask("delete", {"path": "parts", "recursive": True})
        assert outcome["message"].startswith("'parts/arm.gcode' is printing on mk3")


async def test_every_reply_is_what_the_catalog_says(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        for topic in catalog.CATALOG.values():
            if topic.name.startswith("callboard.files."):
                await here.upload("parts/arm.gcode")
                await here.upload("arm.gcode")
                outcome = await here.ask(topic.name.removeprefix("callboard.files."), dict(topic.example))
                msgspec.convert(outcome, topic.reply)
