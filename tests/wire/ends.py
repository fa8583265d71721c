"""The other ends of a connection: judges that are not ours, and a small 0.9 client."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

from ftrack_api.event.hub import EventHub
from wsproto.frame_protocol import FrameProtocol, Opcode

JANE: dict[str, Any] = {"id": "hub-1", "user": {"username": "jane"}}


def frames_in(data: bytes) -> list[tuple[Opcode, Any]]:
    """Return the messages that wsproto, as a client, finds in `data`: (opcode, payload)."""
    judge = FrameProtocol(client=True, extensions=[])
    judge.receive_bytes(data)
    messages = []
    whole: Any = None
    for frame in judge.received_frames():
        whole = frame.payload if whole is None else whole + frame.payload
        if frame.message_finished:
            messages.append((frame.opcode, whole))
            whole = None
    assert whole is None, "a message without its end"
    return messages


def texts(data: bytes) -> list[str]:
    """Return the text messages in `data`, which holds nothing else."""
    messages = frames_in(data)
    assert all(opcode is Opcode.TEXT for opcode, _ in messages)
    return [text for _, text in messages]


def strict(text: str | bytes) -> Any:
    """Return the value of JSON as strictly as JavaScript reads it."""

    def no_constant(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=no_constant)


class Client09:
    """A small 0.9 client end: publishes with ids, answers heartbeats, keeps what it gets."""

    def __init__(self) -> None:
        self.outbox: deque[str] = deque()
        self.events: list[Any] = []
        self.answers: dict[int, list[Any]] = {}
        self.connected = False
        self._last = 0

    def publish(self, event: dict[str, Any], answer: str = "+") -> int:
        """Queue an event packet; `answer` is "+" (with data) or "" (plain)."""
        self._last += 1
        body = json.dumps({"name": "ftrack.event", "args": [event]}, ensure_ascii=False)
        self.outbox.append(f"5:{self._last}{answer}::{body}")
        return self._last

    def receive(self, packet: str) -> None:
        """Take one packet."""
        code, _, _, data = [*packet.split(":", 3), "", "", ""][:4]
        if code == "1":
            self.connected = True
        elif code == "0":
            self.connected = False
        elif code == "2":
            self.outbox.append("2::")
        elif code == "5":
            self.events += strict(data)["args"]
        elif code == "6":
            number, _, answers = data.partition("+")
            self.answers[int(number)] = strict(answers or "[]")


class Socket:
    """What the official Python client's hub holds where its WebSocket should be."""

    def __init__(self) -> None:
        self.incoming: deque[str] = deque()
        self.outgoing: deque[str] = deque()
        self.connected = True

    def recv(self) -> str:
        """Give the hub the next packet."""
        return self.incoming.popleft()

    def send(self, packet: str) -> None:
        """Take a packet from the hub."""
        self.outgoing.append(packet)


class Official:
    """The official Python client's hub, with its own packet code, its queue and its acknowledgements."""

    def __init__(self) -> None:
        self.socket = Socket()
        self.hub = EventHub("http://127.0.0.1", "jane", "key")
        self.hub._connection = self.socket
        self.answers: list[tuple[Any, ...]] = []

    def publish(self, event: Any) -> None:
        """Send an event packet that asks for an answer."""
        self.hub._emit_event_packet("ftrack.event", event, callback=lambda *args: self.answers.append(args))

    def receive(self, packet: str) -> None:
        """Take one packet as the hub's receiving thread does; what it raises would end that thread."""
        self.socket.incoming.append(packet)
        self.hub._handle_packet(*self.hub._receive_packet())

    @property
    def events(self) -> list[Any]:
        """Return the events that the hub would hand to handlers."""
        return list(self.hub._event_queue.queue)
