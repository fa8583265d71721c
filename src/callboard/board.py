"""The board: opens everything in one `async with`, and closes it in the opposite order.

The only place where the parts meet. Data flows one way: the log is opened first and closed last,
the hub follows it, rooms get a bus of the hub, doors let the outside in.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from msgspec import Struct

from callboard import __version__
from callboard.config import Config
from callboard.errors import CallboardError
from callboard.event import Event
from callboard.files.opening import open_files
from callboard.files.room import Files
from callboard.hooks.checking import of_config
from callboard.hooks.lease import Lease
from callboard.hooks.room import Hooks
from callboard.hooks.shared import SharedHooks
from callboard.hub.hub import Hub
from callboard.hub.hubbus import HubBus
from callboard.hub.principal import ADMIN, Keys, Principal
from callboard.jobs.room import Jobs
from callboard.lastrun import LastRun, Updates
from callboard.logs import open_log
from callboard.logs.lock import Lock
from callboard.logs.retention import Retention, retaining
from callboard.printing.host import PrintHost
from callboard.reloading import Reloading, say_hints
from callboard.server.doors import doors_open
from callboard.server.files import file_operations
from callboard.server.gateways import Gateways
from callboard.server.hooks import HookHouse, hook_operations
from callboard.server.jobs import job_operations
from callboard.server.listening import address, listen
from callboard.server.operation import Operation
from callboard.server.printers import printer_operations
from callboard.server.settings import settings_operations
from callboard.server.slicing import slicing_operations
from callboard.server.studio import studio_operations
from callboard.server.studiohouse import StudioHouse
from callboard.server.timelapses import timelapse_operations
from callboard.server.tracker import tracker_opened, tracker_operations
from callboard.server.uploadhouse import Uploads
from callboard.server.uploads import upload_operations
from callboard.server.versions import in_house, version_operations
from callboard.slicing.opening import open_slicing
from callboard.slicing.printers import LEADS
from callboard.store import Store, open_store
from callboard.studio.opening import open_studio
from callboard.studio.shelf import FOLDER, Shelf
from callboard.studio.spelling import SPELLINGS
from callboard.timelapse.opening import open_timelapses

log = structlog.get_logger("callboard.board")

HOUSE = Principal("callboard")
"""Who publishes what happens in the house itself: starting, clients coming and going, hooks."""

_SHARED = ("nats", "tls")
"""Addresses of logs that several nodes are on."""


class CantServe(CallboardError):
    """The hub can't start: see the reason and start again."""


class Board(Struct, frozen=True):
    """What is open: where it answers, and its parts."""

    url: str
    data: Path
    hub: Hub
    keys: Keys
    gateways: Gateways
    hooks: Hooks | SharedHooks
    files: Files
    host: PrintHost
    reloading: Reloading | None
    """None without a configuration file."""


@contextlib.asynccontextmanager
async def open_board(config: Config, data: Path) -> AsyncIterator[Board]:
    """Open the log, the hub, the rooms that the configuration turns on, and the doors.

    Raises CantServe, BadConfig or StorageFailed, a sentence each; then nothing is left running.
    """
    for warning in config.warnings:
        log.warning("configuration", warning=warning)
    if config.left_alone:
        log.info("sections left alone", file=config.file, sections=", ".join(config.left_alone))
    async with contextlib.AsyncExitStack() as stack:
        sock = stack.enter_context(contextlib.closing(listen(config.hub.host, config.hub.port)))
        make_folder(data)
        stack.callback(Lock(data / "callboard", f"the data folder {data}").release)
        store = stack.enter_context(open_store(data / "callboard.db"))
        keys = Keys(store)
        keys.ensure_admin(data / "admin.key")
        hub = await stack.enter_async_context(_hub_opened(config, data))
        bus = HubBus(hub, HOUSE)
        stack.push_async_callback(bus.close)
        hooks = _hooks(config, bus, store, data)
        await stack.enter_async_context(hooks)
        updates = Updates(bus, LastRun(data / "settings.json"))
        reloading = await stack.enter_async_context(_reloading(config, hooks, updates))
        await bus.publish(Event("octoprint.Startup"))
        if reloading is not None:
            await updates.begin(reloading.running)
        stack.push_async_callback(_say_goodbye, bus)
        url = address(config.hub.host, sock)
        rooms = await stack.enter_async_context(_rooms_opened(config, data, bus, store, url))
        operations = (
            *hook_operations(_hook_house(hooks, reloading)),
            *settings_operations(reloading),
            *rooms.operations,
        )
        gateways = await stack.enter_async_context(doors_open(config.hub, hub, keys, bus, sock, operations))
        board = Board(url, data, hub, keys, gateways, hooks, rooms.files, rooms.host, reloading)
        stack.enter_context(_announced(board))
        yield board


@contextlib.asynccontextmanager
async def _hub_opened(config: Config, data: Path) -> AsyncIterator[Hub]:
    """Open the log, and the hub that follows it."""
    where = config.log.url or data / "events.db"
    events = await open_log(where, sync=config.log.sync, max_event=config.hub.max_event)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(events.close)
        await stack.enter_async_context(retaining(events, Retention(config.log.keep, config.log.max_bytes)))
        hub = await stack.enter_async_context(Hub(events, SPELLINGS, LEADS))
        await stack.enter_async_context(hub.durables.expiring(config.log.keep_cursors))
        yield hub


class _Rooms(Struct, frozen=True):
    """The rooms that are open, and what they answer over HTTP."""

    files: Files
    host: PrintHost
    operations: tuple[Operation, ...]


@contextlib.asynccontextmanager
async def _rooms_opened(
    config: Config, data: Path, bus: HubBus, store: Store, url: str
) -> AsyncIterator[_Rooms]:
    """Open the rooms, those first that others use."""
    shared = _is_shared(config)
    async with contextlib.AsyncExitStack() as stack:
        files = await stack.enter_async_context(open_files(bus, config.files, data))
        jobs = await stack.enter_async_context(Jobs(bus, store, name=_node(config, data)))
        films = await stack.enter_async_context(open_timelapses(bus, jobs, config, data))
        slicing = await stack.enter_async_context(open_slicing(bus, files, config.slicing, data))
        host = await stack.enter_async_context(PrintHost(bus, files.store, config.printers, alone=not shared))
        uploads = _uploads(config, data, files, url)
        tracker = await stack.enter_async_context(
            tracker_opened(bus, config.tracker, data, shared, uploads.free)
        )
        production, film = in_house(tracker), films.shelf.open_film
        if production is not None:
            await stack.enter_async_context(uploads.tended(production))
        studio = await stack.enter_async_context(
            open_studio(bus, files, film, config.studio, data, production)
        )
        house = StudioHouse(config.studio, production, config.studio.server_url or url)
        yield _Rooms(
            files,
            host,
            (
                *file_operations(files),
                *printer_operations(host),
                *job_operations(jobs),
                *timelapse_operations(films),
                *slicing_operations(slicing),
                *tracker_operations(tracker, uploads),
                *upload_operations(uploads, production),
                *studio_operations(house),
                *version_operations(studio),
            ),
        )


def _uploads(config: Config, data: Path, files: Files, url: str) -> Uploads:
    shelf = Shelf(data / FOLDER, config.files.max_upload)
    return Uploads(shelf, files.threads, config.studio.server_url or "", url)


async def _say_goodbye(bus: HubBus) -> None:
    with contextlib.suppress(CallboardError):
        await bus.publish(Event("octoprint.Shutdown"))


def _hooks(config: Config, bus: HubBus, store: Store, data: Path) -> Hooks | SharedHooks:
    """Return the room of the configuration's hooks; on a log of several nodes one of them runs them."""
    hooks = of_config(config).loaded
    say_hints(hooks)
    if not _is_shared(config):
        return Hooks(bus, store, hooks)
    return SharedHooks(bus, store, hooks, Lease(bus, node_of(data)))


def _node(config: Config, data: Path) -> str:
    """Return what workers call this hub by; alone on its log it needs no name."""
    return node_of(data) if _is_shared(config) else ""


def _is_shared(config: Config) -> bool:
    """Return whether several nodes may be on the log."""
    return urlsplit(config.log.url or "").scheme in _SHARED


def node_of(data: Path) -> str:
    """Return the name of this node among those on its log: that of its data folder, from start to start."""
    path = data / "node"
    if not path.exists():
        path.write_text(secrets.token_hex(8) + "\n")
    return path.read_text().strip()


@contextlib.asynccontextmanager
async def _reloading(
    config: Config, hooks: Hooks | SharedHooks, updates: Updates
) -> AsyncIterator[Reloading | None]:
    """Take up the configuration's file again when it changes, if there is one."""
    reloading = Reloading(config, hooks.reload, updates.say)
    if not reloading.found:
        yield None
        return
    watching = asyncio.create_task(reloading.watch())
    try:
        yield reloading
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def _hook_house(hooks: Hooks | SharedHooks, reloading: Reloading | None) -> HookHouse:
    return HookHouse(
        room=lambda: hooks.room if isinstance(hooks, SharedHooks) else hooks,
        reload=reloading.reload if reloading is not None else None,
        file=str(reloading.path) if reloading is not None else "",
    )


def make_folder(data: Path) -> None:
    """Make the data folder, for its owner alone; raises CantServe when it can't be written."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = data / f".writable.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CantServe(
            f"The data folder {data} can't be written ({error.strerror}): choose another with --data."
        ) from None


@contextlib.contextmanager
def _announced(board: Board) -> Iterator[None]:
    """Keep server.json in the data folder while we serve, so that commands find us."""
    path = board.data / "server.json"
    about = {"url": board.url, "user": ADMIN, "pid": os.getpid(), "version": __version__}
    part = path.with_suffix(".part")
    part.write_text(json.dumps(about) + "\n")
    part.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


async def serve(config: Config, data: Path, started: Callable[[Board], None]) -> None:
    """Serve until SIGTERM or Ctrl-C; `started` hears of the board once it answers."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_board(config, data) as board:
        _reload_on_sighup(board.reloading)
        _settle_memory()
        started(board)
        await stop.wait()


def _reload_on_sighup(reloading: Reloading | None) -> None:
    """Read the configuration again when told so; without a file there is nothing to do."""
    loop = asyncio.get_running_loop()
    if reloading is None:
        loop.add_signal_handler(signal.SIGHUP, log.info, "there is no configuration file to load again")
    else:
        loop.add_signal_handler(signal.SIGHUP, reloading.ask)


def _settle_memory() -> None:
    """Keep the garbage collector from walking what stays; entries make no cycles for it to find."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


def speak_plainly() -> None:
    """Log to standard error, one event a line; tracebacks without local values, which may be secrets."""
    shown = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(colors=shown, exception_formatter=structlog.dev.plain_traceback),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def run(config: Config, data: Path, started: Callable[[Board], None]) -> None:
    """Serve in this process, on uvloop, until told to stop."""
    import uvloop

    speak_plainly()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(config, data, started))
