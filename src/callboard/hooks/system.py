"""The `system` kind: run the commands, one after the other, until one fails.

begin(hook, run) -> Begun (the first command is on its way) -> run(..., begun) -> Outcome
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from typing import Final

from callboard.event import Event, caused_by, encode_json
from callboard.hooks.children import Children
from callboard.hooks.command import Invocation
from callboard.hooks.model import Hook, System
from callboard.hooks.output import Output
from callboard.hooks.places import Places
from callboard.hooks.process import Command, Ended, Process, begin
from callboard.hooks.run import Outcome, Run
from callboard.hooks.spawned import children
from callboard.hooks.surroundings import asked_for, event_json, event_variables, inherited
from callboard.hooks.template import Refused, Values

MOST_AT_ONCE: Final = 200
"""Processes at once, of all hooks: each needs a few open files."""


class Surroundings:
    """What the commands of one event share: its JSON and its variables."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self.values = Values(event)
        self.stdin = event_json(event)
        self.variables = event_variables(event)
        self.trace = encode_json(caused_by(event))


class Begun:
    """A run whose first command is on its way, or that is refused."""

    def __init__(self, commands: Sequence[Command], shown: Sequence[str], refused: str = "") -> None:
        self.commands, self.shown, self.refused = commands, shown, refused
        self.first: Process | None = None


class Commands:
    """Starts processes, one a loop turn, so that a burst of hooks never holds up everything else."""

    def __init__(self) -> None:
        self._places = Places(MOST_AT_ONCE)
        self._turn = asyncio.Lock()
        self._children: Children | None = None
        self._latest: Surroundings | None = None

    def open(self) -> None:
        """Have ready what starts processes, before the first is wanted."""
        if self._children is None:
            self._children = children(inherited())

    def begin(self, hook: Hook, action: System, run: Run, event: Event) -> Begun | None:
        """Start a run's first command at once; None when too many run."""
        return self._begun(hook, action, run, event) if self._places.take() else None

    async def run(
        self, hook: Hook, action: System, run: Run, event: Event, begun: Begun | None = None
    ) -> Outcome:
        """Run a hook's commands for an event."""
        if begun is None:
            await self._places.wait()
        try:
            if begun is None:
                async with self._turn:
                    await asyncio.sleep(0)
                begun = self._begun(hook, action, run, event)
            if begun.refused:
                return Outcome("refused", begun.refused)
            return await self._all(begun, hook.policy.timeout)
        finally:
            self._places.leave()

    def _begun(self, hook: Hook, action: System, run: Run, event: Event) -> Begun:
        shared = self._surroundings(event)
        try:
            invocations = [command.fill(shared.values) for command in action.commands]
        except Refused as error:
            return Begun((), (), str(error))
        own = {**asked_for(action.inherit), **shared.variables, **hook_variables(hook, run)}
        own[b"CALLBOARD_HOOK_TRACE"] = shared.trace
        commands = [Command(one.argv, shared.stdin, own | _encoded(one), action.cwd) for one in invocations]
        begun = Begun(commands, [one.shown for one in invocations])
        begun.first = begin(self._opened(), commands[0])
        return begun

    def _surroundings(self, event: Event) -> Surroundings:
        """Return what the commands of an event share: made once for all hooks that it concerns."""
        if self._latest is None or self._latest.event is not event:
            self._latest = Surroundings(event)
        return self._latest

    def _opened(self) -> Children:
        self.open()
        assert self._children is not None
        return self._children

    async def _all(self, begun: Begun, seconds: float) -> Outcome:
        until = time.monotonic() + seconds
        output = Output()
        for at, command in enumerate(begun.commands):
            process = begun.first if at == 0 and begun.first else begin(self._opened(), command)
            ended = await process.watch(max(0.0, until - time.monotonic()))
            output = _both(output, ended.output) if at else ended.output
            shown = "\n".join(begun.shown[: at + 1])
            if ended.exit != 0 or not ended.in_time:
                reason = _reason(ended, seconds)
                return Outcome("failed", reason, ended.exit, shown, output, plain=not ended.reason)
        return Outcome("done", "", 0, "\n".join(begun.shown), output)

    async def close(self) -> None:
        """Let go of what starts processes; none runs any more."""
        if self._children is not None:
            await self._children.close()


def hook_variables(hook: Hook, run: Run) -> Mapping[bytes, bytes]:
    """Return what tells a program which hook and which attempt it is."""
    return {
        b"CALLBOARD_HOOK_NAME": hook.name.encode("utf-8", "replace"),
        b"CALLBOARD_HOOK_RUN": b"%d" % run.id,
        b"CALLBOARD_HOOK_ATTEMPT": b"%d" % run.attempt,
        b"CALLBOARD_HOOK_REPEAT": b"%d" % (run.repeats > 0),
    }


def _encoded(invocation: Invocation) -> dict[bytes, bytes]:
    return {name.encode(): os.fsencode(value) for name, value in invocation.environment.items()}


def _both(one: Output, other: Output) -> Output:
    both = Output()
    for part in (one, other):
        both.add(part.head)
        both.size += part.size - len(part.head) - len(part.tail)
        both.add(part.tail)
    both.seconds = one.seconds + other.seconds
    return both


def _reason(ended: Ended, seconds: float) -> str:
    if ended.reason:
        return ended.reason
    if not ended.in_time:
        return f"it ran longer than its timeout of {seconds:g} s and was stopped"
    if ended.exit is not None and ended.exit < 0:
        return f"it was ended by signal {-ended.exit}"
    return f"exit code {ended.exit}"
