"""A process to kill: hooks on a SQLite log. `python -m tests.hooks.crashing FOLDER EVENTS CONCURRENCY`.

With EVENTS 0 it publishes one event after the other until it is killed, each once the last is stored: so each
command begins before its run is stored.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from pathlib import Path

from callboard.event import Event
from callboard.hooks.asking import REQUEST
from callboard.hooks.room import Hooks
from callboard.hub.hub import Hub
from callboard.hub.hubbus import HubBus
from callboard.hub.principal import Principal
from callboard.logs import open_log
from callboard.store import open_store
from tests.hooks.conftest import hook_set


async def waiting(room: Hooks) -> int:
    """Return how many runs have not ended."""
    counts = await room.runs.counts()
    return sum(states.get(state, 0) for states in counts.values() for state in ("queued", "running"))


async def one_by_one(bus: HubBus, folder: Path) -> None:
    """Publish for ever, and note what is stored; n is a number of its own for each event."""
    with (folder / "stored").open("a") as file:
        for n in itertools.count(time.time_ns()):
            await bus.publish(Event("a.b", {"n": n}))
            file.write(f"{n}\n")
            file.flush()
            await asyncio.sleep(0.002)


async def main(folder: Path, events: int, concurrency: int) -> None:
    """Publish on the first start, then run hooks until nothing is left."""
    counted = f"sh -c 'echo \"$1 $CALLBOARD_HOOK_REPEAT\" >> {folder}/out' _ {{n}}"
    hooks = hook_set(
        {"event": "a.b", "type": "system", "command": counted, "name": "count", "concurrency": concurrency},
        {
            "event": "a.b",
            "type": "gcode",
            "command": "M117 {n}",
            "printer": "p",
            "name": "gcode",
            "max_age": "1h",
            "when": "data.n<300",
        },
    )
    log = await open_log(folder / "events.db")
    with open_store(folder / "callboard.db") as store:
        async with Hub(log) as hub:
            bus = HubBus(hub, Principal("admin"))

            async def sent(event: Event) -> dict[str, bool]:
                with (folder / "sent").open("a") as file:
                    file.write(event.data["commands"][0].split()[1] + "\n")
                await asyncio.sleep(0.002)
                return {"success": True}

            bus.subscribe(f"topic={REQUEST}", sent)
            async with Hooks(bus, store, hooks) as room:
                if not events:
                    print("running", flush=True)
                    await one_by_one(bus, folder)
                if not (folder / "published").exists():
                    await asyncio.gather(*(bus.publish(Event("a.b", {"n": n})) for n in range(events)))
                    (folder / "published").touch()
                print("running", flush=True)
                await room.caught_up()
                while await waiting(room):
                    await asyncio.sleep(0.02)
                print("finished", flush=True)
            await bus.close()
    await log.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
