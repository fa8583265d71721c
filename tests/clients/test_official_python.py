"""The official Python client, unchanged, against a real server.

Source: seeds/studio-events.txt; facts/event-server-facts.md, sections 0 to 2.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from ftrack_api.event.base import Event
from ftrack_api.exception import EventHubConnectionError

from tests.clients.official import Hub, ftrack_py
from tests.serving import Server, serving

# Subscribing by expression


def test_a_subscriber_hears_what_another_client_published(hub: Hub, other: Hub) -> None:
    heard = hub.subscribe("topic=py.first")
    sent = other.publish("py.first", {"a": [1, 2.5, True, None, {"b": "c"}]})
    hub.until(lambda: heard)
    assert heard[0]["id"] == sent["id"]
    assert heard[0]["data"] == {"a": [1, 2.5, True, None, {"b": "c"}]}
    assert heard[0]["source"]["id"] == other.id
    assert heard[0]["source"]["user"] == {"username": "admin"}


def test_a_publisher_hears_itself(hub: Hub) -> None:
    heard = hub.subscribe("topic=py.itself")
    hub.publish("py.itself")
    hub.until(lambda: heard)


@pytest.mark.parametrize(
    ("expression", "data", "matches"),
    [
        ("topic=py.expression", {}, True),
        ("topic=py.expression and data.locationId=london", {"locationId": "london"}, True),
        ("topic=py.expression and data.locationId=london", {"locationId": "paris"}, False),
        ("topic=py.expression and data.locationId=london", {}, False),
        ("topic=py.expression and data.a.b.c=deep", {"a": {"b": {"c": "deep"}}}, True),
        ("topic=py.expr*", {}, True),
        ("topic=*", {}, True),
        ("topic=py.expression and source.user.username=admin", {}, True),
        ('topic=py.expression and source.user.username="somebody else"', {}, False),
        ("topic=py.expression and not data.a=1", {"a": "2"}, True),
        ("topic=py.expression and (data.a=1 or data.a=2)", {"a": "2"}, True),
        ("topic=py.expression and data.a!=x", {"a": "y"}, True),
        ('topic=py.expression and data.a="åäö 測試"', {"a": "åäö 測試"}, True),
        ("topic=py.other", {}, False),
    ],
)
def test_an_expression_decides(hub: Hub, other: Hub, expression: str, data: Any, matches: bool) -> None:
    heard = hub.subscribe(expression)
    sent = other.publish("py.expression", data)
    other.settle()
    hub.drain()
    assert [event["id"] for event in heard if event["topic"] == "py.expression"] == (
        [sent["id"]] if matches else []
    )


def test_a_filter_on_the_source_tells_users_apart(hub: Hub, other: Hub) -> None:
    heard = hub.subscribe("topic=py.source and source.user.username=jane.doe@example.com")
    other.publish("py.source", source={"user": {"username": "john"}})
    theirs = other.publish("py.source", source={"user": {"username": "jane.doe@example.com"}})
    other.settle()
    hub.drain()
    assert [event["id"] for event in heard] == [theirs["id"]]
    assert heard[0]["source"]["user"] == {"username": "jane.doe@example.com"}


def test_several_subscriptions_of_one_client_each_hear_an_event_once(hub: Hub, other: Hub) -> None:
    lists = [hub.subscribe(expression) for expression in ("topic=py.once", "topic=py.*", "topic=py.once")]
    other.publish("py.once")
    other.settle()
    hub.drain()
    assert [len([event for event in heard if event["topic"] == "py.once"]) for heard in lists] == [1, 1, 1]


def test_events_of_one_publisher_come_in_order(hub: Hub, other: Hub) -> None:
    heard = hub.subscribe("topic=py.order")
    for number in range(500):
        other.publish("py.order", {"number": number})
    hub.until(lambda: len(heard) == 500)
    assert [event["data"]["number"] for event in heard] == list(range(500))


def test_priorities_and_stop_stay_with_the_client(hub: Hub, other: Hub) -> None:
    late = hub.subscribe("topic=py.priority", priority=200)
    early = hub.subscribe("topic=py.priority", answer=lambda event: event.stop(), priority=1)
    other.publish("py.priority")
    hub.until(lambda: early)
    assert late == []


def test_after_unsubscribing_nothing_is_heard(hub: Hub, other: Hub) -> None:
    heard = hub.subscribe("topic=py.unsubscribe", subscriber={"id": "py-leaver"})
    kept = hub.subscribe("topic=py.unsubscribe")
    hub.hub.unsubscribe("py-leaver")
    hub.settle()
    other.publish("py.unsubscribe")
    hub.until(lambda: kept)
    assert heard == []


def test_the_server_sends_nothing_to_who_unsubscribed(
    hub: Hub, other: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    hub.subscribe("topic=py.silence", subscriber={"id": "py-silent"})
    hub.hub.unsubscribe("py-silent")
    hub.settle()
    with caplog.at_level(logging.DEBUG, "ftrack_api"):
        other.publish("py.silence")
        other.settle()
        hub.drain()
    received = [
        record.getMessage() for record in caplog.records if "Received packet: 5" in record.getMessage()
    ]
    assert not [packet for packet in received if "py.silence" in packet]


def test_a_subscription_in_a_with_block_ends_with_it(hub: Hub, other: Hub) -> None:
    heard: list[Any] = []
    with hub.hub.subscription("topic=py.with", heard.append):
        hub.settle()
        other.publish("py.with")
        hub.until(lambda: heard)
    hub.settle()
    other.publish("py.with")
    other.settle()
    hub.drain()
    assert len(heard) == 1


def test_the_same_subscription_twice_is_accepted(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    heard = hub.subscribe("topic=py.twice", subscriber={"id": "py-twice"})
    hub.hub._notify_server_about_subscriber(hub.hub.get_subscriber_by_identifier("py-twice"))
    hub.settle()
    hub.publish("py.twice")
    hub.drain()
    assert len(heard) == 1
    assert not caplog.records


def test_an_expression_that_does_not_parse_is_a_warning_and_the_connection_stays(
    hub: Hub, other: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    subscriber = hub.hub._add_subscriber("topic=py.bad", print, {"id": "py-bad"})
    subscriber.subscription = _Text("topic=py.bad and")
    hub.hub._notify_server_about_subscriber(subscriber)
    hub.settle()
    hub.hub._subscribers.remove(subscriber)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "py-bad" in warnings[0]
    assert "^" in warnings[0]
    heard = hub.subscribe("topic=py.after")
    other.publish("py.after")
    hub.until(lambda: heard)


class _Text(str):
    """A subscription that the client has not parsed: what a client with another parser might send."""

    __slots__ = ()

    def includes(self, event: Any) -> bool:
        return False


# Targets


def test_an_event_with_a_target_reaches_only_that_subscriber(hub: Hub, other: Hub) -> None:
    meant = hub.subscribe("topic=py.target", subscriber={"id": "py-meant"})
    not_meant = hub.subscribe("topic=py.target", subscriber={"id": "py-not-meant"})
    elsewhere = other.subscribe("topic=py.target")
    other.publish("py.target", target="id=py-meant")
    other.settle()
    hub.drain()
    other.drain()
    assert [len(meant), len(not_meant), len(elsewhere)] == [1, 0, 0]


def test_a_target_matches_subscriber_information(hub: Hub, other: Hub) -> None:
    web = {"applicationId": "ftrack.client.web", "user": {"id": "u 1"}}
    meant = hub.subscribe("topic=py.web", subscriber=web)
    other.publish("py.web", target='applicationId=ftrack.client.web and user.id="u 1"')
    nobody = other.publish("py.web", target='applicationId=ftrack.client.web and user.id="u 2"')
    other.settle()
    hub.drain()
    assert len(meant) == 1
    assert meant[0]["id"] != nobody["id"]


def test_a_target_that_does_not_parse_is_an_error_for_its_publisher_alone(
    hub: Hub, other: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    heard = hub.subscribe("topic=py.target.*")
    other.publish("py.target.bad", target="id=")
    other.settle()
    assert "Server responded with error while publishing" in caplog.text
    caplog.clear()
    other.publish("py.target.good")
    hub.until(lambda: heard)
    assert [event["topic"] for event in heard] == ["py.target.good"]


def test_a_target_that_nobody_matches_is_no_error(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    hub.publish("py.nobody", target="id=nobody-at-all")
    hub.settle()
    assert not caplog.records


# Replies


def test_a_returned_value_is_a_reply(hub: Hub, other: Hub) -> None:
    replies: list[Any] = []
    hub.subscribe("topic=py.request", answer=lambda event: {"path": f"/{event['data']['name']}"})
    sent = other.publish("py.request", {"name": "plate"}, on_reply=replies.append)
    _both_until(hub, other, lambda: replies)
    assert replies[0]["topic"] == "ftrack.meta.reply"
    assert replies[0]["data"] == {"path": "/plate"}
    assert replies[0]["in_reply_to_event"] == sent["id"]


def test_everyone_who_answers_is_heard(hub: Hub, other: Hub) -> None:
    replies: list[Any] = []
    hub.subscribe("topic=py.all", answer={"from": "one"})
    hub.subscribe("topic=py.all", answer={"from": "two"})
    other.subscribe("topic=py.all", answer={"from": "three"})
    other.publish("py.all", on_reply=replies.append)
    _both_until(hub, other, lambda: len(replies) == 3)
    assert sorted(reply["data"]["from"] for reply in replies) == ["one", "three", "two"]


def test_a_client_that_asks_itself_gets_the_answer(hub: Hub) -> None:
    replies: list[Any] = []
    hub.subscribe("topic=py.self.request", answer={"n": 1})
    hub.publish("py.self.request", on_reply=replies.append)
    hub.until(lambda: replies)


def test_a_reply_reaches_nobody_but_who_asked(hub: Hub, other: Hub, server: Server) -> None:
    replies: list[Any] = []
    strangers: list[Any] = []
    with ftrack_py(server) as stranger:
        stranger.hub.subscribe("topic=ftrack.meta.reply and data.secret=x", strangers.append)
        stranger.settle()
        hub.subscribe("topic=py.secret", answer={"secret": "x"})
        other.publish("py.secret", on_reply=replies.append)
        _both_until(hub, other, lambda: replies)
        stranger.drain()
    assert strangers == []


def _both_until(one: Hub, other: Hub, condition: Any) -> None:
    def served() -> Any:
        other.handle()
        return condition()

    one.until(served, "replies")


# Local only


def test_a_synchronous_publish_stays_on_the_client(hub: Hub, other: Hub) -> None:
    hub.subscribe("topic=py.synchronous", answer=1)
    hub.subscribe("topic=py.synchronous", answer=2)
    heard = other.subscribe("topic=py.synchronous")
    results = hub.hub.publish(Event("py.synchronous"), synchronous=True)
    hub.publish("py.after.synchronous")
    hub.settle()
    other.drain()
    assert sorted(results) == [1, 2]
    assert heard == []


# What travels


def test_text_of_all_languages_travels(hub: Hub, other: Hub) -> None:
    text = "Zürich, 東京, עברית, 🎬, \u2028, \\, \", '"
    heard = hub.subscribe("topic=py.text")
    other.publish("py.text", {text: [text]})
    hub.until(lambda: heard)
    assert heard[0]["data"] == {text: [text]}


def test_an_event_of_a_megabyte_travels(hub: Hub, other: Hub) -> None:
    heard = hub.subscribe("topic=py.big")
    other.publish("py.big", {"text": "x" * 1_000_000})
    hub.until(lambda: heard)
    assert heard[0]["data"] == {"text": "x" * 1_000_000}


def test_an_event_over_the_limit_is_refused_and_the_connection_stays(
    hub: Hub, other: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    heard = hub.subscribe("topic=py.limit")
    other.publish("py.limit", {"text": "x" * 9_000_000})
    other.settle()
    assert "8388608" in caplog.text
    caplog.clear()
    other.publish("py.limit", {"text": "small"})
    hub.until(lambda: heard)
    assert [event["data"]["text"] for event in heard] == ["small"]


def test_a_value_that_json_does_not_know_is_never_forwarded_as_it_is(
    hub: Hub, other: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    heard = hub.subscribe("topic=py.nan*")
    other.publish("py.nan", {"number": float("nan")})
    other.settle()
    other.publish("py.nan.after")
    hub.until(lambda: heard and heard[-1]["topic"] == "py.nan.after")
    assert all(event["data"].get("number") is None for event in heard)
    assert len(heard) == 2 or "Server responded with error while publishing" in caplog.text


def test_an_event_without_a_topic_is_an_error_for_its_publisher(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    hub.hub._emit_event_packet(
        "ftrack.event", {"data": {}}, callback=lambda answer: hub.hub._on_published({}, answer)
    )
    hub.settle()
    assert "Server responded with error while publishing" in caplog.text
    assert "topic" in caplog.text


@pytest.mark.parametrize(
    "event",
    json.loads((Path(__file__).parent / "seed_events.json").read_text()),
    ids=lambda event: str(event["topic"]),
)
def test_every_event_of_the_seed_travels_unchanged(hub: Hub, other: Hub, event: dict[str, Any]) -> None:
    heard = hub.subscribe(f'topic="{event["topic"]}" and source.id={other.id}')
    other.publish(event["topic"], event["data"])
    hub.until(lambda: heard)
    spelled = (
        {"component_id", "location_id"} if event["topic"].startswith("ftrack.location.component") else set()
    )
    assert heard[0]["data"].keys() - event["data"].keys() == spelled  # as clients in use write them
    assert heard[0]["data"].items() >= event["data"].items()


# Coming, going, coming back


def test_a_wrong_key_is_refused(server: Server) -> None:
    with pytest.raises(EventHubConnectionError) as caught:
        Hub(server, key="wrong").connect()
    assert "401" in str(caught.value)


def test_what_is_published_while_the_server_is_away_arrives_when_it_is_back(own_server: Server) -> None:
    with ftrack_py(own_server) as hub:
        heard = hub.subscribe("topic=py.away")
        own_server.stop()
        hub.until(lambda: not hub.hub.connected, "a lost connection")
        sent = hub.publish("py.away")
        own_server.start()
        hub.until(lambda: heard, "the event")
        assert [event["id"] for event in heard] == [sent["id"]]


@pytest.mark.parametrize("how", ["a clean shutdown", "kill -9"])
def test_after_a_restart_the_client_is_subscribed_again(own_server: Server, how: str) -> None:
    with ftrack_py(own_server) as hub:
        heard = hub.subscribe("topic=py.restart")
        first = hub.hub._connection
        own_server.stop() if how == "a clean shutdown" else own_server.kill()
        own_server.start()
        hub.until(lambda: hub.hub.connected and hub.hub._connection is not first, "a new connection")
        hub.settle()
        with ftrack_py(own_server) as other:
            other.publish("py.restart")
            hub.until(lambda: heard)


def test_a_clean_shutdown_is_told_to_clients_before_their_sockets_close(own_server: Server) -> None:
    with ftrack_py(own_server) as hub:
        assert own_server.stop() == 0
        own_server.start()
        hub.until(lambda: hub.hub.connected and not hub.hub._packet_callbacks, "a client that came back")


def test_leaving_politely_unsubscribes_and_is_quick(server: Server) -> None:
    hub = Hub(server).connect()
    hub.subscribe("topic=py.leaving")
    hub.hub.disconnect()
    assert not hub.hub.connected


@pytest.mark.slow
def test_an_idle_client_gets_heartbeats(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "ftrack_api"):
        hub.until(lambda: any("Received packet: 2" in record.getMessage() for record in caplog.records))
    assert hub.hub.connected


# What is kept


def test_everything_published_is_in_the_history(hub: Hub, server: Server) -> None:
    sent = hub.publish("py.history", {"a": 1})
    hub.settle()
    status, body = server.get("/v1/events?expression=topic%3Dpy.history")
    assert status == 200
    entry = json.loads(body)["events"][-1]
    assert entry["publisher"] == "admin"
    assert entry["event"]["id"] == sent["id"]


@pytest.mark.parametrize("durable", [True, "handled"])
def test_a_durable_subscriber_misses_nothing_while_it_is_away(tmp_path: Path, durable: Any) -> None:
    subscriber = {"id": "py-night", "durable": durable}
    with serving(tmp_path / "data") as server, ftrack_py(server) as other:
        with ftrack_py(server) as hub:
            heard = hub.subscribe("topic=py.night", answer="done", subscriber=dict(subscriber))
            other.publish("py.night", {"number": 0})
            hub.until(lambda: heard)
            hub.drain()
        for number in range(1, 200):
            other.publish("py.night", {"number": number})
        other.settle()
        with ftrack_py(server) as hub:
            heard = hub.subscribe("topic=py.night", answer="done", subscriber=dict(subscriber))
            hub.until(lambda: heard and heard[-1]["data"]["number"] == 199)
    numbers = [event["data"]["number"] for event in heard]
    assert numbers[-199:] == list(range(1, 200))
    assert len(numbers) <= 200
