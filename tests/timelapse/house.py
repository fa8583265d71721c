"""A `callboard serve` that films, a camera of HTTP in a thread, and prints told over HTTP."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.serving import Server, eventually, serving
from tests.timelapse.filming import FFMPEG, picture

PATIENCE = 60.0


class _Camera(BaseHTTPRequestHandler):
    taken = 0

    def do_GET(self) -> None:
        _Camera.taken += 1
        body = picture(_Camera.taken, (320, 240))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def camera() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Camera) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/snapshot.jpg"
        finally:
            server.shutdown()


class Filming:
    """A server that films what is told to it."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.folder = server, folder

    @property
    def base(self) -> Path:
        return self.server.data / "timelapse"

    def say(self, name: str, /, **data: Any) -> None:
        """Tell of a print, as a host on another machine does."""
        about = {"file": "arm.gcode", "path": "arm.gcode", "name": "arm.gcode", "origin": "local"}
        event = {
            "topic": f"octoprint.{name}",
            "data": {**about, **data},
            "source": {"printer": "far", "tags": [], "job": None},
        }
        status, body = self.server.post("/v1/events", event)
        assert status == 201, body

    def film(self, layers: int, end: str = "PrintDone") -> None:
        self.say("PrintStarted")
        before = len(self.events("CaptureDone"))
        for layer in range(1, layers + 1):
            self.say("LayerChange", layer=layer, z=layer * 0.2)
            self.until("CaptureDone", before + layer)
        self.say(end)

    def events(self, name: str) -> list[dict[str, Any]]:
        query = f"expression={quote(f'topic=octoprint.{name}')}&limit=1000"
        status, body = self.server.get(f"/v1/events?{query}")
        assert status == 200, body
        return [each["event"] for each in json.loads(body)["events"]]

    def until(self, name: str, count: int = 1) -> list[dict[str, Any]]:
        def come() -> list[dict[str, Any]]:
            found = self.events(name)
            return found if len(found) >= count else []

        return eventually(come, f"{count} {name}", PATIENCE)

    def get(self, path: str) -> Any:
        status, body = self.server.get(path)
        assert status == 200, body
        return json.loads(body)

    def ask(self, verb: str, room: str = "jobs", **data: Any) -> dict[str, Any]:
        """Return what a room replies to a request."""
        event = {"topic": f"callboard.{room}.{verb}", "data": data}
        status, body = self.server.post("/v1/requests", {"event": event, "timeout": 20})
        assert status == 200, body
        (reply,) = json.loads(body)["replies"]
        said: dict[str, Any] = reply["event"]["data"] if "event" in reply else reply["data"]
        return said

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command against the server."""
        with self.begun(*words) as process:
            out, error = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(words, process.returncode, out, error)

    @contextlib.contextmanager
    def begun(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """Begin a command against the server; it is killed in the end."""
        environment = {**os.environ, "CALLBOARD_URL": self.server.url, "CALLBOARD_API_KEY": self.server.key}
        with subprocess.Popen(
            [sys.executable, "-m", "callboard", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**environment, "CALLBOARD_API_USER": self.server.user},
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    @contextlib.contextmanager
    def worker(
        self, name: str, key: str, ffmpeg: str = FFMPEG, **environment: str
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Start a `callboard worker`, and kill it in the end."""
        output = (self.folder / f"{name}.out").open("wb")
        command = [sys.executable, "-m", "callboard", "worker", "--name", name, "--ffmpeg", ffmpeg]
        with output:
            process = subprocess.Popen(
                [*command, "--url", self.server.url, "--key", key],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment},
            )
        try:
            eventually(lambda: "works for" in self.said(name), f"the worker {name}", PATIENCE)
            yield process
        finally:
            process.kill()
            process.wait()

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.out").read_text()


@contextlib.contextmanager
def filming(folder: Path, plan: str = "{mode: layer}") -> Iterator[Filming]:
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "callboard.yaml"
    with camera() as url:
        config.write_text(f"webcam: {{snapshot: '{url}'}}\ntimelapse: {plan}\n")
        with serving(folder / "data", "--config", str(config)) as server:
            yield Filming(server, folder)


def has_begun(go: Path) -> bool:
    """Return whether an ffmpeg that waits for `go` runs, and has said which process it is."""
    begun = Path(f"{go}.begun")
    return begun.exists() and begun.read_text().endswith("\n")


def ffmpeg_that_waits(folder: Path, go: Path) -> str:
    """An ffmpeg that says `begun`, and works once the file `go` is there."""
    path = folder / "slow-ffmpeg"
    path.write_text(
        f'#!/bin/sh\necho $$ >> {go}.begun\nwhile [ ! -e {go} ]; do sleep 0.05; done\nexec {FFMPEG} "$@"\n'
    )
    path.chmod(0o755)
    return str(path)
