"""Many sockets in a process of their own: each subscribes, some offer actions, all count what they hear.

parent --places--> Crowd: connect, subscribe, "ready" --> answers menus --> counts, when asked
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import uuid
from collections import Counter
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.peers import handshake, masked, upgrade

DISCOVER = b'"ftrack.action.discover"'
_BATCH = 20
"""Sockets that connect at once."""


@dataclass(frozen=True)
class Place:
    """One socket: whose it is, what it is called in the counts, what it subscribes to, what it offers."""

    kind: str
    user: str = "admin"
    key: str = ""
    subscriptions: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()
    """Ids of subscribers: each answers a menu with one item."""


class Callboard:
    """How one speaks to ours: Socket.IO 0.9, as the official clients."""

    heartbeat, pong, ack = b"2::", masked(b"2::"), b'"success":true'
    event = b"5:::"

    def greeting(self, port: int, place: Place) -> bytes:
        auth = f"ftrack-user: {place.user}\r\nftrack-api-key: {place.key}\r\n"
        return upgrade(f"/socket.io/1/websocket/{handshake(port, place.key, place.user)}", auth)

    def words(self, place: Place) -> tuple[bytes, int]:
        """Return all subscriptions, and how many answers there will be."""
        made = [self._wish(place, text, number) for number, text in enumerate(place.subscriptions)]
        return b"".join(masked(b"5:1+::" + each) for each in made), len(made)

    def _wish(self, place: Place, text: str, number: int) -> bytes:
        ids = place.offers or (uuid.uuid4().hex,)
        id_ = ids[number] if number < len(place.offers) else uuid.uuid4().hex
        data = {
            "subscription": text,
            "subscriber": {"id": id_, "applicationId": "ftrack.api.python", "user": {"username": place.user}},
        }
        event = {"topic": "ftrack.meta.subscribe", "data": data, "source": _source(place, ids[0])}
        return json.dumps({"name": "ftrack.event", "args": [event]}).encode()

    def opened(self, text: bytes) -> Any:
        return json.loads(text[4:])["args"][0]

    def framed(self, event: dict[str, Any]) -> bytes:
        return masked(b"5:::" + json.dumps({"name": "ftrack.event", "args": [event]}).encode())


class PythonSocketIO:
    """How one speaks to a python-socketio server."""

    heartbeat, pong, ack = b"2", masked(b"3"), b"431[true]"
    event = b"42["

    def greeting(self, port: int, place: Place) -> bytes:
        return upgrade("/socket.io/?EIO=4&transport=websocket")

    def words(self, place: Place) -> tuple[bytes, int]:
        return masked(b"40") + masked(b'421["join"]'), 1

    def opened(self, text: bytes) -> Any:
        return json.loads(text[2:])[1]

    def framed(self, event: dict[str, Any]) -> bytes:
        return masked(b"42" + json.dumps(["ftrack.event", event]).encode())


SPEECHES = {"callboard": Callboard, "python-socketio": PythonSocketIO}
Speech = Callboard | PythonSocketIO


def _source(place: Place, id_: str) -> dict[str, Any]:
    return {"id": id_, "applicationId": "ftrack.api.python", "user": {"username": place.user}}


class Socket(asyncio.Protocol):
    """One place's connection."""

    def __init__(self, speech: Speech, place: Place, greeting: bytes, heard: Counter[str]) -> None:
        self._speech, self._place, self._greeting, self._heard = speech, place, greeting, heard
        self._words, self._answers = speech.words(place)
        self._rest = b""
        self._open = False
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._transport.write(self._greeting)

    def data_received(self, data: bytes) -> None:
        self._rest += data
        if not self._open:
            head, found, self._rest = self._rest.partition(b"\r\n\r\n")
            if not found:
                self._rest = head
                return
            self._open = True
            self._transport.write(self._words)
        while (text := self._frame()) is not None:
            self._take(text)

    def _frame(self) -> bytes | None:
        """Cut the next whole frame off; servers don't mask theirs."""
        rest = self._rest
        if len(rest) < 2:
            return None
        start, size = 2, rest[1] & 0x7F
        if size > 125:
            start = 4 if size == 126 else 10
            size = int.from_bytes(rest[2:start], "big")
        if len(rest) < start or len(rest) < start + size:
            return None
        self._rest = rest[start + size :]
        return rest[start : start + size]

    def _take(self, text: bytes) -> None:
        speech = self._speech
        if text == speech.heartbeat:
            self._transport.write(speech.pong)
        elif text.startswith(speech.event):
            self._heard[self._place.kind] += 1
            self._heard[f"{self._place.kind}, bytes"] += len(text)
            if self._place.offers and DISCOVER in text[:200]:
                self._offer(speech.opened(text))
        elif speech.ack in text and not self.ready.done():
            self._answers -= 1
            if not self._answers:
                self.ready.set_result(None)

    def _offer(self, asked: dict[str, Any]) -> None:
        """Answer a menu as a handler does, once for each subscriber."""
        made = [self._speech.framed(self._reply(asked, each)) for each in self._place.offers]
        self._transport.write(b"".join(made))

    def _reply(self, asked: dict[str, Any], subscriber: str) -> dict[str, Any]:
        item = {
            "label": "Mega Modeling",
            "variant": subscriber[:12],
            "description": "Launch Mega Modeling on what is selected",
            "icon": "http://mega-modeling.example.com/logo.png",
            "actionIdentifier": f"studio.mega-modeling.{subscriber}",
        }
        return {
            "topic": "ftrack.meta.reply",
            "data": {"items": [item]},
            "source": _source(self._place, subscriber),
            "target": f"id={asked['source'].get('id', '')}",
            "inReplyToEvent": asked["id"],
            "id": uuid.uuid4().hex,
            "sent": None,
        }

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(f"lost after {self._rest[:300]!r}"))


async def _gather(pipe: Connection, name: str, port: int, places: list[Place]) -> None:
    speech, heard = SPEECHES[name](), Counter[str]()
    loop = asyncio.get_running_loop()

    async def one(place: Place) -> None:
        greeting = await asyncio.to_thread(speech.greeting, port, place)
        _, made = await loop.create_connection(
            lambda: Socket(speech, place, greeting, heard), "127.0.0.1", port
        )
        await asyncio.wait_for(made.ready, 60)

    for start in range(0, len(places), _BATCH):
        await asyncio.gather(*(one(each) for each in places[start : start + _BATCH]))
    ended = loop.create_future()

    def asked() -> None:
        try:
            pipe.recv()
            pipe.send(dict(heard))
        except (EOFError, OSError):
            loop.remove_reader(pipe.fileno())
            ended.set_result(None)

    loop.add_reader(pipe.fileno(), asked)
    pipe.send("ready")
    await ended


def _run(pipe: Connection, name: str, port: int, places: list[Place]) -> None:
    import uvloop

    uvloop.run(_gather(pipe, name, port, places))


class Crowd:
    """The sockets of a list of places; `with` gives them once all are subscribed."""

    def __init__(self, name: str, port: int, places: list[Place]) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        self._child = multiprocessing.get_context("spawn").Process(
            target=_run, args=(theirs, name, port, places), daemon=True
        )

    def __enter__(self) -> Crowd:
        self._child.start()
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._child.kill()
        self._child.join()

    def _wait(self) -> Any:
        while not self._pipe.poll(0.5):
            if not self._child.is_alive():
                raise RuntimeError("the crowd ended")
        return self._pipe.recv()

    def heard(self) -> Counter[str]:
        """Return how many events, and bytes, places of each kind have heard so far."""
        self._pipe.send("heard?")
        return Counter(self._wait())

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._child.pid is not None
        return self._child.pid
