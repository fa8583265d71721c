"""Who was asked, who has answered: with several nodes what they say comes on two ways, in any order."""

from __future__ import annotations

from itertools import permutations

import pytest

from callboard.event import Event, Stamp, seal
from callboard.hub.hub import Hub
from callboard.hub.hubbus import HubBus
from callboard.hub.principal import Principal
from callboard.hub.replies import MAX_BYTES, MAX_REPLIES, Reply, Requests
from callboard.logs.memory import MemoryLog


def reply(subscriber: str, data: str = "", publisher: str = "ann", event: str = "q") -> Reply:
    source = {"id": subscriber}
    said = Event("ftrack.meta.reply", data or subscriber, source, in_reply_to_event=event)
    return Reply(seal(said), Stamp("1", 0.0, publisher))


async def answers(requests: Requests) -> list[str]:
    request = requests._open["q"]
    return [each.data async for each in request.replies(5)]


@pytest.mark.parametrize("order", list(permutations(["asked a", "asked b", "a", "b"])), ids="; ".join)
async def test_a_reply_may_come_before_its_node_has_told_whom_it_asked(order: tuple[str, ...]) -> None:
    requests = Requests()
    requests.open("q", 2)
    for word in order:
        if word.startswith("asked"):
            requests.ask("q", [word[-1]])
        else:
            requests.reply(reply(word))
    assert sorted(await answers(requests)) == ["a", "b"]
    assert requests.dropped == 0


async def test_who_was_not_asked_is_not_heard_however_early() -> None:
    requests = Requests()
    requests.open("q", 2)
    requests.reply(reply("intruder"))
    requests.ask("q", ["a"])
    requests.ask("q", [])
    requests.reply(reply("intruder"))
    requests.reply(reply("a"))
    assert await answers(requests) == ["a"]
    assert requests.dropped == 1


async def test_a_second_reply_of_one_subscriber_is_dropped() -> None:
    requests = Requests()
    requests.open("q")
    requests.ask("q", ["a", "b"])
    for each in "aab":
        requests.reply(reply(each))
    assert await answers(requests) == ["a", "b"]
    assert requests.dropped == 1


async def test_a_reply_to_what_waits_no_more_is_counted_and_one_to_others_is_none_of_ours() -> None:
    requests = Requests()
    requests.close(requests.open("q"))
    requests.note_late("q")
    requests.note_late("somebody else's")
    requests.note_late(None)
    assert requests.dropped == 1


async def test_a_reply_in_anothers_name_is_dropped() -> None:
    requests = Requests()
    requests.open("q")
    requests.ask("q", ["a"], {"a": "ann"})
    requests.reply(reply("a", "forged", "mallory"))
    requests.reply(reply("a"))
    assert await answers(requests) == ["a"]
    assert requests.dropped == 1


async def test_a_reply_in_anothers_name_that_comes_early_hides_nothing() -> None:
    requests = Requests()
    requests.open("q", 2)
    requests.ask("q", [])
    requests.reply(reply("a", "forged", "mallory"))
    requests.reply(reply("a"))
    requests.reply(reply("a", "forged", "mallory"))
    requests.ask("q", ["a"], {"a": "ann"})
    assert await answers(requests) == ["a"]


async def test_more_replies_than_are_kept_end_without_waiting_for_the_deadline() -> None:
    requests = Requests()
    requests.open("q")
    many = [str(number) for number in range(MAX_REPLIES + 1)]
    requests.ask("q", many)
    for each in many:
        requests.reply(reply(each))
    request = requests._open["q"]
    assert len([each async for each in request.replies(3600)]) == MAX_REPLIES
    assert requests.dropped == 1


async def test_replies_to_one_user_have_so_many_bytes_until_its_requests_end() -> None:
    requests = Requests()
    half = "x" * (MAX_BYTES // 2)
    first = requests.open("q", user="jane")
    requests.open("r", user="jane")
    requests.open("s", user="tom")
    for event in "qrs":
        requests.ask(event, ["a", "b"])
    for event in "qrs":
        requests.reply(reply("a", half, event=event))
    assert requests.dropped == 1
    assert [len(each.data) async for each in requests._open["s"].replies(0)] == [len(half)]
    requests.close(first)
    requests.reply(reply("b", half, event="r"))
    assert requests.dropped == 1
    requests.close(requests._open["r"])
    requests.close(requests._open["s"])
    assert not requests._held


async def test_who_gives_its_event_the_id_of_a_request_is_not_asked_by_it() -> None:
    async with Hub(MemoryLog()) as hub:
        jane, mallory = HubBus(hub, Principal("jane")), HubBus(hub, Principal("mallory"))
        intruder = {"id": "intruder"}
        mallory.subscribe("topic=bait", lambda event: "forged", subscriber=intruder)
        asked = Event("question", id="q")

        async def answer(event: Event) -> str:
            await mallory.publish(Event("bait", id=event.id))
            await mallory.publish(Event("ftrack.meta.reply", "forged", intruder, in_reply_to_event=event.id))
            return "true"

        jane.subscribe("topic=question", answer)
        assert [each.data async for each in jane.request(asked, deadline=20)] == ["true"]
        await mallory.close()
        await jane.close()
