"""Calling handlers: in the loop for asynchronous programs, in threads for blocking ones."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Protocol

from callboard.bus import Handler
from callboard.event import Event

Invoke = Callable[[Handler, Event], Awaitable[Any]]
"""Calls a handler and gives what it returned."""

_MOST_THREADS = 1000


class Called(Protocol):
    """Somebody with a handler."""

    handler: Handler


async def call_here(handler: Handler, event: Event) -> Any:
    """Call a handler in the loop; a plain function must not block there."""
    value = handler(event)
    return await value if inspect.isawaitable(value) else value


class Threads:
    """Calls plain functions in threads, so that they may block; coroutine functions in the loop."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_MOST_THREADS, "callboard handler")

    async def __call__(self, handler: Handler, event: Event) -> Any:
        """Call a handler and give what it returned."""
        if inspect.iscoroutinefunction(handler):
            return await handler(event)
        loop = asyncio.get_running_loop()
        value = await loop.run_in_executor(self._pool, copy_context().run, handler, event)
        return await value if inspect.isawaitable(value) else value

    def close(self) -> None:
        """Let go of the threads that are idle."""
        self._pool.shutdown(wait=False)


async def results_of(called: Sequence[Called], event: Event) -> list[Any]:
    """Call handlers one after the other, until one stops the event; return what they returned.

    What a handler raises comes out: the publisher is who called it.
    """
    results: list[Any] = []
    for one in called:
        if event.stopped:
            break
        results.append(await call_here(one.handler, event))
    return results
