"""The hub as a room sees it: one path from publish to handler, over a log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest

from callboard.errors import BadExpression, Denied
from callboard.event import Event
from callboard.expression import parse
from callboard.hub.hub import Hub
from callboard.hub.hubbus import HubBus
from callboard.hub.principal import PLAIN, Principal
from callboard.logs.memory import MemoryLog

ADMIN = Principal("admin")


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    async with Hub(MemoryLog()) as hub:
        yield hub


async def settled(hub: Hub) -> None:
    """Wait until everything stored so far has been routed."""
    await hub.router.reached(await hub.log.last())


async def test_a_handler_gets_what_its_expression_matches_in_order(hub: Hub) -> None:
    bus = HubBus(hub, ADMIN)
    got: asyncio.Queue[Event] = asyncio.Queue()
    bus.subscribe("topic=print.* and data.n>1", got.put)
    for n in range(4):
        await bus.publish(Event("print.done", {"n": n}))
    assert [(await got.get()).data["n"] for _ in range(2)] == [2, 3]
    await bus.close()


async def test_a_returned_value_is_the_reply_and_a_request_ends_when_all_have_replied(hub: Hub) -> None:
    bus = HubBus(hub, ADMIN)
    bus.subscribe("topic=ask", lambda event: {"twice": event.data["n"] * 2})
    bus.subscribe("topic=ask", lambda event: {"thrice": event.data["n"] * 3})
    async with asyncio.timeout(5):
        replies = [reply.data async for reply in bus.request(Event("ask", {"n": 2}), deadline=60)]
    assert sorted(map(str, replies)) == ["{'thrice': 6}", "{'twice': 4}"]
    await bus.close()


async def test_a_request_that_nobody_hears_ends_at_once(hub: Hub) -> None:
    async with asyncio.timeout(5):
        replies = [reply async for reply in HubBus(hub, ADMIN).request(Event("ask"), deadline=60)]
    assert replies == []


async def test_a_request_does_not_wait_for_a_subscriber_that_left(hub: Hub) -> None:
    bus = HubBus(hub, ADMIN)
    asked = asyncio.Event()
    stays = asyncio.Event()

    async def never(event: Event) -> None:
        asked.set()
        await stays.wait()

    listener = bus.subscribe("topic=ask", never)
    request = asyncio.ensure_future(anext(aiter(bus.request(Event("ask"), deadline=60)), None))
    await asked.wait()
    listener.close()
    stays.set()
    async with asyncio.timeout(5):
        assert await request is None


async def test_a_reply_from_somebody_who_was_not_asked_does_not_count(hub: Hub) -> None:
    bus, stranger = HubBus(hub, ADMIN), HubBus(hub, Principal("stranger"))
    heard: asyncio.Queue[Event] = asyncio.Queue()
    answered = asyncio.Event()

    async def answer(event: Event) -> str:
        heard.put_nowait(event)
        await answered.wait()
        return "right"

    bus.subscribe("topic=ask", answer)
    replies = bus.request(Event("ask"), deadline=60)
    first = asyncio.ensure_future(anext(aiter(replies)))
    event = await heard.get()
    await stranger.publish(
        Event(
            "ftrack.meta.reply",
            "wrong",
            {"id": "nobody"},
            f"id={event.source['id']}",
            in_reply_to_event=event.id,
        )
    )
    answered.set()
    assert (await first).data == "right"
    assert hub.requests.dropped == 1
    await bus.close()


def _note(got: list[str], name: str, event: Event) -> None:
    got.append(name)


async def test_a_target_picks_the_subscriber_by_what_it_says_of_itself(hub: Hub) -> None:
    bus = HubBus(hub, ADMIN)
    got: list[str] = []
    for name, app in [("one", "maya"), ("two", "nuke"), ("three", "nuke")]:
        bus.subscribe(
            "topic=hello",
            partial(_note, got, name),
            subscriber={"id": name, "applicationId": app, "user": {"id": f"u-{name}"}},
        )
    for target in [
        "id=one",
        'applicationId=nuke and user.id="u-two"',
        "applicationId=nuke",
        "id=nobody",
        'id="three"',
    ]:
        await bus.publish(Event("hello", target=target))
    await settled(hub)
    await bus.close()
    assert sorted(got) == ["one", "three", "three", "two", "two"]


async def test_a_target_that_does_not_parse_is_refused(hub: Hub) -> None:
    with pytest.raises(BadExpression):
        await HubBus(hub, ADMIN).publish(Event("hello", target="(((("))


async def test_a_subscriber_id_belongs_to_the_user_who_first_holds_it(hub: Hub) -> None:
    mine, theirs = HubBus(hub, ADMIN), HubBus(hub, Principal("thief"))
    mine.subscribe("topic=a", lambda event: None, subscriber={"id": "render-desk"})
    await asyncio.sleep(0)
    stolen = theirs.subscribe("topic=a", lambda event: None, subscriber={"id": "render-desk"})
    await stolen.ended()
    assert isinstance(stolen.error, Denied)
    await mine.close()


async def test_what_a_key_may_not_receive_does_not_reach_it_live_or_from_the_past(hub: Hub) -> None:
    guest = Principal("guest", receive=parse("topic=public.*"))
    bus, theirs = HubBus(hub, ADMIN), HubBus(hub, guest)
    got: list[str] = []
    theirs.subscribe("", lambda event: got.append(event.topic))
    for topic in ["public.a", "secret.b", "public.c"]:
        await bus.publish(Event(topic))
    await settled(hub)
    await theirs.close()
    entries, _ = await hub.history(guest, "", 0, 100)
    assert got == ["public.a", "public.c"] == [entry.envelope.topic for entry in entries]


async def test_a_key_that_may_receive_little_still_hears_the_reply_it_asked_for(hub: Hub) -> None:
    guest = Principal("guest", receive=parse("topic=public.*"))
    bus, theirs = HubBus(hub, ADMIN), HubBus(hub, guest)
    bus.subscribe("topic=ask", lambda event: "yes")
    async with asyncio.timeout(5):
        assert [reply.data async for reply in theirs.request(Event("ask"), deadline=60)] == ["yes"]
    await bus.close()


async def test_a_handler_that_is_slow_holds_up_nobody_and_misses_nothing(hub: Hub) -> None:
    bus = HubBus(hub, ADMIN)
    quick: list[int] = []
    slow: list[int] = []
    hold, done = asyncio.Event(), asyncio.Event()

    async def creep(event: Event) -> None:
        await hold.wait()
        slow.append(event.data)
        if len(slow) == 5000:
            done.set()

    bus.subscribe("topic=tick", creep)
    bus.subscribe("topic=tick", lambda event: quick.append(event.data))
    for start in range(0, 5000, 100):
        await asyncio.gather(*(bus.publish(Event("tick", n)) for n in range(start, start + 100)))
    await settled(hub)
    assert hub.router.behind >= 1
    hold.set()
    async with asyncio.timeout(20):
        await done.wait()
    assert slow == quick == list(range(5000))
    await bus.close()


async def test_a_durable_handler_goes_on_where_it_stopped(hub: Hub) -> None:
    got: asyncio.Queue[Event] = asyncio.Queue()
    first = HubBus(hub, ADMIN)
    first.subscribe("topic=job", got.put, durable="desk")
    await first.publish(Event("job", 1))
    assert (await got.get()).data == 1
    await first.close()
    for n in (2, 3):
        await first.publish(Event("job", n))
    second = HubBus(hub, ADMIN)
    second.subscribe("topic=job", got.put, durable="desk")
    async with asyncio.timeout(5):
        assert [(await got.get()).data for _ in range(2)] == [2, 3]
    await second.close()


async def test_a_subscription_from_a_position_gets_the_past_and_then_the_present(hub: Hub) -> None:
    bus = HubBus(hub, ADMIN)
    positions = [await bus.publish(Event("n", n)) for n in range(5)]
    got: asyncio.Queue[Event] = asyncio.Queue()
    bus.subscribe("topic=n", got.put, after=positions[1])
    await bus.publish(Event("n", 5))
    async with asyncio.timeout(5):
        events = [await got.get() for _ in range(4)]
    assert [event.data for event in events] == [2, 3, 4, 5]
    assert [event.entry.position for event in events if event.entry][:3] == positions[2:]
    await bus.close()


async def test_pruned_entries_are_an_honest_gap() -> None:
    log = MemoryLog()
    async with Hub(log) as hub:
        bus = HubBus(hub, ADMIN)
        positions = [await bus.publish(Event("n", n)) for n in range(10)]
        await log.prune(hub.log.number(positions[6]))
        got: asyncio.Queue[Event] = asyncio.Queue()
        bus.subscribe("topic=n", got.put, after=positions[1])
        async with asyncio.timeout(5):
            events = [await got.get() for _ in range(5)]
        assert [event.topic for event in events] == ["callboard.meta.gap", "n", "n", "n", "n"]
        assert events[0].data["missed"] == 4
        await bus.close()


async def test_what_clients_make_for_themselves_can_not_be_published(hub: Hub) -> None:
    for topic in ["ftrack.meta.connected", "ftrack.meta.disconnected"]:
        with pytest.raises(Exception, match=topic):
            await HubBus(hub, ADMIN).publish(Event(topic))


async def test_state_is_the_last_value_and_a_watcher_hears_of_changes(hub: Hub) -> None:
    bus = HubBus(hub, ADMIN)
    bus.set("printer.mk4.tool", 200)
    bus.set("printer.xl.tool", 20)
    watch = aiter(bus.watch("printer.mk4."))
    assert await anext(watch) == {"printer.mk4.tool": 200}
    for degrees in range(201, 210):
        bus.set("printer.mk4.tool", degrees)
    assert await anext(watch) == {"printer.mk4.tool": 209}


async def test_a_request_does_not_wait_for_who_only_looks_on(hub: Hub) -> None:
    bus = HubBus(hub, ADMIN)
    bus.subscribe("topic=ask", lambda event: "heard")
    onlooker = {"id": "onlooker", "replies": False}
    async with hub.stream(ADMIN, "topic=ask", onlooker) as stream, asyncio.timeout(5):
        replies = [reply.data async for reply in bus.request(Event("ask"), deadline=60)]
        seen = await stream.take()
    assert replies == ["heard"]
    assert [entry.envelope.topic for entry in seen] == ["ask"]
    await bus.close()


async def test_a_stream_names_a_gap_by_positions_of_its_log() -> None:
    async with Hub(MemoryLog()) as hub:
        bus = HubBus(hub, ADMIN)
        positions = [await bus.publish(Event("a")) for _ in range(5)]
        await settled(hub)
        await hub.log.prune(hub.log.number(positions[2]))
        async with hub.stream(ADMIN, "", {"id": "late"}, after=0) as stream:
            gap = (await stream.take())[0].envelope.event
    assert gap.topic == "callboard.meta.gap"
    assert gap.data == {"after": hub.log.text(0), "before": positions[2], "missed": 2}


async def test_what_is_remembered_of_a_topic_is_forgotten_when_a_subscription_comes_or_goes(hub: Hub) -> None:
    bus = HubBus(hub, ADMIN)
    got: list[tuple[str, object]] = []
    bus.subscribe("topic=a", lambda event: got.append(("plain", event.data)))
    await bus.publish(Event("a", 1))
    await settled(hub)
    picky = bus.subscribe("topic=a and source.host=desk", lambda event: got.append(("picky", event.data)))
    await bus.publish(Event("a", 2, {"id": "x", "host": "desk"}))
    await bus.publish(Event("a", 3, {"id": "x", "host": "farm"}))
    await settled(hub)
    picky.close()
    await picky.ended()
    await bus.publish(Event("a", 4, {"id": "x", "host": "desk"}))
    await settled(hub)
    await bus.close()
    assert sorted(got) == [("picky", 2), ("plain", 1), ("plain", 2), ("plain", 3), ("plain", 4)]


async def test_only_a_reply_may_be_targeted_at_an_id_that_no_expression_can_write(hub: Hub) -> None:
    bus = HubBus(hub, ADMIN)
    for target in ["id==", 'id="a', "id={7}"]:
        with pytest.raises(BadExpression):
            await bus.publish(Event("hello", target=target))
    await bus.publish(Event("ftrack.meta.reply", target="id={7}", in_reply_to_event="x"))


@pytest.mark.parametrize("forged", [False, True])
async def test_a_plain_key_that_hears_a_request_to_our_rooms_can_not_answer_for_them(
    hub: Hub, forged: bool
) -> None:
    rooms, eve = HubBus(hub, ADMIN), HubBus(hub, Principal("eve", parse(PLAIN)))
    refused = asyncio.Event()

    async def pause(_: Event) -> str:
        await refused.wait()
        return "it stands"

    room = rooms.subscribe("topic=callboard.printer.pause", pause, subscriber={"id": "room"})

    async def claim(event: Event) -> None:
        source = {"id": room.subscriber["id"]} if forged else {}
        told = Event("ftrack.meta.reply", "done!", source, in_reply_to_event=event.id)
        with pytest.raises(Denied, match="may not answer"):
            await eve.publish(told)
        refused.set()

    eve.subscribe("topic=callboard.*", claim)
    async with asyncio.timeout(10):
        asking = rooms.request(Event("callboard.printer.pause", {"printer": "mk3"}), deadline=60)
        assert (await anext(asking)).data == "it stands"
        await asking.aclose()
    await rooms.close()
    await eve.close()


async def test_a_key_that_may_publish_such_requests_may_answer_them(hub: Hub) -> None:
    bus, worker = HubBus(hub, ADMIN), HubBus(hub, Principal("worker", parse("topic=callboard.jobs.*")))
    worker.subscribe("topic=callboard.jobs.ask", lambda _: "mine")
    async with asyncio.timeout(5):
        replies = [reply.data async for reply in bus.request(Event("callboard.jobs.ask"), deadline=60)]
    assert replies == ["mine"]
    await worker.close()


async def test_a_handler_that_fails_hears_the_next_event(hub: Hub) -> None:
    bus = HubBus(hub, ADMIN)
    got: asyncio.Queue[int] = asyncio.Queue()

    def handle(event: Event) -> None:
        if event.data["n"] == 1:
            raise RuntimeError("a mistake")
        got.put_nowait(event.data["n"])

    bus.subscribe("topic=print.done", handle)
    for n in (1, 2):
        await bus.publish(Event("print.done", {"n": n}))
    async with asyncio.timeout(5):
        assert await got.get() == 2
    await bus.close()
