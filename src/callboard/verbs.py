"""Verbs: what a room can be asked for, each by requests of a topic of its own, answered in a sentence.

    Event -> its payload, checked -> the answer -> {success, message, ...}, the reply

From now on only, never from a cursor, and none that is older than its deadline: what nobody waits for
any more must not be done. Each verb has a subscription of its own: a long answer holds no other up.
A key that a request does not have is refused: what was meant by a key with a slip in it must not be left out.
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct

from callboard.bus import Bus, Subscription
from callboard.errors import CallboardError
from callboard.event import Event

DEADLINE: Final = 60.0
"""Seconds that a request without a deadline is good for."""

Reply = dict[str, Any] | None
Answer = Callable[[Any, Event], Awaitable[Reply]]
"""Gets the payload and the event; gives what the reply holds beside `success`, or None for no reply.

A CallboardError or an OSError that it raises is the reply of a request that was not done.
"""


class Verb(Struct, frozen=True):
    """What a request holds, and who answers it."""

    wanted: type[Struct]
    answer: Answer


def answering(
    bus: Bus, room: str, verbs: Mapping[str, Verb], deadline: float = DEADLINE, *, strict: bool = True
) -> list[Subscription]:
    """Begin to answer `callboard.<room>.<verb>`; unless `strict`, keys of a later version are left alone."""
    return [
        bus.subscribe(
            f'topic="callboard.{room}.{name}"',
            partial(_reply, verb, name if strict else "", deadline),
            subscriber={"room": room},
        )
        for name, verb in verbs.items()
    ]


def unknown_key(verb: str, data: Any, wanted: type[Struct]) -> str:
    """Return which key of a request its verb does not know, as a sentence; nothing if it knows them all."""
    known = wanted.__struct_encode_fields__
    strange = (
        next((str(key) for key in data if key not in known), None) if isinstance(data, Mapping) else None
    )
    if strange is None:
        return ""
    return f"{verb} knows no {strange[:40]!r}{near(strange, known)}: it takes {', '.join(known)}."


def near(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'X'?)` for the known name that is nearest to one that is not; else nothing."""
    found = difflib.get_close_matches(name[:80], list(known), 1)
    return f" (did you mean {found[0]!r}?)" if found else ""


async def _reply(verb: Verb, strictly: str, deadline: float, event: Event) -> Reply:
    if strictly and (strange := unknown_key(strictly, event.data, verb.wanted)):
        return _not_done(strange)
    try:
        wanted = msgspec.convert(event.data, verb.wanted)
    except msgspec.ValidationError as error:
        return _not_done(f"This request can't be understood: {error}.")
    if _is_late(event, getattr(wanted, "deadline", UNSET), deadline):
        return _not_done("This request came too late; nothing was done.")
    try:
        told = await verb.answer(wanted, event)
    except CallboardError as error:
        return _not_done(str(error))
    except OSError as error:
        return _not_done(f"A file or folder can't be read or written: {error.strerror or error}.")
    return None if told is None else {"success": True, **told}


def _is_late(event: Event, said: Any, deadline: float) -> bool:
    if event.entry is None:
        return False
    return not time.time() - event.entry.time <= (deadline if said is UNSET else said)


def _not_done(reason: str) -> dict[str, Any]:
    return {"success": False, "message": reason}
