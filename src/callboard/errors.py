"""The tree of errors: every fault that Callboard reports is one of these.

A class's docstring is its default message: one sentence that says what to do.
"""

from __future__ import annotations


class CallboardError(Exception):
    """Something went wrong in Callboard; the log says what."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or " ".join((type(self).__doc__ or "").split()))


class BadEvent(CallboardError):
    """This is no event: an event is a JSON object with a text `topic`."""


class EventTooBig(BadEvent):
    """This event is larger than the hub takes: send a reference to the bytes instead of the bytes."""


class ProtocolError(CallboardError):
    """That is no packet of this protocol: the connection is closed."""


class BadExpression(CallboardError):
    """This expression does not parse: write key=value, joined by `and`, `or`, `not` and parentheses.

    `position` is the index of the fault in `text`; the message draws a caret under it.
    """

    def __init__(self, reason: str, text: str = "", position: int = 0) -> None:
        self.reason, self.text, self.position = reason, text, position
        super().__init__(f"{reason}.\n{_pointed(text, position)}" if text else reason)


class BadConfig(CallboardError):
    """The configuration can't be used: correct the named line and start again."""


class BadKey(CallboardError):
    """Such a key can't be made: choose another user or other rights."""


class BadPosition(CallboardError):
    """This is no position of this log: use one that it gave you, or a time."""


class Denied(CallboardError):
    """This key may not do that: ask an administrator for one that may."""


class Unauthenticated(CallboardError):
    """No such user and key: ask an administrator of this hub for a key."""


class StorageFailed(CallboardError):
    """The log could not store the event: look at its disk; nothing was acknowledged."""


class Gone(CallboardError):
    """The connection to the hub is gone: wait for it to come back, or connect again."""


class TimedOut(CallboardError):
    """Nothing came in time: raise the timeout, or look whether anybody listens."""


class MissingExtra(CallboardError):
    """This command needs an extra that is not installed."""


_WINDOW = 30


def _pointed(text: str, position: int) -> str:
    """Return the part of `text` around `position` on one line, and a caret under that character."""
    start, end = max(position - _WINDOW, 0), position + _WINDOW
    head = "..." if start else ""
    tail = "..." if end < len(text) else ""
    shown = "".join(character if character.isprintable() else " " for character in text[start:end])
    return f"  {head}{shown}{tail}\n  {' ' * (len(head) + position - start)}^"
