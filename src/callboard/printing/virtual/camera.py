"""The camera beside the virtual printer: `GET /snapshot.jpg`, and `/stream` as motion JPEG."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from callboard.printing.virtual.picture import painter
from callboard.printing.virtual.printer import VirtualPrinter

_LONGEST = 8192
_PATIENCE = 10.0
_STREAMED = 0.2
_MOST_WATCHERS = 8
_PAGE = (
    b"<!doctype html><title>Virtual printer</title><body style='margin:0;background:#111'>"
    b"<img src='/stream' style='width:100%;height:100vh;object-fit:contain'>"
)


class Camera:
    """Takes pictures of one printer for whoever asks over HTTP."""

    def __init__(self, printer: VirtualPrinter, size: tuple[int, int]) -> None:
        self._printer, self._size = printer, size
        self._watchers = 0

    def picture(self) -> bytes:
        """Return what it sees now."""
        caption = datetime.now(UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        return self._printer.picture(asyncio.get_running_loop().time(), self._size, caption)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        try:
            target = await asyncio.wait_for(_target(reader), _PATIENCE)
            if target is None:
                writer.write(_answer(b"405 Method Not Allowed", b"text/plain", b"Only GET is known here.\n"))
            elif _is_stream(target):
                await self._stream(writer)
            elif _is_snapshot(target):
                writer.write(_answer(b"200 OK", b"image/jpeg", self.picture()))
            elif target == "/":
                writer.write(_answer(b"200 OK", b"text/html; charset=utf-8", _PAGE))
            else:
                there = b"There are /snapshot.jpg and /stream.\n"
                writer.write(_answer(b"404 Not Found", b"text/plain", there))
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            pass
        finally:
            writer.close()

    async def _stream(self, writer: asyncio.StreamWriter) -> None:
        if self._watchers >= _MOST_WATCHERS:
            writer.write(_answer(b"503 Service Unavailable", b"text/plain", b"Too many watch already.\n"))
            return
        self._watchers += 1
        try:
            writer.write(
                b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nConnection: close\r\n"
                b"Content-Type: multipart/x-mixed-replace; boundary=picture\r\n\r\n"
            )
            while True:
                picture = self.picture()
                writer.write(
                    b"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n"
                    % (len(picture), picture)
                )
                await writer.drain()
                await asyncio.sleep(_STREAMED)
        finally:
            self._watchers -= 1


async def _target(reader: asyncio.StreamReader) -> str | None:
    """Return what a GET asks for; None for another method."""
    head = await reader.readuntil(b"\r\n\r\n")
    method, _, rest = head.partition(b" ")
    return rest.split(b" ")[0].decode("latin-1") if method == b"GET" else None


def _is_snapshot(target: str) -> bool:
    return target.partition("?")[0] in {"/snapshot.jpg", "/snapshot"} or "action=snapshot" in target


def _is_stream(target: str) -> bool:
    return target.partition("?")[0] in {"/stream", "/stream.mjpg"} or "action=stream" in target


def _answer(status: bytes, kind: bytes, body: bytes) -> bytes:
    return (
        b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\nCache-Control: no-store\r\n"
        b"Connection: close\r\n\r\n%b" % (status, kind, len(body), body)
    )


async def serve_camera(
    printer: VirtualPrinter,
    host: str = "127.0.0.1",
    port: int = 0,
    size: tuple[int, int] = (960, 720),
) -> asyncio.Server:
    """Serve pictures of a printer over HTTP. Raises OSError, and MissingExtra without Pillow."""
    painter()  # what is missing is told now, not to whoever looks later
    return await asyncio.start_server(Camera(printer, size).serve, host, port, limit=_LONGEST)
