"""The tracker's database: reading, writing one at a time, and telling one at a time, over all nodes."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from callboard.tracker.complaints import UNKNOWN, Fault, is_lost, is_passing, refusal_of
from callboard.tracker.engines import TELLING, reading, writing
from callboard.tracker.refusals import Unknown

T = TypeVar("T")
Work = Callable[[Connection], T]
"""Done in one transaction, and from the start again if the database asks for it: it changes nothing else."""

_PAUSES: Final = (0.05, 0.2, 0.5, 1.0)
"""Seconds before each further try, about."""
_PATIENCE: Final = 5.0
"""Seconds after which there is none: a server that does not even refuse takes its time to be given up."""


class Database:
    """Does work in transactions; what goes wrong is raised as Refused, in the words of the tracker."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine, self._reading, self._writing = engine, reading(engine), writing(engine)
        self._turn = asyncio.Lock()

    @property
    def is_shared(self) -> bool:
        """Whether other nodes may write to it."""
        return self._engine.dialect.name != "sqlite"

    async def read(self, work: Work[T]) -> T:
        """Return what work reads; all of it is of one moment."""
        return await _tried(lambda: self._read(work))

    async def write(self, work: Work[T]) -> T:
        """Return what work returns, once all that it did is committed; raises Refused, and nothing is done.

        Raises Unknown where the connection was lost while it was committed: then nobody knows.
        """
        return await _tried(lambda: self._write(work))

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Wait until no other node is in here; one that hangs or dies is put out by PostgreSQL."""
        if not self.is_shared:
            yield  # the data folder has one process
            return
        connection = self._engine.connect()
        try:
            await connection.start()
            await connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            await connection.exec_driver_sql(TELLING)
            yield
        except Fault as error:
            raise refusal_of(error) from None
        finally:
            with contextlib.suppress(*Fault):
                await connection.close()

    async def _read(self, work: Work[T]) -> T:
        async with self._reading.connect() as connection:
            return await connection.run_sync(work)

    async def _write(self, work: Work[T]) -> T:
        async with self._turn, self._writing.connect() as connection:
            await connection.begin()
            done = await connection.run_sync(work)
            try:
                await connection.commit()
            except Fault as error:
                if is_lost(error):
                    raise Unknown(UNKNOWN) from None
                raise
            return done


async def _tried(attempt: Callable[[], Awaitable[T]]) -> T:
    """Return the result of the first attempt that the database does not put off."""
    until = asyncio.get_running_loop().time() + _PATIENCE
    for pause in _PAUSES:
        try:
            return await attempt()
        except Fault as error:
            if not is_passing(error) or asyncio.get_running_loop().time() > until:
                raise refusal_of(error) from None
            await asyncio.sleep(pause * (0.5 + random.random()))
    try:
        return await attempt()
    except Fault as error:
        raise refusal_of(error) from None
