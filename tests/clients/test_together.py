"""The main job, as a house would use it: official clients, a log that survives, hooks, several nodes."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.node import ftrack_js, needs_node
from tests.clients.official import Hub, ftrack_py
from tests.serving import Server, eventually, free_port, serving

# Hooks of an OctoPrint configuration


def _octoprint(folder: Path, subscriptions: list[dict[str, Any]]) -> Path:
    config = folder / "config.yaml"
    events = {"enabled": True, "subscriptions": subscriptions}
    config.write_text(json.dumps({"events": events, "serial": {"port": "/dev/ttyACM0"}, "plugins": {"x": 1}}))
    return config


def _append(target: Path) -> str:
    """Return a command line that appends its arguments, one line each event, to a file."""
    script = f"import sys; print(*sys.argv[1:], sep='|', file=open({str(target)!r}, 'a'))"
    return f"{sys.executable} -c {json.dumps(script)}"


def test_an_official_client_sets_off_a_hook(tmp_path: Path) -> None:
    ran = tmp_path / "ran.txt"
    config = _octoprint(
        tmp_path,
        [{"event": "my-studio.approved", "type": "system", "command": f"{_append(ran)} {{name}}"}],
    )
    with serving(tmp_path / "data", "--config", str(config)) as server, ftrack_py(server) as hub:
        hub.publish("my-studio.approved", {"name": "head; touch pwned $(id) `id`"})
        eventually(lambda: ran.exists() and ran.read_text().endswith("\n"), "the hook")
    assert ran.read_text() == "head; touch pwned $(id) `id`\n"


def test_hooks_run_when_clients_come_and_go(tmp_path: Path) -> None:
    ran = tmp_path / "ran.txt"
    names = ["Startup", "ClientOpened", "ClientClosed"]
    config = _octoprint(
        tmp_path, [{"event": name, "type": "system", "command": f"{_append(ran)} {name}"} for name in names]
    )
    with serving(tmp_path / "data", "--config", str(config)) as server:
        with ftrack_py(server):
            eventually(lambda: ran.exists() and "ClientOpened" in ran.read_text(), "ClientOpened")
        eventually(lambda: "ClientClosed" in ran.read_text(), "ClientClosed")
        assert sorted(ran.read_text().split()) == sorted(names)


def test_a_client_hears_others_come_and_go(server: Server, hub: Hub) -> None:
    heard = hub.subscribe("topic=octoprint.Client*")
    with ftrack_py(server):
        hub.until(lambda: heard)
    hub.until(lambda: len(heard) >= 2)
    assert [event["topic"] for event in heard[:2]] == ["octoprint.ClientOpened", "octoprint.ClientClosed"]
    assert heard[0]["data"]["remoteAddress"] == "127.0.0.1"


# Nothing acknowledged is lost


@pytest.mark.slow
def test_what_was_acknowledged_survives_kill_9(own_server: Server) -> None:
    with ftrack_py(own_server) as hub:
        acknowledged: list[int] = []
        for number in range(300):
            _publish_noting(hub, "survive", number, acknowledged)
            if len(acknowledged) > 100:
                break
        own_server.kill()
        kept = set(acknowledged)
        own_server.start()
    status, body = own_server.get("/v1/events?expression=topic%3Dsurvive&limit=1000")
    numbers = [entry["event"]["data"]["number"] for entry in json.loads(body)["events"]]
    assert status == 200
    assert kept <= set(numbers)
    assert numbers == sorted(numbers)


def _publish_noting(hub: Hub, topic: str, number: int, acknowledged: list[int]) -> None:
    event = {"topic": topic, "data": {"number": number}, "source": {"id": hub.id}}
    hub.hub._emit_event_packet("ftrack.event", event, callback=lambda answer: acknowledged.append(number))


@pytest.mark.slow
@pytest.mark.parametrize("how", ["a clean shutdown", "kill -9"])
def test_a_durable_subscriber_resumes_behind_a_restart(own_server: Server, how: str) -> None:
    """It was away, the hub went down and came back, and still it gets what it missed, in order."""
    subscriber = {"id": "night-shift", "durable": True}
    with ftrack_py(own_server) as hub:
        hub.subscribe("topic=night", subscriber=dict(subscriber))
    with ftrack_py(own_server) as other:
        for number in range(50):
            other.publish("night", {"number": number})
        other.settle()
    own_server.stop() if how == "a clean shutdown" else own_server.kill()
    own_server.start()
    with ftrack_py(own_server) as hub:
        heard = hub.subscribe("topic=night", subscriber=dict(subscriber))
        hub.until(lambda: len(heard) >= 50)
    assert [event["data"]["number"] for event in heard] == list(range(50))


@needs_node
@pytest.mark.parametrize("durable", [True, "handled"])
def test_a_durable_javascript_subscriber_misses_nothing(server: Server, durable: Any) -> None:
    wish = {
        "expression": f"topic=js.durable.{durable}",
        "metadata": {"id": f"js-durable-{durable}", "durable": durable},
        "reply": {"done": True},
    }
    with ftrack_js(server) as js:
        js.do("subscribe", name="first", **wish)
        js.do("publish", topic=f"js.durable.{durable}", data={"number": -1})
        js.said("heard", name="first")
    with ftrack_py(server) as hub:
        for number in range(50):
            hub.publish(f"js.durable.{durable}", {"number": number})
        hub.settle()
    with ftrack_js(server) as js:
        js.do("subscribe", name="second", **wish)
        numbers: list[int] = []
        while not numbers or numbers[-1] < 49:
            numbers.append(js.said("heard", name="second")["event"]["data"]["number"])
    assert numbers[-50:] == list(range(50))
    assert len(numbers) <= 51


# Several nodes on one log


@contextlib.contextmanager
def _nats(folder: Path) -> Iterator[str]:
    """A real nats-server with JetStream on a free port."""
    program = shutil.which("nats-server") or str(Path(sys.executable).parent / "nats-server")
    port = free_port()
    command = [program, "--jetstream", "--store_dir", str(folder), "--addr", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"nats://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.mark.slow
@needs_node
def test_clients_on_two_nodes_hear_and_answer_each_other_in_one_order(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(_nats(tmp_path / "jetstream"))
        one = stack.enter_context(serving(tmp_path / "one", "--log", log))
        # Each node has keys of its own; this one takes over the first one's.
        two = stack.enter_context(serving(tmp_path / "two", "--log", log))
        here, there = stack.enter_context(ftrack_py(one)), stack.enter_context(ftrack_py(two))
        js = stack.enter_context(ftrack_js(two))

        heard_here = here.subscribe("topic=nodes.order")
        heard_there = there.subscribe("topic=nodes.order")
        for number in range(50):
            here.publish("nodes.order", {"from": "one", "number": number})
            there.publish("nodes.order", {"from": "two", "number": number})
        here.until(lambda: len(heard_here) == 100)
        there.until(lambda: len(heard_there) == 100)
        assert [event["id"] for event in heard_here] == [event["id"] for event in heard_there]

        js.do("subscribe", name="answers", expression="topic=nodes.ask", reply={"from": "two"})
        js.do("publish", topic="nodes.ready")
        js.said("published")
        replies: list[Any] = []
        here.publish("nodes.ask", on_reply=replies.append)
        here.until(lambda: replies, "a reply from the other node")
        assert replies[0]["data"] == {"from": "two"}
