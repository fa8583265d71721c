"""Places: so many at once, the others in line; taken without waiting where one is free."""

from __future__ import annotations

import asyncio
from collections import deque


class Places:
    """Counts who is inside; asyncio's semaphore lost: it can't be asked without waiting."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._line: deque[asyncio.Future[None]] = deque()

    def take(self) -> bool:
        """Take a place if one is free and nobody waits for it."""
        if self._free and not self._line:
            self._free -= 1
            return True
        return False

    async def wait(self) -> None:
        """Take a place, the first that is free after those in line before."""
        if self.take():
            return
        turn = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._line.remove(turn)
            else:
                self.leave()
            raise

    def leave(self) -> None:
        """Give a place back: to the first in line."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
