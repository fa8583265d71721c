"""The blocking face, for scripts: the same client, in a loop of its own in a thread.

Every method waits for the outcome. Plain handlers run in threads, one event after the other for
each subscription, so they may block; coroutine functions run in the client's loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from math import inf
from time import monotonic
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, overload

from callboard.bus import Handler
from callboard.client.calling import Threads
from callboard.client.client import Client
from callboard.client.credentials import Credentials
from callboard.client.listener import Listener, handling
from callboard.errors import CallboardError, Gone
from callboard.event import Event

T = TypeVar("T")
H = TypeVar("H", bound=Handler)

_BEAT = 0.5


class BlockingSubscription:
    """A standing subscription; `close` ends it, and keeps a durable cursor where it is."""

    def __init__(self, client: BlockingClient, listener: Listener) -> None:
        self._client = client
        self._listener = listener
        self.expression = listener.expression
        self.subscriber = listener.subscriber

    def close(self) -> None:
        """End the subscription; the handler that runs is finished."""
        self._client.call_soon(self._listener.close)


class BlockingClient:
    """A board far away: `with connect() as board`. Made for one thread or many."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        subscriber: Mapping[str, Any] | None = None,
        id: str | None = None,  # noqa: A002 - the seed's word
        patience: float = 0.0,
    ) -> None:
        self.credentials = credentials
        self._threads = Threads()
        self._client = Client(
            credentials, subscriber=subscriber, id=id, patience=patience, invoke=self._threads
        )
        self.id = self._client.id
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="callboard client", daemon=True)
        self._closed = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._run(self._client.__aenter__())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave: running handlers are finished, what was published is sent; waits a few seconds for both."""
        if handling.get() is not None:  # in a handler, which `close` would wait for
            threading.Thread(target=self._close_once, name="callboard closing").start()
        else:
            self._close_once()

    def _close_once(self) -> None:
        if not self._closed.is_set():
            self._closed.set()
            try:
                self._run(self._client.close())
            finally:
                self._stop()

    def _stop(self) -> None:
        self._closed.set()
        self._threads.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(_end_the_rest())
        self._loop.close()

    def wait(self, seconds: float | None = None) -> bool:
        """Let handlers work until Ctrl-C, `close`, or the time is over; True when the client was closed.

        Raises Unauthenticated when the hub lets this client in no more.
        """
        future = self._submit(self._client.wait())
        end = inf if seconds is None else monotonic() + seconds
        try:
            while not _done(future, min(end - monotonic(), _BEAT)):
                if monotonic() >= end:
                    return False
                if not self._thread.is_alive():  # closed before it could begin to wait
                    return True
        except KeyboardInterrupt:
            pass
        finally:
            future.cancel()
        return True

    @property
    def connected(self) -> bool:
        """True while there is a line to the hub."""
        return self._client.connected

    @overload
    def publish(
        self,
        event: Event | str,
        data: Any = None,
        *,
        target: str = "",
        source: Mapping[str, Any] | None = None,
        synchronous: Literal[False] = False,
    ) -> str: ...
    @overload
    def publish(
        self,
        event: Event | str,
        data: Any = None,
        *,
        target: str = "",
        source: Mapping[str, Any] | None = None,
        synchronous: Literal[True],
    ) -> list[Any]: ...
    def publish(
        self,
        event: Event | str,
        data: Any = None,
        *,
        target: str = "",
        source: Mapping[str, Any] | None = None,
        synchronous: bool = False,
    ) -> str | list[Any]:
        """Send an event and return its position once it is stored; see `Client.publish`.

        With `synchronous` the handlers of this client are called, here, in the caller's thread, and
        what they returned is the answer.
        """
        if synchronous:
            full = self._client.identity.event(event, data, target, source)
            return self._results(full)

        async def publish() -> str:
            return await self._client.publish(event, data, target=target, source=source)

        return self._run(publish())

    def _results(self, event: Event) -> list[Any]:
        results: list[Any] = []
        for listener in self._client.meant(event):
            if event.stopped:
                break
            value = listener.handler(event)
            results.append(self._run(_awaited(value)) if inspect.isawaitable(value) else value)
        return results

    def request(
        self,
        event: Event | str,
        data: Any = None,
        *,
        deadline: float = 10.0,
        limit: int | None = None,
        target: str = "",
        source: Mapping[str, Any] | None = None,
    ) -> Iterator[Event]:
        """Publish and yield the replies as they come; see `Client.request`."""
        replies = self._client.request(
            event, data, deadline=deadline, limit=limit, target=target, source=source
        )
        try:
            while (reply := self._run(_next(replies))) is not None:
                yield reply
        finally:
            self._run(replies.aclose())

    @overload
    def subscribe(
        self,
        expression: str,
        handler: None = None,
        *,
        priority: int = 100,
        subscriber: Mapping[str, Any] | None = None,
        durable: str | None = None,
        after: str | None = None,
    ) -> Callable[[H], H]: ...
    @overload
    def subscribe(
        self,
        expression: str,
        handler: Handler,
        *,
        priority: int = 100,
        subscriber: Mapping[str, Any] | None = None,
        durable: str | None = None,
        after: str | None = None,
    ) -> BlockingSubscription: ...
    def subscribe(
        self,
        expression: str,
        handler: Handler | None = None,
        *,
        priority: int = 100,
        subscriber: Mapping[str, Any] | None = None,
        durable: str | None = None,
        after: str | None = None,
    ) -> BlockingSubscription | Callable[[H], H]:
        """Call a handler with each matching event, in a thread; see `Client.subscribe`.

        Returns once the hub has taken the subscription; raises what it refuses it with.
        """
        options: dict[str, Any] = {
            "priority": priority,
            "subscriber": subscriber,
            "durable": durable,
            "after": after,
        }
        if handler is not None:
            return BlockingSubscription(self, self._run(self._subscribe(expression, handler, options)))

        def decorate(function: H) -> H:
            self._run(self._subscribe(expression, function, options))
            return function

        return decorate

    async def _subscribe(self, expression: str, handler: Handler, options: Mapping[str, Any]) -> Listener:
        listener: Listener = self._client.subscribe(expression, handler, **options)
        await listener.ready()
        return listener

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call a function in the client's loop."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: everything has ended
            self._loop.call_soon_threadsafe(function)

    def _submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise CallboardError(
                "A coroutine handler can't call the blocking client: make it a plain function, "
                "or connect with `async with`."
            )
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:  # the loop is closed
            coroutine.close()
            raise Gone("This client is closed: connect again.") from None

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        future = self._submit(coroutine)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise


async def _end_the_rest() -> None:
    """Begin what was handed over while the loop stopped, and cancel it: nobody will wait for it."""
    await asyncio.sleep(0)
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


def _done(future: Future[None], seconds: float) -> bool:
    """Wait a moment for the outcome: on Windows Ctrl-C only comes between two waits."""
    try:
        future.result(max(seconds, 0))
    except TimeoutError:
        return False
    except CancelledError:  # the client was closed meanwhile
        return True
    return True


async def _awaited(value: Any) -> Any:
    return await value


async def _next(replies: Any) -> Event | None:
    return await anext(replies, None)
