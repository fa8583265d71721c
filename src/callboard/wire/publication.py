"""A message's JSON as an event: in one pass when it is as it should be, else with the reason why not.

The one pass decodes wrapper and event together; nearly all messages take it. Cutting a known
prefix off first lost: it is slower, and needs a second road for every way to write a space.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

import msgspec
from msgspec import Raw

from callboard.errors import BadEvent, ProtocolError
from callboard.event import Envelope, open_envelope
from callboard.jsontext import mend
from callboard.wire.packets import Packet, Refused

NAME = "ftrack.event"
"""The name that event packets carry, in both protocols (seeds/studio-events.txt calls it the namespace)."""

NOTHING = Raw(b"")
"""Stands for an argument that is not there."""

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Decoder(Protocol[T_co]):
    """msgspec's decoder for one type."""

    def decode(self, text: bytes, /) -> T_co:
        """Return the value in `text`."""


def decode_mended(decoder: Decoder[T], body: bytes) -> T:
    """Return what `decoder` makes of `body`, mended if that helps; raises BadEvent."""
    try:
        try:
            return decoder.decode(body)
        except msgspec.ValidationError:
            raise
        except msgspec.MsgspecError:
            return decoder.decode(mend(body))
    except RecursionError:
        raise BadEvent("This event packet is nested too deep.") from None
    except ValueError as error:
        raise BadEvent(f"This is no event packet: {error}.") from None


def only_event(first: Raw, second: Raw, max_event: int) -> Envelope:
    """Return the event in `first`, which must be there while `second` must not; raises BadEvent."""
    event = bytes(first)  # a copy: a Raw refers to all of the message that it stands in
    if not event or bytes(second):
        number = "more than one" if event else "none"
        raise BadEvent(f"An event packet holds one event, this one {number}: send each by itself.")
    return open_envelope(event, max_event)


def misnamed(ack: int | None, name: str) -> list[Packet]:
    """Ignore an event of another name, unless the peer waits for an answer."""
    if ack is None:
        return []
    reason = f"Events here are named {NAME}, not {name[:80]!r}: put your own name into `topic`."
    return [Refused(ack, reason)]


def check_utf8(message: bytes) -> None:
    """Raise ProtocolError unless `message` is UTF-8, as WebSocket text must be (RFC 6455, 5.6)."""
    try:
        message.decode()
    except UnicodeDecodeError as error:
        raise ProtocolError(f"This message is not UTF-8 at byte {error.start}.") from None
