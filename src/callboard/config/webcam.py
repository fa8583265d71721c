"""`webcam:` and `timelapse:`: cameras, and how prints are filmed; OctoPrint's `webcam:` is read as both.

    webcam: one camera, or a list of them -> Webcam ...; what OctoPrint has there -> Timelapse

OctoPrint's keys are known by name and taken where they mean something here; only a key that neither
knows is a fault. Source: facts 5.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from callboard.config.discretion import without_secrets
from callboard.config.document import Faults, Item
from callboard.config.quantity import Bytes, Seconds
from callboard.config.settings import read, says

Mode = Literal["off", "zchange", "timed", "layer"]
Rendered = Literal["always", "success", "failure", "off"]


class Webcam(Struct, frozen=True, kw_only=True):
    """A camera: one of `snapshot`, `device` and `stream`, the first that is said."""

    printer: Annotated[str, says("The printers it sees, by name; `*` stands for any text.")] = "*"
    snapshot: Annotated[
        str | None, says("Address of a picture, http or https; the best way where there is one.")
    ] = None
    device: Annotated[str | None, says("A camera of this machine, such as /dev/video0; read by ffmpeg.")] = (
        None
    )
    stream: Annotated[
        str | None, says("Address of a video: MJPEG by http or https, or rtsp, rtsps or rtmp.")
    ] = None
    timeout: Annotated[Seconds, says("How long a picture may take.")] = Seconds(5)
    max_size: Annotated[Bytes, says("The largest picture that is taken.")] = Bytes(16 << 20)
    verify: Annotated[bool, says("Whether the certificate of an https address must be good.")] = True
    flip_h: Annotated[bool, says("Whether left and right change places in the film.")] = False
    flip_v: Annotated[bool, says("Whether top and bottom change places in the film.")] = False
    rotate: Annotated[
        Literal[0, 90, 180, 270], says("By how many degrees the film is turned, counter-clockwise.")
    ] = 0

    @property
    def sees(self) -> bool:
        """Whether there is a camera at all."""
        return bool(self.snapshot or self.device or self.stream)


class Timelapse(Struct, frozen=True, kw_only=True):
    """`timelapse:`: when pictures of a print are taken, and how the film is made of them."""

    mode: Annotated[
        Mode,
        says("When a picture is taken: timed, layer (each new one), zchange (any new height), or off."),
    ] = "off"
    interval: Annotated[Seconds, says("Between two pictures of `timed`; at least 0.1 s.")] = Seconds(10)
    min_delay: Annotated[
        Seconds | None,
        says("The least between two others; null: 5s for zchange, 0 for layer."),
    ] = None
    retraction_zhop: Annotated[
        float, Meta(ge=0), says("A change of height by just so many mm is a hop, no zchange.")
    ] = 0.0
    while_paused: Annotated[bool, says("Whether `timed` goes on while the print is paused.")] = True
    fps: Annotated[float, Meta(ge=1, le=240), says("Pictures a second of film.")] = 25.0
    post_roll: Annotated[Seconds, says("How long the film ends with a still of the finished print.")] = (
        Seconds(0)
    )
    render: Annotated[
        Rendered, says("After which prints the film is made: always, success, failure, off.")
    ] = "always"
    render_here: Annotated[bool, says("Whether this hub makes films; no: only `callboard worker` does.")] = (
        True
    )
    wait_for_prints: Annotated[
        bool | None, says("Whether films wait until no print runs; null: if this hub makes them.")
    ] = None
    render_timeout: Annotated[Seconds, says("How long the making of a film may take.")] = Seconds(2 * 3600)
    ffmpeg: Annotated[
        str | None, says("Path of ffmpeg; null: the one on PATH, else that of callboard[ffmpeg].")
    ] = None
    codec: Annotated[
        Literal["libx264", "mpeg2video"], says("libx264 makes .mp4 files, mpeg2video .mpg files.")
    ] = "libx264"
    bitrate: Annotated[
        str | None, says("Bits a second, such as 10000k; null: as many as good quality needs.")
    ] = None
    threads: Annotated[int, Meta(ge=0, le=64), says("Threads of ffmpeg; 0: one for each core.")] = 0
    folder: Annotated[str | None, says("Folder of films and pictures; null: `timelapse` with the data.")] = (
        None
    )
    keep_frames: Annotated[
        Seconds | None, says("How long pictures without a film are kept; null: for ever.")
    ] = Seconds(7 * 86400)
    keep_films: Annotated[Seconds | None, says("How long films are kept; null: for ever.")] = None

    @property
    def waits_for_prints(self) -> bool:
        """Whether films wait until no print runs: those made here do, unless they shall not."""
        return self.render_here if self.wait_for_prints is None else self.wait_for_prints


LEAST_INTERVAL: Final = 0.1
"""Seconds between two pictures of `timed`."""
SCHEMES: Final = frozenset({"http", "https"})
STREAMS: Final = frozenset({"http", "https", "rtsp", "rtsps", "rtmp"})

_BITRATE: Final = re.compile(r"[1-9]\d{0,8}[kKmM]?", re.ASCII)
_OCTOPRINTS: Final = frozenset(
    [
        "bitrate",
        "cacheBuster",
        "cleanTmpAfterDays",
        "defaultWebcam",
        "ffmpeg",
        "ffmpegCommandline",
        "ffmpegThreads",
        "ffmpegThumbnailCommandline",
        "ffmpegVideoCodec",
        "flipH",
        "flipV",
        "renderAfterPrint",
        "renderAfterPrintDelay",
        "rotate90",
        "snapshotSslValidation",
        "snapshotTimeout",
        "snapshotWebcam",
        "streamRatio",
        "streamTimeout",
        "streamWebrtcIceServers",
        "timelapse",
        "timelapseEnabled",
        "watermark",
        "webcamEnabled",
    ]
)
"""Keys of OctoPrint's `webcam:` that ours has not."""


def webcams(section: Item, faults: Faults) -> tuple[Webcam, ...]:
    """Return the cameras of `webcam:`, one or a list; what is wrong is noted in `faults`."""
    if section.value is None:
        return ()
    each = section.value if isinstance(section.value, tuple) else (section,)
    return tuple(found for one in each if (found := webcam(one, faults)).sees)


def webcam(section: Item, faults: Faults) -> Webcam:
    """Return one camera; OctoPrint's keys beside ours are no fault."""
    said = section.value if isinstance(section.value, dict) else {}
    theirs = {key for key in said if key in _OCTOPRINTS}
    ours = {key: value for key, value in said.items() if key not in theirs}
    if theirs and "stream" in ours and not _address(ours["stream"].plain(), STREAMS):
        del ours["stream"]  # a path of its web page
    found = read(Webcam, "webcam", Item(ours, section.line) if said else section, faults)
    if theirs:
        found = _with_octoprints(found, {key: said[key].plain() for key in theirs})
    check_addresses(found, section, faults)
    return found


def timelapse(section: Item, faults: Faults) -> Timelapse:
    """Return how prints are filmed; what is wrong is noted in `faults`."""
    found = read(Timelapse, "timelapse", _with_off(section, ("mode", "render")), faults)
    if found.interval < LEAST_INTERVAL:
        faults.add(_line(section, "interval"), "timelapse.interval: write 100ms or more.")
    line = section.value["bitrate"].line if isinstance(section.value, dict) and found.bitrate else 0
    if found.bitrate and not _BITRATE.fullmatch(found.bitrate):
        shown = without_secrets(found.bitrate)[:40]
        faults.add(line, f"timelapse.bitrate: {shown!r} is none: write 10000k or 10M.")
    return found


def octoprints(said: Any) -> Timelapse | None:
    """Return how prints are filmed by OctoPrint's `webcam:`; None if it says nothing of that.

    What makes no sense in it is passed over: the file is OctoPrint's.
    """
    said = said if isinstance(said, dict) else {}
    if not said.keys() & {"timelapse", "ffmpeg", "bitrate", "renderAfterPrint", "cleanTmpAfterDays"}:
        return None
    inner = _mapping(said.get("timelapse"))
    options = _mapping(inner.get("options"))
    days = said.get("cleanTmpAfterDays")
    found = {
        "mode": "off" if inner.get("type") is False else inner.get("type"),
        "fps": inner.get("fps"),
        "post_roll": inner.get("postRoll"),
        "interval": options.get("interval"),
        "min_delay": options.get("minDelay"),
        "retraction_zhop": options.get("retractionZHop"),
        "ffmpeg": said.get("ffmpeg"),
        "bitrate": said.get("bitrate") if _is_bitrate(said.get("bitrate")) else None,
        "codec": said.get("ffmpegVideoCodec"),
        "render": "off" if said.get("renderAfterPrint") is False else said.get("renderAfterPrint"),
        "keep_frames": days * 86400 if _is_number(days) and days else None,
    }
    return Timelapse(**_sensible(Timelapse, found))


def classic(said: Any) -> tuple[Webcam, ...]:
    """Return the camera of OctoPrint's bundled plugin, which today's versions keep it in; none if none."""
    inner = _mapping(_mapping(said).get("classicwebcam"))
    if not _address(inner.get("snapshot"), SCHEMES):
        return ()
    return (_with_octoprints(Webcam(snapshot=str(inner["snapshot"])), inner),)


def _with_octoprints(camera: Webcam, said: Mapping[str, Any]) -> Webcam:
    found = {
        "flip_h": said.get("flipH"),
        "flip_v": said.get("flipV"),
        "rotate": 90 if said.get("rotate90") is True else None,
        "timeout": said.get("snapshotTimeout"),
        "verify": said.get("snapshotSslValidation"),
    }
    return msgspec.structs.replace(camera, **_sensible(Webcam, found))


def _sensible(kind: type[Struct], found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of `found` a setting of this kind can be."""
    types = {field.name: field.type for field in msgspec.structs.fields(kind)}
    good: dict[str, Any] = {}
    for key, value in found.items():
        try:
            if value is not None:
                good[key] = msgspec.convert(value, types[key], strict=False, dec_hook=_quantity)
        except (msgspec.ValidationError, ValueError):
            continue
    return good


def _quantity(kind: type, value: Any) -> Any:
    if not _is_number(value):
        raise ValueError(value)
    return kind(value)


def _with_off(section: Item, keys: tuple[str, ...]) -> Item:
    """Return a section whose `off`, which YAML takes for no, is text in these keys."""
    if not isinstance(section.value, dict):
        return section
    said = {
        key: Item("off", value.line) if key in keys and value.value is False else value
        for key, value in section.value.items()
    }
    return Item(said, section.line)


def check_addresses(camera: Webcam, section: Item, faults: Faults) -> None:
    """Note addresses that can't be."""
    for key, schemes in (("snapshot", SCHEMES), ("stream", STREAMS)):
        said = getattr(camera, key)
        if said and not _address(said, schemes):
            wanted = ", ".join(sorted(schemes))
            faults.add(_line(section, key), f"webcam.{key}: this is no address: it begins {wanted}.")
    if camera.device and not camera.device.startswith("/"):
        faults.add(_line(section, "device"), "webcam.device: write a path such as /dev/video0.")


def _line(section: Item, key: str) -> int:
    return section.value[key].line if isinstance(section.value, dict) else section.line


def _address(text: Any, schemes: frozenset[str]) -> bool:
    try:
        parts = urlsplit(text if isinstance(text, str) else "")
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_bitrate(value: Any) -> bool:
    return isinstance(value, str) and _BITRATE.fullmatch(value) is not None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12
