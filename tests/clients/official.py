"""The official Python client, unchanged, as the tests drive it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from ftrack_api.event.base import Event
from ftrack_api.event.hub import EventHub

from tests.serving import PATIENCE, Server, eventually

Heard = list[Any]


class Hub:
    """One EventHub; what its handlers heard is handled in the test's own thread, while it waits."""

    def __init__(self, server: Server, user: str | None = None, key: str | None = None) -> None:
        self.hub = EventHub(server.url, user or server.user, key or server.key)
        # It would try 30 times, every 10 s: the same five minutes, in steps that a test has the time for.
        self.hub._auto_reconnect_delay = 0.1
        self.hub._auto_reconnect_attempts = 3000

    @property
    def id(self) -> str:
        """The hub's id, which is the id of its subscriber for replies."""
        return str(self.hub.id)

    def connect(self) -> Hub:
        """Connect, and wait until the server took the subscription for replies."""
        self.hub.connect()
        self.settle()
        return self

    def settle(self) -> None:
        """Wait until the server has acknowledged all that was sent, and the client has looked at it."""
        self.until(lambda: not self.hub._packet_callbacks, "acknowledgements")
        looked = threading.Event()
        wish = {"subscription": "topic=ftrack.meta.reply", "subscriber": {"id": self.id}}
        again = Event("ftrack.meta.subscribe", data=wish)
        self.hub._emit_event_packet("ftrack.event", again, callback=lambda answer: looked.set())
        self.until(looked.is_set, "an acknowledgement")

    def subscribe(
        self, expression: str, answer: Any = None, subscriber: dict[str, Any] | None = None, **options: Any
    ) -> Heard:
        """Subscribe and wait for the acknowledgement; returns the list that events will be put in.

        `answer` is what the handler returns, or a function of the event that gives it.
        """
        heard: Heard = []

        def handle(event: Any) -> Any:
            heard.append(event)
            return answer(event) if callable(answer) else answer

        self.hub.subscribe(expression, handle, subscriber=subscriber, **options)
        self.settle()
        return heard

    def publish(self, topic: str, data: Any = None, on_reply: Any = None, **values: Any) -> Any:
        """Publish and return the event that was sent."""
        event = Event(topic, data={} if data is None else data, **values)
        self.hub.publish(event, on_reply=on_reply)
        return event

    def until(self, condition: Callable[[], Any], what: str = "", patience: float = PATIENCE) -> Any:
        """Handle events until `condition` is true."""
        end = time.monotonic() + patience
        while not (answer := condition()):
            assert time.monotonic() < end, f"waited {patience:g} s in vain for {what or condition}"
            self.handle()
        return answer

    def handle(self) -> None:
        """Handle what came, or wait a moment (the client's own `wait` waits a tenth of a second)."""
        if self.hub._event_queue.empty():
            time.sleep(0.002)
        else:
            self.hub.wait(duration=0)

    def leave(self) -> None:
        """Disconnect; a client whose server is gone would go on trying, and meanwhile silence all logging."""
        trying = self.hub._processor_thread
        self.hub.connect = _give_up
        eventually(lambda: self._reads() or self._gave_up(trying), "a client that gives up")
        if self.hub.connected:
            self.hub.disconnect()

    def _reads(self) -> bool:
        """Return whether it is connected for good: it says so before the thread that reads has started."""
        return bool(self.hub.connected and self.hub._processor_thread.is_alive())

    def _gave_up(self, trying: threading.Thread) -> bool:
        """Return whether the thread that tried to connect again has ended, in vain; one not begun has not."""
        return trying.ident is not None and not trying.is_alive() and not self.hub.connected

    def drain(self) -> None:
        """Handle everything that was published before this call, on whatever connection."""
        topic = f"drain.{self.id}.{time.monotonic_ns()}"
        heard = self.subscribe(f"topic={topic}")
        self.publish(topic)
        self.until(lambda: heard, "its own event")


@contextlib.contextmanager
def ftrack_py(server: Server, **options: Any) -> Iterator[Hub]:
    """Give the official Python client, connected; it leaves as its users do."""
    hub = Hub(server, **options).connect()
    try:
        yield hub
    finally:
        hub.leave()


def _give_up() -> None:
    """Connect to nothing: the thread that tries again sees that, and ends as after its last attempt."""
