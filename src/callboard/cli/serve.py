"""`callboard serve`: a hub in this process, until it is told to stop."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter

from callboard.cli.outcome import WrongUse, told
from callboard.cli.output import note, say
from callboard.client.credentials import data_folder
from callboard.errors import BadConfig

if TYPE_CHECKING:
    from callboard.config import Config


def serve(
    *,
    config: Annotated[Path | None, Parameter(help="callboard.yaml, or an OctoPrint config.yaml.")] = None,
    data: Annotated[
        Path | None, Parameter(help="Data folder. [default: CALLBOARD_DATA, else your own]")
    ] = None,
    host: Annotated[str | None, Parameter(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[
        int | None, Parameter(help="Port to listen on; 0 takes a free one. [default: 8030]")
    ] = None,
    log: Annotated[
        str | None,
        Parameter(
            help="Where the log is: a path, sqlite:///PATH, nats://HOST. [default: events.db with the data]"
        ),
    ] = None,
) -> None:
    """Run the hub and every room that the configuration turns on."""
    from callboard.config import Config, load

    settings = load(_text(config), str(config)) if config else Config()
    for warning in settings.warnings:
        note(warning)
    settings = with_options(settings, host, port, log)
    folder = data_folder(data or settings.hub.data)
    run(settings, folder, lambda url: say(_GREETING.format(url=url, key=folder / "admin.key")))


_PORTS = 65535

_GREETING = """Callboard answers at {url}
  user  admin
  key   in {key}"""


def program() -> str:
    """Return how another terminal calls this program: by where it is, unless it is on the PATH."""
    beside = Path(sys.executable).with_name("callboard")
    if shutil.which("callboard") or not beside.exists():
        return "callboard"
    return shlex.quote(str(beside))


def with_options(settings: Config, host: str | None, port: int | None, log: str | None) -> Config:
    """Return the settings with what the command line says instead."""
    if port is not None and not 0 <= port <= _PORTS:
        raise WrongUse(f"--port takes a number from 0 to {_PORTS}.")
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    hub = msgspec.structs.replace(settings.hub, **given)
    kept = settings.log if log is None else msgspec.structs.replace(settings.log, url=log)
    return msgspec.structs.replace(settings, hub=hub, log=kept)


def run(settings: Config, folder: Path, started: Callable[[str], None]) -> None:
    """Serve until told to stop; `started` gets the address."""
    from callboard import board

    # A hook's command that says `connect()` shall find this hub, wherever its data folder is.
    os.environ["CALLBOARD_DATA"] = str(folder.absolute())
    board.run(settings, folder, lambda opened: started(opened.url))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"{path} can't be read: {told(error)}.") from None
