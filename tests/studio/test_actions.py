"""Actions over HTTP: official clients offer them, and answer when they are launched."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from tests.clients.node import Node, needs_node
from tests.clients.official import Hub
from tests.serving import Server, eventually
from tests.studio.questioning import TASK, asked, dropped, events, item, posted, refused

DISCOVER, LAUNCH = "/v1/actions/discover", "/v1/actions/launch"
GARBAGE = [
    pytest.param(["a list"], "A list", id="a list"),
    pytest.param("text", "Text", id="text"),
    pytest.param(17, "A number", id="a number"),
    pytest.param(True, "True or false", id="true"),
    pytest.param({"success": True}, "no list of `items`", id="no items"),
    pytest.param({"items": "all"}, "no list of `items`", id="items that are no list"),
    pytest.param({"items": [7]}, "Item 1 is no object", id="an item that is no object"),
    pytest.param({"items": [{"actionIdentifier": "x"}]}, "Item 1 has no `label`", id="no label"),
    pytest.param({"items": [{"label": "x"}]}, "Item 1 has no `actionIdentifier`", id="no identifier"),
    pytest.param({"items": [{"label": 1, "actionIdentifier": "x"}]}, "no `label`", id="a label of no text"),
    pytest.param(
        {"items": [item("huge", data="x" * 300_000)]}, "Item 1 is larger than", id="an item that is too large"
    ),
]


def offers(hub: Hub, *names: str, **options: Any) -> list[Any]:
    """Have a client offer items."""
    return hub.subscribe(
        "topic=ftrack.action.discover", answer={"items": [item(name) for name in names]}, **options
    )


def labels(menu: Any) -> list[str]:
    return [each["label"] for each in menu["items"]]


def discover(server: Server, *hubs: Hub, **more: Any) -> Any:
    return posted(server, DISCOVER, {"selection": [TASK], **more}, *hubs)


# What is offered


def test_the_items_of_all_listeners_are_one_menu(server: Server, hub: Hub, other: Hub) -> None:
    offers(hub, "mega", "cool")
    offers(other, "pro")
    assert sorted(labels(discover(server, hub, other))) == ["cool", "mega", "pro"]


@needs_node
def test_listeners_in_python_and_javascript_are_one_menu(server: Server, hub: Hub, js: Node) -> None:
    offers(hub, "python")
    js.do("subscribe", name="a", expression="topic=ftrack.action.discover", reply={"items": [item("js")]})
    js.said("subscribed")
    eventually(lambda: sorted(labels(discover(server, hub))) == ["js", "python"], "both items")


def test_unknown_keys_of_an_item_are_passed_on_as_they_are(server: Server, hub: Hub) -> None:
    odd = item("odd", host="ws-7", variant=None, icon="maya", integrations={"a": [1, None]}, actionData={})
    hub.subscribe("topic=ftrack.action.discover", answer={"items": [odd]})
    assert discover(server, hub)["items"] == [odd]


def test_equal_items_of_two_workstations_are_there_once(server: Server, hub: Hub, other: Hub) -> None:
    offers(hub, "same", "mine")
    swapped = dict(sorted(item("same").items()))
    other.subscribe("topic=ftrack.action.discover", answer={"items": [swapped]})
    assert sorted(labels(discover(server, hub, other))) == ["mine", "same"]


def test_a_listener_that_offers_nothing_is_no_fault(server: Server, hub: Hub, other: Hub) -> None:
    hub.subscribe("topic=ftrack.action.discover", answer=lambda event: [])  # arrives as {}
    other.subscribe("topic=ftrack.action.discover", answer={"items": {}})
    assert discover(server, hub, other) == {"items": [], "faults": []}


def test_with_nobody_who_listens_the_menu_is_empty_at_once(server: Server) -> None:
    assert discover(server, timeout=300) == {"items": [], "faults": []}


def test_the_event_has_the_selection_in_both_places_and_who_asks(server: Server, hub: Hub) -> None:
    heard = offers(hub, "any")
    sorters = [{"direction": "ASC", "property": "name", "root": "data"}]
    discover(server, hub, sorters=sorters, groupers=[], filters=[{"a": 1}])
    data, source = heard[0]["data"], heard[0]["source"]
    assert data["selection"] == data["context"]["selection"] == [TASK]
    assert (data["sorters"], data["groupers"], data["filters"]) == (sorters, [], [{"a": 1}])
    assert source["user"]["username"] == "admin"
    assert len(source["user"]["id"]) == 36
    assert source["id"]


def test_a_subscription_of_one_user_hears_what_that_user_asks(server: Server, hub: Hub) -> None:
    hub.subscribe(
        "topic=ftrack.action.discover and source.user.username=admin", answer={"items": [item("mine")]}
    )
    hub.subscribe(
        "topic=ftrack.action.discover and source.user.username=jane", answer={"items": [item("hers")]}
    )
    assert labels(discover(server, hub)) == ["mine"]


def test_what_is_selected_is_passed_on_with_keys_that_nobody_knows(server: Server, hub: Hub) -> None:
    heard = offers(hub, "any")
    posted(server, DISCOVER, {"selection": [{**TASK, "entity_type": "Shot"}]}, hub)
    assert heard[0]["data"]["selection"] == [{**TASK, "entity_type": "Shot"}]


# Bad listeners


@pytest.mark.parametrize(("answer", "reason"), GARBAGE)
def test_garbage_is_named_and_keeps_nobody_from_being_heard(
    server: Server, hub: Hub, other: Hub, answer: Any, reason: str
) -> None:
    offers(hub, "good")
    other.subscribe("topic=ftrack.action.discover", answer=answer, subscriber={"id": f"garbage-{id(answer)}"})
    menu = discover(server, hub, other)
    assert labels(menu) == ["good"]
    (fault,) = menu["faults"]
    assert reason in fault["reason"]
    assert fault["subscriber"] == f"garbage-{id(answer)}"
    assert fault["publisher"] == "admin"


def test_a_listener_that_offers_very_many_items_is_cut_and_named(server: Server, hub: Hub) -> None:
    offers(hub, *(f"n{number}" for number in range(2000)))
    menu = discover(server, hub)
    assert len(menu["items"]) == 1000
    assert "These are 2000 items" in menu["faults"][0]["reason"]


def test_a_thousand_faults_of_one_listener_are_counted_and_some_are_told(server: Server, hub: Hub) -> None:
    hub.subscribe("topic=ftrack.action.discover", answer={"items": [7] * 1000})
    faults = discover(server, hub)["faults"]
    assert len(faults) == 21
    assert "980 more" in faults[-1]["reason"]
    assert len({fault["subscriber"] for fault in faults}) == 1


def test_a_second_reply_of_one_listener_is_dropped_and_counted(server: Server, hub: Hub, other: Hub) -> None:
    def twice(event: Any) -> Any:
        for name in ("first", "second"):
            source = {"id": "twice", "user": {"username": "admin"}}
            hub.publish(
                "ftrack.meta.reply",
                {"items": [item(name)]},
                source=source,
                in_reply_to_event=event["id"],
                target=f"id={event['source']['id']}",
            )

    before = dropped(server)
    hub.subscribe("topic=ftrack.action.discover", answer=twice, subscriber={"id": "twice"})
    other.subscribe("topic=ftrack.action.discover")  # says nothing: others are waited for until the deadline
    assert labels(discover(server, hub, other, timeout=1)) == ["first"]
    assert dropped(server) == before + 1


def test_who_was_not_asked_is_not_heard(server: Server, hub: Hub, other: Hub) -> None:
    def intrude(event: Any) -> None:
        other.publish(
            "ftrack.meta.reply",
            {"items": [item("intruder")]},
            source={"id": "nobody-asked-me"},
            in_reply_to_event=event["id"],
        )

    before = dropped(server)
    hub.subscribe("topic=ftrack.action.discover", answer=intrude)
    assert discover(server, hub, other, timeout=1) == {"items": [], "faults": []}
    assert dropped(server) == before + 1


def test_late_and_silent_listeners_are_not_waited_for_beyond_the_deadline(
    server: Server, hub: Hub, other: Hub
) -> None:
    offers(hub, "quick")
    late = offers(other, "late")
    before = dropped(server)
    assert labels(discover(server, hub, timeout=0.5)) == ["quick"]
    other.until(lambda: late)
    other.settle()
    eventually(lambda: dropped(server) == before + 1, "the late reply to be counted")


def test_a_logger_that_says_so_is_not_waited_for(server: Server, hub: Hub, other: Hub) -> None:
    offers(hub, "quick")
    logged = other.subscribe("topic=*", subscriber={"replies": False})
    assert labels(discover(server, hub, timeout=300)) == ["quick"]
    other.until(lambda: [event for event in logged if event["topic"] == "ftrack.action.discover"])


# Launching


def test_a_launch_has_the_item_flat_and_nested_the_selection_twice_and_the_values(
    server: Server, hub: Hub
) -> None:
    heard = hub.subscribe(
        "topic=ftrack.action.launch and data.actionIdentifier=test.maya and data.host=ws-7",
        answer={"success": True, "message": "maya-2014 launched successfully."},
    )
    chosen = item("maya", host="ws-7", variant="2014", actionData={"applicationIdentifier": "maya_2014"})
    body = {"item": chosen, "selection": [TASK], "values": {"frames": "1-10"}}
    (reply,) = posted(server, LAUNCH, body, hub)["replies"]
    assert reply["data"] == {"success": True, "message": "maya-2014 launched successfully."}
    assert reply["publisher"] == "admin"
    assert reply["source"]["user"]["username"] == "admin"
    assert "fault" not in reply
    assert heard[0]["data"] == {
        **chosen,
        "applicationIdentifier": "maya_2014",
        "selection": [TASK],
        "context": {"selection": [TASK]},
        "values": {"frames": "1-10"},
    }
    assert set(heard[0]["source"]["user"]) == {"id", "username"}


def test_values_of_an_item_never_stand_for_what_the_launch_says(server: Server, hub: Hub) -> None:
    heard = hub.subscribe("topic=ftrack.action.launch", answer={"success": True})
    forged = {"selection": [], "values": {"forged": 1}, "context": {}}
    free = {**forged, "label": "other", "pool": "gpu"}
    posted(server, LAUNCH, {"item": item("free", actionData=free, **forged), "selection": [TASK]}, hub)
    data = heard[0]["data"]
    assert data["selection"] == [TASK]
    assert "values" not in data
    assert (data["label"], data["pool"], data["actionData"]) == ("free", "gpu", free)


@needs_node
def test_several_listeners_may_answer_a_launch(server: Server, hub: Hub, js: Node) -> None:
    js.do("subscribe", name="a", expression="topic=ftrack.action.launch", reply={"success": False})
    js.said("subscribed")
    hub.subscribe("topic=ftrack.action.launch", answer={"success": True, "message": "done"})

    def both() -> bool:
        said = posted(server, LAUNCH, {"item": item("both"), "selection": []}, hub)["replies"]
        return sorted(each["data"]["success"] for each in said) == [False, True]

    eventually(both, "both replies")


@needs_node
@pytest.mark.parametrize("answer", ["done", 7, ["a"], True])
def test_a_reply_that_says_nothing_of_a_launch_is_given_with_its_fault(
    server: Server, js: Node, answer: Any
) -> None:
    js.do("subscribe", name="a", expression="topic=ftrack.action.launch", reply=answer)
    js.said("subscribed")
    said: list[Any] = []

    def replied() -> bool:
        said[:] = posted(server, LAUNCH, {"item": item("odd"), "selection": []})["replies"]
        return bool(said)

    eventually(replied, "a reply")
    assert said[0]["data"] == answer
    assert "says nothing of a launch" in said[0]["fault"]


def test_a_form_comes_back_and_its_values_go_into_the_next_launch(server: Server, hub: Hub) -> None:
    form = {"items": [{"type": "text", "name": "frames", "label": "Frames"}], "title": "Which?"}

    def run(event: Any) -> Any:
        values = event["data"].get("values")
        return {"success": True, "message": values["frames"]} if values else form

    hub.subscribe("topic=ftrack.action.launch and data.actionIdentifier=test.form", answer=run)
    body: dict[str, Any] = {"item": item("form"), "selection": [TASK]}
    assert posted(server, LAUNCH, body, hub)["replies"][0]["data"] == form
    body["values"] = {"frames": "1001-1096"}
    assert posted(server, LAUNCH, body, hub)["replies"][0]["data"]["message"] == "1001-1096"


def test_one_reply_is_enough_where_that_is_said(server: Server, hub: Hub, other: Hub) -> None:
    hub.subscribe("topic=ftrack.action.launch", answer={"success": True})
    other.subscribe("topic=*")  # somebody who looks on, and never replies
    body = {"item": item("one"), "selection": [], "limit": 1, "timeout": 300}
    assert len(posted(server, LAUNCH, body, hub)["replies"]) == 1


# Bad questions


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "selection"),
        ({"selection": "all"}, "$.selection"),
        ({"selection": {}}, "$.selection"),
        ({"selection": ["task"]}, "$.selection"),
        ({"selection": [{"entityId": "x"}]}, "entityType"),
        ({"selection": [{"entityId": ["x"], "entityType": "task"}]}, "entityId"),
        ({"selection": [{"entityId": "x" * 300, "entityType": "task"}]}, "entityId"),
        ({"selection": [TASK] * 10_001}, "10000"),
        ({"selection": [], "selction": []}, "selction"),
        ({"selection": [], "timeout": 0}, "timeout"),
        ({"selection": [], "timeout": 301}, "timeout"),
        ({"selection": [], "timeout": "soon"}, "timeout"),
        ([], "object"),
    ],
)
def test_a_question_that_makes_no_sense_says_where(server: Server, body: Any, said: str) -> None:
    status, problem = refused(server, DISCOVER, body)
    assert status == 400
    assert said in problem["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"item": {"label": "x"}, "selection": []},
        {"item": {"label": "x", "actionIdentifier": ""}, "selection": []},
        {"item": {"label": "x", "actionIdentifier": 7}, "selection": []},
        {"item": "test.x", "selection": []},
        {"selection": []},
        {"item": item("x"), "selection": [], "values": ["a"]},
        {"item": item("x"), "selection": [], "limit": 0},
    ],
)
def test_a_launch_that_makes_no_sense_is_refused_and_not_published(server: Server, body: Any) -> None:
    before = len(events(server, "topic=ftrack.action.launch"))
    assert refused(server, LAUNCH, body)[0] == 400
    assert len(events(server, "topic=ftrack.action.launch")) == before


@pytest.mark.parametrize("depth", [150, 100_000])
def test_values_that_nest_too_deep_are_refused(server: Server, depth: int) -> None:
    nested = "[" * depth + "]" * depth
    body = f'{{"item": {json.dumps(item("deep"))}, "selection": [], "values": {{"a": {nested}}}}}'
    status, problem = server.ask("POST", LAUNCH, body.encode(), {})
    assert status == 400, problem
    assert b"/v1/docs#bad-" in problem


def test_ten_thousand_selected_entities_are_asked_about(server: Server, hub: Hub) -> None:
    heard = offers(hub, "many")
    selection = [{**TASK, "entityId": f"{number:032x}"} for number in range(10_000)]
    assert labels(posted(server, DISCOVER, {"selection": selection}, hub)) == ["many"]
    assert heard[0]["data"]["context"]["selection"] == selection


def test_a_key_that_may_not_publish_may_not_ask(server: Server) -> None:
    made = posted(server, "/v1/keys", {"user": "wall", "publish": "topic=none"})
    mine = {"ftrack-user": "wall", "ftrack-api-key": made["key"]}
    for accept in ("application/json", "text/event-stream"):
        status, problem = asked(server, "POST", DISCOVER, {"selection": []}, (), **mine, Accept=accept)
        assert (status, problem["type"]) == (403, "/v1/docs#denied")


# As they come


def streamed(server: Server, path: str, body: Any, *hubs: Hub) -> list[tuple[str, Any]]:
    """Return the messages of a stream, comments aside."""
    got: list[bytes] = []
    text = json.dumps(body).encode()
    headers = {"Accept": "text/event-stream"}
    asking = threading.Thread(target=lambda: got.append(server.ask("POST", path, text, headers)[1]))
    asking.start()
    while asking.is_alive():
        for hub in hubs:
            hub.handle()
        asking.join(0.002)
    parts = [part for part in got[0].decode().split("\n\n") if part.startswith("event: ")]
    return [
        (head.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
        for head, data in (part.split("\n") for part in parts)
    ]


def test_a_menu_can_be_had_as_it_comes(server: Server, hub: Hub, other: Hub) -> None:
    offers(hub, "one")
    offers(other, "one", "two")
    messages = streamed(server, DISCOVER, {"selection": []}, hub, other)
    assert [name for name, _ in messages] == ["items", "items", "end"]
    found = [each["label"] for _, data in messages for each in data.get("items", ())]
    assert sorted(found) == ["one", "two"]


def test_replies_to_a_launch_can_be_had_as_they_come(server: Server, hub: Hub) -> None:
    hub.subscribe("topic=ftrack.action.launch", answer={"success": True, "message": "done"})
    messages = streamed(server, LAUNCH, {"item": item("stream"), "selection": []}, hub)
    assert [name for name, _ in messages] == ["reply", "end"]
    assert messages[0][1]["data"] == {"success": True, "message": "done"}
