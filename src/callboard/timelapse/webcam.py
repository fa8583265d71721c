"""Cameras: one picture each time they are asked, from an address, or through ffmpeg.

    Webcam settings -> camera_of -> Address | Grabber;  camera.take() -> bytes, or NotTaken

Snapshots and MJPEG streams we read ourselves: a redirect may change the path and become https, on the same
host, so that no camera can have us read files or other machines' pages. ffmpeg would follow redirects and
playlists anywhere; it gets devices and the addresses of rtsp and rtmp only. Size and time are bounded.
"""

from __future__ import annotations

import asyncio
import fnmatch
import os
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol
from urllib.parse import unquote, urljoin, urlsplit

import aiohttp

from callboard.config import Printer, Webcam
from callboard.config.discretion import without_secrets
from callboard.config.webcam import SCHEMES
from callboard.timelapse import ffmpeg
from callboard.timelapse.mjpeg import FirstPart
from callboard.timelapse.picture import MOST_AREA
from callboard.timelapse.refusals import NotTaken

_REDIRECTS: Final = 3
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_PORTS: Final = {"http": 80, "https": 443}
_BLOCK: Final = 256 * 1024


class Camera(Protocol):
    """Where pictures come from."""

    async def take(self) -> bytes:
        """Return what is seen now, not yet looked at; raises NotTaken."""


Read = Callable[[aiohttp.ClientResponse, int], Awaitable[bytes]]
"""Reads the picture out of an answer; it may have so many bytes."""


class Address:
    """A picture behind an address; `read` takes it out of the answer."""

    def __init__(self, url: str, settings: Webcam, http: aiohttp.ClientSession, read: Read) -> None:
        self._settings, self._http, self._url, self._read = settings, http, url, read
        self._ssl: ssl.SSLContext | bool = settings.verify
        self._login = _login(url)

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
            raise NotTaken(f"The camera can't be reached: {_unreached(error)}.") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NotTaken(f"The camera broke off: {_said(error)}.") from None

    async def _fetch(self, url: str, redirects: int) -> bytes:
        asking = self._http.get(url, allow_redirects=False, ssl=self._ssl, middlewares=self._login)
        async with asking as answer:
            if answer.status in _MOVED:
                target = moved(url, answer.headers.get("Location", ""))
                if not redirects:
                    raise NotTaken("The camera sends us from address to address: none has the picture.")
            elif answer.status != 200:
                raise NotTaken(
                    f"The camera answered with status {answer.status} {answer.reason or ''}".rstrip()
                )
            else:
                return await self._read(answer, int(self._settings.max_size))
        return await self._fetch(target, redirects - 1)


def _unreached(error: aiohttp.ClientConnectorError) -> str:
    """Return why there is no connection; a name that nobody knows has an errno of its own kind."""
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return "it does not speak TLS as we do; is its address one of http?"
    number = error.os_error.errno or 0
    said = os.strerror(number) if number > 0 else error.os_error.strerror or "its name is not known"
    return said.lower()


def _login(url: str) -> tuple[aiohttp.DigestAuthMiddleware, ...]:
    """Return what answers a camera that wants its login as Digest; as Basic it is sent anyway."""
    parts = urlsplit(url)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return (aiohttp.DigestAuthMiddleware(user, password),) if user and ":" not in user else ()


def moved(url: str, location: str) -> str:
    """Return where the camera sends us; raises NotTaken unless that is on the same host, or its https."""
    try:
        target = urljoin(url, location)
        (scheme, host, port), (_, here, our_port) = there, ours = _place(target), _place(url)
    except ValueError:
        raise NotTaken("The camera sends us to something that is no address.") from None
    safer = scheme == "https" and ours[0] == "http" and port in {443, our_port}
    if host != here or scheme not in SCHEMES or not (safer or there == ours):
        raise NotTaken(f"The camera sends us to {_shown(there)}, which is not the same host and port.")
    return target


def _place(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of an address; raises ValueError."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


def _shown(place: tuple[str, str, int]) -> str:
    """Return an address as far as it can hold no secret."""
    scheme, host, port = place
    return repr(f"{scheme}://{host[:100]}:{port}")


def _too_large(most: int) -> NotTaken:
    return NotTaken(f"The camera's answer is larger than {most} bytes (webcam.max_size).")


async def whole(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """Return the body of an answer."""
    if (answer.content_length or 0) > most:
        raise _too_large(most)
    parts: list[bytes] = []
    size = 0
    async for part in answer.content.iter_chunked(_BLOCK):
        size += len(part)
        if size > most:
            raise _too_large(most)
        parts.append(part)
    return b"".join(parts)


async def first_of_stream(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """Return the first picture of an MJPEG stream, or the one picture that comes instead."""
    kind = answer.content_type
    if kind.startswith("image/"):
        return await whole(answer, most)
    if not kind.startswith("multipart/"):
        raise NotTaken(
            "The camera's stream is no MJPEG: say its rtsp address as `stream`, or its `snapshot`."
        )
    first = FirstPart(most)
    async for part in answer.content.iter_any():
        if (body := first.feed(part)) is not None:
            return body
    raise NotTaken("The camera's picture breaks off: it is not whole.")


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
            raise NotTaken(f"ffmpeg got no picture{self._of_device()}: {why[:300]}")
        return ended.output

    def _of_device(self) -> str:
        """Name the device; addresses may hold secrets."""
        return f" of {self._settings.device[:200]}" if self._settings.device else ""


def _said(error: Exception) -> str:
    """Return what an error says, on one line; those of aiohttp name the address in full."""
    said = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
    return without_secrets(" ".join(said.split()))[:200].rstrip(".") or type(error).__name__


_PROTOCOLS: Final = {
    "rtsp": "rtsp,tcp,udp,rtp",
    "rtsps": "rtsps,rtsp,tls,tcp,udp,rtp,srtp",
    "rtmp": "rtmp,tcp",
}
"""What ffmpeg may speak to a camera: neither http nor files, whatever the camera sends it to."""


def grabbing(program: str, settings: Webcam) -> tuple[str, ...]:
    """Return the command that writes one picture of a device, or of an rtsp or rtmp stream, to stdout."""
    if settings.device:
        source: tuple[str, ...] = ("-f", "v4l2", "-i", settings.device)
    else:
        assert settings.stream is not None
        scheme = urlsplit(settings.stream).scheme
        source = ("-protocol_whitelist", _PROTOCOLS[scheme], "-i", settings.stream)
    picture = ("-an", "-frames:v", "1", "-c:v", "mjpeg", "-q:v", "2", "-f", "image2pipe", "pipe:1")
    size = ("-max_pixels", str(MOST_AREA))
    return (program, "-nostdin", "-hide_banner", "-loglevel", "error", *size, *source, *picture)


def camera_of(settings: Webcam, http: aiohttp.ClientSession, program: str | None) -> Camera:
    """Return the camera that settings describe; they must see something."""
    if settings.snapshot:
        return Address(settings.snapshot, settings, http, whole)
    if settings.stream and not settings.device and urlsplit(settings.stream).scheme in SCHEMES:
        return Address(settings.stream, settings, http, first_of_stream)
    return Grabber(settings, program)


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
