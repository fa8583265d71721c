"""A process that appends to a log without end and prints each acknowledged position: made to be killed."""

from __future__ import annotations

import asyncio
import sys

from callboard.event import Draft, Event, seal
from callboard.logs import open_log


async def append_for_ever(where: str, sync: str) -> None:
    log = await open_log(where, sync="full" if sync == "full" else "normal")
    number = 0
    while True:
        futures = []
        for count in (1, 2, 30):
            events = [
                Event(topic="test.count", data={"n": number + n, "pad": "x" * 300}) for n in range(count)
            ]
            futures.append(log.append([Draft("jane", seal(event)) for event in events]))
            number += count
        for future in futures:
            for entry in await future:
                sys.stdout.write(f"{entry.position} {entry.envelope.event.data['n']}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(append_for_ever(sys.argv[1], sys.argv[2]))
