"""A real `callboard serve` in a process of its own, on a port that is free, in a folder that goes away."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE = 20.0
"""Seconds until a test gives up waiting: long, because the machine may be busy; a passing test waits less."""


def eventually(ask: Callable[[], T], what: str = "", patience: float = PATIENCE) -> T:
    """Return the first true answer of `ask`; fails after `patience` seconds, naming `what` was waited for."""
    end = time.monotonic() + patience
    while not (answer := ask()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience:g} s in vain{f' for {what}' if what else ''}")
        time.sleep(0.01)
    return answer


def free_port() -> int:
    """Return a port that was free a moment ago, for programs that can't choose one themselves."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Server:
    """One `callboard serve`; `start` again after a stop serves the same data on the same port."""

    data: Path
    options: tuple[str, ...] = ()
    user: str = "admin"
    url: str = ""
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def key(self) -> str:
        """The admin's key, as `serve` left it in the data folder."""
        return (self.data / "admin.key").read_text().strip()

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2]) if self.url else 0

    @property
    def output(self) -> str:
        """What the server printed so far."""
        return (self.data.parent / f"{self.data.name}.out").read_text(errors="replace")

    def start(self) -> Server:
        """Start the process and return once it answers."""
        (self.data / "server.json").unlink(missing_ok=True)
        command = [sys.executable, "-m", "callboard", "serve", "--data", str(self.data), *self.options]
        with (self.data.parent / f"{self.data.name}.out").open("ab") as output:
            self.process = subprocess.Popen(
                [*command, "--port", str(self.port)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=_environment(),
            )
        eventually(self._is_ready, "a server that is ready")
        return self

    def _is_ready(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise AssertionError(f"callboard serve ended:\n{self.output}")
        with contextlib.suppress(OSError, ValueError, KeyError):
            self.url = json.loads((self.data / "server.json").read_text())["url"].rstrip("/")
            return self.get("/readyz")[0] == 200
        return False

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal (SIGTERM: a clean shutdown) and return the exit code."""
        assert self.process is not None
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(how)
        try:
            return process.wait(PATIENCE)
        finally:
            process.kill()

    def restart(self) -> Server:
        """Shut down cleanly and start again."""
        self.stop()
        return self.start()

    def kill(self) -> None:
        """End it as a power cut would."""
        self.stop(signal.SIGKILL)

    def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        """GET `path` as the admin; returns status and body, whatever the status."""
        return self.ask("GET", path, None, headers)

    def post(self, path: str, body: Any, **headers: str) -> tuple[int, bytes]:
        """POST `body` as JSON as the admin; returns status and body, whatever the status."""
        return self.ask(
            "POST", path, json.dumps(body).encode(), {"Content-Type": "application/json", **headers}
        )

    def ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        """Send a request with the admin's credentials."""
        mine = {"ftrack-user": self.user, "ftrack-api-key": self.key}
        request = urllib.request.Request(self.url + path, body, {**mine, **headers}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()


def _environment() -> dict[str, str]:
    """Return this process's environment without what would point a command elsewhere."""
    ours = {
        name: value for name, value in os.environ.items() if not name.startswith(("CALLBOARD_", "FTRACK_"))
    }
    return {**ours, "PYTHONUNBUFFERED": "1"}


@contextlib.contextmanager
def serving(data: Path, *options: str) -> Iterator[Server]:
    """Give a server that is ready, and stop it in the end."""
    data.mkdir(parents=True, exist_ok=True)
    server = Server(data, options)
    try:
        yield server.start()
    finally:
        if server.process is not None:
            server.stop()
