"""Several nodes on one log: how a request learns who was asked elsewhere.

The node that asks says where its request stands in the log; each other node, once it has
routed that far, answers with the subscribers it asked. Replies come over the log like all events.
"""

from __future__ import annotations

import asyncio
import secrets

import msgspec
from msgspec import Struct

from callboard.event import Entry
from callboard.hub.log import Log
from callboard.hub.replies import Requests
from callboard.hub.router import Router

_WHO = "who"
_ASKED = "asked"
_LEFT = "left"


class _Who(Struct, frozen=True):
    """A node asks whom the others asked about the entry at this position."""

    node: str
    position: int


class _Asked(Struct, frozen=True):
    """A node answers: these subscribers, and whose each of them is."""

    event: str
    subscribers: list[str]
    users: list[str] = []


class Nodes:
    """This node's word with the others; without others it says nothing."""

    def __init__(self, log: Log, router: Router, requests: Requests) -> None:
        self._log = log
        self._router = router
        self._requests = requests
        self._name = secrets.token_hex(8)
        self._tasks: set[asyncio.Task[None]] = set()
        log.hear(_WHO, self._who)
        log.hear(f"{_ASKED}.{self._name}", self._asked)
        log.hear(_LEFT, lambda body: requests.leave([body.decode()]))

    @property
    def count(self) -> int:
        """How many nodes are on the log, this one among them."""
        return max(self._log.nodes(), 1)

    def ask(self, entry: Entry) -> None:
        """Ask the others whom they asked about a request of ours."""
        if self.count > 1:
            self._log.tell(_WHO, msgspec.json.encode(_Who(self._name, entry.position)))

    def left(self, subscriber: str) -> None:
        """Let requests here and elsewhere wait no longer for a subscriber that is gone."""
        self._requests.leave([subscriber])
        if self.count > 1:
            self._log.tell(_LEFT, subscriber.encode())

    def _who(self, body: bytes) -> None:
        asked = msgspec.json.decode(body, type=_Who)
        if asked.node != self._name:
            task = asyncio.get_running_loop().create_task(self._answer(asked))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, asked: _Who) -> None:
        await self._router.reached(asked.position)
        for entry in await self._log.read(asked.position - 1, 1):
            if entry.position == asked.position:
                users = self._router.asked(entry)
                word = _Asked(entry.envelope.id or "", list(users), list(users.values()))
                self._log.tell(f"{_ASKED}.{asked.node}", msgspec.json.encode(word))

    def _asked(self, body: bytes) -> None:
        word = msgspec.json.decode(body, type=_Asked)
        self._requests.ask(
            word.event, word.subscribers, dict(zip(word.subscribers, word.users, strict=False))
        )
