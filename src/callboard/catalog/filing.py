"""What the files room can be asked for: `callboard.files.<verb>`, each a request with one reply."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, UnsetType

from callboard.catalog.payload import OWN, Payload, Topic, own
from callboard.catalog.printers import Answered

_Path = Annotated[str, own("The path from the top of the folder of files, such as `parts/arm.gcode`.")]


class Wanted(Payload, frozen=True, kw_only=True):
    """A wish to the files room."""

    deadline: Annotated[float, own("Seconds after which it is too late.")] | UnsetType = UNSET


class FileListRequest(Wanted, frozen=True, kw_only=True):
    """A wish to know what files there are."""

    path: Annotated[str, own("The folder; all of them if left out.")] | UnsetType = UNSET
    recursive: Annotated[bool, own("Whether the folders inside are listed too.")] | UnsetType = UNSET


class FileRequest(Wanted, frozen=True, kw_only=True):
    """A wish about one file or folder."""

    path: _Path


class MoveRequest(FileRequest, frozen=True, kw_only=True):
    """A wish to have a file or folder elsewhere."""

    destination: Annotated[str, own("Its path there; a folder that is there means inside it.")]


class DeleteRequest(FileRequest, frozen=True, kw_only=True):
    """A wish to remove a file or folder."""

    recursive: Annotated[bool, own("Whether a folder may go with all that it holds.")] | UnsetType = UNSET


class FileOutcome(Answered, frozen=True, kw_only=True):
    """What came of a wish about a file."""

    file: Annotated[dict[str, Any], own("The file or folder, in the shape of GET /v1/files.")] | UnsetType = (
        UNSET
    )


class FileListOutcome(Answered, frozen=True, kw_only=True):
    """What files there are."""

    files: Annotated[list[dict[str, Any]], own("They, in the shape of GET /v1/files; at most 1000.")]


_ARM = {"origin": "local", "path": "parts/arm.gcode", "name": "arm.gcode", "type": "machinecode"}
_MOVE = {"path": "arm.gcode", "destination": "parts/"}


def _asked(
    verb: str,
    description: str,
    payload: type[Payload],
    example: dict[str, Any],
    outcome: str,
    *,
    file: dict[str, Any] | None = None,
) -> Topic:
    return Topic(
        name=f"callboard.files.{verb}",
        description=description,
        source=OWN,
        published_by="whoever may use files",
        payload=payload,
        example=example,
        reply=FileOutcome,
        reply_example={"success": True, "message": outcome, **({"file": file} if file is not None else {})},
        since="0.1",
    )


TOPICS = (
    Topic(
        name="callboard.files.list",
        description="The files in a folder are asked for.",
        source=OWN,
        published_by="whoever may use files",
        payload=FileListRequest,
        example={"path": "parts"},
        reply=FileListOutcome,
        reply_example={"success": True, "message": "1 file or folder.", "files": [_ARM]},
        since="0.1",
    ),
    _asked(
        "info",
        "What is known of a file is asked for.",
        FileRequest,
        {"path": "parts/arm.gcode"},
        "parts/arm.gcode is there.",
        file=_ARM,
    ),
    _asked(
        "create-folder",
        "A folder shall be made.",
        FileRequest,
        {"path": "parts"},
        "parts is there.",
        file={"origin": "local", "path": "parts", "name": "parts", "type": "folder"},
    ),
    _asked(
        "move",
        "A file or folder shall lie elsewhere.",
        MoveRequest,
        _MOVE,
        "arm.gcode is parts/arm.gcode now.",
        file=_ARM,
    ),
    _asked(
        "copy",
        "A file or folder shall lie elsewhere, too.",
        MoveRequest,
        _MOVE,
        "arm.gcode is parts/arm.gcode, too.",
        file=_ARM,
    ),
    _asked(
        "delete",
        "A file or folder shall be removed.",
        DeleteRequest,
        {"path": "parts", "recursive": True},
        "parts is gone.",
    ),
    _asked(
        "analyse",
        "A G-code file shall be analysed, once more if it was.",
        FileRequest,
        {"path": "parts/arm.gcode"},
        "parts/arm.gcode will be analysed.",
        file=_ARM,
    ),
)
"""Topics of the files room."""
