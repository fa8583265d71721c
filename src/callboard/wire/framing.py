"""How one event becomes one frame: done once for each kind of framing, whoever gets it."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from callboard.event import Stamp
from callboard.wire import frames

_encode = msgspec.json.Encoder().encode


class Framing(Struct, frozen=True, eq=False):
    """What stands around an event's JSON. Compared by identity: it is a key for every event.

    `stamped` framings carry {position, time, publisher} beside the event.
    """

    before: bytes
    after: bytes
    stamped: bool = False

    def event(self, json: bytes, stamp: Stamp | None = None) -> bytes:
        """Return the frame for the event `json`, strict JSON in UTF-8."""
        after = self.after
        if stamp is not None and self.stamped:
            after = b"," + _encode(stamp) + after
        size = len(self.before) + len(json) + len(after)
        return b"".join((frames.head(size), self.before, json, after))


# Exactly `5:::`: the official JavaScript client cuts that prefix with a fixed pattern, and anything
# else in its place ends its process (facts, rule 1).
SOCKETIO09 = Framing(b'5:::{"name":"ftrack.event","args":[', b"]}")
SOCKETIO5 = Framing(b'42["ftrack.event",', b"]")
SOCKETIO5_STAMPED = Framing(b'42["ftrack.event",', b"]", stamped=True)
