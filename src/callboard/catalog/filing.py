"""What the files room can be asked for: `callboard.files.<verb>`, each a request with one reply."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, UnsetType

from callboard.catalog.asking import Answered, Asking, Wish
from callboard.catalog.payload import own

_Path = Annotated[str, own("The path from the top of the folder of files, such as `parts/arm.gcode`.")]


class FileListRequest(Wish, frozen=True, kw_only=True):
    """A wish to know what files there are."""

    path: Annotated[str, own("The folder; all of them if left out.")] | UnsetType = UNSET
    recursive: Annotated[bool, own("Whether the folders inside are listed too.")] | UnsetType = UNSET


class FileRequest(Wish, frozen=True, kw_only=True):
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


_asked = Asking(room="files", by="whoever may use files", since="0.1", reply=FileOutcome).asked

TOPICS = (
    _asked(
        "list",
        "The files in a folder are asked for.",
        FileListRequest,
        {"path": "parts"},
        "1 file or folder.",
        reply=FileListOutcome,
        more={"files": [_ARM]},
    ),
    _asked(
        "info",
        "What is known of a file is asked for.",
        FileRequest,
        {"path": "parts/arm.gcode"},
        "parts/arm.gcode is there.",
        more={"file": _ARM},
    ),
    _asked(
        "create-folder",
        "A folder shall be made.",
        FileRequest,
        {"path": "parts"},
        "parts is there.",
        more={"file": {"origin": "local", "path": "parts", "name": "parts", "type": "folder"}},
    ),
    _asked(
        "move",
        "A file or folder shall lie elsewhere.",
        MoveRequest,
        _MOVE,
        "arm.gcode is parts/arm.gcode now.",
        more={"file": _ARM},
    ),
    _asked(
        "copy",
        "A file or folder shall lie elsewhere, too.",
        MoveRequest,
        _MOVE,
        "arm.gcode is parts/arm.gcode, too.",
        more={"file": _ARM},
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
        more={"file": _ARM},
    ),
)
"""Topics of the files room."""
