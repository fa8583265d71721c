"""Uploads to `ftrack.server`: the official clients' own way to bring a file to a component, and back.

    POST /api get_upload_metadata -> a token -> PUT /v1/uploads/{token} -> studio.shelf.Shelf
    GET /v1/components/{id}/file  -> the bytes again

A token is good for one file of a known size, for some minutes; no key is ever in an address. What those
clients read with keys in the address (`/component/get`) is refused.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

from msgspec import Struct
from starlette.responses import PlainTextResponse, Response

from callboard.files.refusals import Taken
from callboard.hub.principal import Principal
from callboard.server.body import announced
from callboard.server.download import Download
from callboard.server.files import BYTES
from callboard.server.handshake import allowing, cross_origin
from callboard.server.operation import Call, Operation, Outcome, Parameter, json
from callboard.server.problems import DENIED, NOT_FOUND, Problem
from callboard.server.receiving import Receiving
from callboard.server.tracker import RIGHT
from callboard.server.uploadhouse import ADDRESS, PLACE, Uploads
from callboard.server.uploading import closing_refusals
from callboard.studio.grants import Grant, NoSuchUpload
from callboard.studio.production import Answering, Production
from callboard.studio.shelf import SERVER, SERVER_ID, Arriving, WrongBytes

GROUP: Final = "Studio"
_BLOCK: Final = 1 << 20
_INSTEAD: Final = (
    "No key is read from an address here: ask GET /v1/components/{id}/file for the bytes, with the key in a "
    "header (ftrack-user and ftrack-api-key, or Authorization: Bearer KEY)."
)


def upload_operations(uploads: Uploads, answer: Answering | None) -> tuple[Operation, ...]:
    """Return the operations; none without a tracker."""
    if answer is None:
        return ()
    door = UploadsDoor(uploads, answer)
    return (*_in(door), _out(door), *_of_old(door))


def _in(door: UploadsDoor) -> tuple[Operation, ...]:
    token = Parameter("token", "As get_upload_metadata gave it.", where="path", example="TOKEN")
    return (
        Operation(
            method="PUT",
            path=f"{ADDRESS}/{{token}}",
            answer=door.receive_upload,
            group=GROUP,
            public=True,  # the token says what may come, and is good for nothing else
            parameters=(token,),
            body={BYTES: bytes},
            outcomes=(
                Outcome(200, "Stored.", Stored),
                Outcome(400, "Not the bytes that were announced."),
                Outcome(404, "No such upload, or no more."),
                Outcome(409, "The component has its bytes already."),
                Outcome(507, "The disk is full."),
            ),
            example="--upload-file main.stl",
        ),
        Operation(
            method="OPTIONS",
            path=f"{ADDRESS}/{{token}}",
            answer=door.allow_upload,
            group=GROUP,
            public=True,
            parameters=(token,),
            outcomes=(Outcome(204, "It may."),),
        ),
    )


def _out(door: UploadsDoor) -> Operation:
    return Operation(
        method="GET",
        path="/v1/components/{id}/file",
        answer=door.send_file,
        group=GROUP,
        rights=(RIGHT,),
        parameters=(
            Parameter("id", "The component's id.", where="path", example="e2dc0524"),
            Parameter("Range", "Which bytes.", where="header", example="bytes=0-1023"),
        ),
        outcomes=(
            Outcome(200, "The file.", str, BYTES),
            Outcome(206, "A part of it.", str, BYTES),
            Outcome(404, "It was not uploaded here."),
        ),
        example="-OJ",
    )


def _of_old(door: UploadsDoor) -> tuple[Operation, ...]:
    refusal = (Outcome(403, "Not with a key in the address."),)
    return (
        *(
            Operation(
                method="GET",
                path=path,
                answer=door.refuse_get,
                group=GROUP,
                public=True,
                outcomes=refusal,
            )
            for path in ("/component/get", "/component/thumbnail")
        ),
        Operation(
            method="GET",
            path="/component/remove",
            answer=door.leave_alone,
            group=GROUP,
            public=True,
            outcomes=(Outcome(200, "Nothing was done.", str, "text/plain"),),
        ),
    )


class Stored(Struct, frozen=True):
    """What came of an upload: the bytes of this component are here."""

    component: str
    size: int


class UploadsDoor:
    """Takes files from whoever has a token, and gives them to who has the right `tracker`."""

    def __init__(self, uploads: Uploads, answer: Answering) -> None:
        self._uploads, self._answer = uploads, answer
        self._receiving = Receiving(uploads.shelf.most)

    async def receive_upload(self, call: Call) -> Response:
        """Bring in the file of a component.

        The address comes from `get_upload_metadata` at /api. The body is the file, of the announced size
        and checksum; all of it is stored, or nothing. Then the address is good no more.
        """
        call.request.scope["raw_path"] = ADDRESS.encode()  # the token need not be in the log
        headers = cross_origin(call.request.headers, call.house.origins)
        try:
            async with closing_refusals(call):
                return json(await self._received(call), headers=headers)
        except Problem as problem:
            raise Problem(problem.kind, problem.detail, {**(problem.headers or {}), **headers}) from None

    async def _received(self, call: Call) -> Stored:
        with self._uploads.grants.claimed(call.request.path_params["token"]) as grant:
            call.request.scope["callboard.user"] = grant.user
            if not call.house.keys.stands(Principal(grant.user, key=grant.key)):
                raise NoSuchUpload("The key that this upload was granted to was revoked.")
            if announced(call.request) not in (0, grant.size):
                raise WrongBytes(f"{grant.size} bytes were announced: ask for another upload.")
            async with self._receiving.parts(call.request) as pieces:
                await self._take(grant, pieces)
        return Stored(grant.component, grant.size)

    async def _take(self, grant: Grant, pieces: AsyncGenerator[bytes]) -> None:
        do = self._uploads.threads.do
        arriving = await do(self._uploads.shelf.begin, grant.size)
        try:
            await self._write(arriving, pieces)
            await do(arriving.check, grant.md5)
            await self._check(grant)
            await do(arriving.place, grant.component)
        finally:
            await do(arriving.abort)

    async def _write(self, arriving: Arriving, pieces: AsyncGenerator[bytes]) -> None:
        waiting = bytearray()
        async for piece in pieces:
            waiting += piece
            if len(waiting) >= _BLOCK:
                await self._uploads.threads.do(arriving.write, waiting)
                waiting = bytearray()
        await self._uploads.threads.do(arriving.write, waiting)

    async def _check(self, grant: Grant) -> None:
        """Raise what speaks against giving a component its bytes, now that they are here.

        Bytes are not changed once the component is in the location, by an upload that came late.
        """
        production = Production(self._answer, grant.user)
        placed = await self._place(production, grant.component, "id") is not None
        if placed and await self._uploads.threads.do(self._uploads.shelf.holds, grant.component):
            raise Taken(f"The component {grant.component} is in {SERVER} already, with its bytes.")
        self._uploads.grants.check(grant)

    async def allow_upload(self, call: Call) -> Response:
        """Answer a browser that asks whether it may upload."""
        call.request.scope["raw_path"] = ADDRESS.encode()
        return allowing(call, "PUT, OPTIONS", "content-type")

    async def send_file(self, call: Call) -> Response:
        """Fetch the file of a component.

        Of one that was uploaded to `ftrack.server`, as a download, whole or a range of it. Where components
        in other locations are is said by /v1/components/{id}/path.
        """
        component: str = call.request.path_params["id"]
        production = Production(self._answer, call.principal.name)
        row = await self._place(production, component[:200], "component.name, component.file_type")
        if row is None:
            raise Problem(
                NOT_FOUND,
                f"The component {component[:80]} is not in {SERVER}: "
                "GET /v1/components/ID/path asks where it is.",
            )
        name = f"{row['component']['name']}{_dotted(row['component']['file_type'])}"
        file = await self._uploads.threads.do(self._uploads.shelf.open, component)
        try:
            return Download(file, call.request, name, "")
        except BaseException:
            file.close()
            raise

    async def _place(self, production: Production, component: str, shown: str) -> Mapping[str, Any] | None:
        where = {"component_id": component, "location_id": SERVER_ID}
        return await production.first(PLACE, shown, where)

    async def refuse_get(self, call: Call) -> Response:  # noqa: ARG002
        """Refuse a key in the address.

        The official clients' accessor and `getComponentUrl` come here; /v1/components/{id}/file takes the key
        in a header.
        """
        raise Problem(DENIED, _INSTEAD)

    async def leave_alone(self, call: Call) -> Response:  # noqa: ARG002
        """Do nothing, and say so.

        The official Python client comes here before it deletes a ComponentLocation of `ftrack.server`; the
        bytes go when that is committed. No key in the address is looked at.
        """
        return PlainTextResponse(
            "Nothing was done: the bytes go with the ComponentLocation, at its commit.\n"
        )


def _dotted(file_type: str | None) -> str:
    """Return an extension with its dot: the clients write it with one, others without."""
    return f".{file_type.lstrip('.')}" if file_type else ""
