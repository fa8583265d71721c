"""Files over HTTP: what there is, in and out, and what is done with it.

    request -> FilesDoor -> files.room.Files -> stored.info -> JSON

Everything here needs the right `printers`: a file is what a printer will do. Bodies of files stream to
and from the disk; none is ever held in memory.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from callboard.files.names import Kind, clean
from callboard.files.room import Files
from callboard.files.stored import FileInfo, FileList, StoredFile, StoredFolder, info, tree
from callboard.files.telling import Cause
from callboard.server.body import decode
from callboard.server.download import Download
from callboard.server.fileshapes import CARDS, FileCommand, Uploaded, UploadForm, cards
from callboard.server.multipart import MEDIA
from callboard.server.operation import JSON, Call, Operation, Outcome, Parameter, json
from callboard.server.problems import BAD_REQUEST, NOT_FOUND, Problem
from callboard.server.receiving import CLOSE, Receiving
from callboard.server.uploading import Stored, is_yes, receive_body, receive_form

RIGHT: Final = "printers"
ADDRESS: Final = "/v1/files"
BYTES: Final = "application/octet-stream"
_SMALL: Final = 16 * 1024

Answer = Callable[[Call], Awaitable[Response]]

_SWITCH: Final = {"type": "boolean"}
_PATH: Final = Parameter("path", "Path from the top, with `/`.", where="path", example="parts/arm.gcode")
_RECURSIVE: Final = Parameter("recursive", "Whether folders show what lies in them.", _SWITCH)
_FILTER: Final = Parameter(
    "filter", "Only machinecode, or only model.", {"enum": [kind.value for kind in Kind]}
)
_PRINTER: Final = "`true`, or the name of a printer."


def file_operations(room: Files, receiving: Receiving | None = None) -> tuple[Operation, ...]:
    """Return the operations under /v1/files."""
    door = FilesDoor(room, receiving or Receiving(room.store.max_upload))
    return (
        _operation("GET", "", door.list_files, Outcome(200, "They.", FileList), _RECURSIVE, _FILTER),
        _operation("GET", "/local", door.list_local, Outcome(200, "They.", FileList), _RECURSIVE, _FILTER),
        _operation("GET", "/sdcard", door.list_cards, Outcome(200, "They.", FileList)),
        Operation(
            method="POST",
            path=f"{ADDRESS}/local",
            answer=door.upload_form,
            group="Files",
            rights=(RIGHT,),
            body={MEDIA: UploadForm},
            outcomes=(Outcome(201, "Stored.", Uploaded),),
            example="-F file=@arm.gcode -F path=parts -F print=mk3",
        ),
        Operation(
            method="GET",
            path=f"{ADDRESS}/local/{{path:path}}",
            answer=door.show_file,
            group="Files",
            rights=(RIGHT,),
            parameters=(
                _PATH,
                Parameter(
                    "download", "Whether the file itself is sent, or the range that is asked for.", _SWITCH
                ),
                _RECURSIVE,
            ),
            outcomes=(
                Outcome(200, "What is known of it.", FileInfo),
                Outcome(200, "The file, with `download=true`.", str, BYTES),
                Outcome(206, "A range of it.", str, BYTES),
            ),
        ),
        Operation(
            method="PUT",
            path=f"{ADDRESS}/local/{{path:path}}",
            answer=door.upload_file,
            group="Files",
            rights=(RIGHT,),
            parameters=(
                _PATH,
                Parameter("overwrite", "false: refuse a name that is taken.", _SWITCH),
                Parameter("select", f"Whether a printer shall select it: {_PRINTER}"),
                Parameter("print", f"Whether a printer shall print it: {_PRINTER}"),
                Parameter("printer", "Which printer `true` means; needed if there are several."),
                Parameter("userdata", "JSON that the event Upload carries along."),
            ),
            body={BYTES: bytes},
            outcomes=(Outcome(201, "Stored.", Uploaded),),
            example="-T arm.gcode",
        ),
        Operation(
            method="POST",
            path=f"{ADDRESS}/local/{{path:path}}",
            answer=door.command_file,
            group="Files",
            rights=(RIGHT,),
            parameters=(_PATH,),
            body={JSON: FileCommand},
            outcomes=(Outcome(200, "Done.", FileInfo), Outcome(201, "Made.", FileInfo)),
            example="""-d '{"command": "move", "destination": "old/"}'""",
        ),
        Operation(
            method="DELETE",
            path=f"{ADDRESS}/local/{{path:path}}",
            answer=door.delete_file,
            group="Files",
            rights=(RIGHT,),
            parameters=(_PATH, Parameter("recursive", "Whether a folder may go with all it holds.", _SWITCH)),
            outcomes=(Outcome(204, "Removed."),),
        ),
    )


def _operation(method: str, path: str, answer: Answer, outcome: Outcome, *parameters: Parameter) -> Operation:
    return Operation(
        method=method,
        path=ADDRESS + path,
        answer=answer,
        group="Files",
        rights=(RIGHT,),
        parameters=parameters,
        outcomes=(outcome,),
        example="-G" if parameters else "",
    )


class FilesDoor:
    """Answers for the files room."""

    def __init__(self, room: Files, receiving: Receiving) -> None:
        self._room, self._receiving = room, receiving

    async def list_files(self, call: Call) -> Response:
        """List all files.

        Those of this hub, and those on the printers' cards as far as they are known.
        """
        found = await self._listed(call, "")
        found.files += _on_cards(call) if call.text("filter") != Kind.MODEL.value else []
        return json(found)

    async def list_local(self, call: Call) -> Response:
        """List the files of this hub."""
        return json(await self._listed(call, ""))

    async def list_cards(self, call: Call) -> Response:
        """List the files on the printers' SD cards.

        As each printer listed them last; only connected ones with a card have any.
        """
        return json(FileList(_on_cards(call)))

    async def show_file(self, call: Call) -> Response:
        """See what is known of a file or folder, or get the file.

        With `download=true` it comes as it is, to be stored: one range of it if the header Range asks for
        one, nothing if If-None-Match has its ETag. A folder shows what lies in it.
        """
        path = _path(call)
        if is_yes(call.text("download")):
            return await self._download(call, path)
        found = await self._room.threads.do(self._room.store.get, path)
        shown = info(found, ADDRESS, whole=True)
        if isinstance(found, StoredFolder):
            shown.children = (await self._listed(call, path)).files
        return json(shown)

    async def upload_form(self, call: Call) -> Response:
        """Bring in a file, or make a folder, with a form.

        The fields are those of OctoPrint: `file`, `path`, `select`, `print`, `noOverwrite`, `userdata`, or
        `foldername`. The name is made safe; the answer and its Location say how it is called. A printer that
        is not ready is no fault: `effectivePrint` is false then.
        """
        if not call.request.headers.get("content-type", "").lower().startswith(MEDIA):
            raise Problem(BAD_REQUEST, f"Send a form ({MEDIA}), or the file itself with PUT.", CLOSE)
        return _stored(await receive_form(call, self._room, self._receiving))

    async def upload_file(self, call: Call) -> Response:
        """Bring in a file.

        The body is the file. Folders on the way are made, a file with this name is replaced unless
        `overwrite=false`; one that prints is not (409). The name is made safe; the answer and its
        Location say how it is called.
        """
        return _stored(await receive_body(call, self._room, self._receiving, _path(call)))

    async def command_file(self, call: Call) -> Response:
        """Move, copy or analyse a file, or make a folder.

        `move` and `copy` take a `destination`, `folder` makes a folder at this path, `analyse` has the
        G-code read (again).
        """
        async with call.house.bodies.read(call.request, _SMALL) as body:
            asked = decode(body, FileCommand)
        path, by = _path(call), Cause(call.principal.name)
        if asked.command == "analyse":
            return json(info(await self._room.analyse_again(path), ADDRESS))
        if asked.command == "folder":
            return _made(await self._room.make_folder(clean(path), by))
        if not asked.destination:
            raise Problem(BAD_REQUEST, f"`{asked.command}` needs a `destination`: the new path.")
        destination = _destination(asked.destination)
        act = self._room.move if asked.command == "move" else self._room.copy
        return _made(await act(path, destination, by))

    async def delete_file(self, call: Call) -> Response:
        """Remove a file or folder.

        One that prints stays (409), and so does a folder that is not empty, unless `recursive=true`.
        """
        by = Cause(call.principal.name)
        await self._room.remove(_path(call), recursive=is_yes(call.text("recursive")), by=by)
        return Response(status_code=204)

    async def _listed(self, call: Call, folder: str) -> FileList:
        wanted, recursive = _filter(call), is_yes(call.text("recursive"))
        threads, store = self._room.threads, self._room.store
        found = await threads.do(store.entries, folder, recursive=recursive)
        free, total = await threads.do(store.usage)
        shown = [info(one, ADDRESS) for one in found if isinstance(one, StoredFolder) or _fits(one, wanted)]
        return FileList(tree(shown), free, total)

    async def _download(self, call: Call, path: str) -> Response:
        stored = await self._room.threads.do(self._room.store.file, path)
        file = await self._room.threads.do(self._room.store.open, path)
        try:
            return Download(file, call.request, stored.name, stored.sha256)
        except BaseException:
            file.close()
            raise


def _path(call: Call) -> str:
    path: Any = call.request.path_params["path"]
    if not path.strip("/"):
        raise Problem(NOT_FOUND, "Name a file or folder behind /v1/files/local/.")
    return str(path)


def _destination(text: str) -> str:
    """Return a destination made safe; a slash at its end, which means inside, stays. `/` is the top."""
    if not text.strip("/"):
        return "/"
    return f"{clean(text)}/" if text.endswith("/") else clean(text)


def _filter(call: Call) -> Kind | None:
    text = call.text("filter")
    if text and text not in {kind.value for kind in Kind}:
        raise Problem(BAD_REQUEST, f"filter is machinecode or model, not {text[:40]!r}.")
    return Kind(text) if text else None


def _fits(one: StoredFile, wanted: Kind | None) -> bool:
    return wanted is None or one.kind is wanted


def _on_cards(call: Call) -> list[FileInfo]:
    return list(cards(call.house.hub.state.values(CARDS)))


def _stored(found: Stored) -> Response:
    effect = found.effect
    body = Uploaded(
        info(found.file, ADDRESS),
        effect.select,
        effect.print,
        effect.effective_select,
        effect.effective_print,
    )
    return json(body, 201, _location(found.file))


def _made(found: StoredFile | StoredFolder) -> Response:
    return json(info(found, ADDRESS), 201, _location(found))


def _location(found: StoredFile | StoredFolder) -> dict[str, str]:
    return {"Location": f"{ADDRESS}/local/{quote(found.path)}"}
