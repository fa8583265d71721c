"""`callboard actions` with a real server, real listeners, and a real terminal."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pytest

from callboard import connect
from callboard.client.blocking import BlockingClient
from callboard.event import Event, new_id
from callboard.studio import Failed, Form, Hidden, Label, Launch, Textarea, Widget, action, listen
from tests.cli.conftest import Shell
from tests.clients.node import ftrack_js, needs_node
from tests.clients.official import Hub, ftrack_py
from tests.serving import PATIENCE, Server, eventually, serving

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="terminals")

TASK = {"entityId": "t1", "entityType": "task"}
TRIGGER = "ftrack.action.trigger-user-interface"


class Everything(Form, title="Render", submit="Send"):
    about: Label = "## Which frames?<br>Of <b>all</b> shots"
    frames: str
    notes: Textarea = ""
    priority: int = 50
    due: date | None = None
    overnight: bool = False
    pool: Literal["gpu", "cpu", "cloud"] = "gpu"
    layers: frozenset[Literal["beauty", "depth", "normal"]] = frozenset({"beauty"})
    shot: Hidden[str] = "sh010"


class Second(Form):
    frames: Hidden[str]
    reason: str = "none"


class Sure(Form, submit="Delete them"):
    about: Label = "Twenty versions will be deleted."


def said(values: Everything) -> str:
    layers = ",".join(sorted(values.layers))
    parts = (values.frames, values.notes, values.priority, values.due, values.overnight, values.pool, layers)
    return "|".join(map(repr, parts))


@action(
    label="Render", variant="GPU", description="Sends it", identifier="cli.render", form=(Everything, Second)
)
def render(launch: Launch[Everything | Second]) -> Any:
    values = launch.values
    if isinstance(values, Second):
        return f"{values.frames} because of {values.reason}"
    if values.frames == "two steps":
        return Second.ask(frames="1-10")
    if values.frames == "none":
        raise Failed("There are no frames.")
    return said(values)


@action(label="Delete", identifier="cli.delete", form=Sure)
def delete(launch: Launch[Sure]) -> str:
    return "They are gone."


@action(label="Report", identifier="cli.report")
def report(launch: Launch[Any]) -> Widget:
    return Widget("https://x.test/report?id=7", "The\x1b[31m report")


@action(
    label="Maya", identifier="cli.maya", discover=lambda _: [{"variant": one} for one in ("2025", "2026")]
)
def maya(launch: Launch[Any]) -> str:
    return f"\x1b]0;Maya\x07 {launch.item['variant']} for {[one.id for one in launch.selection]}"


@action(label="For versions", identifier="cli.versions", discover="assetversion")
def for_versions(launch: Launch[Any]) -> None: ...


@pytest.fixture(scope="module")
def board(server: Server) -> Iterator[BlockingClient]:
    with connect(server.url, server.user, server.key) as connected:
        listen(connected, render, delete, report, maya, for_versions)
        yield connected


class Terminal:
    """A command with a terminal for its stdin and stderr; stdout is a pipe, as in `$(callboard ...)`."""

    def __init__(self, shell: Shell, *words: str) -> None:
        self._leader, follower = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "callboard", "actions", *words],
            stdin=follower,
            stdout=subprocess.PIPE,
            stderr=follower,
            env=shell.environment(TERM="xterm"),
            start_new_session=True,
        )
        os.close(follower)
        os.set_blocking(self._leader, False)
        self.shown = ""

    def read(self) -> str:
        with suppress(OSError):  # nothing there yet, or the other side is gone
            self.shown += os.read(self._leader, 65536).decode()
        return self.shown

    def type(self, prompt: str, answer: str) -> None:
        """Wait for a prompt, and type an answer to it."""
        eventually(lambda: prompt in self.read(), f"{prompt!r} in {self.shown!r}")
        self.shown = self.shown.partition(prompt)[2]
        os.write(self._leader, answer.encode())

    def end(self) -> tuple[int, str]:
        """Return the exit code and stdout."""
        out, _ = self.process.communicate(timeout=PATIENCE)
        self.read()
        return self.process.returncode, out.decode()

    def close(self) -> None:
        """End it, whatever it is doing."""
        self.process.kill()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.process.wait()
        os.close(self._leader)


@contextmanager
def terminal(shell: Shell, *words: str) -> Iterator[Terminal]:
    running = Terminal(shell, *words)
    try:
        yield running
    finally:
        running.close()


# Listing


def test_actions_are_listed(shell: Shell, board: BlockingClient) -> None:
    ran = shell.run("actions", "list", "--entity", "task:t1")
    assert ran.code == 0
    assert ran.out.splitlines()[0].split() == ["label", "variant", "description", "identifier"]
    assert "Render  GPU      Sends it     cli.render" in ran.out
    assert "cli.versions" not in ran.out


@pytest.mark.parametrize("kind", ["assetversion", "AssetVersion", "asset_version"])
def test_types_may_be_written_as_in_either_language(shell: Shell, board: BlockingClient, kind: str) -> None:
    ran = shell.run("actions", "list", "-e", f"{kind}:v1", "--json")
    items = [json.loads(line) for line in ran.out.splitlines()]
    assert {"cli.versions", "cli.render"} <= {one["actionIdentifier"] for one in items}


def test_no_actions_are_said_so(nowhere: Shell, own_server: Server) -> None:
    ran = Shell(own_server.data).run("actions", "list")
    assert (ran.code, ran.out, ran.err) == (0, "", "There are no actions for this selection.\n")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["list", "-e", "task:"], 2, "'task:' is no entity: write TYPE:ID"),
        (["list", "-e", "a//b"], 2, "'a//b' is no entity: write TYPE:ID, or a path of names"),
        (["list", "-e", "opera"], 1, "This hub has no tracker"),
        (["launch", "Nothing"], 1, "No action 'Nothing' fits this selection; there are: "),
        (
            ["launch", "cli.maya"],
            1,
            "'cli.maya' is more than one action (Maya 2025, Maya 2026): say --variant",
        ),
        (["launch", "cli.render", "--set", "a"], 2, "'a' sets nothing: write --set NAME=VALUE."),
        (["launch", "cli.render", "--values", "[1]"], 2, "--values is one JSON object"),
        (["launch", "cli.render", "--values", "{"], 2, "--values is no JSON"),
        (["launch", "cli.render", "--values", "@/nowhere"], 2, "/nowhere can't be read"),
        (["launch", "cli.render"], 2, "The form asks for frames: give it with --set NAME=VALUE"),
        (
            ["launch", "cli.render", "-s", "frames=1", "-s", "pool=tpu"],
            2,
            "--set pool: 'tpu' is none of the choices",
        ),
        (["launch", "cli.render", "-s", "framse=1"], 2, "no field 'framse'; do you mean 'frames'?"),
        (["launch", "cli.delete"], 2, "The form asks for a yes"),
        (["wait", "--count", "0"], 2, "--count takes a whole number"),
    ],
)
def test_what_can_not_be_is_one_sentence(
    shell: Shell, board: BlockingClient, words: list[str], code: int, sentence: str
) -> None:
    ran = shell.run("actions", *words)
    assert (ran.code, ran.out) == (code, "")
    assert sentence in ran.err
    assert len(ran.err.splitlines()) == 1


# Launching, as scripts do


def test_a_script_gives_what_the_form_asks(shell: Shell, board: BlockingClient) -> None:
    given = ("frames=1=2", "pool=cloud", "layers=depth", "layers=beauty", "due=2026-11-21", "overnight=yes")
    words = [word for one in given for word in ("--set", one)]
    ran = shell.run("actions", "launch", "render", "--entity", "task:t1", *words)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "'1=2'|''|50|datetime.date(2026, 11, 21)|True|'cloud'|'beauty,depth'\n"


def test_values_may_come_as_json_and_steps_follow_each_other(shell: Shell, board: BlockingClient) -> None:
    values = json.dumps({"frames": "two steps", "reason": "light"})
    ran = shell.run("actions", "launch", "cli.render", "--values", values, "--json")
    assert ran.code == 0
    shown = [json.loads(line) for line in ran.out.splitlines()]
    assert [one["type"] for one in shown] == ["form", "form", "message"]
    assert shown[0]["items"][1]["name"] == "frames"
    assert (shown[2]["message"], shown[2]["publisher"]) == ("1-10 because of light", "admin")


def test_a_form_that_comes_again_is_not_submitted_again(shell: Shell, board: BlockingClient) -> None:
    ran = shell.run("actions", "launch", "cli.render", "--values", '{"frames": "1", "priority": "high"}')
    assert (ran.code, ran.out) == (1, "")
    assert "The action asks the same again: Priority: this is no number." in ran.err


def test_what_no_form_asked_for_is_told(shell: Shell, board: BlockingClient) -> None:
    ran = shell.run("actions", "launch", "cli.report", "--set", "colour=red")
    assert ran.code == 2
    assert "No form had a field colour" in ran.err


def test_bad_news_end_with_1_on_stderr(shell: Shell, board: BlockingClient) -> None:
    ran = shell.run("actions", "launch", "cli.render", "--set", "frames=none")
    assert (ran.code, ran.out, ran.err) == (1, "", "callboard: There are no frames.\n")


def test_a_form_that_nobody_can_fill_in_ends_with_1(shell: Shell, board: BlockingClient) -> None:
    @action(label="Garbage", identifier="cli.garbage", discover='entityType="task" and entityId="garbage"')
    def garbage(launch: Launch[Any]) -> Any:
        return {"items": [{"type": "zork", "name": "x"}]}

    listen(board, garbage)
    ran = shell.run("actions", "launch", "Garbage", "--entity", "task:garbage")
    assert (ran.code, "A field has the type 'zork', which nobody knows." in ran.err) == (1, True)


def test_a_yes_can_be_given_beforehand(shell: Shell, board: BlockingClient) -> None:
    assert shell.run("actions", "launch", "cli.delete", "--yes").out == "They are gone.\n"


def test_a_page_is_shown_as_its_address_and_nothing_steers_the_terminal(
    shell: Shell, board: BlockingClient
) -> None:
    ran = shell.run("actions", "launch", "cli.report")
    assert ran.out == "The\\x1b[31m report\nhttps://x.test/report?id=7\n"
    ran = shell.run("actions", "launch", "Maya", "--variant", "2026", "-e", "Shot:s1", "-e", "task:t2")
    assert ran.out == "\\x1b]0;Maya\\x07 2026 for ['s1', 't2']\n"


def test_an_action_that_is_found_is_launched_without_waiting_for_who_is_silent(tmp_path: Path) -> None:
    """As handlers of the official client are, which return nothing for what they don't offer."""
    (tmp_path / "callboard.yaml").write_text("studio:\n  discover: 5m\n")
    with (
        serving(tmp_path / "data", "--config", str(tmp_path / "callboard.yaml")) as server,
        connect(server.url, server.user, server.key) as board,
    ):
        board.subscribe("topic=ftrack.action.discover", lambda event: None)
        listen(board, report)
        assert Shell(server.data).run("actions", "launch", "cli.report").code == 0


def test_somebody_who_never_answers_is_waited_for_so_long(shell: Shell, board: BlockingClient) -> None:
    topic = f"dead.{new_id()}"
    found = {"items": [{"label": topic, "actionIdentifier": topic}]}
    offers = board.subscribe("topic=ftrack.action.discover", lambda event: found)
    silent = board.subscribe(
        f'topic=ftrack.action.launch and data.actionIdentifier="{topic}"', lambda event: None
    )
    ran = shell.run("actions", "launch", topic, "--timeout", "0.2")
    assert (ran.code, ran.out) == (1, "")
    assert "Nobody answered in time" in ran.err
    offers.close()
    silent.close()


# Launching, as people do


def test_a_person_fills_in_each_kind_of_field(shell: Shell, board: BlockingClient) -> None:
    with terminal(shell, "launch", "render", "-e", "task:t1") as person:
        person.type("Of all shots\r\nFrames: ", "1-10\n")
        person.type("Notes (several lines, an empty one ends):\r\n  | ", "ä\n")
        person.type("  | ", "b\n")
        person.type("  | ", "\n")
        person.type("Priority (a number) [50]: ", "many\n")
        person.type("'many' is no number: write 12, or 2.5.\r\nPriority (a number) [50]: ", "7\n")
        person.type("Due (a date, 2026-11-21): ", "2026-01-02\n")
        person.type("Overnight (yes or no) [no]: ", "y\n")
        person.type(" 3  cloud\r\nPool [gpu]: ", "2\n")
        person.type(" 3  normal\r\nLayers (several, with commas) [beauty]: ", "depth, 3\n")
        code, out = person.end()
    assert code == 0
    assert out == "'1-10'|'ä\\nb'|7|datetime.date(2026, 1, 2)|True|'cpu'|'depth,normal'\n"


def test_enter_takes_what_is_there_and_a_dash_is_nothing(shell: Shell, board: BlockingClient) -> None:
    with terminal(shell, "launch", "render", "--set", "frames=1") as person:
        for prompt in ("  | ", "Priority", "Due", "Overnight", "Pool [gpu]: "):
            person.type(prompt, "\n")
        person.type("Layers", "-\n")
        code, out = person.end()
    assert (code, out) == (0, "'1'|''|50|None|False|'gpu'|''\n")


def test_a_form_with_a_fault_is_asked_again_with_what_was_typed(shell: Shell, board: BlockingClient) -> None:
    with terminal(shell, "launch", "render") as person:
        person.type("Frames: ", "1\n")
        for prompt in ("  | ", "Priority", "Due", "Overnight", "Pool"):
            person.type(prompt, "1.5\n" if prompt == "Priority" else "\n")
        person.type("Layers", "\n")
        person.type("Priority: this is no whole number.", "")
        person.type("Frames [1]: ", "\n")
        for prompt in ("  | ", "Priority (a number) [1.5]", "Due", "Overnight", "Pool", "Layers"):
            person.type(prompt, "1\n" if "Priority" in prompt else "\n")
        code, out = person.end()
    assert (code, out) == (0, "'1'|''|1|None|False|'gpu'|'beauty'\n")


def test_a_question_for_a_yes_is_asked(shell: Shell, board: BlockingClient) -> None:
    for answer, code, out in (("y\n", 0, "They are gone.\n"), ("\n", 1, ""), ("\x04", 1, "")):
        with terminal(shell, "launch", "Delete") as person:
            person.type("Twenty versions will be deleted.\r\nDelete them? [y/N] ", answer)
            assert person.end() == (code, out)


def test_ctrl_c_in_a_form_calls_it_off(shell: Shell, board: BlockingClient) -> None:
    with terminal(shell, "launch", "render") as person:
        person.type("Frames: ", "")
        person.process.send_signal(signal.SIGINT)
        assert person.end() == (1, "")
        assert "Traceback" not in person.shown


def test_one_of_several_variants_is_picked(shell: Shell, board: BlockingClient) -> None:
    with terminal(shell, "launch", "maya") as person:
        person.type(" 2  Maya 2026\r\nWhich one: ", "2\n")
        code, out = person.end()
    assert (code, " 2026 for []" in out) == (0, True)


# What others want shown


@contextmanager
def waiting(shell: Shell, server: Server, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Give a `callboard actions wait` that listens."""
    running = shell.start("actions", "wait", *words)
    assert running.stderr is not None
    try:
        assert "What is shown to admin at" in running.stderr.readline()
        yield running
    finally:
        running.kill()
        running.communicate()


def mine(server: Server) -> str:
    """Return the target of the seed's example, for the admin."""
    user = json.loads(server.get("/v1/user")[1])
    return f'applicationId=ftrack.client.web and user.id="{user["id"]}"'


def test_messages_pages_and_forms_are_shown_to_whom_they_are_for(
    shell: Shell, server: Server, board: BlockingClient
) -> None:
    form = {"type": "form", "title": "More", "items": [{"type": "text", "name": "a", "value": "b"}]}
    whole = {**form, "actionIdentifier": "cli.render", "selection": [TASK]}
    with waiting(shell, server, "--count", "5") as running:
        board.publish(
            TRIGGER, {"type": "message", "success": True, "message": "Not for us."}, target="user.id=x"
        )
        for data in (
            {"type": "message", "success": True, "message": "Done.\nadmin: really\x1b[2J"},
            {"type": "message", "success": False, "message": "No."},
            {"type": "widget", "url": "https://x.test/", "title": "Page", "selection": [TASK]},
            whole,
            form,
        ):
            board.publish(TRIGGER, data, target=mine(server))
        out, err = running.communicate(timeout=PATIENCE)
    assert running.returncode == 0
    assert out == (
        "admin: Done.\n  admin: really\\x1b[2J\n"
        "admin (bad news): No.\n"
        "admin: Page\n  https://x.test/\n"
        "admin: More\n    a: b\n  (to be filled in in a terminal)\n"
        "admin: More\n    a: b\n  (for looking only)\n"
    )
    assert err.splitlines() == [
        f"admin sent something that is not right: A form needs {needed}"
        for needed in (
            "actionIdentifier: without it nothing can be launched.",
            "selection: without it nobody knows what to work on.",
        )
    ]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_waiting_ends_cleanly(shell: Shell, server: Server, how: signal.Signals) -> None:
    with waiting(shell, server) as running:
        running.send_signal(how)
        assert running.wait(PATIENCE) == 0


def test_what_is_shown_comes_as_json(shell: Shell, server: Server, board: BlockingClient) -> None:
    with waiting(shell, server, "--count", "1", "--json") as running:
        board.publish(TRIGGER, {"type": "widget", "url": "https://x.test/"}, target=mine(server))
        out, _ = running.communicate(timeout=PATIENCE)
    assert json.loads(out) == {
        "type": "widget",
        "url": "https://x.test/",
        "title": "",
        "message": "",
        "read_only": True,
        "publisher": "admin",
        "faults": ["A widget needs selection: without it nobody knows what it is for."],
    }


def test_a_form_that_somebody_triggers_is_asked_and_launched(
    shell: Shell, server: Server, board: BlockingClient
) -> None:
    with terminal(shell, "wait", "--count", "1") as person:
        person.type("Ctrl-C ends.", "")
        form = Second.ask(frames="5").reply(render_launch(), tagged=True)
        data = {**form, "actionIdentifier": "cli.render", "selection": [TASK]}
        board.publish(TRIGGER, data, target=mine(server))
        person.type("admin asks, to launch cli.render:", "")
        person.type("Reason [none]: ", "rain\n")
        assert person.end() == (0, "5 because of rain\n")


def render_launch() -> Launch[Any]:
    from callboard.studio.launch import launch_of

    return launch_of(Event("ftrack.action.launch", dict(render.item)))


def test_a_form_that_is_not_wanted_is_left_and_the_desk_goes_on(
    shell: Shell, server: Server, board: BlockingClient
) -> None:
    with terminal(shell, "wait", "--count", "2") as person:
        person.type("Ctrl-C ends.", "")
        form = {"type": "form", "items": [{"type": "text", "name": "a"}]}
        data = {**form, "actionIdentifier": "cli.render", "selection": [TASK]}
        board.publish(TRIGGER, data, target=mine(server))
        board.publish(TRIGGER, {"type": "message", "success": True, "message": "Later."}, target=mine(server))
        person.type("a: ", "\x04")
        person.type("Nothing was launched.", "")
        assert person.end() == (0, "admin: Later.\n")


def test_a_message_while_an_action_works_is_shown(
    shell: Shell, server: Server, board: BlockingClient
) -> None:
    shown = threading.Event()

    @action(label="Slow", identifier="cli.slow")
    def slow(launch: Launch[Any]) -> str:
        board.publish(launch.interface("Half of it."))
        assert shown.wait(PATIENCE)
        return "All of it."

    subscriptions = listen(board, slow)
    with shell.start("actions", "launch", "cli.slow") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "admin: Half of it.\n"
        shown.set()
        printed, _ = process.communicate(timeout=PATIENCE)
    assert (process.returncode, printed) == (0, "All of it.\n")
    for one in subscriptions:
        one.close()


def test_a_form_that_somebody_triggers_is_never_submitted_by_a_script(
    shell: Shell, server: Server, board: BlockingClient
) -> None:
    launched: list[Event] = []

    @action(label="Trap", identifier="cli.trap")
    def trap(launch: Launch[Any]) -> str:
        form = {"type": "form", "items": [{"type": "text", "name": "frames", "value": "all"}]}
        data = {**form, "actionIdentifier": "cli.sprung", "selection": [TASK]}
        board.publish(TRIGGER, data, target=mine(server))
        return "Set."

    subscriptions = listen(board, trap)
    subscriptions.append(
        board.subscribe("data.actionIdentifier=cli.sprung and topic=ftrack.action.launch", launched.append)
    )
    ran = shell.run("actions", "launch", "cli.trap", "--set", "frames=1", "--yes")
    assert "No form had a field frames" in ran.err
    assert launched == []
    for one in subscriptions:
        one.close()


# Official clients


def test_the_fault_of_what_is_shown_is_a_reply_that_official_clients_stand(
    shell: Shell, server: Server
) -> None:
    with ftrack_py(server) as hub, waiting(shell, server, "--count", "1") as running:
        sent = hub.publish(TRIGGER, {"type": "widget", "url": "https://x.test/"}, target=mine(server))
        running.communicate(timeout=PATIENCE)
        expression = f'topic=ftrack.meta.reply and inReplyToEvent="{sent["id"]}"'
        (entry,) = eventually(lambda: history(server, expression), "the reply")
        assert entry["event"]["data"] == {
            "success": False,
            "message": "A widget needs selection: without it nobody knows what it is for.",
        }
        hub.drain()


def history(server: Server, expression: str) -> list[Any]:
    from urllib.parse import quote

    status, answer = server.get(f"/v1/events?expression={quote(expression)}")
    assert status == 200
    events: list[Any] = json.loads(answer)["events"]
    return events


@needs_node
def test_javascript_stands_it_too(shell: Shell, server: Server) -> None:
    with ftrack_js(server) as node, waiting(shell, server, "--count", "1") as running:
        data = {"type": "form", "items": []}
        node.do("publish", topic=TRIGGER, data=data, target=mine(server))
        sent = node.said("published")["id"]
        running.communicate(timeout=PATIENCE)
        eventually(
            lambda: history(server, f'topic=ftrack.meta.reply and inReplyToEvent="{sent}"'), "the reply"
        )
        node.do("subscribe", name="echo", expression="topic=cli.echo")
        node.said("subscribed")
        node.do("publish", topic="cli.echo")
        node.said("heard", name="echo")


class OldStyle:
    """An action as users of the official Python client write it, with a form."""

    identifier = "com.example.rename"

    def register(self, hub: Hub) -> None:
        hub.subscribe("topic=ftrack.action.discover", self.discover)
        hub.subscribe(
            f"topic=ftrack.action.launch and data.actionIdentifier={self.identifier} "
            "and source.user.username=admin",
            self.launch,
        )

    def discover(self, event: Any) -> Any:
        return {"items": [{"label": "Rename", "actionIdentifier": self.identifier, "description": None}]}

    def launch(self, event: Any) -> Any:
        if "values" not in event["data"]:
            items = [
                {"type": "text", "name": "name", "label": "New name", "value": "sh010"},
                {"type": "enumerator", "name": "case", "data": [{"label": "Upper", "value": "upper"}]},
            ]
            return {"items": items, "title": "Rename"}
        values = event["data"]["values"]
        user = event["source"]["user"]["username"]
        return {"success": True, "message": f"{user}: {getattr(values['name'], values['case'])()}"}


def test_an_action_of_the_official_python_client_is_filled_in(shell: Shell, server: Server) -> None:
    with ftrack_py(server) as hub, terminal(shell, "launch", "Rename", "-e", "task:t1") as person:
        OldStyle().register(hub)

        def ask(prompt: str, answer: str) -> None:
            hub.until(lambda: prompt in person.read(), prompt)
            person.type(prompt, answer)

        ask("── Rename ──\r\nNew name [sh010]: ", "sh020\n")
        ask(" 1  Upper\r\ncase: ", "1\n")
        hub.until(lambda: person.process.poll() is not None, "the end")
        assert person.end() == (0, "admin: SH020\n")


@needs_node
def test_an_action_of_the_official_javascript_client_is_launched(shell: Shell, own_server: Server) -> None:
    with ftrack_js(own_server) as node:
        items = {"items": [{"label": "From JS", "actionIdentifier": "js.action"}]}
        node.do("subscribe", name="menu", expression="topic=ftrack.action.discover", reply=items)
        node.said("subscribed")
        outcome = {"success": True, "message": "JavaScript did it."}
        node.do("subscribe", name="act", expression="topic=ftrack.action.launch", reply=outcome)
        node.said("subscribed")
        shell = Shell(own_server.data)
        eventually(lambda: shell.run("actions", "list", "--json").out, "an action")
        ran = shell.run("actions", "launch", "from js", "-e", "task:t1")
        assert (ran.code, ran.out) == (0, "JavaScript did it.\n")
        heard = node.said("heard", name="act")["event"]["data"]
        assert heard["selection"] == heard["context"]["selection"] == [TASK]
