"""Wishing: each verb of a request as a wish to the printer's machine, and the answer.

    Asked -> ask -> Driver.do(wish), in the streaming loop -> Answer

A local file is opened in a thread before the machine hears of it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from msgspec import UNSET

from callboard.catalog import printers as catalog
from callboard.errors import CallboardError
from callboard.files.store import FileStore
from callboard.files.stored import StoredFile
from callboard.printing import wishes
from callboard.printing.asking import Refused
from callboard.printing.beds import Beds
from callboard.printing.driver import Driver
from callboard.printing.program import FileProgram
from callboard.printing.streaming import Streaming
from callboard.printing.wishes import Answer, Wish

ORDERED: Final = frozenset(
    {"select", "unselect", "start", "print", "pause", "resume", "cancel", "transfer", "clear"}
)
"""Verbs that are done one after the other, in the order in which they came."""

Way = Callable[[Driver, Any, str], Awaitable[Answer]]


class Wishing:
    """Turns what is asked into wishes; methods belong to the hub's loop."""

    def __init__(self, streaming: Streaming, files: FileStore, beds: Beds) -> None:
        self._streaming, self._files, self._beds = streaming, files, beds
        self._turns: dict[str, asyncio.Lock] = {}
        self._special: Mapping[str, Way] = {
            "connect": self._connect,
            "disconnect": self._disconnect,
            "select": self._select,
            "print": self._print,
            "transfer": self._transfer,
            "start": self._start,
            "clear": self._clear,
        }
        self._opened: dict[str, StoredFile] = {}

    async def ask(self, driver: Driver, verb: str, wanted: Any, user: str) -> Answer:
        """Do what is wanted of one printer, and return what came of it."""
        turn = self._turns.setdefault(driver.printer.name, asyncio.Lock())
        try:
            async with turn if verb in ORDERED else contextlib.nullcontext():
                if verb in self._special:
                    return await self._special[verb](driver, wanted, user)
                return await self._do(driver, wish(verb, wanted, user))
        except CallboardError as error:
            return Answer(False, str(error))
        except OSError as error:
            return Answer(False, f"The file can't be read: {error.strerror or error}.")

    async def _do(self, driver: Driver, asked: Wish) -> Answer:
        return await self._streaming.ask(lambda: driver.do(asked))

    async def _connect(self, driver: Driver, wanted: catalog.ConnectRequest, _: str) -> Answer:
        return await self._streaming.call(
            driver.connect(or_none(wanted.port) or "", or_none(wanted.baudrate))
        )

    async def _disconnect(self, driver: Driver, _: Any, __: str) -> Answer:
        return await self._streaming.call(driver.disconnect())

    async def _select(self, driver: Driver, wanted: catalog.SelectRequest, user: str) -> Answer:
        if wanted.origin == "sdcard":
            return await self._do(driver, wishes.SelectSd(wanted.file, user))
        return await self._with_program(driver, wanted.file, user, wishes.Select)

    async def _clear(self, driver: Driver, _: Any, __: str) -> Answer:
        """Take the bed for clear; not that of a print which only goes on making it full."""
        name = driver.printer.name
        if await self._prints(driver):
            return Answer(False, f"{name} prints: its bed is clear once that is over and taken off.")
        self._beds.clear(name)
        return Answer(True, f"{name}'s bed is clear.")

    async def _prints(self, driver: Driver) -> bool:
        return await self._streaming.ask(lambda: driver.machine.has_job)

    def _check_bed(self, printer: str) -> None:
        """Raise Refused if something may lie on a bed."""
        bed = self._beds.of(printer)
        if not bed["clear"]:
            raise Refused(
                f"{bed['file'] or 'Something'} may still lie on {printer}'s bed: take it off, "
                f"and say so with `callboard printers clear {printer}`."
            )

    async def _print(self, driver: Driver, wanted: catalog.PrintRequest, user: str) -> Answer:
        if or_none(wanted.if_clear) and not await self._prints(driver):  # else it is told that it prints
            self._check_bed(driver.printer.name)
        if wanted.origin == "sdcard":
            return await self._do(driver, wishes.SelectSd(wanted.file, user, then_print=True))
        return await self._with_program(driver, wanted.file, user, wishes.Print)

    async def _start(self, driver: Driver, _: Any, user: str) -> Answer:
        """Start what is selected; a file that was replaced since is selected anew, as it is now."""
        opened = self._opened.get(driver.printer.name)
        status = await self._streaming.ask(driver.status)
        job = status["job"] if status["state"]["id"] == "OPERATIONAL" else None
        if opened is not None and job and (job["path"], job["origin"]) == (opened.path, "local"):
            stored = await asyncio.to_thread(self._files.file, opened.path)
            if (stored.size, stored.modified) != (opened.size, opened.modified):
                return await self._with_program(driver, opened.path, user, wishes.Print)
        return await self._do(driver, wishes.Start(user))

    async def _transfer(self, driver: Driver, wanted: catalog.TransferRequest, user: str) -> Answer:
        remote = or_none(wanted.remote)
        return await self._with_program(
            driver, wanted.file, user, lambda program: wishes.Transfer(program, remote)
        )

    async def _with_program(
        self, driver: Driver, path: str, user: str, asked: Callable[[FileProgram], Wish]
    ) -> Answer:
        """Open a file and wish for something with it; the machine closes it in the end."""
        program = await asyncio.to_thread(self._program, path, user, driver.printer.name)
        return await self._do(driver, asked(program))

    def _program(self, path: str, user: str, printer: str) -> FileProgram:
        """Open a local file; raises Refused, what the files room raises, BadProgram or OSError."""
        stored = self._files.file(path)
        if stored.type != "machinecode":
            raise Refused(f"{path!r} is no G-code: slice it first.")
        analysis = stored.analysis or {}
        facts = {
            "layers": analysis.get("layers"),
            "estimate": analysis.get("estimatedPrintTime"),
            "statistic": stored.statistics.average_print_time.get(printer),
        }
        file = self._files.open(stored.path)
        try:
            program = FileProgram(file, path=stored.path, user=user, owner=stored.user or None, facts=facts)
        except BaseException:
            file.close()
            raise
        self._opened[printer] = stored
        return program


def wish(verb: str, wanted: Any, user: str) -> Wish:
    """Return the wish that a verb stands for; raises Refused for what can't be wished."""
    if verb in _BY_USER:
        return _BY_USER[verb](user)
    if verb in _PLAIN:
        return _PLAIN[verb](wanted)
    raise Refused(f"A printer can't be asked to {verb!r}.")


def or_none(value: Any) -> Any:
    """Return a value that was said, None for one that was not."""
    return None if value is UNSET else value


def _jog(wanted: catalog.JogRequest) -> Wish:
    said = {axis: or_none(getattr(wanted, axis)) for axis in ("x", "y", "z")}
    axes = {axis: value for axis, value in said.items() if value is not None}
    if not axes:
        raise Refused("jog takes x, y or z, in mm.")
    return wishes.Jog(axes, or_none(wanted.speed), or_none(wanted.absolute) is True)


def _home(wanted: catalog.HomeRequest) -> Wish:
    return wishes.Home(tuple(or_none(wanted.axes) or ()))


def _extrude(wanted: catalog.ExtrudeRequest) -> Wish:
    return wishes.Extrude(wanted.amount, or_none(wanted.speed) or 300.0, or_none(wanted.tool))


def _sd(wanted: catalog.SdRequest) -> Wish:
    if wanted.action == "delete":
        if not or_none(wanted.file):
            raise Refused("sd delete takes the `file` to delete.")
        return wishes.DeleteSd(str(wanted.file))
    return _SD[wanted.action]()


_BY_USER: Final[Mapping[str, Callable[[str], Wish]]] = {
    "pause": wishes.Pause,
    "resume": wishes.Resume,
    "cancel": wishes.Cancel,
    "unselect": lambda _: wishes.Deselect(),
    "stop": lambda _: wishes.EmergencyStop(),
}
_PLAIN: Final[Mapping[str, Callable[[Any], Wish]]] = {
    "gcode": lambda wanted: wishes.Gcode(tuple(wanted.commands)),
    "temperature": lambda wanted: wishes.Temperature(wanted.targets),
    "jog": _jog,
    "home": _home,
    "extrude": _extrude,
    "sd": _sd,
    "reply": lambda wanted: wishes.Reply(wanted.choice),
}
_SD: Final[Mapping[str, Callable[[], Wish]]] = {
    "refresh": wishes.RefreshSd,
    "mount": wishes.InitSd,
    "release": wishes.ReleaseSd,
}
