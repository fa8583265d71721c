"""Actions written with `callboard.studio`: offered, launched, asked for values, over a real hub."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from callboard import connect
from callboard.bus import Handler
from callboard.client.blocking import BlockingClient
from callboard.errors import CallboardError
from callboard.event import Event, Stamp
from callboard.hub.hub import Hub as HouseHub
from callboard.hub.hubbus import HubBus
from callboard.hub.principal import Principal
from callboard.logs.memory import MemoryLog
from callboard.studio import Asked, Done, Failed, Form, Hidden, Launch, Widget, action, listen
from callboard.studio.interfaces import Form as ShownForm
from callboard.studio.interfaces import read_trigger
from callboard.studio.launch import launch_of
from callboard.studio.offering import Action, BadAction
from callboard.studio.selecting import BadSelector
from tests.clients.official import Hub
from tests.serving import Server

TASK = {"entityId": "t1", "entityType": "task"}
VERSION = {"entityId": "v1", "entityType": "asset_version"}


class Pool(StrEnum):
    GPU = "gpu"
    CPU = "cpu"


class Frames(Form, title="Which frames?", submit="Go on"):
    first: int = 1001
    last: int = 1096

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError("The last frame comes before the first.")


class Where(Form):
    frames: Hidden[list[int]]
    pool: Pool = Pool.GPU


@pytest.fixture
def board(server: Server) -> Iterator[BlockingClient]:
    with connect(server.url, server.user, server.key) as connected:
        yield connected


class Recorder:
    """A board that notes what is subscribed to."""

    def __init__(self) -> None:
        self.expressions: list[str] = []

    def subscribe(
        self, expression: str, handler: Handler, *, subscriber: Mapping[str, Any] | None = None
    ) -> None:
        assert callable(handler)
        assert subscriber is None
        self.expressions.append(expression)


def launched(one: Action[Any], values: Any = None, **data: Any) -> Any:
    """Return what an action replies to a launch."""
    return one.launch(event(**one.item, **({} if values is None else {"values": values}), **data))


def event(*selection: Mapping[str, Any], **data: Any) -> Event:
    selected = [dict(one) for one in selection] or [TASK]
    source = {"id": "s1", "user": {"id": "u1", "username": "jane"}}
    data = {"selection": selected, "context": {"selection": selected}, **data}
    return Event("ftrack.action.launch", data, source, entry=Stamp("l-1", 0.0, "admin"))


def offered(one: Action[Any], *selection: Mapping[str, Any]) -> list[Any]:
    found = one.discover(event(*selection))
    assert found.keys() == {"items"}
    items: list[Any] = found["items"]
    return items


def test_the_item_has_what_the_decorator_says() -> None:
    @action(label="Render", variant="GPU", description="Now", icon="nuke", identifier="a|b", data={"pool": 1})
    def render(launch: Launch[Any]) -> None: ...

    assert offered(render) == [
        {
            "label": "Render",
            "variant": "GPU",
            "description": "Now",
            "icon": "nuke",
            "actionIdentifier": "a|b",
            "actionData": {"pool": 1},
        }
    ]


def test_an_action_is_named_by_its_function() -> None:
    @action(label="Render")
    def render(launch: Launch[Any]) -> None: ...

    assert render.identifier == f"{__name__}.test_an_action_is_named_by_its_function.render"


SCRIPT = """\
from callboard.studio import action
@action(label="Render")
def render(launch): ...
print(render.identifier)
"""


def test_the_render_of_two_scripts_are_two_actions(tmp_path: Path) -> None:
    for name, words in (("farm", ("farm.py",)), ("local", ("-m", "local")), ("", ("-c", SCRIPT))):
        (tmp_path / f"{name}.py").write_text(SCRIPT)
        ran = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert ran.stdout.strip() == (f"{name}.render" if name else "render")


@pytest.mark.parametrize(
    ("discover", "fits"),
    [
        (None, [True, True, True, True]),
        ("task", [False, True, False, False]),
        ("AssetVersion", [False, False, True, False]),
        (["Task", "asset_version"], [False, True, True, True]),
        ("entityType=task and entityId=t*", [False, True, False, False]),
        ("entityType=assetversion or entityType=task", [False, True, True, True]),
        (lambda asked: len(asked.selection) == 2, [False, False, False, True]),
        (lambda asked: asked.selection, [False, True, True, True]),
        (lambda asked: asked.user.username == "jane" and asked.publisher == "admin", [True] * 4),
        (lambda asked: 1 / len(asked.selection), [False, True, True, True]),
    ],
)
def test_an_action_is_offered_for_what_it_fits(discover: Any, fits: list[bool]) -> None:
    @action(label="Render", discover=discover)
    def render(launch: Launch[Any]) -> None: ...

    selections: list[Sequence[Mapping[str, Any]]] = [(), (TASK,), (VERSION,), (TASK, VERSION)]
    found = []
    for selection in selections:
        asked = Event(
            "ftrack.action.discover", {"selection": list(selection)}, event().source, entry=event().entry
        )
        found.append(bool(render.discover(asked)["items"]))
    assert found == fits


def test_a_function_may_offer_several_items() -> None:
    @action(label="Maya", discover=lambda asked: [{"variant": year} for year in ("2025", "2026")])
    def start(launch: Launch[Any]) -> str:
        return f"Maya {launch.item['variant']} starts."

    items = offered(start)
    assert [one["variant"] for one in items] == ["2025", "2026"]
    assert start.launch(event(**items[1]))["message"] == "Maya 2026 starts."


def test_a_selection_under_context_is_found() -> None:
    @action(label="Render", discover="task")
    def render(launch: Launch[Any]) -> None: ...

    assert render.discover(Event("ftrack.action.discover", {"context": {"selection": [TASK]}}))["items"]


@pytest.mark.parametrize(
    "data", [None, [], {"selection": 7}, {"selection": [7, {"entityType": 7}]}, {"context": 1}]
)
def test_a_discover_that_makes_no_sense_selects_nothing_known(data: Any) -> None:
    @action(label="Render", discover="task")
    def render(launch: Launch[Any]) -> None: ...

    assert render.discover(Event("ftrack.action.discover", data, {"user": 7})) == {"items": []}


def test_what_can_never_be_selected_is_refused_at_once() -> None:
    with pytest.raises(BadSelector, match='write discover="task", or a function'):
        action(label="Render", discover="Shot")
    with pytest.raises(BadSelector, match="names no type"):
        action(label="Render", discover=[])


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("Queued.", {"success": True, "message": "Queued."}),
        (None, {"success": True, "message": "Render: done."}),
        (True, {"success": True, "message": "Render: done."}),
        (False, {"success": False, "message": "Render: it did not work."}),
        (Done("Good."), {"success": True, "message": "Good."}),
        (Failed("No."), {"success": False, "message": "No."}),
        (
            Widget("https://x.test/", "Report"),
            {"success": True, "message": "", "type": "widget", "url": "https://x.test/", "title": "Report"},
        ),
        ({"success": True, "message": "By hand."}, {"success": True, "message": "By hand."}),
    ],
)
def test_what_a_function_returns_is_the_reply(said: Any, reply: dict[str, Any]) -> None:
    @action(label="Render")
    def render(launch: Launch[Any]) -> Any:
        return said

    assert launched(render) == reply


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (Failed("The farm is full: try again at six."), "The farm is full: try again at six."),
        (CallboardError("No hub to talk to."), "No hub to talk to."),
        (
            FileNotFoundError(2, "No such file", "a.exr"),
            "Render failed: [Errno 2] No such file: 'a.exr' (FileNotFoundError).",
        ),
        (ZeroDivisionError(), "Render failed: ZeroDivisionError."),
        (ValueError("first\nsecond"), "Render failed: first (ValueError)."),
    ],
)
def test_what_a_function_raises_is_a_sentence(error: Exception, message: str) -> None:
    @action(label="Render")
    def render(launch: Launch[Any]) -> None:
        raise error

    assert launched(render) == {"success": False, "message": message}


def test_where_it_broke_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    @action(label="Render", identifier="render")
    def render(launch: Launch[Any]) -> None:
        raise ValueError("this")

    with caplog.at_level(logging.ERROR):
        launched(render)
    assert "The action render failed." in caplog.text
    assert 'raise ValueError("this")' in caplog.text


def test_what_can_not_be_shown_is_told() -> None:
    @action(label="Render")
    def render(launch: Launch[Any]) -> Any:
        return 7

    assert launched(render)["message"] == "An action can't return int: see docs/actions.md for what it can."


def test_the_launch_has_selection_user_and_item() -> None:
    seen: list[Launch[Any]] = []

    @action(label="Render", data={"pool": "gpu"})
    def render(launch: Launch[Any]) -> None:
        seen.append(launch)

    launched(render, host="ws12")
    (one,) = seen
    assert [(entity.type, entity.id) for entity in one.selection] == [("task", "t1")]
    assert (one.user.username, one.user.id, one.publisher) == ("jane", "u1", "admin")
    assert (one.item["actionData"], one.item["host"], one.values) == ({"pool": "gpu"}, "ws12", {})


@action(label="Render", form=(Frames, Where), identifier="steps")
def steps(launch: Launch[Frames | Where]) -> Any:
    match launch.values:
        case Frames(first=first, last=last):
            return Where.ask(frames=[first, last])
        case Where(frames=frames, pool=pool):
            return f"{frames} on {pool}"


def filled(reply: dict[str, Any], **values: Any) -> dict[str, Any]:
    """Return the values that a page sends for a form."""
    held = {one["name"]: one["value"] for one in reply["items"] if "name" in one}
    return {**held, **values}


def test_the_first_launch_asks_and_the_second_does() -> None:
    asked = launched(steps)
    assert (asked["type"], asked["title"], asked["submit_button_label"]) == ("form", "Which frames?", "Go on")
    assert [one["name"] for one in asked["items"]] == ["first", "last", "callboard_form"]
    again = launched(steps, filled(asked, first=1, last="2"))
    assert again["title"] == "Render"
    done = launched(steps, filled(again, pool="cpu"))
    assert done == {"success": True, "message": "[1, 2] on cpu"}


def test_a_wrong_value_shows_the_form_again_with_what_was_typed() -> None:
    again = launched(steps, filled(launched(steps), first="many", last=7))
    assert again["items"][0] == {"type": "label", "value": "First: this is no number."}
    assert [one["value"] for one in again["items"][1:3]] == ["many", 7]
    again = launched(steps, filled(again, first=9))
    assert again["items"][0] == {"type": "label", "value": "The last frame comes before the first."}
    assert launched(steps, filled(again, first=6))["items"][-1]["value"] == "Where"


def test_values_of_a_form_that_there_is_no_more_begin_anew() -> None:
    assert launched(steps, {"callboard_form": "Gone"})["title"] == "Which frames?"
    assert launched(steps, {})["title"] == "Which frames?"


def test_a_hidden_value_that_was_tampered_with_is_refused() -> None:
    again = launched(steps, {"callboard_form": "Where", "frames": '"all"', "pool": "gpu"})
    assert again["items"][0]["value"] == "Frames: this form is out of date, launch the action again."


def test_a_form_may_be_filled_from_the_selection() -> None:
    class Named(Form):
        name: str

        @classmethod
        def opening(cls, launch: Launch[Any]) -> Any:
            return cls.ask(name=launch.selection[0].id)

    @action(label="Rename", form=Named)
    def rename(launch: Launch[Named]) -> str:
        return launch.values.name

    asked = launched(rename)
    assert filled(asked) == {"name": "t1"}
    assert launched(rename, filled(asked))["message"] == "t1"


def test_a_form_may_be_shown_later_and_launches_the_action_again() -> None:
    launch = launch_of(event(**steps.item))
    sent = launch.interface(Where.ask(frames=[3]))
    shown = read_trigger(sent.data)
    assert isinstance(shown.interface, ShownForm)
    assert (shown.faults, shown.interface.read_only) == ((), False)
    assert sent.target == 'applicationId=ftrack.client.web and user.id="u1"'
    assert sent.source["trace"]["cause"] == launch.event.id
    data = {**(shown.interface.item or {}), "values": filled(sent.data)}
    assert steps.launch(event(**data))["message"] == "[3] on gpu"


def test_a_form_that_the_action_does_not_name_is_refused() -> None:
    @action(label="Render", form=Frames)
    def render(launch: Launch[Frames]) -> Any:
        return Where.ask(frames=[1])

    assert launched(render, {"first": 1, "last": 2})["message"] == (
        "The form Where is not one of this action: add it to @action(form=...)."
    )


def test_subscriptions_are_those_that_every_hub_knows() -> None:
    @action(label="Render", identifier="my.render")
    def render(launch: Launch[Any]) -> None: ...

    for options, more in [
        ({}, ("", "")),
        ({"user": "jane doe"}, (' and source.user.username="jane doe"',) * 2),
        ({"host": "ws12"}, (' and data.host="ws12"', "")),
    ]:
        recorder = Recorder()
        listen(recorder, render, **options)
        assert recorder.expressions == [
            f'topic=ftrack.action.launch and data.actionIdentifier="my.render"{more[0]}',
            f"topic=ftrack.action.discover{more[1]}",
        ]


def test_two_actions_of_one_name_are_refused() -> None:
    @action(label="Render", identifier="a")
    def render(launch: Launch[Any]) -> None: ...

    with pytest.raises(BadAction, match="Two actions are called 'a'"):
        listen(Recorder(), render, render)
    with pytest.raises(BadAction, match="can't be called 'a\\*'"):
        action(label="Render", identifier="a*")(lambda launch: None)


def test_the_module_needs_neither_the_hub_nor_a_tracker() -> None:
    code = "import sys, callboard.studio.offering as o; print('\\n'.join(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"sqlalchemy", "starlette", "structlog", "aiohttp", "callboard.hub.hub"} & set(loaded)


# Over a real hub


def ask(server: Server, path: str, body: Any) -> Any:
    status, answer = server.post(path, body)
    assert status == 200, answer
    return json.loads(answer)


def discovered(server: Server, label: str, *selection: Mapping[str, Any]) -> Any:
    """Return the item with this label in the hub's menu, or None."""
    menu = ask(server, "/v1/actions/discover", {"selection": [dict(one) for one in selection]})
    return next((one for one in menu["items"] if one["label"] == label), None)


async def test_a_room_of_the_hub_may_offer_actions() -> None:
    async with HouseHub(MemoryLog()) as hub:
        bus = HubBus(hub, Principal("admin"))
        listen(bus, steps)
        asked = bus.request(Event("ftrack.action.discover", {"selection": [TASK]}), deadline=60)
        assert [reply.data async for reply in asked] == [{"items": [steps.item]}]
        await bus.close()


def test_the_hub_s_menu_has_it_and_launches_it(server: Server, board: BlockingClient) -> None:
    @action(label="Steps", form=(Frames, Where), discover="task")
    def steps_here(launch: Launch[Frames | Where]) -> Any:
        return steps(launch)

    listen(board, steps_here)
    assert discovered(server, "Steps", VERSION) is None
    item = discovered(server, "Steps", TASK)
    selected = {"item": item, "selection": [TASK]}
    (asked,) = ask(server, "/v1/actions/launch", selected)["replies"]
    values = filled(asked["data"], first=1, last=2)
    (again,) = ask(server, "/v1/actions/launch", {**selected, "values": values})["replies"]
    values = filled(again["data"])
    (done,) = ask(server, "/v1/actions/launch", {**selected, "values": values})["replies"]
    assert done["data"] == {"success": True, "message": "[1, 2] on gpu"}


async def fits(asked: Asked) -> bool:
    return bool(asked.selection)


def coroutine(label: str) -> Action[Any]:
    @action(label=label, discover=fits, identifier=label)
    async def render(launch: Launch[Any]) -> Done:
        if launch.selection[0].id != "t1":
            raise Failed("Another one, please.")
        return Done(f"{label} of {launch.selection[0].id}")

    return render


def outcomes_of(server: Server, label: str) -> list[str]:
    """Return what two launches of an action say, the second of something it refuses."""
    item = discovered(server, label, TASK)
    bodies = [{"item": item, "selection": [one]} for one in (TASK, VERSION)]
    return [ask(server, "/v1/actions/launch", body)["replies"][0]["data"]["message"] for body in bodies]


async def test_coroutine_functions_work_with_the_asynchronous_client(server: Server) -> None:
    async with connect(server.url, server.user, server.key) as board:
        for subscription in listen(board, coroutine("Async")):
            await subscription.ready()
        said = await asyncio.to_thread(outcomes_of, server, "Async")
    assert said == ["Async of t1", "Another one, please."]


def test_coroutine_functions_work_with_the_blocking_client(server: Server, board: BlockingClient) -> None:
    listen(board, coroutine("Blocking"))
    assert outcomes_of(server, "Blocking") == ["Blocking of t1", "Another one, please."]


def test_an_official_client_s_menu_finds_and_launches_it(hub: Hub, board: BlockingClient) -> None:
    """As a server that is not ours asks: no `context`, a bare launch."""

    @action(label="Official", identifier="for.official", discover="task")
    def render(launch: Launch[Any]) -> str:
        return f"{launch.user.username} renders {launch.selection[0].id}"

    listen(board, render)
    replies: list[Any] = []
    hub.publish("ftrack.action.discover", {"selection": [TASK]}, on_reply=replies.append)
    hub.until(lambda: replies, "items")
    (item,) = replies[0]["data"]["items"]
    outcomes: list[Any] = []
    source = {"user": {"username": "jane"}}
    hub.publish("ftrack.action.launch", {**item, "selection": [TASK]}, outcomes.append, source=source)
    hub.until(lambda: outcomes, "an outcome")
    assert outcomes[0]["data"] == {"success": True, "message": "jane renders t1"}


def test_what_is_for_one_user_and_one_host_is_theirs_alone(server: Server, board: BlockingClient) -> None:
    @action(label="Start Maya")
    def start(launch: Launch[Any]) -> str:
        return f"It starts on {launch.item['host']}."

    listen(board, start, user="somebody else")
    assert discovered(server, "Start Maya", TASK) is None
    listen(board, start, user=server.user, host="ws12")
    with connect(server.url, server.user, server.key) as other:
        listen(other, start, user=server.user, host="ws13")
        item = discovered(server, "Start Maya", TASK)
        assert item["host"] in ("ws12", "ws13")
        said = ask(server, "/v1/actions/launch", {"item": {**item, "host": "ws13"}, "selection": [TASK]})
        assert [one["data"]["message"] for one in said["replies"]] == ["It starts on ws13."]


def test_an_action_shows_how_far_it_is(server: Server, hub: Hub, board: BlockingClient) -> None:
    @action(label="Slow", identifier="slow")
    def slow(launch: Launch[Any]) -> str:
        board.publish(launch.interface("Half of it is done."))
        board.publish(launch.interface(Widget("https://x.test/", "Report")))
        return "All is done."

    user = json.loads(server.get("/v1/user")[1])
    page = {"applicationId": "ftrack.client.web", "user": user}
    shown = hub.subscribe("topic=ftrack.action.trigger-user-interface", subscriber=page)
    listen(board, slow)
    ask(server, "/v1/actions/launch", {"item": {"actionIdentifier": "slow"}, "selection": [TASK]})
    hub.until(lambda: len(shown) == 2, "both")
    assert shown[0]["data"] == {
        "type": "message",
        "success": True,
        "message": "Half of it is done.",
        "selection": [TASK],
    }
    assert (shown[1]["data"]["type"], shown[1]["data"]["url"]) == ("widget", "https://x.test/")


# Actions as the official Python client's users write them


class Handler_:  # noqa: N801
    """An action in the style of ftrack_action_handler: two subscriptions and two methods."""

    label, identifier = "Old style", "com.example.old"

    def register(self, hub: Hub) -> None:
        hub.subscribe("topic=ftrack.action.discover", self.discover)
        hub.subscribe(f"topic=ftrack.action.launch and data.actionIdentifier={self.identifier}", self.launch)

    def discover(self, event: Any) -> Any:
        if event["data"]["selection"][0]["entityType"].lower() != "task":
            return None
        return {"items": [{"label": self.label, "actionIdentifier": self.identifier, "icon": None}]}

    def launch(self, event: Any) -> Any:
        if "values" in event["data"]:
            return {"success": True, "message": f"{event['data']['values']['frames']} it is."}
        return {"items": [{"type": "text", "name": "frames", "value": "1-10"}]}


def test_actions_of_the_official_client_are_found_and_launched(server: Server, hub: Hub) -> None:
    Handler_().register(hub)
    found = in_thread(hub, lambda: discovered(server, "Old style", TASK))
    body = {"item": found, "selection": [TASK]}
    asked = in_thread(hub, lambda: ask(server, "/v1/actions/launch", body))
    assert asked["replies"][0]["data"]["items"][0]["name"] == "frames"
    body["values"] = {"frames": "5"}
    done = in_thread(hub, lambda: ask(server, "/v1/actions/launch", body))
    assert done["replies"][0]["data"] == {"success": True, "message": "5 it is."}


def in_thread(hub: Hub, work: Any) -> Any:
    """Return what `work` gives, while the official client handles events here."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        hub.until(future.done, "an answer")
        return future.result()
