"""`callboard hooks` as its users run it: a process, what it prints, its exit code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ran, Shell
from tests.serving import Server, eventually, serving

CONFIG = """\
events:
  subscriptions:
  - event: demo.hello
    name: greet
    type: system
    command: echo "hello {name}"
    when: data.loud=true
  - event: demo.bad
    name: fail
    type: system
    command: cat /nowhere/at/all
"""
FAULTY = """\
events:
  subscriptions:
  - event: PrintDone
    type: system
    command: echo {flie}
  - event: PrintDone
    command: echo
hub: {prot: 8030}
"""
OCTOPRINT = """\
serial: {port: /dev/ttyACM0}
events:
  enabled: true
  subscriptions:
  # tell me
  - event: PrintDone
    type: system
    command: cd /tmp && echo "Done {file}" > /dev/null
  - event: PrintFailed
    type: system
    command: sh -c "echo {file}"
"""


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two hooks."""
    folder = tmp_path_factory.mktemp("farm")
    (folder / "callboard.yaml").write_text(CONFIG)
    with serving(folder / "data", "--config", str(folder / "callboard.yaml")) as running:
        yield running


@pytest.fixture
def shell(farm: Server) -> Shell:
    """A shell that finds the farm."""
    return Shell(farm.data)


def publish(shell: Shell, topic: str, data: Any) -> str:
    return shell.run("publish", topic, "--data", json.dumps(data)).out.strip()


def ended(shell: Shell, position: str) -> dict[str, Any]:
    """Wait for the run of the event at a position, and return it."""

    def look() -> list[Any]:
        found = shell.run("hooks", "runs", "--json", "--count", "1000")
        runs = [json.loads(line) for line in found.out.splitlines()]
        return [run for run in runs if run["position"] == position and run["ended"]]

    run: dict[str, Any] = eventually(look, "a run")[0]
    return run


def file(folder: Path, text: str) -> str:
    path = folder / "config.yaml"
    path.write_text(text)
    return str(path)


def test_check_says_that_all_is_well(nowhere: Shell, tmp_path: Path) -> None:
    path = file(tmp_path, CONFIG)
    assert nowhere.run("hooks", "check", path) == Ran(0, f"{path}: 2 hooks can be used.\n", "")
    answer = json.loads(nowhere.run("hooks", "check", path, "--json").out)
    assert (answer["ok"], [hook["name"] for hook in answer["hooks"]]) == (True, ["greet", "fail"])


def test_check_names_file_and_line_of_every_fault_and_fails(nowhere: Shell, tmp_path: Path) -> None:
    path = file(tmp_path, FAULTY.replace("hub: {prot: 8030}\n", ""))
    ran = nowhere.run("hooks", "check", path)
    assert (ran.code, ran.out) == (1, f"{path}: 0 hooks can be used, 2 faults.\n")
    one, other = ran.err.splitlines()
    assert one.startswith(f"{path}:")
    assert "did you mean file?" in one
    assert other.startswith(f"{path}:6: type is missing")
    assert json.loads(nowhere.run("hooks", "check", path, "--json").out)["ok"] is False


@pytest.mark.parametrize(
    ("text", "said"), [(FAULTY, ":8: unknown key 'prot'"), ("events: [", ":1: this is no YAML")]
)
def test_check_reads_the_rest_of_the_file_as_well(
    nowhere: Shell, tmp_path: Path, text: str, said: str
) -> None:
    path = file(tmp_path, text)
    ran = nowhere.run("hooks", "check", path)
    assert ran.code == 1
    assert path + said in ran.err


def test_check_names_the_importer_where_a_line_needs_a_shell_and_counts_hooks_that_are_off(
    nowhere: Shell, tmp_path: Path
) -> None:
    path = file(tmp_path, OCTOPRINT + "  - {event: Home, type: gcode, command: G28, enabled: false}\n")
    ran = nowhere.run("hooks", "check", path)
    assert ran.err.endswith(f"\n`callboard hooks import {path}` mends most of these.\n")
    assert ran.out == f"{path}: 1 hook can be used, 1 of them is off, 2 faults.\n"


def test_serve_names_the_importer_where_a_line_needs_a_shell(tmp_path: Path) -> None:
    path = file(tmp_path, OCTOPRINT)
    with serving(tmp_path / "data", "--config", path) as server:
        pass
    assert f"`callboard hooks import {path}` mends most of these." in server.output


def test_check_tells_warnings_from_faults(nowhere: Shell, tmp_path: Path) -> None:
    path = file(tmp_path, "lgo: {}\n" + CONFIG + "  - {event: PrintDnoe, type: gcode, command: G28}\n")
    ran = nowhere.run("hooks", "check", path)
    assert ran.code == 0
    assert f"{path}:13: warning: event PrintDnoe is not known" in ran.err
    assert ran.out == f"{path}: 3 hooks can be used, 2 warnings.\n"
    Path(path).write_text(Path(path).read_text() + "hub: {prot: 1}\n")
    ran = nowhere.run("hooks", "check", path)
    assert f"{path}:1: warning: 'lgo' is left alone" in ran.err
    assert ran.out == f"{path}: 0 hooks can be used, 1 fault, 1 warning.\n"


def test_check_says_when_all_hooks_are_turned_off(nowhere: Shell, tmp_path: Path) -> None:
    path = file(tmp_path, CONFIG.replace("events:\n", "events:\n  enabled: no\n"))
    assert "turns them off" in nowhere.run("hooks", "check", path).out


@pytest.mark.parametrize("command", ["check", "import"])
def test_a_file_that_is_not_there_is_wrong_use(nowhere: Shell, command: str) -> None:
    ran = nowhere.run("hooks", command, "/nowhere/config.yaml")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "callboard: /nowhere/config.yaml can't be read: No such file or directory.\n"


def test_import_writes_our_form_and_names_what_to_look_at(nowhere: Shell, tmp_path: Path) -> None:
    path = file(tmp_path, OCTOPRINT)
    ran = nowhere.run("hooks", "import", path)
    assert ran.code == 0
    assert "# tell me" in ran.out
    assert "cwd: /tmp" in ran.out
    assert "serial" not in ran.out
    assert f"{path}:9: LOOK: " in ran.err
    assert ran.err.endswith("1 place to look at.\n")


def test_import_overwrites_nothing(nowhere: Shell, tmp_path: Path) -> None:
    path, out = file(tmp_path, OCTOPRINT), tmp_path / "callboard.yaml"
    assert nowhere.run("hooks", "import", path, "--out", str(out)).code == 0
    first = out.read_text()
    assert nowhere.run("hooks", "check", str(out)).code == 1  # the one to look at
    again = nowhere.run("hooks", "import", path, "--out", str(out))
    assert (again.code, again.err) == (
        2,
        f"callboard: {out} exists: give another name, or move it away first.\n",
    )
    assert out.read_text() == first


def test_import_without_hooks_says_so(nowhere: Shell, tmp_path: Path) -> None:
    path = file(tmp_path, "serial: {}\n")
    ran = nowhere.run("hooks", "import", path)
    assert ran.code == 2
    assert ran.err.startswith(f"callboard: {path}: There is no `events` section")


def test_list_shows_what_is_loaded(shell: Shell) -> None:
    ran = shell.run("hooks", "list")
    assert ran.code == 0
    assert [line.split()[0] for line in ran.out.splitlines()] == ["name", "greet", "fail"]
    assert [hook["kind"] for hook in json.loads(shell.run("hooks", "list", "--json").out)["hooks"]] == [
        "system",
        "system",
    ]


def test_runs_and_explain_tell_what_ran_and_why_not(shell: Shell) -> None:
    loud = publish(shell, "demo.hello", {"name": "ann", "loud": True})
    quiet = publish(shell, "demo.hello", {"name": "ann"})
    assert ended(shell, loud)["command"] == "echo 'hello ann'"
    assert ended(shell, quiet)["state"] == "skipped"
    shown = shell.run("hooks", "runs", "--hook", "greet", "--state", "done").out
    assert "echo 'hello ann'" in shown
    assert "  | hello ann" in shell.run("hooks", "runs", "--state", "done", "--output").out
    ran = shell.run("hooks", "explain", loud, "greet")
    assert (ran.code, ran.out.splitlines()[0][:17]) == (0, "greet: it ran: do")
    assert "  | hello ann" in ran.out
    assert shell.run("hooks", "explain", quiet, "greet").out.startswith("greet: it is skipped: when: ")
    assert json.loads(shell.run("hooks", "explain", quiet, "greet", "--json").out)["ran"] is False


def test_explain_fails_where_there_is_nothing_to_explain(shell: Shell) -> None:
    position = publish(shell, "demo.hello", {"name": "ann", "loud": True})
    ended(shell, position)
    for where, hook, said in (
        (position, "gret", "there is no hook 'gret', did you mean greet?"),
        (position.rpartition("-")[0] + "-99999", "greet", "is ahead of the log, which ends at"),
    ):
        ran = shell.run("hooks", "explain", where, hook)
        assert (ran.code, ran.out) == (1, "")
        assert said in ran.err
    assert shell.run("hooks", "explain", position, "gree").out.startswith("greet: it ran")


def test_a_dry_run_prints_the_very_commands(shell: Shell) -> None:
    since = publish(shell, "demo.mark", {})
    position = publish(shell, "demo.hello", {"name": "$(id)", "loud": True})
    quiet = publish(shell, "demo.hello", {"name": "bob"})
    ran = shell.run("hooks", "replay", "--since", since, "--hook", "greet", "--dry-run")
    skipped = f"{quiet}  greet  skipped: when: data.loud=true (the event has no data.loud)\n"
    wanted = f"{position}  greet  echo 'hello $(id)'\n"
    assert ran == Ran(0, wanted, f"{skipped}1 would run, 1 skipped.\n")
    lines = shell.run("hooks", "replay", "--since", since, "--dry-run", "--json").out.splitlines()
    assert [json.loads(line)["state"] for line in lines] == ["queued", "skipped"]


def test_a_hook_with_a_shell_is_shown_in_real_lines_and_whole(tmp_path: Path) -> None:
    shelled = f"echo {'long ' * 30}{{name}} | cat; exit 7"
    path = file(
        tmp_path,
        "events:\n  subscriptions:\n  - event: demo.shell\n    name: shelled\n"
        f"    type: system\n    shell: true\n    command: {shelled}\n",
    )
    with serving(tmp_path / "data", "--config", path) as server:
        shell = Shell(server.data)
        position = publish(shell, "demo.shell", {"name": "a\nb"})
        ended(shell, position)
        row = shell.run("hooks", "runs").out.splitlines()[1]
        planned = shell.run("hooks", "replay", "--since", "2020-01-01", "--dry-run").out.splitlines()
    assert "dead, exit 7" in row
    assert "exit 7  # $CALLBOARD_ARG_1='a\\nb'" in row
    assert planned[0].startswith(f"{position}  shelled  echo long")
    assert planned[1] == "    # $CALLBOARD_ARG_1='a\\nb'"


def test_a_replay_runs_again(shell: Shell) -> None:
    since = publish(shell, "demo.mark", {})
    position = publish(shell, "demo.hello", {"name": "twice", "loud": True})
    ended(shell, position)
    ran = shell.run("hooks", "replay", "--since", since, "--hook", "greet")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("1 runs are queued")
    eventually(lambda: shell.run("hooks", "explain", position, "greet").out.count("  | hello twice") == 2)


def test_redrive_tries_dead_letters_again(shell: Shell) -> None:
    dead = ended(shell, publish(shell, "demo.bad", {}))
    assert dead["state"] == "dead"
    assert "No such file" in dead["output"]
    assert shell.run("hooks", "redrive", str(dead["id"])) == Ran(0, "", "1 run queued again.\n")
    assert json.loads(shell.run("hooks", "redrive", "--hook", "greet", "--json").out) == {"queued": 0}


def test_reload_says_what_is_wrong(tmp_path: Path) -> None:
    path = file(tmp_path, CONFIG)
    with serving(tmp_path / "data", "--config", path) as server:
        shell = Shell(server.data)
        assert shell.run("hooks", "reload") == Ran(0, "", f"2 hooks of {path} loaded.\n")
        file(tmp_path, FAULTY.replace("hub: {prot: 8030}\n", ""))
        ran = shell.run("hooks", "reload")
        assert ran.code == 1
        assert ran.err.startswith(f"callboard: {path}:")
        assert f"\ncallboard: {path}:6: type is missing" in ran.err


def test_diff_shows_what_another_file_would_have_done_also_where_no_hub_runs(tmp_path: Path) -> None:
    old = file(tmp_path, CONFIG)
    new = str(tmp_path / "new.yaml")
    Path(new).write_text(CONFIG.replace("hello {name}", "hi {name}"))
    with serving(tmp_path / "data", "--config", old) as server:
        shell = Shell(server.data)
        position = publish(shell, "demo.hello", {"name": "ann", "loud": True})
        publish(shell, "demo.bad", {})
        asked = ("hooks", "replay", "--diff", old, new, "--since", "2020-01-01")
        served = shell.run(*asked)
    wanted = f"{position}  demo.hello  greet\n  - echo 'hello ann'\n  + echo 'hi ann'\n"
    assert served == Ran(0, wanted, "1 difference.\n")
    assert shell.run(*asked) == served
    (line,) = shell.run(*asked, "--json").out.splitlines()
    assert (json.loads(line)["before"], json.loads(line)["after"]) == ("echo 'hello ann'", "echo 'hi ann'")
    Path(new).write_text(FAULTY)
    assert shell.run(*asked).code == 2


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("replay", "--since", "yesterday"), 2, "neither a position"),
        (("replay",), 2, "--since"),
        (("replay", "--since", "2020-01-01", "--hook", "gret"), 1, "did you mean greet?"),
        (("explain", "x-1", "greet"), 2, "no position of this log"),
        (("runs", "--state", "deed"), 1, "did you mean dead"),
        (("runs", "--count", "0"), 2, "--count takes"),
        (("redrive", "1", "--hook", "greet"), 2, "not both"),
        (("redrive", "x"), 2, "x"),
        (("nonsense",), 2, "nonsense"),
    ],
)
def test_wrong_use_is_one_sentence(shell: Shell, words: tuple[str, ...], code: int, said: str) -> None:
    ran = shell.run("hooks", *words)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith("callboard: ")
    assert said in ran.err
    assert ran.err.count("\n") == 1


def test_without_a_hub_the_way_out_is_named(nowhere: Shell) -> None:
    ran = nowhere.run("hooks", "list")
    assert ran.code == 1
    assert "callboard serve" in ran.err


def test_a_key_without_the_right_is_told_so(farm: Server, shell: Shell) -> None:
    key = shell.run("keys", "create", "plain").out.strip()
    ran = shell.run("hooks", "list", "--url", farm.url, "--user", "plain", "--key", key)
    assert ran.code == 1
    assert "`hooks`" in ran.err
