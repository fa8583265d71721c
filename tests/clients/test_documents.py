"""What the README and docs/clients.md tell people to type works as written, against a real server."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.clients.node import SCRIPTS, needs_node
from tests.clients.official import Hub
from tests.serving import PATIENCE, Server, eventually, serving
from tests.timelapse.test_movie import facts

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
CLIENTS = (ROOT / "docs" / "clients.md").read_text()

IN_VENV = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def blocks(page: str, language: str, having: str) -> list[str]:
    """Return the code blocks of a page in this language that have this text."""
    found = re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return [block for block in found if having in block]


def block(page: str, language: str, having: str) -> str:
    """Return the one code block of a page that has this text."""
    (found,) = blocks(page, language, having)
    return found


def commands(having: str) -> list[str]:
    """Return the command lines of the README that have this text."""
    lines = [line for found in blocks(README, "sh", having) for line in found.splitlines()]
    return [line for line in lines if having in line]


def filled(code: str, server: Server) -> str:
    """Return code with this server's address, and where its key is."""
    key = (server.data / "admin.key").as_posix()
    return code.replace("http://127.0.0.1:8030", server.url).replace("admin.key", key)


@contextmanager
def running(command: list[str], server: Server, cwd: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run a command beside the server until the test is done with it."""
    environment = {**IN_VENV, "CALLBOARD_DATA": str(server.data), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def run(command: list[str], server: Server) -> str:
    """Run a command to its end, which must be a good one, and return what it printed."""
    with running(command, server) as process:
        printed, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, printed
        return printed


def wait_for_listener(server: Server, topic: str) -> None:
    """Wait until somebody listens, by asking until there is an answer."""
    question = {"event": {"topic": topic, "data": {"shot": "x", "by": "jane"}}, "timeout": 2}
    eventually(lambda: b"seen" in server.post("/v1/requests", question)[1], f"a listener for {topic}")


def test_the_two_commands_of_the_readme_talk(server: Server) -> None:
    (listen,) = commands("callboard listen")
    (publish,) = commands("callboard publish")
    with running([*shlex.split(listen), "--count", "1"], server) as listener:

        def has_heard() -> bool:
            run(shlex.split(publish), server)
            return listener.poll() is not None

        eventually(has_heard, "the event")
        printed, _ = listener.communicate()
    assert "sq010_sh020" in printed


def test_the_official_client_of_the_readme_answers_the_command_line(server: Server) -> None:
    code = filled(block(README, "python", "ftrack_api.event"), server)
    with running([sys.executable, "-c", code], server):
        wait_for_listener(server, "shot.approved")
        (publish,) = commands("callboard publish")
        assert "sq010_sh020" in run([*shlex.split(publish), "--wait", "10"], server)


def test_our_client_of_the_readme_runs(server: Server, hub: Hub) -> None:
    heard = hub.subscribe("topic=shot.approved and data.by=jane")
    with running([sys.executable, "-c", block(README, "python", "durable=")], server):
        hub.until(lambda: heard)


def test_the_hook_of_the_readme_runs(tmp_path: Path) -> None:
    config = tmp_path / "callboard.yaml"
    config.write_text(block(README, "yaml", "subscriptions"))
    with serving(tmp_path / "data", "--config", str(config)) as server:
        (publish,) = commands("callboard publish")
        run(shlex.split(publish), server)
        runs = ["callboard", "hooks", "runs"]
        eventually(lambda: "shot.approved" in run(runs, server), "a run of the hook")


def test_the_production_of_the_readme_is_imported_changed_and_acted_on(tmp_path: Path) -> None:
    config = tmp_path / "callboard.yaml"
    config.write_text("tracker:\n")
    (tmp_path / "shots.csv").write_text("project,shot,task,status\nopera,sh010,comp,In progress\n")
    (imported,), (tree,), (launch,) = map(commands, ("tracker import", "tracker tree", "actions launch"))
    with serving(tmp_path / "data", "--config", str(config)) as server:
        run(shlex.split(imported.replace("shots.csv", str(tmp_path / "shots.csv"))), server)
        code = filled(block(README, "python", "ftrack_api.Session"), server)
        run([sys.executable, "-c", f"KEY = {server.key!r}\n{code}session.close()\n"], server)
        assert "comp  (Task)  Approved" in run(shlex.split(tree), server)
        with running([sys.executable, "-c", block(README, "python", "@action")], server):
            offered = shlex.split("callboard actions list --entity opera/sh010/comp")
            eventually(lambda: "Render" in run(offered, server), "the action")
            said = run([*shlex.split(launch), "--set", "frames=1-5"], server)
    assert said.startswith("1-5 of ")
    assert said.endswith("is on its way, admin.\n")


def test_the_official_python_client_of_the_page_talks(server: Server, hub: Hub) -> None:
    heard = hub.subscribe("topic=shot.approved and data.shot=sh010")
    code = filled(block(CLIENTS, "python", "hub.connect()"), server)
    with running([sys.executable, "-c", code], server):
        hub.until(lambda: heard)
        wait_for_listener(server, "shot.approved")


@needs_node
@pytest.mark.parametrize("client", ["@ftrack/api", "socket.io-client"])
def test_the_javascript_client_of_the_page_talks(server: Server, hub: Hub, client: str) -> None:
    heard = hub.subscribe("topic=shot.approved and data.shot=sh010")
    code = filled(block(CLIENTS, "js", f'"{client}"'), server)
    with running(["node", "--input-type=module", "-e", code], server, cwd=SCRIPTS):
        hub.until(lambda: heard)


QUICK: Final = (
    *("temperature=0", "first_layer_temperature=0", "cooling=0", "resolution=8"),
    *("first_layer_speed=800", "external_perimeter_speed=800"),
)
"""Settings by which the demo's bowl is printed in seconds: a cold, coarse and fast one."""


@pytest.mark.slow
def test_what_the_demo_says_to_try_works(tmp_path: Path) -> None:
    elsewhere = {**os.environ, "PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1", "TMPDIR": str(tmp_path)}
    demo = [sys.executable, "-m", "callboard", "demo", "--port", "0"]
    has_slicer = any(shutil.which(each, path="/usr/bin:/bin") for each in ("prusa-slicer", "slic3r"))

    def tried(command: str) -> str:
        done = subprocess.run(
            ["sh", "-c", command],
            env=elsewhere,
            capture_output=True,
            text=True,
            check=False,
            timeout=3 * PATIENCE,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def filmed(slicing: str) -> None:
        """Slice and print the bowl, and open its film."""
        assert tried(" --set ".join((slicing, *QUICK))) == "bowl.gcode\n"
        done = listen.replace("octoprint.*", "octoprint.MovieDone")
        entry = json.loads(tried(f"{done} --since 2000-01-01 --count 1 --json"))
        pictures, stream = facts(Path(entry["event"]["data"]["movie"]))
        assert (pictures > 20, "h264" in stream) == (True, True), (pictures, stream)

    with subprocess.Popen(demo, env=elsewhere, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said: list[str] = []
            while not said or " actions launch " not in said[-1]:
                said.append(process.stdout.readline())
            listen, start, tree, launch = (
                next(line.strip() for line in said if word in line)
                for word in (" listen ", " printers print ", " tracker tree", " actions launch ")
            )
            slicing = next((line.strip() for line in said if " slice " in line), "")
            assert bool(slicing) == has_slicer
            if slicing:
                filmed(slicing)
            assert "sample.gcode" in tried(start.removesuffix(" --follow"))
            begun = listen.replace("octoprint.*", "octoprint.PrintStarted and data.file=sample.gcode")
            assert "sample.gcode" in tried(f"{begun} --since 2000-01-01 --count 1")
            assert "sh010" in tried(tree)
            assert "Pending review" in tried(f"{launch.replace('Print it', 'Leave a note')} --set note=Fine")
            if has_slicer:
                assert "print v001 is sliced" in tried(launch)
        finally:
            process.terminate()
    assert process.returncode == 0
    assert list(tmp_path.glob("callboard-demo-*")) == []
