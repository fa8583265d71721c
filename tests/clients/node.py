"""JavaScript clients in a Node process: commands in, what they heard out, one JSON line each."""

from __future__ import annotations

import contextlib
import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving import PATIENCE, Server

SCRIPTS = Path(__file__).parents[1] / "node"

Said = dict[str, Any]


def _missing() -> str:
    node = shutil.which("node")
    if node is None:
        return "Node is missing: install Node 20 or newer, then ./dev test"
    version = subprocess.run(
        [node, "-p", "process.versions.node"], capture_output=True, text=True, check=False
    )
    if int(version.stdout.partition(".")[0] or 0) < 20:
        return f"Node {version.stdout.strip()} is too old: 20 or newer is needed"
    if not (SCRIPTS / "node_modules").is_dir():
        return "tests/node/node_modules is missing: ./dev test installs it"
    return ""


MISSING = _missing()
needs_node = pytest.mark.skipif(bool(MISSING), reason=MISSING)


class Node:
    """One script of tests/node; `do` sends a command, `said` waits for an answer."""

    def __init__(self, script: str) -> None:
        self._process = subprocess.Popen(
            ["node", str(SCRIPTS / script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        self._lines: queue.Queue[Said] = queue.Queue()
        self._heard: list[Said] = []
        self._noise: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                self._lines.put(json.loads(line))
            except ValueError:
                self._noise.append(line)
        self._lines.put({"is": "ended", "noise": "".join(self._noise)})

    def do(self, what: str, **options: Any) -> None:
        """Send a command."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what, **options}) + "\n")
        self._process.stdin.flush()

    def said(self, what: str, patience: float = PATIENCE, **values: Any) -> Said:
        """Return the first answer of this kind with these values, waiting for it; others are kept."""
        wanted = {"is": what, **values}
        for said in self._heard:
            if wanted.items() <= said.items():
                self._heard.remove(said)
                return said
        while True:
            try:
                said = self._lines.get(timeout=patience)
            except queue.Empty:
                raise AssertionError(
                    f"waited in vain for {wanted}; said: {self._heard}; {self._noise}"
                ) from None
            if wanted.items() <= said.items():
                return said
            if said["is"] == "ended" or (said["is"] == "error" and what != "error"):
                raise AssertionError(f"waited for {wanted}, got {said}; said: {self._heard}")
            self._heard.append(said)

    def unheard(self, what: str) -> list[Said]:
        """Return the answers of this kind that came so far and nobody asked for."""
        while not self._lines.empty():
            self._heard.append(self._lines.get())
        return [said for said in self._heard if said["is"] == what]

    def close(self) -> int:
        """End the process as a user would who closes it, and return its exit code."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            return self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._reader.join(PATIENCE)
            if self._process.stdout is not None:
                self._process.stdout.close()


@contextlib.contextmanager
def node(script: str) -> Iterator[Node]:
    """Give a script that is ready; it must end with exit code 0."""
    running = Node(script)
    try:
        running.said("ready")
        yield running
    finally:
        code = running.close()
    assert code == 0, running.unheard("ended")


@contextlib.contextmanager
def ftrack_js(server: Server, **options: Any) -> Iterator[Node]:
    """Give the official JavaScript client, connected."""
    with node("ftrack.mjs") as running:
        running.do("connect", url=server.url, user=server.user, key=server.key, **options)
        running.said("connected")
        yield running


@contextlib.contextmanager
def modern_js(server: Server, **options: Any) -> Iterator[Node]:
    """Give npm's socket.io-client, connected."""
    with node("modern.mjs") as running:
        running.do("connect", **{"url": server.url, "user": server.user, "key": server.key, **options})
        running.said("connected")
        yield running
