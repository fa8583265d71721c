"""`callboard listen`: events as they come, one line each."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from callboard.cli.outcome import EXPRESSION, AsJson, WrongUse
from callboard.cli.output import note, say_event
from callboard.cli.reach import Reach
from callboard.cli.when import NOW, Since, moment_or_none

if TYPE_CHECKING:
    from callboard.client.client import Client
    from callboard.client.listener import Listener
    from callboard.event import Event

ONLOOKER = {"applicationId": "callboard.cli", "replies": False}
"""What is said of us: nobody waits for a reply of somebody who only looks."""


def listen(
    expression: Annotated[str, Parameter(help=EXPRESSION)],
    /,
    *,
    since: Since = None,
    durable: Annotated[str | None, Parameter(help="A cursor's name: go on where it stands.")] = None,
    count: Annotated[int | None, Parameter(help="Stop after so many events.")] = None,
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> None:
    """Print events as they come, from the past on if asked, until Ctrl-C; a hub that restarts loses none."""
    if count is not None and count < 1:
        raise WrongUse("--count takes a whole number from 1.")
    printer = Printer(count, as_json)
    begin = moment_or_none(since) or (None if durable else NOW)
    asyncio.run(_listen(expression, begin, durable, printer, reach or Reach()))


class Printer:
    """The handler: prints an event, and ends after the last one that is wanted."""

    def __init__(self, count: int | None, as_json: bool) -> None:
        self._left = count
        self._as_json = as_json
        self.done = asyncio.Event()
        self.broken: OSError | None = None

    def __call__(self, event: Event) -> None:
        """Print an event."""
        try:
            say_event(event, self._as_json)
        except OSError as error:  # nobody reads our output any more
            self.broken = error
            self.done.set()
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                self.done.set()


async def _listen(
    expression: str, since: str | None, durable: str | None, printer: Printer, reach: Reach
) -> None:
    from callboard.client.connecting import connect

    known = reach.credentials
    async with connect(known.url, known.user, known.key) as board:
        _stop_on_signals(printer.done)
        await _print(board, expression, since, durable, printer)
    if printer.broken is not None:
        raise BrokenPipeError


async def _print(
    board: Client, expression: str, since: str | None, durable: str | None, printer: Printer
) -> None:
    def handle(event: Event) -> None:
        printer(event)
        if printer.done.is_set():
            listener.close()  # at once: what waits behind this event stays with a durable cursor

    listener = board.subscribe(expression, handle, subscriber=ONLOOKER, durable=durable, after=since)
    greeting = asyncio.create_task(_greet(board, listener))
    waits = [asyncio.ensure_future(wait) for wait in (printer.done.wait(), listener.over(), board.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            if wait.done():
                wait.result()
    finally:
        for wait in (greeting, *waits):
            wait.cancel()
        await asyncio.gather(greeting, *waits, return_exceptions=True)


async def _greet(board: Client, listener: Listener) -> None:
    """Say that we listen, once it is true; why it can't be is told by who waits for the end."""
    await listener.ready()
    note(f"Listening at {board.credentials.url}, Ctrl-C ends.")


def _stop_on_signals(done: asyncio.Event) -> None:
    """Let Ctrl-C and SIGTERM end us as if all had been said: the event at hand is finished."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: there Ctrl-C interrupts
            loop.add_signal_handler(number, done.set)
