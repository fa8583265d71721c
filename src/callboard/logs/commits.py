"""Group commit: all that is pending when the writer is free becomes one transaction.

    append --> pending --(end of the loop turn, one commit at a time)--> writing desk
                                                                             |
                    futures <-- the next commit goes first <-- Tail <-- done, or an error

When much is under way a commit takes half of it: while the disk has one half, the other is
acknowledged and published anew. All in one would have the disk and the loop wait for each other.

All state is the loop's. The desk gets finished blocks and gives back nothing or an error, so a
busy loop and the writer's thread meet twice a commit, not once a row (decision 0004).
"""

from __future__ import annotations

import asyncio
import time
from asyncio import Future
from collections import deque
from collections.abc import Sequence
from functools import partial
from itertools import chain

from callboard.errors import StorageFailed
from callboard.event import Draft, Entry
from callboard.hub.tail import Tail
from callboard.logs import blocks
from callboard.logs.desk import Desk

MOST_BYTES = 4 << 20
LEAST_BYTES = 1 << 16
"""A commit has about half of what is under way, within these bounds."""
CHECKPOINT_BYTES = 4 << 20
"""After so many bytes the write-ahead log is moved into the file, beside the writer."""
BEHIND_BYTES = 4 << 20
"""With so many bytes still to be moved the log is behind."""
COMMIT_COST = 8192
"""Bytes of pages that a commit takes in the write-ahead log beside its events, about."""

_Waiting = tuple[Sequence[Draft], Future[Sequence[Entry]], list[bytes], int]
"""Drafts, who waits for them, their JSON and its size."""


class Commits:
    """Takes drafts, stamps them, has them written, and tells the tail and who waits."""

    def __init__(self, writer: Desk, keeper: Desk, tail: Tail, time: float) -> None:
        self._writer, self._tail, self._time = writer, tail, time
        self.checkpoints = Checkpoints(keeper)
        self._loop = asyncio.get_running_loop()
        self._pending: deque[_Waiting] = deque()
        self._size = self._last_size = 0
        self._busy = False
        self._idle = asyncio.Event()
        self._idle.set()

    def append(self, drafts: Sequence[Draft]) -> Future[Sequence[Entry]]:
        """Have `drafts` stored; done with their entries once they are, or StorageFailed."""
        future: Future[Sequence[Entry]] = self._loop.create_future()
        texts = [draft.envelope.json for draft in drafts]
        size = sum(map(len, texts))
        self._pending.append((drafts, future, texts, size))
        self._size += size
        if not self._busy:
            self._busy = True
            self._idle.clear()
            self._loop.call_soon(self._commit)  # at the end of the turn: all that it brings is one commit
        return future

    async def idle(self) -> None:
        """Wait until nothing is pending."""
        await self._idle.wait()

    def _commit(self) -> None:
        taken = self._take()
        try:
            entries = self._stamp(taken)
            texts = list(chain.from_iterable([texts for _, _, texts, _ in taken]))
            written = blocks.to_blocks(entries, texts)
        except Exception as error:  # a name that is no text, say: it hurts no later draft
            self._done(taken, [], [], None, StorageFailed(f"These events can't be stored: {error}."))
            return
        if entries:
            sizes = list(map(len, texts))
            self._writer.ask(
                partial(blocks.append, blocks=written), partial(self._done, taken, entries, sizes)
            )
        else:
            self._done(taken, [], [], None, None)

    def _take(self) -> list[_Waiting]:
        """Take pending appends, whole ones: about half of what is under way."""
        half = (self._size + self._last_size) // 2
        wanted = max(min(half, MOST_BYTES), LEAST_BYTES)
        taken, size = [], 0
        while self._pending and size < wanted:
            taken.append(self._pending.popleft())
            size += taken[-1][3]
        self._size -= size
        self._last_size = size
        self.checkpoints.ahead(size + COMMIT_COST)
        return taken

    def _stamp(self, taken: Sequence[_Waiting]) -> list[Entry]:
        """Return the drafts as entries: the next positions, and one time, never an earlier one."""
        self._time = now = max(time.time(), self._time)
        drafts = chain.from_iterable([drafts for drafts, _, _, _ in taken])
        return [
            Entry(position, now, draft.publisher, draft.envelope)
            for position, draft in enumerate(drafts, self._tail.last + 1)
        ]

    def _done(
        self,
        taken: Sequence[_Waiting],
        entries: Sequence[Entry],
        sizes: Sequence[int],
        _: None,
        error: Exception | None,
    ) -> None:
        """Start the next commit, then tell who waited for this one: the disk works meanwhile."""
        if error is None:
            self._tail.extend(entries, sizes)
        if self._pending:
            self._commit()
        else:
            self._busy = False
            self._last_size = 0
            self._idle.set()
        answer(taken, entries, error)


def answer(taken: Sequence[_Waiting], entries: Sequence[Entry], error: Exception | None) -> None:
    """Give each append its own entries, or all of them the error."""
    start = 0
    for drafts, future, _, _ in taken:
        stop = start + len(drafts)
        if future.done():  # given up by who asked; stored all the same
            pass
        elif error is None:
            future.set_result(entries[start:stop])
        else:
            future.set_exception(error)
        start = stop


class Checkpoints:
    """Moves the write-ahead log into the file from a connection of its own.

    Left to the writer, one commit in a few hundred would wait for it, 10 to 50 ms. While the
    writer never rests the write-ahead log can't begin anew: at four times as much SQLite's own
    checkpoint, in the writer, finds little left to do, as long as who publishes much waits while
    this is `behind` (beside a flood of 1 MB events every other client waited 150 ms without that).
    """

    def __init__(self, keeper: Desk) -> None:
        self._keeper = keeper
        self._ahead = self._moving = 0

    @property
    def behind(self) -> bool:
        """Whether much more was written than is moved yet."""
        return self._ahead + self._moving > BEHIND_BYTES

    def ahead(self, size: int) -> None:
        """Count what is being written."""
        self._ahead += size
        if self._ahead >= CHECKPOINT_BYTES and not self._moving:
            self._moving, self._ahead = self._ahead, 0
            self._keeper.ask(blocks.checkpoint, self._done)

    def _done(self, *_: object) -> None:
        """An error here says nothing of an append: the next commit would meet it too."""
        self._moving = 0
        self.ahead(0)
