"""Who may answer requests to the house's own rooms: only who may publish such requests.

    the log -> note;  a reply that comes in -> refuse, raises Denied

Every key may reply, since actions live of that; and a key that hears `callboard.printer.pause` could say "it
is done" before the printer host does. A publisher's word on who it is (`source.id`) counts for nothing here.
"""

from __future__ import annotations

from callboard.errors import Denied
from callboard.event import Envelope
from callboard.hub.principal import Principal

OURS = "callboard."
"""How the topics of our own rooms begin."""
_MOST = 10_000
"""Requests that are kept in mind: nobody waits any more for the answer to an older one."""


class Answers:
    """The newest events of our own topics, by id."""

    def __init__(self) -> None:
        self._topics: dict[str, str] = {}

    def note(self, envelope: Envelope) -> None:
        """Take note of an event of one of our topics."""
        if envelope.id:
            self._topics.setdefault(envelope.id, envelope.topic)
            if len(self._topics) > _MOST:
                del self._topics[next(iter(self._topics))]

    def refuse(self, principal: Principal, envelope: Envelope) -> None:
        """Raise Denied for a reply to one of them from a key that may not publish its topic."""
        topic = self._topics.get(envelope.in_reply_to_event or "")
        if topic is not None and not principal.may_publish({"topic": topic}):
            raise Denied(
                f"The key of {principal.name} may not answer {topic}: "
                "ask an administrator for a key made with --publish."
            )
