"""Files behind a real `callboard serve`: configured folders, a kill in mid upload, the order of events."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callboard.files.metadata import SHEET
from tests.serving import Server, eventually, serving

PROGRAM = b"G28\nG1 X10 Y10 Z0.2 F3000\nG1 X60 E2\n"
BYTES = {"Content-Type": "application/octet-stream"}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Server]:
    """A server whose files lie where its configuration says."""
    config = tmp_path / "callboard.yaml"
    config.write_text(f"files: {{folder: {tmp_path}/gcode, watched: {tmp_path}/drop, max_upload: 10MB}}\n")
    with serving(tmp_path / "data", "--config", str(config)) as server:
        yield server


def told(server: Server, expression: str = "topic=octoprint.*") -> list[Any]:
    _, body = server.get(f"/v1/events?limit=1000&expression={expression}")
    return [entry["event"] for entry in json.loads(body)["events"]]


def names(server: Server) -> list[str]:
    return [event["topic"].removeprefix("octoprint.") for event in told(server)]


def test_an_upload_is_told_in_order_to_the_end_of_its_analysis(shop: Server, tmp_path: Path) -> None:
    status, _ = shop.ask("PUT", "/v1/files/local/arm.gcode", PROGRAM, BYTES)
    assert status == 201
    eventually(lambda: "MetadataAnalysisFinished" in names(shop), "the analysis")
    order = [name for name in names(shop) if name not in {"Startup", "ClientOpened", "ClientClosed"}]
    assert order[:5] == ["FileAdded", "UpdatedFiles", "UpdatedFiles", "Upload", "MetadataAnalysisStarted"]
    assert (tmp_path / "gcode" / "arm.gcode").read_bytes() == PROGRAM
    _, shown = shop.get("/v1/files/local/arm.gcode")
    assert json.loads(shown)["analysis"]["estimatedPrintTime"] > 0
    assert shop.ask("PUT", "/v1/files/local/big.gcode", b"x" * 10_000_001, BYTES)[0] == 413


def test_what_is_put_in_the_watched_folder_comes_in(shop: Server, tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    eventually(drop.is_dir)
    (drop / "arm.gcode").write_bytes(PROGRAM)
    eventually(lambda: "Upload" in names(shop), "the file that was put in")
    eventually(lambda: list(drop.iterdir()) == [])
    assert (tmp_path / "gcode" / "arm.gcode").read_bytes() == PROGRAM


def test_a_stop_in_the_middle_of_an_upload_is_told_and_leaves_nothing(shop: Server, tmp_path: Path) -> None:
    folder = tmp_path / "gcode"
    with socket.create_connection(("127.0.0.1", shop.port)) as sock:
        head = f"PUT /v1/files/local/a.gcode HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {shop.key}\r\n"
        sock.sendall(f"{head}Content-Length: 9000000\r\n\r\n".encode() + PROGRAM)
        eventually(lambda: list(folder.glob(".upload-*")), "the upload to begin")
        assert shop.stop() == 0
        assert b"503 Service Unavailable" in sock.recv(1000)
    assert "Traceback" not in shop.output
    assert not list(folder.glob(".upload-*"))


def test_a_second_hub_in_the_same_data_folder_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--log", "memory:") as server:
        second = [sys.executable, "-m", "callboard", "serve", "--data", str(server.data), "--port", "0"]
        refused = subprocess.run([*second, "--log", "memory:"], capture_output=True, text=True, timeout=60)
        assert refused.returncode == 1
        assert server.process is not None
        assert f"Another process ({server.process.pid}) has the data folder {server.data}" in refused.stderr
        assert server.get("/readyz")[0] == 200


def test_a_kill_in_the_middle_of_an_upload_loses_nothing(shop: Server, tmp_path: Path) -> None:
    folder = tmp_path / "gcode"
    assert shop.ask("PUT", "/v1/files/local/parts/arm.gcode", PROGRAM, BYTES)[0] == 201
    with socket.create_connection(("127.0.0.1", shop.port)) as client:
        head = (
            "PUT /v1/files/local/parts/arm.gcode HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n"
            f"Authorization: Bearer {shop.key}\r\n\r\n"
        )
        client.sendall(head.encode() + b"x" * 4_000_000)
        eventually(lambda: list((folder / "parts").glob(".upload-*")), "the upload's hidden file")
        shop.kill()
    shop.start()
    assert sorted(path.name for path in (folder / "parts").iterdir()) == [SHEET, "arm.gcode"]
    assert (folder / "parts" / "arm.gcode").read_bytes() == PROGRAM
    _, shown = shop.get("/v1/files/local/parts/arm.gcode")
    assert json.loads(shown)["user"] == "admin"
