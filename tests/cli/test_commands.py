"""Commands against a real server."""

from __future__ import annotations

import json
import re
import signal
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from callboard import __version__, connect
from callboard.event import Event, new_id
from tests.cli.conftest import Shell
from tests.serving import PATIENCE, Server, eventually, serving


@pytest.fixture
def topic() -> str:
    return f"cli.{new_id()}"


def test_publish_prints_the_position_and_listen_finds_it_in_the_past(shell: Shell, topic: str) -> None:
    first = shell.run("publish", topic, "--data", '{"n": 1}')
    assert (first.code, first.err) == (0, "")
    assert shell.run("publish", topic, "--data", '{"n": 2}').code == 0
    heard = shell.run("listen", f"topic={topic}", "--since", "2020-01-01", "--count", "2", "--json")
    assert heard.code == 0
    entries = [json.loads(line) for line in heard.out.splitlines()]
    assert [entry["event"]["data"] for entry in entries] == [{"n": 1}, {"n": 2}]
    assert entries[0]["position"] == first.out.strip()
    later = shell.run("listen", f"topic={topic}", "--since", first.out.strip(), "--count", "1")
    assert later.out.endswith(f'  {topic}  admin  {{"n": 2}}\n')


def test_data_comes_from_a_file_or_stdin(shell: Shell, topic: str, tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    path.write_text('{"von": "Straße"}', "utf-8")
    assert shell.run("publish", topic, "--data", f"@{path}").code == 0
    assert shell.run("publish", topic, "--data", "-", stdin="[1, 2]").code == 0
    heard = shell.run("log", "tail", f"topic={topic}", "--json")
    data = [json.loads(line)["event"]["data"] for line in heard.out.splitlines()]
    assert data == [{"von": "Straße"}, [1, 2]]


def test_publish_waits_for_replies(shell: Shell, server: Server, topic: str) -> None:
    with connect(server.url, server.user, server.key) as board:
        board.subscribe(f"topic={topic}", lambda event: {"got": event.data})
        ran = shell.run("publish", topic, "--data", "7", "--wait", str(PATIENCE), "--json")
    assert ran.code == 0
    assert json.loads(ran.out)["event"]["data"] == {"got": 7}


def test_publish_says_when_nobody_replied(shell: Shell, topic: str) -> None:
    ran = shell.run("publish", topic, "--wait", "60")
    assert (ran.code, ran.out, ran.err) == (1, "", "Nobody replied.\n")


def test_who_only_looks_is_not_waited_for(shell: Shell, server: Server, topic: str) -> None:
    listening = shell.start("listen", f"topic={topic}", "--json")
    try:
        assert listening.stdout is not None
        with connect(server.url, server.user, server.key) as board:
            _until_heard(board, listening.stdout, topic)
        assert shell.run("publish", topic, "--wait", "200").code == 1
    finally:
        listening.terminate()
        listening.communicate()


def _until_heard(board: object, output: object, topic: str) -> None:
    """Publish until a listener that was just started has printed something."""
    import threading

    line: list[str] = []
    reader = threading.Thread(target=lambda: line.append(output.readline()))  # type: ignore[attr-defined]
    reader.start()
    while reader.is_alive():
        board.publish(topic)  # type: ignore[attr-defined]
        reader.join(0.05)
    assert line[0]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_listen_ends_cleanly_on_a_signal(
    shell: Shell, server: Server, topic: str, how: signal.Signals
) -> None:
    listening = shell.start("listen", f"topic={topic}")
    assert listening.stdout is not None
    with connect(server.url, server.user, server.key) as board:
        _until_heard(board, listening.stdout, topic)
    listening.send_signal(how)
    _, err = listening.communicate(timeout=PATIENCE)
    assert (listening.returncode, err) == (0, f"Listening at {server.url}, Ctrl-C ends.\n")


@pytest.mark.slow
def test_what_a_hub_tells_while_it_restarts_is_printed_too(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as own:
        shell = Shell(own.data)
        listening = shell.start("listen", "topic=octoprint.Startup or topic=marked")
        try:
            assert listening.stdout is not None
            with connect(own.url, own.user, own.key) as board:
                _until_heard(board, listening.stdout, "marked")
            own.kill()
            own.start()
            line = next(line for line in listening.stdout if "marked" not in line)
            assert "  octoprint.Startup  callboard  " in line
        finally:
            listening.terminate()
            listening.communicate()


def test_a_durable_listener_goes_on_where_it_stood(shell: Shell, topic: str) -> None:
    name = f"d{topic}"
    shell.run("publish", topic, "--data", "0")
    listen = ("listen", f"topic={topic}", "--durable", name, "--json", "--count", "1")
    first = shell.run(*listen, "--since", "2020-01-01")
    for number in (1, 2):
        shell.run("publish", topic, "--data", str(number))
    second, third = shell.run(*listen), shell.run(*listen)
    heard = [json.loads(ran.out)["event"]["data"] for ran in (first, second, third)]
    assert heard == [0, 1, 2]


def test_listen_stops_when_nobody_reads_its_output(shell: Shell, topic: str) -> None:
    for number in range(3):
        shell.run("publish", topic, "--data", str(number))
    listening = shell.start("listen", f"topic={topic}", "--since", "2020-01-01")
    assert listening.stdout is not None
    assert listening.stderr is not None
    listening.stdout.readline()
    listening.stdout.close()
    shell.run("publish", topic)
    assert listening.wait(PATIENCE) == 1
    assert listening.stderr.read().startswith("Listening at ")
    listening.stderr.close()


def test_what_could_steer_a_terminal_is_shown_as_its_escape(shell: Shell, topic: str) -> None:
    data = json.dumps({"evil": "\x1b[2J\x9b2J\u202e"})
    shell.run("publish", f"{topic}\x1b[31m", "--data", data)
    heard = shell.run("log", "tail", f"topic={topic}*")
    assert "\x1b" not in heard.out
    assert "\x9b" not in heard.out
    assert "\\x9b" in heard.out
    assert "\u202e" not in heard.out


def test_json_steers_no_terminal_either_and_says_the_same(shell: Shell, topic: str) -> None:
    data = {"evil": "\x1b[2J\x9b2J\u202e\x7f\U000e0041 ü"}
    shell.run("publish", topic, "--data", json.dumps(data))
    said = shell.run("log", "tail", f"topic={topic}", "--json").out
    assert said.rstrip("\n").isprintable()
    assert "ü" in said
    assert json.loads(said)["event"]["data"] == data


def test_keys_are_made_listed_and_revoked(shell: Shell, server: Server, topic: str) -> None:
    made = shell.run("keys", "create", "wall", "--receive", "topic=render.*", "--may", "hooks,printers")
    assert made.code == 0
    key = made.out.strip()
    assert " " not in key
    listed = json.loads(shell.run("keys", "list", "--json").out)
    (mine,) = [one for one in listed if one["user"] == "wall"]
    assert (mine["receive"], mine["rights"]) == ("topic=render.*", ["hooks", "printers"])
    assert "wall" in shell.run("keys", "list").out
    allowed = ("--user", "wall", "--key", key)
    assert shell.run("publish", topic, *allowed).code == 0
    denied = shell.run("publish", "octoprint.PrintDone", *allowed)
    assert (denied.code, denied.out) == (1, "")
    assert "may not publish" in denied.err
    assert shell.run("keys", "revoke", str(mine["id"])).code == 0
    refused = shell.run("publish", topic, *allowed)
    assert refused.code == 1
    assert refused.err.startswith("callboard: No such user and key: pass --url, --user and --key, or set")
    again = shell.run("keys", "revoke", str(mine["id"]))
    assert (again.code, "`callboard keys list`" in again.err) == (1, True)


def test_keys_work_without_a_server_on_its_data_folder(own_server: Server) -> None:
    shell = Shell(own_server.data)
    own_server.stop()
    made = shell.run("keys", "create", "bob", "--json")
    assert json.loads(made.out)["user"] == "bob"
    key = json.loads(made.out)["key"]
    users = {one["user"]: one["id"] for one in json.loads(shell.run("keys", "list", "--json").out)}
    assert set(users) == {"admin", "bob"}
    own_server.start()
    assert shell.run("publish", "t", "--user", "bob", "--key", key).code == 0
    own_server.stop()
    assert shell.run("keys", "revoke", str(users["bob"])).code == 0
    assert shell.run("keys", "revoke", str(users["bob"])).code == 1


def test_keys_work_on_the_folder_of_a_server_that_was_killed(own_server: Server) -> None:
    shell = Shell(own_server.data)
    own_server.kill()
    assert (own_server.data / "server.json").exists()
    made = shell.run("keys", "create", "bob")
    assert (made.code, made.err) == (0, "")
    elsewhere = shell.run("keys", "list", "--url", "http://127.0.0.1:9")
    assert elsewhere.code == 1
    own_server.start()
    alone = shell.run("publish", "t", "--key", made.out.strip(), "--json")
    assert alone.code == 0
    entry = json.loads(shell.run("log", "tail", "topic=t", "--key", made.out.strip(), "--json").out)
    assert (entry["publisher"], entry["event"]["source"]["user"]) == ("bob", {"username": "bob"})
    heard = shell.run("listen", "topic=t", "--since", "1h", "--count", "1", "--key", made.out.strip())
    assert (heard.code, "  bob  " in heard.out) == (0, True)


def test_log_stat_and_prune(own_server: Server) -> None:
    shell = Shell(own_server.data)
    for number in range(3):
        shell.run("publish", "t", "--data", str(number))
    before = json.loads(shell.run("log", "stat", "--json").out)
    assert before["events"] >= 3
    assert "events" in shell.run("log", "stat").out
    assert shell.run("log", "prune", "--before", before["last"]).code == 0
    after = json.loads(shell.run("log", "stat", "--json").out)
    assert after["first"] == before["last"]


def test_log_forget_ends_what_a_durable_listener_was_owed(own_server: Server) -> None:
    shell = Shell(own_server.data)
    listen = ("listen", "topic=t", "--durable", "nightly", "--count", "1", "--json")
    first = shell.run("publish", "t", "--data", "0").out.strip()
    assert shell.run(*listen, "--since", "1h").code == 0
    assert "admin/nightly" in json.loads(shell.run("log", "stat", "--json").out)["cursors"]
    assert shell.run("log", "forget", "admin/nightly").err == "admin/nightly is forgotten.\n"
    assert json.loads(shell.run("log", "stat", "--json").out)["cursors"] == {}
    again = shell.run("log", "forget", "admin/nightly")
    assert (again.code, again.out) == (1, "")
    assert "callboard log stat" in again.err
    assert first


def test_a_time_without_a_zone_is_local_and_may_be_how_long_ago(shell: Shell, topic: str) -> None:
    shell.run("publish", topic)
    east, count = {"TZ": "Etc/GMT-14"}, ("--count", "1", "--json")  # fourteen hours before UTC's clock
    now = datetime.now(timezone(timedelta(hours=14)))
    local = (now - timedelta(minutes=1)).replace(tzinfo=None).isoformat()
    for since in (local, "1m", "0.5h", "2d"):
        ran = shell.run("listen", f"topic={topic}", "--since", since, *count, **east)
        assert (ran.code, ran.out.count("\n")) == (0, 1)
        assert json.loads(ran.out)["time"].endswith("Z")


def test_help_takes_a_command(nowhere: Shell) -> None:
    ran = nowhere.run("help", "listen")
    assert (ran.code, ran.out) == (0, nowhere.run("listen", "--help").out)


def test_log_trace_draws_what_one_act_led_to(shell: Shell, server: Server, topic: str) -> None:
    with connect(server.url, server.user, server.key) as board:

        def approve(event: Event) -> str:
            board.publish(f"{topic}.slice", event.data)
            return "approved"

        board.subscribe(f"topic={topic}.approve", approve)
        board.subscribe(f"topic={topic}.slice", lambda _: board.publish(f"{topic}.print") and None)
        act = Event(f"{topic}.approve", {"shot": 1})
        replies = list(board.request(act, deadline=PATIENCE))
        assert [reply.data for reply in replies] == ["approved"]
        eventually(lambda: f"{topic}.print" in shell.run("log", "trace", act.id).out)
    drawn = [line.replace(topic, "") for line in shell.run("log", "trace", act.id).out.splitlines()]
    shapes = [re.split(r"\d\d:\d\d:\d\d", line)[0].rstrip() for line in drawn]
    assert shapes == ["", "├─", "│  └─", "└─"]
    assert [re.split(" {2,}", line.lstrip("├─│└ "))[1] for line in drawn] == [
        ".approve",
        ".slice",
        ".print",
        "ftrack.meta.reply",
    ]
    entries = json.loads(shell.run("log", "trace", act.id, "--json").out)
    late = entries[-1]["event"]["id"]
    assert (
        shell.run("log", "trace", late).out.splitlines()[1:]
        == shell.run("log", "trace", act.id).out.splitlines()[1:]
    )


def test_events_lists_the_catalog(nowhere: Shell) -> None:
    listed = nowhere.run("events")
    assert "ftrack.update" in listed.out
    assert "octoprint.PrintDone" in listed.out
    names = [topic["topic"] for topic in json.loads(nowhere.run("events", "--json").out)]
    assert len(names) == len(set(names)) > 50
    shown = nowhere.run("events", "PrintDone")
    assert "octoprint.PrintDone" in shown.out
    schema = json.loads(nowhere.run("events", "ftrack.update", "--schema").out)
    assert "$schema" in schema or "$ref" in schema or "properties" in schema


def test_an_unknown_topic_names_the_nearest(nowhere: Shell) -> None:
    ran = nowhere.run("events", "PrintDne")
    assert ran.code == 2
    assert "did you mean PrintDone" in ran.err


def test_version(nowhere: Shell) -> None:
    assert nowhere.run("--version").out == f"{__version__}\n"


WRONG = [
    (["publish"], "TOPIC"),
    (["publish", "t", "--data", "{"], "--data is no JSON"),
    (["publish", "t", "--data", "@/nowhere"], "can't be read: /nowhere: No such file or directory."),
    (["publish", " "], "TOPIC must not be empty."),
    (["publish", "t", "--wait", "x"], "--wait"),
    (["publish", "t", "--wait", "-1"], "--wait"),
    (["listen", "topic="], "^"),
    (["listen", "", "--since", "yesterday"], "neither a position nor an ISO 8601 time"),
    (["listen", "", "--count", "0"], "--count"),
    (["keys", "create"], "USER"),
    (["keys", "create", "x", "--may", "everything"], "no right"),
    (["keys", "revoke", "abc"], "ID"),
    (["log", "prune"], "--before"),
    (["nonsense"], "nonsense"),
    (["publsh", "t"], "publish"),
    (["serve", "--config", "/nowhere.yaml"], "/nowhere.yaml can't be read: No such file or directory."),
    (["serve", "--port", "many"], "--port"),
    (["serve", "--port", "99999"], "--port takes a number from 0 to 65535."),
    (["keys", "create", ""], "USER must not be empty."),
    (["log", "prune", "--before", "soon"], "30m, 1h or 2d"),
]


@pytest.mark.parametrize(("words", "says"), WRONG, ids=lambda value: " ".join(value)[:40])
def test_wrong_use_is_exit_code_2_and_one_clear_sentence(shell: Shell, words: list[str], says: str) -> None:
    ran = shell.run(*words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("callboard: ")
    assert says.lower() in ran.err.lower()


FAILING = [
    ["publish", "t"],
    ["listen", ""],
    ["keys", "list"],
    ["keys", "create", "x"],
    ["log", "stat"],
    ["log", "tail"],
    ["log", "trace", "x"],
]


@pytest.mark.parametrize("words", FAILING, ids=" ".join)
def test_no_hub_is_exit_code_1_and_says_how_to_start_one(nowhere: Shell, words: list[str]) -> None:
    for more in ([], ["--url", "http://127.0.0.1:9", "--user", "u", "--key", "k"]):
        ran = nowhere.run(*words, *more)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.startswith("callboard: No")
        assert "callboard serve" in ran.err
        assert ran.err.count("\n") == 1


def test_a_studio_is_reached_only_when_nothing_else_is_known(nowhere: Shell, server: Server) -> None:
    studio = {"FTRACK_SERVER": server.url, "FTRACK_API_USER": server.user, "FTRACK_API_KEY": server.key}
    assert nowhere.run("publish", "t", **studio).code == 0
    assert nowhere.run("publish", "t", **studio, CALLBOARD_URL="http://127.0.0.1:9").code == 1
