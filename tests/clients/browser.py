"""Pages in a real Chromium: served from an origin of their own, they post what came of them."""

from __future__ import annotations

import functools
import http.server
import json
import queue
import shutil
import subprocess
import threading
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.clients.node import SCRIPTS
from tests.serving import PATIENCE

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is missing: ./dev test installs it")


class Pages(http.server.ThreadingHTTPServer):
    """Serves tests/node, on a port and so an origin of its own, and takes what a page says."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), functools.partial(_Handler, directory=str(SCRIPTS)))
        self.said: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def origin(self) -> str:
        """Where the pages are from."""
        return f"http://127.0.0.1:{self.server_port}"

    def open(self, page: str, profile: Path, **given: str) -> dict[str, Any]:
        """Open a page in a browser that is nobody's, and return what it says."""
        assert CHROMIUM is not None
        # The sandbox needs a user that root is not; what is opened here is ours.
        command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        address = f"{self.origin}/{page}?{urlencode(given)}"
        command += [f"--user-data-dir={profile}", "--no-first-run", address]
        with (profile.parent / "chromium.log").open("wb") as log:
            browser = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            return self.said.get(timeout=2 * PATIENCE)
        finally:
            browser.terminate()
            browser.wait(PATIENCE)


class _Handler(http.server.SimpleHTTPRequestHandler):
    server: Pages

    def do_POST(self) -> None:
        self.server.said.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(HTTPStatus.NO_CONTENT)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing: what matters is asserted."""
