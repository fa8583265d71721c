"""The client against a real server: publishing, subscribing, replies, priorities, synchronous events."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from callboard import Event, connect
from callboard.bus import Bus
from callboard.client.client import Client
from callboard.client.outbox import Refused
from callboard.errors import BadExpression, BadPosition, CallboardError, Gone, Unauthenticated
from callboard.event import new_id
from tests.client.conftest import to, until
from tests.serving import Server


@pytest.fixture
def topic() -> str:
    """A topic of one's own: the server is shared."""
    return f"test.{new_id()}"


async def test_an_event_reaches_a_handler(board: Client, topic: str) -> None:
    heard: list[Event] = []
    board.subscribe(f"topic={topic}", heard.append)
    position = await board.publish(topic, {"frame": 12})
    await until(lambda: heard)
    (event,) = heard
    assert (event.topic, event.data) == (topic, {"frame": 12})
    assert event.entry is not None
    assert (event.entry.position, event.entry.publisher) == (position, "admin")


async def test_a_source_says_who_it_is(board: Client, topic: str) -> None:
    heard: list[Event] = []
    board.subscribe(f"topic={topic}", heard.append)
    await board.publish(topic, source={"user": {"username": "jane"}})
    await until(lambda: heard)
    source = heard[0].source
    assert source["id"] == board.id
    assert source["applicationId"] == "callboard.client.python"
    assert source["user"] == {"username": "jane"}  # services publish on behalf of artists
    assert source["host"]


async def test_subscribe_is_a_decorator_and_what_is_returned_is_the_reply(board: Client, topic: str) -> None:
    @board.subscribe(f"topic={topic}")
    async def answer(event: Event) -> dict[str, Any]:
        return {"doubled": event.data["number"] * 2}

    replies = [reply async for reply in board.request(topic, {"number": 21})]
    assert [reply.data for reply in replies] == [{"doubled": 42}]
    assert replies[0].topic == "ftrack.meta.reply"
    assert (await answer(Event("x", {"number": 1}))) == {"doubled": 2}  # still the function itself


async def test_a_request_ends_at_once_when_nobody_was_asked(board: Client, topic: str) -> None:
    assert [reply async for reply in board.request(topic, deadline=100)] == []


async def test_a_request_ends_when_all_have_replied(board: Client, server: Server, topic: str) -> None:
    async with to(server) as other:
        board.subscribe(f"topic={topic}", lambda _: "one")
        await other.subscribe(f"topic={topic}", lambda _: "two").ready()
        replies = [reply.data async for reply in board.request(topic, deadline=100)]
    assert sorted(replies) == ["one", "two"]


async def test_a_request_ends_after_as_many_replies_as_are_enough(board: Client, topic: str) -> None:
    release = asyncio.Event()

    async def late(_: Event) -> None:
        await release.wait()

    board.subscribe(f"topic={topic}", late)
    board.subscribe(f"topic={topic}", lambda _: "soon")
    replies = [reply.data async for reply in board.request(topic, deadline=100, limit=1)]
    assert replies == ["soon"]
    release.set()


async def test_a_false_reply_is_a_reply(board: Client, topic: str) -> None:
    board.subscribe(f"topic={topic}", lambda _: False)
    assert [reply.data async for reply in board.request(topic)] == [False]


async def test_a_target_chooses_the_subscriber(board: Client, topic: str) -> None:
    heard: list[str] = []
    board.subscribe(f"topic={topic}", lambda _: heard.append("a"), subscriber={"id": f"a{topic}"})
    board.subscribe(f"topic={topic}", lambda _: heard.append("b"), subscriber={"id": f"b{topic}"})
    board.subscribe(f"topic={topic}", lambda _: heard.append("all"), priority=200)
    await board.publish(topic, target=f"id=b{topic}")
    await board.publish(topic)
    await until(lambda: "all" in heard)
    assert heard == ["b", "a", "b", "all"]


async def test_subscribers_say_who_they_are(server: Server, topic: str) -> None:
    heard: list[Event] = []
    async with to(server, subscriber={"department": "lighting"}) as board:
        board.subscribe(f"topic={topic}", heard.append)
        await board.publish(topic, target="department=lighting and user.username=admin")
        await board.publish(topic, target='applicationId="callboard.client.python" and department=lighting')
        await until(lambda: len(heard) == 2)


async def test_lower_priorities_are_called_first_and_can_stop_an_event(board: Client, topic: str) -> None:
    called: list[str] = []

    async def first(event: Event) -> None:
        await asyncio.sleep(0)
        called.append("first")
        if event.data.get("stop"):
            event.stop()

    board.subscribe(f"topic={topic}", lambda _: called.append("last"), priority=200)
    board.subscribe(f"topic={topic}", first, priority=1)
    await board.publish(topic, {"stop": True})
    await board.publish(topic)
    await until(lambda: "last" in called)
    assert called == ["first", "first", "last"]


async def test_handlers_of_one_subscription_run_one_after_the_other(board: Client, topic: str) -> None:
    running: list[int] = []
    order: list[int] = []

    async def handle(event: Event) -> None:
        running.append(1)
        assert len(running) == 1
        await asyncio.sleep(0.001)
        running.pop()
        order.append(event.data)

    board.subscribe(f"topic={topic}", handle)
    for number in range(20):
        board.publish(topic, number)
    await until(lambda: len(order) == 20)
    assert order == list(range(20))


async def test_a_slow_handler_makes_nobody_else_late(board: Client, topic: str) -> None:
    heard: list[Event] = []
    release = asyncio.Event()

    async def slow(_: Event) -> None:
        await release.wait()

    board.subscribe(f"topic={topic}", slow)
    board.subscribe(f"topic={topic}", heard.append)
    for _ in range(3):
        await board.publish(topic)
    await until(lambda: len(heard) == 3)
    release.set()


async def test_a_handler_that_fails_is_called_again_for_the_next_event(
    board: Client, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[int] = []

    def handle(event: Event) -> None:
        heard.append(event.data)
        raise ValueError("not today")

    board.subscribe(f"topic={topic}", handle)
    board.publish(topic, 1)
    board.publish(topic, 2)
    await until(lambda: heard == [1, 2])
    assert "not today" in caplog.text


async def test_a_synchronous_event_calls_the_handlers_here_and_nothing_else(
    board: Client, server: Server, topic: str
) -> None:
    elsewhere: list[Event] = []

    async def second(_: Event) -> str:
        return "second"

    async with to(server) as other:
        await other.subscribe(f"topic={topic}", elsewhere.append).ready()
        board.subscribe(f"topic={topic}", second, priority=20)
        board.subscribe(f"topic={topic}", lambda _: None, priority=30)
        board.subscribe(f"topic={topic}", lambda event: event.data, priority=10)
        assert await board.publish(topic, "first", synchronous=True) == ["first", "second", None]
        await board.publish(topic, "real")
        await until(lambda: elsewhere)
    assert [event.data for event in elsewhere] == ["real"]


async def test_a_synchronous_event_can_be_stopped_and_what_a_handler_raises_comes_out(
    board: Client, topic: str
) -> None:
    def fail(_: Event) -> None:
        raise ValueError("here")

    board.subscribe(f"topic={topic}", lambda event: event.stop(), priority=1)
    subscription = board.subscribe(f"topic={topic}", fail)
    assert await board.publish(topic, synchronous=True) == [None]
    assert subscription.priority == 100
    board.subscribe(f"topic={topic}.x", fail)
    with pytest.raises(ValueError, match="here"):
        await board.publish(f"{topic}.x", synchronous=True)


async def test_a_closed_subscription_hears_nothing(board: Client, topic: str) -> None:
    heard: list[str] = []
    subscription = board.subscribe(f"topic={topic}", lambda _: heard.append("closed"))
    board.subscribe(f"topic={topic}", lambda _: heard.append("open"))
    await board.publish(topic)
    await until(lambda: len(heard) == 2)
    subscription.close()
    await board.publish(topic)
    await until(lambda: len(heard) == 3)
    assert heard[2] == "open"
    assert [reply async for reply in board.request(f"{topic}.none", deadline=100)] == []


async def test_what_a_handler_publishes_is_led_back_to_its_event(board: Client, topic: str) -> None:
    heard: list[Event] = []

    async def handle(_: Event) -> None:
        await board.publish(f"{topic}.next")

    board.subscribe(f"topic={topic}", handle)
    board.subscribe(f"topic={topic}.next", heard.append)
    cause = Event(topic)
    await board.publish(cause)
    await until(lambda: heard)
    assert heard[0].source["trace"] == {"correlation": cause.id, "cause": cause.id, "hops": 1}


async def test_expressions_are_judged_at_once(board: Client) -> None:
    with pytest.raises(BadExpression):
        board.subscribe("topic=", print)
    with pytest.raises(BadPosition):
        board.subscribe("topic=x", print, after="yesterday")


async def test_a_target_that_does_not_parse_is_refused(board: Client, topic: str) -> None:
    with pytest.raises(Refused, match="should start here"):
        await board.publish(topic, target="a=b and")


async def test_what_is_no_json_is_refused_here(board: Client, topic: str) -> None:
    with pytest.raises(CallboardError, match="JSON"):
        await board.publish(topic, object())


async def test_past_events_come_first_and_live_ones_after_them(board: Client, topic: str) -> None:
    before = await board.publish(f"{topic}.before")
    for number in range(500):
        board.publish(topic, number)
    await board.publish(topic, 500)
    heard: list[int] = []
    board.subscribe(f"topic={topic}", lambda event: heard.append(event.data), after=before)
    for number in range(501, 600):
        board.publish(topic, number)
    await until(lambda: len(heard) >= 600)
    assert heard == list(range(600))


async def test_a_subscription_that_falls_behind_reads_on_from_the_log(board: Client, topic: str) -> None:
    release = asyncio.Event()
    heard: list[int] = []

    async def slow(event: Event) -> None:
        await release.wait()
        heard.append(event.data)

    listener = board.subscribe(f"topic={topic}", slow)
    await asyncio.gather(*(board.publish(topic, number) for number in range(2500)))
    await until(lambda: listener.behind)
    release.set()
    await until(lambda: not listener.behind and len(heard) >= 2500)
    await board.publish(topic, 2500)
    await until(lambda: len(heard) > 2500)
    assert heard == list(range(2501))


async def test_a_plain_subscription_never_hears_the_past(server: Server, board: Client, topic: str) -> None:
    live: list[int] = []
    durable: list[int] = []
    async with to(server) as other:
        await other.subscribe(f"topic={topic}", print, durable=f"d{topic}").ready()
    await board.publish(topic, 1)
    async with to(server) as other:  # on this connection the past comes, for the other subscription
        other.subscribe(f"topic={topic}", lambda event: live.append(event.data))
        other.subscribe(f"topic={topic}", lambda event: durable.append(event.data), durable=f"d{topic}")
        await until(lambda: durable == [1])
        await board.publish(topic, 2)
        await until(lambda: durable == [1, 2] and live)
    assert live == [2]


async def test_a_durable_subscription_goes_on_where_its_handler_had_returned(
    server: Server, board: Client, topic: str
) -> None:
    heard: list[int] = []
    hang = asyncio.Event()

    async def handle(event: Event) -> None:
        if event.data == 2:
            await hang.wait()
        heard.append(event.data)

    name = f"d{topic}"
    async with to(server) as first:
        await first.subscribe(f"topic={topic}", handle, durable=name).ready()
        await board.publish(topic, 1)
        await until(lambda: heard == [1])
        for number in (2, 3):
            await board.publish(topic, number)
        await asyncio.sleep(0.05)
        for listener in list(first._listeners):
            listener._task.cancel()  # as if the process died in the middle of handling 2
    async with to(server) as second:
        hang.set()
        second.subscribe(f"topic={topic}", handle, durable=name)
        await until(lambda: len(heard) >= 3)
        await board.publish(topic, 4)
        await until(lambda: len(heard) >= 4)
    assert heard == [1, 2, 3, 4]


async def test_a_durable_name_is_used_once(board: Client, topic: str) -> None:
    board.subscribe(f"topic={topic}", print, durable=f"n{topic}")
    with pytest.raises(CallboardError, match="already"):
        board.subscribe(f"topic={topic}", print, durable=f"n{topic}")


async def test_a_wrong_key_is_told_at_once(server: Server) -> None:
    with pytest.raises(Unauthenticated):
        async with connect(server.url, "admin", "wrong"):
            pass


async def test_no_hub_is_told_at_once() -> None:
    with pytest.raises(Gone, match="callboard serve"):
        async with connect("http://127.0.0.1:9", "admin", "x"):
            pass


async def test_what_is_published_just_before_leaving_arrives(
    server: Server, board: Client, topic: str
) -> None:
    heard: list[int] = []
    board.subscribe(f"topic={topic}", lambda event: heard.append(event.data))
    async with to(server) as other:
        for number in range(100):
            other.publish(topic, number)
    await until(lambda: len(heard) == 100)
    with pytest.raises(Gone):
        await other.publish(topic)


async def test_an_address_with_a_slash_at_its_end_is_fine(server: Server, topic: str) -> None:
    async with connect(f"{server.url}/", server.user, server.key) as board:
        assert await board.publish(topic)


async def test_state_is_set_and_watched(board: Client, server: Server, topic: str) -> None:
    seen: dict[str, Any] = {}

    async def watch() -> None:
        async for values in board.watch(f"{topic}."):
            seen.update(values)

    async with to(server) as other:
        watching = asyncio.create_task(watch())
        for number in range(100):
            other.set(f"{topic}.temperature", number)
        other.set(f"{topic}.name with / and ä", None)
        await until(lambda: seen.get(f"{topic}.temperature") == 99)
        other.set(f"{topic}.temperature", None)
        await until(lambda: seen.get(f"{topic}.temperature", 0) is None)
        watching.cancel()


def _is_a_bus(client: Client) -> Bus:
    return client  # the type checker says so
