"""Hears the `ftrack.update` events of one connection, on a thread of its own: what a run is checked by."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any, BinaryIO

from benchmarks.peers import masked

_EVENT09, _EVENT5 = b"5::", b"42["
_ANSWERS = {b"2::": b"2::", b"2": b"3"}


class Ear:
    """Says its greeting, each part once the one before was answered, then keeps what it hears."""

    def __init__(self, port: int, greeting: Sequence[tuple[bytes, bytes]]) -> None:
        self.entities: list[dict[str, Any]] = []
        """What was told, entity by entity, in order; users aside, who are made by their first request."""
        self._line = socket.create_connection(("127.0.0.1", port))
        self._read = self._line.makefile("rb")
        self._greet(greeting)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _greet(self, greeting: Sequence[tuple[bytes, bytes]]) -> None:
        words, _ = greeting[0]
        self._line.sendall(words)
        while self._read.readline() not in (b"\r\n", b""):
            pass
        for words, answer in greeting[1:]:
            self._line.sendall(words)
            while answer not in frame(self._read):
                pass

    def _listen(self) -> None:
        try:
            while text := frame(self._read):
                if text in _ANSWERS:
                    self._line.sendall(masked(_ANSWERS[text]))
                elif text.startswith((_EVENT09, _EVENT5)):
                    told = _event(text)["data"]["entities"]
                    self.entities += [one for one in told if one["entityType"] != "user"]
        except OSError:
            return

    def until(self, entities: int, patience: float = 60) -> None:
        """Wait until so many entities have been told of."""
        end = time.monotonic() + patience
        while len(self.entities) < entities:
            if not self._thread.is_alive():
                raise ConnectionError(f"the line ended after {len(self.entities)} entities")
            if time.monotonic() > end:
                raise TimeoutError(f"{len(self.entities)} of {entities} entities were told of")
            time.sleep(0.005)

    def close(self) -> None:
        self._line.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._line.close()


def frame(read: BinaryIO) -> bytes:
    """Read one whole message; b"" at the end. Ours and uvicorn's come in single frames."""
    head = read.read(2)
    if len(head) < 2:
        return b""
    size = head[1] & 0x7F
    if size > 125:
        size = int.from_bytes(read.read(2 if size == 126 else 8), "big")
    return read.read(size)


def _event(text: bytes) -> dict[str, Any]:
    old = text.startswith(_EVENT09)
    found: dict[str, Any] = json.loads(text[4:])["args"][0] if old else json.loads(text[2:])[1]
    return found
