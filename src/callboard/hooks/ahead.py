"""What need not wait for the disk: the command of an event that has just come begins while its run is stored.

    Wanted(running) -> journal.note -> Actions.begin -> Lanes.begin ... stored -> Lanes.start

Only commands, for only they are slow to start and may run twice after a crash; only events newer than
the loading of the hooks, for of older ones a run may be there already; and only a few at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from callboard.hooks.actions import Actions
from callboard.hooks.lanes import Lanes
from callboard.hooks.model import Hook, System
from callboard.hooks.run import Step, Wanted, started
from callboard.hooks.runs import Runs

MOST: Final = 4
"""Commands begun at once for one event: each costs a tenth of a millisecond, which others wait."""


class Ahead:
    """Begins runs before they are stored."""

    def __init__(self, runs: Runs, actions: Actions, lanes: Lanes) -> None:
        self._runs, self._actions, self._lanes = runs, actions, lanes
        self._hooks: dict[str, Hook] = {}

    def exchange(self, hooks: Sequence[Hook]) -> None:
        """Take these hooks in place of the ones before."""
        self._hooks = {hook.name: hook for hook in hooks if isinstance(hook.action, System)}
        if self._hooks:
            self._actions.open()

    def begun(self, steps: list[Step]) -> list[Step]:
        """Begin what can be, and return the steps to be stored."""
        if not self._lanes.caught_up.is_set():
            return steps
        left = MOST
        for at, step in enumerate(steps):
            if left and isinstance(step, Wanted) and step.state == "running" and step.hook in self._hooks:
                steps[at] = self._begin(step, self._hooks[step.hook])
                left -= 1
        return steps

    def _begin(self, step: Wanted, hook: Hook) -> Wanted:
        assert step.event.entry is not None
        if not self._runs.journal.note(step.event.entry.position, step.hook):
            return step
        run = started(step, self._runs.number())
        if (begun := self._actions.begin(hook, run)) is None:
            return step
        self._lanes.begin(step, run, begun)
        return msgspec.structs.replace(step, number=run.id)
