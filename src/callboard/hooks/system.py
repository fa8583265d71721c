"""The `system` kind: run the commands, one after the other, until one fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from callboard.event import Event, caused_by, encode_json
from callboard.hooks.command import Invocation
from callboard.hooks.model import Hook, System
from callboard.hooks.output import Output
from callboard.hooks.process import Ended, run_process
from callboard.hooks.run import Outcome, Run
from callboard.hooks.surroundings import event_json, event_variables, inherited
from callboard.hooks.template import Refused, Values

MOST_AT_ONCE: Final = 200
"""Processes at once, of all hooks: each needs a few open files."""


class Commands:
    """Starts processes, one a loop turn, so that a burst of hooks never holds up everything else."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(MOST_AT_ONCE)
        self._turn = asyncio.Lock()

    async def run(self, hook: Hook, action: System, run: Run, event: Event) -> Outcome:
        """Run a hook's commands for an event."""
        try:
            invocations = [command.fill(Values(event)) for command in action.commands]
        except Refused as error:
            return Outcome("refused", str(error))
        environment = inherited(action.inherit) | event_variables(event) | hook_variables(hook, run, event)
        async with self._places:
            async with self._turn:
                await asyncio.sleep(0)
            return await _all(invocations, event_json(event), environment, action.cwd, hook.policy.timeout)


def hook_variables(hook: Hook, run: Run, event: Event) -> dict[str, str]:
    """Return what tells a program which hook and which attempt it is, and the trace for what it publishes."""
    return {
        "CALLBOARD_HOOK_NAME": hook.name,
        "CALLBOARD_HOOK_RUN": str(run.id),
        "CALLBOARD_HOOK_ATTEMPT": str(run.attempt),
        "CALLBOARD_HOOK_REPEAT": str(int(run.repeats > 0)),
        "CALLBOARD_HOOK_TRACE": encode_json(caused_by(event)).decode(),
    }


async def _all(
    invocations: list[Invocation],
    stdin: bytes,
    environment: Mapping[str, str],
    cwd: Path | None,
    seconds: float,
) -> Outcome:
    until = time.monotonic() + seconds
    output = Output()
    shown: list[str] = []
    for invocation in invocations:
        shown.append(invocation.shown)
        left = max(0.0, until - time.monotonic())
        ended = await run_process(
            invocation.argv,
            stdin=stdin,
            environment={**environment, **invocation.environment},
            cwd=cwd,
            timeout=left,
        )
        output = ended.output if len(shown) == 1 else _both(output, ended.output)
        if ended.exit != 0 or not ended.in_time:
            return Outcome(
                "failed",
                _reason(ended, seconds),
                ended.exit,
                "\n".join(shown),
                output,
                plain=not ended.reason,
            )
    return Outcome("done", "", 0, "\n".join(shown), output)


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
