"""Studio and workshop in one: the worked example of examples/workshop, as it is, from a status to a film.

Everything is real: the official client, the hub, the slicer, the virtual printers with their cameras, ffmpeg.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import ftrack_api.accessor.disk
import ftrack_api.structure.standard
import pytest

from tests.serving import Server, eventually, free_port, serving
from tests.slicing.models import box, text
from tests.slicing.slicers import need
from tests.timelapse.filming import FFMPEG
from tests.tracker.conftest import open_session

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "workshop"
PATIENCE = 90.0


@dataclass
class Workshop:
    """The example's hub, and an artist's session."""

    server: Server
    session: Any
    location: Any

    def task(self, name: str, model: bytes | None) -> Any:
        """Make a task in a shot of its own, with a version that has a model."""
        project = self.session.create("Project", {"name": f"opera_{uuid.uuid4().hex[:8]}"})
        shot = self.session.create("Shot", {"name": "sh010", "parent": project})
        task = self.session.create("Task", {"name": name, "parent": shot})
        self.session.commit()
        if model is not None:
            asset = self.session.create("Asset", {"name": "hero", "parent": shot})
            version = self.session.create("AssetVersion", {"asset": asset, "task": task})
            self.session.commit()
            path = self.server.data / f"{name}.stl"
            path.write_bytes(model)
            version.create_component(str(path), {"name": "main"}, location=self.location)
        return task

    def approve(self, task: Any) -> None:
        """Set a task's status, as an artist does."""
        task["status"] = self.session.query('Status where name is "Ready to print"').one()
        self.session.commit()

    def events(self, expression: str) -> list[dict[str, Any]]:
        query = f"/v1/events?limit=1000&expression={quote(expression)}"
        status, body = self.server.get(query)
        assert status == 200, body
        return [each["event"] for each in json.loads(body)["events"]]

    def change(self, task: Any) -> dict[str, Any]:
        """Return the event of the artist's change."""
        ready = "2512a715-6f67-51bf-829d-44f13cae2d79"
        asked = f'data.entities.entityId="{task["id"]}" and data.entities.changes.statusid.new="{ready}"'
        (found,) = eventually(lambda: self.events(f"topic=ftrack.update and {asked}"), "the change")
        return found

    def act(self, task: Any) -> list[dict[str, Any]]:
        """Return all events that came of the artist's change, the change itself first."""
        change = self.change(task)
        return [change, *self.events(f'source.trace.correlation="{change["id"]}"')]

    def notes(self, task: Any) -> list[str]:
        rows = self.session.query(f'select content from Note where parent_id is "{task["id"]}" order by date')
        return [each["content"] for each in rows.all()]

    def status(self, task: Any) -> str:
        return str(
            self.session.query(f'select status.name from Task where id is "{task["id"]}"').one()["status"][
                "name"
            ]
        )

    def until(self, condition: Any, what: str) -> Any:
        def slowly() -> Any:
            time.sleep(0.1)  # the machine has enough to do
            return condition()

        try:
            return eventually(slowly, what, PATIENCE)
        except AssertionError as error:
            runs = self.run("hooks", "runs", "--output").stdout
            raise AssertionError(f"{error}\n{runs}") from None

    def clear(self) -> None:
        """Take what is printed off the beds, and say so."""
        for printer in ("left", "right"):
            self.until(
                lambda printer=printer: self._state(printer) == "OPERATIONAL", "a printer that is done"
            )
            said = self.run("printers", "clear", printer)
            assert said.stdout == f"{printer}'s bed is clear.\n", said.stderr

    def _state(self, printer: str) -> str:
        status, body = self.server.get(f"/v1/printers/{printer}")
        assert status == 200, body
        return str(json.loads(body)["state"]["id"])

    def trace(self, task: Any) -> list[str]:
        """Return the lines of `callboard log trace`, once the last hook's run is noted."""

        def settled() -> list[str]:
            drawn = self.run("log", "trace", self.change(task)["id"]).stdout.splitlines()
            return drawn if not any("  running" in line for line in drawn) else []

        found: list[str] = self.until(settled, "hooks that are done")
        return found

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command against the server."""
        known = {"CALLBOARD_DATA": str(self.server.data), "COLUMNS": "200"}
        return subprocess.run(
            [sys.executable, "-m", "callboard", *words],
            capture_output=True,
            text=True,
            env={**os.environ, **known},
            timeout=PATIENCE,
            check=False,
        )


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    need("prusaslicer")
    folder = tmp_path_factory.mktemp("workshop")
    data, config = folder / "data", folder / "callboard.yaml"
    config.write_text(example(data))
    with serving(data, "--config", str(config)) as server:
        with contextlib.closing(open_session(server, folder)) as session:
            location = session.query('Location where name is "workshop"').one()
            location.accessor = ftrack_api.accessor.disk.DiskAccessor(prefix=str(data / "shared"))
            location.structure = ftrack_api.structure.standard.StandardStructure()
            yield Workshop(server, session, location)
        print("\n".join(line for line in server.output.splitlines() if " request " not in line))


def example(data: Path) -> str:
    """Return the example's configuration, with this machine's ports, programs and folders."""
    written = (EXAMPLE / "callboard.yaml").read_text()
    script = f"env, CALLBOARD_DATA={data}, {sys.executable}, {EXAMPLE / 'workshop.py'}"
    for there, here in (
        ("python3, examples/workshop/workshop.py", script),
        ("127.0.0.1:8041", f"127.0.0.1:{free_port()}"),
        ("127.0.0.1:8042", f"127.0.0.1:{free_port()}"),
        ("timelapse: {", f"timelapse: {{ffmpeg: {FFMPEG}, "),
    ):
        assert there in written
        written = written.replace(there, here)
    return written


MUST_HAVE = {
    "ftrack.update",
    "callboard.studio.fetch",
    "callboard.slicing.slice",
    "octoprint.SlicingStarted",
    "octoprint.SlicingDone",
    "callboard.printer.print",
    "octoprint.PrintStarted",
    "octoprint.LayerChange",
    "octoprint.CaptureDone",
    "octoprint.PrintDone",
    "octoprint.MovieRendering",
    "octoprint.MovieDone",
    "callboard.studio.publish",
    "ftrack.location.component-added",
    "ftrack.meta.reply",
}
STEPS = ("slice what is ready to print", "print what is sliced", "tell the task what became of it")


def file_of(event: dict[str, Any]) -> str:
    """Return the path of the file that an event is about, if it is about one."""
    data, job = event["data"] or {}, event["source"].get("job") or {}
    return str(
        data.get("gcode") if "Slicing" in event["topic"] else data.get("path") or job.get("path") or ""
    )


def test_a_status_becomes_a_film_and_one_correlation_runs_through_all_of_it(workshop: Workshop) -> None:
    hero, villain = (workshop.task(name, text(box())) for name in ("print the hero", "print the villain"))
    for task in (hero, villain):
        workshop.approve(task)
    for task in (hero, villain):
        workshop.until(lambda task=task: workshop.status(task) == "Pending review", "a film of each print")
    acts = [workshop.act(task) for task in (hero, villain)]
    for task, act in zip((hero, villain), acts, strict=True):
        ids = {event["id"] for event in act}
        assert {event["topic"] for event in act} >= MUST_HAVE
        change, *others = act
        assert "trace" not in change["source"]
        assert all(event["source"]["trace"]["cause"] in ids for event in others), "it is one tree"
        hops = max(event["source"]["trace"]["hops"] for event in others)
        assert hops == 7, "a hook on the last event takes it for no loop yet"
        files = [file_of(event) for event in act if event["topic"].startswith("octoprint.")]
        assert {each for each in files if each.startswith("studio/")} == {
            f"studio/{task['id']}/hero_v001_main.{suffix}" for suffix in ("stl", "gcode")
        }
    printers = [{event["source"]["printer"] for event in act if "printer" in event["source"]} for act in acts]
    assert sorted(map(sorted, printers)) == [["left"], ["right"]]
    assert not {event["id"] for event in acts[0]} & {event["id"] for event in acts[1]}


def test_the_film_is_a_component_of_a_new_version_with_a_note_on_the_task(workshop: Workshop) -> None:
    workshop.clear()
    task = workshop.task("print the prop", text(box()))
    workshop.approve(task)
    workshop.until(lambda: workshop.status(task) == "Pending review", "a film")
    (version,) = workshop.session.query(
        f'AssetVersion where task_id is "{task["id"]}" and asset.name is "print the prop"'
    ).all()
    (component,) = version["components"]
    film = Path(workshop.location.get_filesystem_path(component))
    assert (component["file_type"], component["size"]) == (".mp4", film.stat().st_size)
    assert film.read_bytes()[4:8] == b"ftyp"
    assert component["metadata"]["sha256"] == hashlib.sha256(film.read_bytes()).hexdigest()
    (printer,) = {each["source"]["printer"] for each in workshop.act(task) if "printer" in each["source"]}
    assert workshop.notes(task) == [
        f"It prints on {printer}.",
        f"Printed on {printer}; the film is in this version.",
    ]
    drawn = workshop.trace(task)
    roots = [line for line in drawn if line[:1] not in "├└│ "]
    assert len(roots) == 1
    assert len(drawn) == len(workshop.act(task)) + len(STEPS) + 1, "the last one runs twice"
    for step in STEPS:
        assert any(f"  hook  {step}  done in " in line for line in drawn), step
    if os.environ.get("CALLBOARD_RECORD"):
        record(drawn, workshop.server.data, film.name, workshop.act(task))


def give_up(workshop: Workshop, task: Any) -> None:
    """Run what the hook runs, as it does the last time that it tries."""
    (sliced,) = workshop.events(f'topic=octoprint.SlicingDone and data.gcode="studio/{task["id"]}*"')
    subprocess.run(
        [sys.executable, str(EXAMPLE / "workshop.py")],
        input=json.dumps(sliced),
        text=True,
        env={**os.environ, "CALLBOARD_DATA": str(workshop.server.data), "CALLBOARD_HOOK_ATTEMPT": "101"},
        timeout=PATIENCE,
        check=True,
    )


def test_while_no_printer_is_free_a_model_waits_and_says_so(workshop: Workshop) -> None:
    workshop.clear()
    tasks = [workshop.task(f"print {number}", text(box())) for number in range(3)]
    for task in tasks:
        workshop.approve(task)

    def waits(task: Any) -> list[str]:
        return [note for note in workshop.notes(task) if "waits for a printer of the workshop: " in note]

    waiting = workshop.until(lambda: [task for task in tasks if waits(task)], "a wait")
    assert len(waiting) == 1
    assert "left" in waits(waiting[0])[0]
    assert "right" in waits(waiting[0])[0]
    assert workshop.status(waiting[0]) == "Ready to print"
    give_up(workshop, waiting[0])
    assert workshop.status(waiting[0]) == "On hold"
    assert "No printer became free: set it to Ready to print once more." in workshop.notes(waiting[0])
    others = [task for task in tasks if task is not waiting[0]]
    for task in others:
        workshop.until(lambda task=task: workshop.status(task) == "Pending review", "the other films")
    workshop.clear()
    workshop.until(lambda: workshop.status(waiting[0]) == "Pending review", "the film of who waited")
    assert len(waits(waiting[0])) == 1


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (None, "This can't be printed: There is no version of task"),
        (b"solid nothing\nendsolid nothing\n", "The model could not be sliced: "),
    ],
)
def test_a_model_that_cannot_be_sliced_puts_the_task_on_hold(
    workshop: Workshop, model: bytes | None, said: str
) -> None:
    task = workshop.task("print nothing", model)
    workshop.approve(task)
    workshop.until(lambda: workshop.status(task) == "On hold", "a task on hold")
    (note,) = workshop.notes(task)
    assert note.startswith(said)
    change = workshop.change(task)
    assert workshop.events(f'topic=ftrack.update and source.trace.correlation="{change["id"]}"')


def test_a_print_that_is_cancelled_puts_the_task_on_hold(workshop: Workshop) -> None:
    workshop.clear()
    task = workshop.task("print a tower", text(box(60, 60, 40)))
    workshop.approve(task)
    started = workshop.until(
        lambda: workshop.events(f'topic=octoprint.PrintStarted and data.path="studio/{task["id"]}*"'),
        "a print",
    )
    printer = started[0]["source"]["printer"]
    assert workshop.server.post(f"/v1/printers/{printer}/cancel", {})[0] in {200, 202}
    workshop.until(lambda: workshop.status(task) == "On hold", "a task on hold")
    assert f"The print on {printer} came to nothing (cancelled)." in workshop.notes(task)


def test_a_printer_that_goes_away_puts_the_task_on_hold_and_says_why(workshop: Workshop) -> None:
    workshop.clear()
    task = workshop.task("print a chimney", text(box(60, 60, 40)))
    workshop.approve(task)
    started = workshop.until(
        lambda: workshop.events(f'topic=octoprint.PrintStarted and data.path="studio/{task["id"]}*"'),
        "a print",
    )
    printer = started[0]["source"]["printer"]
    assert workshop.server.post(f"/v1/printers/{printer}/disconnect", {})[0] in {200, 202}
    workshop.until(lambda: workshop.status(task) == "On hold", "a task on hold")
    said = f"The print on {printer} came to nothing (The printer was disconnected)."
    assert said in workshop.notes(task)
    assert workshop.server.post(f"/v1/printers/{printer}/connect", {})[0] in {200, 202}


def test_only_tasks_are_printed(workshop: Workshop) -> None:
    task = workshop.task("print", text(box()))
    shot, version = task["parent"], task["parent"]["assets"][0]["versions"][0]
    for each in (shot, version):
        workshop.approve(each)
    for each in (shot, version):
        change = workshop.change(each)

        def runs(change: dict[str, Any] = change) -> list[str]:
            drawn = workshop.run("log", "trace", change["id"]).stdout.splitlines()
            return [line for line in drawn if "  hook  slice what is ready to print  done" in line]

        workshop.until(runs, "the hook's run")
        assert workshop.act(each) == [change], "nothing came of it"


def test_who_may_not_see_hooks_sees_the_events_of_an_act(workshop: Workshop) -> None:
    task = workshop.task("print nothing", None)
    workshop.approve(task)
    workshop.until(lambda: workshop.status(task) == "On hold", "a task on hold")
    status, body = workshop.server.post("/v1/keys", {"user": "guest"})
    assert status == 201, body
    key = json.loads(body)["key"]
    drawn = workshop.run("log", "trace", workshop.change(task)["id"], "--key", key).stdout.splitlines()
    assert len(drawn) == len(workshop.act(task)) > 1
    assert not any("  hook  " in line for line in drawn)


# The page

PAGE = ROOT / "docs" / "studio-and-workshop.md"


def record(drawn: list[str], data: Path, film: str, act: list[dict[str, Any]]) -> None:
    """Write the tree into the page, and a picture of the film beside it."""
    (made,) = [event["data"]["movie_basename"] for event in act if event["topic"] == "octoprint.MovieDone"]
    shutil.copyfile(data / "timelapse" / "about" / f"{made}.jpg", ROOT / "docs" / "pictures" / "workshop.jpg")
    lines = [line if len(line) <= 118 else f"{line[:117]}…" for line in drawn]
    head, _, rest = PAGE.read_text().partition("```text\n")
    PAGE.write_text(f"{head}```text\n" + "\n".join(lines) + "\n```" + rest.partition("```")[2])


def test_the_page_shows_a_recorded_tree() -> None:
    drawn = PAGE.read_text().partition("```text\n")[2].partition("```")[0]
    assert not [topic for topic in MUST_HAVE if f"  {topic}  " not in drawn]
    assert not [step for step in STEPS if f"  hook  {step}  done" not in drawn]
