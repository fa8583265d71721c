"""Where the log is: in memory, in a SQLite file, or on a NATS JetStream that several nodes share."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from callboard.errors import BadConfig, MissingExtra
from callboard.event import MAX_EVENT
from callboard.hub.log import Log
from callboard.logs.memory import MemoryLog


async def open_log(
    where: str | Path, *, sync: Literal["normal", "full"] = "normal", max_event: int = MAX_EVENT
) -> Log:
    """Open the log at `where`, and make it if there is none.

    `memory:`, a file path, `sqlite:///relative/path`, `sqlite:////absolute/path`, or
    `nats://[user:password@]host:port[/stream]`. `sync` is SQLite's: `normal` survives the death of
    the process, `full` that of the power too. Raises BadConfig for another address, and
    StorageFailed with one sentence when it can't be opened.
    """
    address = str(where)
    scheme = "" if isinstance(where, Path) else urlsplit(address).scheme
    if address == "memory:":
        return MemoryLog(max_event=max_event)
    if scheme in ("nats", "tls"):
        try:
            from callboard.logs.jetstream import open_jetstream
        except ModuleNotFoundError:
            raise MissingExtra("A log on NATS needs an extra: pip install 'callboard[nats]'.") from None
        return await open_jetstream(address, max_event=max_event)
    if scheme == "sqlite":
        address = unquote(address.removeprefix("sqlite://").removeprefix("/"))
    elif "://" in address:
        raise BadConfig(
            f"{scheme[:80]}:// is no way to a log: write memory:, a file's path, sqlite:///PATH or nats://HOST:PORT."
        )
    from callboard.logs.sqlite import open_sqlite

    return open_sqlite(Path(address), sync=sync, max_event=max_event)
