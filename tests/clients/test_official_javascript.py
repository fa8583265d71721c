"""The official JavaScript client, unchanged, against a real server, and both languages with each other.

It checks the topic of what it gets and nothing else, so expressions are the server's work here.
Source: facts/event-server-facts.md, sections 0 to 2.
"""

from __future__ import annotations

import pytest

from tests.clients.node import Node, ftrack_js, needs_node, node
from tests.clients.official import Hub, ftrack_py
from tests.serving import Server

pytestmark = needs_node


def test_it_hears_what_it_published(js: Node) -> None:
    js.do("subscribe", name="mine", expression="topic=js.itself")
    js.do("publish", topic="js.itself", data={"a": 1})
    heard = js.said("heard", name="mine")
    assert heard["event"]["data"] == {"a": 1}
    assert heard["event"]["id"] == js.said("published")["id"]
    assert heard["event"]["source"]["applicationId"] == "ftrack.api.javascript"


def test_a_wildcard_is_a_prefix(js: Node) -> None:
    js.do("subscribe", name="wild", expression="topic=js.wild.*")
    js.do("publish", topic="js.other.wild.x")
    js.do("publish", topic="js.wild.x")
    assert js.said("heard", name="wild")["event"]["topic"] == "js.wild.x"


def test_python_hears_javascript(js: Node, hub: Hub) -> None:
    heard = hub.subscribe('topic=js.to.python and data.user.name="åsa*"')
    js.do("publish", topic="js.to.python", data={"user": {"name": "bo"}})
    js.do("publish", topic="js.to.python", data={"user": {"name": "åsa"}, "text": "東京 🎬"})
    hub.until(lambda: heard)
    assert [event["data"] for event in heard] == [{"user": {"name": "åsa"}, "text": "東京 🎬"}]


def test_javascript_hears_python(js: Node, hub: Hub) -> None:
    js.do("subscribe", name="them", expression="topic=python.to.js")
    _settle(js)
    sent = hub.publish("python.to.js", {"text": "東京 🎬"})
    heard = js.said("heard", name="them")["event"]
    assert heard["id"] == sent["id"]
    assert heard["data"] == {"text": "東京 🎬"}
    assert set(heard) <= {"topic", "id", "data", "source", "target", "sent", "inReplyToEvent"}


def test_python_answers_javascript(js: Node, hub: Hub) -> None:
    asked = hub.subscribe("topic=js.asks.python", answer=lambda event: {"twice": event["data"]["n"] * 2})
    js.do("ask", topic="js.asks.python", data={"n": 21})
    hub.until(lambda: asked)
    assert js.said("answer")["event"]["data"] == {"twice": 42}


def test_javascript_answers_python(js: Node, hub: Hub) -> None:
    js.do("subscribe", name="answers", expression="topic=python.asks.js", reply="echo")
    _settle(js)
    replies: list[dict[str, object]] = []
    sent = hub.publish("python.asks.js", {"n": 1}, on_reply=replies.append)
    hub.until(lambda: replies)
    assert replies[0]["data"] == {"n": 1}
    assert replies[0]["in_reply_to_event"] == sent["id"]


def test_javascript_answers_javascript(js: Node, server: Server) -> None:
    with ftrack_js(server) as other:
        other.do("subscribe", name="answers", expression="topic=js.asks.js", reply=False)
        _settle(other)
        js.do("ask", topic="js.asks.js")
        assert js.said("answer")["event"]["data"] is False


def test_several_answers_all_come(js: Node, hub: Hub, other: Hub) -> None:
    asked = [one.subscribe("topic=js.asks.all", answer={"from": one.id}) for one in (hub, other)]
    js.do("publish", topic="js.asks.all", replies=True)
    hub.until(lambda: asked[0])
    other.until(lambda: asked[1])
    answers = [js.said("reply")["event"]["data"]["from"] for _ in range(2)]
    assert sorted(answers) == sorted([hub.id, other.id])


def test_nobody_answers_and_it_says_so(js: Node) -> None:
    js.do("ask", topic="js.asks.nobody", timeout=0.2)
    assert js.said("error", of="ask")["name"] == "EventServerReplyTimeoutError"


def test_after_unsubscribing_it_hears_nothing(js: Node) -> None:
    js.do("subscribe", name="leaver", expression="topic=js.leave")
    js.do("subscribe", name="stays", expression="topic=js.leave*")
    js.do("unsubscribe", id=js.said("subscribed", name="leaver")["id"])
    js.said("unsubscribed", done=True)
    js.do("publish", topic="js.leave")
    js.said("heard", name="stays")
    _settle(js)
    assert [said for said in js.unheard("heard") if said["name"] == "leaver"] == []


def test_a_target_chooses_among_clients(js: Node, hub: Hub, server: Server) -> None:
    with ftrack_js(server) as other:
        js.do("subscribe", name="meant", expression="topic=js.target", metadata={"id": "js-meant"})
        other.do("subscribe", name="not meant", expression="topic=js.target", metadata={"id": "js-not-meant"})
        _settle(js)
        _settle(other)
        hub.publish("js.target", target="id=js-meant")
        hub.publish("js.target", target="id=js-not-meant")
        js.said("heard", name="meant")
        other.said("heard", name="not meant")
        _settle(js)
        assert js.unheard("heard") == []


def test_an_event_of_a_megabyte_travels_both_ways(js: Node, hub: Hub) -> None:
    js.do("subscribe", name="big", expression="topic=js.big")
    heard = hub.subscribe("topic=js.big")
    js.do("publish", topic="js.big", data={"text": "x" * 1_000_000})
    assert len(js.said("heard", name="big")["event"]["data"]["text"]) == 1_000_000
    hub.until(lambda: heard)


def test_a_key_that_python_does_not_know_is_kept_from_it(js: Node, hub: Hub) -> None:
    heard = hub.subscribe("topic=js.unknown.key")
    js.do("publish", topic="js.unknown.key", data={"known": 1}, surprise=2)
    hub.until(lambda: heard)
    assert heard[0]["data"] == {"known": 1}


def test_a_nan_from_python_does_not_end_a_listening_javascript(js: Node, hub: Hub) -> None:
    js.do("subscribe", name="nan", expression="topic=js.nan*")
    _settle(js)
    hub.publish("js.nan", {"number": float("nan")})
    hub.publish("js.nan.after", {})
    while js.said("heard", name="nan")["event"]["topic"] != "js.nan.after":
        pass


def test_a_lone_surrogate_hurts_nobody(js: Node, hub: Hub) -> None:
    heard = hub.subscribe("topic=js.surrogate*")
    js.do("publish", topic="js.surrogate", data={"text": "\ud800"})
    js.do("publish", topic="js.surrogate.after")
    hub.until(lambda: heard and heard[-1]["topic"] == "js.surrogate.after")


def test_an_event_without_source_id_still_gets_its_reply_handled(js: Node, server: Server) -> None:
    js.do("subscribe", name="answers", expression="topic=js.no.source", reply={"fine": True})
    _settle(js)
    status, _ = server.post("/v1/events", {"topic": "js.no.source", "data": {}})
    assert status == 201
    js.said("heard", name="answers")
    _settle(js)


def test_a_wrong_key_does_not_connect(server: Server) -> None:
    with node("ftrack.mjs") as js:
        js.do("connect", url=server.url, user=server.user, key="wrong")
        js.do("publish", topic="js.never", timeout=0.5)
        assert js.said("error", of="publish")["name"] == "EventServerConnectionTimeoutError"


def test_two_hubs_of_one_process_share_a_socket_and_both_hear(server: Server) -> None:
    with ftrack_js(server) as js:
        js.do("connect", hub="b", url=server.url, user=server.user, key=server.key)
        js.said("connected", hub="b")
        js.do("subscribe", hub="a", name="a", expression="topic=js.shared")
        js.do("subscribe", hub="b", name="b", expression="topic=js.shared")
        js.do("publish", hub="b", topic="js.shared")
        js.said("heard", name="a")
        js.said("heard", name="b")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["a clean shutdown", "kill -9"])
def test_after_a_restart_it_is_subscribed_again(own_server: Server, how: str) -> None:
    with ftrack_js(own_server) as js:
        js.do("subscribe", name="again", expression="topic=js.restart")
        _settle(js)
        own_server.stop() if how == "a clean shutdown" else own_server.kill()
        js.do("lost")
        js.said("lost")
        own_server.start()
        js.do("reconnected")
        js.said("connected")
        _settle(js)
        with ftrack_py(own_server) as hub:
            hub.publish("js.restart")
            js.said("heard", name="again")


@pytest.mark.slow
def test_an_idle_client_stays_connected_past_its_15_seconds(js: Node) -> None:
    """Only `2::` keeps it; it would drop and come back at 15 s."""
    js.do("lost")
    with pytest.raises(AssertionError, match="waited in vain"):
        js.said("lost", patience=17)
    js.do("subscribe", name="still", expression="topic=js.idle")
    js.do("publish", topic="js.idle")
    js.said("heard", name="still")


def _settle(js: Node) -> None:
    """Wait until the server has taken in and sent all so far: a connection's packets keep their order."""
    js.do("subscribe", name="settle", expression="topic=js.settle.*")
    marker = js.said("subscribed", name="settle")["id"]
    js.do("publish", topic=f"js.settle.{marker}")
    while js.said("heard", name="settle")["event"]["topic"] != f"js.settle.{marker}":
        pass
    js.do("unsubscribe", id=marker)
    js.said("unsubscribed")
