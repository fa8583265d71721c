"""Hosts that print a file on the virtual printer: ours, Printrun's printcore, OctoPrint; and the printer.

Each is a program of its own. OctoPrint is installed into a virtual environment of its own (see hooking.py)
and driven over its REST API; printcore comes with our test dependencies.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from benchmarks.hooking import PEERS
from tests.serving import Server, eventually, free_port, serving


@dataclass(frozen=True)
class Wire:
    """One kind of wire; `baudrate` 0 is one that takes no time."""

    name: str
    baudrate: int
    lines: Mapping[str, int]
    """How many lines of the file each host prints: the slow ones fewer."""
    rx_buffer: int = 128
    speed: int = 1_000_000
    """How many times faster than life the printer moves."""

    @property
    def options(self) -> list[str]:
        speed = ["--wire-speed", "--baudrate", str(self.baudrate)] if self.baudrate else []
        return [*speed, "--rx-buffer", str(self.rx_buffer)]


@dataclass(frozen=True)
class Place:
    """Where a host finds the printer and the file."""

    folder: Path
    wire: Wire
    gcode: Path

    @property
    def tty(self) -> Path:
        return self.folder / "tty"

    @property
    def speed(self) -> int:
        return self.wire.baudrate or 115200


# --- the printer ------------------------------------------------------------------------------------


@contextlib.contextmanager
def printer(place: Place, faults: list[str]) -> Iterator[subprocess.Popen[str]]:
    words = ["virtual-printer", "--link", str(place.tty), "--accepted", str(place.folder / "accepted")]
    fixed = ["--speed", str(place.wire.speed), "--turn-around", "1", *place.wire.options]
    more = [word for fault in faults for word in ("--fault", fault)]
    command = [sys.executable, "-m", "callboard", *words, *fixed, *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline()
            yield process
        finally:
            process.terminate()
            process.wait(20)


# --- the hosts: each prints place.gcode, and gives its process id -----------------------------------


@contextlib.contextmanager
def callboard(place: Place) -> Iterator[int]:
    settings = {"name": "bench", "port": str(place.tty), "baudrate": place.speed, "autoconnect": False}
    if place.wire.rx_buffer != 128:
        settings["rx_buffer"] = place.wire.rx_buffer - 1
    config = place.folder / "callboard.yaml"
    config.write_text(json.dumps({"printers": [settings]}))
    with serving(place.folder / "data", "--config", str(config)) as server:
        assert server.process is not None
        status, body = server.ask("PUT", "/v1/files/local/bench.gcode", place.gcode.read_bytes(), {})
        assert status == 201, body
        _ask(server, "connect")
        _ask(server, "print", file="bench.gcode")
        yield server.process.pid


def _ask(server: Server, verb: str, **data: Any) -> None:
    event = {"topic": f"callboard.printer.{verb}", "data": {"printer": "bench", "deadline": 60, **data}}
    status, body = server.post("/v1/requests", {"event": event, "timeout": 60})
    assert status == 200, body
    assert b'"success":true' in body.replace(b" ", b""), body[:2000]


_PRINTCORE = """
import sys, threading
from http.client import HTTPException
from pathlib import Path
from printrun import gcoder
from printrun.printcore import printcore
online, done = threading.Event(), threading.Event()
core = printcore()
core.onlinecb, core.endcb = online.set, done.set
core.connect(sys.argv[1], int(sys.argv[2]))
assert online.wait(30)
assert core.startprint(gcoder.LightGCode(Path(sys.argv[3]).read_text().splitlines()))
done.wait()
"""


@contextlib.contextmanager
def printcore(place: Place) -> Iterator[int]:
    words = [str(place.tty), str(place.speed), str(place.gcode)]
    command = [sys.executable, "-c", _PRINTCORE, *words]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process.pid
        finally:
            process.kill()


_DISABLED = (
    "announcements",
    "backup",
    "discovery",
    "errortracking",
    "pluginmanager",
    "softwareupdate",
    "tracking",
)
"""Plugins of OctoPrint that look for something in the network, which is none of the race."""


@contextlib.contextmanager
def octoprint(place: Place) -> Iterator[int]:
    """OctoPrint as it comes, without what asks the network; it answers its REST API."""
    base, port, key = place.folder / "octoprint", free_port(), uuid.uuid4().hex
    base.mkdir()
    settings = {
        "api": {"key": key},
        "gcodeAnalysis": {"runAt": "never"},
        "plugins": {"_disabled": list(_DISABLED)},
        "serial": {"additionalPorts": [str(place.tty)], "autoconnect": False},
        "server": {
            "firstRun": False,
            "onlineCheck": {"enabled": False},
            "pluginBlacklist": {"enabled": False},
        },
    }
    (base / "config.yaml").write_text(json.dumps(settings))
    command = [str(PEERS / "octoprint/bin/octoprint"), "serve", "--iknowwhatimdoing", "--basedir", str(base)]
    where = ["--host", "127.0.0.1", "--port", str(port)]
    with (
        (base / "out").open("wb") as out,
        subprocess.Popen([*command, *where], stdout=out, stderr=out) as process,
    ):
        try:
            shop = Octo(f"http://127.0.0.1:{port}/api", key)
            eventually(lambda: shop.get("/version"), "OctoPrint", 120)
            shop.connect(place)
            shop.upload(place.gcode)
            shop.post("/files/local/bench.gcode", {"command": "select", "print": True})
            yield process.pid
        finally:
            process.kill()


class Octo:
    """OctoPrint's REST API."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url, key

    def get(self, path: str) -> Any:
        """Return an answer; None while there is none."""
        with contextlib.suppress(OSError, ValueError, HTTPException):
            return json.loads(self._ask(path, None, "application/json"))
        return None

    def post(self, path: str, body: Any) -> None:
        self._ask(path, json.dumps(body).encode(), "application/json")

    def upload(self, file: Path) -> None:
        mark = uuid.uuid4().hex
        head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="bench.gcode"\r\n\r\n'
        body = head.encode() + file.read_bytes() + f"\r\n--{mark}--\r\n".encode()
        self._ask("/files/local", body, f"multipart/form-data; boundary={mark}")

    def connect(self, place: Place) -> None:
        self.post("/connection", {"command": "connect", "port": str(place.tty), "baudrate": place.speed})
        eventually(self._is_operational, "OctoPrint's printer", 60)

    def _is_operational(self) -> bool:
        told = self.get("/connection")
        return bool(told) and told["current"]["state"] == "Operational"

    def _ask(self, path: str, body: bytes | None, kind: str) -> bytes:
        headers = {"X-Api-Key": self._key, "Content-Type": kind}
        with urllib.request.urlopen(
            urllib.request.Request(self._url + path, body, headers), timeout=60
        ) as reply:
            answer: bytes = reply.read()
            return answer


Host = Callable[[Place], contextlib.AbstractContextManager[int]]
HOSTS: Mapping[str, Host] = {"callboard": callboard, "printcore": printcore, "OctoPrint": octoprint}
