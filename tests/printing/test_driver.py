"""Drivers: what breaks in the looking for a printer does not end it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from callboard.config.printer import Printer
from callboard.printing.driver import Driver
from callboard.printing.streaming import Crossing
from callboard.printing.virtual import Virtual, VirtualPrinter


async def test_looking_that_broke_for_whatever_reason_is_begun_anew() -> None:
    broken = [True, True]

    def taken() -> Iterable[str]:
        if broken:
            broken.pop()
            raise RuntimeError("a mistake of ours")
        return ()

    driver = Driver(
        Printer(name="mk3", port="virtual"),
        Crossing(asyncio.get_running_loop()),
        taken=taken,
        virtual=lambda: VirtualPrinter(Virtual(speed=100.0)),
        looking=0.01,
    )
    driver.begin()
    async with asyncio.timeout(20):
        while not driver.is_linked():
            await asyncio.sleep(0.01)
    await driver.close()
