"""Asking all listeners over the hub's own bus: bounds, and what the seams promise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from callboard.bus import reply_to
from callboard.errors import BadEvent
from callboard.event import Event
from callboard.hub.hub import Hub
from callboard.hub.hubbus import HubBus
from callboard.hub.principal import Principal
from callboard.logs.memory import MemoryLog
from callboard.studio.actions import BadItem, discover, launch, launching
from callboard.studio.asking import Asker, Distinct, Fault, Faults
from callboard.studio.locations import Platform
from callboard.studio.questions import RESOLVE, entries, resolved, validating, verdict
from tests.studio.questioning import TASK, item

JANE = Asker("jane", "u-1")


@pytest.fixture
async def bus() -> AsyncIterator[HubBus]:
    async with Hub(MemoryLog()) as hub:
        bus = HubBus(hub, Principal("listeners"))
        yield bus
        await bus.close()


def always(answer: Any, _: Event) -> Any:
    """Answer whatever is asked."""
    return answer


async def test_answers_that_are_too_large_together_are_faults_and_smaller_ones_are_heard(bus: HubBus) -> None:
    for number in range(5):
        bus.subscribe(
            "topic=ftrack.action.launch",
            lambda _: {"message": "x" * 7_000_000},
            subscriber={"id": f"{number}"},
        )
    said = await launch(bus, JANE, item("large"), [TASK], None, 30)
    assert len(said.replies) == 4
    (fault,) = said.faults
    assert "too large beside the others" in fault.reason
    assert fault.publisher == "listeners"


async def test_a_menu_has_room_for_ten_thousand_items(bus: HubBus) -> None:
    for number in range(11):
        items = [item(f"{number}-{each}") for each in range(1000)]
        bus.subscribe("topic=ftrack.action.discover", partial(always, {"items": items}))
    menu = await discover(bus, JANE, [], 30)
    assert len(menu.items) == 10_000
    assert "The menu is full" in menu.faults[0].reason


async def test_a_menu_of_entries_has_room_for_ten_thousand(bus: HubBus) -> None:
    many = [{"name": str(each), "value": each} for each in range(10_001)]
    bus.subscribe("topic=ftrack.dynamic-enumerator", lambda _: many)
    menu = await entries(bus, JANE, {"attributeName": "a"}, 30)
    assert len(menu.items) == 10_000
    assert "The menu is full" in menu.faults[0].reason


@pytest.mark.parametrize(
    ("said", "path", "publisher"),
    [
        ({"path": "/mnt/london/a"}, "/mnt/london/a", "callboard"),
        ({"path": None, "success": False, "message": "The disk is away."}, "/elsewhere", "listeners"),
    ],
)
async def test_the_owner_of_a_location_is_heard_before_whoever_is_quicker(
    bus: HubBus, said: Any, path: str, publisher: str
) -> None:
    said_first, quicker = asyncio.Event(), {"id": "quicker"}

    async def owner(_: Event) -> Any:
        await said_first.wait()
        return said

    async def other(event: Event) -> None:
        await bus.publish(reply_to(event, {"path": "/elsewhere"}, quicker))
        said_first.set()

    house = HubBus(bus._hub, Principal("callboard"))
    try:
        house.subscribe(f"topic={RESOLVE}", owner)
        bus.subscribe(f"topic={RESOLVE}", other, subscriber=quicker)
        found = await resolved(bus, JANE, "c", "london", Platform.LINUX, "", 30, owner="callboard")
    finally:
        await house.close()
    assert (found.path, found.publisher) == (path, publisher)


async def test_of_two_changes_of_one_field_the_first_stays(bus: HubBus) -> None:
    for name in "ab":
        bus.subscribe(
            "topic=ftrack.validate",
            partial(always, {"changes": {"name": name, "status": "hidden"}}),
            subscriber={"id": name},
        )
    said = await verdict(bus, validating(JANE, {"name": "x"}), 30)
    (fault,) = said.faults
    assert said.changes == {"name": "b" if fault.subscriber == "a" else "a", "status": "hidden"}
    assert "`name` was changed to another value" in fault.reason


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "values",
    [{"a": nested(200)}, {"x" * 100_000: 1}, {"a": object()}, {"a": 10**5000}],
    ids=["deep", "key", "object", "digits"],
)
def test_what_the_hub_takes_from_nobody_is_refused_before_it_is_published(values: Any) -> None:
    with pytest.raises(BadEvent):
        launching(JANE, item("bad"), [TASK], values)


@pytest.mark.parametrize("wrong", [{}, {"actionIdentifier": None}, {"actionIdentifier": "  "}])
def test_an_item_without_an_identifier_can_not_be_launched(wrong: Any) -> None:
    with pytest.raises(BadItem):
        launching(JANE, wrong, [])


def test_a_form_that_was_triggered_needs_no_label() -> None:
    event = launching(JANE, {"actionIdentifier": "x"}, [TASK], {"a": 1})
    assert event.data["actionData"] == {}
    assert event.source == {"user": {"id": "u-1", "username": "jane"}}


def test_equal_values_are_one_whatever_the_order_of_their_keys() -> None:
    seen = Distinct()
    assert [seen.add(each) for each in ({"a": 1, "b": [2]}, {"b": [2], "a": 1}, 1, "1", True, None, 1)] == [
        *(True, False, True, True, True, True, False)
    ]


def test_faults_beyond_the_bound_are_counted() -> None:
    faults = Faults(2)
    for number in range(5):
        faults.add(Fault("s", "jane", f"Wrong {number}."))
    assert [each.reason for each in faults.all] == ["Wrong 0.", "Wrong 1.", "There were 3 more faults."]
