"""What the doors of the studio share: who acts, on which bus, how long is waited."""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec import UNSET, Struct, UnsetType

from callboard.config.settings import Studio as Settings
from callboard.event import Event, seal
from callboard.hub.hubbus import HubBus
from callboard.server.body import decode
from callboard.server.operation import Call
from callboard.server.problems import BAD_REQUEST, Problem
from callboard.server.studioshapes import LONGEST_WAIT
from callboard.server.tracker import trace_of
from callboard.studio.asking import Asker
from callboard.studio.production import Answering, Production

T = TypeVar("T")


class StudioHouse(Struct, frozen=True):
    """What the doors open to: settings, the tracker if there is one, this server's address."""

    settings: Settings
    tracker: Answering | None
    url: str

    async def asker(self, call: Call, user: str = "") -> Asker:
        """Return who acts, the caller unless said: with the id of the tracker's User, else the username."""
        username, trace = user or call.principal.name, trace_of(call.request.headers)
        if self.tracker is None:
            return Asker(username, username, trace)
        production = Production(self.tracker, call.principal.name, trace)
        found = await production.first("User", "id", {"username": username})
        return Asker(username, found["id"] if found is not None else username, trace)


async def read(call: Call, kind: type[T]) -> tuple[T, dict[str, Any]]:
    """Return a body as its shape, and as it came: keys that the shape does not know are passed on."""
    async with call.house.bodies.read(call.request) as body:
        return decode(body, kind), decode(body, dict[str, Any])


def bus_of(call: Call) -> HubBus:
    """Return the hub's bus for who calls: the rights of the key hold."""
    return HubBus(call.house.hub, call.principal)


def checked(call: Call, event: Event) -> Event:
    """Return an event that the key may publish; raises Denied before anything has been answered."""
    call.house.hub.check(call.principal, seal(event))
    return event


def seconds(said: float | UnsetType, setting: float) -> float:
    """Return how long is waited: what the request says, else the setting."""
    return setting if isinstance(said, UnsetType) else said


def timeout_of(call: Call) -> float | UnsetType:
    """Return the parameter `timeout`, for addresses whose body has no place for it."""
    text = call.text("timeout")
    if not text:
        return UNSET
    try:
        said = float(text)
    except ValueError:
        said = 0.0
    if not 0 < said <= LONGEST_WAIT:
        raise Problem(BAD_REQUEST, f"timeout is seconds, more than 0 and at most {LONGEST_WAIT:g}.")
    return said
