"""`callboard virtual-printer`: a printer that is not there, for any print host."""

from __future__ import annotations

import asyncio
import selectors
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import structs

from callboard.cli.output import note, say
from callboard.cli.simulated import Body, Conversation, Place, Reached, Troubles
from callboard.errors import CallboardError
from callboard.printing.virtual.mishaps import TROUBLES
from callboard.printing.virtual.settings import Virtual

if TYPE_CHECKING:
    from callboard.printing.virtual import VirtualPrinter

_WRITTEN = 0.1


class CantServe(CallboardError):
    """The virtual printer has no place to be reached at: choose another."""


def virtual_printer(
    *,
    reached: Reached = Reached(),  # noqa: B008 - frozen, and the command line's way to say what it takes
    body: Body = Body(),  # noqa: B008
    conversation: Conversation = Conversation(),  # noqa: B008
    troubles: Troubles = Troubles(),  # noqa: B008
) -> None:
    """Be a printer for any print host, on a pseudo terminal or a TCP port, until Ctrl-C."""
    if troubles.troubles:
        for word in sorted(TROUBLES):
            say(word.replace("_", "-"))
        return
    settings = Virtual(
        **body.settings,
        **conversation.settings,
        **troubles.settings,
        draw=reached.camera is not None,
        remember=reached.remembered,
    )
    _run(_serve(settings, reached.places(conversation)))


async def _serve(settings: Virtual, places: list[Place]) -> None:
    from callboard.printing.virtual import VirtualPrinter

    ended = asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, ended.set)
    closing: list[Callable[[], Coroutine[Any, Any, None]]] = []
    try:
        for number, place in enumerate(places):
            own = structs.replace(settings, seed=settings.seed + number)
            await _open(VirtualPrinter(own), place, closing)
        note("Ctrl-C ends it." if len(places) == 1 else f"{len(places)} printers. Ctrl-C ends them.")
        await ended.wait()
    finally:
        for close in closing:
            await close()


async def _open(
    printer: VirtualPrinter, place: Place, closing: list[Callable[[], Coroutine[Any, Any, None]]]
) -> None:
    """Open what a printer is reached at, and say where that is: one line on stdout each."""
    from callboard.printing.virtual.camera import serve_camera
    from callboard.printing.virtual.fronts import PtyFront, serve_tcp

    def close(server: asyncio.Server) -> Callable[[], Coroutine[Any, Any, None]]:
        async def closed() -> None:
            server.close()

        return closed

    try:
        if place.tcp:
            server = await serve_tcp(printer, place.tcp.host, place.tcp.port, wire=place.wire)
            closing.append(close(server))
            say(f"socket://{place.tcp.host}:{server.sockets[0].getsockname()[1]}")
        if place.link or not place.tcp:
            front = PtyFront(printer, place.link, baudrate=place.baudrate, wire=place.wire, renamed=note)
            closing.append(front.close)
            say(str(front.link or front.name))
        if place.camera:
            server = await serve_camera(printer, place.camera.host, place.camera.port)
            closing.append(close(server))
            port = server.sockets[0].getsockname()[1]
            say(f"http://{place.camera.host}:{port}/snapshot.jpg")
        if place.accepted:
            closing.append(_writing_down(printer, place.accepted))
    except OSError as error:
        raise CantServe(f"The virtual printer can't be reached there: {error}.") from None


def _writing_down(printer: VirtualPrinter, path: Path) -> Callable[[], Coroutine[Any, Any, None]]:
    """Write what a printer accepts to a file, a line each, ten times a second; returns what ends that."""
    file = path.open("w", encoding="latin-1", newline="\n")
    taken = printer.firmware.accepted

    def write() -> None:
        file.writelines(f"{taken.popleft()}\n" for _ in range(len(taken)))
        file.flush()

    async def writing() -> None:
        while True:
            await asyncio.sleep(_WRITTEN)
            write()

    task = asyncio.get_running_loop().create_task(writing())

    async def close() -> None:
        task.cancel()
        write()
        file.close()

    return close


def _run(serving: Coroutine[Any, Any, None]) -> None:
    """Run on a loop whose timers are exact to microseconds: epoll's, which are not, would slow a wire."""
    with asyncio.Runner(loop_factory=_exact_loop) as runner:
        runner.run(serving)


def _exact_loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(selectors.SelectSelector())
