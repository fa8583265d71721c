"""OctoPrint's own configuration through a real `callboard serve`: the seed's example, reloads, signals."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callboard import Event, connect
from callboard.config import load
from tests.cli.conftest import Shell
from tests.natsserver import NatsServer
from tests.octoprint import SEED
from tests.serving import Server, eventually, serving

OTHERS = """\
accessControl:
  salt: aSalt
api:
  key: ABCDEF
  allowCrossOrigin: true
appearance:
  name: The printer
plugins:
  softwareupdate:
    _config_version: 9
  _disabled: [announcements]
serial:
  port: /dev/ttyACM0
  baudrate: 250000
  autoconnect: true
server:
  commands:
    systemShutdownCommand: sudo shutdown -h now
  firstRun: false
webcam:
  ffmpeg: /usr/bin/ffmpeg
  snapshot: http://127.0.0.1:8080/?action=snapshot
"""

GROWL = """\
import json, os, sys
line = json.dumps(sys.argv[1:]) + "\\n"
os.write(os.open(os.path.expanduser("~/growl.log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT), line.encode())
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with a stand-in for growl.py, and a `python` on PATH."""
    home, programs = tmp_path / "home", tmp_path / "bin"
    home.mkdir()
    programs.mkdir()
    (home / "growl.py").write_text(GROWL)
    (programs / "python").symlink_to(sys.executable)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return home


def configured(folder: Path, text: str) -> tuple[Path, tuple[str, str]]:
    """Write a config.yaml; returns it and the option that names it."""
    path = folder / "config.yaml"
    path.write_text(text)
    return path, ("--config", str(path))


PUBLISHES = """\
from callboard import connect
with connect() as board:
    board.publish("shot.seen", {"by": "the hook"})
"""


def test_a_hook_s_command_finds_the_hub_that_ran_it_wherever_its_data_is(tmp_path: Path) -> None:
    program = tmp_path / "publishes.py"
    program.write_text(PUBLISHES)
    hook = {"event": "shot.approved", "type": "system", "argv": [sys.executable, str(program)]}
    _, options = configured(tmp_path, json.dumps({"events": {"subscriptions": [hook]}}))
    with serving(tmp_path / "elsewhere", *options) as server:
        with connect(server.url, server.user, server.key) as board:
            board.publish("shot.approved", {})
        shell = Shell(server.data)
        eventually(lambda: "the hook" in shell.run("log", "tail", "topic=shot.seen").out)


def growled(home: Path) -> list[list[str]]:
    log = home / "growl.log"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def publish(server: Server, topic: str, **data: Any) -> str:
    status, body = server.post("/v1/events", {"topic": topic, "data": data})
    assert status == 201, body
    return str(json.loads(body)["positions"][0])


def hooks_of(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(server.get("/v1/hooks")[1])
    return found


def runs(server: Server, **query: str) -> list[dict[str, Any]]:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    found: list[dict[str, Any]] = json.loads(server.get(f"/v1/hooks/runs?{asked}")[1])["runs"]
    return found


@pytest.mark.parametrize("around", ["", OTHERS], ids=["events alone", "a whole config.yaml"])
def test_the_seeds_own_example_runs_word_for_word(tmp_path: Path, home: Path, around: str) -> None:
    _, option = configured(tmp_path, around + SEED)
    with serving(tmp_path / "data", *option) as server:
        with connect(server.url, "admin", server.key) as board:
            sent: list[Any] = []

            @board.subscribe("topic=callboard.printer.gcode")
            def printer(event: Event) -> dict[str, bool]:
                sent.append((event.data["printer"], event.data["commands"]))
                return {"success": True}

            publish(server, "octoprint.Disconnected")
            publish(server, "octoprint.PrintStarted", file="vase `reboot`.gcode", origin="local")
            publish(server, "octoprint.PrintDone", file="vase `reboot`.gcode", origin="local", time=12.5)
            connected = {"topic": "octoprint.Connected", "source": {"printer": "mk3"}}
            assert server.post("/v1/events", connected)[0] == 201
            eventually(lambda: len(growled(home)) == 2 and sent, "two growls and a connected printer")
        eventually(lambda: len(runs(server, state="done")) == 3, "three runs")
        listed = hooks_of(server)
    growls = growled(home)
    assert all(args[:2] == ["-t", "mygrowlserver"] for args in growls)
    assert {args[3] for args in growls} == {"Starting vase `reboot`.gcode", "Completed vase `reboot`.gcode"}
    assert all(args[4:] == ["-a", "OctoPrint", "-i", "http://raspi/Octoprint_logo.png"] for args in growls)
    assert sent == [("mk3", ["M115", "M117 printer connected!", "G28"])]
    assert [hook["enabled"] for hook in listed["hooks"]] == [False, True, True, True]
    assert listed["faults"] == []
    assert (tmp_path / "config.yaml").read_text() == around + SEED
    if around:
        assert "left alone" in server.output
        assert "accessControl" in server.output


def as_octoprint_fills(command: str, name: str, payload: Any) -> str:
    """Fill a command as OctoPrint does since 1.11.3: `str.format` with values quoted for a shell."""
    return command.format(__eventname=shlex.quote(name), __json=shlex.quote(json.dumps(payload)))


def test_octoprint_sends_its_events_in_by_the_hook_of_the_documentation(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/hooks.md").read_text()
    example = (
        page.partition("### Where print events come from")[2].partition("```yaml\n")[2].partition("```")[0]
    )
    (located,) = load(example).events.subscriptions
    payload = {"name": 'it\'s a `reboot` "vase" $(id).gcode', "time": 12.5}
    with serving(tmp_path / "data") as server:
        key = Shell(server.data).run("keys", "create", "mk3", "--publish", "topic=octoprint.*").out.strip()
        (tmp_path / "callboard.header").write_text(f"Authorization: Bearer {key}\n")
        command = located.value["command"].replace("http://hub.example:8030", server.url)
        filled = as_octoprint_fills(command, "PrintDone", payload)
        ran = subprocess.run(
            ["/bin/sh", "-c", filled], env={**os.environ, "HOME": str(tmp_path)}, check=False
        )
        found = json.loads(server.get("/v1/events?expression=topic%3Doctoprint.PrintDone")[1])["events"]
    assert ran.returncode == 0
    (event,) = [entry["event"] for entry in found]
    assert (event["data"], event["source"]["printer"]) == (payload, "mk3")


def test_hooks_on_the_servers_own_events_run(tmp_path: Path) -> None:
    events = ["Startup", "ClientOpened", "ClientClosed", "Shutdown"]
    log = tmp_path / "ran"
    script = tmp_path / "note.sh"
    script.write_text(f'echo "$1" >> {log}\n')
    hook = f"  - {{event: NAME, type: system, command: 'sh {script} {{__eventname}}'}}\n"
    text = "events:\n  subscriptions:\n" + "".join(hook.replace("NAME", name) for name in events)
    _, option = configured(tmp_path, text)

    def ran() -> list[str]:
        return log.read_text().split() if log.exists() else []

    with serving(tmp_path / "data", *option) as server:
        eventually(lambda: ran() == ["Startup"], "the hook on Startup")
        with connect(server.url, "admin", server.key):
            eventually(lambda: ran() == ["Startup", "ClientOpened"], "the hook on ClientOpened")
        eventually(lambda: ran() == ["Startup", "ClientOpened", "ClientClosed"], "the hook on ClientClosed")
    assert ran() == events


HELLO = """\
events:
  subscriptions:
  - event: demo.hello
    name: greet
    type: system
    command: echo {word} {{name}}
"""


@pytest.fixture
def greeting(tmp_path: Path) -> Iterator[tuple[Server, Path]]:
    """A server with one hook, and its configuration."""
    path, option = configured(tmp_path, HELLO.format(word="hello"))
    with serving(tmp_path / "data", *option) as server:
        yield server, path


def greeted(server: Server) -> str:
    """Publish a hello and return what its hook printed."""
    position = publish(server, "demo.hello", name="ann")
    path = f"/v1/hooks/explain?position={position}&hook=greet"
    found = eventually(
        lambda: [run for run in json.loads(server.get(path)[1])["runs"] if run["state"] == "done"], "a run"
    )
    return str(found[0]["output"])


def loads(server: Server) -> int:
    status, body = server.get("/v1/events?expression=topic%3Dcallboard.hooks.loaded")
    assert status == 200
    return len(json.loads(body)["events"])


def refusals(server: Server) -> list[list[str]]:
    _, body = server.get("/v1/events?expression=topic%3Dcallboard.hooks.refused")
    return [entry["event"]["data"]["faults"] for entry in json.loads(body)["events"]]


def test_a_changed_file_is_loaded_again(greeting: tuple[Server, Path]) -> None:
    server, path = greeting
    assert greeted(server) == "hello ann\n"
    path.write_text(HELLO.format(word="hi"))
    eventually(lambda: loads(server) == 2, "a reload")
    assert greeted(server) == "hi ann\n"


def test_a_file_that_takes_the_others_place_is_loaded_too(greeting: tuple[Server, Path]) -> None:
    server, path = greeting
    part = path.with_suffix(".new")
    part.write_text(HELLO.format(word="hi"))
    part.replace(path)
    eventually(lambda: loads(server) == 2, "a reload")
    assert greeted(server) == "hi ann\n"


def test_sighup_loads_the_file_again(greeting: tuple[Server, Path]) -> None:
    server, _ = greeting
    assert server.process is not None
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: loads(server) == 2, "a reload")
    assert greeted(server) == "hello ann\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HELLO.format(word="hi").replace("type: system", "type: sistem"), "config.yaml:5: "),
        (HELLO.format(word="hi") + "hub: {prot: 1}\n", "config.yaml:7: "),
        ("events: [", "this is no YAML"),
        (HELLO.format(word="hi") + "  - 17\n", "config.yaml:7: "),
    ],
    ids=["a hook", "another section", "no YAML", "no map"],
)
def test_a_broken_file_changes_nothing_and_says_so(
    greeting: tuple[Server, Path], text: str, said: str
) -> None:
    server, path = greeting
    path.write_text(text)
    faults = eventually(lambda: refusals(server), "a refusal")
    assert said in faults[0][0]
    assert said in server.output
    assert greeted(server) == "hello ann\n"
    path.write_text(HELLO.format(word="hi"))
    eventually(lambda: loads(server) == 2, "a reload")
    assert greeted(server) == "hi ann\n"


def test_hooks_can_be_turned_off_and_on_while_it_runs(greeting: tuple[Server, Path]) -> None:
    server, path = greeting
    path.write_text(HELLO.format(word="hello").replace("events:\n", "events:\n  enabled: off\n"))
    eventually(lambda: loads(server) == 2, "a reload")
    assert hooks_of(server)["hooks"] == []
    missed = publish(server, "demo.hello", name="bob")
    path.write_text(HELLO.format(word="hello"))
    eventually(lambda: loads(server) == 3, "a reload")
    assert greeted(server) == "hello ann\n"
    assert missed not in [run["position"] for run in runs(server, hook="greet")]


def test_a_faulty_hook_is_left_out_at_the_start_and_the_others_load(tmp_path: Path) -> None:
    text = HELLO.format(word="hello") + "  - event: demo.hello\n    command: echo no type\n"
    _, option = configured(tmp_path, text)
    with serving(tmp_path / "data", *option) as server:
        listed = hooks_of(server)
        assert [hook["name"] for hook in listed["hooks"]] == ["greet"]
        assert (listed["faults"][0]["line"], "type is missing" in listed["faults"][0]["reason"]) == (7, True)
        assert greeted(server) == "hello ann\n"
    assert "config.yaml" in server.output


def test_sighup_without_a_configuration_ends_nothing(own_server: Server) -> None:
    assert own_server.process is not None
    own_server.process.send_signal(signal.SIGHUP)
    eventually(lambda: "no configuration file" in own_server.output, "a word about it")
    assert own_server.get("/healthz")[0] == 200


def test_of_two_nodes_on_one_log_one_runs_the_hooks_until_the_other_takes_over(tmp_path: Path) -> None:
    log, script = tmp_path / "ran", tmp_path / "note.sh"
    script.write_text(f'echo "$1" >> {log}\n')
    _, option = configured(tmp_path, HELLO.replace("echo {word} {{name}}", f"sh {script} {{name}}"))
    nats = NatsServer(tmp_path / "nats")
    nats.start()

    def ran() -> list[str]:
        return sorted(log.read_text().split()) if log.exists() else []

    def runs_hooks(server: Server) -> bool:
        return server.get("/v1/hooks")[0] == 200

    options = ("--log", nats.url, *option)
    try:
        with serving(tmp_path / "one", *options) as one, serving(tmp_path / "two", *options) as two:
            first = eventually(
                lambda: next((each for each in (one, two) if runs_hooks(each)), None), "a node that does"
            )
            other = two if first is one else one
            assert other.get("/v1/hooks")[0] == 503
            publish(one, "demo.hello", name="ann")
            publish(two, "demo.hello", name="bob")
            eventually(lambda: ran() == ["ann", "bob"], "both hooks")
            assert first is not None
            first.stop()
            publish(other, "demo.hello", name="cy")
            eventually(lambda: ran() == ["ann", "bob", "cy"], "the third, by the other node", 60)
            assert runs_hooks(other)
    finally:
        nats.stop()
