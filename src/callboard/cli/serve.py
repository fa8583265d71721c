"""`callboard serve` and `callboard demo`: a hub in this process, until it is told to stop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from callboard.cli.output import say
from callboard.client.credentials import data_folder
from callboard.errors import BadConfig


def serve(
    *,
    config: Annotated[Path | None, Parameter(help="callboard.yaml, or an OctoPrint config.yaml.")] = None,
    data: Annotated[Path | None, Parameter(help="Data folder.")] = None,
    host: Annotated[str | None, Parameter(help="Address to listen on.")] = None,
    port: Annotated[int | None, Parameter(help="Port to listen on; 0 takes a free one.")] = None,
    log: Annotated[
        str | None, Parameter(help="Where the log is: a path, sqlite:///PATH, nats://HOST.")
    ] = None,
) -> None:
    """Run the hub and every room that the configuration turns on."""
    from callboard import board
    from callboard.config import Config, load

    settings = load(_text(config), str(config)) if config else Config()
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = msgspec.structs.replace(settings, hub=msgspec.structs.replace(settings.hub, **given))
    if log is not None:
        settings = msgspec.structs.replace(settings, log=msgspec.structs.replace(settings.log, url=log))
    folder = data_folder(data or settings.hub.data)

    def started(opened: board.Board) -> None:
        say(f"Callboard answers at {opened.url}\n  user  admin\n  key   in {folder / 'admin.key'}")

    board.run(settings, folder, started)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"{path} can't be read: {error}.") from None
