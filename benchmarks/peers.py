"""The hubs that are compared: how each is started, greeted, published to, and how large its frames are."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

EVENT = {
    "topic": "bench.topic",
    "data": {"entities": [{"entityId": "eb16970c-5fc6-11e2-bb9a-f23c91df25eb", "entityType": "task"}]},
    "source": {"id": "0123456789abcdef0123456789abcdef", "user": {"username": "bench"}, "host": "desk"},
    "target": "",
    "id": "fedcba9876543210fedcba9876543210",
    "sent": None,
    "inReplyToEvent": None,
}
BODY = json.dumps(EVENT, separators=(",", ":")).encode()
assert 290 < len(BODY) < 350, len(BODY)


@dataclass(frozen=True)
class Peer:
    """A running hub: `subscribe` and `publish` are the first bytes of a connection, None to ask `greet`."""

    name: str
    pid: int
    port: int
    subscribe: bytes
    subscribed: bytes
    publish: bytes
    ready: bytes
    frame: bytes
    ack_size: int
    delivery_size: int
    greet: Callable[[], bytes] | None = None
    """Makes the first bytes of a connection, which the others' follow once it is answered."""

    def acknowledgement(self, subscribers: int) -> int:
        """Bytes of the answer to one publish; Redis tells how many have got it."""
        return self.ack_size or len(b":%d\r\n" % subscribers)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(port: int, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port}")


def masked(text: bytes) -> bytes:
    """A client's text frame; the mask is zero, so the payload can be written as it is."""
    size = len(text)
    head = bytes([0x81, 0x80 | size]) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
    return head + b"\0\0\0\0" + text


def framed(text: bytes) -> bytes:
    size = len(text)
    return (bytes([0x81, size]) if size < 126 else b"\x81\x7e" + size.to_bytes(2, "big")) + text


def upgrade(path: str, headers: str = "") -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
    ).encode()


@contextlib.contextmanager
def process(*command: str, env: dict[str, str] | None = None, cwd: str | None = None) -> Iterator[int]:
    child = subprocess.Popen(
        command,
        env={**os.environ, **(env or {})},
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield child.pid
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@contextlib.contextmanager
def callboard(sync: str = "normal") -> Iterator[Peer]:
    """Callboard, through its SQLite log, over Socket.IO 0.9 as the official clients speak it."""
    with tempfile.TemporaryDirectory() as data:
        port = free_port()
        config = Path(data, "config.yaml")
        config.write_text(f"log:\n  sync: {sync}\n")
        command = (sys.executable, "-m", "callboard", "serve", "--data", data, "--port", str(port))
        with process(*command, "--config", str(config)) as pid:
            wait_for(port)
            key = ""
            while not key:
                with contextlib.suppress(OSError):
                    key = Path(data, "admin.key").read_text().strip()
            yield callboard_peer(pid, port, key)


def handshake(port: int, key: str, user: str = "admin") -> str:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/socket.io/1/", headers={"ftrack-user": user, "ftrack-api-key": key}
    )
    with urllib.request.urlopen(request) as answer:
        return answer.read().decode().split(":")[0]


def callboard_peer(pid: int, port: int, key: str) -> Peer:
    auth = f"ftrack-user: admin\r\nftrack-api-key: {key}\r\n"
    wish = json.dumps(
        {
            "name": "ftrack.event",
            "args": [
                {
                    "topic": "ftrack.meta.subscribe",
                    "data": {"subscription": "topic=bench.topic", "subscriber": {}},
                    "source": {"id": "x"},
                }
            ],
        }
    ).encode()
    event = b'{"name":"ftrack.event","args":[' + BODY + b"]}"
    return Peer(
        name="callboard",
        pid=pid,
        port=port,
        subscribe=masked(b"5:1+::" + wish),
        subscribed=b'"success":true',
        publish=b"",
        ready=b"1::",
        frame=masked(b"5:1+::" + event),
        ack_size=len(framed(b'6:::1+[{"success":true}]')),
        delivery_size=len(framed(b"5:::" + event)),
        greet=lambda: upgrade(f"/socket.io/1/websocket/{handshake(port, key)}", auth),
    )


@contextlib.contextmanager
def nats() -> Iterator[Peer]:
    """nats-server, core publish and subscribe; `verbose`, so that each publish is answered."""
    port = free_port()
    with process(
        str(Path(sys.executable).with_name("nats-server")), "-a", "127.0.0.1", "-p", str(port)
    ) as pid:
        wait_for(port)
        yield Peer(
            name="nats-server",
            pid=pid,
            port=port,
            subscribe=b'CONNECT {"verbose":false}\r\nSUB bench 1\r\nPING\r\n',
            subscribed=b"PONG\r\n",
            publish=b'CONNECT {"verbose":true}\r\nPING\r\n',
            ready=b"PONG\r\n",
            frame=b"PUB bench %d\r\n%s\r\n" % (len(BODY), BODY),
            ack_size=len(b"+OK\r\n"),
            delivery_size=len(b"MSG bench 1 %d\r\n%s\r\n" % (len(BODY), BODY)),
        )


@contextlib.contextmanager
def redis() -> Iterator[Peer]:
    """Redis pub/sub, nothing kept."""
    binary = shutil.which("redis-server")
    if binary is None:
        raise FileNotFoundError("redis-server is not installed: apt-get install redis-server")
    port = free_port()
    options = ("--save", "", "--appendonly", "no", "--client-output-buffer-limit", "pubsub 0 0 0")
    with process(binary, "--bind", "127.0.0.1", "--port", str(port), *options) as pid:
        wait_for(port)
        size = b"%d" % len(BODY)
        yield Peer(
            name="redis",
            pid=pid,
            port=port,
            subscribe=b"SUBSCRIBE bench\r\n",
            subscribed=b":1\r\n",
            publish=b"PING\r\n",
            ready=b"+PONG\r\n",
            frame=b"*3\r\n$7\r\nPUBLISH\r\n$5\r\nbench\r\n$" + size + b"\r\n" + BODY + b"\r\n",
            ack_size=0,
            delivery_size=len(b"*3\r\n$7\r\nmessage\r\n$5\r\nbench\r\n$" + size + b"\r\n" + BODY + b"\r\n"),
        )


_SOCKETIO = """
import sys, socketio, uvicorn
sio = socketio.AsyncServer(async_mode="asgi", max_http_buffer_size=1 << 24, ping_interval=600)
@sio.on("join")
async def join(sid):
    await sio.enter_room(sid, "bench")
    return True
@sio.on("ftrack.event")
async def event(sid, data):
    await sio.emit("ftrack.event", data, room="bench")
    return True
uvicorn.run(socketio.ASGIApp(sio), port=int(sys.argv[1]), log_level="critical", ws="websockets-sansio")
"""


@contextlib.contextmanager
def python_socketio() -> Iterator[Peer]:
    """python-socketio on uvicorn: the usual way to write such a hub in Python; nothing kept."""
    port = free_port()
    with process(sys.executable, "-c", _SOCKETIO, str(port)) as pid:
        wait_for(port)
        yield Peer(
            name="python-socketio",
            pid=pid,
            port=port,
            subscribe=masked(b"40") + masked(b'421["join"]'),
            subscribed=b"431[true]",
            publish=masked(b"40"),
            ready=b'40{"sid"',
            frame=masked(b'421["ftrack.event",' + BODY + b"]"),
            ack_size=len(framed(b"431[true]")),
            delivery_size=len(framed(b'42["ftrack.event",' + BODY + b"]")),
            greet=lambda: upgrade("/socket.io/?EIO=4&transport=websocket"),
        )
