"""A whole house for print tests: `callboard serve`, and a `callboard virtual-printer` on a pseudo terminal.

Both are processes of their own; what happens is read from the log over HTTP, as anybody would.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.serving import Server, eventually, serving

PATIENCE = 60.0
NAME = "mk3"


@dataclass
class PrintHouse:
    """A server with one printer."""

    server: Server
    folder: Path
    options: tuple[str, ...] = ()
    printer: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def port(self) -> Path:
        """Where the printer is plugged in."""
        return self.folder / "ttyVIRTUAL"

    def plug_in(self, *options: str) -> None:
        """Start the printer and wait until its port is there."""
        output = (self.folder / "printer.out").open("ab")
        with output:
            self.printer = subprocess.Popen(
                [sys.executable, "-m", "callboard", "virtual-printer", "--link", str(self.port), *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        eventually(self.port.exists, "the virtual printer's port")

    def unplug(self) -> None:
        """Kill the printer: its port vanishes without a word."""
        if self.printer is not None:
            self.printer.kill()
            self.printer.wait()
            self.printer = None
            self.port.unlink(missing_ok=True)

    # Asking

    def ask(self, verb: str, **data: Any) -> str:
        """Ask the printer for something; returns what came of it, which must be a success."""
        outcome = self.try_(verb, **data)
        assert outcome["success"], outcome
        return str(outcome["message"])

    def try_(self, verb: str, **data: Any) -> dict[str, Any]:
        """Ask the printer for something; returns the reply's data."""
        event = {"topic": f"callboard.printer.{verb}", "data": {"printer": NAME, **data}}
        status, body = self.server.post("/v1/requests", {"event": event, "timeout": 30})
        assert status == 200, body
        (reply,) = json.loads(body)["replies"]
        data = reply["event"]["data"]
        assert isinstance(data, dict)
        return data

    def upload(self, path: str, text: str | bytes, query: str = "") -> None:
        """Put a file into the local storage."""
        content = text.encode() if isinstance(text, str) else text
        status, body = self.server.ask("PUT", f"/v1/files/local/{quote(path)}{query}", content, {})
        assert status in {200, 201}, body

    def download(self, path: str) -> bytes:
        status, body = self.server.get(f"/v1/files/{path}")
        assert status == 200, body
        return body

    # Looking back

    def here(self) -> str:
        """Return the log's newest position, to look at what comes behind it."""
        status, body = self.server.get("/v1/log")
        assert status == 200, body
        return str(json.loads(body)["last"])

    def events(self, since: str, expression: str = "topic=octoprint.*") -> list[dict[str, Any]]:
        """Return the entries behind `since`, oldest first."""
        found: list[dict[str, Any]] = []
        while True:
            query = f"expression={quote(expression)}&after={since}&limit=1000"
            status, body = self.server.get(f"/v1/events?{query}")
            assert status == 200, body
            page = json.loads(body)
            found += page["events"]
            if not page["events"] or page["next"] in {None, since}:
                return found
            since = page["next"]

    def names(self, since: str) -> list[str]:
        """Return the names of the print events behind `since`."""
        return [name(entry) for entry in self.events(since)]

    def until(self, event: str, since: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until a print event has come `count` times behind `since`; returns all entries since."""

        def come() -> list[dict[str, Any]]:
            found = self.events(since)
            return found if [name(entry) for entry in found].count(event) >= count else []

        try:
            return eventually(come, event, PATIENCE)
        except AssertionError as error:
            raise AssertionError(f"{error}; there came {self.names(since)}; {self.tail()}") from None

    def tail(self) -> str:
        """Return the last lines of what both processes said."""
        return self.server.output[-2000:] + (self.folder / "printer.out").read_text()[-1000:]


def name(entry: dict[str, Any]) -> str:
    """Return the event's name without `octoprint.`."""
    return str(entry["event"]["topic"]).removeprefix("octoprint.")


@contextlib.contextmanager
def print_house(
    folder: Path, printer: str = "", options: Sequence[str] = ("--speed", "50"), more: str = ""
) -> Iterator[PrintHouse]:
    """Give a house whose printer is plugged in; `printer` is YAML of its section, indented by four."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "printer.out").touch()
    config = folder / "callboard.yaml"
    port = folder / "ttyVIRTUAL"
    config.write_text(
        f"printers:\n  - name: {NAME}\n    port: {port}\n    tags: [left-wall]\n{printer}{more}"
    )
    house = PrintHouse(Server(folder / "data"), folder)
    try:
        house.plug_in(*options)
        with serving(folder / "data", "--config", str(config)) as server:
            house.server = server
            yield house
    finally:
        house.unplug()
