"""Asking the studio over HTTP: actions, menus, paths, projects, workstations.

    request -> StudioDoor -> studio.actions, studio.questions -> Bus.request -> listeners -> JSON

The caller's own rights hold: what is asked is published by its key, in its user's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from starlette.responses import Response

from callboard.config.settings import Studio as Settings
from callboard.server import studioshapes as shapes
from callboard.server.operation import Call, Operation, Outcome, json
from callboard.server.tracker import Answering
from callboard.studio.asking import Asker

GROUP = "Studio"


class StudioHouse(Struct, frozen=True):
    """What the studio's door needs: its settings, the tracker if there is one, this server's address."""

    settings: Settings
    tracker: Answering | None
    url: str


def studio_operations(house: StudioHouse) -> tuple[Operation, ...]:
    """Return the operations of the studio."""
    door = StudioDoor(house)
    return (
        Operation(
            method="GET",
            path="/v1/user",
            answer=door.show_user,
            group=GROUP,
            outcomes=(Outcome(200, "You.", shapes.UserInfo),),
        ),
    )


class StudioDoor:
    """Answers what the studio is asked."""

    def __init__(self, house: StudioHouse) -> None:
        self._house = house

    async def show_user(self, call: Call) -> Response:
        """Tell who asks.

        As actions see the user in `source.user`: the `id` is that of the tracker's User, or the
        username where there is no tracker.
        """
        asker = await asker_of(self._house.tracker, call.principal.name)
        return json({"id": asker.id, "username": asker.username})


async def asker_of(tracker: Answering | None, username: str) -> Asker:
    """Return who acts: with the id of the tracker's User where there is one, else the username."""
    if tracker is None:
        return Asker(username, username)
    quoted = username.replace("\\", "\\\\").replace('"', '\\"')
    query = f'select id from User where username is "{quoted}"'  # noqa: S608 - the tracker's own language
    (found,) = await tracker([{"action": "query", "expression": query}], username, None, None)
    rows: list[Mapping[str, Any]] = found["data"]
    return Asker(username, rows[0]["id"] if rows else username)
