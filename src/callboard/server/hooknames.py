"""Which hook, or event, somebody means who asks for one: a name may be cut where only one begins like it."""

from __future__ import annotations

from collections.abc import Collection

from callboard.hooks.fields import nearest
from callboard.hub.hub import Hub
from callboard.server.problems import BAD_REQUEST, NOT_FOUND, Problem


def completed(names: Collection[str], text: str) -> str:
    """Return the name that `text` is, or the only one that begins with it; else `text` itself."""
    if not text or text in names:
        return text
    begun = sorted(name for name in names if name.startswith(text))
    if len(begun) > 1:
        several = ", ".join(map(repr, begun[:5]))
        raise Problem(BAD_REQUEST, f"{text[:200]!r} is how several hooks begin: {several}. Write more of it.")
    return begun[0] if begun else text


def known(names: Collection[str], name: str) -> str:
    """Return `name` if it is one of `names`; else raise a Problem with the nearest."""
    if name not in names:
        raise Problem(NOT_FOUND, f"No hook {name[:200]!r} is loaded{nearest(name, names) or '.'}")
    return name


async def no_event(hub: Hub, position: str) -> str:
    """Return why there is no event at a position."""
    end = await hub.log.last()
    if hub.log.number(position) > end:
        return f"{position} is ahead of the log, which ends at {hub.log.text(end)}."
    return "The event is not on the log any more, or not for this key, and no run of it was kept."
