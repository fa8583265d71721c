"""Files that come in over HTTP: a raw body, or a form as OctoPrint's clients send it.

    PUT body ->                     Incoming.feed ... -> Files.finish
    POST form -> multipart.Form ->  fields, and the same

A form's fields may stand behind its file, so where that goes is settled at the end.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any, Final

from msgspec import Struct

from callboard.errors import BadEvent
from callboard.event import decode_json
from callboard.files.incoming import Incoming, Wish
from callboard.files.names import clean, clean_name
from callboard.files.refusals import Refused
from callboard.files.room import Files
from callboard.files.stored import StoredFile, StoredFolder
from callboard.files.telling import Cause, Effect
from callboard.jsontext import fit
from callboard.server.body import announced
from callboard.server.fileshapes import CARDS, printers_in
from callboard.server.multipart import BadForm, Form, Head, boundary_of
from callboard.server.operation import Call
from callboard.server.problems import BAD_REQUEST, TOO_SLOW, Problem, of
from callboard.server.receiving import CLOSE, Receiving, drain

_YES: Final = frozenset({"true", "yes", "on", "1"})
_NO: Final = frozenset({"", "false", "no", "off", "0"})
_MAX_FIELD: Final = 64 * 1024
_BESIDE: Final = 1 << 20
"""Bytes that a form may have beside its file."""

Fields = Mapping[str, str]


class Stored(Struct, frozen=True):
    """What came of an upload."""

    file: StoredFile | StoredFolder
    effect: Effect


def is_yes(text: str) -> bool:
    """Return whether a switch is on; raises Problem for what is neither on nor off."""
    if text.strip().lower() not in _YES | _NO:
        raise Problem(BAD_REQUEST, f"{text[:40]!r} is neither true nor false.", CLOSE)
    return text.strip().lower() in _YES


def wish_of(call: Call, fields: Fields) -> Wish:
    """Return what shall happen with a file: `select` and `print` are true, or the name of a printer.

    Raises Problem when it is not clear which printer is meant.
    """
    wanted = {verb: fields.get(verb, "").strip() for verb in ("select", "print")}
    named = [text for text in wanted.values() if text.lower() not in _YES | _NO]
    select, prints = (text.lower() not in _NO for text in wanted.values())
    if not (select or prints):
        return Wish(userdata=_userdata(fields))
    printer = fields.get("printer", "").strip() or (named[-1] if named else _only_printer(call))
    return Wish(select=select, print=prints, printer=printer, userdata=_userdata(fields))


def _only_printer(call: Call) -> str:
    names = printers_in(call.house.hub.state.values(CARDS))
    if len(names) > 1:
        there = ", ".join(names[:20])
        raise Problem(BAD_REQUEST, f"Say on which printer, with `printer`: there are {there}.", CLOSE)
    return names[0] if names else ""  # none is as one that is not ready


def _userdata(fields: Fields) -> Any:
    text = fields.get("userdata", "").encode("utf-8", "replace")
    try:
        fit(text)
        return decode_json(text) if text else None
    except (ValueError, RecursionError, BadEvent):
        raise Problem(BAD_REQUEST, "`userdata` is no JSON.", CLOSE) from None


@contextlib.asynccontextmanager
async def closing_refusals(call: Call) -> AsyncIterator[None]:
    """Turn what is refused into a Problem that ends the connection: the rest of the body is not wanted."""
    try:
        yield
    except (Refused, BadForm, Problem) as error:
        found = _problem(error)
        if found.kind is not TOO_SLOW:
            await drain(call.request)
        raise Problem(found.kind, found.detail, CLOSE) from None


def _problem(error: Refused | BadForm | Problem) -> Problem:
    if isinstance(error, Problem):
        return error
    return of(error) if isinstance(error, Refused) else Problem(BAD_REQUEST, str(error))


async def receive_body(call: Call, room: Files, receiving: Receiving, path: str) -> Stored:
    """Take the body of a request as the file at `path`."""
    fields = call.request.query_params
    async with closing_refusals(call), receiving.parts(call.request) as pieces:
        wish, overwrite = wish_of(call, fields), is_yes(fields.get("overwrite", "true"))
        shown = path.rpartition("/")[2]
        async with room.receive(clean(path), overwrite=overwrite, display=shown) as incoming:
            if size := announced(call.request):
                await incoming.expect(size)
            async for piece in pieces:
                await incoming.feed(piece)
            return Stored(*await room.finish(incoming, wish, Cause(call.principal.name)))


async def receive_form(call: Call, room: Files, receiving: Receiving) -> Stored:
    """Take a form: a file with what shall happen with it, or the name of a folder to make."""
    async with closing_refusals(call), receiving.parts(call.request, _BESIDE) as pieces:
        form = Form(boundary_of(call.request.headers.get("content-type", "")))
        async with contextlib.AsyncExitStack() as stack:
            reading = _Reading(room, stack)
            await reading.read(form, pieces)
            if reading.incoming is None:
                return await _folder(call, room, reading.fields)
            await reading.settle()
            wish = wish_of(call, reading.fields)
            return Stored(*await room.finish(reading.incoming, wish, Cause(call.principal.name)))


async def _folder(call: Call, room: Files, fields: Fields) -> Stored:
    name = fields.get("foldername", "")
    if not name.strip():
        raise Problem(BAD_REQUEST, "This form has neither a `file` nor a `foldername`.")
    path = clean(f"{fields.get('path', '')}/{name}")
    return Stored(await room.make_folder(path, Cause(call.principal.name)), Effect())


class _Reading:
    """A form that is being read: its fields, and the one file in it."""

    def __init__(self, room: Files, stack: contextlib.AsyncExitStack) -> None:
        self.fields: dict[str, str] = {}
        self.incoming: Incoming | None = None
        self._room, self._stack = room, stack
        self._name = ""
        self._head: Head | None = None
        self._text = bytearray()

    async def read(self, form: Form, pieces: AsyncGenerator[bytes]) -> None:
        """Read to the end; raises BadForm or a Refused."""
        async for piece in pieces:
            for each in form.feed(piece):
                if isinstance(each, Head):
                    await self._begin(each)
                else:
                    await self._take(each)
        if not form.done:
            raise BadForm
        self._end_field()

    async def settle(self) -> None:
        """Say where the file goes, and whether it may be there, now that all fields are known."""
        assert self.incoming is not None
        path, overwrite = self._place()
        upload = self.incoming.upload
        upload.path, upload.overwrite = path, overwrite
        await self._room.threads.do(self._room.store.check, path, overwrite=overwrite)

    def _place(self) -> tuple[str, bool]:
        overwrite = not is_yes(self.fields.get("noOverwrite", ""))
        return clean(f"{self.fields.get('path', '')}/{clean_name(self._name)}"), overwrite

    async def _begin(self, head: Head) -> None:
        self._end_field()
        self._head = head
        if head.name == "file":
            await self._open(head)

    async def _open(self, head: Head) -> None:
        if self.incoming is not None:
            raise BadForm("A form brings one file; send others with forms of their own.")
        self._name = head.filename or ""
        path, _ = self._place()
        shown = self._name.replace("\\", "/").rpartition("/")[2]
        # Overwriting is settled at the end: `noOverwrite` may stand behind the file.
        self.incoming = await self._stack.enter_async_context(
            self._room.receive(path, overwrite=True, display=shown)
        )

    async def _take(self, data: bytes) -> None:
        if self._head is not None and self._head.name == "file" and self.incoming is not None:
            await self.incoming.feed(data)
            return
        self._text += data
        if len(self._text) > _MAX_FIELD:
            raise BadForm(f"A field of a form has at most {_MAX_FIELD} bytes.")

    def _end_field(self) -> None:
        if self._head is not None and self._head.name != "file":
            self.fields[self._head.name] = self._text.decode("utf-8", "replace").strip()
        self._text.clear()
