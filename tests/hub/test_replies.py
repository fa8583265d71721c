"""Who was asked, who has answered: with several nodes what they say comes on two ways, in any order."""

from __future__ import annotations

from itertools import permutations

import msgspec
import pytest

from callboard.event import Event, Stamp
from callboard.hub.replies import Requests


def reply(subscriber: str) -> Event:
    return Event("ftrack.meta.reply", subscriber, source={"id": subscriber}, in_reply_to_event="q")


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
    requests.reply(msgspec.structs.replace(reply("a"), data="forged", entry=Stamp("1", 0.0, "mallory")))
    requests.reply(msgspec.structs.replace(reply("a"), entry=Stamp("2", 0.0, "ann")))
    assert await answers(requests) == ["a"]
    assert requests.dropped == 1
