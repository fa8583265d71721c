"""What happens: an event, the envelope it travels in, and its entry in the log.

    Event      plain values; what people make and what handlers get
    Envelope   the same event as JSON, `data` and `source` not decoded until somebody asks
    Draft      an envelope with its publisher, on its way into the log
    Entry      what the log holds: (position, time, publisher, envelope)

The hub moves envelopes: an event that nobody filters on is never decoded beyond
its first keys. Source of the shape: seeds/studio-events.txt, "Event".
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

import msgspec
from msgspec import Raw, Struct, field

from callboard.errors import BadEvent, EventTooBig
from callboard.jsontext import MAX_DEPTH, fit, mend, without_surrogates

MAX_EVENT = 8 * 1024 * 1024
"""Bytes of JSON an event may have unless a log or a setting says otherwise."""

EMPTY = Raw(b"{}")
NULL = Raw(b"null")


def new_id() -> str:
    """Return a fresh event id: 32 hexadecimal digits, as the official clients make them."""
    return uuid.uuid4().hex


T = TypeVar("T")


class lazy(Generic[T]):  # noqa: N801 - reads as the decorator it is
    """A property that is computed once and then stands in the instance's dictionary.

    functools.cached_property takes a lock in Python 3.11 and costs three times as much.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> lazy[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> lazy[T] | T:
        if instance is None:
            return self
        value = self._compute(instance)
        instance.__dict__[self._name] = value
        return value


class Stamp(Struct, frozen=True):
    """What the hub says of a stored event: readable in expressions as `entry.*`.

    `position` is opaque text (`<log id>-<n>`), `time` is seconds since 1970, `publisher` the
    authenticated user, which `source` is not.
    """

    position: str
    time: float
    publisher: str


class Event(Struct, frozen=True, dict=True, rename={"in_reply_to_event": "inReplyToEvent"}):
    """Something that happened, in the form that the seed describes.

    `data` is any JSON value, `source` says who sent it, `target` is an expression over
    subscriber information (empty: everybody). `entry` is set on events that the hub delivered.
    """

    topic: str
    data: Any = field(default_factory=dict)
    source: dict[str, Any] = field(default_factory=dict)
    target: str = ""
    id: str = field(default_factory=new_id)
    in_reply_to_event: str | None = None
    entry: Stamp | None = None

    def stop(self) -> None:
        """Keep this event from the handlers after this one, on this client only."""
        self.__dict__["stopped"] = True

    @property
    def stopped(self) -> bool:
        """True once a handler called `stop`."""
        return bool(self.__dict__.get("stopped", False))


class Document(dict[str, Any]):
    """An event as expressions see it: each key is taken from the event when it is first read.

    Read it with `document[key]`; a key that the event lacks is a KeyError. Both spellings of
    `inReplyToEvent` are there, since the official Python client uses the other one in memory.
    """

    __slots__ = ("_envelope", "_stamps")

    def __init__(self, envelope: Envelope, stamps: tuple[int, float, str] | None = None) -> None:
        self._envelope = envelope
        # Not the entry itself: it keeps its document, and the two would need a garbage collector.
        self._stamps = stamps

    def __missing__(self, key: str) -> Any:
        reader = _READERS.get(key)
        if reader is None:
            raise KeyError(key)
        value = self[key] = reader(self)
        return value

    def _read_entry(self) -> dict[str, Any]:
        if self._stamps is None:
            raise KeyError("entry")
        position, time, publisher = self._stamps
        return {"position": position, "time": time, "publisher": publisher}


_READERS: dict[str, Callable[[Document], Any]] = {
    "topic": lambda document: document._envelope.topic,
    "data": lambda document: decode_json(document._envelope.data),
    "source": lambda document: decode_json(document._envelope.source),
    "target": lambda document: document._envelope.target,
    "id": lambda document: document._envelope.id,
    "sent": lambda document: decode_json(document._envelope.sent),
    "inReplyToEvent": lambda document: document._envelope.in_reply_to_event,
    "in_reply_to_event": lambda document: document._envelope.in_reply_to_event,
    "entry": Document._read_entry,
}


class Envelope(Struct, frozen=True, dict=True, rename={"in_reply_to_event": "inReplyToEvent"}):
    """An event on its way: the seven known keys, `data` and `source` still JSON text."""

    topic: str
    data: Raw = EMPTY
    source: Raw = EMPTY
    target: str | None = ""
    id: str | None = None
    sent: Raw = NULL
    in_reply_to_event: str | None = None

    @lazy
    def json(self) -> bytes:
        """The event as strict JSON in UTF-8, with exactly the known keys."""
        return _encoder.encode(self)

    @lazy
    def event(self) -> Event:
        """The event as plain values, without an entry."""
        return self.opened(None)

    def opened(self, entry: Stamp | None) -> Event:
        """Return the event as plain values, stamped with `entry`."""
        source = decode_json(self.source)
        return Event(
            topic=self.topic,
            data=decode_json(self.data),
            source=source if isinstance(source, dict) else {},
            target=self.target or "",
            id=self.id or "",
            in_reply_to_event=self.in_reply_to_event,
            entry=entry,
        )


class Draft(Struct, frozen=True, gc=False):
    """An event that somebody published and the log has not stored yet."""

    publisher: str
    envelope: Envelope


class Entry(Struct, frozen=True, dict=True):
    """One line of the log: the first three are stamped by the hub.

    `position` is the number inside this log; outside it is text (`Log.text`).
    `time` is seconds since 1970.
    """

    position: int
    time: float
    publisher: str
    envelope: Envelope

    @lazy
    def document(self) -> Document:
        """The event with `entry.*`, for expressions."""
        return Document(self.envelope, (self.position, self.time, self.publisher))


_encoder = msgspec.json.Encoder()
_envelopes = msgspec.json.Decoder(Envelope)


def caused_by(event: Event) -> dict[str, Any]:
    """Return the `source.trace` of what `event` led to: {correlation, cause, hops}."""
    trace = event.source.get("trace")
    known = trace if isinstance(trace, dict) else {}
    hops = known.get("hops")
    return {
        "correlation": known.get("correlation") or event.id,
        "cause": event.id,
        "hops": (hops if isinstance(hops, int) else 0) + 1,
    }


def encode_json(value: Any) -> bytes:
    """Return `value` as strict JSON in UTF-8; NaN and infinities become null.

    A lone surrogate (a file name that is no UTF-8) becomes U+FFFD. Raises BadEvent for what JSON
    can't say.
    """
    try:
        try:
            return _encoder.encode(value)
        except UnicodeEncodeError:
            return _encoder.encode(without_surrogates(value))
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise BadEvent(f"This value can't be sent as JSON: {error}.") from None


def decode_json(raw: Raw | bytes) -> Any:
    """Return the value of JSON text that `open_envelope` has accepted."""
    try:
        return msgspec.json.decode(raw)
    except msgspec.MsgspecError:
        return json.loads(bytes(raw))  # numbers beyond a float's range, which msgspec refuses


def seal(event: Event) -> Envelope:
    """Return `event` as an envelope; raises BadEvent for what JSON can't say."""
    return Envelope(
        topic=event.topic,
        data=Raw(encode_json(event.data)),
        source=Raw(encode_json(event.source)),
        target=event.target,
        id=event.id,
        in_reply_to_event=event.in_reply_to_event,
    )


def open_envelope(text: bytes, max_event: int = MAX_EVENT) -> Envelope:
    """Return the envelope in `text`, one JSON object, checked so that it can be forwarded as is.

    Unknown keys are dropped, an event without an id gets one; NaN becomes null and a lone surrogate
    U+FFFD. Raises EventTooBig, or BadEvent with the reason: no JSON, no text topic, not UTF-8, nested
    deeper than MAX_DEPTH, a key over MAX_KEY, a number over MAX_DIGITS.
    """
    if len(text) > max_event:
        raise too_big(len(text), max_event)
    if not text.isascii():
        _check_utf8(text)
    try:
        envelope = _envelopes.decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        return _open_mended(text, max_event, error)
    fit(text)
    return identified(envelope)


def identified(envelope: Envelope) -> Envelope:
    """Return `envelope`, with a fresh id if it has none."""
    return envelope if envelope.id else msgspec.structs.replace(envelope, id=new_id())


def too_big(size: int, max_event: int) -> EventTooBig:
    """Return the error that refuses an event of `size` bytes."""
    return EventTooBig(
        f"This event has {size} bytes; this hub takes at most {max_event} "
        "(max_event): send a reference to the bytes instead of the bytes."
    )


def _check_utf8(text: bytes) -> None:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise BadEvent(f"This event is not UTF-8 at byte {error.start}.") from None


def _open_mended(text: bytes, max_event: int, error: Exception) -> Envelope:
    """Open what the strict decoder refused with `error`, if mending it helps; else raise BadEvent."""
    if isinstance(error, msgspec.ValidationError):
        raise BadEvent(f"This is no event: {error}.") from None
    try:
        mended = mend(text)
    except RecursionError:
        raise BadEvent(f"This event is nested deeper than {MAX_DEPTH} levels.") from None
    except ValueError:
        raise BadEvent(f"This is no event: {error}.") from None
    if mended == text:
        raise BadEvent(f"This is no event: {error}.")
    return open_envelope(mended, max_event)
