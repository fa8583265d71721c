"""What hooks do, by kind: each action takes an event and says what came of it."""

from __future__ import annotations

import structlog

from callboard.bus import Bus
from callboard.hooks.asking import send_gcode
from callboard.hooks.model import Gcode, Hook, Publish, System, Webhook
from callboard.hooks.publishing import publish_event
from callboard.hooks.run import Outcome, Run
from callboard.hooks.system import Begun, Commands
from callboard.hooks.webhook import Webhooks

log_ = structlog.get_logger("callboard.hooks")


class Actions:
    """The four kinds; `close` lets go of what they keep open."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._commands = Commands()
        self._webhooks = Webhooks()

    def open(self) -> None:
        """Have ready what is slow to begin: what starts processes."""
        self._commands.open()

    def begin(self, hook: Hook, run: Run) -> Begun | None:
        """Begin at once what `act` goes on with; None where it can't be."""
        if run.event is None or not isinstance(hook.action, System):
            return None
        return self._commands.begin(hook, hook.action, run, run.event)

    async def act(self, hook: Hook, run: Run, begun: Begun | None = None) -> Outcome:
        """Do what a hook does for a run's event, or go on with what was begun."""
        outcome = await self._act(hook, run, begun)
        if hook.debug:
            log_.info("a hook ran", hook=hook.name, position=run.position, command=outcome.command)
        return outcome

    async def _act(self, hook: Hook, run: Run, begun: Begun | None) -> Outcome:
        event = run.event
        assert event is not None
        match hook.action:
            case System() as action:
                return await self._commands.run(hook, action, run, event, begun)
            case Gcode() as action:
                return await send_gcode(self._bus, hook, action, event)
            case Webhook() as action:
                return await self._webhooks.post(hook, action, run, event)
            case Publish() as action:
                return await publish_event(self._bus, action, run, event)

    async def close(self) -> None:
        """Let go of connections."""
        await self._webhooks.close()
        await self._commands.close()
