"""Cameras: one picture each time they are asked, from a snapshot's address, or through ffmpeg.

    Webcam settings -> camera_of -> Snapshot | Grabber;  camera.take() -> bytes, or NotTaken

A snapshot's address is http or https, and stays there: a redirect may change the path and become https, so
that no camera can have us read files or other machines' pages. Size and time are bounded.
"""

from __future__ import annotations

import asyncio
import fnmatch
import os
import ssl
from collections.abc import Sequence
from typing import Final, Protocol
from urllib.parse import urljoin, urlsplit

import aiohttp

from callboard.config import Printer, Webcam
from callboard.config.webcam import without_secrets
from callboard.timelapse import ffmpeg
from callboard.timelapse.refusals import NotTaken

_REDIRECTS: Final = 3
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_SCHEMES: Final = frozenset({"http", "https"})
_BLOCK: Final = 256 * 1024


class Camera(Protocol):
    """Where pictures come from."""

    async def take(self) -> bytes:
        """Return what is seen now, not yet looked at; raises NotTaken."""


class Snapshot:
    """A picture behind an address."""

    def __init__(self, settings: Webcam, http: aiohttp.ClientSession) -> None:
        assert settings.snapshot is not None
        self._settings, self._http, self._url = settings, http, settings.snapshot
        self._ssl: ssl.SSLContext | bool = settings.verify

    async def take(self) -> bytes:
        """Return the picture; see `Camera.take`."""
        try:
            async with asyncio.timeout(self._settings.timeout):
                return await self._fetch(self._url, _REDIRECTS)
        except TimeoutError:
            raise NotTaken(
                f"The camera did not answer within {self._settings.timeout:g} s (webcam.timeout)."
            ) from None
        except aiohttp.ClientConnectorCertificateError:
            raise NotTaken(
                "The camera's certificate is not trusted; webcam.verify: no takes it all the same."
            ) from None
        except aiohttp.ClientConnectorError as error:
            number = error.os_error.errno or 0
            why = os.strerror(number).lower() if number > 0 else str(error.os_error) or "no connection"
            raise NotTaken(f"The camera can't be reached: {why}.") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NotTaken(f"The camera broke off: {_said(error)}.") from None

    async def _fetch(self, url: str, redirects: int) -> bytes:
        async with self._http.get(url, allow_redirects=False, ssl=self._ssl) as answer:
            if answer.status in _MOVED:
                target = self._moved(url, answer.headers.get("Location", ""))
                if not redirects:
                    raise NotTaken("The camera sends us from address to address: none has the picture.")
            elif answer.status != 200:
                raise NotTaken(
                    f"The camera answered with status {answer.status} {answer.reason or ''}".rstrip()
                )
            else:
                return await self._body(answer)
        return await self._fetch(target, redirects - 1)

    def _moved(self, url: str, location: str) -> str:
        """Return where the camera sends us; raises NotTaken unless that is on the same host."""
        target = urljoin(url, location)
        there, here = urlsplit(target), urlsplit(self._url)
        same = there.port == here.port or (there.scheme == "https" and there.port is None)
        if there.scheme not in _SCHEMES or there.hostname != here.hostname or not same:
            to = without_secrets(location)[:100]
            raise NotTaken(f"The camera sends us to {to!r}, which is not the same host and port.")
        return target

    async def _body(self, answer: aiohttp.ClientResponse) -> bytes:
        most = self._settings.max_size
        parts: list[bytes] = []
        size = answer.content_length or 0
        if size <= most:
            size = 0
            async for part in answer.content.iter_chunked(_BLOCK):
                size += len(part)
                if size > most:
                    break
                parts.append(part)
        if size > most:
            raise NotTaken(f"The camera's answer is larger than {int(most)} bytes (webcam.max_size).")
        return b"".join(parts)


class Grabber:
    """One picture of a device or a stream, by ffmpeg."""

    def __init__(self, settings: Webcam, program: str | None) -> None:
        self._settings, self._program = settings, program

    async def take(self) -> bytes:
        """Return the picture; see `Camera.take`."""
        command = grabbing(ffmpeg.find(self._program), self._settings)
        timeout, most = self._settings.timeout, int(self._settings.max_size)
        try:
            ended = await ffmpeg.run(command, timeout, most=most)
        except OSError as error:
            raise NotTaken(f"ffmpeg could not be started: {error.strerror}.") from None
        if not ended.in_time:
            raise NotTaken(f"ffmpeg got no picture within {timeout:g} s (webcam.timeout).")
        if ended.too_much:
            raise NotTaken(f"The camera's picture is larger than {most} bytes (webcam.max_size).")
        if ended.code != 0 or not ended.output:
            why = without_secrets(ended.error[-1]) if ended.error else f"exit code {ended.code}"
            raise NotTaken(f"ffmpeg got no picture: {why[:300]}")
        return ended.output


def _said(error: Exception) -> str:
    """Return what an error says, on one line; those of aiohttp name the address in full."""
    said = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
    return without_secrets(" ".join(said.split()))[:200].rstrip(".") or type(error).__name__


def grabbing(program: str, settings: Webcam) -> tuple[str, ...]:
    """Return the command that writes one picture to stdout. What the camera says may open no files."""
    if settings.device:
        source: tuple[str, ...] = ("-f", "v4l2", "-i", settings.device)
    else:
        assert settings.stream is not None
        protocols = "http,https,tls,tcp,udp,rtp,srtp,rtsp,rtsps,rtmp,rtmps,crypto"
        source = ("-protocol_whitelist", protocols, "-i", settings.stream)
    picture = ("-an", "-frames:v", "1", "-c:v", "mjpeg", "-q:v", "2", "-f", "image2pipe", "pipe:1")
    return (program, "-nostdin", "-hide_banner", "-loglevel", "error", *source, *picture)


def camera_of(settings: Webcam, http: aiohttp.ClientSession, program: str | None) -> Camera:
    """Return the camera that settings describe; they must see something."""
    return Snapshot(settings, http) if settings.snapshot else Grabber(settings, program)


class Cameras:
    """Which camera sees which printer: its own, else the first of `webcam` whose pattern its name fits."""

    def __init__(self, webcams: Sequence[Webcam], printers: Sequence[Printer] = ()) -> None:
        self._own = {printer.name: printer.webcam for printer in printers if printer.webcam.sees}
        self._webcams = tuple(webcams)

    def of(self, printer: str) -> Webcam | None:
        """Return the settings of a printer's camera; None when nothing sees it."""
        if printer in self._own:
            return self._own[printer]
        return next((each for each in self._webcams if fnmatch.fnmatchcase(printer, each.printer)), None)
