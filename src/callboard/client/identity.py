"""Who a client says it is: in the source of its events, and in what it says of its subscribers."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from typing import Any

import msgspec

from callboard.client.listener import handling
from callboard.event import Event, caused_by, new_id

APPLICATION = "callboard.client.python"


def told_by_hook(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the `trace` that a hook gave its command, as part of a source; empty outside of hooks.

    Without it a hook whose command publishes what the hook listens to would run for ever, unseen.
    """
    try:
        trace = msgspec.json.decode(environ.get("CALLBOARD_HOOK_TRACE", ""), type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}
    return {"trace": trace}


class Identity:
    """One client: its id, its user, and what else it says of itself."""

    def __init__(self, id: str, user: str, more: Mapping[str, Any]) -> None:  # noqa: A002 - the seed's word
        self.id = id
        named = {"user": {"username": user}} if user else {}  # else the hub knows whose the key is
        about = {"applicationId": APPLICATION, **named, "host": platform.node()}
        self._about: dict[str, Any] = {**about, **more}
        self._told = told_by_hook(os.environ)

    def event(
        self,
        event: Event | str,
        data: Any = None,
        target: str = "",
        source: Mapping[str, Any] | None = None,
    ) -> Event:
        """Return an event, or one made of a topic and data, with its source filled in.

        That is id, applicationId, user, host, and the `trace`: in a handler that of the event it handles, in
        a command that a hook runs what the hook was told. What the source says already is left as it is.
        """
        if isinstance(event, str):
            event = Event(topic=event, data={} if data is None else data, target=target)
        cause = handling.get()
        trace = self._told if cause is None else {"trace": caused_by(cause)}
        given = {**event.source, **(source or {})}
        return msgspec.structs.replace(event, source={"id": self.id, **self._about, **trace, **given})

    def subscriber(self, given: Mapping[str, Any] | None, durable: str | None) -> dict[str, Any]:
        """Return the information of a subscriber; a durable one has the cursor's name for its id."""
        about = {"id": new_id(), **self._about, **(given or {})}
        return about if durable is None else {**about, "id": durable, "durable": "acknowledged"}
