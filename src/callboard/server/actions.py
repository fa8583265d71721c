"""Actions over HTTP: what listeners offer for a selection, and what they say when one is launched.

request -> ActionsDoor -> studio.actions -> Bus.request -> listeners -> JSON, or messages as they come
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

from msgspec import Raw
from starlette.responses import Response

from callboard.event import encode_json
from callboard.server import studioshapes as shapes
from callboard.server.entries import iso
from callboard.server.operation import EVENT_STREAM, Call, json
from callboard.server.sse import comment, message
from callboard.server.studiohouse import StudioHouse, bus_of, checked, read, seconds
from callboard.studio import actions
from callboard.studio.asking import Faults

_GRID: Final = frozenset({"groupers", "filters", "sorters"})


class ActionsDoor:
    """Answers under /v1/actions, and tells who asks."""

    def __init__(self, house: StudioHouse) -> None:
        self._house, self._settings = house, house.settings

    async def show_user(self, call: Call) -> Response:
        """Tell who asks.

        As actions see the user in `source.user`: the `id` is that of the tracker's User, or the
        username where there is no tracker.
        """
        asker = await self._house.asker(call)
        return json({"id": asker.id, "username": asker.username})

    async def discover_actions(self, call: Call) -> Response:
        """Ask all listeners for the actions that fit a selection.

        Publishes `ftrack.action.discover` and joins the items of all replies, until all who were asked
        have replied or the time is up. What makes no sense is in `faults`. With
        `Accept: text/event-stream` the items of each listener come as it sends them: `event: items`,
        and `event: end` at the end.
        """
        wanted, given = await read(call, shapes.Discovering)
        more = {key: value for key, value in given.items() if key in _GRID}
        event = actions.discovering(await self._house.asker(call), given["selection"], more)
        deadline = seconds(wanted.timeout, self._settings.discover)
        coming = actions.offers(bus_of(call), checked(call, event), deadline)
        if _is_stream(call):
            return _stream(call, _menu_messages(coming))
        items, faults = [], Faults()
        async with aclosing(coming):
            async for offer in coming:
                items += [Raw(encode_json(each)) for each in offer.items]
                faults.extend(offer.faults)
        return json({"items": items, "faults": faults.all})

    async def launch_action(self, call: Call) -> Response:
        """Launch an action.

        Publishes `ftrack.action.launch` with the item's keys, the selection, and what was filled into
        a form; gathers what is replied until all who were asked have replied, `limit` replies are there,
        or the time is up. With `Accept: text/event-stream` each reply comes as it is given:
        `event: reply`, and `event: end` at the end.
        """
        wanted, given = await read(call, shapes.Launching)
        asker = await self._house.asker(call)
        event = actions.launching(asker, wanted.item, given["selection"], given.get("values"))
        deadline, faults = seconds(wanted.timeout, self._settings.launch), Faults()
        coming = actions.launched(bus_of(call), checked(call, event), deadline, faults)
        if _is_stream(call):
            return _stream(call, _reply_messages(coming, faults, wanted.limit))
        replies = [each async for each in _replies(coming, wanted.limit)]
        return json({"replies": replies, "faults": faults.all})


def _is_stream(call: Call) -> bool:
    return EVENT_STREAM in call.request.headers.get("accept", "")


def _stream(call: Call, messages: AsyncGenerator[bytes, None]) -> Response:
    return call.house.streams.response(messages, lambda: comment("beat"))


async def _menu_messages(offers: AsyncGenerator[actions.Offer, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(offers):
        async for offer in offers:
            yield message(encode_json({"items": offer.items, "faults": offer.faults}), "items")
    yield message(b"{}", "end")


async def _reply_messages(
    replies: AsyncGenerator[actions.Reply, None], faults: Faults, limit: int
) -> AsyncGenerator[bytes, None]:
    async for reply in _replies(replies, limit):
        yield message(bytes(reply), "reply")
    yield message(encode_json({"faults": faults.all}), "end")


async def _replies(replies: AsyncGenerator[actions.Reply, None], limit: int) -> AsyncGenerator[Raw, None]:
    """Yield at most `limit` replies, as JSON: as values they could take ten times the memory."""
    async with aclosing(replies):
        async for reply in replies:
            yield Raw(encode_json(_reply(reply)))
            limit -= 1
            if not limit:
                return


def _reply(said: actions.Reply) -> dict[str, Any]:
    event, stamp = said.answer.event, said.answer.event.entry
    return {
        "data": event.data,
        "source": event.source,
        "publisher": said.answer.publisher,
        "position": stamp.position if stamp is not None else "",
        "time": iso(stamp.time if stamp is not None else 0.0),
        **({} if said.fault is None else {"fault": said.fault.reason}),
    }
