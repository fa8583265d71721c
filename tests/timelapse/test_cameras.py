"""Cameras that are down, slow, wrong or hostile: each ends in a reason that a person understands."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from callboard.config import Webcam
from callboard.timelapse.mjpeg import FirstPart
from callboard.timelapse.picture import Kind, Picture, look
from callboard.timelapse.refusals import NotTaken
from callboard.timelapse.webcam import Cameras, camera_of, grabbing, moved
from tests.timelapse.filming import FFMPEG, Answer, FakeCamera, picture


@pytest.fixture
async def camera() -> AsyncIterator[FakeCamera]:
    async with FakeCamera().open() as opened:
        yield opened


async def take(settings: Webcam, program: str | None = FFMPEG) -> bytes:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        return await camera_of(settings, http, program).take()


async def refusal(settings: Webcam, program: str | None = FFMPEG) -> str:
    with pytest.raises(NotTaken) as caught:
        look(await take(settings, program))
    return str(caught.value)


def webcam(camera: FakeCamera, **more: Any) -> Webcam:
    return Webcam(**{"snapshot": camera.url, **more})


def giving(body: bytes, **more: Any) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, **more)

    return answer


def sending_to(location: str) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/good.jpg":
            return web.Response(body=picture())
        return web.Response(status=302, headers={"Location": location})

    return answer


async def test_a_good_picture_comes_as_it_is(camera: FakeCamera) -> None:
    assert look(await take(webcam(camera))) == Picture(Kind.JPEG, 64, 48)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (giving(b""), "nothing"),
        (giving(b"<!DOCTYPE html><html>login</html>"), "web page"),
        (giving(b"\n <HTML>"), "web page"),
        (giving(b"--frame\r\nContent-Type: image/jpeg\r\n\r\n"), "stream"),
        (giving(b"GIF89a"), "neither"),
        (giving(picture()[:200]), "not whole"),
        (giving(picture(kind="PNG")[:60]), "not whole"),
        (giving(b"x", status=404), "404"),
        (giving(b"x", status=401), "401"),
        (giving(bytes(50_000_000)), "larger than"),
        (sending_to("file:///etc/passwd"), "not the same host"),
        (sending_to("http://169.254.169.254/latest"), "not the same host"),
        (sending_to("http://127.0.0.1:1/"), "not the same host"),
        (sending_to("//elsewhere.example/x.jpg"), "not the same host"),
        (sending_to("gopher://127.0.0.1/"), "not the same host"),
        (sending_to("/again"), "from address to address"),
        (sending_to(""), "from address to address"),
        (sending_to("http://["), "no address"),
        (sending_to("http://127.0.0.1:geheim/"), "no address"),
    ],
)
async def test_what_is_no_picture_is_refused_with_what_it_is(
    camera: FakeCamera, answer: Answer, said: str
) -> None:
    camera.answer = answer
    assert said in await refusal(webcam(camera))


async def test_a_redirect_on_the_same_host_is_followed(camera: FakeCamera) -> None:
    camera.answer = sending_to("/good.jpg")
    assert look(await take(webcam(camera))).width == 64


async def test_a_body_that_never_ends_is_cut_at_the_bound_without_being_kept(camera: FakeCamera) -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(100_000))
            sent += 100_000

    camera.answer = endless
    assert "larger than 1000000 bytes" in await refusal(webcam(camera, max_size=1_000_000))
    assert sent < 50_000_000


@pytest.mark.parametrize("first", [b"", b"\xff\xd8\xff"])
async def test_a_camera_that_hangs_is_given_up_in_time(camera: FakeCamera, first: bytes) -> None:
    async def hang(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if first:
            await response.prepare(request)
            await response.write(first)
        await asyncio.sleep(60)
        return response

    camera.answer = hang
    begun = time.monotonic()
    assert "did not answer within 0.2 s" in await refusal(webcam(camera, timeout=0.2))
    assert time.monotonic() - begun < 10


async def test_a_camera_that_is_not_there_is_told_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    assert "can't be reached" in await refusal(Webcam(snapshot=f"http://127.0.0.1:{port}/"))


async def test_a_camera_whose_name_nobody_knows_is_told_in_words() -> None:
    said = await refusal(Webcam(snapshot="http://camera.invalid/"))
    assert said.startswith("The camera can't be reached: ")
    assert "rrno" not in said


async def test_a_camera_that_speaks_no_tls_is_told_so(camera: FakeCamera) -> None:
    settings = Webcam(snapshot=camera.url.replace("http:", "https:"), verify=False)
    assert "does not speak TLS" in await refusal(settings)


async def test_a_camera_that_does_not_speak_http_is_told_so() -> None:
    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00\xff\xd8 hello\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(babble, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert "broke off" in await refusal(Webcam(snapshot=f"http://127.0.0.1:{port}/"))


def streaming(with_length: bool) -> Answer:
    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "multipart/x-mixed-replace; boundary=frame"})
        await response.prepare(request)
        for number in itertools.count():
            frame = picture(number, (320, 240))
            length = f"Content-Length: {len(frame)}\r\n" if with_length else ""
            head = f"--frame\r\nContent-Type: image/jpeg\r\n{length}\r\n".encode()
            for part in (head[:9], head[9:], frame[:700], frame[700:], b"\r\n"):
                await response.write(part)
        return response

    return stream


@pytest.mark.parametrize("with_length", [True, False])
async def test_the_first_picture_of_a_stream_is_taken(camera: FakeCamera, with_length: bool) -> None:
    camera.answer = streaming(with_length)
    taken = await take(Webcam(stream=camera.url), "/no/ffmpeg/is/needed")
    assert taken == picture(0, (320, 240))


@pytest.mark.parametrize("key", ["snapshot", "stream"])
async def test_a_camera_may_want_its_login_as_digest(camera: FakeCamera, key: str) -> None:
    said: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        said.append(request.headers.get("Authorization", ""))
        if not said[-1].startswith("Digest "):
            challenge = 'Digest realm="camera", nonce="1234", qop="auth", algorithm=MD5'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        return await camera.good(request)

    camera.answer = answer
    address = camera.url.replace("http://", "http://jane:sword%2Ffish@")
    assert look(await take(Webcam(**{key: address}))).width == 64  # type: ignore[arg-type]
    assert 'username="jane"' in said[-1]


async def test_a_stream_that_is_one_picture_is_taken_as_it_is(camera: FakeCamera) -> None:
    assert look(await take(Webcam(stream=camera.url))).width == 64


@pytest.mark.parametrize("key", ["snapshot", "stream"])
async def test_a_camera_has_no_other_machine_asked(camera: FakeCamera, key: str) -> None:
    """Another port on this machine stands for another machine."""
    async with FakeCamera().open() as other:
        address = {key: camera.url}
        camera.answer = sending_to(other.url)
        assert "not the same host" in await refusal(Webcam(**address))  # type: ignore[arg-type]
        playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{other.url}\n#EXT-X-ENDLIST\n"
        camera.answer = giving(playlist.encode(), content_type="application/vnd.apple.mpegurl")
        await refusal(Webcam(**address))  # type: ignore[arg-type]
        assert other.taken == 0


def test_a_playlist_is_no_stream_for_ffmpeg_either() -> None:
    with pytest.raises(KeyError):
        grabbing("ffmpeg", Webcam(stream="http://cam/x.m3u8"))
    for scheme in ("rtsp", "rtsps", "rtmp"):
        allowed = grabbing("ffmpeg", Webcam(stream=f"{scheme}://cam/x"))
        protocols = set(allowed[allowed.index("-protocol_whitelist") + 1].split(","))
        assert not protocols & {"http", "https", "file", "crypto"}


@pytest.mark.parametrize(
    ("url", "location", "there"),
    [
        ("http://cam/a", "https://cam/b", "https://cam/b"),
        ("http://cam:8080/a", "https://cam:8080/b", "https://cam:8080/b"),
        ("http://cam/a", "http://cam:80/b", "http://cam:80/b"),
        ("https://cam/a", "//CAM:443/b", "https://CAM:443/b"),
        ("https://cam/a", "http://cam/a", None),
        ("https://cam/a", "http://cam:443/a", None),
        ("http://cam:8080/a", "http://cam/a", None),
        ("http://cam/a", "https://cam:8443/a", None),
    ],
)
def test_a_redirect_stays_on_its_host_and_port_and_never_leaves_https(
    url: str, location: str, there: str | None
) -> None:
    if there is not None:
        assert moved(url, location) == there
        return
    with pytest.raises(NotTaken, match="not the same host"):
        moved(url, location)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not whole"),
        (b"--frame\r\nContent-Length: 900\r\n\r\nabc", "not whole"),
        (b"--frame\r\nContent-Length: 99999999\r\n\r\nabc", "larger than"),
        (b"--frame\r\n\r\n" + bytes(40_000), "larger than"),
        (b"--" + bytes(40_000), "no beginning"),
        (b"\xff\xd8\xff\r\n\r\n", "no boundary"),
    ],
)
async def test_what_is_no_stream_is_refused_with_what_it_is(
    camera: FakeCamera, body: bytes, said: str
) -> None:
    camera.answer = giving(body, content_type="multipart/x-mixed-replace")
    assert said in await refusal(Webcam(stream=camera.url, max_size=20_000))  # type: ignore[arg-type]


@given(st.binary(max_size=200), st.booleans(), st.lists(st.integers(0, 300), max_size=8))
def test_the_first_part_is_the_same_however_its_bytes_come(
    body: bytes, with_length: bool, cuts: list[int]
) -> None:
    body = body.replace(b"\n--f", b"").removesuffix(b"\r")
    length = b"Content-length: %d\r\n" % len(body) if with_length else b""
    stream = b"\r\n--f\r\n" + length + b"\r\n" + body + b"\r\n--f\r\n"
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    first = FirstPart(1000)
    found = [first.feed(stream[begin:end]) for begin, end in itertools.pairwise(edges)]
    assert next(each for each in found if each is not None) == body


async def test_a_device_that_is_not_there_is_told_so() -> None:
    settings = Webcam(device="/dev/video-none", timeout=20)  # type: ignore[arg-type]
    assert "ffmpeg got no picture of /dev/video-none: " in await refusal(settings)


async def test_a_stream_that_hangs_is_given_up_in_time(camera: FakeCamera) -> None:
    async def hang(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    camera.answer = hang
    settings = Webcam(stream=camera.url, timeout=0.5)  # type: ignore[arg-type]
    assert "within 0.5 s" in await refusal(settings)


def test_a_printers_own_camera_comes_before_a_pattern() -> None:
    first, rest = Webcam(printer="mk3-*", snapshot="http://a/"), Webcam(snapshot="http://b/")
    cameras = Cameras([first, rest])
    assert cameras.of("mk3-left") is first
    assert cameras.of("delta") is rest
    assert cameras.of("") is rest
    assert Cameras([first]).of("delta") is None


@given(st.binary(max_size=300))
def test_any_bytes_are_a_picture_or_refused(data: bytes) -> None:
    for head in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"):
        with contextlib.suppress(NotTaken):
            assert 0 < look(head + data).width <= 16384


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from(["JPEG", "PNG"]))
def test_the_size_of_a_picture_is_found(width: int, height: int, kind: str) -> None:
    found = look(picture(1, (width, height), kind))
    assert (found.width, found.height) == (width, height)


@pytest.mark.parametrize(("width", "height"), [(16385, 1), (8192, 8192)])
def test_a_picture_that_takes_too_much_memory_is_refused(width: int, height: int) -> None:
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    with pytest.raises(NotTaken, match=f"{width}x{height}"):
        look(b"\xff\xd8\xff\xc0\x00\x0b\x08" + size + b"\x01\x01\x11\x00\xff\xd9")


@given(st.sampled_from(["JPEG", "PNG"]), st.data())
def test_a_picture_that_breaks_off_is_not_whole(kind: str, data: st.DataObject) -> None:
    whole = picture(1, (40, 30), kind)
    cut = data.draw(st.integers(1, len(whole) - 2))
    with pytest.raises(NotTaken):
        look(whole[:cut])


SECRET = "swordfish"


@pytest.mark.parametrize(
    "said",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://jane:swordfish@elsewhere/?pwd=swordfish\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: //cam2/s?pwd=swordfish\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://jane:swordfish/s@cam2/\r\n\r\n",
        b"",
    ],
)
@pytest.mark.parametrize("key", ["snapshot", "stream"])
async def test_a_cameras_password_is_in_no_reason(said: bytes, key: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        address = f"http://jane:{SECRET}@127.0.0.1:{port}/snapshot.cgi?pwd={SECRET}"
        assert SECRET not in await refusal(
            Webcam(snapshot=address) if key == "snapshot" else Webcam(stream=address)
        )


async def test_an_ffmpeg_that_names_the_address_tells_no_password(tmp_path: Path) -> None:
    """As those up to 6 do: `rtsp://jane:swordfish@cam/live: Connection refused`."""
    program = tmp_path / "ffmpeg"
    program.write_text(
        '#!/bin/sh\nfor word; do case "$word" in rtsp:*) echo "$word: refused" >&2;; esac; done\nexit 1\n'
    )
    program.chmod(0o755)
    said = await refusal(Webcam(stream=f"rtsp://jane:p@{SECRET}@cam/live?pwd={SECRET}"), str(program))
    assert SECRET not in said
    assert "rtsp://cam" in said
