"""What stands behind uploads to `ftrack.server`: who was granted one, where it goes, what is cleared away.

check -> the tracker does the batch -> complete: a token -> /v1/uploads/{token}    (uploads.py)
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any, Final

import structlog

from callboard.errors import CallboardError
from callboard.files.refusals import Refused
from callboard.files.threads import Threads
from callboard.server.files import BYTES
from callboard.server.operation import Call
from callboard.server.problems import BAD_REQUEST, Problem
from callboard.studio.grants import Grant, Grants
from callboard.studio.places import HOUSE
from callboard.studio.production import Answering, Production
from callboard.studio.shelf import SERVER_ID, Shelf

log = structlog.get_logger("callboard.studio")

ADDRESS: Final = "/v1/uploads"
PLACE: Final = "ComponentLocation"
_ASKED: Final = "get_upload_metadata"
_LEFT: Final = 86400.0
"""Seconds after which bytes whose component is not in `ftrack.server` are removed."""
_AT_ONCE: Final = 500
_HOST: Final = re.compile(r"([A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")


class Uploads:
    """Grants uploads, takes them in, gives them back. `url` is this server's address, "" as it is called."""

    def __init__(self, shelf: Shelf, threads: Threads, url: str, fallback: str) -> None:
        self.shelf, self.threads, self.grants = shelf, threads, Grants()
        self._url, self._fallback = url.rstrip("/"), fallback.rstrip("/")

    async def free(self, components: Collection[str]) -> None:
        """Remove the bytes of components that are gone; a disk that won't is told, and swept later."""
        try:
            await self.threads.do(self.shelf.drop, components)
        except Refused as error:
            log.warning("uploaded bytes could not be removed", reason=str(error))

    @contextlib.asynccontextmanager
    async def tended(self, answer: Answering) -> AsyncIterator[None]:
        """Remove what crashes left of uploads, and inside, now and then, bytes that nobody needs."""
        try:
            await self.threads.do(self.shelf.sweep)
        except Refused as error:
            log.warning("old uploads were not looked through", reason=str(error))
        tending = asyncio.create_task(self._tend(answer))
        try:
            yield
        finally:
            tending.cancel()
            await asyncio.gather(tending, return_exceptions=True)

    async def _tend(self, answer: Answering) -> None:
        while True:
            await self.sweep(answer)
            await asyncio.sleep(_LEFT / 24)

    async def sweep(self, answer: Answering) -> None:
        """Remove the bytes of components that a day later are not in the location.

        Those that are, are noted, and not looked at again: a tracker that is put in the place of another
        costs nobody their files.
        """
        swept = 0
        try:
            old = await self.threads.do(self.shelf.unsettled, _LEFT)
            for start in range(0, len(old), _AT_ONCE):
                some = old[start : start + _AT_ONCE]
                where = {"component_id": some, "location_id": SERVER_ID}
                rows = await Production(answer, HOUSE).find(PLACE, "component_id", where)
                needed = {row["component_id"] for row in rows}
                gone = set(some) - needed
                await self.threads.do(self.shelf.keep, needed)
                await self.free(gone)
                swept += len(gone)
        except CallboardError as error:
            log.warning("old uploads were not looked through", reason=str(error))
        else:
            if swept:
                log.info("uploads that nobody needs were removed", files=swept)

    def check(self, batch: Sequence[Mapping[str, Any]]) -> None:
        """Raise Problem for a batch that asks to upload what can't be: before any of it is done."""
        for one in batch:
            component, size = one.get("component_id"), one.get("file_size")
            if _is_asked(one) and isinstance(component, str) and isinstance(size, int):
                try:
                    self.shelf.check(component, size)
                except Refused as error:
                    raise Problem(BAD_REQUEST, str(error)) from None

    def complete(self, call: Call, results: Sequence[Any]) -> list[Any]:
        """Return the results of a batch, with an address for each upload that was asked for."""
        return [self._granted(call, one) if _is_asked(one) else one for one in results]

    def _granted(self, call: Call, one: Mapping[str, Any]) -> Mapping[str, Any]:
        component, size, checksum = one["component_id"], one["file_size"], one["checksum"]
        md5 = base64.b64decode(checksum) if checksum is not None else None
        caller = call.principal
        token = self.grants.give(
            Grant(component=component, user=caller.name, size=size, md5=md5, key=caller.key)
        )
        url = f"{self._address(call)}{ADDRESS}/{token}"
        return {"component_id": component, "url": url, "headers": {"Content-Type": BYTES}}

    def _address(self, call: Call) -> str:
        """Return the address that the client itself used, unless the configuration says which."""
        host = call.request.headers.get("host", "")
        if self._url or not _HOST.fullmatch(host):
            return self._url or self._fallback
        peer = call.request.client
        behind = peer is not None and call.remote != peer.host  # so a trusted proxy speaks
        secure = behind and call.request.headers.get("x-forwarded-proto", "") == "https"
        return f"http{'s' if secure else ''}://{host}"


def _is_asked(one: Any) -> bool:
    return isinstance(one, dict) and one.get("action") == _ASKED
