"""Workers in processes of their own: killed, stopped, without rights; films and pictures over HTTP."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from tests.serving import eventually
from tests.timelapse.filming import FFMPEG, film
from tests.timelapse.house import PATIENCE, Filming, ffmpeg_that_waits, filming, has_begun
from tests.timelapse.test_movie import facts, script

pytestmark = pytest.mark.slow


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Filming]:
    with filming(tmp_path, "{mode: layer, render_here: no}") as opened:
        yield opened


@pytest.fixture
def key(house: Filming) -> str:
    """A key that may do what the docs say that a worker must."""
    made = house.run("keys", "create", "render", "--publish", "topic=callboard.jobs.*", "--may", "printers")
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_film_whose_worker_is_killed_is_finished_by_another_exactly_once(
    house: Filming, key: str, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    house.film(3)
    with house.worker("doomed", key, ffmpeg_that_waits(tmp_path, go)) as doomed:
        begun = Path(f"{go}.begun")
        eventually(lambda: has_begun(go), "ffmpeg", PATIENCE)
        encoder = int(begun.read_text())
        (job,) = house.get("/v1/jobs")["jobs"]
        assert (job["state"], job["worker"]) == ("taken", "doomed")
        doomed.send_signal(signal.SIGKILL)
        doomed.wait()
        eventually(lambda: gone(encoder), "the end of its ffmpeg")
    with house.worker("alive", key):
        (done,) = house.until("MovieDone")
    assert len(house.events("MovieRendering")) == 1
    assert len(house.events("MovieDone")) == 1
    assert house.events("MovieFailed") == []
    assert facts(Path(done["data"]["movie"]))[0] == 3
    assert house.get("/v1/jobs")["jobs"] == []
    assert [path.name for path in house.base.glob(".*")] == []
    assert done["source"]["printer"] == "far"


def test_a_worker_that_is_stopped_gives_its_film_back_at_once(
    house: Filming, key: str, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    house.film(1)
    with house.worker("first", key, ffmpeg_that_waits(tmp_path, go)) as first:
        eventually(lambda: has_begun(go), "ffmpeg", PATIENCE)
        first.send_signal(signal.SIGTERM)
        first.wait(PATIENCE)
        (job,) = house.get("/v1/jobs")["jobs"]
        assert (job["state"], job["attempts"]) == ("waiting", 0)
    with house.worker("second", key):
        house.until("MovieDone")


def test_a_worker_goes_on_while_the_hub_is_away_and_delivers_when_it_is_back(
    house: Filming, key: str, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    house.film(2)
    with house.worker("patient", key, ffmpeg_that_waits(tmp_path, go)):
        eventually(lambda: has_begun(go), "ffmpeg", PATIENCE)
        house.server.kill()
        house.server.start()
        go.touch()
        (done,) = house.until("MovieDone")
    assert facts(Path(done["data"]["movie"]))[0] == 2
    assert len(Path(f"{go}.begun").read_text().split()) == 1
    assert len(house.events("MovieRendering")) == 1


def test_a_worker_tells_why_a_film_failed(house: Filming, key: str, tmp_path: Path) -> None:
    with house.worker("poor", key, script(tmp_path, "echo alas >&2; exit 42")):
        house.film(2)
        (failed,) = house.until("MovieFailed")
    assert (failed["data"]["returncode"], failed["data"]["reason"]) == (42, "returncode")
    assert failed["data"]["error"][-1] == "alas"
    (reel,) = house.get("/v1/timelapses")["unrendered"]
    assert (reel["count"], reel["rendering"]) == (2, False)
    assert "failed: ffmpeg ended with exit code 42. alas" in house.run("timelapse", "list").stdout


def test_who_waits_for_a_film_waits_for_one_that_is_begun_too(house: Filming) -> None:
    house.film(1)
    (reel,) = eventually(lambda: house.get("/v1/timelapses")["unrendered"], "the pictures")
    eventually(lambda: house.get("/v1/jobs")["jobs"], "the job")
    assert "waits for a worker" in house.run("timelapse", "list").stdout
    with house.begun("timelapse", "render", reel["name"], "--wait") as waiting:
        assert waiting.stderr is not None
        assert "already" in waiting.stderr.readline()
        job = house.ask("take", worker="far", kinds=["film"])["job"]
        assert house.server.ask("PUT", address_of(job), film(), {})[0] == 204
        assert house.ask("finish", job=job["id"], lease=job["lease"], result={})["success"]
        out, error = waiting.communicate(timeout=PATIENCE)
    assert (waiting.returncode, out) == (0, f"{reel['name']}.mp4\n"), error


def test_a_hub_whose_disk_is_full_says_so_and_the_pictures_stay(tmp_path: Path, tiny_disk: Path) -> None:
    with filming(tmp_path, f"{{mode: layer, render_here: no, folder: '{tiny_disk}/films'}}") as house:
        house.film(3)
        eventually(lambda: house.get("/v1/jobs")["jobs"], "the job")
        ballast = tiny_disk / "ballast"
        disk = os.statvfs(tiny_disk)
        ballast.write_bytes(bytes(disk.f_bavail * disk.f_frsize))
        with house.worker("full", house.server.key):
            (failed,) = house.until("MovieFailed")
            assert "disk is full" in failed["data"]["error"][0]
            assert not [path.name for path in (tiny_disk / "films").glob(".*")]
            ballast.unlink()
            assert house.run("timelapse", "render", failed["data"]["movie_prefix"], "--wait").returncode == 0


def test_a_worker_whose_own_disk_is_full_leaves_the_film_to_another(
    house: Filming, key: str, tiny_disk: Path
) -> None:
    with house.worker("sick", key, TMPDIR=str(tiny_disk)):
        disk = os.statvfs(tiny_disk)
        (tiny_disk / "ballast").write_bytes(bytes(disk.f_bavail * disk.f_frsize))
        house.film(2)
        eventually(lambda: "on this machine" in house.said("sick"), "the refusal", PATIENCE)
        assert f"can't be kept in {tiny_disk}" in house.said("sick")
        assert "No hub answers" not in house.said("sick")
        (job,) = eventually(lambda: [each for each in house.get("/v1/jobs")["jobs"] if not each["attempts"]])
        assert job["state"] == "waiting"
        with house.worker("well", key):
            house.until("MovieDone")
    assert house.events("MovieFailed") == []


def test_a_worker_without_the_right_says_so(house: Filming) -> None:
    made = house.run("keys", "create", "nobody")
    ran = house.run("worker", "--key", made.stdout.strip(), "--user", "nobody", "--ffmpeg", FFMPEG)
    assert ran.returncode == 1
    assert "right `printers`" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_pictures_come_as_a_tar_and_a_film_only_from_who_has_the_lease(house: Filming) -> None:
    house.film(2)
    (reel,) = eventually(lambda: house.get("/v1/timelapses")["unrendered"], "the pictures")
    eventually(lambda: house.get("/v1/jobs")["jobs"], "the job")
    (job,) = house.get("/v1/jobs")["jobs"]
    status, tar = house.server.get(f"/v1/timelapses/unrendered/{reel['name']}/frames")
    assert status == 200
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        assert opened.getnames() == [f"{reel['name']}-{number}.jpg" for number in range(2)]
    for lease in ("", "guessed"):
        address = f"/v1/timelapses/unrendered/{reel['name']}/film?job={job['id']}&lease={lease}"
        assert house.server.ask("PUT", address, b"x" * 1000, {})[0] == 409
    assert (
        house.server.ask("PUT", f"/v1/timelapses/unrendered/{reel['name']}/film?job=../x&lease=y", b"x", {})[
            0
        ]
        == 400
    )
    assert [path.name for path in house.base.glob(".*")] == []


def test_an_upload_that_stalls_never_reaches_into_the_film_of_the_next_worker(house: Filming) -> None:
    house.film(2)
    eventually(lambda: house.get("/v1/jobs")["jobs"], "the job")
    first = house.ask("take", worker="slow", kinds=["film"])["job"]
    size = 300_000
    with socket.create_connection(("127.0.0.1", house.server.port)) as stalled:
        head = [
            f"PUT {address_of(first)} HTTP/1.1",
            *("Host: hub", f"Content-Length: {size}"),
            *(f"ftrack-user: {house.server.user}", f"ftrack-api-key: {house.server.key}"),
        ]
        stalled.sendall("\r\n".join([*head, "", ""]).encode() + b"A" * (size // 2))
        eventually(lambda: list(house.base.glob(".*.part")), "the half film")
        house.ask("give-back", job=first["id"], lease=first["lease"])  # as if its lease had run out
        second = house.ask("take", worker="quick", kinds=["film"])["job"]
        status, _ = house.server.ask("PUT", address_of(second), film(b"B" * 1000), {})
        assert status == 204
        stalled.sendall(b"A" * (size - size // 2))
        assert b" 409 " in stalled.recv(1000).partition(b"\r\n")[0]
    assert house.ask("finish", job=second["id"], lease=second["lease"], result={})["success"]
    (done,) = house.until("MovieDone")
    assert Path(done["data"]["movie"]).read_bytes() == film(b"B" * 1000)
    assert not list(house.base.glob(".*"))


def address_of(job: dict[str, Any]) -> str:
    """Where a worker brings the film of its job."""
    name = job["payload"]["name"]
    return f"/v1/timelapses/unrendered/{name}/film?job={job['id']}&lease={job['lease']}"


def test_what_a_crash_of_the_hub_leaves_is_offered_again(tmp_path: Path) -> None:
    go = tmp_path / "go"
    waiting = ffmpeg_that_waits(tmp_path, go)
    with filming(tmp_path, f"{{mode: layer, ffmpeg: '{waiting}'}}") as house:
        house.film(2)
        begun = Path(f"{go}.begun")
        eventually(lambda: has_begun(go), "ffmpeg", PATIENCE)
        house.say("PrintStarted", file="cut.gcode", name="cut.gcode", path="cut.gcode")
        house.say("LayerChange", layer=1, z=0.2)
        house.until("CaptureDone", 3)
        house.server.kill()
        eventually(lambda: gone(int(begun.read_text().split()[0])), "the end of its ffmpeg")
        house.server.start()
        eventually(lambda: len(begun.read_text().split()) > 1, "ffmpeg once more", PATIENCE)
        assert len(list(house.base.glob(".*.part"))) <= 1
        go.touch()
        (done,) = house.until("MovieDone")
        assert facts(Path(done["data"]["movie"]))[0] == 2
        assert len(house.events("MovieRendering")) == 1
        (left,) = house.get("/v1/timelapses")["unrendered"]
        assert (left["count"], left["recording"], left["gcode"]) == (1, False, "cut.gcode")
        ran = house.run("timelapse", "render", left["name"], "--wait")
        assert (ran.returncode, ran.stdout) == (0, f"{left['name']}.mp4\n")


def test_films_are_listed_got_and_removed_by_hand(tmp_path: Path) -> None:
    with filming(tmp_path, "{mode: layer, render: success}") as house:
        house.film(2)
        (done,) = house.until("MovieDone")
        name = done["data"]["movie_basename"]
        house.film(1, "PrintFailed")
        reel = eventually(lambda: house.get("/v1/timelapses")["unrendered"], "pictures")[0]["name"]
        shown = house.run("timelapse", "list")
        assert shown.returncode == 0, shown.stderr
        assert name in shown.stdout
        assert reel in shown.stdout
        listed = json.loads(house.run("timelapse", "list", "--json").stdout)
        assert (listed["films"][0]["frames"], listed["films"][0]["printer"]) == (2, "far")
        got = house.run("timelapse", "download", name, "--to", str(tmp_path))
        assert got.returncode == 0, got.stderr
        assert (tmp_path / name).read_bytes() == Path(done["data"]["movie"]).read_bytes()
        assert house.run("timelapse", "download", name, "--to", str(tmp_path)).returncode == 2
        status, thumbnail = house.server.get(f"/v1/timelapses/films/{name}?thumbnail=true")
        assert (status, thumbnail[:3]) == (200, b"\xff\xd8\xff")
        status, part = house.server.get(f"/v1/timelapses/films/{name}?download=true", Range="bytes=4-7")
        assert (status, part) == (206, b"ftyp")
        for each in (name, reel):
            assert house.run("timelapse", "delete", each).returncode == 0
            again = house.run("timelapse", "delete", each)
            assert again.returncode == 1
            assert "timelapse list" in again.stderr
        assert house.get("/v1/timelapses")["films"] == house.get("/v1/timelapses")["unrendered"] == []


@pytest.mark.parametrize("name", ["..", ".hidden", "%2e%2e%2fadmin.key", "a%2fb", "x" * 300, "%00", "about"])
@pytest.mark.parametrize("kind", ["films", "unrendered"])
def test_no_name_leads_out_of_the_folder(shared: Filming, kind: str, name: str) -> None:
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "?download=true"),
        ("GET", "/frames"),
        ("POST", "/render"),
    ):
        status, _ = shared.server.ask(method, f"/v1/timelapses/{kind}/{name}{path}", None, {})
        assert status in {404, 405}, (method, path, status)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filming]:
    with filming(tmp_path_factory.mktemp("shared")) as opened:
        yield opened


def test_requests_do_what_the_addresses_do(shared: Filming) -> None:
    def ask(verb: str, **data: object) -> dict[str, Any]:
        return shared.ask(verb, room="timelapse", **data)

    shared.film(1)
    name = shared.until("MovieDone")[-1]["data"]["movie_basename"]
    listed = ask("list")
    assert listed["success"] is True
    assert name in json.dumps(listed["films"])
    assert ask("delete", name=name) == {"success": True, "message": f"{name} is gone."}
    assert ask("delete", name=name)["success"] is False
    assert ask("render", name="none")["success"] is False
    assert ask("render", nam="none")["success"] is False
