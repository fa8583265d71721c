"""The one thing a room knows: a bus to publish on, to listen to, to ask, and to keep state on.

The hub gives one for each principal (`hub.bus(principal)`), the client gives one over the wire;
a room can't tell them apart.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from typing import Any, Protocol

from callboard.event import Event, caused_by
from callboard.expression import equals

REPLY = "ftrack.meta.reply"

Handler = Callable[[Event], Any]
"""Gets an event, may be a coroutine function; a returned value that is not None is sent as the reply."""


class Subscription(Protocol):
    """A standing wish for events; `close` ends it, and keeps a durable cursor where it is."""

    @property
    def expression(self) -> str:
        """What it wishes for."""

    @property
    def subscriber(self) -> Mapping[str, Any]:
        """Who it is, as targets see it."""

    def close(self) -> None:
        """End the subscription; events already handed to the handler are finished."""


class Bus(Protocol):
    """Publish, subscribe, request and state, as one principal."""

    def publish(self, event: Event) -> Future[str]:
        """Send `event`: the order is fixed at the call, the future gives its position once it is stored.

        The future raises Denied, BadEvent or StorageFailed.
        """

    def subscribe(
        self,
        expression: str,
        handler: Handler,
        *,
        subscriber: Mapping[str, Any] | None = None,
        durable: str | None = None,
        after: str | None = None,
    ) -> Subscription:
        """Call `handler` with each event that `expression` matches, one after the other.

        `durable` names a cursor that moves on after the handler returned and outlives this
        process; `after` is a position or an ISO time to start from (default: from now on).
        Raises BadExpression at once.
        """

    def request(self, event: Event, *, deadline: float) -> AsyncGenerator[Event]:
        """Publish `event` and yield the replies as they come, for at most `deadline` seconds.

        Ends when all who were asked have replied, at once if nobody was.
        """

    def set(self, key: str, value: Any) -> None:
        """Keep `value` (JSON) as what is true now of `key`; None forgets it. Never logged."""

    def watch(self, prefix: str) -> AsyncIterator[Mapping[str, Any]]:
        """Yield the last values of the keys that start with `prefix`, then what changes, conflated."""


def reply_to(event: Event, value: Any, subscriber: Mapping[str, Any]) -> Event:
    """Return the reply event with `value` from one subscriber. Source: seed, "Sending replies"."""
    return Event(
        topic=REPLY,
        data=value,
        source={**subscriber, "trace": caused_by(event)},
        target=equals("id", str(event.source.get("id", ""))).text,
        in_reply_to_event=event.id,
    )
