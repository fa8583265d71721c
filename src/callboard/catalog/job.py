"""Keys and payloads that several print events share.

The seed's `file` is a name, never a path on the host's disk; today's hosts call it `path` and
its last part `name`. Both stand side by side here, with the seed's key first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import UNSET, UnsetType

from callboard.catalog.payload import Payload, Topic, seed, today

HOST = "the print host"

File = Annotated[str, seed("The file's path inside its storage, such as `parts/arm.gcode`.")]
Origin = Annotated[Literal["local", "sdcard"], seed("Where the file lies.")]
Name = Annotated[str, today("The last part of the file's path.")]
Path = Annotated[str, today("The file's path inside its storage, the same as `file`.")]
Seconds = Annotated[float, seed("How long it took, in seconds.")]
User = Annotated[str | None, today("Who asked for it.")]


class Position(Payload, frozen=True, kw_only=True):
    """Where the tool is; null where that is not known, as when the printer's own card prints."""

    x: Annotated[float | None, today("In mm.")]
    y: Annotated[float | None, today("In mm.")]
    z: Annotated[float | None, today("In mm.")]
    e: Annotated[float | None, today("The extruder, in mm.")]
    t: Annotated[int | None, today("The selected tool.")]
    f: Annotated[float | None, today("The feed rate, in mm/min.")]


class Job(Payload, frozen=True, kw_only=True):
    """The file of a job."""

    file: File
    origin: Origin
    name: Name | UnsetType = UNSET
    path: Path | UnsetType = UNSET
    size: Annotated[int | None, today("Its size in bytes.")] | UnsetType = UNSET
    owner: Annotated[str | None, today("Whose file it is.")] | UnsetType = UNSET
    user: User | UnsetType = UNSET


class Stop(Job, frozen=True, kw_only=True):
    """A job that stands still, or has ended before its end."""

    position: Annotated[Position, today("Where the tool was.")] | UnsetType = UNSET
    fileposition: Annotated[int, today("How many bytes of the file were read.")] | UnsetType = UNSET
    progress: Annotated[float, today("How far the job was, in percent.")] | UnsetType = UNSET


JOB: Mapping[str, Any] = {
    "file": "parts/arm.gcode",
    "origin": "local",
    "name": "arm.gcode",
    "path": "parts/arm.gcode",
    "size": 1843200,
    "user": "jane",
}
STOP: Mapping[str, Any] = {
    **JOB,
    "position": {"x": 120.5, "y": 84.2, "z": 3.6, "e": 812.4, "t": 0, "f": 3000.0},
    "fileposition": 401408,
    "progress": 21.8,
}


def printed(
    name: str,
    description: str,
    source: str,
    payload: type[Payload],
    example: Mapping[str, Any],
    *,
    by: str = HOST,
    since: str = "",
) -> Topic:
    """Return the topic of a print event, `octoprint.<name>`."""
    return Topic(
        name=f"octoprint.{name}",
        description=description,
        source=source,
        published_by=by,
        payload=payload,
        example=example,
        since=since,
    )
