"""The way from a request to a WebSocket: who gets in, who does not, and that no byte is lost."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path

import picows
import pytest
from picows.picows import WSProtocol  # type: ignore[attr-defined]
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from callboard.board import Board
from callboard.server.upgrade import Door
from tests.server.raw import Raw, admin, hang_up, masked, serving_here, shake

NEW = "/socket.io/?EIO=4&transport=websocket"


@pytest.fixture
async def board(tmp_path: Path) -> AsyncIterator[Board]:
    async with serving_here(tmp_path) as board:
        yield board


@pytest.fixture(autouse=True)
async def leaving() -> AsyncIterator[None]:
    yield
    hang_up()


async def test_an_unknown_session_is_a_problem_with_401(board: Board) -> None:
    client, status = await Raw.upgrade(board.url, "/socket.io/1/websocket/nobody")
    assert status == 401
    problem = await client.body()
    assert problem["status"] == 401
    assert "/socket.io/1/" in problem["detail"]


async def test_a_session_is_good_for_one_socket(board: Board) -> None:
    session = await shake(board.url, *admin(board))
    path = f"/socket.io/1/websocket/{session}"
    assert (await Raw.upgrade(board.url, path))[1] == 101
    assert (await Raw.upgrade(board.url, path))[1] == 401


@pytest.mark.parametrize("query", ["?EIO=3&transport=websocket", "?EIO=4&transport=polling", "?EIO=4", ""])
async def test_another_engine_is_a_problem_with_400(board: Board, query: str) -> None:
    client, status = await Raw.upgrade(board.url, f"/socket.io/{query}")
    assert status == 400
    assert "EIO=4" in (await client.body())["detail"]


async def test_wrong_credentials_in_headers_are_a_problem_with_401(board: Board) -> None:
    _, status = await Raw.upgrade(board.url, NEW, ftrack_user="admin", ftrack_api_key="wrong")
    assert status == 401


@pytest.mark.parametrize(
    "path", ["/", "/v1/events", "/socket.io/1/", "/socket.io/2/websocket/x", "/elsewhere"]
)
async def test_there_are_no_other_websockets(board: Board, path: str) -> None:
    _, status = await Raw.upgrade(board.url, path)
    assert 400 <= status < 500
    assert await shake(board.url, *admin(board))  # and the hub is well


async def test_an_upgrade_without_a_key_is_refused(board: Board) -> None:
    session = await shake(board.url, *admin(board))
    _, status = await Raw.upgrade(board.url, f"/socket.io/1/websocket/{session}", Sec_WebSocket_Key="short")
    assert status == 400


@pytest.mark.parametrize("size", [10, 5_000, 300_000])
async def test_bytes_right_behind_the_request_are_not_lost(board: Board, size: int) -> None:
    session = await shake(board.url, *admin(board))
    packet = b'{"name":"ftrack.event","args":[{"topic":"early","data":"%b","source":{"id":"x"}}]}' % (
        b"x" * size
    )
    behind = b"".join(masked(b"5:%d+::%b" % (number, packet)) for number in range(3))
    client, status = await Raw.upgrade(board.url, f"/socket.io/1/websocket/{session}", behind)
    assert status == 101
    await client.until(lambda: len(client.answers) == 3)
    assert [answer["success"] for answer in client.answers.values()] == [True] * 3


async def test_a_request_in_pieces_is_one_request(board: Board) -> None:
    session = await shake(board.url, *admin(board))
    host, port = board.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    request = (
        f"GET /socket.io/1/websocket/{session} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ).encode() + masked(b"2::")
    for start in range(0, len(request), 7):
        writer.write(request[start : start + 7])
        await writer.drain()
        await asyncio.sleep(0)
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    client = Raw(reader, writer)
    await client.until(lambda: "1::" in client.told)
    await client.publish("well")


async def test_pages_of_other_origins_get_in_only_when_named(tmp_path: Path) -> None:
    async with serving_here(tmp_path, origins=("https://tools.example",)) as board:
        own = board.url
        for origin, expected in [("https://tools.example", 101), (own, 101), ("https://evil.example", 403)]:
            session = await shake(board.url, *admin(board))
            _, status = await Raw.upgrade(board.url, f"/socket.io/1/websocket/{session}", Origin=origin)
            assert status == expected, origin


@pytest.mark.parametrize(
    ("trusted", "forwarded", "shown"),
    [
        ((), "203.0.113.7", "127.0.0.1"),
        (("127.0.0.0/8",), "203.0.113.7", "203.0.113.7"),
        (("127.0.0.1",), "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        (("127.0.0.1", "203.0.113.7"), "198.51.100.1, 203.0.113.7", "198.51.100.1"),
        (("127.0.0.1",), "no address", "127.0.0.1"),
    ],
)
async def test_an_address_is_believed_from_proxies_that_are_trusted(
    tmp_path: Path, trusted: tuple[str, ...], forwarded: str, shown: str
) -> None:
    async with serving_here(tmp_path, trusted_proxies=trusted) as board:
        watch = await Raw.to(board)
        await watch.subscribe("topic=octoprint.ClientOpened")
        await Raw.to(board, X_Forwarded_For=forwarded)
        await watch.until(lambda: watch.heard)
        assert watch.heard[-1]["data"] == {"remoteAddress": shown}


async def test_a_full_hub_says_so(board: Board) -> None:
    board.gateways.most = 1
    first = await Raw.to(board)
    session = await shake(board.url, *admin(board))
    client, status = await Raw.upgrade(board.url, f"/socket.io/1/websocket/{session}")
    assert status == 503
    assert "connections" in (await client.body())["detail"]
    first.abort()
    async with asyncio.timeout(10):
        while board.gateways.full:
            await asyncio.sleep(0.01)
    assert (await Raw.upgrade(board.url, f"/socket.io/1/websocket/{session}"))[1] == 101  # it was not used up


async def test_a_v5_peer_that_never_says_who_it_is_hears_nothing(board: Board) -> None:
    client, status = await Raw.upgrade(board.url, NEW)
    assert status == 101
    client.text('42["ftrack.event",{"topic":"x"}]')
    client.goodbye = True  # a close frame is how Socket.IO 5 says goodbye
    await client.until_closed()
    assert not board.gateways.open
    assert board.hub.requests.dropped == 0


# The insides of two libraries that nobody promised to keep


def test_the_libraries_are_those_whose_insides_are_used() -> None:
    """When this fails, a library was updated: read `server/upgrade.py` against it, then change the pin."""
    assert version("picows") == "2.3.1"
    assert version("uvicorn") == "0.54.0"


def test_the_reader_of_picows_is_as_the_upgrade_knows_it() -> None:
    assert {"get_buffer", "buffer_updated", "connection_made", "connection_lost", "pause_writing"} <= set(
        dir(WSProtocol)
    )
    listener = picows.WSListener
    assert {"on_ws_connected", "on_ws_frame", "on_ws_disconnected", "pause_writing"} <= set(dir(listener))
    assert {"payload_size", "last_in_buffer", "tail_size", "fin", "msg_type"} <= set(dir(picows.WSFrame))


def test_the_http_protocol_of_uvicorn_is_as_the_door_knows_it() -> None:
    assert issubclass(Door, HttpToolsProtocol)
    for name in ["_should_upgrade", "_unsupported_upgrade_warning", "_unset_keepalive_if_required"]:
        assert callable(getattr(HttpToolsProtocol, name))
    source = inspect.getsource(HttpToolsProtocol.handle_websocket_upgrade)
    assert "self.ws_protocol_class(" in source
    assert "protocol.data_received(" in source
    assert "set_protocol(protocol)" in source
    assert "HttpParserUpgrade" in inspect.getsource(HttpToolsProtocol.data_received)
