"""Hooks over HTTP: what there is, what ran and why (not), and running it again.

    request -> HooksDoor -> hooks.room.Hooks -> hookshapes -> JSON

Everything here needs the right `hooks`: commands may hold secrets, and running one again is an act.
What a key may not receive it can't replay either.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, get_args

from msgspec import Struct
from starlette.responses import Response

from callboard.event import Entry, Event
from callboard.hooks.checking import check
from callboard.hooks.fields import BadHook, nearest
from callboard.hooks.listening import subscription
from callboard.hooks.model import Hook, HookSet
from callboard.hooks.planning import Planned, plan
from callboard.hooks.room import Hooks
from callboard.hooks.run import State
from callboard.hub.hub import Hub
from callboard.hub.hubbus import position_of
from callboard.server import hookshapes as shapes
from callboard.server.body import decode
from callboard.server.hooknames import completed, known, no_event
from callboard.server.operation import JSON, Call, Operation, Outcome, Parameter, json
from callboard.server.problems import BAD_REQUEST, CONFLICT, NOT_FOUND, NOT_READY, Kind, Problem

RIGHT: Final = "hooks"
STATES: Final[tuple[str, ...]] = get_args(State)
BAD_CONFIG: Final = Kind(400, "bad-config", "This configuration can't be used")

_MOST_RUNS = 1000
_USUAL_RUNS = 100
_PAGE = 500
"""Events of one page of a replay."""
_DECISIONS = 20_000
"""Decisions of one page, about: with many hooks it has fewer events."""
_COMMAND = 64 * 1024
_PLANNED = 16 << 20
"""Characters of commands in one page of a dry run, about."""
_TEXT = 4 << 20
"""Bytes of a configuration that is to be checked; the reader itself takes a million characters."""
_SMALL = 256 * 1024
_YAML = "application/yaml"


class HookHouse(Struct, frozen=True):
    """What the doors need of the hooks room.

    `room` is None while another node runs the hooks; `reload` reads the configuration again
    and raises BadHook with its faults; it is None where there is no file to read.
    """

    room: Callable[[], Hooks | None]
    reload: Callable[[], Awaitable[HookSet]] | None = None
    file: str = ""


def hook_operations(house: HookHouse) -> tuple[Operation, ...]:
    """Return the operations under /v1/hooks."""
    door = HooksDoor(house)
    limit = {"type": "integer", "minimum": 1}
    named = Parameter(
        "hook", "One hook's name, or how it begins; without it all.", example="PrintDone system 1f0a2b3c"
    )
    return (
        _get("", door.list_hooks, Outcome(200, "All of them.", shapes.HookList)),
        _get(
            "/runs",
            door.list_runs,
            Outcome(200, "The latest.", shapes.RunList),
            named,
            Parameter("state", f"One state or several, with commas: {', '.join(STATES)}."),
            Parameter("limit", f"At most so many; {_USUAL_RUNS} unless said, {_MOST_RUNS} at most.", limit),
            Parameter("before", "The `next` of the page before.", limit),
            example="-G -d state=dead,refused -d limit=10",
        ),
        _get(
            "/explain",
            door.explain_hook,
            Outcome(200, "Why.", shapes.ExplanationInfo),
            Parameter("position", "The event's position."),
            Parameter("hook", "The hook's name, or how it begins."),
            example="-G -d position=5f0c2a91-17 -d hook=ledger",
        ),
        _post(
            "/replay",
            door.replay_hooks,
            Outcome(200, "Done, as far as this page goes.", shapes.Replayed),
            shapes.Replaying,
            example="""-d '{"since": "2026-01-01", "dry_run": true}'""",
        ),
        _post(
            "/redrive",
            door.redrive_runs,
            Outcome(200, "Queued.", shapes.Redriven),
            shapes.Redriving,
            example="""-d '{"hook": "ledger"}'""",
        ),
        _post("/reload", door.reload_hooks, Outcome(200, "Loaded.", shapes.HookList)),
        Operation(
            method="POST",
            path="/v1/hooks/check",
            answer=door.check_hooks,
            group="Hooks",
            rights=(RIGHT,),
            body={_YAML: str},
            outcomes=(Outcome(200, "What it says.", shapes.CheckedConfig),),
            example="--data-binary @callboard.yaml",
        ),
    )


def _get(path: str, answer: Answer, outcome: Outcome, *parameters: Parameter, example: str = "") -> Operation:
    return Operation(
        method="GET",
        path="/v1/hooks" + path,
        answer=answer,
        group="Hooks",
        rights=(RIGHT,),
        parameters=parameters,
        outcomes=(outcome,),
        example=example,
    )


def _post(
    path: str, answer: Answer, outcome: Outcome, body: type | None = None, example: str = ""
) -> Operation:
    return Operation(
        method="POST",
        path="/v1/hooks" + path,
        answer=answer,
        group="Hooks",
        rights=(RIGHT,),
        body={} if body is None else {JSON: body},
        outcomes=(outcome,),
        example=example,
    )


Answer = Callable[[Call], Awaitable[Response]]


class HooksDoor:
    """Answers for the hooks room."""

    def __init__(self, house: HookHouse) -> None:
        self._house = house

    async def list_hooks(self, _: Call) -> Response:
        """List the hooks.

        Those that are loaded, how many runs each has in which state, and the faults of those left out.
        """
        return json(await self._listed(self._room()))

    async def list_runs(self, call: Call) -> Response:
        """See what ran.

        Runs, newest first: the command, its exit code, what it printed, or the reason why nothing ran.
        """
        room = self._room()
        states = _states(call.text("state"))
        limit = call.number("limit", _USUAL_RUNS, _MOST_RUNS)
        before = call.number("before", 0, (1 << 63) - 1) or None
        hook = await self._meant(room, call.text("hook"))
        found = await room.runs.latest(hook, states, limit, before)
        way_on = found[-1].id if len(found) == limit else None
        return json(shapes.RunList([shapes.run_info(run) for run in found], way_on))

    async def explain_hook(self, call: Call) -> Response:
        """See why a hook ran for an event, or why it did not.

        Names the clause that failed, or the run. An event that the key may not receive is not there.
        """
        room, position = self._room(), call.text("position")
        event = await _event_at(call, position)
        hook = await self._meant(room, call.text("hook"))
        found = await room.explain(position, hook, event)
        if not found.runs:
            if hook not in {one.name for one in room.hook_set.hooks}:
                raise Problem(NOT_FOUND, found.reason)
            if event is None:
                raise Problem(NOT_FOUND, await no_event(call.house.hub, position))
        return json(shapes.explanation_info(found))

    async def replay_hooks(self, call: Call) -> Response:
        """Run hooks again for events of the past.

        With `dry_run` nothing runs, and `planned` has the very commands. A page looks at a few hundred
        events; go on with `next` and `until` until `next` is null. Windows (`coalesce`), `delay` and
        `unless` hold inside a page.
        """
        room = self._room()
        async with call.house.bodies.read(call.request, _SMALL) as body:
            asked = decode(body, shapes.Replaying)
        chosen = _loaded(room, asked.hook)
        hooks = [hook for hook in room.hooks if chosen in {"", hook.name}]
        page = await read_page(call, hooks, asked.since, asked.until)
        if asked.dry_run:
            return json(await asyncio.to_thread(_planned, hooks, page))
        queued = await room.replay(page.events, chosen)
        return json(shapes.Replayed([], queued, page.next, page.until))

    async def redrive_runs(self, call: Call) -> Response:
        """Try dead letters again.

        Those that failed for good, were refused, or whose outcome is unknown: G-code among them
        is sent again.
        """
        room = self._room()
        async with call.house.bodies.read(call.request, _SMALL) as body:
            asked = decode(body, shapes.Redriving)
        return json(shapes.Redriven(await room.redrive(asked.runs, _loaded(room, asked.hook))))

    async def reload_hooks(self, _: Call) -> Response:
        """Read the configuration again.

        If anything in it is wrong nothing changes, and the problem names every fault.
        """
        room = self._room()
        if self._house.reload is None:
            raise Problem(
                CONFLICT, "The hub was started without a configuration file: there is none to read."
            )
        try:
            await self._house.reload()
        except BadHook as error:
            raise Problem(BAD_CONFIG, str(error)) from None
        return json(await self._listed(room))

    async def check_hooks(self, call: Call) -> Response:
        """Check a configuration.

        The body is the text of a callboard.yaml, or of an OctoPrint config.yaml. Nothing is loaded.
        """
        async with call.house.bodies.read(call.request, _TEXT) as body:
            text = body.decode("utf-8", "replace")
        return json(shapes.checked_info(await asyncio.to_thread(check, text)))

    def _room(self) -> Hooks:
        room = self._house.room()
        if room is None:
            raise Problem(NOT_READY, "Another node of this hub runs the hooks: ask that one.")
        return room

    async def _meant(self, room: Hooks, text: str) -> str:
        """Return the name that `text` means, among the hooks that are loaded and those that once ran."""
        names = {hook.name for hook in room.hook_set.hooks} | set(await room.runs.counts())
        return completed(names, text)

    async def _listed(self, room: Hooks) -> shapes.HookList:
        counts, found = await room.runs.counts(), room.hook_set
        hooks = [
            shapes.hook_info(hook, counts.get(hook.name, {}), await room.runs.known_since(hook.name))
            for hook in found.hooks
        ]
        return shapes.HookList(
            self._house.file, hooks, shapes.faults_info(found.faults), shapes.faults_info(found.hints)
        )


class Page(Struct, frozen=True):
    """Events to replay; `next` is None at the end."""

    events: list[Event]
    next: str | None
    until: str


async def read_page(call: Call, hooks: Sequence[Hook], since: str, until: str) -> Page:
    """Return the next events that concern `hooks`, as far as the caller may receive them.

    The end is fixed with the first page: what replayed hooks publish is not replayed as well.
    """
    hub = call.house.hub
    after = await position_of(hub, since)
    end = hub.log.number(until) if until else await hub.log.last()
    limit = max(min(_PAGE, _DECISIONS // max(len(hooks), 1)), 1)
    entries, position = await hub.history(call.principal, subscription(hooks, ()), after, limit)
    events = [_opened(hub, entry) for entry in entries if entry.position <= end]
    over = position >= end or position == after
    return Page(events, None if over else hub.log.text(position), hub.log.text(end))


def _opened(hub: Hub, entry: Entry) -> Event:
    return entry.envelope.opened(hub.log.stamp(entry))


async def _event_at(call: Call, text: str) -> Event | None:
    """Return the event at a position; None when it is gone, or not for the caller."""
    hub = call.house.hub
    number = hub.log.number(text)
    found = [entry for entry in await hub.log.read(max(number - 1, 0), 1) if entry.position == number]
    if not found or not call.principal.may_receive(found[0].document):
        return None
    return _opened(hub, found[0])


def _planned(hooks: Sequence[Hook], page: Page) -> shapes.Replayed:
    """Return what would run; a page whose commands are too long ends earlier."""
    events, way_on, now = page.events, page.next, time.time()
    found = _plan(hooks, events, now)
    while len(events) > 1 and sum(len(one.command) for one in found) > _PLANNED:
        events = events[: len(events) // 2]
        found = _plan(hooks, events, now)
        way_on = events[-1].entry.position if events[-1].entry is not None else way_on
    queued = sum(one.state == "queued" for one in found)
    return shapes.Replayed([shapes.planned_info(one, _COMMAND) for one in found], queued, way_on, page.until)


def _plan(hooks: Sequence[Hook], events: Sequence[Event], now: float) -> list[Planned]:
    return plan(HookSet(tuple(hooks)), events, now)


def _loaded(room: Hooks, text: str) -> str:
    """Return the loaded hook's name that `text` means, nothing for nothing."""
    names = [hook.name for hook in room.hooks]
    return known(names, completed(names, text)) if text else ""


def _states(text: str) -> list[str]:
    states = [state.strip() for state in text.split(",") if state.strip()]
    for state in states:
        if state not in STATES:
            hint = nearest(state, STATES)
            raise Problem(BAD_REQUEST, f"There is no state {state[:40]!r}{hint}: {', '.join(STATES)}.")
    return states
