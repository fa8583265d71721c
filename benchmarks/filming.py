"""Films beside ffmpeg alone on the command line; and ten printers filmed at once, each second a picture.

Both run in a real `callboard serve`; the pictures are 1280x720, as a webcam sends them. ffmpeg alone is
called with the same options and the same low priority.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import psutil
from PIL import Image, ImageDraw, ImageFilter

from callboard.programs import NICE
from callboard.timelapse import ffmpeg
from callboard.timelapse.movie import Movie, command
from callboard.timelapse.reel import About

SIZE = (1280, 720)
GOAL = 1.05
PRINTERS = 10


def picture(number: int, noise: Image.Image) -> bytes:
    """A picture like a webcam's: noise, and a print that grows."""
    seen = noise.copy()
    draw = ImageDraw.Draw(seen)
    top = 600 - number % 500
    draw.rectangle((400, top, 880, 600), fill=(200, 90, 40))
    draw.rectangle((300 + number * 7 % 600, top - 60, 380 + number * 7 % 600, top), fill=(40, 40, 40))
    made = io.BytesIO()
    seen.save(made, "JPEG", quality=85)
    return made.getvalue()


def backdrop() -> Image.Image:
    made = Image.effect_noise(SIZE, 60).filter(ImageFilter.GaussianBlur(1.5))
    return Image.merge("RGB", (made, made, made))


class Hub:
    """A `callboard serve`."""

    def __init__(self, folder: Path, config: str) -> None:
        self.data = folder / "data"
        (folder / "callboard.yaml").write_text(config)
        words = ["serve", "--data", str(self.data), "--port", "0", "--config", str(folder / "callboard.yaml")]
        self._errors = (folder / "errors").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "callboard", *words], stdout=subprocess.DEVNULL, stderr=self._errors
        )
        while not (self.data / "server.json").exists():
            if self.process.poll() is not None:
                raise RuntimeError(f"callboard serve ended: {(folder / 'errors').read_text()[-2000:]}")
            time.sleep(0.05)
        self.url = json.loads((self.data / "server.json").read_text())["url"]
        self.key = (self.data / "admin.key").read_text().strip()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=600) as answer:
            return json.loads(answer.read())

    def put(self, path: str, data: bytes) -> None:
        headers = {"Authorization": f"Bearer {self.key}"}
        request = urllib.request.Request(self.url + path, data, headers, method="PUT")
        urllib.request.urlopen(request, timeout=60).close()

    @contextlib.contextmanager
    def hearing(self, topic: str) -> Iterator[Iterator[dict[str, Any]]]:
        """Give the events of a topic as they come."""
        headers = {"Authorization": f"Bearer {self.key}", "Accept": "text/event-stream"}
        address = f"{self.url}/v1/events/stream?expression=topic=octoprint.{topic}"
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=600) as stream:
            yield (
                json.loads(line[5:]) for line in stream if line.startswith(b"data:") and b'"event"' in line
            )

    def cpu(self) -> float:
        """CPU seconds that the hub and its ended children have used."""
        return sum(psutil.Process(self.process.pid).cpu_times()[:4])

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()
        self._errors.close()


@contextlib.contextmanager
def serving(folder: Path, config: str) -> Iterator[Hub]:
    folder.mkdir(parents=True)
    hub = Hub(folder, config)
    try:
        yield hub
    except Exception as error:
        status = "ended" if hub.process.poll() is not None else "running"
        error.add_note(f"The hub was {status}: {(folder / 'errors').read_text()[-2000:]}")
        raise
    finally:
        hub.close()


def reel(base: Path, frames: Path, name: str, count: int) -> None:
    """Put pictures into a timelapse folder as a recording leaves them; links, since a film removes them."""
    folder = base / "unrendered" / name
    folder.mkdir(parents=True)
    about = About(
        printer="bench", gcode="bench.gcode", started=time.time(), ended=True, width=SIZE[0], height=SIZE[1]
    )
    (folder / "recording.json").write_bytes(msgspec.json.encode(about))
    for number in range(count):
        (folder / f"{name}-{number}.jpg").hardlink_to(frames / f"bench-{number}.jpg")


def ours(hub: Hub, frames: Path, name: str, count: int) -> tuple[float, float]:
    """Seconds from the wish for a film to MovieDone, and CPU seconds of the hub and its ffmpeg."""
    reel(hub.data / "timelapse", frames, name, count)
    with hub.hearing("Movie*") as events:
        begun, spent = time.perf_counter(), hub.cpu()
        hub.ask("POST", f"/v1/timelapses/unrendered/{name}/render", {})
        for event in events:
            if event["event"]["topic"].endswith("MovieFailed"):
                raise RuntimeError(event["event"]["data"])
            if event["event"]["topic"].endswith("MovieDone"):
                return time.perf_counter() - begun, hub.cpu() - spent
    raise RuntimeError("the hub ended")


def alone(folder: Path, frames: Path, count: int) -> tuple[float, float]:
    """Seconds of ffmpeg on the command line, and its CPU seconds."""
    movie = Movie(name="bench", film="bench.mp4", gcode="", movie="", count=count)
    words = list(command(ffmpeg.find(), movie, frames, folder / "alone.mp4"))
    progress = words.index("-progress")
    del words[progress : progress + 5]
    begun = time.perf_counter()
    process = subprocess.Popen(["nice", "-n", str(NICE), *words])
    _, status, spent = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError("ffmpeg failed")
    return time.perf_counter() - begun, spent.ru_utime + spent.ru_stime


def films(folder: Path, quick: bool) -> list[dict[str, Any]]:
    count, repeats = (100, 1) if quick else (1000, 7)
    frames = folder / "frames"
    frames.mkdir(parents=True)
    noise = backdrop()
    for number in range(count):
        (frames / f"bench-{number}.jpg").write_bytes(picture(number, noise))
    with serving(folder / "hub", "timelapse: {mode: timed}\n") as hub:
        alone(folder, frames, min(count, 100))
        pairs = [
            (ours(hub, frames, f"bench_{each}", count), alone(folder, frames, count))
            for each in range(repeats)
        ]
    return [
        _row(
            f"a film of {count:,} pictures, 1280x720", "s", [(mine[0], theirs[0]) for mine, theirs in pairs]
        ),
        _row("the same, CPU", "CPU s", [(mine[1], theirs[1]) for mine, theirs in pairs]),
    ]


def _row(name: str, unit: str, pairs: list[tuple[float, float]]) -> dict[str, Any]:
    mine, theirs = (statistics.median(each) for each in zip(*pairs, strict=True))
    ratios = sorted(one / other for one, other in pairs)
    return {
        "name": name,
        "unit": unit,
        "ours": mine,
        "peer": f"{theirs:.3g} {unit}, ffmpeg alone",
        "ratio": statistics.median(ratios),
        "spread": f"{ratios[0]:.3f} - {ratios[-1]:.3f}",
        "goal": f"<= {GOAL}",
        "note": f"from the wish to MovieDone; medians of {len(pairs)} pairs",
    }


class Camera(BaseHTTPRequestHandler):
    """Sends one picture to whoever asks."""

    content = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def beats(folder: Path, quick: bool) -> list[dict[str, Any]]:
    seconds = 5 if quick else 60
    plan = "timelapse: {mode: timed, interval: 1s, render: off}\n"
    with camera() as address, serving(folder / "beats", f"webcam: {{snapshot: '{address}'}}\n{plan}") as hub:
        for number in range(PRINTERS):
            say(hub, "PrintStarted", f"printer{number}")
            time.sleep(1 / PRINTERS)
        time.sleep(seconds)
        shown = hub.ask("GET", "/v1/state?prefix=timelapse/")["state"]
        for number in range(PRINTERS):
            say(hub, "PrintDone", f"printer{number}")
        late = lateness(hub)
    missed = sum(each["missed"] + each["failed"] for each in shown.values())
    taken = sum(each["frames"] for each in shown.values())
    return [
        {
            "name": f"{PRINTERS} printers filmed at 1 s, for {seconds} s",
            "unit": "missed beats",
            "ours": missed,
            "peer": "",
            "ratio": "",
            "spread": f"{taken} pictures",
            "goal": "0",
            "note": "",
        },
        {
            "name": "how late a beat is, from its second to CaptureStart",
            "unit": "ms (p99)",
            "ours": late[math.ceil(len(late) * 0.99) - 1] * 1000,
            "peer": "",
            "ratio": "",
            "spread": f"{statistics.median(late) * 1000:.2g} median, {late[-1] * 1000:.3g} most",
            "goal": "",
            "note": "",
        },
    ]


class Firmware:
    """A printer on a TCP port: takes 4 ms for a line, notes how long the host takes for the next."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        link, _ = self._server.accept()
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.sendall(b"start\n")
        answered = 0.0
        for line in link.makefile("rb"):
            arrived = time.perf_counter()
            if answered and b"G1" in line:
                self.late.append(arrived - answered)
            time.sleep(0.004)
            firmware = b"FIRMWARE_NAME:Marlin 2.1\n" if b"M115" in line else b""
            answered = time.perf_counter()
            with contextlib.suppress(OSError):
                link.sendall(firmware + b"ok\n")


def lines(folder: Path, quick: bool) -> list[dict[str, Any]]:
    """How late the lines of a print are while it is filmed ten times a second, and while it is not."""
    count = 500 if quick else 5000
    rows = []
    for name, interval in (("not filmed", "1h"), ("filmed ten times a second", "0.1")):
        stack = contextlib.ExitStack()
        address = stack.enter_context(camera())
        firmware = Firmware()
        config = (
            f"printers: [{{name: mk3, port: 'socket://127.0.0.1:{firmware.port}', ping_pong: true}}]\n"
            f"webcam: {{snapshot: '{address}'}}\n"
            f"timelapse: {{mode: timed, interval: {interval}, render: off}}\n"
        )
        with serving(folder / f"lines{interval}", config) as hub:
            text = "".join(f"G1 X{number % 100} E{number / 100}\n" for number in range(count))
            hub.put("/v1/files/local/a.gcode", text.encode())
            with hub.hearing("Print*") as events:
                wish = {"topic": "callboard.printer.print", "data": {"printer": "mk3", "file": "a.gcode"}}
                while not hub.ask("POST", "/v1/requests", {"event": wish, "timeout": 20})["replies"][0][
                    "event"
                ]["data"]["success"]:
                    time.sleep(0.2)
                next(each for each in events if each["event"]["topic"].endswith(("PrintDone", "PrintFailed")))
        stack.close()
        late = sorted(firmware.late)
        most = late[math.ceil(len(late) * 0.999) - 1]
        rows.append(
            {
                "name": f"the host's answer to a line, {name}",
                "unit": "ms (most)",
                "ours": late[-1] * 1000,
                "peer": "",
                "ratio": "",
                "spread": f"{statistics.median(late) * 1000:.2g} median, {most * 1000:.3g} p99.9",
                "goal": "no line later than 20 ms",
                "note": f"{len(late):,} lines",
            }
        )
    return rows


@contextlib.contextmanager
def camera() -> Iterator[str]:
    """A camera in a process of its own, so that it costs whoever measures nothing; gives its address."""
    mine, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=serve_pictures, args=(theirs, picture(1, backdrop())), daemon=True
    )
    process.start()
    try:
        yield f"http://127.0.0.1:{mine.recv()}/"
    finally:
        process.terminate()
        process.join()


def serve_pictures(told: Any, content: bytes) -> None:
    Camera.content = content
    server = ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    told.send(server.server_port)
    server.serve_forever()


def say(hub: Hub, name: str, printer: str) -> None:
    data = {"file": "a.gcode", "name": "a.gcode", "path": "a.gcode", "origin": "local"}
    hub.ask(
        "POST", "/v1/events", {"topic": f"octoprint.{name}", "data": data, "source": {"printer": printer}}
    )


def lateness(hub: Hub) -> list[float]:
    """How far each CaptureStart lies behind the earliest rhythm of its printer, in s, sorted."""
    from datetime import datetime

    times: dict[str, list[float]] = {}
    after = ""
    while True:
        query = f"/v1/events?expression=topic=octoprint.CaptureStart&limit=1000&after={after}"
        page = hub.ask("GET", query)
        for entry in page["events"]:
            moment = datetime.fromisoformat(entry["time"]).timestamp()
            times.setdefault(entry["event"]["source"]["printer"], []).append(moment)
        if not page["events"]:
            break
        after = page["next"]
    found = []
    for each in times.values():
        phases = [moment - number for number, moment in enumerate(each)]
        found += [phase - min(phases) for phase in phases]
    return sorted(found)


def run(quick: bool) -> list[dict[str, Any]]:
    """The rows of this benchmark."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("CALLBOARD_BENCH_FOLDER")) as made:
        return [*films(Path(made) / "films", quick), *beats(Path(made), quick), *lines(Path(made), quick)]
