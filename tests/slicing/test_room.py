"""The slicing room: each job has one end, whatever its slicer does, and the events come in their order."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from callboard import catalog
from callboard.errors import Denied
from callboard.event import Event, seal
from callboard.expression import parse
from callboard.hub.hub import Hub
from callboard.hub.hubbus import HubBus
from callboard.hub.principal import Principal
from callboard.logs.memory import MemoryLog
from callboard.slicing import room
from callboard.slicing.job import Job
from callboard.slicing.printers import LEADS
from tests.slicing import slicers
from tests.slicing.models import binary, box, packed, repeated, text
from tests.slicing.rooms import ENDS, workshop
from tests.slicing.slicers import GOOD, HANGS, SETTINGS, SLICERS, need

UPDATED = ["UpdatedFiles", "UpdatedFiles"]


@pytest.mark.parametrize("slicer", SLICERS)
async def test_each_real_slicer_makes_a_print_of_a_box(tmp_path: Path, slicer: str) -> None:
    need(slicer)
    async with workshop(tmp_path, None) as shop:
        job = await shop.slice(slicer=slicer, overrides=SETTINGS[slicer], to=f"parts/{slicer}.gcode")
        end = await shop.ended(job)
        assert end.topic == "octoprint.SlicingDone", end.data
        made = shop.room.files.store.locate(f"parts/{slicer}.gcode").read_text()
        first, _, rest = made.partition("\n")
        assert first.startswith("; sliced from arm.stl (sha256 ")
        assert "G1 " in rest
        assert (shop.folder / "files" / "arm.stl").exists()
        assert shop.here.analysed == [(f"parts/{slicer}.gcode", True)]


@pytest.mark.parametrize("slicer", SLICERS)
async def test_a_model_stands_where_it_was_wanted(tmp_path: Path, slicer: str) -> None:
    need(slicer)
    from callboard.files.analysis import analyse

    async with workshop(tmp_path, None) as shop:
        place = {"x": 60.0, "y": 140.0}
        job = await shop.slice(slicer=slicer, overrides=SETTINGS[slicer], position=place)
        assert (await shop.ended(job)).topic == "octoprint.SlicingDone"
        path = await asyncio.to_thread(shop.room.files.store.locate, "arm.gcode")
        area = (await asyncio.to_thread(analyse, path)).printing_area
        assert (area["minX"] + area["maxX"]) / 2 == pytest.approx(60, abs=1)
        assert (area["minY"] + area["maxY"]) / 2 == pytest.approx(140, abs=1)


@pytest.mark.parametrize("slicer", SLICERS)
async def test_progress_is_a_state_that_only_grows_and_then_is_gone(tmp_path: Path, slicer: str) -> None:
    need(slicer)
    async with workshop(tmp_path, None) as shop:
        seen: list[Any] = []

        async def watch() -> None:
            async for change in shop.here.bus.watch("slicingProgress/"):
                seen.extend(change.values())

        watching = asyncio.create_task(watch())
        await shop.here.upload("high.stl", binary(box(10, 10, 15)))  # long enough to be seen at work
        thin = {**SETTINGS[slicer], "layer_height": "0.1"}
        await shop.ended(await shop.slice("high.stl", slicer=slicer, overrides=thin))
        await shop.until(lambda: bool(seen) and seen[-1] is None)
        watching.cancel()
        shown = [value for value in seen if value is not None]
        keys = {"slicer", "source_location", "source_path", "dest_location", "dest_path", "progress"}
        assert all(value.keys() == keys for value in shown)
        percents = [value["progress"] for value in shown]
        assert percents == sorted(percents)
        assert len(set(percents)) > 2, percents
        started = next(each for each in shop.here.events if each.topic == "octoprint.SlicingStarted")
        assert started.data["progressAvailable"] is (slicer != "slic3r")


async def test_the_events_of_a_job_come_in_the_order_of_the_vocabulary(tmp_path: Path) -> None:
    async with workshop(tmp_path) as shop:
        before = len(shop.here.events)
        job = await shop.slice()
        await shop.ended(job)
        names = [event.topic.removeprefix("octoprint.") for event in shop.here.events[before:]]
        assert names == ["SlicingStarted", "FileAdded", *UPDATED, "SlicingDone"]
        started, done = shop.here.events[before], shop.here.events[-1]
        assert started.data["stl"] == "arm.stl"
        assert started.data["gcode"] == "arm.gcode"
        assert done.data["time"] > 0
        for event in (started, done):
            assert event.data.keys() <= catalog.keys(event.topic)
        assert started.source["trace"] == done.source["trace"]


BAD = {
    "it crashes": (slicers.CRASHES, "crashed (signal 11)"),
    "it says why": (slicers.FAILS, "can't be greater than nozzle diameter"),
    "the machine ends it": ("kill -KILL $$", "not enough memory"),
    "it says nothing": (slicers.SILENT, "ended with code 3"),
    "it writes nothing": (slicers.WRITES_NOTHING, "wrote nothing"),
    "it writes an empty file": (': >"$out"', "wrote nothing"),
}


@pytest.mark.parametrize("what", BAD)
async def test_a_slicer_that_fails_is_told_with_a_reason_and_leaves_nothing(
    tmp_path: Path, what: str
) -> None:
    body, said = BAD[what]
    async with workshop(tmp_path, body) as shop:
        end = await shop.ended(await shop.slice())
        assert end.topic == "octoprint.SlicingFailed"
        assert said in end.data["reason"]
        assert not (shop.folder / "files" / "arm.gcode").exists()
        await shop.until(lambda: not list((shop.folder / "slicing" / "work").glob("*")))
        assert not list((shop.folder / "slicing" / "running").glob("*"))


async def test_a_slicer_that_hangs_is_ended_after_its_time(tmp_path: Path) -> None:
    async with workshop(tmp_path, HANGS, timeout=0.5) as shop:
        end = await shop.ended(await shop.slice())
        assert end.topic == "octoprint.SlicingFailed"
        assert "took more than 0.5 s" in end.data["reason"]


async def test_a_slicer_that_writes_without_end_is_stopped(tmp_path: Path) -> None:
    async with workshop(tmp_path, slicers.WRITES_TOO_MUCH) as shop:
        shop.room._making._limits = type(shop.room._making._limits)(60.0, 1_000_000, 0)
        end = await shop.ended(await shop.slice())
        assert end.topic == "octoprint.SlicingFailed", end.data
        assert not (shop.folder / "files" / "arm.gcode").exists()


async def test_a_slicer_that_is_not_there_is_refused_at_once(tmp_path: Path) -> None:
    async with workshop(tmp_path, None, prusaslicer="/nowhere/prusa-slicer") as shop:
        reply = await shop.ask("slice", file="arm.stl")
        assert reply == {
            "success": False,
            "message": "slicing.prusaslicer names /nowhere/prusa-slicer, where there is no program.",
        }
        assert shop.told == []


async def test_a_slicer_that_vanishes_before_its_turn_is_a_failure(tmp_path: Path) -> None:
    async with workshop(tmp_path, HANGS, parallel=1) as shop:
        first = await shop.slice()
        await shop.began(first)
        second = await shop.slice(to="other.gcode")
        (tmp_path / "fake-slicer").unlink()
        await shop.ask("cancel", job=first)
        assert "there is no program" in (await shop.ended(second)).data["reason"]


@pytest.mark.parametrize("gone", ["removed", "replaced"])
async def test_a_model_that_is_gone_or_another_while_it_is_sliced_is_a_failure(
    tmp_path: Path, gone: str
) -> None:
    body = f"touch began; while [ ! -e ../../../go ]; do sleep 0.02; done; {GOOD}"
    async with workshop(tmp_path, body) as shop:
        job = await shop.slice()
        await shop.began(job)
        if gone == "removed":
            await shop.room.files.remove("arm.stl")
        else:
            await shop.here.upload("arm.stl", binary(box(5, 5, 5)))
        (tmp_path / "go").touch()
        end = await shop.ended(job)
        assert end.topic == "octoprint.SlicingFailed"
        assert f"was {gone} while it was sliced" in end.data["reason"]
        assert not (shop.folder / "files" / "arm.gcode").exists()


async def test_a_second_job_for_the_same_target_calls_off_the_first_and_a_third_the_second(
    tmp_path: Path,
) -> None:
    body = f"if [ -e ../../../go ]; then {GOOD}; else {HANGS}; fi"
    async with workshop(tmp_path, body) as shop:
        first = await shop.slice()
        await shop.began(first)
        second = await shop.slice()
        await shop.began(second)
        (tmp_path / "go").touch()
        third = await shop.slice()
        await shop.ended(third)
        assert shop.told == [
            ("SlicingStarted", first),
            ("SlicingStarted", second),
            ("SlicingCancelled", first),
            ("SlicingStarted", third),
            ("SlicingCancelled", second),
            ("SlicingDone", third),
        ]


async def test_many_jobs_for_one_target_at_once_have_one_end_each_and_the_last_wins(tmp_path: Path) -> None:
    async with workshop(tmp_path, f"sleep 0.0$(($$ % 9)); {GOOD}", parallel=3) as shop:
        jobs = await asyncio.gather(*(shop.slice() for _ in range(12)))
        for job in jobs:
            await shop.ended(job)
        ends = [(name, job) for name, job in shop.told if name in ENDS]
        assert sorted(job for _, job in ends) == sorted(jobs)
        last = [job for name, job in shop.told if name == "SlicingStarted"][-1]
        assert {job: name for name, job in ends}[last] == "SlicingDone"


async def test_a_job_for_another_target_is_left_alone(tmp_path: Path) -> None:
    async with workshop(tmp_path, HANGS, parallel=2) as shop:
        first, second = await shop.slice(), await shop.slice(to="parts/other.gcode")
        await shop.began(first)
        await shop.began(second)
        assert not any(name in ENDS for name, _ in shop.told)


async def test_a_job_that_waits_can_be_called_off_and_one_that_ended_can_not(tmp_path: Path) -> None:
    async with workshop(tmp_path, HANGS, parallel=1) as shop:
        first, second = await shop.slice(), await shop.slice(to="other.gcode")
        assert (await shop.ask("cancel", job=second))["success"]
        assert (await shop.ended(second)).topic == "octoprint.SlicingCancelled"
        reply = await shop.ask("cancel", job=second)
        assert reply == {"success": False, "message": "The slicing of arm.stl has ended already."}
        assert not (await shop.ask("cancel", job="nothing"))["success"]
        await shop.ask("cancel", job=first)
        await shop.ended(first)


async def test_calling_off_twice_is_calling_off_once(tmp_path: Path) -> None:
    async with workshop(tmp_path, HANGS) as shop:
        job = await shop.slice()
        await shop.began(job)
        shop.room.cancel(job)
        await asyncio.sleep(0)
        assert shop.room.cancel(job).called_off
        assert shop.room._tasks[job].cancelling() == 1
        assert (await shop.ended(job)).topic == "octoprint.SlicingCancelled"


async def test_a_target_that_differs_only_in_case_is_the_same_target(tmp_path: Path) -> None:
    body = f"if [ -e ../../../go ]; then {GOOD}; else {HANGS}; fi"
    async with workshop(tmp_path, body, parallel=2) as shop:
        first = await shop.slice(to="X.gcode")
        await shop.began(first)
        (tmp_path / "go").touch()
        second = await shop.slice(to="x.gcode")
        assert (await shop.ended(first)).topic == "octoprint.SlicingCancelled"
        assert (await shop.ended(second)).topic == "octoprint.SlicingDone"
        reply = await shop.ask("slice", file="arm.stl", to="X.gcode")
        assert reply["success"] is False, reply


async def test_jobs_that_come_together_are_not_more_than_may_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MOST_WAITING", 5)
    async with workshop(tmp_path, HANGS) as shop:
        orders = [await shop.room.order("arm.stl", to=f"{n}.gcode") for n in range(9)]
        taken = await asyncio.gather(*map(shop.room.slice, orders), return_exceptions=True)
        assert sum(isinstance(each, Job) for each in taken) == 5


async def test_a_job_that_has_ended_holds_no_settings(tmp_path: Path) -> None:
    async with workshop(tmp_path) as shop:
        job = await shop.slice(overrides={"notes": "x" * 60_000})
        assert shop.room.job(job).order.settings
        await shop.ended(job)
        await shop.until(lambda: not shop.room.job(job).order.settings)


async def test_a_model_that_a_slicer_has_no_memory_for_fails_in_a_sentence(tmp_path: Path) -> None:
    need("prusaslicer")
    async with workshop(tmp_path, None, memory=300 << 20) as shop:
        triangles = [each for n in range(200) for each in box(n % 7 + 1, n % 11 + 1, n % 13 + 1)]
        await shop.here.upload("large.stl", binary(triangles * 250))
        end = await shop.ended(await shop.slice("large.stl"))
        assert end.topic == "octoprint.SlicingFailed"
        assert "not enough memory" in end.data["reason"]


async def test_a_model_that_can_not_be_read_in_the_memory_there_is_fails_in_a_sentence(
    tmp_path: Path,
) -> None:
    async with workshop(tmp_path, memory=400 << 20) as shop:
        await shop.here.upload("large.3mf", repeated(20_000))
        end = await shop.ended(await shop.slice("large.3mf"))
        assert end.topic == "octoprint.SlicingFailed"
        assert "more memory than there is" in end.data["reason"]


async def test_calling_off_kills_the_slicer_and_all_that_it_started(tmp_path: Path) -> None:
    async with workshop(tmp_path, slicers.HANGS_WITH_CHILDREN) as shop:
        job = await shop.slice()
        await shop.began(job)
        child = int((tmp_path / "child").read_text())
        await shop.ask("cancel", job=job)
        await shop.ended(job)
        await shop.until(lambda: not _is_alive(child))


async def test_a_hub_that_stops_ends_its_slicers_and_its_jobs(tmp_path: Path) -> None:
    async with workshop(tmp_path, HANGS) as shop:
        job = await shop.slice()
        await shop.began(job)
        kept = shop
    ((name, _),) = [each for each in kept.told if each[0] in ENDS]
    assert name == "SlicingFailed"


async def test_jobs_that_a_crash_ended_are_told_at_the_next_start(tmp_path: Path) -> None:
    async with workshop(tmp_path, HANGS) as shop:
        job = await shop.slice()
        await shop.began(job)
        left = (tmp_path / "slicing" / "running" / f"{job}.json").read_bytes()
    (tmp_path / "slicing" / "running" / f"{job}.json").write_bytes(left)
    (tmp_path / "slicing" / "work" / job).mkdir(parents=True)
    async with workshop(tmp_path) as shop:
        end = await shop.ended(job)
        assert "hub stopped" in end.data["reason"]
        assert not (tmp_path / "slicing" / "running" / f"{job}.json").exists()
        assert not (tmp_path / "slicing" / "work" / job).exists()


async def test_the_printer_is_asked_once_the_result_is_stored(tmp_path: Path) -> None:
    async with workshop(tmp_path) as shop:
        asked: list[Event] = []

        def prints(event: Event) -> Any:
            asked.append(event)
            return {"success": event.data["printer"] == "mk3", "message": "mk3 prints arm.gcode."}

        host = HubBus(shop.here.hub, Principal("host"))
        host.subscribe('topic="callboard.printer.print"', prints)
        job = await shop.slice(print="mk3")
        await shop.ended(job)
        await shop.until(lambda: shop.room.job(job).printed is True)
        assert (asked[0].data["file"], asked[0].data["if_clear"]) == ("arm.gcode", True)
        assert asked[0].source["user"]["username"] == "tester"
        bold = await shop.slice(print="mk3", if_clear=False)
        await shop.until(lambda: shop.room.job(bold).printed is True)
        assert "if_clear" not in asked[1].data
        other = await shop.slice(print="mk4")
        await shop.until(lambda: shop.room.job(other).printed is False)
        assert shop.room.job(other).state.value == "done"
        assert "does not print it" in shop.room.job(other).reason
        await host.close()


async def test_a_printer_that_there_is_not_is_told_before_anything_is_sliced(tmp_path: Path) -> None:
    async with workshop(tmp_path) as shop:
        host = HubBus(shop.here.hub, Principal("host"))
        no = {"success": False, "message": "There is no printer 'mk9': there are mk3."}
        host.subscribe(
            'topic="callboard.printer.list"', lambda event: no if "mk9" in event.data.values() else 1
        )
        assert await shop.ask("slice", file="arm.stl", print="mk9") == no
        assert shop.told == []
        await host.close()


async def test_whoever_slices_to_print_must_be_allowed_to_print(tmp_path: Path) -> None:
    allowed = parse("topic=callboard.slicing.slice or (topic=callboard.printer.print and data.printer=mk3)")
    artist = Principal("artist", publish=allowed)
    async with Hub(MemoryLog(), leads=LEADS) as hub:

        def check(**data: Any) -> None:
            hub.check(artist, seal(Event("callboard.slicing.slice", {"file": "arm.stl", **data})))

        check()
        check(print="mk3")
        for verb in ("print", "select"):
            with pytest.raises(Denied, match=f"callboard.printer.{verb}, which"):
                check(**{verb: "mk4"})


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no such file": ({"file": "none.stl"}, "There is no"),
    "no model": ({"file": "part.gcode"}, "no model"),
    "an unknown slicer": ({"slicer": "scissors"}, "There is no slicer 'scissors'"),
    "an unknown profile": ({"profile": "best"}, "no profile 'best'"),
    "a target that is no G-code": ({"to": "arm.stl"}, "no name for G-code"),
    "a target elsewhere": ({"to": "../arm.gcode"}, "leads elsewhere"),
    "a target that is there": ({"to": "part.gcode", "overwrite": False}, "is there already"),
    "a program to start": ({"overrides": {"post_process": "/bin/sh"}}, "post_process can't be set here"),
    "an option for a setting": ({"overrides": {"--output": "x"}}, "is no setting"),
    "a setting that is a list": ({"overrides": {"layer_height": [1]}}, "neither text nor a number"),
    "printed and selected": ({"print": "mk3", "select": "mk3"}, "not both"),
    "a wrong type": ({"position": {"x": 1}}, "can't be understood"),
    "far away": ({"position": {"x": 1e9, "y": 0}}, "can't be understood"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_what_can_not_be_done_is_refused_before_any_event(tmp_path: Path, what: str) -> None:
    data, said = REFUSED[what]
    async with workshop(tmp_path) as shop:
        await shop.here.upload("part.gcode")
        reply = await shop.ask("slice", **{"file": "arm.stl", **data})
        assert reply["success"] is False
        assert said in reply["message"]
        assert shop.told == []


async def test_a_target_that_prints_is_refused(tmp_path: Path) -> None:
    async with workshop(tmp_path) as shop:
        await shop.here.upload("arm.gcode")
        shop.room.files.store.hold("arm.gcode", "mk3")
        reply = await shop.ask("slice", file="arm.stl")
        assert reply["success"] is False
        assert "print" in reply["message"]


MODELS = {
    "decimal commas": ("a.stl", text(box(), point=","), "decimal commas"),
    "nothing": ("b.stl", b"", "not one byte"),
    "a traversal": ("c.3mf", packed(box(), more={"../x": b"x"}), "leads elsewhere"),
    "a bomb": ("d.3mf", packed(box(), more={"3D/more.model": bytes(30_000_000)}), "unpacks to"),
}


@pytest.mark.parametrize("what", MODELS)
async def test_a_bad_model_fails_in_a_sentence_without_a_slicer(tmp_path: Path, what: str) -> None:
    name, data, said = MODELS[what]
    async with workshop(tmp_path, "touch ../../../called") as shop:
        await shop.here.upload(name, data)
        end = await shop.ended(await shop.slice(name))
        assert end.topic == "octoprint.SlicingFailed"
        assert said in end.data["reason"]
        assert not (tmp_path / "called").exists()


async def test_an_open_surface_is_sliced_with_a_warning(tmp_path: Path) -> None:
    async with workshop(tmp_path) as shop:
        await shop.here.upload("open.stl", binary(box()[:-1]))
        end = await shop.ended(await shop.slice("open.stl"))
        (warning,) = end.data["warnings"]
        assert "not closed" in warning


async def test_profiles_are_stored_told_and_used(tmp_path: Path) -> None:
    body = f"{GOOD}; cp settings.ini ../../../settings.ini"
    async with workshop(tmp_path, body) as shop:
        named = {"slicer": "prusaslicer", "profile": "draft"}
        assert (await shop.ask("save-profile", **named, data={"layer_height": 0.3, "notes": "a\nb"}))[
            "success"
        ]
        assert (await shop.ask("save-profile", **named, data={"layer_height": 0.2, "skirts": 1}))["success"]
        await shop.ended(await shop.slice(overrides={"skirts": 4}))  # the first that is stored is the default
        assert (tmp_path / "settings.ini").read_text() == "layer_height = 0.2\nskirts = 4\n"
        listed = (await shop.ask("list"))["slicers"][0]
        assert (listed["profiles"], listed["defaultProfile"]) == (["draft"], "draft")
        assert (await shop.ask("profiles"))["profiles"][0]["data"] == {"layer_height": "0.2", "skirts": "1"}
        assert (await shop.ask("delete-profile", **named))["success"]
        assert not (await shop.ask("delete-profile", **named))["success"]
        told = [event for event in shop.here.events if "Profile" in event.topic]
        names = [event.topic.removeprefix("octoprint.SlicingProfile") for event in told]
        assert names == ["Added", "Modified", "Deleted"]
        assert told[0].data == named


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


async def test_a_hub_that_stops_does_not_wait_for_a_printer_to_be_asked(tmp_path: Path) -> None:
    asked = asyncio.Event()

    async def silent(_: Event) -> None:
        asked.set()
        await asyncio.Event().wait()

    async with asyncio.timeout(10):  # less than the 15 s that a printer has
        async with workshop(tmp_path) as shop:
            host = HubBus(shop.here.hub, Principal("host"))
            host.subscribe('topic="callboard.printer.print"', silent)
            await shop.slice(print="mk3")
            await asked.wait()


@pytest.mark.parametrize("slip", [{"profil": "draft"}, {"printt": "toy"}])
async def test_a_request_with_a_slip_in_a_key_is_refused_with_the_key_that_was_meant(
    tmp_path: Path, slip: dict[str, str]
) -> None:
    async with workshop(tmp_path) as shop:
        reply = await shop.ask("slice", file="arm.stl", **slip)
        wrong, right = next(iter(slip)), "profile" if "profil" in slip else "print"
        assert reply["success"] is False
        assert reply["message"].startswith(f"slice knows no '{wrong}' (did you mean '{right}'?): it takes ")
        assert shop.told == []
        assert not (await shop.ask("cancel", job="0", now=True))["success"]
        told = await shop.here.ask("delete", {"path": "arm.stl", "recursve": True})
        assert told["message"].startswith("delete knows no 'recursve' (did you mean 'recursive'?)")


async def test_a_slicer_that_is_named_and_missing_never_gives_way_to_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = str(slicers.program(tmp_path, GOOD, "other"))
    async with workshop(tmp_path, None, default=None, prusaslicer="/gone/prusa", slic3r=other) as shop:
        assert "slicing.prusaslicer names /gone/prusa, where there is no program" in capsys.readouterr().out
        reply = await shop.ask("slice", file="arm.stl")
        assert not reply["success"]
        assert reply["message"].endswith("where there is no program. Mend that, or name another slicer.")
        assert not any(one["default"] for one in (await shop.ask("list"))["slicers"])
        assert (await shop.ended(await shop.slice(slicer="slic3r"))).topic == "octoprint.SlicingDone"


@pytest.mark.parametrize(
    ("slicer", "slip", "meant"),
    [
        ("prusaslicer", "layer_hight", "layer_height"),
        ("slic3r", "fill_densty", "fill_density"),
        ("curaengine", "layer_hight", "layer_height"),
    ],
)
async def test_a_setting_that_a_real_slicer_does_not_know_is_refused_with_the_one_that_was_meant(
    tmp_path: Path, slicer: str, slip: str, meant: str
) -> None:
    need(slicer)
    async with workshop(tmp_path, None) as shop:
        reply = await shop.ask("slice", file="arm.stl", slicer=slicer, overrides={slip: "0.3"})
        title = shop.room.programs.slicers[slicer].title
        assert reply["message"] == f"{title} knows no setting '{slip}' (did you mean '{meant}'?)."
        assert shop.told == []
        assert not list((shop.folder / "slicing" / "work").glob("*"))
        strange = {"slicer": slicer, "profile": "of-another-version", "data": {slip: "0.3"}}
        assert (await shop.ask("save-profile", **strange))["success"]
        known = {"prusaslicer": "filament_retract_speed", "slic3r": "bed_shape", "curaengine": "layer_height"}
        kind, program = shop.room.programs.slicers[slicer], shop.room.programs.program(slicer)
        await shop.room._vocabulary.check(kind, program, {}, [known[slicer]])


async def test_a_slicer_that_tells_nothing_of_its_settings_takes_all(tmp_path: Path) -> None:
    async with workshop(tmp_path) as shop:
        end = await shop.ended(await shop.slice(overrides={"anything": 1}))
        assert end.topic == "octoprint.SlicingDone"


async def test_what_is_not_on_the_bed_is_told_and_not_printed(tmp_path: Path) -> None:
    async with workshop(tmp_path) as shop:
        asked: list[str] = []

        async def take(event: Event) -> dict[str, Any]:
            asked.append(event.topic.rpartition(".")[2])
            return {"success": True, "message": "It prints."}

        shop.here.bus.subscribe("topic=callboard.printer.*", take)
        shape = {"bed_shape": "0x0,250x0,250x210,0x210", "max_print_height": 200}
        await shop.here.upload("large.stl", binary(box(500, 100, 300)))
        job = await shop.slice("large.stl", overrides=shape, print="mk3")
        (said,) = (await shop.ended(job)).data["warnings"]
        assert "x=-125 to 375 on a bed of 0 to 250, z=300 below a height of 200" in said
        await shop.until(lambda: shop.room.job(job).printed is not None)
        assert (shop.room.job(job).printed, asked) == (False, ["list"])
        assert said in shop.room.job(job).reason
        near = await shop.ended(await shop.slice(overrides=shape, position={"x": 3, "y": 100}))
        assert "x=-2 to 8 on a bed of 0 to 250" in near.data["warnings"][0]
        fits = await shop.ended(await shop.slice(overrides=shape, position={"x": 5, "y": 100}))
        assert "warnings" not in fits.data
        reply = await shop.ask("slice", file="arm.stl", overrides=shape, position={"x": 5000, "y": 100})
        assert reply["message"] == "position: x=5000 is not on the bed, which goes from 0 to 250."


async def test_a_job_that_a_newer_one_replaced_says_so(tmp_path: Path) -> None:
    async with workshop(tmp_path, HANGS) as shop:
        first = await shop.slice()
        await shop.slice()
        await shop.ended(first)
        assert shop.room.job(first).reason == "A newer job for arm.gcode replaced it."
