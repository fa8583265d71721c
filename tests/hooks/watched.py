"""A process to be watched: hooks that get hostile values. `python -m tests.hooks.watched FOLDER`.

FOLDER/values.json holds lists of values; each list comes as an event of its own. Says on stdout how many
runs there were in each state.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from functools import partial
from pathlib import Path

from callboard.event import Event
from callboard.hooks.room import Hooks
from callboard.hub.hub import Hub
from callboard.hub.hubbus import HubBus
from callboard.hub.principal import Principal
from callboard.logs.memory import MemoryLog
from callboard.store import open_store
from tests.hooks.conftest import hook_set, until

NAMES = "abcdefghi"
"""Values of one event: strace shows at most 32 arguments."""
COMMAND = "/bin/true -- " + " ".join(f"{{{name}}} '<{{{name}}}>' \"{{{name}}}\"" for name in NAMES)
HOOKS = [
    {"event": "a.b", "type": "system", "command": COMMAND, "name": "plain", "concurrency": 8},
    {"event": "a.b", "type": "system", "command": COMMAND, "name": "shell", "shell": True, "concurrency": 8},
]


def arguments(values: list[str]) -> tuple[bytes, ...]:
    """Return what COMMAND must start /bin/true with."""
    filled = [text for value in values for text in (value, f"<{value}>", value)]
    return (b"/bin/true", b"--", *(text.encode() for text in filled))


async def main(folder: Path) -> None:
    values = json.loads((folder / "values.json").read_text())
    with open_store(folder / "callboard.db") as store:
        async with Hub(MemoryLog()) as hub:
            bus = HubBus(hub, Principal("admin"))
            async with Hooks(bus, store, hook_set(*HOOKS)) as room:
                await room.caught_up()
                for some in values:
                    await bus.publish(Event("a.b", dict(zip(NAMES, some, strict=True))))
                await until(partial(ended, room, len(values) * len(HOOKS)), 600)
                print(json.dumps(await states(room)))
            await bus.close()


async def states(room: Hooks) -> dict[str, int]:
    """Return how many runs there are in each state."""
    total = Counter[str]()
    for of_hook in (await room.runs.counts()).values():
        total.update(of_hook)
    return dict(total)


async def ended(room: Hooks, runs: int) -> bool:
    found = await states(room)
    return sum(found.values()) == runs and not {"queued", "running"} & set(found)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
