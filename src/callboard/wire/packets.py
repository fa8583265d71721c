"""What a peer's message says to the hub."""

from __future__ import annotations

from msgspec import Struct

from callboard.event import Envelope


class Published(Struct, frozen=True, gc=False):
    """The peer publishes `envelope`, fit to be forwarded as it is.

    `ack` is what `Session.acknowledge` wants back once the event is stored; None: the peer asked for
    no answer.
    """

    envelope: Envelope
    ack: int | None


class Refused(Struct, frozen=True, gc=False):
    """The peer tried to publish, but sent no acceptable event: answer by `ack`, and go on."""

    ack: int | None
    reason: str


class Opened(Struct, frozen=True):
    """A v5 peer wants in, with these credentials; `stamped`: it wants each event's position beside it."""

    user: str | None
    key: str | None
    stamped: bool


class Acknowledged(Struct, frozen=True):
    """The handler of `subscriber` has finished with the event at `position`, and with all before it."""

    subscriber: str
    position: str


class Left(Struct, frozen=True):
    """The peer said goodbye."""


Packet = Published | Refused | Opened | Acknowledged | Left
