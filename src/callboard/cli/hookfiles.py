"""`callboard hooks` on files: check, import, and what another file would have done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

from callboard.cli.outcome import WrongUse, told
from callboard.client.credentials import NoHub, data_folder, find
from callboard.errors import BadConfig, CallboardError

if TYPE_CHECKING:
    from callboard.cli.reach import Reach
    from callboard.client.http import Http
    from callboard.event import Event
    from callboard.hooks.checking import Checked
    from callboard.hooks.importer import Imported
    from callboard.hooks.model import HookSet
    from callboard.hooks.planning import Difference

_PAGE = 1000
"""Events that are compared at once."""


def read_hooks_of(file: Path) -> Checked:
    """Return what a configuration file says of hooks; raises WrongUse when it can't be read."""
    from callboard.hooks.checking import check

    return check(_text(file), str(file))


def import_file(file: Path, out: Path | None) -> Imported:
    """Return an OctoPrint file's hooks in our form, written to `out` as well unless that is None."""
    from callboard.hooks.importer import import_config

    try:
        found = import_config(_text(file))
    except BadConfig as error:
        raise BadConfig(f"{file}: {error}") from None
    if out is not None:
        _write(out, found.text)
    return found


def differences(
    files: tuple[Path, Path], since: str, data: Path | None, reach: Reach
) -> Iterator[Difference]:
    """Yield what the second file would have done otherwise than the first with the events since then.

    The events are those of the hub; where none runs, those of the data folder's log.
    """
    from callboard.hooks.listening import subscription
    from callboard.hooks.planning import diff

    old, new = _right(files[0]), _right(files[1])
    expression = subscription([*old.hooks, *new.hooks], ())
    with asyncio.Runner() as runner:
        pages = _pages(expression, since, data, reach)
        while (events := runner.run(_next(pages))) is not None:
            yield from diff(old, new, events)
        runner.run(pages.aclose())


async def _next(pages: AsyncGenerator[list[Event]]) -> list[Event] | None:
    return await anext(pages, None)


def _right(file: Path) -> HookSet:
    """Return a file's hooks; raises BadConfig with its faults."""
    found = read_hooks_of(file).loaded
    if found.faults:
        raise BadConfig("\n".join(map(str, found.faults)))
    return found


async def _pages(expression: str, since: str, data: Path | None, reach: Reach) -> AsyncGenerator[list[Event]]:
    try:
        credentials = find(reach.url, reach.user, reach.key, data=data)
    except NoHub:
        path = data_folder(data) / "events.db"
        if not path.exists():
            raise
        events = _stored(path, expression, since)
    else:
        from callboard.client.http import Http

        events = _served(Http(credentials), expression, since)
    async with aclosing(events):
        page: list[Event] = []
        async for event in events:
            page.append(event)
            if len(page) == _PAGE:
                yield page
                page = []
        if page:
            yield page


async def _served(http: Http, expression: str, since: str) -> AsyncGenerator[Event]:
    from callboard.client.history import look_back

    async with http, aclosing(look_back(http, expression, since)) as entries:
        async for stored in entries:
            yield stored.opened


async def _stored(path: Path, expression: str, since: str) -> AsyncGenerator[Event]:
    """Yield the events of a log that no hub has open."""
    from callboard.hub.hub import Hub
    from callboard.hub.hubbus import position_of
    from callboard.hub.principal import Principal
    from callboard.logs import open_log

    log = await open_log(path)
    try:
        hub = Hub(log)
        after = await position_of(hub, since)
        while True:
            entries, position = await hub.history(Principal("admin"), expression, after, _PAGE)
            for entry in entries:
                yield entry.envelope.opened(log.stamp(entry))
            if position == after:
                return
            after = position
    finally:
        await log.close()


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"{file} can't be read: {told(error)}.") from None


def _write(out: Path, text: str) -> None:
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise WrongUse(f"{out} exists: give another name, or move it away first.") from None
    except OSError as error:
        raise CallboardError(f"{out} can't be written: {error.strerror}.") from None
