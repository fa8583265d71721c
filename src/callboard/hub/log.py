"""The log: where every event is, in one order. Memory, SQLite and JetStream implement it.

    append(drafts) -> stamped, stored, then -> follow() of every node

An append is done once its entries are durable; followers see an entry only after that, in
the order of positions, without a hole that later fills. `tests/logs/` holds the contract
that every implementation passes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from asyncio import Future
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from callboard.errors import BadPosition
from callboard.event import MAX_EVENT, Draft, Entry, Stamp


class Log(ABC):
    """A durable sequence of entries with strictly increasing positions, and named cursors into it."""

    id: str
    """Short random text made with the log: positions of another log are told apart by it."""
    max_event: int = MAX_EVENT
    """Bytes of JSON that one event may have."""

    @abstractmethod
    def append(self, drafts: Sequence[Draft]) -> Future[Sequence[Entry]]:
        """Store `drafts` in this order; done once they are durable, with their entries.

        Order among calls is the order of the calls. Raises StorageFailed through the future,
        and then none of them is acknowledged.
        """

    @abstractmethod
    def follow(self, after: int) -> AsyncIterator[Sequence[Entry]]:
        """Yield batches of entries behind `after`, in order, and wait for more; ends only on close.

        Near the head batches come from memory, further back from the store. If entries behind
        `after` were pruned it goes on with the first that is there: compare positions.
        """

    @abstractmethod
    async def read(self, after: int, limit: int = 1000, max_bytes: int = 1 << 20) -> Sequence[Entry]:
        """Return up to `limit` entries behind `after`, at least one if there is one, about `max_bytes`."""

    @abstractmethod
    async def first(self) -> int:
        """Return the position of the oldest entry, or `await last() + 1` when there is none."""

    @abstractmethod
    async def last(self) -> int:
        """Return the position of the newest entry that is durable, 0 when there never was one."""

    @abstractmethod
    async def position_at(self, time: float) -> int:
        """Return the position behind which all entries have a time of at least `time`."""

    @abstractmethod
    async def prune(self, before: int) -> int:
        """Forget entries before the position `before`, in slices; return how many went."""

    @abstractmethod
    async def size(self) -> int:
        """Return the bytes that the entries take where they are stored, about."""

    @abstractmethod
    async def cursors(self) -> Mapping[str, int]:
        """Return every named cursor."""

    @abstractmethod
    def move(self, cursor: str, position: int) -> None:
        """Move a cursor forward (never back); written at most once a second and on close."""

    @abstractmethod
    async def drop(self, cursor: str) -> None:
        """Forget a cursor."""

    @abstractmethod
    async def close(self) -> None:
        """Write what is pending, end all followers, let go of files and connections."""

    def tell(self, subject: str, body: bytes) -> None:  # noqa: B027 - most logs have one node
        """Say something to the other nodes on this log: not stored, at most once, no answer expected.

        Memory and SQLite have no other nodes: nobody hears it. Order against entries is not kept.
        """

    def hear(self, subject: str, callback: Callable[[bytes], None]) -> None:  # noqa: B027
        """Call `callback` with each body that another node tells on `subject`, until close."""

    def behind(self) -> bool:
        """Return whether the store is so busy that who publishes much should wait a moment."""
        return False

    def nodes(self) -> int:
        """Return how many nodes are on this log now, this one included."""
        return 1

    def text(self, position: int) -> str:
        """Return a position as the outside sees it: `<log id>-<n>`."""
        return f"{self.id}-{position}"

    def stamp(self, entry: Entry) -> Stamp:
        """Return what the outside sees of an entry beside its event."""
        return Stamp(self.text(entry.position), entry.time, entry.publisher)

    def number(self, text: str) -> int:
        """Return the position that `text` names in this log; raises BadPosition for another log's."""
        log, _, number = text.rpartition("-")
        if log != self.id or not number.isascii() or not number.isdigit() or len(number) > 19:
            raise BadPosition(
                f"{text[:80]!r} is no position of this log ({self.id}): use one that it gave you."
            )
        return int(number)
