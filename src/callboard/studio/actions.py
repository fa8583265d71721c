"""Actions: what listeners offer for a selection, and what comes of launching one of them.

    selection --ftrack.action.discover--> items of all listeners, in one list
    item, selection, values --ftrack.action.launch--> what each listener says

Source: seed, "ftrack.action.discover" and "ftrack.action.launch"; facts, sections 4.1 and 4.3.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final

from msgspec import Struct

from callboard.bus import Bus
from callboard.errors import CallboardError
from callboard.event import Event, encode_json
from callboard.studio.asking import Answer, Asker, Distinct, Fault, Faults, answers, question

DISCOVER: Final = "ftrack.action.discover"
LAUNCH: Final = "ftrack.action.launch"

MOST_OFFERED: Final = 1000
"""Items that one listener may offer."""
MOST_ITEMS: Final = 10_000
"""Items that a menu holds."""
MOST_TOLD: Final = 20
"""Faults of one listener that are told one by one."""
LARGEST_ITEM: Final = 256 * 1024
"""Bytes of JSON that an item may have."""

Item = dict[str, Any]
Selection = Sequence[Mapping[str, Any]]
"""Entities: `{entityId, entityType}` each, other keys are passed on."""


class BadItem(CallboardError):
    """This is no action that can be launched: send an item as `discover` gave it."""


class Offer(Struct, frozen=True):
    """What one listener added to a menu, and what was wrong with it."""

    items: tuple[Item, ...]
    faults: tuple[Fault, ...] = ()


class Menu(Struct, frozen=True):
    """The items of all listeners, in the order in which they came; equal ones are there once."""

    items: tuple[Item, ...]
    faults: tuple[Fault, ...]


class Reply(Struct, frozen=True):
    """What one listener said to a launch; `fault` is what is wrong with it, if something is."""

    answer: Answer
    fault: Fault | None = None

    @property
    def data(self) -> Any:
        """What was said."""
        return self.answer.data


class Replies(Struct, frozen=True):
    """What was said to a launch, in the order in which it came; `faults` are answers that were not kept."""

    replies: tuple[Reply, ...]
    faults: tuple[Fault, ...]


async def discover(
    bus: Bus,
    asker: Asker,
    selection: Selection,
    deadline: float,
    more: Mapping[str, Any] | None = None,
) -> Menu:
    """Ask all listeners for actions that fit a selection, and join what they offer.

    `more` goes along as it is: groupers, filters, sorters. Waits until all who were asked have replied,
    at most `deadline` seconds. What makes no sense is in `faults`.
    """
    items: list[Item] = []
    faults = Faults()
    async with aclosing(offers(bus, discovering(asker, selection, more), deadline)) as coming:
        async for offer in coming:
            items += offer.items
            faults.extend(offer.faults)
    return Menu(tuple(items), faults.all)


def discovering(asker: Asker, selection: Selection, more: Mapping[str, Any] | None = None) -> Event:
    """Return the event that asks for actions; raises BadEvent for what the hub would not take."""
    return question(asker, DISCOVER, {**(more or {}), **_selected(selection)})


async def offers(bus: Bus, event: Event, deadline: float) -> AsyncGenerator[Offer, None]:
    """Ask as `discover` does, and yield what each listener adds to the menu, as it comes."""
    seen, faults = Distinct(), Faults()
    async with aclosing(answers(bus, event, faults, deadline)) as coming:
        async for answer in coming:
            yield _offer(answer, seen)
    if faults.all:
        yield Offer((), faults.all)


async def launch(
    bus: Bus,
    asker: Asker,
    item: Mapping[str, Any],
    selection: Selection,
    values: Mapping[str, Any] | None,
    deadline: float,
    limit: int | None = None,
) -> Replies:
    """Launch an item of a menu and gather what is replied; `values` are those of a form that was filled in.

    Waits until all who were asked have replied, `limit` replies are there, or `deadline` seconds are
    over. Raises BadItem.
    """
    kept: list[Reply] = []
    faults = Faults()
    event = launching(asker, item, selection, values)
    async with aclosing(launched(bus, event, deadline, faults)) as replies:
        async for reply in replies:
            kept.append(reply)
            if len(kept) == limit:
                break
    return Replies(tuple(kept), faults.all)


async def launched(bus: Bus, event: Event, deadline: float, faults: Faults) -> AsyncGenerator[Reply, None]:
    """Launch as `launch` does, and yield what each listener says, as it comes."""
    async with aclosing(answers(bus, event, faults, deadline)) as coming:
        async for answer in coming:
            sensible = isinstance(answer.data, dict)
            fault = None if sensible else answer.fault(f"{_named(answer.data)} says nothing of a launch.")
            yield Reply(answer, fault)


def launching(
    asker: Asker, item: Mapping[str, Any], selection: Selection, values: Mapping[str, Any] | None = None
) -> Event:
    """Return the event that launches: the item's keys flat, its `actionData` both flat and as it is.

    The selection is at the top, where handlers read it, and under `context`, where the seed has it. A
    form that came by trigger-user-interface has no label: `actionIdentifier` alone is needed. Raises
    BadItem, or BadEvent for what the hub would not take.
    """
    if (wrong := _wrong(item, ("actionIdentifier",))) is not None:
        raise BadItem(
            f"This is no action that can be launched: it {wrong}. Send an item as discover gave it."
        )
    data = item.get("actionData")
    free = data if isinstance(data, Mapping) else {}
    said = {
        **{key: value for key, value in (*free.items(), *item.items()) if key not in _OURS},
        "actionData": {} if data is None else data,
        **_selected(selection),
        **({} if values is None else {"values": dict(values)}),
    }
    return question(asker, LAUNCH, said)


_OURS: Final = frozenset({"selection", "context", "values"})
"""What a launch says itself. An item can't say it for it: one listener's item could else name the action of
another, with the values of a form that nobody has seen."""


def _selected(selection: Selection) -> dict[str, Any]:
    entities = [dict(each) for each in selection]
    return {"selection": entities, "context": {"selection": entities}}


def _offer(answer: Answer, seen: Distinct) -> Offer:
    faults = Faults(MOST_TOLD)
    items = tuple(_new(answer, seen, faults))
    return Offer(items, faults.all)


def _new(answer: Answer, seen: Distinct, faults: Faults) -> Iterator[Item]:
    """Yield the items of an answer that are not in the menu yet."""
    for number, item in enumerate(_items(answer, faults), 1):
        if (wrong := _wrong(item)) is not None:
            faults.add(answer.fault(f"Item {number} {wrong}."))
        elif len(seen) >= MOST_ITEMS:
            faults.add(answer.fault(f"The menu is full: it holds {MOST_ITEMS} items."))
            return
        elif seen.add(item):
            yield item


def _items(answer: Answer, faults: Faults) -> Sequence[Any]:
    """Return what an answer offers; Python's empty list arrives as an empty object."""
    data = answer.data
    if not isinstance(data, dict):
        faults.add(answer.fault(f"{_named(data)} is no answer: an object with `items` is."))
        return ()
    if not data or ("items" in data and not data["items"]):
        return ()
    items = data.get("items")
    if not isinstance(items, list):
        faults.add(answer.fault("The answer holds no list of `items`."))
        return ()
    if len(items) > MOST_OFFERED:
        faults.add(answer.fault(f"These are {len(items)} items: the first {MOST_OFFERED} are taken."))
    return items[:MOST_OFFERED]


def _wrong(item: Any, needed: Iterable[str] = ("label", "actionIdentifier")) -> str | None:
    """Return what is wrong with an item, the end of a sentence; None for a good one."""
    if not isinstance(item, Mapping):
        return "is no object"
    for key in needed:
        if not isinstance(item.get(key), str) or not item[key].strip():
            return f"has no `{key}`"
    if len(encode_json(item)) > LARGEST_ITEM:
        return f"is larger than {LARGEST_ITEM} bytes"
    return None


def _named(value: Any) -> str:
    """Return what a value is, the beginning of a sentence."""
    if value is None:
        return "null"
    return {bool: "True or false", str: "Text", list: "A list"}.get(type(value), "A number")
