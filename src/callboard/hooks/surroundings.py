"""What every hook's program gets beside its arguments: the event on stdin, and variables.

    stdin                  the event as one JSON object
    CALLBOARD_EVENT_FILE   the payload's `file`, and so on for each plain key
    CALLBOARD_HOOK_NAME    which hook this is

Values never reach a variable that anything else reads: all names begin with CALLBOARD_EVENT_.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from callboard.event import Event, encode_json
from callboard.hooks.template import SPECIAL, Values

KEPT_BACK: Final = frozenset(
    (
        "CALLBOARD_URL",
        "CALLBOARD_API_USER",
        "CALLBOARD_API_KEY",
        "FTRACK_SERVER",
        "FTRACK_API_USER",
        "FTRACK_API_KEY",
    )
)
"""Variables of the server that a hook inherits only when its `inherit` names them."""
PREFIX: Final = "CALLBOARD_EVENT_"
MAX_VALUE: Final = 32 * 1024
MAX_TOTAL: Final = 128 * 1024
MAX_VARIABLES: Final = 128

_BULKY: Final = {"__data", "__json"}
_NOT_NAME = re.compile(r"[^A-Z0-9_]")


def event_json(event: Event) -> bytes:
    """Return the event as hooks read it on standard input: one JSON object and a newline."""
    entry = event.entry
    stamp = {"position": entry.position, "time": entry.time, "publisher": entry.publisher} if entry else None
    return (
        encode_json(
            {
                "topic": event.topic,
                "data": event.data,
                "source": event.source,
                "target": event.target,
                "id": event.id,
                "inReplyToEvent": event.in_reply_to_event,
                "entry": stamp,
            }
        )
        + b"\n"
    )


def event_variables(event: Event) -> dict[bytes, bytes]:
    """Return `CALLBOARD_EVENT_*`: the `__` placeholders, over them the payload's keys, over them its own."""
    values = Values(event)
    own = {"TOPIC": event.topic, "ID": event.id}
    if event.entry is not None:
        own |= {"POSITION": event.entry.position, "PUBLISHER": event.entry.publisher}
    general = {name.removeprefix("__"): values.text(name) for name in SPECIAL if name not in _BULKY}
    return dict(_variables([*general.items(), *_plain(event.data), *own.items()]))


def _plain(data: Any) -> Iterable[tuple[str, str]]:
    if not isinstance(data, Mapping):
        return
    for key, value in list(data.items())[:MAX_VARIABLES]:
        if not isinstance(value, dict | list):
            yield str(key), str(value)


def _variables(items: Iterable[tuple[str, str]]) -> Iterable[tuple[bytes, bytes]]:
    """Leave out what no variable can hold, and all behind MAX_TOTAL: standard input has it."""
    room = MAX_TOTAL
    for key, value in items:
        if len(key) <= 64 and len(value) <= min(MAX_VALUE, room) and "\0" not in value:
            with contextlib.suppress(UnicodeEncodeError):
                yield _name(key), os.fsencode(value)
                room -= len(value)


@lru_cache(1024)
def _name(key: str) -> bytes:
    return (PREFIX + _NOT_NAME.sub("_", key.upper())).encode()


def inherited(environment: Mapping[str, str] = os.environ) -> dict[bytes, bytes]:
    """Return the server's variables less its keys: what every command gets."""
    return _encoded({name: value for name, value in environment.items() if name not in KEPT_BACK})


def asked_for(names: Iterable[str], environment: Mapping[str, str] = os.environ) -> dict[bytes, bytes]:
    """Return those of the variables kept back that a hook names in `inherit`."""
    return _encoded({name: environment[name] for name in KEPT_BACK & set(names) if name in environment})


def _encoded(variables: Mapping[str, str]) -> dict[bytes, bytes]:
    return {os.fsencode(name): os.fsencode(value) for name, value in variables.items()}
