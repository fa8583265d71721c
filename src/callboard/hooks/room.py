"""The hooks room: follows the bus, decides, queues, and runs.

    bus -> _receive -> decide -> batch -> runs.store_read(batch, cursor) -> lane -> action -> runs.finish

One subscription for all hooks with a cursor of its own, kept in callboard.db and moved in the
transaction that queues the runs; a cursor for each hook lost: a thousand hooks would read the log
a thousand times. A marker event on the log (`callboard.hooks.loaded`) says where new hooks begin
and when the past has been read.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

import structlog

from callboard.bus import Bus, Subscription
from callboard.errors import CallboardError, StorageFailed
from callboard.event import Event, new_id
from callboard.hooks.actions import Actions
from callboard.hooks.ahead import Ahead
from callboard.hooks.clock import Clock
from callboard.hooks.deciding import Decision, decide, document_of, scope_of
from callboard.hooks.explaining import Explanation, explain
from callboard.hooks.failure import failure
from callboard.hooks.fields import BadHook
from callboard.hooks.intake import Intake
from callboard.hooks.lanes import Lanes
from callboard.hooks.lease import Taken
from callboard.hooks.listening import Listening, subscription
from callboard.hooks.model import Hook, HookSet
from callboard.hooks.planning import past, steps, wanted
from callboard.hooks.run import Cancel, Known, Outcome, Run, Step, Wanted, number_of
from callboard.hooks.runs import Runs
from callboard.hooks.spelling import Spelling
from callboard.store import Store

log_ = structlog.get_logger("callboard.hooks")

LOADED: Final = "callboard.hooks.loaded"
STOPPED: Final = "callboard.hooks.stopped"
REFUSED: Final = "callboard.hooks.refused"
GAP: Final = "callboard.meta.gap"
_ONLOOKER: Final = {"room": "hooks", "replies": False}
"""Hooks hear requests and never reply: nobody shall wait for them."""


class Hooks:
    """The room; `async with Hooks(bus, store, hook_set)`: inside, hooks run."""

    def __init__(
        self,
        bus: Bus,
        store: Store,
        hooks: HookSet,
        *,
        grace: float = 5.0,
        taken: Taken | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.runs = Runs(store, clock)
        self.hook_set = hooks
        self._bus = bus
        self._grace = grace
        self._actions = Actions(bus)
        self._lanes = Lanes(self.runs, self._actions.act, self._failed)
        self._intake = Intake(self.runs, self._stored)
        self._ahead = Ahead(self.runs, self._actions, self._lanes)
        self._listening = Listening(())
        self._known: set[str] = set()
        self._marker = ""
        self._spelling = Spelling()
        self._subscription: Subscription | None = None
        self._generation = 0
        self._taken = taken
        self.hurry = False
        """True when this room must stop at once: another node runs the hooks."""
        self._end_marker = ""
        self._ended = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        began = self.runs.clock.now()
        self._intake.cursor, known = await self.runs.begin()
        self._known = set(known)
        for run in await self.runs.unknown(began):
            self._failed(run, run.state, Outcome("unknown", run.reason, plain=True))
        if self._taken is not None and self._taken.cursor:
            await self._take_over(self._taken.cursor)
        self._intake.start()
        await self._load(self.hook_set)
        self._keeping = asyncio.create_task(self._housekeeping())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.hurry:
            await self._read_to_the_end()
        self._turn_away()
        if self._keeping is not None:
            self._keeping.cancel()
        await self._intake.close()
        await self._lanes.end(self._grace)
        await self._actions.close()
        self.runs.journal.close()

    @property
    def hooks(self) -> Sequence[Hook]:
        """The hooks that are loaded, without those that are not enabled."""
        return [hook for hook in self.hook_set.hooks if hook.enabled]

    async def caught_up(self) -> None:
        """Wait until all that was on the log when the hooks were loaded has been read."""
        await self._lanes.caught_up.wait()

    async def reload(self, hooks: HookSet) -> None:
        """Take other hooks in place of these, if all of them are right; else change nothing.

        Raises BadHook with every fault; the event says no more than where and which kind each is.
        """
        if hooks.faults:
            faults = list(map(str, hooks.faults))
            log_.error("the hooks were not loaded again; the old ones stay", faults=faults)
            await self._bus.publish(Event(REFUSED, {"faults": [fault.told for fault in hooks.faults]}))
            raise BadHook("\n".join(faults))
        await self._load(hooks)
        await self.caught_up()

    async def redrive(self, runs: Collection[int] | None = None, hook: str = "") -> int:
        """Queue dead letters again: the given runs, or all, of one hook or of all; returns how many.

        Those of hooks that are not loaded stay dead letters.
        """
        names = await self.runs.redrive({one.name for one in self.hooks if hook in {"", one.name}}, runs)
        self._lanes.pump(sorted(set(names)))
        return len(names)

    async def replay(self, events: Iterable[Event], hook: str = "") -> int:
        """Run hooks again for events of the past, all or the one named; returns how many runs wait.

        Decisions are made as of now: what is late is skipped. A replay never takes the place of a live run.
        """
        chosen = [one for one in self.hooks if hook in {"", one.name}]
        wants = steps(chosen, past(events), self.runs.clock.now(), f"replay {new_id()[:8]}")
        for step in wants:
            if isinstance(step, Wanted) and step.state == "queued":
                self._lanes[step.hook].expect()
        self._lanes.stored(wants, await self.runs.store_read(wants, None))
        return sum(isinstance(step, Wanted) and step.state == "queued" for step in wants)

    async def explain(self, position: str, hook: str, event: Event | None) -> Explanation:
        """Return why a hook ran, or did not run, for the event at `position`."""
        return await explain(self.hook_set, self.runs, hook, position, event)

    @property
    def low_water(self) -> str:
        """The position behind which another node would have to begin, so that nothing is lost."""
        oldest = self.runs.oldest_open()
        return f"{_log(oldest)}-{number_of(oldest) - 1}" if oldest else self._intake.saved or ""

    async def _take_over(self, cursor: str) -> None:
        """Go on where another node's last claim says; what waits here was taken over by it before."""
        await self.runs.abandon((), "another node has run the hooks meanwhile")
        self._intake.cursor = cursor
        self._known.update(hook.name for hook in self.hooks)

    async def _load(self, hooks: HookSet) -> None:
        """Take these hooks in place of the ones before; known ones go on where they were."""
        names = [hook.name for hook in hooks.hooks]
        marker = Event(LOADED, {"hooks": names, "faults": [fault.told for fault in hooks.faults]})
        self._turn_away()
        await self._intake.settled()
        position = await self._bus.publish(marker)
        self.hook_set, self._marker = hooks, marker.id
        await self._exchange()
        self._listen(position)
        for fault in hooks.faults:
            log_.warning("a hook was left out", file=fault.file, line=fault.line, reason=fault.reason)
        if hooks.way_out:
            log_.warning(hooks.way_out)

    async def _exchange(self) -> None:
        """Put the loaded hooks in the place of the ones before."""
        if not self.hook_set.faults:  # one of the faulty ones may be theirs
            names = [hook.name for hook in self.hooks]
            await self.runs.abandon(names, "its hook is no longer in the configuration, or not enabled")
            await self.runs.forget(names)  # one that comes back begins anew, at the head of the log
            self._known.intersection_update(names)
        self._lanes.exchange(self.hooks, await self.runs.waiting())
        self._ahead.exchange(self.hooks)
        self._listening = Listening([hook for hook in self.hooks if hook.name in self._known])

    def _turn_away(self) -> None:
        """Take nothing more from the old subscription, so that the cursor stays before the marker."""
        self._generation += 1
        if self._subscription is not None:
            self._subscription.close()

    def _listen(self, marked: str) -> None:
        """Follow the bus from the cursor on, from the marker when there is none for this log."""
        cursor = self._intake.cursor
        if cursor is not None and _log(cursor) != _log(marked):
            log_.warning("the hooks' cursor is of another log; they begin at its head", cursor=cursor)
            cursor = None
        expression = subscription(self.hooks, (LOADED, STOPPED, GAP))
        receive = partial(self._receive, self._generation)
        self._subscription = self._bus.subscribe(
            expression, receive, subscriber=_ONLOOKER, after=cursor or marked
        )
        if cursor is None:
            self._begin_here(marked)

    async def _read_to_the_end(self) -> None:
        """Take what came before the end, `Shutdown` among it, for a second at most."""
        marker = Event(STOPPED)
        self._end_marker = marker.id
        with contextlib.suppress(CallboardError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self._bus.publish(marker)
                await self._ended.wait()

    def _begin_here(self, position: str) -> None:
        """The marker has come: from here on new hooks listen."""
        new = tuple(hook.name for hook in self.hooks if hook.name not in self._known)
        self._known.update(new)
        self._listening = Listening(self.hooks)
        self._intake.add([Known(new, position)], position)

    async def _receive(self, generation: int, event: Event) -> None:
        """Decide for one event; waits only when too much is waiting to be stored.

        What an older subscription still had in hand is dropped: the new one reads it again.
        """
        entry = event.entry
        if entry is None or generation != self._generation:
            return
        if event.topic == GAP and entry.time == 0:
            log_.warning("events are gone before the hooks saw them", **_gap(event.data))
        elif event.topic == LOADED and event.id == self._marker:
            self._begin_here(entry.position)
        elif event.id == self._end_marker:
            self._ended.set()
        else:
            self._intake.add(self._ahead.begun(self._steps_for(event)), entry.position)
        await self._intake.room()

    def _stored(self, steps: Sequence[Step], ids: Sequence[int | None]) -> None:
        self._lanes.stored(steps, ids)
        if self._lanes.caught_up.is_set() and not self._intake.waiting:
            self.runs.journal.stale()

    def _steps_for(self, event: Event) -> list[Step]:
        document = document_of(event)
        steps: list[Step] = [
            Cancel(hook.name, scope_of(hook, event), f"unless: {event.topic} came at {_position(event)}")
            for hook in self._listening.cancelled(document)
        ]
        now = self.runs.clock.now()
        other = self._spelling.other(event)
        for hook in self._listening.hooks(document):
            decision = Decision("skipped", other) if other else decide(hook, event, document, now)
            steps.append(self._step(hook, event, decision))
        return steps

    def _step(self, hook: Hook, event: Event, decision: Decision) -> Wanted:
        lane = self._lanes[hook.name]
        state = decision.state
        again = int(self._perhaps_done(event) or self.runs.journal.has(_position(event), hook.name))
        if again and state == "queued" and hook.kind == "gcode":
            reason = "another node may have sent the lines before it went; they are not sent again"
            return wanted(hook, event, Decision("unknown", reason))
        if state == "queued" and decision.due == 0 and lane.reserve(decision.key):
            state = "running"
        elif state == "queued":
            lane.expect()
        return wanted(hook, event, decision, state=state, repeats=again)

    def _perhaps_done(self, event: Event) -> bool:
        """Tell whether another node may have run its hooks for this event already."""
        taken = self._taken
        return (
            taken is not None
            and bool(taken.cursor)
            and number_of(_position(event)) <= number_of(taken.position)
        )

    def _failed(self, run: Run, state: str, outcome: Outcome) -> None:
        """Tell the log that a run failed for good, or that nobody knows what came of it."""
        self._bus.publish(failure(run, state, outcome)).add_done_callback(_look)

    async def _housekeeping(self) -> None:
        """Forget old runs, once an hour."""
        while True:
            try:
                await self.runs.prune()
            except StorageFailed as error:
                log_.error("old hook runs could not be forgotten", error=str(error))
            await asyncio.sleep(3600.0)


def _look(done: asyncio.Future[str]) -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        log_.error("a hook's failure could not be published", error=str(error))


def _log(position: str) -> str:
    return position.rpartition("-")[0]


def _position(event: Event) -> str:
    return event.entry.position if event.entry is not None else ""


def _gap(data: Any) -> dict[str, Any]:
    return {key: data.get(key) for key in ("after", "before", "missed")} if isinstance(data, dict) else {}
