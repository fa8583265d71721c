"""The blocking face: the same client, for scripts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from callboard import Event
from callboard.client.blocking import BlockingClient
from callboard.errors import BadExpression, CallboardError, Gone
from callboard.event import new_id
from tests.client.conftest import to
from tests.serving import PATIENCE, Server, eventually


@pytest.fixture
def blocking(server: Server) -> Iterator[BlockingClient]:
    with to(server) as board:
        yield board


@pytest.fixture
def topic() -> str:
    return f"test.{new_id()}"


def test_publish_returns_where_the_event_is_stored(blocking: BlockingClient, topic: str) -> None:
    first, second = blocking.publish(topic, 1), blocking.publish(topic, 2)
    assert int(first.rpartition("-")[2]) < int(second.rpartition("-")[2])


def test_a_handler_may_block_and_publish(blocking: BlockingClient, topic: str) -> None:
    done = threading.Event()

    @blocking.subscribe(f"topic={topic}")
    def handle(event: Event) -> None:
        assert threading.current_thread() is not threading.main_thread()
        blocking.publish(f"{topic}.next", event.data)

    blocking.subscribe(f"topic={topic}.next", lambda _: done.set())
    blocking.publish(topic, 1)
    assert done.wait(PATIENCE)
    assert handle.__name__ == "handle"


def test_a_blocked_handler_makes_nobody_else_late(blocking: BlockingClient, topic: str) -> None:
    release, heard = threading.Event(), threading.Event()
    blocking.subscribe(f"topic={topic}", lambda _: release.wait(PATIENCE) and None)
    blocking.subscribe(f"topic={topic}", lambda _: heard.set())
    blocking.publish(topic)
    assert heard.wait(PATIENCE)
    release.set()


def test_a_handler_may_be_a_coroutine(blocking: BlockingClient, topic: str) -> None:
    async def answer(event: Event) -> int:
        await asyncio.sleep(0)
        return int(event.data) + 1

    blocking.subscribe(f"topic={topic}", answer)
    assert [reply.data for reply in blocking.request(topic, 1)] == [2]


def test_a_coroutine_that_would_wait_for_itself_is_told(blocking: BlockingClient, topic: str) -> None:
    told: list[str] = []

    async def handle(_: Event) -> None:
        try:
            blocking.publish(topic)
        except CallboardError as error:
            told.append(str(error))

    blocking.subscribe(f"topic={topic}", handle)
    blocking.publish(topic)
    eventually(lambda: told)
    assert "plain function" in told[0]


def test_a_request_yields_replies_as_they_come(blocking: BlockingClient, topic: str) -> None:
    release = threading.Event()
    blocking.subscribe(f"topic={topic}", lambda _: "quick")
    blocking.subscribe(f"topic={topic}", lambda _: release.wait(PATIENCE) and "slow")
    replies = blocking.request(topic, deadline=PATIENCE)
    assert next(replies).data == "quick"
    release.set()
    assert [reply.data for reply in replies] == ["slow"]


def test_a_synchronous_event_is_handled_in_the_callers_thread(blocking: BlockingClient, topic: str) -> None:
    async def second(_: Event) -> str:
        return "second"

    blocking.subscribe(f"topic={topic}", lambda _: threading.current_thread(), priority=1)
    blocking.subscribe(f"topic={topic}", second)
    assert blocking.publish(topic, synchronous=True) == [threading.current_thread(), "second"]


def test_subscribe_raises_what_is_wrong(blocking: BlockingClient) -> None:
    with pytest.raises(BadExpression):
        blocking.subscribe("and", print)


def test_wait_returns_when_the_time_is_over(blocking: BlockingClient) -> None:
    assert blocking.wait(0.01) is False


def test_wait_returns_when_the_client_is_closed(server: Server, topic: str) -> None:
    with to(server) as board:
        board.subscribe(f"topic={topic}", lambda _: board.close())
        board.publish(topic)
        assert board.wait(PATIENCE) is True


def test_a_closed_client_says_so(server: Server, topic: str) -> None:
    with to(server) as board:
        subscription = board.subscribe(f"topic={topic}", print)
    with pytest.raises(Gone):
        board.publish(topic)
    subscription.close()


def test_no_hub_leaves_no_thread_behind() -> None:
    from callboard import connect

    before = threading.active_count()
    with pytest.raises(Gone), connect("http://127.0.0.1:9", "admin", "x"):
        pass
    assert threading.active_count() == before
