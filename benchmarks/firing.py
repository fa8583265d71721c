"""Fire events in a hub of this process, as benchmarks/hooking.py asks on stdin; a process of its own.

    python -m benchmarks.firing CONFIG DATA

Each line asked is {event, count, pause, data}: `count` events, one each `pause` seconds, whose `file`
is the nanosecond at which each was fired. Answered by the CPU seconds spent so far.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from pathlib import Path

import structlog
import uvloop

from callboard.board import HOUSE, open_board
from callboard.config import load
from callboard.event import Event
from callboard.hub.hubbus import HubBus


async def serve(config: str, data: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    async with open_board(load(Path(config).read_text(), config), Path(data)) as board:
        bus = HubBus(board.hub, HOUSE)
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            asked = json.loads(line)
            for _ in range(asked["count"]):
                event = {**asked.get("data", {}), "file": str(time.time_ns())}
                bus.publish(Event(f"octoprint.{asked['event']}", event))
                await asyncio.sleep(asked["pause"])
            print(time.process_time(), flush=True)
        await bus.close()


if __name__ == "__main__":
    uvloop.run(serve(*sys.argv[1:]))
